"""Whose rows differ where a bucket is written anew, by content.

Rows of silver are in an order that follows from their values, so the rows of a customer who has as
many as before stand opposite each other: columns are compared place by place. Which file and line
a row came from is no content: no gold table is made of it. An id that silver keeps a key of, 64
bits, is compared by that key, as it is everywhere else.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qfb_gpu.keys import distinct, find
from qfb_gpu.lake.bucket_read import PLACE, order_of_files
from qfb_gpu.lake.rows import group_starts

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.lake.manifest import Manifest

_KEY = "customer_key"
_ORIGIN = ("source_file", "source_row")
_NUMBER_OF = {
    "customer_id": _KEY, "counterparty_id": "counterparty_key", "txn_id": "txn_key",
    "description": "description_key", "direction": "direction_code", "currency": "currency_code",
}  # fmt: skip
"""Texts, and the numbers beside them that say the same."""
_NULL, _NONE = -1, -2
"""Codes of null, and of a text that the other dictionary lacks."""


def why_not(before: Manifest, after: Manifest) -> str:
    """Return why silver made anew is not compared with what it was; empty where it can be."""
    if _shape(before.settings) != _shape(after.settings):
        return "its mapping or its preparation changed"
    if before.n_buckets != after.n_buckets:
        return f"it is kept in {after.n_buckets} buckets now, not in {before.n_buckets}"
    return ""


def _shape(settings: dict[str, Any]) -> str:
    """Return settings as text, but for tables that are looked up: they change the rows alone."""
    return json.dumps({n: one for n, one in settings.items() if n != "looked up"}, sort_keys=True)


def different(new: pa.Table | None, files: list[Path]) -> tuple[Any, bool]:
    """Return whose rows of a bucket are not what they were.

    Parameters
    ----------
    new : pyarrow.Table or None
        All rows that the bucket has now, in the columns and in the order of silver.
    files : list of Path
        What it was, the oldest first; none where it is new.

    Returns
    -------
    customers : int64 array, ascending, each once
        Keys of the customers who came, went, or have a row that they had not, or lack one.
    is_same : bool
        Whether nobody has, and all rows come from the same files and lines: ``files`` will do.
    """
    keys = np.zeros(0, np.int64) if new is None else new.column(_KEY).to_numpy()
    if not files:
        return distinct(keys, np), False
    old = _Old(files)
    before = old.column(_KEY).to_numpy()
    if new is None or {*new.column_names} != old.names:
        return distinct(np.concatenate([keys, before]), np), False
    gone, came, now, then = _opposite(keys, before)
    opposite = keys if now is None else keys[now]
    changed = np.zeros(opposite.size, bool)
    for name in _content(new.column_names):
        one, other = _one(new.column(name)), old.column(name)
        changed |= _differ(_opposite_to(one, now), _opposite_to(other, then))
    customers = distinct(np.concatenate([gone, came, opposite[changed]]), np)
    is_same = not customers.size and not any(
        _differ(_one(new.column(name)), old.column(name)).any() for name in _ORIGIN
    )
    return customers, is_same


class _Old:
    """A bucket's files, column by column in the order of silver."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files
        opened = [pq.ParquetFile(path) for path in files]
        self.names = {*opened[0].schema_arrow.names} - {PLACE}
        self._order = pa.array(order_of_files(opened)) if len(files) > 1 else None

    def column(self, name: str) -> pa.Array:
        """Return a column; a text that is a dictionary in the first file stays one."""
        parts = [pq.ParquetFile(f, read_dictionary=self._coded(name)) for f in self._files]
        column = _one(pa.chunked_array([_one(f.read(columns=[name]).column(0)) for f in parts]))
        return column if self._order is None else column.take(self._order)

    def _coded(self, name: str) -> list[str]:
        about = pq.read_metadata(self._files[0])
        stored = about.row_group(0).column(about.schema.names.index(name)).encodings
        return [name] if "RLE_DICTIONARY" in stored else []


def _one(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.unify_dictionaries().combine_chunks()


def _opposite(now: Any, then: Any) -> tuple[Any, Any, Any, Any]:
    """Find the rows of customers who have as many as they had.

    Returns
    -------
    gone, came : int64 array
        Keys of those who have none any more, and of those who have another number.
    of_now, of_then : bool array a row, or None
        Rows that stand opposite each other; None, None where all do.
    """
    if np.array_equal(now, then):
        return now[:0], now[:0], None, None
    (keys, counts), (keys_then, counts_then) = _counted(now), _counted(then)
    place, is_there = find(keys_then, keys, np)
    is_there &= counts_then[place] == counts if keys_then.size else False
    has_as_many = np.zeros(keys_then.size, bool)
    has_as_many[place[is_there]] = True
    of_now, of_then = np.repeat(is_there, counts), np.repeat(has_as_many, counts_then)
    return keys_then[~has_as_many], keys[~is_there], of_now, of_then


def _counted(keys: Any) -> tuple[Any, Any]:
    """Return the distinct keys of ascending ones, and how often each is there."""
    first = np.flatnonzero(group_starts([keys]))
    return keys[first], np.diff(np.append(first, keys.size))


def _content(names: list[str]) -> list[str]:
    """Return the columns that say all of a row but where it came from."""
    told = {text for text, number in _NUMBER_OF.items() if number in names}
    return [name for name in names if name not in told and name not in (_KEY, *_ORIGIN)]


def _opposite_to(column: pa.Array, picked: Any) -> pa.Array:
    return column if picked is None else column.filter(pa.array(picked))


def _differ(new: pa.Array, old: pa.Array) -> Any:
    """Return a bool a row: the two values are not the same to the bit, or one of them is null."""
    if pa.types.is_dictionary(new.type) and pa.types.is_dictionary(old.type):
        place = pc.index_in(old.dictionary, new.dictionary).fill_null(_NONE)
        codes = np.append(place.to_numpy(), _NULL)[old.indices.fill_null(-1).to_numpy()]
        return new.indices.fill_null(_NULL).to_numpy() != codes
    new, old = (
        one.dictionary_decode() if pa.types.is_dictionary(one.type) else one for one in (new, old)
    )
    if new.type != old.type:
        return np.ones(len(new), bool)
    if pa.types.is_floating(new.type):
        bits = pa.type_for_alias(f"int{new.type.bit_width}")
        new, old = new.view(bits), old.view(bits)
    if new.equals(old):
        return np.zeros(len(new), bool)
    unequal = pc.not_equal(new, old).fill_null(False)  # noqa: FBT003
    lacks = pc.xor(new.is_null(), old.is_null())
    return pc.or_(unequal, lacks).to_numpy(zero_copy_only=False)
