"""Orders and contracts as source tables, and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from qfb_gpu._portfolio.clauses import CLAUSES, CONTRACT_CATEGORIES, NODE_KINDS
from qfb_gpu._portfolio.firms import firm_ids
from qfb_gpu._portfolio.ledger_rows import OUT
from qfb_gpu._portfolio.setting import CURRENCIES
from qfb_gpu._portfolio.text import coded, dates, decimals, row_ids
from qfb_gpu._portfolio.vocabulary import ITEMS
from qfb_gpu.ledger import NULL_DAY

if TYPE_CHECKING:
    from qfb_gpu._portfolio.contracts import Contracts
    from qfb_gpu._portfolio.deals import Deals
    from qfb_gpu._portfolio.drawn import Drawn
    from qfb_gpu._portfolio.ledger_rows import Side
    from qfb_gpu._portfolio.orders import Orders
    from qfb_gpu._portfolio.setting import Setting

_SHARE_PLACES = 10_000


def payers_rows(payer: np.ndarray, ordinal: np.ndarray, first: int, n_customers: int) -> np.ndarray:
    """Return the rows whose payer is one of the customers, by payer, then ordinal."""
    rows = np.flatnonzero((payer >= first) & (payer < first + n_customers))
    return rows[np.lexsort((ordinal[rows], payer[rows]))]


def orders_table(setting: Setting, orders: Orders) -> pa.Table:
    """Return the orders source: nothing that came after as_of is in it."""
    is_open = _is_open(setting, orders)
    part = np.floor(orders.quantity * orders.share_by_now)
    return pa.table(
        {
            "order_id": _order_ids(orders),
            "customer_id": firm_ids(orders.payer),
            "supplier_id": firm_ids(orders.payee),
            "order_date": dates(orders.order_day),
            "due_date": dates(orders.due_day),
            "delivered_date": dates(np.where(is_open, 0, orders.delivered_day), is_open),
            "quantity": orders.quantity.astype(np.float64),
            "quantity_delivered": np.where(is_open, part, orders.quantity).astype(np.float64),
            "amount": decimals(orders.amount),
            "currency": coded(orders.currency, CURRENCIES),
            "item": coded(orders.item, ITEMS),
        }
    )


def _order_ids(orders: Orders) -> pa.Array:
    return row_ids("PO", orders.payer, orders.ordinal)


def _is_open(setting: Setting, orders: Orders) -> np.ndarray:
    """Return whether an order was not delivered in full by as_of."""
    never = orders.delivered_day == NULL_DAY
    is_open: np.ndarray = never | (orders.delivered_day > setting.as_of_day)
    return is_open


def truth_orders(setting: Setting, orders: Orders) -> pa.Table:
    """Return ``truth/orders``: what becomes of the orders that are open at as_of."""
    left = orders.take(np.flatnonzero(_is_open(setting, orders)))
    never = left.delivered_day == NULL_DAY
    day = np.where(never, 0, left.delivered_day)
    return pa.table(
        {
            "order_id": _order_ids(left),
            "customer_id": firm_ids(left.payer),
            "supplier_id": firm_ids(left.payee),
            "delivered_in_full": ~never,
            "delivered_date": dates(day, never),
            "delay_days": pa.array((day - left.due_day).astype(np.int32), mask=never),
        }
    )


def contracts_table(contracts: Contracts) -> pa.Table:
    """Return the contracts source."""
    return pa.table(
        {
            "contract_id": _contract_ids(contracts),
            "customer_id": firm_ids(contracts.payer),
            "counterparty_id": firm_ids(contracts.payee),
            "category": coded(contracts.category, CONTRACT_CATEGORIES),
            "start_date": dates(contracts.start_day),
            "end_date": dates(contracts.end_day),
            "amount": decimals(contracts.total),
            "currency": coded(contracts.currency, CURRENCIES),
            "clause": coded(contracts.clause, CLAUSES),
        }
    )


def _contract_ids(contracts: Contracts) -> pa.Array:
    return row_ids("HT", contracts.payer, contracts.ordinal)


def truth_contracts(setting: Setting, deals: Deals, rows: np.ndarray) -> pa.Table:
    """Return ``truth/contracts`` for chosen contracts: what is paid, and whether it breaches."""
    contracts, nodes = deals.contracts, deals.nodes
    n = len(contracts.payer)
    paid = _is_paid(setting, nodes.paid_day)
    points = np.bincount(nodes.contract[paid], nodes.basis_points[paid], minlength=n)[rows]
    fails = nodes.fails
    breach = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(breach, nodes.contract[fails], nodes.fails_day[fails])
    breach = breach[rows]
    kept = breach == np.iinfo(np.int64).max
    chosen = contracts.take(rows)
    return pa.table(
        {
            "contract_id": _contract_ids(chosen),
            "customer_id": firm_ids(chosen.payer),
            "category": coded(chosen.category, CONTRACT_CATEGORIES),
            "n_nodes": np.bincount(nodes.contract, minlength=n)[rows],
            "paid_share": points / _SHARE_PLACES,
            "breached": ~kept,
            "breach_date": dates(np.where(kept, 0, breach), kept),
        }
    )


def _is_paid(setting: Setting, paid_day: np.ndarray) -> np.ndarray:
    paid: np.ndarray = (paid_day != NULL_DAY) & (paid_day <= setting.as_of_day)
    return paid


def node_rows(deals: Deals, rows: np.ndarray) -> np.ndarray:
    """Return the nodes of chosen contracts, in the order of the contracts."""
    place = np.full(len(deals.contracts.payer), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    nodes = np.flatnonzero(place[deals.nodes.contract] >= 0)
    return nodes[np.argsort(place[deals.nodes.contract[nodes]], kind="stable")]


def node_txns(drawn: Drawn, side: Side, txn_id: pa.Array, nodes: np.ndarray) -> pa.Array:
    """Return the payer's transaction that paid each node, null where none did by as_of."""
    n_standing, n_habits, n_nodes, _ = drawn.sizes
    node = drawn.payments.relation[side.payment] - n_standing - n_habits
    rows = np.flatnonzero((node >= 0) & (node < n_nodes) & (side.direction == OUT))
    at = np.full(n_nodes, -1, dtype=np.int64)
    at[node[rows]] = rows
    at = at[nodes]
    return txn_id.take(pa.array(at, mask=at < 0))


