"""Deals between firms: contracts with their nodes, and orders; and what is paid for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from qfb_gpu._portfolio.booking import Payments, undue
from qfb_gpu._portfolio.contracts import Contracts, Nodes, draw_contracts
from qfb_gpu._portfolio.orders import Orders, draw_orders
from qfb_gpu._portfolio.relations import Relations
from qfb_gpu.ledger import NULL_DAY

if TYPE_CHECKING:
    from qfb_gpu._portfolio.pairs import Pairs
    from qfb_gpu._portfolio.setting import Setting

_CONTRACTS_A_PAIR, _ORDERS_A_PAIR = 0.2, 0.35


@dataclass(frozen=True, slots=True)
class Deals:
    """Contracts, their nodes and orders; every node and every order is a relation of its own.

    ``node_relation`` and ``order_relation`` hold one row a node and a row an order.
    """

    contracts: Contracts
    nodes: Nodes
    node_relation: Relations
    orders: Orders
    order_relation: Relations

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Return the deals of all parts, in order."""
        n_contracts = [len(part.contracts.payer) for part in parts]
        starts = np.cumsum(n_contracts) - n_contracts
        nodes = [
            replace(part.nodes, contract=part.nodes.contract + start)
            for part, start in zip(parts, starts, strict=True)
        ]
        return cls(
            Contracts.join([part.contracts for part in parts]),
            Nodes.join(nodes),
            Relations.join([part.node_relation for part in parts]),
            Orders.join([part.orders for part in parts]),
            Relations.join([part.order_relation for part in parts]),
        )


def choose_traders(
    setting: Setting, rng: np.random.Generator, trade: Pairs
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of ``trade`` that have contracts, and those that order."""
    n = len(trade.payer)
    seen = _seen(setting, trade)
    contracts = np.flatnonzero(rng.random(n) < _CONTRACTS_A_PAIR * seen * setting.years / 2)
    return contracts, np.flatnonzero(rng.random(n) < _ORDERS_A_PAIR)


def thinned(setting: Setting, rng: np.random.Generator, pairs: Pairs) -> Pairs:
    """Keep pairs with the share of two years that the window shows of them."""
    chance = _seen(setting, pairs) * setting.years / 2
    return pairs.take(np.flatnonzero(rng.random(len(pairs.payer)) < chance))


def _seen(setting: Setting, pairs: Pairs) -> np.ndarray:
    """Return the share of the window in which both firms of each pair are customers."""
    window = setting.as_of_day - setting.start_day + 1
    return np.clip((setting.as_of_day + 1 - pairs.opened_day) / window, 0.0, 1.0)


def draw_deals(
    setting: Setting,
    rng: np.random.Generator,
    with_contracts: Pairs,
    with_orders: Pairs,
    offsets: tuple[np.ndarray, np.ndarray],
) -> Deals:
    """Draw the contracts and the orders of pairs; ``offsets`` are their payers' first ordinals."""
    contracts, nodes, node_relation = draw_contracts(setting, rng, with_contracts, offsets[0])
    orders, order_relation = draw_orders(setting, rng, with_orders, offsets[1])
    return Deals(contracts, nodes, node_relation, orders, order_relation)


def book_nodes(setting: Setting, deals: Deals) -> Payments:
    """Return the payments of nodes up to as_of; their relation is the row of the node."""
    return _up_to_as_of(setting, deals.nodes.paid_day, deals.nodes.amount)


def book_orders(setting: Setting, deals: Deals) -> Payments:
    """Return the payments of orders up to as_of; their relation is the row of the order."""
    return _up_to_as_of(setting, deals.orders.paid_day, deals.orders.amount)


def _up_to_as_of(setting: Setting, day: np.ndarray, amount: np.ndarray) -> Payments:
    rows = np.flatnonzero((day != NULL_DAY) & (day <= setting.as_of_day))
    return undue(rows, day[rows], amount[rows])
