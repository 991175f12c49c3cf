"""What the whole portfolio shares: its window, its calendar as tables, its random numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from qfb_gpu.ledger import Calendar

BLOCK = 256
NULL_FIRM = -1
FIRST_HUB = -2
FIRST_OUTSIDE = -1_000_000
CURRENCIES = ("CNY", "USD", "JPY", "EUR")
CURRENCY_SCALE = (1.0, 0.14, 20.0, 0.13)
CURRENCY_UNIT = (1, 1, 100, 1)  # hundredths that make the smallest unit paid
MONTH_DAYS = 365.2425 / 12
_MONTHS_FROM_1970 = 12 * 72


class Part(IntEnum):
    """Parts of a block; each has random numbers of its own, so one may be left out."""

    FIRMS = 0
    OWN = 1
    LINK = 2
    OWN_DEALS = 3
    LINK_DEALS = 4
    CLAIMS = 5
    HOLDINGS = 6
    EVENTS = 7
    TOUCHES = 8


@dataclass(frozen=True)
class Days:
    """A calendar as lookup tables; a day is an int counted from 1970-01-01."""

    calendar: Calendar

    @cached_property
    def roll(self) -> np.ndarray:
        """Day to booking day: int32, shape (4 rolls, n_days), rows as in ``schema.ROLLS``."""
        working = np.asarray(self.calendar.is_working)
        first = self.calendar.first_day
        index = np.arange(len(working))
        before = np.maximum.accumulate(np.where(working, index, -1))
        before = np.where(before < 0, index, before)
        after = np.minimum.accumulate(np.where(working, index, len(working))[::-1])[::-1]
        after = np.where(after >= len(working), index, after)
        month = self.month_of(index + first)
        modified = np.where(month[after] == month, after, before)
        return (np.stack([index, before, after, modified]) + first).astype(np.int32)

    @cached_property
    def month_first(self) -> np.ndarray:
        """First day of each month from January 1970, int32."""
        months = np.arange(_MONTHS_FROM_1970).astype("datetime64[M]")
        return months.astype("datetime64[D]").astype(np.int32)

    @cached_property
    def working(self) -> np.ndarray:
        """Every working day, ascending, int32."""
        days = np.flatnonzero(np.asarray(self.calendar.is_working)) + self.calendar.first_day
        return days.astype(np.int32)

    def month_of(self, day: Any) -> np.ndarray:
        """Return the month of each day, counted from January 1970."""
        return np.searchsorted(self.month_first, day, side="right") - 1

    def rank(self, day: Any) -> np.ndarray:
        """Return how many working days lie before each day."""
        return np.searchsorted(self.working, day, side="left")

    def rolled(self, roll: Any, day: Any) -> np.ndarray:
        """Return the booking day of each due day under each roll."""
        table: np.ndarray = self.roll[roll, np.asarray(day) - self.calendar.first_day]
        return table


@dataclass(frozen=True)
class Setting:
    """The window of days ``start_day``..``as_of_day``, and how hard the data is."""

    seed: int
    start_day: int
    as_of_day: int
    hardness: float
    days: Days

    @property
    def years(self) -> float:
        """Length of the window."""
        return (self.as_of_day - self.start_day + 1) / 365.2425

    def rng(self, block: int, part: Part) -> np.random.Generator:
        """Return the generator of one part of one block: Philox, keyed by all three numbers."""
        key = np.random.SeedSequence([self.seed, block, int(part)])
        return np.random.Generator(np.random.Philox(key))

    def often(self, probability: float) -> float:
        """Return a probability at hardness 1 as one at this hardness."""
        return 1.0 - math.exp(-self.hardness * -math.log1p(-min(probability, 0.95)))


def pick(rng: np.random.Generator, weights: Any, n: int) -> np.ndarray:
    """Return ``n`` draws of an index with the given weights."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.searchsorted(edges, rng.random(n) * edges[-1], side="right")


def numbered(owner: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Count the rows of each owner from 0, by day."""
    order = np.lexsort((day, owner))
    chosen = owner[order]
    ordinal = np.empty(len(owner), dtype=np.int64)
    ordinal[order] = np.arange(len(owner)) - np.searchsorted(chosen, chosen, side="left")
    return ordinal


def ragged(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the owner of each item, and its number among its owner's, for ``counts`` items."""
    owner = np.repeat(np.arange(len(counts)), counts)
    offsets = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - np.repeat(offsets, counts)
