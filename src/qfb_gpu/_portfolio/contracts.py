"""Contracts and their payment nodes: when each is due, paid, or never paid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qfb_gpu._portfolio.clauses import (
    ENGLISH,
    FIRST_NODE,
    FIRST_TEMPLATE,
    N_NODES,
    N_TEMPLATES,
    NODE_BASIS_POINTS,
    NODE_DAYS,
    NODE_KIND,
    NODE_KINDS,
    NODE_PLACE,
    STYLE_WEIGHTS,
    STYLES,
)
from qfb_gpu._portfolio.kinds import CONTRACT
from qfb_gpu._portfolio.relations import Relations, Rows
from qfb_gpu._portfolio.setting import CURRENCY_SCALE, Setting, numbered, pick, ragged
from qfb_gpu._portfolio.standing import draw_relation
from qfb_gpu._portfolio.vocabulary import MEMO_RANGES, pair_category
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.schema import ROLLS

if TYPE_CHECKING:
    from qfb_gpu._portfolio.pairs import Pairs

_FOLLOWING, _PRECEDING = ROLLS.index("following"), ROLLS.index("preceding")
_WEIGHTS = (5, 2, 4, 1)
_SHORTEST, _LONGEST = np.array((40, 150, 90, 365)), np.array((300, 720, 540, 1095))
_TYPICAL = np.array((80_000, 400_000, 60_000, 150_000))
_UNIT = 20_000  # hundredths: every share of half a per cent is then whole, in yen too
_BREACH_DAYS = 60
_BOOKED_AS = np.array(
    [
        pair_category("货款", "货款收入"),
        pair_category("工程款", "货款收入"),
        pair_category("服务费", "服务收入"),
        pair_category("设备租赁", "租赁收入"),
    ]
)
NUMBERS = 10**6
"""Contracts (and orders) that one customer may have: a memo quotes its number and theirs."""


@dataclass(frozen=True, slots=True)
class Contracts(Rows):
    """Contracts, shape (n_contracts,) each; ``total`` in hundredths of the currency.

    ``category`` and ``clause`` index the vocabulary of :mod:`clauses`; ``ordinal`` counts the
    payer's contracts; ``breach_from`` is the node from which the payer fails, or -1.
    """

    payer: np.ndarray
    payee: np.ndarray
    currency: np.ndarray
    ordinal: np.ndarray
    category: np.ndarray
    clause: np.ndarray
    start_day: np.ndarray
    end_day: np.ndarray
    total: np.ndarray
    tidy: np.ndarray
    breach_from: np.ndarray


@dataclass(frozen=True, slots=True)
class Nodes(Rows):
    """Payment nodes of contracts, shape (n_nodes,) each.

    ``paid_day`` is ``NULL_DAY`` where it is never paid, and may lie after as_of; ``linked`` says
    whether the contract's book keeps the payment's number.
    """

    contract: np.ndarray
    kind: np.ndarray
    basis_points: np.ndarray
    due_day: np.ndarray
    paid_day: np.ndarray
    amount: np.ndarray
    linked: np.ndarray

    @property
    def fails(self) -> np.ndarray:
        """Whether the node is never paid, or more than ``_BREACH_DAYS`` late."""
        failed: np.ndarray = (self.paid_day == NULL_DAY) | (
            self.paid_day - self.due_day > _BREACH_DAYS
        )
        return failed

    @property
    def fails_day(self) -> np.ndarray:
        """The day from which a node that fails is a breach."""
        return self.due_day + _BREACH_DAYS


def draw_contracts(
    setting: Setting, rng: np.random.Generator, pairs: Pairs, offset: np.ndarray
) -> tuple[Contracts, Nodes, Relations]:
    """Draw the contracts of pairs, their nodes, and the relation that pays each node.

    ``offset`` is the first ordinal of each pair's payer, shape (n_pairs,).
    """
    owner, _ = ragged(1 + rng.poisson(0.3, len(pairs.payer)))
    rows = pairs.take(owner)
    contracts = _terms(setting, rng, rows, offset[owner])
    nodes = _nodes(setting, rng, contracts)
    relation = draw_relation(setting, rng, CONTRACT, rows.take(nodes.contract))
    own = contracts.take(nodes.contract)
    generic = rng.random(len(nodes.kind)) < 0.45
    ranges = np.array([MEMO_RANGES[kind] for kind in NODE_KINDS])[nodes.kind]
    english = rows.english[nodes.contract]
    low = np.where(english, ranges[:, 1], ranges[:, 0])
    high = np.where(english, ranges[:, 2], ranges[:, 1])
    relation = replace(
        relation,
        contract=(own.payer * NUMBERS + own.ordinal) % 10**9,
        memo=np.where(generic, relation.memo, rng.integers(low, high)),
        category=_BOOKED_AS[own.category],
    )
    return contracts, nodes, relation


def _terms(
    setting: Setting, rng: np.random.Generator, rows: Pairs, offset: np.ndarray
) -> Contracts:
    n = len(rows.payer)
    category = pick(rng, _WEIGHTS, n)
    template = FIRST_TEMPLATE[category] + rng.integers(0, N_TEMPLATES[category])
    style = np.where(rows.english, ENGLISH, pick(rng, STYLE_WEIGHTS, n))
    begin = np.maximum(rows.opened_day, setting.start_day)
    start = begin + (rng.random(n) * (setting.as_of_day - begin)).astype(np.int64)
    length = rng.integers(_SHORTEST[category], _LONGEST[category] + 1)
    amount = _TYPICAL[category] * rows.scale**0.8 * np.exp(0.9 * rng.normal(0, 1, n))
    total = amount * 100 * np.array(CURRENCY_SCALE)[rows.currency] / _UNIT
    breaches = rng.random(n) < setting.often(0.2) * (0.15 + rows.tidy)
    fails = (rng.random(n) * N_NODES[template]).astype(np.int64)
    return Contracts(
        payer=rows.payer,
        payee=rows.payee,
        currency=rows.currency,
        ordinal=offset + numbered(rows.payer, start),
        category=category,
        clause=template * len(STYLES) + style,
        start_day=start,
        end_day=start + length,
        total=np.maximum(np.rint(total), 1).astype(np.int64) * _UNIT,
        tidy=rows.tidy,
        breach_from=np.where(breaches, fails, -1),
    )


def _nodes(setting: Setting, rng: np.random.Generator, contracts: Contracts) -> Nodes:
    template = contracts.clause // len(STYLES)
    contract, ordinal = ragged(N_NODES[template])
    row = FIRST_NODE[template[contract]] + ordinal
    n = len(row)
    place = NODE_PLACE[row]
    inside = (place > 0) & (place < 1)
    place = np.where(inside, place + rng.uniform(-0.06, 0.06, n), place)
    start = contracts.start_day[contract]
    length = contracts.end_day[contract] - start
    due = start + np.rint(place * length).astype(np.int64) + NODE_DAYS[row]
    return Nodes(
        contract=contract,
        kind=NODE_KIND[row],
        basis_points=NODE_BASIS_POINTS[row],
        due_day=due,
        paid_day=_paid(setting, rng, contracts, contract, ordinal, due),
        amount=contracts.total[contract] // 10_000 * NODE_BASIS_POINTS[row],
        linked=rng.random(n) >= setting.often(0.12),
    )


def _paid(
    setting: Setting,
    rng: np.random.Generator,
    contracts: Contracts,
    contract: np.ndarray,
    ordinal: np.ndarray,
    due: np.ndarray,
) -> np.ndarray:
    """Pay some days before the due day, on it, late, or never; later ahead of a breach."""
    n = len(due)
    breach_from, tidy = contracts.breach_from[contract], contracts.tidy[contract]
    troubled = breach_from >= 0
    fails = troubled & (ordinal >= breach_from)
    chance = np.minimum(0.9, setting.hardness * (0.06 + 0.3 * tidy + 0.4 * troubled))
    u, delay = rng.random(n), rng.standard_exponential(n)
    late = np.where(u < chance, np.minimum(2 + 9 * delay * (1 + troubled), 55), 0)
    late = np.where(fails, _BREACH_DAYS + 10 + 40 * delay, late).astype(np.int64)
    early = (rng.random(n) < 0.4 * min(setting.hardness, 1.0)) & (late == 0)
    early_days = rng.integers(1, 5, n)
    soon = setting.days.rolled(_PRECEDING, due - np.where(early, early_days, 0))
    on_time = setting.days.rolled(_FOLLOWING, due + late)
    day = np.where(early & (soon >= contracts.start_day[contract]), soon, on_time)
    never = fails & (rng.random(n) < 0.5)
    return np.where(never, NULL_DAY, day)
