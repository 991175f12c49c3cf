"""The rows of one bucket as arrays: texts as codes, hashes and ranks; everything sortable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.lake.texts import Coded, hash_texts

if TYPE_CHECKING:
    from collections.abc import Callable

NULL_KEY = 0


class Rows:
    """Columns of a bucket by name, in spill layout; sets of rows are index arrays."""

    def __init__(self, tables: list[pa.Table]) -> None:
        table = tables[0]
        if len(tables) > 1 or any(column.num_chunks != 1 for column in table.columns):
            table = pa.concat_tables(_alike(tables)).unify_dictionaries().combine_chunks()
        self.n_rows = table.num_rows
        self.arrow = {name: _one_chunk(table.column(name)) for name in table.column_names}
        self.coded = {
            name: Coded(_codes(values), values.dictionary)
            for name, values in self.arrow.items()
            if pa.types.is_dictionary(values.type)
        }
        self._keys: dict[str, Any] = {}
        self._value_keys: dict[str, Any] = {}

    def number(self, name: str) -> Any:
        """Return a column that is not text as int64-like numbers; null is the smallest."""
        values = self.arrow[name]
        kind = values.type
        if pa.types.is_floating(kind):
            return values.fill_null(-np.inf).to_numpy()
        if pa.types.is_boolean(kind):
            values = values.cast(pa.int8())
        elif pa.types.is_date32(kind):
            values = values.view(pa.int32())
        if values.null_count:
            values = values.cast(pa.int64()).fill_null(-(2**63))
        return values.to_numpy()

    def set_number(self, name: str, numbers: Any) -> None:
        """Replace a column that is not text and has no nulls."""
        self.arrow[name] = pa.array(numbers)

    def set_coded(self, name: str, coded: Coded, keys: Any) -> None:
        """Add a coded text column whose distinct texts have keys of their own."""
        self.coded[name] = coded
        self.arrow[name] = coded.to_arrow()
        self._value_keys[name] = np.append(keys, NULL_KEY)

    def value_keys(self, name: str) -> Any:
        """Return the hash of each distinct text of a coded column, then of null."""
        if name not in self._value_keys:
            self._value_keys[name] = np.append(hash_texts(self.coded[name].values), NULL_KEY)
        return self._value_keys[name]

    def key(self, name: str) -> Any:
        """Return the hash of a text column, int64 a row; 0 where null."""
        if name not in self._keys:
            if name in self.coded:
                self._keys[name] = self.value_keys(name)[self.coded[name].codes]
            else:
                hashed = hash_texts(self.arrow[name])
                if self.arrow[name].null_count:
                    hashed[np.asarray(self.arrow[name].is_null())] = NULL_KEY
                self._keys[name] = hashed
        return self._keys[name]

    def keys_of(self, name: str, taken: pa.Array, take: Callable[[pa.Array], pa.Array]) -> pa.Array:
        """Return the keys of some rows of a text column, from what ``take`` made of the column."""
        if name not in self.coded:
            return take(pa.array(self.key(name)))
        return pa.array(self.value_keys(name)[_codes(taken)])

    def sortable(self, name: str, among: Any) -> Any:
        """Return numbers that sort like some rows of any column: texts by their bytes."""
        values = self.arrow[name].take(pa.array(among))
        if name not in self.coded and not pa.types.is_string(values.type):
            return self.number(name)[among]
        if name not in self.coded:
            values = values.dictionary_encode()
        order = np.asarray(pc.sort_indices(values.dictionary))
        ranks = np.empty(order.size + 1, np.int32)
        ranks[order] = np.arange(order.size, dtype=np.int32)
        ranks[-1] = -1
        return ranks[_codes(values)]

    def replace_texts(self, name: str, rows: Any, texts: pa.Array, keys: Any) -> None:
        """Set some rows of a text column that is not coded, and their hashes."""
        mask = np.zeros(self.n_rows, bool)
        mask[rows] = True
        order = np.argsort(rows)
        self.arrow[name] = pc.replace_with_mask(
            self.arrow[name], pa.array(mask), texts.take(pa.array(order))
        )
        hashed = self.key(name).copy()
        hashed[rows] = keys
        self._keys[name] = hashed


def fixed(values: Any) -> Any:
    """Return an array that is not written to: kernels are compiled for one kind."""
    view = values.view()
    view.flags.writeable = False
    return view


def order_by(columns: list[Any]) -> Any:
    """Return the order that sorts by the first column, then the next, ..."""
    return np.lexsort(columns[::-1])


def group_starts(columns: list[Any]) -> Any:
    """Return a bool a row: whether it differs from the one before in one of the columns."""
    starts = np.zeros(columns[0].size, bool)
    starts[:1] = True
    for values in columns:
        starts[1:] |= values[1:] != values[:-1]
    return starts


def _alike(tables: list[pa.Table]) -> list[pa.Table]:
    """Make a text column plain in all tables where it is plain in one."""
    types = [dict(zip(t.schema.names, t.schema.types, strict=True)) for t in tables]
    plain = {name for kinds in types for name, kind in kinds.items() if pa.types.is_string(kind)}
    return [
        table.cast(pa.schema([(n, pa.string() if n in plain else t) for n, t in kinds.items()]))
        if any(kinds[name] != pa.string() for name in plain)
        else table
        for table, kinds in zip(tables, types, strict=True)
    ]


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.combine_chunks() if column.num_chunks else pa.array([], column.type)


def _codes(values: pa.DictionaryArray) -> Any:
    indices = values.indices
    if indices.null_count:
        indices = indices.fill_null(-1)
    return indices.to_numpy().astype(np.int32, copy=False)
