"""Compare the tables that two implementations wrote, value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from peers.task import EXACT_FEATURES, FLOAT_FEATURES, KEYS, STREAM_COUNTS, STREAM_FLOATS

if TYPE_CHECKING:
    from pathlib import Path

TOLERANCE = 1e-6
SPECTRUM_TOLERANCE = 1e-4
"""Relative; the transform is in float32."""
TABLES = {
    "streams": (KEYS, STREAM_COUNTS, STREAM_FLOATS),
    "customers": (["customer_id"], ["main_currency", *EXACT_FEATURES], FLOAT_FEATURES),
}


def check_equal(expected: Path, came: Path) -> dict[str, Any]:
    """Compare both tables of two output folders.

    Returns
    -------
    dict
        Rows of each table, values compared, the largest relative difference of a float.

    Raises
    ------
    AssertionError
        Names the table, the column and the first row that differs.
    """
    measures: dict[str, Any] = {"n_values": 0, "largest_difference": 0.0}
    for name, (keys, exact, floats) in TABLES.items():
        left, right = (_table(folder / f"{name}.parquet", keys) for folder in (expected, came))
        measures[f"n_{name}"] = left.num_rows
        measures["n_values"] += left.num_rows * (len(exact) + len(floats))
        for column in [*keys, *exact]:
            _same(left, right, name, column)
        for column in floats:
            difference = _close(left, right, name, column)
            measures["largest_difference"] = max(measures["largest_difference"], difference)
    return measures


def _table(path: Path, keys: list[str]) -> pa.Table:
    table = pq.read_table(path)
    columns = {name: _plain(table.column(name)) for name in table.column_names}
    order = [(key, "ascending") for key in keys]
    return pa.table(columns).sort_by(order)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64())
    return column.cast(pa.string()) if not _is_number(column.type) else column


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def _same(left: pa.Table, right: pa.Table, table: str, column: str) -> None:
    if left.num_rows != right.num_rows:
        msg = f"{table}: expected {left.num_rows} rows, got {right.num_rows}"
        raise AssertionError(msg)
    ours, theirs = left.column(column), right.column(column)
    unequal = pc.fill_null(pc.not_equal(ours, theirs), False)  # noqa: FBT003
    unequal = pc.or_(unequal, pc.xor(pc.is_null(ours), pc.is_null(theirs)))
    if (row := pc.index(unequal, True).as_py()) >= 0:
        msg = f"{table}.{column}: expected {_row(left, row)}, got {_row(right, row)}"
        raise AssertionError(msg)


def _close(left: pa.Table, right: pa.Table, table: str, column: str) -> float:
    ours, theirs = (
        np.asarray(part.column(column).cast(pa.float64()).fill_null(np.nan))
        for part in (left, right)
    )
    tolerance = SPECTRUM_TOLERANCE if column.startswith("spectrum") else TOLERANCE
    scale = np.maximum(np.abs(ours), 1e-6)
    difference = np.abs(ours - theirs) / scale
    difference[np.isnan(ours) & np.isnan(theirs)] = 0.0
    wrong = ~(difference <= tolerance)
    if wrong.any():
        row = int(wrong.argmax())
        msg = f"{table}.{column}: expected {_row(left, row)}, got {_row(right, row)}"
        raise AssertionError(msg)
    return float(difference.max(initial=0.0))


def _row(table: pa.Table, row: int) -> dict[str, Any]:
    values: dict[str, Any] = table.slice(row, 1).to_pylist()[0]
    return values
