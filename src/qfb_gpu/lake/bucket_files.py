"""One bucket of silver: what it has, what comes, what goes; a file is written for it.

A bucket that few rows come to keeps its file and gets a small one beside it
(:mod:`qfb_gpu.lake.additions`); every other one is written anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import InputError
from qfb_gpu.lake import additions, compare, measures, silver
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
        Its new file; None where no row is left, or where its files are as they would be anew.
    drops : list of Path
        Files that are no longer of the bucket.
    schema : Arrow schema or None
    rejects : Arrow table of gold ``rejects``, or None
    counts : Counter of measures of ``data_quality``
    profile : dict or None
        See :mod:`qfb_gpu.lake.measures`; of the rows that came where ``is_more``.
    is_more : bool
        Whether the bucket keeps rows in other files.
    customers : int64 array or None
        Keys of the customers whose rows are not what they were; None where that is not known.
    """

    bucket: int
    customers: Any
    part: PartFile | None = None
    schema: pa.Schema | None = None
    rejects: pa.Table | None = None
    counts: Counter[str] = field(default_factory=Counter)
    profile: dict[str, Any] | None = None
    is_more: bool = False
    drops: list[Path] = field(default_factory=list)

    @property
    def stays(self) -> bool:
        """Whether its files hold already what it should have."""
        return self.part is None and self.profile is not None


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
        Whether there are rows that stay; if not, all come anew.
    there : dict of bucket to list of Path or None
        The files of the version before, the oldest first: of rows that stay, or of those that new
        rows are compared with. None where there is nothing to compare with.
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
    there: dict[int, list[Path]] | None = None

    def buckets(self) -> list[int]:
        """Return the buckets that may not stay as they are, ascending."""
        found = {*self.added.buckets(), *self.leaving.buckets}
        return sorted(found if self.keeps else found | {*(self.there or ())})

    def write(self, bucket: int) -> Written:
        """Merge what a bucket has with what comes and goes, and write its file."""
        files = (self.there or {}).get(bucket, [])
        new = _tables(self.added.read(bucket))
        is_mere = self.keeps and bucket not in self.leaving.buckets and not self.sums.any()
        if is_mere and additions.are_few(files, sum(table.num_rows for table in new)):
            done = self._add(bucket, files, new)
            if done is not None:
                return done
        return self._anew(bucket, files, new)

    def _add(self, bucket: int, files: list[Path], new: list[pa.Table]) -> Written | None:
        """Write a file of the rows that come; None where others do not stay as they are."""
        done, table = self._merged(bucket, new)
        done.customers = keys_of([table.column("customer_id") for table in new])
        places = additions.places_of(files, table, self.schema)
        if places is None:
            return None
        done.profile = measures.profile(table, self.schema)
        done.is_more = True
        if len(files) > additions.MOST_FILES:
            table, places = additions.together(files, table, places)
            done.drops = files[1:]
        table = additions.with_places(table, places)
        done.part = silver.write_bucket(self.table_dir, bucket, self.version, table, "-more")
        return done

    def _anew(self, bucket: int, files: list[Path], new: list[pa.Table]) -> Written:
        """Write all rows of a bucket."""
        if bucket in self.leaving.back:
            new = [*new, *_tables([self.leaving.back[bucket]])]
        leave = _tables(self.removed.read(bucket))
        tables = [*new, *self._kept(files)]
        if leave:
            tables = subtract(tables, leave, self.schema)
        tables = [table for table in tables if table.num_rows]
        if not tables:
            return Written(bucket, self._who(None, files)[0], drops=files)
        done, table = self._merged(bucket, tables)
        if self.keeps and bucket in self.leaving.buckets:
            table = silver.without_unused(table)  # who left is in no file any more
        done.profile = measures.profile(table, self.schema)
        done.customers, is_same = self._who(table, files)
        if not is_same:
            done.part = silver.write_bucket(self.table_dir, bucket, self.version, table)
            done.drops = files
        return done

    def _who(self, table: pa.Table | None, files: list[Path]) -> tuple[Any, bool]:
        """Return whose rows differ from those in files, and whether the files can stay."""
        if self.there is None:
            return None, False
        try:
            return compare.different(table, files)
        except (OSError, pa.ArrowException, InputError):
            if self.keeps:
                raise
            return None, False  # what cannot be read is replaced, as by a lake's first ingest

    def _merged(self, bucket: int, tables: list[pa.Table]) -> tuple[Written, pa.Table]:
        """Return rows merged, in the columns of silver."""
        rows = Rows([table.select(tables[0].column_names) for table in tables])
        merged = merge(rows, self.schema, self.sums, self.files)
        table = silver.silver_table(rows, merged.order, self.schema)
        return Written(bucket, None, None, table.schema, merged.rejects, merged.counts), table

    def _kept(self, files: list[Path]) -> list[pa.Table]:
        """Return the rows of silver that stay."""
        if not files or not self.keeps:
            return []
        old = silver.read_spilled(files)
        if not self.leaving.files:
            return [old]
        numbers = pa.array(sorted(self.leaving.files), pa.int32())
        return [old.filter(pc.invert(pc.is_in(old.column("source_file"), numbers)))]


def _tables(batches: list[pa.RecordBatch]) -> list[pa.Table]:
    return [pa.Table.from_batches([batch]) for batch in batches]
