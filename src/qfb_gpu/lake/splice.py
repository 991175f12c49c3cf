"""Rows of some customers of a gold table's part, put in place of those there were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu.keys import find
from qfb_gpu.lake import gold
from qfb_gpu.lake.delta import open_file
from qfb_gpu.lake.texts import hash_texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_OWNER = "customer_id"
_FEW = 64
"""Rows between so few customers are not copied; with more, the pieces cost more than the rows."""


_FAST = -3
"""Of zstd: a quarter faster, a quarter larger; the next whole night writes every part anew."""


def splice(
    old: Path | None,
    new: Sequence[tuple[pa.Table, np.ndarray]],
    customer_keys: np.ndarray,
    target: Path,
) -> int:
    """Write a part in which some customers have other rows; return its number of rows.

    Parameters
    ----------
    old : Path or None
        The part as it is published; None where there is none.
    new : sequence of (Table, int64 array)
        What :func:`read_new` gives of some parts. Together all rows that the customers have now,
        and perhaps rows of others, which are no matter; at least one where ``old`` is None. A
        column that they lack is taken from the customer's first row in ``old``, null where that
        has none.
    customer_keys : int64 array, ascending
        Hashes of the customers' ids.
    target : Path

    Notes
    -----
    Rows ascend by customer key, as those of a whole night do; a customer's rows keep their order.
    """
    before = None if old is None else read_rows(old)
    after = [_of(table, keys, customer_keys) for table, keys in new]
    if before is not None:
        after = [_completed(one, before) for one in after]
    else:
        before = after[0].slice(0, 0)
    table = _merged(before, after, customer_keys)
    gold.write_part(target, table, level=_FAST)
    return int(table.num_rows)


def read_rows(path: Path) -> pa.Table:
    """Return a part's rows; texts that repeat stay in their dictionaries."""
    metadata = open_file(path).metadata
    texts = [f.name for f in metadata.schema.to_arrow_schema() if gold.repeats(f)]
    file = pq.ParquetFile(path, metadata=metadata, read_dictionary=texts)
    return file.read(use_threads=False).unify_dictionaries()  # a thread has a bucket


def read_new(path: Path) -> tuple[pa.Table, np.ndarray]:
    """Return a part's rows, and the key of each row's customer."""
    table = read_rows(path)
    return table, _keys(table)


def _keys(table: pa.Table) -> np.ndarray:
    """Return the key of each row's customer."""
    column = table.column(_OWNER).combine_chunks()
    hashes = hash_texts(column.dictionary.cast(pa.string()))
    keys: np.ndarray = hashes[column.indices.to_numpy()]
    return keys


def _of(table: pa.Table, keys: np.ndarray, customer_keys: np.ndarray) -> pa.Table:
    return table.filter(pa.array(find(customer_keys, keys, np)[1]))


def _ascending(table: pa.Table) -> tuple[pa.Table, np.ndarray]:
    """Return a table with its rows in order of their keys, and the keys."""
    keys = _keys(table)
    if (keys[1:] < keys[:-1]).any():
        order = np.argsort(keys, kind="stable")
        return table.take(pa.array(order)), keys[order]
    return table, keys


def _merged(before: pa.Table, after: list[pa.Table], customer_keys: np.ndarray) -> pa.Table:
    """Return the rows before, those of some customers replaced; in one chunk."""
    together = pa.concat_tables([before, *after]).unify_dictionaries()  # then pieces share them
    before, new = together.slice(0, before.num_rows), together.slice(before.num_rows)
    if customer_keys.size > _FEW:
        others = before.filter(pa.array(~find(customer_keys, _keys(before), np)[1]))
        table = pa.concat_tables([others, new]).combine_chunks()
        return table.take(pa.array(np.argsort(_keys(table), kind="stable")))
    (old, old_keys), (new, new_keys) = _ascending(before), _ascending(new)
    pieces, start = [], 0
    for key in customer_keys:
        first, last = np.searchsorted(old_keys, key), np.searchsorted(old_keys, key, side="right")
        begin, end = np.searchsorted(new_keys, key), np.searchsorted(new_keys, key, side="right")
        pieces += [old.slice(start, first - start), new.slice(begin, end - begin)]
        start = last
    pieces = [piece for piece in (*pieces, old.slice(start)) if piece.num_rows]
    return pa.concat_tables(pieces or [old.slice(0, 0)]).combine_chunks()


def _completed(after: pa.Table, before: pa.Table) -> pa.Table:
    """Return the new rows in the old columns, what they lack taken from the customer's old row."""
    there = {*after.column_names}
    missing = [name for name in before.column_names if name not in there]
    if missing:
        known, first = np.unique(_keys(before), return_index=True)
        at, is_there = find(known, _keys(after), np)
        row = pa.array(first[at] if first.size else at, mask=~is_there)
        for name in missing:
            after = after.append_column(name, before.column(name).take(row))
    after = after.select(before.column_names)
    return after if after.schema.equals(before.schema) else after.cast(before.schema)
