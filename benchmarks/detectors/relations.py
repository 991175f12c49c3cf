"""What every detector is given and what it gives back.

Payments stand in ascending order of relation (customer, counterparty, direction, currency), then
day; relation ``r`` owns ``offsets[r]:offsets[r + 1]``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qfb_gpu.ledger import NULL_DAY

_MONTH = 30.436875
NOMINAL = {
    "daily": 1.4,
    "weekly": 7,
    "biweekly": 14,
    "semimonthly": _MONTH / 2,
    "monthly": _MONTH,
    "bimonthly": 2 * _MONTH,
    "quarterly": 3 * _MONTH,
    "semiannual": 6 * _MONTH,
    "annual": 12 * _MONTH,
}
_WIDTH = 0.06  # of a nominal period: a 28-day payer is not monthly
_MONTHS = {"monthly": 1, "bimonthly": 2, "quarterly": 3, "semiannual": 6, "annual": 12}


class Relations(NamedTuple):
    """The payments of a portfolio."""

    day: np.ndarray
    amount: np.ndarray
    offsets: np.ndarray
    as_of_day: int

    @property
    def n_payments(self) -> np.ndarray:
        """Payments of each relation."""
        return np.diff(self.offsets)


class Answer(NamedTuple):
    """The regular streams that a detector found.

    ``stream`` says for each payment which row it belongs to, -1 for none. Dates are days since
    1970-01-01, ``NULL_DAY`` where nothing is expected; ranges are NaN where none is given.
    """

    stream: np.ndarray
    cadence: np.ndarray
    next_day: np.ndarray
    earliest: np.ndarray
    latest: np.ndarray
    amount_low: np.ndarray
    amount_high: np.ndarray


def of_periods(relations: Relations, period: np.ndarray) -> Answer:
    """Return the answer of a detector that gives each whole relation a period or NaN.

    The next date is as a careful user would count it on: by calendar months where the period is
    about that of months, else by days, from the last payment to the first date after as_of.
    """
    found = np.flatnonzero(np.isfinite(period))
    row = np.full(len(period), -1)
    row[found] = np.arange(len(found))
    stream = np.repeat(row, relations.n_payments)
    cadence = np.array([_cadence(days) for days in period[found]], dtype=object)
    last = relations.day[relations.offsets[1:] - 1][found]
    after = [
        _next(*values, relations.as_of_day)
        for values in zip(last, period[found], cadence, strict=True)
    ]
    none = np.full(len(found), np.nan)
    return Answer(stream, cadence, np.array(after, dtype=np.int64), none, none, none, none)


def _cadence(days: float) -> str:
    name = min(NOMINAL, key=lambda name: abs(NOMINAL[name] / days - 1))
    return name if abs(NOMINAL[name] / days - 1) <= _WIDTH else "every_n_days"


def _next(last: int, period: float, cadence: str, as_of_day: int) -> int:
    if as_of_day - last > 3 * period:
        return NULL_DAY  # given up as ended
    k = 1
    if cadence in _MONTHS:
        while (there := _months_later(last, k * _MONTHS[cadence])) <= as_of_day:
            k += 1
        return there
    while (there := round(last + k * period)) <= as_of_day:
        k += 1
    return there


def _months_later(day: int, months: int) -> int:
    date = np.datetime64(int(day), "D")
    month = date.astype("datetime64[M]")
    within = int((date - month.astype("datetime64[D]")).astype(int))
    then = month + months
    length = int(((then + 1).astype("datetime64[D]") - then.astype("datetime64[D]")).astype(int))
    return int(then.astype("datetime64[D]").astype(int)) + min(within, length - 1)
