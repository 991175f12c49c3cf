"""Dates: month ends, intervals, one of two columns. A date is its day; a time of day is dropped."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BeforeValidator

from qfb_gpu.calendars import to_day
from qfb_gpu.counted import counted
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.prepare.aligned import refuse_shifted
from qfb_gpu.prepare.columns import as_text, by_day, from_days, like, to_arrow, to_days

OpenDate = Annotated[dt.date | None, BeforeValidator(lambda given: None if given == "" else given)]
"""One end of an interval; None, or an empty text in a config, is no end."""
_MAX_MONTHS = 12_000
_CLOSED = ("both", "left", "right", "neither")
_RULES = ("first", "earliest", "latest", "condition")


def day_of(op: str, given: Any) -> dt.date:
    """Return a date of a setting; the midnight of a timestamp is one, too.

    Raises
    ------
    ConfigError
        It is no date, or has a time of day.
    """
    if isinstance(given, dt.datetime) and given == given:  # noqa: PLR0124  pandas' NaT is none
        given = given if given.time() != dt.time() else given.date()
    if isinstance(given, dt.date) and not isinstance(given, dt.datetime):
        return given
    msg = f"{op}: expected a date such as datetime.date(2024, 1, 31), got {given!r}"
    raise ConfigError(msg)


def _end_of(given: Any) -> dt.date | None:
    """Return an end of an interval; None, or an empty text, is no end."""
    return None if given is None or given == "" else day_of("in_intervals", given)


def month_end(values: Any, *, months: int = 0) -> Any:
    """Return the last day of each date's month, or of one ``months`` later (earlier: negative).

    Parameters
    ----------
    values : column of dates, timestamps or texts such as 2024-01-31
    months : int
        From -12000 to 12000.

    Returns
    -------
    column of dates
        Null where the date is null.

    Raises
    ------
    ConfigError
        ``months`` is out of range.
    InputError
        A value is no date.
    """
    if abs(months) > _MAX_MONTHS:
        msg = f"month_end: months is from {-_MAX_MONTHS} to {_MAX_MONTHS}, not {months}"
        raise ConfigError(msg)
    days = to_days(values, "month_end")

    def end_of(day: Any) -> Any:
        month = day.astype("datetime64[D]").astype("datetime64[M]")
        return (month + (months + 1)).astype("datetime64[D]").astype(np.int64) - 1

    return like(from_days(by_day(days, end_of, NULL_DAY)), values)


def in_intervals(
    values: Any,
    *,
    intervals: list[tuple[OpenDate, OpenDate]],
    closed: str = "both",
) -> Any:
    """Return 1 where a date is in at least one interval, else 0.

    Parameters
    ----------
    values : column of dates, timestamps or texts such as 2024-01-31
    intervals : list of (first, last)
        They may overlap; None leaves an end open without limit (``""`` in a config).
    closed : {"both", "left", "right", "neither"}
        Which ends are in the interval.

    Returns
    -------
    column of int8
        Null where the date is null.

    Raises
    ------
    ConfigError
        No interval, one that ends before it starts, or an unknown ``closed``.
    InputError
        A value is no date.
    """
    if closed not in _CLOSED:
        msg = f"in_intervals: closed is one of {', '.join(_CLOSED)}, not {closed!r}"
        raise ConfigError(msg)
    if not intervals:
        msg = "in_intervals: intervals is empty; give at least one [first, last]"
        raise ConfigError(msg)
    days = to_days(values, "in_intervals")
    hit = np.zeros(len(days), bool)
    for first, last in [(_end_of(first), _end_of(last)) for first, last in intervals]:
        if first is not None and last is not None and last < first:
            msg = f"in_intervals: [{first}, {last}] ends before it starts; exchange its ends"
            raise ConfigError(msg)
        inside = np.ones(len(days), bool)
        if first is not None:
            inside &= days >= to_day(first) + (closed not in ("both", "left"))
        if last is not None:
            inside &= days <= to_day(last) - (closed not in ("both", "right"))
        hit |= inside
    return like(pa.array(hit.astype(np.int8), mask=days == NULL_DAY), values)


def pick_date(
    first: Any,
    second: Any,
    condition: Any = None,
    *,
    rule: str = "first",
    values: list[str] | None = None,
) -> Any:
    """Return one of two dates a row.

    A null is no date, and never "now": the earlier and the later of a date and a null are the date.

    Parameters
    ----------
    first, second : columns of dates, timestamps or texts such as 2024-01-31
        Two columns of timestamps of one type keep their time of day; else their days count.
    condition : column, optional
        Of texts; only with rule ``"condition"``.
    rule : {"first", "earliest", "latest", "condition"}
        The first that is not null; the earlier; the later; or ``first`` where ``condition`` is
        one of ``values`` and ``second`` where not.
    values : list of str, optional

    Returns
    -------
    column of dates or timestamps
        Null where both are null, where the chosen one is, or where the condition is.

    Raises
    ------
    ConfigError
        Unknown rule, or a condition too many or too few.
    InputError
        A value is no date, or the columns differ in length.
    """
    if rule not in _RULES:
        msg = f"pick_date: rule is one of {', '.join(_RULES)}, not {rule!r}"
        raise ConfigError(msg)
    if (rule == "condition") != (condition is not None) or (rule == "condition") != bool(values):
        msg = "pick_date: rule 'condition' needs a condition column and values, others none"
        raise ConfigError(msg)
    refuse_shifted("pick_date", first, second, condition)
    one, other = _pair(first, second)
    if rule == "first":
        picked = pc.coalesce(one, other)
    elif rule in ("earliest", "latest"):
        picked = _extreme(one, other, rule)
    else:
        text = as_text(condition)
        if len(text) != len(one):
            msg = (
                f"pick_date: condition has {counted(len(text), 'row')}, the dates have {len(one):,}"
            )
            raise InputError(msg)
        holds = pc.is_in(text, pa.array(values, pa.string()))
        holds = pc.if_else(text.is_null(), pa.scalar(None, pa.bool_()), holds)
        picked = pc.if_else(holds, one, other)
    return like(picked, first)


def _extreme(one: pa.Array, other: pa.Array, rule: str) -> pa.Array:
    kind = one.type
    if pa.types.is_timestamp(kind):  # Arrow compares instants, but picks none with a zone
        one, other = (column.cast(pa.timestamp(kind.unit)) for column in (one, other))
    pick = pc.min_element_wise if rule == "earliest" else pc.max_element_wise
    return pick(one, other).cast(kind)


def _pair(first: Any, second: Any) -> tuple[pa.Array, pa.Array]:
    one, other = to_arrow(first), to_arrow(second)
    if len(one) != len(other):
        rows = f"{len(one):,} and {counted(len(other), 'row')}"
        msg = f"pick_date: the columns have {rows}; give one table's"
        raise InputError(msg)
    if one.type == other.type and (pa.types.is_timestamp(one.type) or one.type == pa.date32()):
        return one, other
    return from_days(to_days(one, "first")), from_days(to_days(other, "second"))
