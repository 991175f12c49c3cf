"""Irregular relations: trade at random, in bursts, by season, and decoys of one amount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from qfb_gpu._portfolio.booking import Payments, undue
from qfb_gpu._portfolio.firms import fading
from qfb_gpu._portfolio.kinds import SHAPES, Trade, weighted
from qfb_gpu._portfolio.relations import Relations, Rows
from qfb_gpu._portfolio.setting import (
    CURRENCY_SCALE,
    CURRENCY_UNIT,
    Setting,
    pick,
    ragged,
)
from qfb_gpu._portfolio.standing import draw_relation

if TYPE_CHECKING:
    from qfb_gpu._portfolio.pairs import Pairs

_BURSTY, _SEASONAL, _DECOY = (SHAPES.index(name) for name in ("bursty", "seasonal", "decoy"))
_CENTRES = 6
_MOST_PER_YEAR = 400


@dataclass(frozen=True, slots=True)
class Rates(Rows):
    """How irregular relations pay, shape (n_relations,) each; ``sigma`` 0 means one amount."""

    shape: np.ndarray
    n_payments: np.ndarray
    first_day: np.ndarray
    base: np.ndarray
    sigma: np.ndarray
    leaves_day: np.ndarray


@dataclass(frozen=True, slots=True)
class Habits:
    """Irregular relations and how they pay."""

    relation: Relations
    rates: Rates

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Return the relations of all parts, in order."""
        return cls(
            Relations.join([part.relation for part in parts]),
            Rates.join([part.rates for part in parts]),
        )


def draw_habits(setting: Setting, rng: np.random.Generator, kind: Trade, pairs: Pairs) -> Habits:
    """Draw the irregular relations of one kind between the pairs."""
    n = len(pairs.payer)
    names, weights = weighted(kind.shape)
    shape = np.array([SHAPES.index(name) for name in names])[pick(rng, weights, n)]
    relation = draw_relation(setting, rng, kind, pairs)
    years = np.maximum(setting.as_of_day - np.maximum(pairs.opened_day, setting.start_day), 0)
    mean = kind.per_year * pairs.active * np.exp(rng.normal(-0.4, 0.9, n)) / 365.2425
    mean = np.minimum(mean, _MOST_PER_YEAR / 365.2425) * years
    count = rng.poisson(mean)
    decoy = shape == _DECOY
    count = np.where(decoy, rng.integers(2, 14, n), count)
    base = kind.amount * pairs.scale**0.8 * np.exp(0.8 * rng.normal(0, 1, n))
    base = base * 100 * np.array(CURRENCY_SCALE)[relation.currency]
    base = np.where(decoy, np.maximum(np.rint(base / 1000), 1) * 1000, base)
    return Habits(
        relation,
        Rates(
            shape, np.where(years > 0, count, 0),
            np.maximum(pairs.opened_day, setting.start_day), base,
            np.where(decoy, 0.0, kind.spread), pairs.leaves_day,
        ),
    )  # fmt: skip


def book_habits(setting: Setting, rng: np.random.Generator, habits: Habits) -> Payments:
    """Return the payments of irregular relations, on working days."""
    rates = habits.rates
    relation, _ = ragged(rates.n_payments)
    place = _places(rng, rates, relation)
    days = setting.days
    low = days.rank(rates.first_day)[relation]
    high = days.rank(setting.as_of_day + 1)
    at = np.minimum(low + (place * (high - low)).astype(np.int64), high - 1)
    unit = np.array(CURRENCY_UNIT)[habits.relation.currency[relation]]
    noise = rates.sigma[relation] * rng.standard_normal(len(relation), dtype=np.float32)
    amount = np.maximum(np.rint(rates.base[relation] * np.exp(noise) / unit), 1) * unit
    day = days.working[at]
    stays = rng.random(len(day), dtype=np.float32) >= fading(rates.leaves_day[relation], day)
    return undue(relation, day, amount).take(np.flatnonzero((high > low) & stays))


def _places(rng: np.random.Generator, rates: Rates, relation: np.ndarray) -> np.ndarray:
    """Return where in its relation's span each payment falls, 0..1."""
    place = rng.random(len(relation))
    shape = rates.shape[relation]
    centres = rng.random((len(rates.shape), _CENTRES))
    near = np.flatnonzero(shape == _BURSTY)
    chosen = centres[relation[near], rng.integers(0, _CENTRES, len(near))]
    place[near] = (chosen + rng.exponential(0.012, len(near))) % 1.0
    # A density 1 + cos: two uniform draws, the second of which rejects towards the season's top.
    top = rng.random(len(rates.shape))
    seasonal = np.flatnonzero(shape == _SEASONAL)
    angle = 2 * np.pi * (2 * place[seasonal] - top[relation[seasonal]])
    place[seasonal] = (place[seasonal] - 0.07 * np.sin(angle)) % 1.0
    return place
