"""Rows of some customers of a gold table's part, put in place of those there were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu.keys import find
from qfb_gpu.lake import gold
from qfb_gpu.lake.texts import hash_texts

if TYPE_CHECKING:
    from pathlib import Path

_OWNER = "customer_id"


def splice(old: Path | None, new: Path | None, customer_keys: np.ndarray, target: Path) -> int:
    """Write a part in which some customers have other rows; return its number of rows.

    Parameters
    ----------
    old : Path or None
        The part as it is published; None where there is none.
    new : Path or None
        All rows that the customers have now; None where they have none. A column that it lacks is
        taken from the customer's first row in ``old``, null where that has none.
    customer_keys : int64 array, ascending
        Hashes of the customers' ids.
    target : Path

    Notes
    -----
    Rows ascend by customer key, as those of a whole night do; a customer's rows keep their order.
    """
    before = None if old is None else _read(old)
    after = None if new is None else _read(new)
    if before is not None and after is not None:
        after = _completed(after, before)
    if before is not None:
        keys = _keys(before)
        before = before.filter(pa.array(~find(customer_keys, keys, np)[1]))
    table = pa.concat_tables(
        [one for one in (before, after) if one is not None]
    ).unify_dictionaries()
    order = np.argsort(_keys(table), kind="stable")
    gold.write_part(target, table.take(pa.array(order)))
    return int(table.num_rows)


def _read(path: Path) -> pa.Table:
    """Return a part's rows; texts that repeat stay in their dictionaries."""
    texts = [f.name for f in pq.read_schema(path) if gold.repeats(f)]
    return pq.ParquetFile(path, read_dictionary=texts).read()


def _keys(table: pa.Table) -> np.ndarray:
    """Return the key of each row's customer."""
    column = table.column(_OWNER).combine_chunks()
    hashes = hash_texts(column.dictionary.cast(pa.string()))
    keys: np.ndarray = hashes[column.indices.to_numpy()]
    return keys


def _completed(after: pa.Table, before: pa.Table) -> pa.Table:
    """Return the new rows in the old columns, what they lack taken from the customer's old row."""
    missing = [name for name in before.column_names if name not in after.column_names]
    if missing:
        known, first = np.unique(_keys(before), return_index=True)
        at, is_there = find(known, _keys(after), np)
        row = pa.array(first[at] if first.size else at, mask=~is_there)
        for name in missing:
            after = after.append_column(name, before.column(name).take(row))
    return after.select(before.column_names).cast(before.schema)
