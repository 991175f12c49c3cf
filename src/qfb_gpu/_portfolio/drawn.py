"""One part of a block, drawn whole: a block's own relations, or its links with the next block."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from qfb_gpu._portfolio.booking import Payments, book_standing
from qfb_gpu._portfolio.deals import (
    Deals,
    book_nodes,
    book_orders,
    choose_traders,
    draw_deals,
    thinned,
)
from qfb_gpu._portfolio.firms import Firms, draw_edges
from qfb_gpu._portfolio.habits import Habits, book_habits, draw_habits
from qfb_gpu._portfolio.kinds import CONTRACT, IRREGULAR, ORDER, STANDING
from qfb_gpu._portfolio.pairs import Outsiders, Pairs, draw_pairs, edge_pairs
from qfb_gpu._portfolio.relations import Relations
from qfb_gpu._portfolio.setting import BLOCK, Part, Setting, pick
from qfb_gpu._portfolio.standing import Standing, draw_standing

_SUPPLY = next(kind for kind in STANDING if kind.name == "supply")
_PURCHASE = next(kind for kind in IRREGULAR if kind.name == "purchase")
_LINKED_PAYS, _LINKED_IS_PAID = 300_000, 600_000  # first numbers of deals of a link
_LINKS = BLOCK // 8


@dataclass(frozen=True, slots=True)
class Drawn:
    """Relations, their payments up to as_of, and of the standing ones the next payment and due day.

    Relations stand in four groups: standing, irregular, contracts' nodes, orders.
    """

    relations: Relations
    standing: Standing
    habits: Habits
    deals: Deals
    payments: Payments
    later: Payments
    planned: Payments

    @property
    def sizes(self) -> list[int]:
        """Number of relations in each group."""
        groups = (self.standing.relation, self.habits.relation,
                  self.deals.node_relation, self.deals.order_relation)  # fmt: skip
        return [len(group) for group in groups]

    @classmethod
    def of(cls, setting: Setting, standing: Standing, habits: Habits, deals: Deals,
           rng: np.random.Generator) -> Self:  # fmt: skip
        """Let every relation pay."""
        done, later, planned = book_standing(setting, rng, standing)
        booked = [done, book_habits(setting, rng, habits), book_nodes(setting, deals),
                  book_orders(setting, deals)]  # fmt: skip
        groups = [standing.relation, habits.relation, deals.node_relation, deals.order_relation]
        starts = _starts([len(group) for group in groups])
        payments = [
            replace(part, relation=part.relation + start)
            for part, start in zip(booked, starts, strict=True)
        ]
        return cls(
            Relations.join(groups),
            standing,
            habits,
            deals,
            Payments.join(payments),
            later,
            planned,
        )

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Return all parts as one, each group of relations joined by itself."""
        sizes = np.array([part.sizes for part in parts])
        ends = sizes.sum(axis=0)
        starts = _starts(ends) + np.cumsum(sizes, axis=0) - sizes
        payments: list[Payments] = []
        later: list[Payments] = []
        planned: list[Payments] = []
        for part, size, start in zip(parts, sizes, starts, strict=True):
            shift = np.repeat(start - _starts(size), size)
            row = part.payments.relation
            payments.append(replace(part.payments, relation=row + shift[row]))
            later.append(replace(part.later, relation=part.later.relation + start[0]))
            planned.append(replace(part.planned, relation=part.planned.relation + start[0]))
        standing = Standing.join([part.standing for part in parts])
        habits = Habits.join([part.habits for part in parts])
        deals = Deals.join([part.deals for part in parts])
        return cls(
            Relations.join(
                [standing.relation, habits.relation, deals.node_relation, deals.order_relation]
            ),
            standing,
            habits,
            deals,
            Payments.join(payments),
            Payments.join(later),
            Payments.join(planned),
        )


def _starts(sizes: Any) -> np.ndarray:
    starts: np.ndarray = np.cumsum(sizes) - sizes
    return starts


def draw_own(setting: Setting, block: int, firms: Firms) -> Drawn:
    """Draw a block's relations with firms outside the bank and inside the block."""
    rng = setting.rng(block, Part.OWN)
    outsiders = Outsiders(block)
    standing = [
        draw_standing(setting, rng, kind, draw_pairs(rng, firms, kind, outsiders))
        for kind in STANDING
    ]
    habits = [
        draw_habits(setting, rng, kind, draw_pairs(rng, firms, kind, outsiders))
        for kind in IRREGULAR
    ]
    payer, payee = draw_edges(rng, firms)
    trade = edge_pairs(firms, payer, firms, payee)
    deals_rng = setting.rng(block, Part.OWN_DEALS)
    chosen = choose_traders(setting, deals_rng, trade)
    outside = thinned(setting, deals_rng, draw_pairs(deals_rng, firms, CONTRACT, outsiders))
    pairs = [
        Pairs.join([outside, trade.take(chosen[0])]),
        Pairs.join([draw_pairs(deals_rng, firms, ORDER, outsiders), trade.take(chosen[1])]),
    ]
    offsets = [np.zeros(len(each.payer), dtype=np.int64) for each in pairs]
    deals = draw_deals(setting, deals_rng, pairs[0], pairs[1], (offsets[0], offsets[1]))
    return _finish(setting, rng, standing, habits, trade, deals)


def draw_link(setting: Setting, block: int, firms: Firms, following: Firms) -> Drawn:
    """Draw the trade between a block and the next one."""
    rng = setting.rng(block, Part.LINK)
    here = pick(rng, firms.scale**0.5, _LINKS)
    there = pick(rng, following.scale**0.5, _LINKS)
    half = _LINKS // 2
    trade = Pairs.join(
        [
            edge_pairs(firms, here[:half], following, there[:half]),
            edge_pairs(following, there[half:], firms, here[half:]),
        ]
    )
    deals_rng = setting.rng(block, Part.LINK_DEALS)
    first = np.where(trade.payer < following.number[0], _LINKED_PAYS, _LINKED_IS_PAID)
    contracts, orders = choose_traders(setting, deals_rng, trade)
    offsets = first[contracts], first[orders]
    deals = draw_deals(setting, deals_rng, trade.take(contracts), trade.take(orders), offsets)
    return _finish(setting, rng, [], [], trade, deals)


def _finish(
    setting: Setting,
    rng: np.random.Generator,
    standing: list[Standing],
    habits: list[Habits],
    trade: Pairs,
    deals: Deals,
) -> Drawn:
    """Add the trade between customers, then let every relation pay."""
    n = len(trade.payer)
    orders, invoices = rng.random(n) < 0.35, rng.random(n) < 0.75
    pairs = trade.take(np.flatnonzero(orders))
    all_standing = Standing.join([*standing, draw_standing(setting, rng, _SUPPLY, pairs)])
    pairs = trade.take(np.flatnonzero(invoices | ~orders))
    all_habits = Habits.join([*habits, draw_habits(setting, rng, _PURCHASE, pairs)])
    return Drawn.of(setting, all_standing, all_habits, deals, rng)
