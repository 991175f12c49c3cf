"""All tables of one block of customers; what several of them need is drawn once, when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from qfb_gpu._portfolio import deal_tables
from qfb_gpu._portfolio.claims import claims_table
from qfb_gpu._portfolio.customers import customers_table
from qfb_gpu._portfolio.drawn import Drawn, draw_link, draw_own
from qfb_gpu._portfolio.firms import Firms, draw_firms
from qfb_gpu._portfolio.holdings import (
    Holdings,
    draw_holdings,
    products_table,
    truth_churn,
    truth_next_product,
)
from qfb_gpu._portfolio.journeys import events_table
from qfb_gpu._portfolio.ledger_rows import Side, sides, transactions
from qfb_gpu._portfolio.setting import BLOCK, Setting
from qfb_gpu._portfolio.touches import touches_table
from qfb_gpu._portfolio.truth import (
    Counted,
    Streams,
    count,
    irregular_table,
    number_streams,
    payments_columns,
    streams_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import numpy as np


@dataclass(frozen=True)
class Block:
    """The first ``n_customers`` of a block."""

    setting: Setting
    block: int
    n_customers: int

    @property
    def first(self) -> int:
        """Number of the block's first customer."""
        return self.block * BLOCK

    @cached_property
    def firms(self) -> Firms:
        """All customers of the block, those beyond ``n_customers`` too."""
        return draw_firms(self.setting, self.block)

    @cached_property
    def drawn(self) -> Drawn:
        """All relations of the block's customers."""
        setting, block = self.setting, self.block
        parts = [
            draw_own(setting, block, self.firms),
            draw_link(setting, block, self.firms, draw_firms(setting, block + 1)),
        ]
        if block:
            before = draw_firms(setting, block - 1)
            parts.append(draw_link(setting, block - 1, before, self.firms))
        return Drawn.join(parts)

    @cached_property
    def side(self) -> Side:
        """The payments as rows of the customers."""
        drawn = self.drawn
        return sides(self.setting, drawn.relations, drawn.payments, self.first, self.n_customers)

    @cached_property
    def transactions(self) -> dict[str, pa.Array]:
        """The columns of the transactions."""
        drawn = self.drawn
        return transactions(self.setting, drawn.relations, drawn.payments, self.side, self.first)

    @cached_property
    def counted(self) -> Counted:
        """What the standing relations did."""
        return count(self.drawn)

    @cached_property
    def streams(self) -> Streams:
        """The streams of the customers."""
        return number_streams(self.drawn, self.counted, self.first, self.n_customers)

    @cached_property
    def contracts(self) -> np.ndarray:
        """Rows of the contracts whose payer is one of the customers."""
        rows = self.drawn.deals.contracts
        return deal_tables.payers_rows(rows.payer, rows.ordinal, self.first, self.n_customers)

    @cached_property
    def nodes(self) -> np.ndarray:
        """Rows of the nodes of ``contracts``."""
        return deal_tables.node_rows(self.drawn.deals, self.contracts)

    @cached_property
    def node_txns(self) -> pa.Array:
        """The transaction of each of ``nodes``."""
        txn_id = self.transactions["txn_id"]
        return deal_tables.node_txns(self.drawn, self.side, txn_id, self.nodes)

    @cached_property
    def orders(self) -> np.ndarray:
        """Rows of the orders whose buyer is one of the customers."""
        rows = self.drawn.deals.orders
        return deal_tables.payers_rows(rows.payer, rows.ordinal, self.first, self.n_customers)

    @cached_property
    def holdings(self) -> Holdings:
        """What the customers hold."""
        return draw_holdings(self.setting, self.block, self.firms)


def _stream_payments(b: Block) -> pa.Table:
    columns = b.transactions
    return payments_columns(b.drawn, b.streams, b.side, columns["txn_id"], columns["customer_id"])


_MAKERS: dict[str, Callable[[Block], pa.Table]] = {
    "transactions": lambda b: pa.table(b.transactions),
    "customers": lambda b: customers_table(b.firms, b.n_customers),
    "orders": lambda b: deal_tables.orders_table(b.setting, b.drawn.deals.orders.take(b.orders)),
    "contracts": lambda b: deal_tables.contracts_table(
        b.drawn.deals.contracts.take(b.contracts)
    ),
    "contract_payments": lambda b: deal_tables.contract_payments(
        b.drawn.deals, b.nodes, b.node_txns
    ),
    "claims": lambda b: claims_table(b.setting, b.block, b.firms, b.n_customers),
    "events": lambda b: events_table(b.setting, b.block, b.firms, b.holdings, b.n_customers),
    "touches": lambda b: touches_table(b.setting, b.block, b.firms, b.holdings, b.n_customers),
    "products": lambda b: products_table(b.setting, b.firms, b.holdings, b.n_customers),
    "truth/streams": lambda b: streams_table(b.drawn, b.counted, b.streams, b.first),
    "truth/stream_payments": _stream_payments,
    "truth/irregular": lambda b: irregular_table(b.drawn, b.first, b.n_customers),
    "truth/orders": lambda b: deal_tables.truth_orders(
        b.setting, b.drawn.deals.orders.take(b.orders)
    ),
    "truth/contracts": lambda b: deal_tables.truth_contracts(
        b.setting, b.drawn.deals, b.contracts
    ),
    "truth/contract_nodes": lambda b: deal_tables.truth_nodes(
        b.setting, b.drawn.deals, b.nodes, b.node_txns
    ),
    "truth/churn": lambda b: truth_churn(b.firms, b.n_customers),
    "truth/next_product": lambda b: truth_next_product(
        b.setting, b.firms, b.holdings, b.n_customers
    ),
}  # fmt: skip
TABLES: tuple[str, ...] = tuple(_MAKERS)
"""Every table there is, the sources first."""


def block_tables(
    setting: Setting, block: int, n_customers: int, tables: Collection[str] = TABLES
) -> dict[str, pa.Table]:
    """Return the tables of the first ``n_customers`` of a block; truth under ``truth/``."""
    made = Block(setting, block, n_customers)
    return {name: make(made) for name, make in _MAKERS.items() if name in tables}
