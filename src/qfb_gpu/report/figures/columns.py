"""Reading gold columns, and the few aggregations that every part of the page uses."""

from __future__ import annotations

from collections import defaultdict
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[str, list[str] | None], pa.Table]

UNKNOWN = "not given"
"""How a null label is shown."""

_ABSENT = (KeyError, FileNotFoundError, InputError, pa.ArrowInvalid)


def read_or_none(read: Read, table: str, columns: list[str]) -> pa.Table | None:
    """Return the columns of a gold table; None where the run has no such table or column.

    Raises
    ------
    Exception
        Whatever ``read`` raises but ``KeyError``, ``FileNotFoundError``, ``InputError`` and
        ``ArrowInvalid``, which say that the table or a column is not there.
    """
    try:
        return read(table, columns).select(columns)
    except _ABSENT:
        return None


def kept(read: Read) -> Read:
    """Return ``read`` for one page: it reads a column once, however many figures ask for it.

    They may ask from several threads.
    """
    tables: dict[str, pa.Table] = {}
    locks: defaultdict[str, Lock] = defaultdict(Lock)

    def read_kept(name: str, columns: list[str] | None) -> pa.Table:
        if columns is None:
            return read(name, None)
        with locks[name]:
            return read_missing(name, columns)

    def read_missing(name: str, columns: list[str]) -> pa.Table:
        there = tables[name].column_names if name in tables else []
        missing = [one for one in dict.fromkeys(columns) if one not in there]
        if missing:
            found = read(name, missing).select(missing)
            for one in there:
                found = found.append_column(one, tables[name].column(one))
            tables[name] = found
        return tables[name].select(columns)

    return read_kept


def column(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a column with dictionaries decoded, so that every kernel takes it."""
    values = table.column(name)
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def called(read: Read, customers: list[str]) -> dict[str, str]:
    """Return the names of some customers, where the run had them."""
    table = read_or_none(read, "customer_profiles", ["customer_id", "name"])
    if table is None or not customers:
        return {}
    known = table.filter(pc.is_in(column(table, "customer_id"), pa.array(customers, pa.string())))
    return {row["customer_id"]: row["name"] for row in known.to_pylist() if row["name"]}


def numbers(table: pa.Table, name: str, null: float = 0) -> np.ndarray[Any, Any]:
    """Return a numeric or bool column as a NumPy array, nulls as ``null``."""
    values = column(table, name)
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    return np.asarray(pc.fill_null(values, pa.scalar(null, values.type)))


def equal(table: pa.Table, name: str, value: str) -> np.ndarray[Any, Any]:
    """Return which rows have a value, nulls not: bool, shape (n_rows,)."""
    return np.asarray(pc.fill_null(pc.equal(column(table, name), value), False))  # noqa: FBT003


def day_numbers(values: pa.ChunkedArray, null: int) -> np.ndarray[Any, Any]:
    """Return dates as int64 days since 1970-01-01, nulls as ``null``."""
    days = pc.cast(pc.cast(values, pa.date32()), pa.int32())
    return np.asarray(pc.fill_null(days, null)).astype(np.int64)


def label_counts(values: pa.ChunkedArray) -> list[tuple[str, int]]:
    """Return each distinct value as text with its count, most first, nulls as not given."""
    counted = pc.value_counts(values)
    labels = [UNKNOWN if v is None or v == "" else str(v) for v in counted.field(0).to_pylist()]
    merged: dict[str, int] = {}
    for label, number in zip(labels, counted.field(1).to_pylist(), strict=True):
        merged[label] = merged.get(label, 0) + int(number)
    return sorted(merged.items(), key=lambda item: (-item[1], item[0]))


def sums(table: pa.Table, keys: list[str], values: list[str]) -> list[dict[str, Any]]:
    """Return one dictionary per group: its keys, ``n`` rows and the sum of each of ``values``."""
    asked: list[Any] = [([], "count_all"), *((name, "sum") for name in values)]
    decoded = pa.table({name: column(table, name) for name in [*keys, *values]})
    grouped = decoded.group_by(keys).aggregate(asked)
    rows: list[dict[str, Any]] = []
    for row in grouped.to_pylist():
        group = {key: row[key] for key in keys}
        totals = {name: row[f"{name}_sum"] or 0 for name in values}
        rows.append({**group, "n": row["count_all"], **totals})
    return rows


def top_rows(values: np.ndarray[Any, Any], limit: int) -> np.ndarray[Any, Any]:
    """Return the rows of the ``limit`` largest values, largest first, ties by row."""
    if values.shape[0] > limit:
        edge = np.partition(values, values.shape[0] - limit)[values.shape[0] - limit]
        above, level = np.flatnonzero(values > edge), np.flatnonzero(values == edge)
        rows = np.concatenate([above, level[: limit - above.shape[0]]])
    else:
        rows = np.arange(values.shape[0])
    return rows[np.argsort(-values[rows], kind="stable")]


def binned(values: np.ndarray[Any, Any], edges: list[float]) -> list[int]:
    """Return how many values fall between each edge (included) and the next."""
    place = np.searchsorted(np.asarray(edges), values, side="right") - 1
    inside = place[(place >= 0) & (place < len(edges) - 1)]
    return [int(n) for n in np.bincount(inside, minlength=len(edges) - 1)]