def contract_payments(deals: Deals, nodes: np.ndarray, txn_id: pa.Array) -> pa.Table:
    """Return the contract_payments source: the links that the contracts' book kept."""
    kept = np.flatnonzero(deals.nodes.linked[nodes] & np.asarray(txn_id.is_valid()))
    contracts = deals.contracts.take(deals.nodes.contract[nodes[kept]])
    return pa.table(
        {
            "contract_id": _contract_ids(contracts),
            "txn_id": txn_id.take(pa.array(kept)),
            "customer_id": firm_ids(contracts.payer),
        }
    )


def truth_nodes(setting: Setting, deals: Deals, nodes: np.ndarray, txn_id: pa.Array) -> pa.Table:
    """Return ``truth/contract_nodes``: when each node is due, and when it is really paid."""
    chosen = deals.nodes.take(nodes)
    contracts = deals.contracts.take(chosen.contract)
    never = chosen.paid_day == NULL_DAY
    paid = np.where(never, 0, chosen.paid_day)
    return pa.table(
        {
            "contract_id": _contract_ids(contracts),
            "customer_id": firm_ids(contracts.payer),
            "node_no": (nodes - _first_node(deals)[chosen.contract]).astype(np.int32),
            "kind": coded(chosen.kind, NODE_KINDS),
            "percent": chosen.basis_points / 100,
            "amount": decimals(chosen.amount),
            "due_date": dates(chosen.due_day),
            "paid_date": dates(paid, never),
            "txn_id": txn_id,
            "late_days": pa.array((paid - chosen.due_day).astype(np.int32), mask=never),
            "is_linked": chosen.linked & _is_paid(setting, chosen.paid_day),
        }
    )


def _first_node(deals: Deals) -> np.ndarray:
    """Return the row of each contract's first node: nodes stand contract by contract."""
    first: np.ndarray = np.searchsorted(deals.nodes.contract, np.arange(len(deals.contracts.payer)))
    return first
