"""The calendar and the log-gamma function as arrays that kernels read."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qfb_gpu.ledger import Calendar

PAD_DAYS = 3000
"""More than four of the longest periods (400 days) before a due date that the first payment answers
late (160 days), and than the six periods ahead that a forecast may look."""
_WEEKEND = 5
_LGAMMA_ENTRIES = 4096
_LARGEST_PRIOR = 26
"""Twice the sum of the priors of the share answered: what counts are added to."""
_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_HEADER = 17


def calendar_table(calendar: Calendar, first_day: int, last_day: int) -> np.ndarray:
    """Return the table of :mod:`qfb_kernels.dues` for ``first_day`` to ``last_day``.

    Days outside of the calendar know weekends only. Padded by ``PAD_DAYS`` on either side, as
    kernels look for due dates some periods away and do not check where they read.

    Returns
    -------
    array of int64
        Not to be written to: the buckets of a night mostly begin on the same days.
    """
    known = np.asarray(calendar.is_working)
    return _calendar_table(calendar.first_day, known.tobytes(), first_day, last_day)


@lru_cache(maxsize=16)
def _calendar_table(known_from: int, working: bytes, first_day: int, last_day: int) -> np.ndarray:
    first, last = first_day - PAD_DAYS, last_day + PAD_DAYS
    months = np.arange(_month(first), _month(last) + 1)
    starts = np.append(months, months[-1] + 1).astype("datetime64[M]").astype("datetime64[D]")
    starts = starts.astype(np.int32)
    first, last = int(starts[0]), int(starts[-1]) - 1
    days = np.arange(first, last + 1)
    is_working = (days + 3) % 7 < _WEEKEND  # 1970-01-01 was a Thursday
    known = np.frombuffer(working, dtype=bool)
    low, high = max(first, known_from), min(last + 1, known_from + len(known))
    if low < high:
        is_working[low - first : high - first] = known[low - known_from : high - known_from]
    before = np.concatenate([[0], np.cumsum(is_working)])
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    rolled = _rolled(days, is_working, month, before)
    marks = _marks(days, before, month - months[0], starts)
    tables = [month, before, starts, days[is_working], *rolled, marks]
    header = [first, len(days), int(months[0]), len(months)]
    begin = _HEADER
    for table in tables:
        header.append(begin)
        begin += len(table)
    return np.concatenate([np.asarray(header), *(t.astype(np.int64) for t in tables)])


def _rolled(
    days: np.ndarray, is_working: np.ndarray, month: np.ndarray, before: np.ndarray
) -> list[np.ndarray]:
    """Return where a due date on each day goes, in the order of the kernels' rolls.

    First as days, then as the number of working days before. A day without a working day on one
    side of it in the table stays.
    """
    place = np.arange(len(days))
    preceding = np.maximum.accumulate(np.where(is_working, place, -1))
    preceding = np.where(preceding < 0, place, preceding)
    following = np.minimum.accumulate(np.where(is_working, place, len(days))[::-1])[::-1]
    following = np.where(following == len(days), place, following)
    modified = np.where(month[following] == month, following, preceding)
    rolls = (place, preceding, following, modified)
    return [*(days[roll] for roll in rolls), *(before[roll] for roll in rolls)]


def _marks(
    days: np.ndarray, before: np.ndarray, month: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """Return the marks of :func:`qfb_kernels.dues.mark_of` for each day."""
    first, after = starts[month].astype(np.int64), starts[month + 1].astype(np.int64)
    done = before[:-1] - before[first - days[0]] + 1
    to_come = before[after - days[0]] - before[:-1]
    parts = ((5, after - first), (10, (days + 3) % 7), (13, done), (18, to_come))
    marks = (days - first) | (np.diff(before) << 23) | (days << 24)
    for bit, part in parts:
        marks |= part << bit
    return marks


def lgamma_table(n_most: int = 0) -> np.ndarray:
    """Return lgamma(i / 2) for i = 0, 1, ...: array of float64; entry 0 is not used.

    Parameters
    ----------
    n_most : int
        The most payments, due dates or days off due dates of a unit: for these the table has all
        that :func:`qfb_kernels.evidence.log_beta_ratio` reads.

    Returns
    -------
    array of float64
        Not to be written to.
    """
    return _lgamma_table(max(_LGAMMA_ENTRIES, 1 << (2 * n_most + _LARGEST_PRIOR).bit_length()))


@cache
def _lgamma_table(n_entries: int) -> np.ndarray:
    exact = (math.lgamma(i / 2) for i in range(1, _LGAMMA_ENTRIES))
    large = (_large_lgamma(i / 2) for i in range(_LGAMMA_ENTRIES, n_entries))
    return np.array([0.0, *exact, *large])


def _large_lgamma(x: float) -> float:
    """Return lgamma(x) of a large number, by Stirling's series."""
    return (x - 0.5) * math.log(x) - x + _HALF_LOG_TWO_PI + 1.0 / (12.0 * x)


def _month(day: int) -> int:
    return int(np.datetime64(day, "D").astype("datetime64[M]").astype(np.int64))
