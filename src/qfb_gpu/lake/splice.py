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
    from collections.abc import Sequence
    from pathlib import Path

_OWNER = "customer_id"
_FEW = 64
"""Rows between so few customers are not copied; with more, the pieces cost more than the rows."""


def splice(old: Path | None, new: Sequence[Path], customer_keys: np.ndarray, target: Path) -> int:
    """Write a part in which some customers have other rows; return its number of rows.

    Parameters
    ----------
    old : Path or None
        The part as it is published; None where there is none.
    new : sequence of Path
        Together all rows that the customers have now, and perhaps rows of others, which are no
        matter; at least one where ``old`` is None. A column that they lack is taken from the
        customer's first row in ``old``, null where that has none.
    customer_keys : int64 array, ascending
        Hashes of the customers' ids.
    target : Path

    Notes
    -----
    Rows ascend by customer key, as those of a whole night do; a customer's rows keep their order.
    """
    before = None if old is None else _read(old)
    after = [_of(_read(path), customer_keys) for path in new]
    if before is not None:
        after = [_completed(one, before) for one in after]
    else:
        before = after[0].slice(0, 0)
    rows = pa.concat_tables(after or [before.slice(0, 0)]).unify_dictionaries()
    table = _merged(before, rows, customer_keys)
    gold.write_part(target, table)
    return int(table.num_rows)


def _read(path: Path) -> pa.Table:
    """Return a part's rows; texts that repeat stay in their dictionaries."""
    texts = [f.name for f in pq.read_schema(path) if gold.repeats(f)]
    return pq.ParquetFile(path, read_dictionary=texts).read().unify_dictionaries()


def _keys(table: pa.Table) -> np.ndarray:
    """Return the key of each row's customer."""
    column = table.column(_OWNER).combine_chunks()
    hashes = hash_texts(column.dictionary.cast(pa.string()))
    keys: np.ndarray = hashes[column.indices.to_numpy()]
    return keys


def _of(table: pa.Table, customer_keys: np.ndarray) -> pa.Table:
    return table.filter(pa.array(find(customer_keys, _keys(table), np)[1]))


def _ascending(table: pa.Table) -> tuple[pa.Table, np.ndarray]:
    """Return a table with its rows in order of their keys, and the keys."""
    keys = _keys(table)
    if (keys[1:] < keys[:-1]).any():
        order = np.argsort(keys, kind="stable")
        return table.take(pa.array(order)), keys[order]
    return table, keys


def _merged(before: pa.Table, after: pa.Table, customer_keys: np.ndarray) -> pa.Table:
    """Return the rows before, those of some customers replaced."""
    if customer_keys.size > _FEW:
        others = before.filter(pa.array(~find(customer_keys, _keys(before), np)[1]))
        table = pa.concat_tables([others, after]).unify_dictionaries().combine_chunks()
        return table.take(pa.array(np.argsort(_keys(table), kind="stable")))
    (old, old_keys), (new, new_keys) = _ascending(before), _ascending(after)
    pieces, start = [], 0
    for key in customer_keys:
        first, last = np.searchsorted(old_keys, key), np.searchsorted(old_keys, key, side="right")
        begin, end = np.searchsorted(new_keys, key), np.searchsorted(new_keys, key, side="right")
        pieces += [old.slice(start, first - start), new.slice(begin, end - begin)]
        start = last
    table = pa.concat_tables(
        [p for p in (*pieces, old.slice(start)) if p.num_rows] or [old.slice(0, 0)]
    )
    return table.unify_dictionaries()


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
