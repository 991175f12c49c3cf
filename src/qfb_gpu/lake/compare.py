"""Whose rows differ where a bucket is written anew, by content.

Rows of silver are in an order that follows from their values, so the rows of a customer who has as
many as before stand opposite each other: columns are compared place by place. Which file and line
a row came from is no content: no gold table is made of it. An id that silver keeps a key of, 64
bits, is compared by that key, as it is everywhere else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
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
_FEW_RUNS = 256
"""More are not compared one by one."""


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
    alone, runs = _opposite(keys, before)
    changed: Any = np.zeros(runs.n_rows, bool)
    for name in _content(new.column_names):
        one, other = _alike(_one(new.column(name)), old.column(name))
        sides = zip(runs.of_now(one), runs.of_then(other), strict=True)
        changed |= np.concatenate([changed[:0], *(_differ(*pair) for pair in sides)])
    of_row = np.concatenate([keys[:0], *(run.to_numpy() for run in runs.of_now(pa.array(keys)))])
    customers = distinct(np.concatenate([alone, of_row[changed]]), np)
    is_same = not customers.size and not any(
        _differ(_one(new.column(name)), old.column(name)).any() for name in _ORIGIN
    )
    return customers, is_same


class _Old:
    """A bucket's files, column by column in the order of silver."""

    def __init__(self, files: list[Path]) -> None:
        about = pq.read_metadata(files[0])
        columns = [about.row_group(0).column(i) for i in range(about.num_columns)]
        coded = [c.path_in_schema for c in columns if "RLE_DICTIONARY" in c.encodings]
        self._files = [pq.ParquetFile(path, read_dictionary=coded) for path in files]
        self._order = pa.array(order_of_files(self._files)) if len(files) > 1 else None
        self.names = {c.path_in_schema for c in columns} - {PLACE}

    def column(self, name: str) -> pa.Array:
        """Return a column; a text that is a dictionary in the first file stays one."""
        parts = [_one(file.read(columns=[name]).column(0)) for file in self._files]
        column = _one(pa.chunked_array(parts))
        return column if self._order is None else column.take(self._order)


def _one(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.unify_dictionaries().combine_chunks()


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of rows that stand opposite each other: ``size`` rows from each of the first ones."""

    now: Any
    then: Any
    size: Any

    @property
    def n_rows(self) -> int:
        """Number of rows in all runs."""
        return int(self.size.sum())

    def of_now(self, column: pa.Array) -> list[pa.Array]:
        """Return these rows of a column of now: a piece a run, or all in one."""
        return self._of(column, self.now)

    def of_then(self, column: pa.Array) -> list[pa.Array]:
        """Return these rows of a column of then, in pieces as of now."""
        return self._of(column, self.then)

    def _of(self, column: pa.Array, first: Any) -> list[pa.Array]:
        if first.size <= _FEW_RUNS:
            return [column.slice(*run) for run in np.stack([first, self.size], axis=1).tolist()]
        steps = np.zeros(len(column) + 1, np.int8)
        steps[first] += 1
        steps[first + self.size] -= 1
        return [column.filter(pa.array(np.cumsum(steps[:-1], dtype=np.int8).view(bool)))]


def _opposite(now: Any, then: Any) -> tuple[Any, _Runs]:
    """Return who has not as many rows as before, and the runs of rows of all others.

    ``now`` and ``then`` are the customers' keys row by row, ascending.
    """
    (keys, first, count), (keys_then, first_then, count_then) = _counted(now), _counted(then)
    place, is_there = find(keys_then, keys, np)
    both = np.flatnonzero(is_there)
    both = both[count_then[place[both]] == count[both]]
    place = place[both]
    begins = np.append(True, (np.diff(both) != 1) | (np.diff(place) != 1))[: both.size]
    size = np.add.reduceat(count[both], np.flatnonzero(begins)) if both.size else both
    alone = np.concatenate([np.delete(keys, both), np.delete(keys_then, place)])
    return alone, _Runs(first[both[begins]], first_then[place[begins]], size)


def _counted(keys: Any) -> tuple[Any, Any, Any]:
    """Return the distinct keys of ascending ones, where each begins, and how often it is there."""
    first = np.flatnonzero(group_starts([keys]))
    return keys[first], first, np.diff(np.append(first, keys.size))


def _content(names: list[str]) -> list[str]:
    """Return the columns that say all of a row but where it came from."""
    told = {text for text, number in _NUMBER_OF.items() if number in names}
    return [name for name in names if name not in told and name not in (_KEY, *_ORIGIN)]


def _alike(new: pa.Array, old: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return columns of one kind whose values are equal where those of the two are, to the bit."""
    if pa.types.is_dictionary(new.type) and pa.types.is_dictionary(old.type):
        place = np.append(pc.index_in(old.dictionary, new.dictionary).fill_null(_NONE), _NULL)
        codes = place.astype(np.int32)[old.indices.fill_null(-1).to_numpy()]
        return new.indices.cast(pa.int32()).fill_null(_NULL), pa.array(codes)
    new, old = (
        one.dictionary_decode() if pa.types.is_dictionary(one.type) else one for one in (new, old)
    )
    if pa.types.is_floating(new.type) and new.type == old.type:
        bits = pa.type_for_alias(f"int{new.type.bit_width}")
        return new.view(bits), old.view(bits)
    return new, old


def _differ(new: pa.Array, old: pa.Array) -> Any:
    """Return a bool a row: the values differ, one of them is null, or they are of other kinds."""
    if new.type != old.type:
        return np.ones(len(new), bool)
    if new.equals(old):
        return np.zeros(len(new), bool)
    unequal = pc.not_equal(new, old).fill_null(False)  # noqa: FBT003
    lacks = pc.xor(new.is_null(), old.is_null())
    return pc.or_(unequal, lacks).to_numpy(zero_copy_only=False)
