"""Rows from one row, and rows of several tables under each other."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.prepare.columns import as_text, in_pieces, plain, table_like
from qfb_gpu.prepare.keys import decimal_of
from qfb_gpu.prepare.tables import Counted, Made, View, on_tables, one_of


@on_tables()
def split_rows(
    table: View,
    *,
    column: str,
    separator: str,
    into: str | None = None,
    place: str | None = None,
    empty: Literal["keep", "drop"] = "keep",
) -> Made:
    """Return a row for each part of a text between separators; other columns repeat.

    Parameters
    ----------
    table : table
    column : str
        Of texts.
    separator : str
    into : str, optional
        The column of the parts; ``column`` itself where not given.
    place : str, optional
        A new column: which part it is, from 1; the table has none of that name.
    empty : {"keep", "drop"}
        Whether empty parts are rows. A row all of whose parts are empty stays one, with null.

    Returns
    -------
    Counted
        The table, in the order of its rows, and the count ``rows added``. A null stays one row.

    Raises
    ------
    ConfigError
        ``separator`` is empty, ``empty`` is unknown, ``into`` and ``place`` are one name, or the
        table has a column called as ``place`` says.
    InputError
        The column is missing.
    """
    if not separator:
        msg = "split_rows: separator is empty; give the text between the parts"
        raise ConfigError(msg)
    one_of("split_rows", "empty", empty, ("keep", "drop"))
    _refuse_taken(place, into or column, table.names)
    texts = as_text(table.column(column))
    parts = in_pieces(lambda piece: pc.split_pattern(piece, separator), texts)
    offsets = np.asarray(parts.offsets, np.int64)
    values = parts.values
    size = np.where(np.asarray(texts.is_null()), 0, np.diff(offsets))
    row = np.repeat(np.arange(len(texts)), size)
    at = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size) + offsets[row]
    number = at - offsets[row] + 1
    if empty == "drop":
        kept = np.asarray(pc.greater(pc.binary_length(values.take(pa.array(at))), 0))
        row, at, number = row[kept], at[kept], number[kept]
    row, at, number = _with_bare(row, at, number, len(texts))
    is_all = len(at) == len(values) and not (at < 0).any()
    made = {into or column: values if is_all else values.take(pa.array(at, mask=at < 0))}
    if place is not None:
        made[place] = pa.array(number.astype(np.int32))
    return Made(made, row, Counter({"rows added": len(row) - len(texts)}))


def _refuse_taken(place: str | None, into: str, names: list[str]) -> None:
    """Refuse a name for the places of parts that another column has."""
    if place == into:
        msg = f"split_rows: into and place are both {place!r}; give one of them another name"
        raise ConfigError(msg)
    if place in names:
        msg = f"split_rows: the table has a column {place!r}; give `place` a name of its own"
        raise ConfigError(msg)


def _with_bare(row: Any, at: Any, number: Any, n_rows: int) -> tuple[Any, Any, Any]:
    """Add a row, at place -1, for each row that has no part."""
    bare = np.flatnonzero(np.bincount(row, minlength=n_rows) == 0)
    if not bare.size:
        return row, at, number
    row = np.concatenate([row, bare])
    order = np.argsort(row, kind="stable")
    at = np.concatenate([at, np.full(len(bare), -1)])[order]
    return row[order], at, np.concatenate([number, np.ones(len(bare), np.int64)])[order]


def union_tables(
    tables: list[Any],
    *,
    columns: Literal["all", "common", "first"] = "all",
    source: str | None = None,
) -> Counted:
    """Return the rows of several tables under each other, their columns aligned by name.

    Parameters
    ----------
    tables : list of tables
        The answer is of the first one's library.
    columns : {"all", "common", "first"}
        Every column of any table, in the order they come, with null where a table lacks it; those
        that all have; or the first table's.
    source : str, optional
        A new column: the number of the table a row is from, from 0.

    Returns
    -------
    Counted
        The table, and counts ``rows``, ``filled with null`` (values a table had no column for)
        and ``columns left out``.

    Raises
    ------
    InputError
        No table; or a column whose kinds have no kind in common without a value being changed:
        whole numbers and decimals widen, dates become timestamps; a number is never made a text.
    ConfigError
        Unknown ``columns``, or ``source`` is the name of a column.
    """
    one_of("union_tables", "columns", columns, ("all", "common", "first"))
    if not tables:
        msg = "union_tables: no table; give at least one"
        raise InputError(msg)
    views = [View(table, "union_tables", f"table {n}") for n, table in enumerate(tables)]
    every = list(dict.fromkeys(name for view in views for name in view.names))
    common = [name for name in every if all(name in view.names for view in views)]
    names = {"all": every, "common": common, "first": views[0].names}[columns]
    if source is not None and source in every:
        msg = f"union_tables: a table has a column {source!r} already; name source otherwise"
        raise ConfigError(msg)
    made: dict[str, Any] = {name: _aligned(name, views) for name in names}
    n_rows = [view.n_rows for view in views]
    if source is not None:
        made[source] = pa.array(np.repeat(np.arange(len(views), dtype=np.int32), n_rows))
    lacking = [
        n for view, n in zip(views, n_rows, strict=True) for c in names if c not in view.names
    ]
    counts = {
        "rows": sum(n_rows),
        "filled with null": sum(lacking),
        "columns left out": len(every) - len(names),
    }
    return Counted(table_like(pa.table(made), tables[0]), counts)


def _aligned(name: str, views: list[View]) -> pa.ChunkedArray:
    given = {n: plain(view.column(name)) for n, view in enumerate(views) if name in view.names}
    kind = next(iter(given.values())).type
    first = next(iter(given))
    for number, column in given.items():
        common = _common(kind, column.type)
        if common is None:
            msg = (
                f"union_tables: column {name!r} is {kind} in table {first} and {column.type} in "
                f"table {number}; make them one kind first"
            )
            raise InputError(msg)
        kind = common
    chunks = [
        _cast(given[n], kind, name, n) if n in given else pa.nulls(view.n_rows, kind)
        for n, view in enumerate(views)
    ]
    return pa.chunked_array(chunks, kind)


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Return the narrowest kind that holds the values of both; None where there is none."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    is_number = [
        pa.types.is_integer(k) or pa.types.is_floating(k) or pa.types.is_decimal(k)
        for k in (one, other)
    ]
    is_time = [pa.types.is_date(k) or pa.types.is_timestamp(k) for k in (one, other)]
    if not (all(is_number) or all(is_time)):
        return None
    if pa.types.is_date(one) != pa.types.is_date(other) and all(is_time):
        stamp = other if pa.types.is_date(one) else one
        return stamp if stamp.tz is None else None  # whose midnight would it be?
    if any(map(pa.types.is_decimal, (one, other))):  # Arrow leaves int64 no room (25.0)
        is_float = any(map(pa.types.is_floating, (one, other)))
        kind = pa.float64() if is_float else decimal_of(one, other)
    else:
        kind = _unified(one, other)
    return kind


def _unified(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Return what Arrow makes of two kinds."""
    schemas = [pa.schema([("a", kind)]) for kind in (one, other)]
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return None


def _cast(column: pa.Array, kind: pa.DataType, name: str, number: int) -> pa.Array:
    try:
        cast = column.cast(kind)
        if pa.types.is_decimal(column.type) and pa.types.is_floating(kind):
            _refuse_rounded(column, cast)
    except pa.ArrowInvalid as error:
        msg = f"union_tables: column {name!r} of table {number} does not fit {kind}: {error}"
        raise InputError(" ".join(msg.split())) from error
    return cast


def _refuse_rounded(decimals: pa.Array, floats: pa.Array) -> None:
    """Raise ArrowInvalid where a decimal is not the one nearest to its float: digits are lost."""
    changed = pc.not_equal(floats.cast(decimals.type, safe=False), decimals)
    changed = pc.and_(changed.fill_null(fill_value=True), decimals.is_valid())
    row = pc.index(changed, True).as_py()
    if row >= 0:
        msg = f"{decimals[row].as_py()} has more digits than a float holds"
        raise pa.ArrowInvalid(msg)
