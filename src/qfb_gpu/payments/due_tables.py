"""Where every schedule's due dates are, as one array that the calendar search reads."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from qfb_gpu.payments.tables import PAD_DAYS
from qfb_kernels import due_places
from qfb_kernels.dues import MONDAY

_CLOCKS, _ROLLS, _WEEK = 2, 4, 7
_BEYOND = 140  # days: some weeks and the longest holidays


def due_table(cal: np.ndarray) -> np.ndarray:
    """Return the table of :mod:`qfb_kernels.due_places`.

    Parameters
    ----------
    cal : array of int64
        See :func:`qfb_gpu.payments.tables.calendar_table`.

    Returns
    -------
    array of int32
        Not to be written to. Of two years some 1.6 MB: months times 137 schedules a month, weeks
        times 81 days of sets of weekdays, times clocks and rolls.
    """
    return _due_table(cal.tobytes())


@lru_cache(maxsize=2)  # the buckets of a night mostly begin in the same month
def _due_table(calendar: bytes) -> np.ndarray:
    cal = np.frombuffer(calendar, dtype="int64")
    first, n_days, first_month, n_months = (int(number) for number in cal[:4])
    rolled = cal[cal[8] : cal[16]].reshape(_CLOCKS * _ROLLS, n_days).astype("int32")
    nominal = np.clip(_days_of_month(cal) - first, 0, n_days - 1)
    by_month = np.take(rolled, nominal, axis=1)
    workdays = cal[cal[7] : cal[8]]
    header = np.zeros(due_places.HEADER, dtype="int64")
    begin = due_places.HEADER
    header[: _CLOCKS * _ROLLS] = begin + n_days * np.arange(_CLOCKS * _ROLLS) - first
    begin += rolled.size
    header[due_places.MONTHS_AT : due_places.SETS_STEP] = (
        begin - first_month, n_months, begin + by_month.size, begin + by_month.size + len(workdays)
    )  # fmt: skip
    begin += by_month.size + 2 * len(workdays)
    days, since = _days_of_sets(first, n_days)
    by_set = np.take(rolled, days - first, axis=1)
    header[due_places.SETS_STEP] = by_set.shape[1]
    sets = np.asarray(due_places.SETS)
    header[due_places.SETS_AT + sets] = begin - since
    header[due_places.SIZES_AT + sets] = np.bitwise_count(sets)
    parts = (header, rolled, by_month, workdays, np.arange(len(workdays)), by_set)
    return np.concatenate([part.ravel().astype("int32", copy=False) for part in parts])


def _days_of_month(cal: np.ndarray) -> np.ndarray:
    """Return the day of each row's due date in each month, shape (n_rows, n_months)."""
    n_months = int(cal[3])
    starts = cal[cal[6] : cal[6] + n_months + 1]
    first, after = starts[:-1], starts[1:]
    rows = [first + np.minimum(a, after - first) - 1 for a in range(1, due_places.MONTH_DAYS + 1)]
    rows += [after - a for a in range(1, due_places.END_DAYS + 1)]
    for nth in range(5):  # the last weekday, then the first to the fourth
        start = first + _WEEK * (nth - 1) if nth else after - _WEEK
        rows += [start + (weekday - start - 3) % _WEEK for weekday in range(_WEEK)]
    before = cal[cal[5] : cal[5] + cal[1] + 1]
    workdays = cal[cal[7] : cal[8]]
    for done, way in ((before[first - cal[0]] - 1, 1), (before[after - cal[0]], -1)):
        rows += [
            workdays[np.clip(done + way * a, 0, len(workdays) - 1)]
            for a in range(1, due_places.MOST_WORKDAYS + 1)
        ]
    return np.stack(rows)


def _days_of_sets(first: int, n_days: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the days of each set of weekdays, one set after another, over whole weeks.

    And for each set its first day as the how-manieth since 1970-01-05, less its place. Weeks reach
    to :data:`_BEYOND` days before and after the payments, as nobody looks further for these.
    """
    spare = PAD_DAYS - _BEYOND
    monday = first + spare + (MONDAY - first - spare) % _WEEK
    weeks = monday + _WEEK * np.arange((first + n_days - spare - monday) // _WEEK)
    before = (monday - MONDAY) // _WEEK
    days, since, place = [], [], 0
    for bits in due_places.SETS:
        of_week = np.array([i for i in range(_WEEK) if bits >> i & 1])
        days.append((weeks[:, None] + of_week).ravel())
        since.append(before * len(of_week) - place)
        place += len(days[-1])
    return np.concatenate(days), np.asarray(since)
