"""One bucket of silver made anew: what it has, what comes, what goes; its file is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.lake import measures, silver
from qfb_gpu.lake.leaving import subtract
from qfb_gpu.lake.merge import merge
from qfb_gpu.lake.rows import Rows
from qfb_gpu.lake.touched import keys_of

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.lake.delta import PartFile
    from qfb_gpu.lake.leaving import Leaving
    from qfb_gpu.lake.spill import Spill
    from qfb_gpu.schema import Table


@dataclass(slots=True)
class Written:
    """What became of one bucket.

    Attributes
    ----------
    bucket : int
    part : PartFile or None
        Its new file; None where no row is left.
    schema : Arrow schema or None
    rejects : Arrow table of gold ``rejects``, or None
    counts : Counter of measures of ``data_quality``
    profile : dict or None
        See :mod:`qfb_gpu.lake.measures`.
    customers : int64 array
        Keys of the customers that got or lost rows.
    """

    bucket: int
    customers: Any
    part: PartFile | None = None
    schema: pa.Schema | None = None
    rejects: pa.Table | None = None
    counts: Counter[str] = field(default_factory=Counter)
    profile: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class BucketWriter:
    """Writes buckets of one version of silver; threads may share it.

    Attributes
    ----------
    table_dir : Path
    schema : Table
    version : int
        Of the table to make.
    files : list of str
        Names of the source's files, by number.
    sums : array of bool, shape (n_files,)
        Whether a file's rows may be lines of one payment.
    added, removed : Spill
        Rows that come, and rows that go by their content.
    leaving : Leaving
        Rows that go by the number of their file.
    keeps : bool
        Whether there are rows that stay.
    """

    table_dir: Path
    schema: Table
    version: int
    files: list[str]
    sums: Any
    added: Spill
    removed: Spill
    leaving: Leaving
    keeps: bool

    def write(self, bucket: int) -> Written:
        """Merge what a bucket has with what comes and goes, and write its file."""
        new = _tables(self.added.read(bucket))
        if bucket in self.leaving.back:
            new += _tables([self.leaving.back[bucket]])
        leave = _tables(self.removed.read(bucket))
        stays, gone = self._kept(bucket)
        customers = self._customers([*new, *gone, *leave])
        tables = [*new, *stays]
        if leave:
            tables = subtract(tables, leave, self.schema)
        tables = [table for table in tables if table.num_rows]
        if not tables:
            return Written(bucket, customers)
        rows = Rows([table.select(tables[0].column_names) for table in tables])
        merged = merge(rows, self.schema, self.sums, self.files)
        if self.keeps and merged.losers.size:  # a key need not hold the customer
            customers = np.union1d(customers, rows.key("customer_id")[merged.losers])
        table = silver.silver_table(rows, merged.order, self.schema)
        part = silver.write_bucket(self.table_dir, bucket, self.version, table)
        about = measures.profile(table, self.schema)
        return Written(bucket, customers, part, table.schema, merged.rejects, merged.counts, about)

    def _kept(self, bucket: int) -> tuple[list[pa.Table], list[pa.Table]]:
        """Return the rows of silver that stay and those that go by the number of their file."""
        old = silver.read_spilled(self.table_dir, bucket) if self.keeps else None
        if old is None:
            return [], []
        if not self.leaving.files:
            return [old], []
        numbers = pa.array(sorted(self.leaving.files), pa.int32())
        goes = pc.is_in(old.column("source_file"), numbers)
        return [old.filter(pc.invert(goes))], [old.filter(goes)]

    def _customers(self, tables: list[pa.Table]) -> Any:
        """Return who is touched; nobody is told apart where everything is new."""
        return keys_of([table.column("customer_id") for table in tables] if self.keeps else [])


def _tables(batches: list[pa.RecordBatch]) -> list[pa.Table]:
    return [pa.Table.from_batches([batch]) for batch in batches]
