"""The neighbourhood of one party: whom it pays, who pays it, who of them deal with each other."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import InputError
from qfb_gpu.report.asked import alike
from qfb_gpu.report.figures.columns import column
from qfb_gpu.report.figures.reading import read_or_none

if TYPE_CHECKING:
    from qfb_gpu.report.figures.reading import Read

_EDGE = [
    "payer_id", "payee_id", "currency", "n_payments_365d", "amount_365d_minor", "income_share",
    "spending_share", "last_date",
]  # fmt: skip
_FEW = 100_000


@dataclass(frozen=True, slots=True)
class Ego:
    """A party, its node's columns, its edges and those among its partners.

    Attributes
    ----------
    node : dict
        Its row of ``graph_nodes``.
    pays, is_paid_by : list of dict
        Rows of ``graph_edges``, the largest share first.
    among : list of (str, str)
        Pairs of partners that deal with each other.
    related : list of dict
        Its rows of ``related_parties``.
    """

    node: dict[str, Any]
    pays: list[dict[str, Any]]
    is_paid_by: list[dict[str, Any]]
    among: list[tuple[str, str]]
    related: list[dict[str, Any]]


def ego(read: Read, firm: str) -> Ego:
    """Return the neighbourhood of ``firm`` from the gold tables of a run.

    Raises
    ------
    InputError
        No such party; says which there are.
    """
    nodes = read("graph_nodes", None)
    known = column(nodes, "node_id")
    if pc.index(known, firm).as_py() < 0:
        firm = alike(firm, [known]) or firm
    mine = nodes.filter(pc.equal(known, firm))
    if not mine.num_rows:
        ids = known.slice(0, _FEW).to_pylist()
        near = ", ".join(difflib.get_close_matches(firm, ids, n=3, cutoff=0)) or "nobody"
        msg = f"the payment network has no party {firm!r}; it has e.g. {near}"
        raise InputError(msg)
    edges = read("graph_edges", _EDGE)
    payer, payee = column(edges, "payer_id"), column(edges, "payee_id")
    pays = _ranked(edges.filter(pc.equal(payer, firm)), "spending_share")
    is_paid_by = _ranked(edges.filter(pc.equal(payee, firm)), "income_share")
    partners = {row["payee_id"] for row in pays} | {row["payer_id"] for row in is_paid_by}
    names = pa.array(sorted(partners - {firm}), pa.string())
    inside = edges.filter(pc.and_(pc.is_in(payer, names), pc.is_in(payee, names)))
    pairs = {
        (min(row["payer_id"], row["payee_id"]), max(row["payer_id"], row["payee_id"]))
        for row in inside.select(["payer_id", "payee_id"]).to_pylist()
        if row["payer_id"] != row["payee_id"]
    }
    related = read_or_none(read, "related_parties", ["customer_id", "related_id", "shared"])
    kin = [] if related is None else related.filter(
        pc.equal(column(related, "customer_id"), firm)
    ).to_pylist()  # fmt: skip
    return Ego(mine.to_pylist()[0], pays, is_paid_by, sorted(pairs), kin)


def _ranked(edges: pa.Table, share: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = edges.to_pylist()
    return sorted(
        rows, key=lambda row: (-(row[share] or 0.0), -row["n_payments_365d"], row["payer_id"])
    )
