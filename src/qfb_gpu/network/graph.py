"""Nodes numbered by what they do, not by what they are called.

The libraries' answers may depend on how nodes are numbered, sums of floats on their order. So
nodes are numbered by the colours of a Weisfeiler-Lehman refinement over degrees, payments and
amounts. Only nodes that look alike three steps around are ordered by their hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import mixed

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

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


def build_graph(edges: dict[str, Any], backend: Backend) -> Graph:
    """Return the graph of merged edges (:func:`qfb_gpu.network.merge_edges`), or of some of them.

    Parameters
    ----------
    edges : dict of arrays, shape (n_edges,)
        ``payer_key``, ``payee_key``, ``currency``, ``n_payments``, ``amount_minor`` and, where it
        matters who is a customer, ``payer_is_customer`` and ``payee_is_customer``.
    """
    xp = backend.xp
    ends = xp.concatenate([edges["payer_key"], edges["payee_key"]])
    key, place = xp.unique(ends, return_inverse=True)  # by sorting: a hash table is slower here
    payer, payee = place[: place.shape[0] // 2], place[place.shape[0] // 2 :]
    order = _order(key, payer, payee, edges, backend)
    number = xp.empty(key.shape[0], dtype="int64")
    number[order] = xp.arange(key.shape[0], dtype="int64")
    source, target = number[payer], number[payee]
    row = _in_order(source * key.shape[0] + target, edges, backend)
    is_customer = xp.zeros(key.shape[0], dtype=bool)
    for side, node in (("payer", source), ("payee", target)):
        if f"{side}_is_customer" in edges:
            is_customer[node[edges[f"{side}_is_customer"]]] = True
    return Graph(key[order], source[row], target[row], row, is_customer)


def _in_order(pair: Any, edges: dict[str, Any], backend: Backend) -> Any:
    """Return the order of edges by pair, and only where pairs repeat by payments and amounts."""
    xp = backend.xp
    row = xp.argsort(pair, kind="stable")
    if not bool((pair[row][1:] == pair[row][:-1]).any()):
        return row
    return backend.lexsort((pair, edges["n_payments"], edges["amount_minor"]))


def _order(key: Any, payer: Any, payee: Any, edges: dict[str, Any], backend: Backend) -> Any:
    """Return the rows of ``key`` in the order of the nodes' numbers."""
    xp = backend.xp
    kind = mixed(edges["n_payments"].astype("uint64"), 0, xp)
    kind = mixed(kind ^ edges["amount_minor"].view("uint64"), 0, xp)
    kind = mixed(kind ^ edges["currency"].astype("uint64"), 0, xp)
    colour = xp.zeros(key.shape[0], dtype="uint64")
    for _ in range(_ROUNDS):
        around = mixed(colour, 0, xp)
        xp.add.at(around, payee, mixed(colour[payer] ^ kind, 0, xp))
        xp.add.at(around, payer, mixed((colour[payee] ^ kind) + xp.uint64(1), 0, xp))
        colour = around
    return backend.lexsort((colour.view("int64"), key))
