"""The rows of one bucket of silver, all of them or those of some customers, in silver's order.

A bucket is a sorted file and perhaps a few small ones of rows that came later. Each of those says
in a column of its own, :data:`PLACE`, where its rows belong: before which row of what the files
before it hold together. So any columns can be put in order without the ones that order them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu.keys import distinct
from qfb_gpu.lake import pages
from qfb_gpu.lake.delta import open_file, partition_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PLACE = "silver_place"
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
    return read_files(files, columns, coded, customers) if files else None


def read_files(
    files: list[Path],
    columns: Sequence[str] | None = None,
    coded: Sequence[str] = (),
    customers: Any = None,
) -> pa.Table:
    """Return the rows of a bucket by its files, the oldest first; see :func:`read_bucket`."""
    opened = [open_file(path, list(coded)) for path in files]
    names = list(columns) if columns is not None else opened[0].schema_arrow.names
    if customers is not None:
        return _of_customers(opened, files, names, coded, distinct(customers, np))[0]
    tables = [nullable(file.read(columns=names)) for file in opened]
    if len(files) == 1:
        return tables[0]
    together = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    return together.take(pa.array(order_of_files(opened)))


def nullable(table: pa.Table) -> pa.Table:
    """Return the same columns under a schema that does not depend on which have nulls."""
    schema = pa.schema([pa.field(f.name, f.type) for f in table.schema])
    return pa.Table.from_arrays(table.columns, schema=schema)


def read_near(
    files: list[Path], columns: Sequence[str], customers: Any
) -> tuple[pa.Table, Any, Any]:
    """Return the rows of some customers of a bucket, and where they are.

    Parameters
    ----------
    files : list of Path
    columns : sequence of str
    customers : int64 NumPy array, shape (n_customers,), ascending
        Keys.

    Returns
    -------
    rows : pyarrow.Table
    places : int64 array
        Of each row among all of the bucket.
    first : int64 array, shape (n_customers,)
        Where a customer's rows begin, or would.
    """
    return _of_customers([open_file(path) for path in files], files, columns, (), customers)


def rows_of(customers: Any, keys: Any) -> tuple[Any, Any]:
    """Return the rows of some customers where rows ascend by customer key.

    Parameters
    ----------
    customers : int64 NumPy array, shape (n_customers,), ascending
        Keys.
    keys : int64 NumPy array, shape (n_rows,), ascending
        Of each row's customer.

    Returns
    -------
    rows : int64 array, ascending
    first : int64 array, shape (n_customers,)
        Where a customer's rows begin, or would.
    """
    first = np.searchsorted(keys, customers)
    counts = np.searchsorted(keys, customers, "right") - first
    rows = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return rows, first


def _of_customers(
    files: list[pq.ParquetFile],
    paths: list[Path],
    columns: Sequence[str],
    coded: Sequence[str],
    wanted: Any,
) -> tuple[pa.Table, Any, Any]:
    """Read rows of some customers; only those are put together and in order."""
    tables: list[pa.Table] = []
    places: list[Any] = []
    first = np.zeros(wanted.size, np.int64)
    for number, (file, path) in enumerate(zip(files, paths, strict=True)):
        keys = file.read(columns=[_KEY]).column(0).to_numpy()
        picked, begin = rows_of(wanted, keys)
        tables.append(_rows(file, path, columns, coded, picked))
        first += begin
        if number:  # rows that come make room for themselves
            come = file.read(columns=[PLACE]).column(0).to_numpy()
            places = [place + np.searchsorted(come, place, "right") for place in places]
            picked = come[picked] + picked
        places.append(picked)
    if len(files) == 1:
        return tables[0], places[0], first
    together = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    of_row = np.concatenate(places)
    order = np.argsort(of_row)
    return together.take(pa.array(order)), of_row[order], first


def _rows(
    file: pq.ParquetFile, path: Path, columns: Sequence[str], coded: Sequence[str], rows: Any
) -> pa.Table:
    """Return some rows of a file; of a large one only pages with such rows are decoded.

    Parameters
    ----------
    rows : int64 NumPy array, ascending
        Numbers of the rows in the file.
    """
    paged = None
    if file.metadata.num_rows >= pages.FEW * pages.ROWS:
        paged = pages.opened(pa.memory_map(str(path)).read_buffer(), columns)
    if paged is None:
        table = file.read(columns=list(columns))
    else:
        number = np.unique(paged.page_of(rows))
        table = paged.read(number.tolist(), columns, coded)
        n_rows = np.diff(paged.starts)
        before = np.cumsum(n_rows[number]) - n_rows[number] - paged.starts[number]
        rows = rows + before[np.searchsorted(number, paged.page_of(rows))]
    return nullable(table).take(pa.array(rows))


def order_of_files(files: list[pq.ParquetFile]) -> Any:
    """Return the order of a bucket's rows, numbered through its files: int64, shape (n_rows,)."""
    order = np.arange(files[0].metadata.num_rows)
    for file in files[1:]:
        places = file.read(columns=[PLACE]).column(0).to_numpy()
        order = np.insert(order, places, order.size + np.arange(places.size))
    return order


def n_rows_of(path: Path) -> int:
    """Return how many rows a file has."""
    return int(open_file(path).metadata.num_rows)
