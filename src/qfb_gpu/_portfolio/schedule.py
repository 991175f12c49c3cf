"""Due days of standing relations, in calendar coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qfb_gpu._portfolio.setting import MONTH_DAYS, Days, Setting, ragged
from qfb_gpu.schema import CADENCES

if TYPE_CHECKING:
    from qfb_gpu._portfolio.relations import Schedule

DAILY = CADENCES.index("daily")
SEMIMONTHLY = CADENCES.index("semimonthly")
EVERY_N_DAYS = CADENCES.index("every_n_days")
BY_DAYS = tuple(CADENCES.index(name) for name in ("weekly", "biweekly", "every_n_days"))
MONTHS = {"semimonthly": 1, "monthly": 1, "bimonthly": 2, "quarterly": 3, "semiannual": 6,
          "annual": 12}  # fmt: skip
_IS_MONTHLY = np.array([row != DAILY and row not in BY_DAYS for row in range(len(CADENCES))])
AHEAD = 4  # due days drawn after as_of, so that the next payment is known even after skips
_WORKING_STEP_DAYS = 1.4


def is_monthly(cadence: np.ndarray) -> np.ndarray:
    """Return whether the due days are days of a month."""
    monthly: np.ndarray = _IS_MONTHLY[cadence]
    return monthly


def period_days(schedule: Schedule) -> np.ndarray:
    """Return the mean number of days between due days."""
    months = schedule.step * MONTH_DAYS
    months = np.where(schedule.cadence == SEMIMONTHLY, MONTH_DAYS / 2, months)
    days = np.where(schedule.cadence == DAILY, _WORKING_STEP_DAYS, schedule.step)
    return np.where(is_monthly(schedule.cadence), months, days)


def due_days(setting: Setting, schedule: Schedule) -> tuple[np.ndarray, np.ndarray]:
    """Return every due day of every relation, from its first to ``AHEAD`` after as_of.

    Returns
    -------
    relation : int, shape (n_due,), ascending
    due : int32, shape (n_due,), days since 1970-01-01, before any roll
    """
    count, start = _extent(setting, schedule)
    relation, number = ragged(count)
    due = np.empty(len(relation), dtype=np.int32)
    cadence = schedule.cadence[relation]
    position = start[relation] + number * schedule.step[relation]
    monthly = is_monthly(cadence)
    working = cadence == DAILY
    plain = ~(monthly | working)
    due[plain] = position[plain]
    days = setting.days
    due[working] = days.working[position[working]]
    rows = np.flatnonzero(monthly)
    due[rows] = _monthly(days, schedule, relation[rows], start, number[rows])
    kept = (due >= schedule.first_day[relation]) & (due <= schedule.end_day[relation])
    return relation[kept], due[kept]


def _extent(setting: Setting, schedule: Schedule) -> tuple[np.ndarray, np.ndarray]:
    """Return how many positions to look at, and the first, in each relation's own step."""
    days = setting.days
    monthly, working = is_monthly(schedule.cadence), schedule.cadence == DAILY
    stop = np.minimum(schedule.end_day, setting.as_of_day)
    begin = np.select(
        [monthly, working],
        [days.month_of(schedule.first_day), days.rank(schedule.first_day)],
        schedule.first_day,
    )
    last = np.select([monthly, working], [days.month_of(stop), days.rank(stop)], stop)
    start = begin + (schedule.phase - begin) % schedule.step
    count = np.maximum((last - start) // schedule.step, -1) + 1 + AHEAD
    return np.where(schedule.cadence == SEMIMONTHLY, 2 * count, count), start


def _monthly(
    days: Days, schedule: Schedule, relation: np.ndarray, start: np.ndarray, number: np.ndarray
) -> np.ndarray:
    pair = schedule.cadence[relation] == SEMIMONTHLY
    month = start[relation] + np.where(pair, number // 2, number * schedule.step[relation])
    day = np.where(pair & (number % 2 == 1), schedule.day_b[relation], schedule.day_a[relation])
    first = days.month_first[month]
    last = days.month_first[month + 1] - 1
    due = np.where(day > 0, np.minimum(first + day - 1, last), last + day)
    rows = np.flatnonzero(schedule.nth[relation] != 0)
    if len(rows):
        chosen = relation[rows]
        due[rows] = _nth(first[rows], last[rows], schedule.weekday[chosen], schedule.nth[chosen])
    return due


def _nth(first: np.ndarray, last: np.ndarray, weekday: np.ndarray, nth: np.ndarray) -> np.ndarray:
    """Return the nth weekday of months given by their first and last day; Monday is 0."""
    forward = first + (weekday - (first + 3)) % 7 + 7 * (nth - 1)
    return np.where(nth > 0, forward, last - (last + 3 - weekday) % 7)
