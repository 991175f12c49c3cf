"""Reading gold columns, and the few aggregations that every part of the page uses."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.report.figures.reading import columns_there, of_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qfb_gpu.report.figures.reading import Read

_Key = TypeVar("_Key")

UNKNOWN = "not given"
"""How a null label is shown."""


def column(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a column with dictionaries decoded, so that every kernel takes it."""
    values = table.column(name)
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def called(read: Read, customers: Iterable[str]) -> dict[str, str]:
    """Return the names of some customers, where the run had them."""
    wanted, columns = pa.array(sorted({*customers}), pa.string()), ["customer_id", "name"]
    if not len(wanted) or columns_there(read, "customer_profiles", columns) != columns:
        return {}

    def known(part: pa.Table) -> list[dict[str, Any]]:
        return part.filter(pc.is_in(column(part, "customer_id"), wanted)).to_pylist()

    rows = of_parts(read, "customer_profiles", columns, known) or []
    return {row["customer_id"]: row["name"] for part in rows for row in part if row["name"]}


def numbers(table: pa.Table, name: str, null: float = 0) -> np.ndarray[Any, Any]:
    """Return a numeric or bool column as a NumPy array, nulls as ``null``."""
    values = column(table, name)
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    return np.asarray(pc.fill_null(values, pa.scalar(null, values.type)))


def equal(table: pa.Table, name: str, value: str) -> np.ndarray[Any, Any]:
    """Return which rows have a value, nulls not: bool, shape (n_rows,)."""
    return np.asarray(pc.fill_null(pc.equal(column(table, name), value), False))  # noqa: FBT003


def codes(table: pa.Table, name: str) -> tuple[np.ndarray[Any, Any], list[str]]:
    """Return each row's label as a number, nulls as -1, and the labels in the order they come."""
    found = column(table, name).combine_chunks().dictionary_encode()
    return np.asarray(pc.fill_null(found.indices, -1)), found.dictionary.to_pylist()


def day_numbers(values: pa.ChunkedArray, null: int) -> np.ndarray[Any, Any]:
    """Return dates as int64 days since 1970-01-01, nulls as ``null``."""
    days = pc.cast(pc.cast(values, pa.date32()), pa.int32())
    return np.asarray(pc.fill_null(days, null)).astype(np.int64)


def labels(values: pa.ChunkedArray) -> Counter[str]:
    """Return how often each distinct value is there, as text, nulls as not given."""
    counted = pc.value_counts(values)
    found: Counter[str] = Counter()
    for label, number in zip(
        counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True
    ):
        found[UNKNOWN if label is None or label == "" else str(label)] += int(number)
    return found


def most_first(counts: Iterable[Counter[str]]) -> list[tuple[str, int]]:
    """Return the sum of counts of labels, most first."""
    return sorted(added(counts).items(), key=lambda item: (-item[1], item[0]))


def added(counts: Iterable[Counter[_Key]]) -> Counter[_Key]:
    """Return the sum of counts; keys in the order in which they came."""
    whole: Counter[_Key] = Counter()
    for one in counts:
        whole.update(one)
    return whole


def exchange(known: Counter[_Key], gone: Counter[_Key], come: Counter[_Key]) -> Counter[_Key]:
    """Return counts with some taken out and others put in; without those that come to nothing."""
    whole = added([known, come])
    whole.subtract(gone)
    return Counter({key: n for key, n in whole.items() if n})


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


def kinds(table: pa.Table, names: list[str]) -> Counter[tuple[Any, ...]]:
    """Return how many rows have each combination of values of some columns."""
    return Counter({tuple(row[name] for name in names): row["n"] for row in sums(table, names, [])})


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
