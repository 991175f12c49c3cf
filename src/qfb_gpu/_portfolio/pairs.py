"""Pairs of firms that will have a relation, with what the relation inherits from them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qfb_gpu._portfolio.firms import Firms, hub_for, outside
from qfb_gpu._portfolio.kinds import HUBS, RETAIL, Kind, Trade
from qfb_gpu._portfolio.relations import Rows
from qfb_gpu._portfolio.setting import NULL_FIRM

_SHARED = 96
_RETAIL_FACTOR = {"takings": (3.5, 0.3), "platform": (2.0, 0.7)}


@dataclass(frozen=True, slots=True)
class Pairs(Rows):
    """Who pays whom, arrays of shape (n_pairs,).

    ``opened_day`` is the later of the two firms', ``leaves_day`` the earlier.
    """

    payer: np.ndarray
    payee: np.ndarray
    scale: np.ndarray
    currency: np.ndarray
    english: np.ndarray
    tidy: np.ndarray
    active: np.ndarray
    opened_day: np.ndarray
    leaves_day: np.ndarray


@dataclass(slots=True)
class Outsiders:
    """Hands out firms that bank elsewhere; some serve many customers of the block."""

    block: int
    used: int = field(default=_SHARED)

    def new(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return ``n`` firm codes, a fifth of them shared ones."""
        fresh = outside(self.block, self.used, n)
        self.used += n
        shared = outside(self.block, 0, _SHARED)[rng.integers(0, _SHARED, n)]
        return np.where(rng.random(n) < 0.2, shared, fresh)


def how_many(rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
    """Round means to whole numbers at random, so that the mean is kept."""
    return np.floor(mean + rng.random(len(mean))).astype(np.int64)


def draw_pairs(
    rng: np.random.Generator, firms: Firms, kind: Kind | Trade, outsiders: Outsiders
) -> Pairs:
    """Draw which customers have a kind of payment, and with whom outside the block."""
    mean = np.asarray(kind.per_firm)[firms.size]
    if kind.name in _RETAIL_FACTOR:
        yes, no = _RETAIL_FACTOR[kind.name]
        mean = mean * np.where(np.isin(firms.industry, RETAIL), yes, no)
    row = np.repeat(np.arange(len(mean)), how_many(rng, mean))
    other = _partner(rng, firms, kind, row, outsiders)
    own = firms.number[row]
    is_out = kind.direction == "out"
    return Pairs(
        payer=own if is_out else other,
        payee=other if is_out else own,
        scale=firms.scale[row],
        currency=firms.currency[row],
        english=firms.english[row] ^ (rng.random(len(row)) < 0.03),
        tidy=firms.tidy[row] if is_out else rng.random(len(row)) ** 2,
        active=firms.active[row],
        opened_day=firms.opened_day[row],
        leaves_day=firms.leaves_day[row],
    )


def _partner(
    rng: np.random.Generator,
    firms: Firms,
    kind: Kind | Trade,
    row: np.ndarray,
    outsiders: Outsiders,
) -> np.ndarray:
    if kind.party in HUBS:
        return hub_for(kind.party, rng, firms.province[row])
    if kind.party == "none":
        return np.full(len(row), NULL_FIRM)
    return outsiders.new(rng, len(row))


def edge_pairs(payers: Firms, payer_row: np.ndarray, payees: Firms, payee_row: np.ndarray) -> Pairs:
    """Return pairs of customers: who pays whom is known."""
    return Pairs(
        payer=payers.number[payer_row],
        payee=payees.number[payee_row],
        scale=np.sqrt(payers.scale[payer_row] * payees.scale[payee_row]),
        currency=np.where(
            payers.currency[payer_row] == payees.currency[payee_row],
            payers.currency[payer_row],
            0,
        ),
        english=payers.english[payer_row],
        tidy=payers.tidy[payer_row],
        active=np.sqrt(payers.active[payer_row] * payees.active[payee_row]),
        opened_day=np.maximum(payers.opened_day[payer_row], payees.opened_day[payee_row]),
        leaves_day=np.minimum(payers.leaves_day[payer_row], payees.leaves_day[payee_row]),
    )
