"""The rows of one bucket of silver, all of them or those of some customers, in silver's order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu.keys import find
from qfb_gpu.lake.delta import partition_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_KEY = "customer_key"


def read_bucket(
    table_dir: Path,
    bucket: int,
    columns: Sequence[str] | None = None,
    coded: Sequence[str] = (),
    customers: Any = None,
) -> pa.Table | None:
    """Return the rows of a bucket in the order of silver; None where it has no file.

    Parameters
    ----------
    table_dir : Path
    bucket : int
    columns : sequence of str, optional
        In this order; all without.
    coded : sequence of str
        Text columns that stay dictionaries, as they are in the file.
    customers : int64 NumPy array, optional
        Keys: only rows of these customers.
    """
    files = partition_files(table_dir, "bucket", str(bucket))
    if not files:
        return None
    return pa.concat_tables([_rows(path, columns, coded, customers) for path in files])


def _rows(path: Path, columns: Sequence[str] | None, coded: Sequence[str], customers: Any) -> Any:
    file = pq.ParquetFile(path, read_dictionary=list(coded))
    names = list(columns) if columns is not None else file.schema_arrow.names
    if customers is None:
        return file.read(columns=names)
    row = _rows_of(file, customers)
    return file.read(columns=names).take(pa.array(row))


def _rows_of(file: pq.ParquetFile, customers: Any) -> Any:
    """Return which rows are of some customers, ascending."""
    keys = file.read(columns=[_KEY]).column(0).to_numpy()
    return np.flatnonzero(find(np.sort(customers), keys, np)[1])
