"""Labels by time: labelled intervals, hours of the day, months and quarters, 4-4-5 periods."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.calendars import to_day
from qfb_gpu.counted import counted
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.prepare.columns import (
    by_day,
    in_pieces,
    like,
    plain,
    to_arrow,
    to_days,
    without_empty,
)
from qfb_gpu.prepare.dates import day_of

_UNITS = ("month", "quarter", "year")
_HOURS = 24
_TIME = pa.timestamp("us")
_MANY = 100
"""So many texts of which none is a time are a column of something else."""
_WEEK, _QUARTER_WEEKS, _YEAR_WEEKS = 7, 13, 52


def label_intervals(
    values: Any, *, intervals: list[tuple[dt.date, dt.date, str]], default: str | None = None
) -> Any:
    """Return the label of the interval that a date is in, both ends inclusive.

    Parameters
    ----------
    values : column of dates, timestamps or texts such as 2024-01-31
    intervals : list of (first, last, label)
        In any order.
    default : str, optional
        For dates in a gap; null where not given.

    Returns
    -------
    column of str
        Null where the date is null.

    Raises
    ------
    ConfigError
        No interval, one that ends before it starts, or two that overlap.
    InputError
        A value is no date.
    """
    if not intervals:
        msg = "label_intervals: intervals is empty; give at least one [first, last, label]"
        raise ConfigError(msg)
    op = "label_intervals"
    ordered = [(day_of(op, first), day_of(op, last), label) for first, last, label in intervals]
    ordered.sort(key=lambda interval: interval[:2])
    for first, last, label in ordered:
        if last < first:
            msg = f"label_intervals: {label!r} ends before it starts; exchange {first} and {last}"
            raise ConfigError(msg)
    for (_, last, label), (first, _, other) in pairwise(ordered):
        if first <= last:
            msg = f"label_intervals: {label!r} and {other!r} overlap at {first}; move an end"
            raise ConfigError(msg)
    days = to_days(values, "label_intervals")
    starts = np.array([to_day(first) for first, _, _ in ordered])
    ends = np.array([to_day(last) for _, last, _ in ordered])

    def interval_of(day: Any) -> Any:
        """Return which interval each day is in; their number for none."""
        place = np.searchsorted(starts, day, side="right") - 1
        inside = (place >= 0) & (day <= ends[place])
        return np.where(inside, place, len(ordered))

    names = [*(label for _, _, label in ordered), default, None]
    return _labels(names, by_day(days, interval_of, len(ordered) + 1), values)


def label_hours(
    values: Any, *, hours: list[tuple[int, int, str]], default: str | None = None
) -> Any:
    """Return the label of the hours of the day that a timestamp is in.

    Parameters
    ----------
    values : column of timestamps
        Their own clock counts.
    hours : list of (from, to, label)
        ``from`` is in, ``to`` is not; 22 to 6 goes over midnight.
    default : str, optional
        For hours in a gap; null where not given.

    Returns
    -------
    column of str
        Null where the timestamp is null.

    Raises
    ------
    ConfigError
        No hours, an hour that is not of 0 to 24, or labels that overlap.
    InputError
        The column has no time of day, or a text is no time; a recipe takes such a text for null
        and counts it.
    """
    codes = _hour_codes(hours)
    column = plain(to_arrow(values))
    if pa.types.is_string(column.type) or pa.types.is_null(column.type):
        column = _timestamps(column)
    if not pa.types.is_timestamp(column.type):
        msg = f"label_hours: expected timestamps, got {column.type}; a date has no hour"
        raise InputError(msg)
    column = pc.local_timestamp(column) if column.type.tz is not None else column
    codes = np.append(codes, len(hours) + 1)  # what a null finds
    hour = np.asarray(pc.hour(column).fill_null(_HOURS), np.int64)
    return _labels([*(label for _, _, label in hours), default, None], codes[hour], values)


def _timestamps(column: pa.Array) -> pa.Array:
    times, unreadable = read_times(column)
    if unreadable.any():
        msg = (
            f"label_hours: no time in {counted(int(unreadable.sum()), 'value')}, the first is "
            f"{column[int(np.argmax(unreadable))].as_py()!r}; expected timestamps such as "
            "2024-01-31 09:30:00: mend them or make them null"
        )
        raise InputError(msg)
    return times


def read_times(column: pa.Array) -> tuple[pa.Array, Any]:
    """Return texts as timestamps, and which of them are none.

    Parameters
    ----------
    column : pyarrow.Array of string or null
        A blank text, as of a CSV file, is null.

    Returns
    -------
    times : pyarrow.Array of timestamp
        Null where the text is, or is no timestamp.
    unreadable : bool array, shape (n_rows,)

    Raises
    ------
    InputError
        None of a hundred texts or more can be read: the column holds something else.
    """
    texts = without_empty(pc.utf8_trim_whitespace(column.cast(pa.string())))
    try:
        return texts.cast(_TIME), np.zeros(len(texts), bool)
    except pa.ArrowInvalid as error:
        coded = texts.dictionary_encode()
        times = _those_that_are(coded.dictionary).take(coded.indices)
        unreadable = np.asarray(pc.and_(texts.is_valid(), times.is_null()))
        if times.null_count == len(times) and unreadable.sum() >= _MANY:
            msg = f"label_hours: expected timestamps such as 2024-01-31 09:30:00: {error}"
            raise InputError(" ".join(msg.split())) from error
        return times, unreadable


def _those_that_are(texts: pa.Array) -> pa.Array:
    """Return texts as timestamps, null where one is none, which is found by halves."""
    try:
        return texts.cast(_TIME)
    except pa.ArrowInvalid:
        half = len(texts) // 2
        if not half:
            return pa.nulls(1, _TIME)
        return pa.concat_arrays([_those_that_are(texts[:half]), _those_that_are(texts[half:])])


def _hour_codes(hours: list[tuple[int, int, str]]) -> Any:
    """Return which label each of the 24 hours has; the number of labels where none."""
    codes = np.full(_HOURS, len(hours))
    for number, (start, stop, label) in enumerate(hours):
        if not (0 <= start < _HOURS and 0 <= stop <= _HOURS and start != stop):
            msg = f"label_hours: {label!r} is from {start} to {stop}; expected hours of 0 to 24"
            raise ConfigError(msg)
        last = stop if stop > start else stop + _HOURS
        for hour in range(start, last):
            if codes[hour % _HOURS] != len(hours):
                other = hours[codes[hour % _HOURS]][2]
                msg = f"label_hours: {other!r} and {label!r} overlap at hour {hour % _HOURS}"
                raise ConfigError(msg + "; move an end")
            codes[hour % _HOURS] = number
    if not hours:
        msg = "label_hours: hours is empty; give at least one [from, to, label]"
        raise ConfigError(msg)
    return codes


def label_period(values: Any, *, unit: str) -> Any:
    """Return the calendar period of a date: ``2024-03``, ``2024-Q1`` or ``2024``.

    Parameters
    ----------
    values : column of dates, timestamps or texts such as 2024-01-31
    unit : {"month", "quarter", "year"}

    Returns
    -------
    column of str
        Null where the date is null.

    Raises
    ------
    ConfigError
        Unknown unit.
    InputError
        A value is no date.
    """
    if unit not in _UNITS:
        msg = f"label_period: unit is one of {', '.join(_UNITS)}, not {unit!r}"
        raise ConfigError(msg)
    days = to_days(values, "label_period")
    unknown = np.iinfo(np.int32).min
    months = by_day(
        days, lambda d: d.astype("datetime64[D]").astype("datetime64[M]").astype(int), unknown
    )
    valid = months[months != unknown]
    first = int(valid.min()) if len(valid) else 0
    codes = np.where(months == unknown, -1, months - first)
    distinct = np.arange(first, int(valid.max()) + 1 if len(valid) else 0)
    year, month = 1970 + distinct // 12, distinct % 12
    names = {
        "month": [f"{y:04d}-{m + 1:02d}" for y, m in zip(year, month, strict=True)],
        "quarter": [f"{y:04d}-Q{m // 3 + 1}" for y, m in zip(year, month, strict=True)],
        "year": [f"{y:04d}" for y in year],
    }[unit]
    return _labels([*names, None], np.where(codes < 0, len(names), codes), values)


def label_445(values: Any, *, starts: list[dt.date]) -> Any:
    """Return the period of a 4-4-5 year: ``2024-P01`` to ``2024-P12``.

    Every quarter has periods of 4, 4 and 5 weeks; a 53rd week belongs to period 12.

    Parameters
    ----------
    values : column of dates, timestamps or texts such as 2024-01-31
    starts : list of date
        First days of consecutive 4-4-5 years, 52 or 53 weeks apart, and the day after the last
        year. A year is named after the calendar year of its 27th week.

    Returns
    -------
    column of str
        Null where the date is null or in none of the years.

    Raises
    ------
    ConfigError
        Fewer than two starts, or years of another length.
    InputError
        A value is no date.
    """
    starts = [day_of("label_445", date) for date in starts]
    first = np.array([to_day(date) for date in starts])
    lengths = np.diff(first)
    if len(first) < 2 or not np.isin(lengths, [52 * _WEEK, 53 * _WEEK]).all():  # noqa: PLR2004
        msg = "label_445: starts are first days of years 52 or 53 weeks apart, two or more of them"
        raise ConfigError(msg)
    days = to_days(values, "label_445")

    def period_of(day: Any) -> Any:
        """Return which period each day is in, twelve a year; their number for none."""
        year = np.searchsorted(first, day, side="right") - 1
        inside = (year >= 0) & (year < len(lengths))
        year = np.where(inside, year, 0)
        week = np.clip((day - first[year]) // _WEEK, 0, _YEAR_WEEKS - 1)
        quarter, in_quarter = week // _QUARTER_WEEKS, week % _QUARTER_WEEKS
        period = year * 12 + quarter * 3 + np.minimum(in_quarter // 4, 2)
        return np.where(inside, period, len(lengths) * 12)

    middle = [date + dt.timedelta(weeks=26) for date in starts[:-1]]
    names = [f"{date.year:04d}-P{number:02d}" for date in middle for number in range(1, 13)]
    return _labels([*names, None], by_day(days, period_of, len(names)), values)


def _labels(labels: list[str | None], codes: Any, values: Any) -> Any:
    names = pa.array(labels, pa.string())
    indices = pa.array(np.asarray(codes, np.int32))
    return like(in_pieces(names.take, indices), values)
