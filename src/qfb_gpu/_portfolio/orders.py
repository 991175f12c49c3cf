"""Orders: placed, delivered (late, in part, or never in full), then paid after the terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qfb_gpu._portfolio.contracts import NUMBERS
from qfb_gpu._portfolio.kinds import ORDER
from qfb_gpu._portfolio.relations import Relations, Rows
from qfb_gpu._portfolio.setting import (
    CURRENCY_SCALE,
    CURRENCY_UNIT,
    Setting,
    numbered,
    pick,
    ragged,
)
from qfb_gpu._portfolio.standing import draw_relation
from qfb_gpu._portfolio.vocabulary import ITEMS
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.schema import ROLLS

if TYPE_CHECKING:
    from qfb_gpu._portfolio.pairs import Pairs

_FOLLOWING, _PRECEDING = ROLLS.index("following"), ROLLS.index("preceding")
_TERMS = np.array((0, 15, 30, 45, 60, 90))
_TERM_WEIGHTS = (2, 2, 5, 2, 3, 2)


@dataclass(frozen=True, slots=True)
class Orders(Rows):
    """Orders, shape (n_orders,) each; ``amount`` in hundredths of the currency.

    ``delivered_day`` (in full) and ``paid_day`` may lie after as_of, and are ``NULL_DAY`` where it
    never happens; ``share_by_now`` is what has come of an order that is open at as_of.
    """

    payer: np.ndarray
    payee: np.ndarray
    currency: np.ndarray
    ordinal: np.ndarray
    item: np.ndarray
    order_day: np.ndarray
    due_day: np.ndarray
    delivered_day: np.ndarray
    share_by_now: np.ndarray
    quantity: np.ndarray
    amount: np.ndarray
    paid_day: np.ndarray


def draw_orders(
    setting: Setting, rng: np.random.Generator, pairs: Pairs, offset: np.ndarray
) -> tuple[Orders, Relations]:
    """Draw the orders of pairs, and the relation that pays each.

    ``offset`` is the first ordinal of each pair's payer, shape (n_pairs,).
    """
    n_pairs = len(pairs.payer)
    begin = np.maximum(pairs.opened_day, setting.start_day)
    years = np.maximum(setting.as_of_day - begin, 0) / 365.2425
    rate = ORDER.per_year * np.minimum(pairs.active * np.exp(rng.normal(-0.3, 0.7, n_pairs)), 12)
    owner, _ = ragged(rng.poisson(rate * years))
    rows, n = pairs.take(owner), len(owner)
    order_day = begin[owner] + (rng.random(n) * (setting.as_of_day - begin[owner])).astype(np.int64)
    lead = rng.integers(7, 60, n_pairs)[owner]
    due = setting.days.rolled(_FOLLOWING, order_day + np.maximum(lead + rng.integers(-3, 4, n), 3))
    delivered = _delivered(setting, rng, order_day, due, (rng.random(n_pairs) ** 2)[owner])
    terms = _TERMS[pick(rng, _TERM_WEIGHTS, n_pairs)][owner]
    quantity, amount = _quantity(rng, rows)
    orders = Orders(
        payer=rows.payer, payee=rows.payee, currency=rows.currency,
        ordinal=offset[owner] + numbered(rows.payer, order_day),
        item=(rng.integers(0, len(ITEMS), n_pairs)[owner] + (rng.random(n) < 0.2)) % len(ITEMS),
        order_day=order_day, due_day=due, delivered_day=delivered,
        share_by_now=_share(setting, rng, order_day, due, delivered),
        quantity=quantity, amount=amount,
        paid_day=_paid(setting, rng, rows, delivered, terms),
    )  # fmt: skip
    relation = draw_relation(setting, rng, ORDER, rows)
    number = (orders.payer * NUMBERS + orders.ordinal) % 10**9
    return orders, replace(relation, contract=number)


def _delivered(
    setting: Setting,
    rng: np.random.Generator,
    order_day: np.ndarray,
    due: np.ndarray,
    sloppy: np.ndarray,
) -> np.ndarray:
    n = len(due)
    u, delay = rng.random(n), rng.standard_exponential(n)
    late = u < np.minimum(0.8, setting.hardness * (0.04 + 0.5 * sloppy))
    early = (u > 1.0 - 0.25 * min(setting.hardness, 1.0)) & ~late
    days = np.where(late, 1 + 0.35 * delay * (due - order_day), 0).astype(np.int64)
    came = setting.days.rolled(_FOLLOWING, due + days)
    soon = setting.days.rolled(_PRECEDING, due - 1 - np.minimum(delay, 4).astype(np.int64))
    came = np.where(early & (soon > order_day), soon, came)
    never = rng.random(n) < setting.often(0.025) * (0.1 + sloppy)
    return np.where(never, NULL_DAY, came)


def _share(
    setting: Setting,
    rng: np.random.Generator,
    order_day: np.ndarray,
    due: np.ndarray,
    delivered: np.ndarray,
) -> np.ndarray:
    """Return how much of an order that is open has come: nothing before half the lead time."""
    n = len(due)
    lived = (setting.as_of_day - order_day) / np.maximum(due - order_day, 1)
    partly = (rng.random(n) < 0.35 * min(setting.hardness, 1.0)) & (lived > 0.5)
    partly |= (delivered == NULL_DAY) & (lived > 1.0)
    return np.where(partly, rng.uniform(0.1, 0.9, n), 0.0)


def _quantity(rng: np.random.Generator, rows: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Return units and amounts: a whole number of units at a price in the smallest unit."""
    n = len(rows.payer)
    quantity = np.maximum(np.rint(np.exp(rng.normal(4.0, 1.0, n))), 1).astype(np.int64)
    amount = ORDER.amount * rows.scale**0.8 * np.exp(ORDER.spread * rng.normal(0, 1, n))
    unit = np.array(CURRENCY_UNIT)[rows.currency]
    price = amount * 100 * np.array(CURRENCY_SCALE)[rows.currency] / quantity / unit
    return quantity, np.maximum(np.rint(price), 1).astype(np.int64) * unit * quantity


def _paid(
    setting: Setting,
    rng: np.random.Generator,
    rows: Pairs,
    delivered: np.ndarray,
    terms: np.ndarray,
) -> np.ndarray:
    n = len(delivered)
    came = delivered != NULL_DAY
    chance = np.minimum(0.8, setting.hardness * (0.05 + 0.5 * rows.tidy))
    late = np.where(rng.random(n) < chance, 1 + 12 * rng.standard_exponential(n), 0)
    owed = np.where(came, delivered + terms + late.astype(np.int64), setting.as_of_day)
    return np.where(came, setting.days.rolled(_FOLLOWING, owed), NULL_DAY)
