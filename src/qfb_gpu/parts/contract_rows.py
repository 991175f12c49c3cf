"""One bucket's scored contracts, as later steps load them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.finance.contracts import Contracts
from qfb_gpu.finance.nodes import Nodes
from qfb_gpu.finance.timing import clocks, sorts
from qfb_gpu.finance.waits import waits_of
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.parts.part import Columns, Saved

WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Contracts, nodes and payments of one bucket, on the host."""

    contracts: Contracts
    nodes: Nodes
    contract: Columns
    node: Columns
    paid: Columns


def load(saved: Saved, bucket: int, part: str = "contracts") -> Rows:
    """Return what the ``score`` of the contracts part saved of a bucket."""
    contract, node, paid = (
        saved.workspace.load("score", bucket, f"{part}.{name}")
        for name in ("contracts", "nodes", "paid")
    )
    category = contract["category"].codes
    columns = {**contract, "category": category}
    return Rows(
        Contracts(**{name: columns[name] for name in Contracts.__dataclass_fields__}),
        Nodes(**{name: node[name] for name in Nodes.__dataclass_fields__}),
        contract,
        node,
        paid,
    )


def per_contract(rows: Rows) -> dict[str, Any]:
    """Return ``n_payments``, ``first_payment_days`` and ``paid_ratio`` of each contract."""
    paid, contracts = rows.paid, rows.contracts
    n = np.bincount(paid["contract"], minlength=contracts.n)
    first = np.full(contracts.n, np.nan)
    is_first = paid["number"] == 1
    first[paid["contract"][is_first]] = paid["days_from_start"][is_first]
    known = (contracts.total_minor != NULL_MINOR) & (contracts.total_minor > 0)
    whole = np.where(known, contracts.total_minor, 1)
    ratio = np.where(known, rows.contract["paid_minor"] / whole, np.nan)
    return {"n_payments": n, "first_payment_days": first, "paid_ratio": ratio}


def node_times(
    rows: Rows, as_of_day: int, backend: Backend, waits: Columns | None = None
) -> dict[str, Any]:
    """Return each node's clock, sorts, its time on the clock and whether it was paid by then.

    ``waits``, from :func:`qfb_gpu.finance.waits.learn_waits`, are the days from an event to its
    payment where clauses do not say them; none where they are still to be learnt.
    """
    clock = clocks(rows.nodes, rows.node["due_day"], rows.contracts, backend)
    keys = sorts(rows.nodes, clock["clock"], rows.contract["category_key"], backend)
    if waits is not None:
        clock["origin"] = clock["origin"] + waits_of(keys, clock["clock"], waits, backend)
    is_paid = rows.node["paid_day"] != NULL_DAY
    day = np.where(is_paid, rows.node["paid_day"], as_of_day).astype(np.float64)
    return {
        **clock,
        "sorts": keys,
        "time": (day - clock["origin"]) / clock["unit"],
        "is_paid": is_paid,
        "is_seen": rows.contracts.customer[rows.nodes.contract] >= 0,
    }


def shares(rows: Rows) -> tuple[Any, Any, Any]:
    """Return rows, category keys and basis points of the payments that are a share of a total."""
    paid = rows.paid
    row = np.flatnonzero(~np.isnan(paid["ratio"]) & (paid["amount_minor"] > 0))
    points = np.rint(np.clip(paid["ratio"][row], 0, 100) * WHOLE).astype(np.int64)
    return row, rows.contract["category_key"][paid["contract"][row]], points
