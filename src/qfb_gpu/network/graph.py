"""Nodes numbered by what they do, not by what they are called.

The libraries' answers may depend on how nodes are numbered, sums of floats on their order. So
nodes are numbered by the colours of a Weisfeiler-Lehman refinement over degrees, payments and
amounts. Only nodes that look alike three steps around are ordered by their hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import mixed
from qfb_gpu.network.numbers import in_order, numbered

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.network.numbers import Numbers

_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Graph:
    """Who pays whom, by number.

    Attributes
    ----------
    key : int64, shape (n_nodes,)
        The hash of each node, by its number.
    source, target : int64, shape (n_edges,)
        Numbers of payer and payee; edges ascend by them, then by payments and amounts.
    edge : int64, shape (n_edges,)
        The row of each edge in the edges it was made of.
    is_customer : bool, shape (n_nodes,)
        The node's own book is in the bank.
    """

    key: Any
    source: Any
    target: Any
    edge: Any
    is_customer: Any

    @property
    def n_nodes(self) -> int:
        """Number of parties."""
        return int(self.key.shape[0])

    def first_of_pairs(self, xp: Any) -> Any:
        """Return which edges are the first of their payer and payee: bool, shape (n_edges,)."""
        is_first = xp.ones(self.source.shape[0], dtype=bool)  # edges of a pair stand together
        is_first[1:] = self.source[1:] != self.source[:-1]
        is_first[1:] |= self.target[1:] != self.target[:-1]
        return is_first

    def by_pair(self, values: Any, xp: Any) -> tuple[Any, Any, Any]:
        """Return payer, payee and the sum of their edges' values, all currencies' together.

        Parameters
        ----------
        values : array of float64, shape (n_edges,)
        xp : module
        """
        first = self.first_of_pairs(xp)
        pair = xp.cumsum(first, dtype="int32") - xp.int32(1)
        total = xp.bincount(pair, weights=values)
        del pair
        return self.source[first], self.target[first], total


def build_graph(edges: dict[str, Any], backend: Backend, *, ends: Numbers | None = None) -> Graph:
    """Return the graph of merged edges (:func:`qfb_gpu.network.merge_edges`), or of some of them.

    Parameters
    ----------
    edges : dict of arrays, shape (n_edges,)
        ``payer_key``, ``payee_key``, ``currency``, ``n_payments``, ``amount_minor`` and, where it
        matters who is a customer, ``payer_is_customer`` and ``payee_is_customer``.
    backend : Backend
    ends : Numbers, optional
        Of these edges, where they are numbered already.
    """
    xp = backend.xp
    if ends is None:
        ends = numbered([edges["payer_key"]], [edges["payee_key"]], xp)
    n_nodes = ends.n_nodes
    order = _order(ends, edges, xp)
    number = xp.empty(n_nodes, dtype="int64")
    number[order] = xp.arange(n_nodes, dtype="int64")
    source, target = number[ends.payer], number[ends.payee]
    ties = (edges["n_payments"], edges["amount_minor"])
    row, _ = in_order(source * n_nodes + target, ties, backend)
    is_customer = xp.zeros(n_nodes, dtype=bool)
    for side, node in (("payer", source), ("payee", target)):
        if f"{side}_is_customer" in edges:
            is_customer[node[edges[f"{side}_is_customer"]]] = True
    return Graph(ends.key[order], source[row], target[row], row, is_customer)


def _order(ends: Numbers, edges: dict[str, Any], xp: Any) -> Any:
    """Return the rows of the keys in the order of the nodes' numbers."""
    kind = mixed(edges["n_payments"].astype("uint64"), 0, xp)
    kind = mixed(kind ^ edges["amount_minor"].view("uint64"), 0, xp)
    kind = mixed(kind ^ edges["currency"].astype("uint64"), 0, xp)
    colour = xp.zeros(ends.n_nodes, dtype="uint64")
    for _ in range(_ROUNDS):
        around = mixed(colour, 0, xp)
        xp.add.at(around, ends.payee, mixed(colour[ends.payer] ^ kind, 0, xp))
        xp.add.at(around, ends.payer, mixed((colour[ends.payee] ^ kind) + xp.uint64(1), 0, xp))
        colour = around
    return xp.argsort(colour.view("int64"), kind="stable")  # keys ascend
