"""Relations: who pays whom for what. Standing ones carry a schedule, irregular ones a rate.

One row is one contract, or one habit; several rows may share payer and payee.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np


@dataclass(frozen=True, slots=True)
class Rows:
    """Equally long arrays; can be joined and cut."""

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Return the rows of all parts, in order."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, rows: np.ndarray) -> Self:
        """Return the chosen rows."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Relations(Rows):
    """What a payment inherits from its relation, shape (n_relations,) each.

    ``payer`` and ``payee`` are firm codes; ``memo``, ``category`` and ``channel`` index the
    vocabulary; ``contract`` is a number that the memo may quote; ``name`` is the index of the
    counterparty's name where only the memo tells it, else 0.
    """

    payer: np.ndarray
    payee: np.ndarray
    currency: np.ndarray
    memo: np.ndarray
    category: np.ndarray
    channel: np.ndarray
    contract: np.ndarray
    name: np.ndarray
    tidy: np.ndarray

    def __len__(self) -> int:
        """Return the number of relations."""
        return len(self.payer)


@dataclass(frozen=True, slots=True)
class Schedule(Rows):
    """When the payments of standing relations are due, shape (n_relations,) each.

    ``cadence`` and ``roll`` index the schema's tuples. ``step`` is in days, working days or
    months by cadence, and ``phase`` the day, working day's rank or month that it counts from.
    ``day_a`` (and ``day_b`` for pairs) is a day of the month; 0 is the last, -1 the one before.
    ``nth`` is 0 unless the due day is the nth ``weekday`` of the month (-1: the last).
    Payments are due from ``first_day`` to ``end_day`` (``NEVER`` for one that goes on).
    """

    cadence: np.ndarray
    step: np.ndarray
    phase: np.ndarray
    day_a: np.ndarray
    day_b: np.ndarray
    weekday: np.ndarray
    nth: np.ndarray
    roll: np.ndarray
    first_day: np.ndarray
    end_day: np.ndarray


@dataclass(frozen=True, slots=True)
class Amounts(Rows):
    """How much standing relations pay, shape (n_relations,) each; hundredths of the currency.

    ``kind`` indexes ``AMOUNT_KINDS``. From ``step_day`` on amounts are ``step_ratio`` times as
    high; ``trend`` is growth a year; ``sigma`` the log-normal spread; ``season`` the yearly swing.
    """

    base: np.ndarray
    unit: np.ndarray
    kind: np.ndarray
    step_day: np.ndarray
    step_ratio: np.ndarray
    trend: np.ndarray
    sigma: np.ndarray
    season: np.ndarray
    season_day: np.ndarray


NEVER = 1 << 30
