"""One part of a block, drawn whole: a block's own relations, or its links with the next block."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from qfb_gpu._portfolio.booking import Payments, book_standing
from qfb_gpu._portfolio.firms import Firms, draw_edges
from qfb_gpu._portfolio.habits import Habits, book_habits, draw_habits
from qfb_gpu._portfolio.kinds import IRREGULAR, STANDING
from qfb_gpu._portfolio.pairs import Outsiders, Pairs, draw_pairs, edge_pairs
from qfb_gpu._portfolio.relations import Relations
from qfb_gpu._portfolio.setting import BLOCK, Setting, pick
from qfb_gpu._portfolio.standing import Standing, draw_standing

_SUPPLY = next(kind for kind in STANDING if kind.name == "supply")
_PURCHASE = next(kind for kind in IRREGULAR if kind.name == "purchase")
_OWN, _LINK = 1, 2
_LINKS = BLOCK // 8


@dataclass(frozen=True, slots=True)
class Drawn:
    """Relations (the standing ones first), their payments up to as_of and their next ones."""

    relations: Relations
    standing: Standing
    habits: Habits
    payments: Payments
    later: Payments

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Return all parts as one, standing relations of all parts first."""
        n_standing = [len(part.standing.relation) for part in parts]
        n_habits = [len(part.habits.relation) for part in parts]
        standing_at = np.cumsum(n_standing) - n_standing
        habits_at = np.cumsum(n_habits) - n_habits + sum(n_standing)
        payments, later = [], []
        for part, first, standing, habit in zip(
            parts, n_standing, standing_at, habits_at, strict=True
        ):
            row = part.payments.relation
            row = np.where(row < first, row + standing, row - first + habit)
            payments.append(replace(part.payments, relation=row))
            later.append(replace(part.later, relation=part.later.relation + standing))
        standing_all = Standing.join([part.standing for part in parts])
        habits_all = Habits.join([part.habits for part in parts])
        return cls(
            Relations.join([standing_all.relation, habits_all.relation]),
            standing_all,
            habits_all,
            Payments.join(payments),
            Payments.join(later),
        )


def draw_own(setting: Setting, block: int, firms: Firms) -> Drawn:
    """Draw a block's relations with firms outside the bank and inside the block."""
    rng = setting.rng(block, _OWN)
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
    return _finish(setting, rng, standing, habits, trade)


def draw_link(setting: Setting, block: int, firms: Firms, following: Firms) -> Drawn:
    """Draw the trade between a block and the next one."""
    rng = setting.rng(block, _LINK)
    here = pick(rng, firms.scale**0.5, _LINKS)
    there = pick(rng, following.scale**0.5, _LINKS)
    half = _LINKS // 2
    trade = Pairs.join(
        [
            edge_pairs(firms, here[:half], following, there[:half]),
            edge_pairs(following, there[half:], firms, here[half:]),
        ]
    )
    return _finish(setting, rng, [], [], trade)


def _finish(
    setting: Setting,
    rng: np.random.Generator,
    standing: list[Standing],
    habits: list[Habits],
    trade: Pairs,
) -> Drawn:
    """Add the trade between customers, then let every relation pay."""
    n = len(trade.payer)
    orders, invoices = rng.random(n) < 0.35, rng.random(n) < 0.75
    pairs = trade.take(np.flatnonzero(orders))
    all_standing = Standing.join([*standing, draw_standing(setting, rng, _SUPPLY, pairs)])
    pairs = trade.take(np.flatnonzero(invoices | ~orders))
    all_habits = Habits.join([*habits, draw_habits(setting, rng, _PURCHASE, pairs)])
    done, later = book_standing(setting, rng, all_standing)
    irregular = book_habits(setting, rng, all_habits)
    shifted = replace(irregular, relation=irregular.relation + len(all_standing.relation))
    return Drawn(
        Relations.join([all_standing.relation, all_habits.relation]),
        all_standing,
        all_habits,
        Payments.join([done, shifted]),
        later,
    )
