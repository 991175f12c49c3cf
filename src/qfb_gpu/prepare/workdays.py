"""Working days between two dates: a running count per calendar, so a row costs two look-ups.

A count has one entry a day and one more: entry ``i`` is the number of working days before
``first_day + i``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar, to_date, to_day
from qfb_gpu.counted import counted
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.prepare.aligned import refuse_shifted
from qfb_gpu.prepare.columns import coded_text, each_piece, like, to_days
from qfb_gpu.prepare.dates import day_of
from qfb_kernels import workdays as kernels
from qfb_kernels.workdays import NULL, OUTSIDE

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKENDS = "weekends"
_FIRST, _LAST = to_day(dt.date(1800, 1, 1)), to_day(dt.date(2399, 12, 31))
"""What a calendar of weekends alone covers: they need no publication."""


@dataclass(frozen=True, slots=True)
class _Count:
    name: str
    first_day: int
    known_from: int
    known_until: int
    before: Any


def working_days(
    start: Any,
    end: Any,
    *,
    calendar: Any = "CN",
    closed: str = "both",
    weekend: list[str] | None = None,
    holidays: list[dt.date] | None = None,
    workdays: list[dt.date] | None = None,
) -> Any:
    """Return the number of working days between two dates.

    Antisymmetric: from a later to an earlier date it is minus the count the other way round.

    Parameters
    ----------
    start, end : columns of dates, timestamps or texts such as 2024-01-31
    calendar : str or column of str
        ``"CN"`` (make-up working days, 调休, count), another ISO 3166 code with an optional
        subdivision, ``"weekends"``; or one a row.
    closed : {"both", "left"}
        Both dates count; or not the later one.
    weekend : list of str, optional
        Days off every week, e.g. ``["fri", "sat"]``; only with ``"weekends"``: a country's
        calendar knows its own.
    holidays, workdays : list of date, optional
        Days off and make-up working days that go before the calendar's.

    Returns
    -------
    column of int32
        Null where a date is null, or the row's calendar is null or blank.

    Raises
    ------
    ConfigError
        No such calendar, weekday or ``closed``; a day that is both a holiday and worked.
    InputError
        A value is no date, or a year is outside what the calendar publishes.
    """
    if closed not in ("both", "left"):
        msg = f"working_days: closed is 'both' or 'left', not {closed!r}"
        raise ConfigError(msg)
    refuse_shifted("working_days", start, end, calendar)
    first, last = to_days(start, "start"), to_days(end, "end")
    if len(first) != len(last):
        msg = (
            f"working_days: start has {counted(len(first), 'row')}, end {len(last):,}; "
            "give columns of a table"
        )
        raise InputError(msg)
    own = [tuple(day_of("working_days", d) for d in days or ()) for days in (holidays, workdays)]
    extra = tuple(weekend or ()), own[0], own[1]
    names, codes = _calendars(calendar, len(first))
    counts = [_count(name, *extra) for name in names]
    out, status = _run(counts, first, last, codes, int(closed == "both"))
    _refuse_unpublished(counts, first, last, codes, status)
    is_null = status == NULL
    return like(pa.array(out, mask=is_null if is_null.any() else None), start)


def _calendars(calendar: Any, n_rows: int) -> tuple[list[str], Any]:
    """Return the names of the calendars and which each row has: -1 where null."""
    if isinstance(calendar, str):
        return [calendar], np.broadcast_to(np.int32(0), n_rows)
    coded = coded_text(calendar)
    if len(coded) != n_rows:
        msg = f"working_days: calendar has {counted(len(coded), 'row')}, the dates have {n_rows:,}"
        raise InputError(msg)
    is_blank = np.append([not name.strip() for name in coded.dictionary.to_pylist()], False)
    codes = np.asarray(coded.indices.fill_null(-1), np.int32)
    codes = np.where(is_blank[codes], np.int32(-1), codes)
    used = [code for code in pc.unique(pa.array(codes)).to_pylist() if code >= 0]
    place = np.full(len(coded.dictionary) + 1, -1, np.int32)
    place[used] = np.arange(len(used))
    return [coded.dictionary[code].as_py() for code in used], place[codes]


def _run(counts: list[_Count], first: Any, last: Any, codes: Any, closed: int) -> tuple[Any, Any]:
    """Return the count and the status of each row, on all threads."""
    tables = (
        np.array([count.first_day for count in counts], np.int64),
        np.array([[c.known_from, c.known_until] for c in counts], np.int64).reshape(-1, 2),
        np.cumsum([0, *(len(count.before) for count in counts)]).astype(np.int64),
        np.concatenate([np.zeros(1, np.int32), *(count.before for count in counts)])[1:],
    )
    out, status = np.empty(len(first), np.int32), np.empty(len(first), np.int8)

    def work(rows: slice) -> None:
        """Count the days of some rows into their place of the answer."""
        get_backend("cpu").launch(
            kernels.working_days_cpu, kernels.working_days_gpu, rows.stop - rows.start,
            first[rows], last[rows], np.ascontiguousarray(codes[rows]), *tables,
            np.int64(closed), out[rows], status[rows],
        )  # fmt: skip

    each_piece(work, len(first))
    return out, status


def _refuse_unpublished(
    counts: list[_Count], first: Any, last: Any, codes: Any, status: Any
) -> None:
    outside = status == OUTSIDE
    if not outside.any():
        return
    row = int(np.argmax(outside))
    count = counts[int(codes[row])]
    low, high = sorted([int(first[row]), int(last[row])])
    day = low if low < count.known_from else high
    first_outside = np.datetime64(day, "D")  # perhaps beyond the years of Python
    years = to_date(count.known_from).year, to_date(count.known_until).year
    msg = (
        f"working_days: {counted(int(outside.sum()), 'row')} with a date outside "
        f"{years[0]}-{years[1]}, the years calendar {count.name!r} publishes; the first is "
        f"{first_outside}: mend the dates, or use calendar 'weekends' with holidays of your own"
    )
    raise InputError(msg)


@lru_cache(maxsize=32)
def _count(
    name: str,
    weekend: tuple[str, ...],
    holidays: tuple[dt.date, ...],
    workdays: tuple[dt.date, ...],
) -> _Count:
    first, is_working, known = _base(name, weekend)
    both = sorted(set(holidays) & set(workdays))
    if both:
        msg = f"working_days: {both[0]} is in both holidays and workdays; take it out of one"
        raise ConfigError(msg)
    for days, works in ((holidays, False), (workdays, True)):
        for date in days:
            if not 0 <= to_day(date) - first < len(is_working):
                msg = f"working_days: {date} is outside the days of calendar {name!r}"
                raise ConfigError(msg)
            is_working[to_day(date) - first] = works
    before = np.concatenate([[0], np.cumsum(is_working)]).astype(np.int32)
    before.flags.writeable = False
    return _Count(name, first, *known, before)


def _base(name: str, weekend: tuple[str, ...]) -> tuple[int, Any, tuple[int, int]]:
    if name != _WEEKENDS:
        if weekend:
            msg = f"working_days: calendar {name!r} has its own weekend; weekend is for 'weekends'"
            raise ConfigError(msg)
        found = load_calendar(name)
        return found.first_day, found.is_working.copy(), (found.known_from, found.known_until)
    wrong = [day for day in weekend if day not in _WEEK]
    if wrong:
        msg = f"working_days: no weekday is called {wrong[0]!r}; there are {', '.join(_WEEK)}"
        raise ConfigError(msg)
    off = [_WEEK.index(day) for day in weekend or ("sat", "sun")]
    weekday = (np.arange(_FIRST, _LAST + 1) + 3) % 7  # 1970-01-01 was a Thursday
    return _FIRST, ~np.isin(weekday, off), (_FIRST, _LAST)
