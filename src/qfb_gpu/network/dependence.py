"""Who lives off whom: shares of a year's income and of a year's payments.

A share is taken within a currency; a firm's currencies weigh as much as they have payments, so
that no money is ever converted. Only customers have shares: of other parties the bank sees the
payments with its customers and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import distinct

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.network.graph import Graph

_HALF = 5.0
"""As many firms, if they lived off one firm entirely, give it half of the core score."""
_DENSE = 4
"""Sums by party and currency that may be for each edge, up to which each has a place."""


def year_shares(
    edges: dict[str, Any], side: str, named: Any, xp: Any, *, nodes: tuple[Any, int] | None = None
) -> Any:
    """Return the share that each edge has in its payee's yearly income, or its payer's payments.

    Parameters
    ----------
    edges : dict of arrays, shape (n_edges,)
        ``payer_key``, ``payee_key``, ``currency``, ``n_payments_365d``, ``amount_365d_minor``.
    side : {"payee", "payer"}
        Of whose money.
    named : array of float64, shape (n_edges,), 0 to 1
        The part of that money whose counterparty is given at all.
    xp : module
    nodes : tuple of integers of shape (n_edges,), and how many there are, optional
        The parties of that side by number, where they are numbered already.

    Returns
    -------
    array of float64, shape (n_edges,)
        0 to 1; those of a party sum to 1 at most. An edge whose year is not positive, as more
        came back than was paid, and one to oneself are 0.
    """
    money = counted_money(edges, xp)
    counts = money > 0
    number = xp.where(counts, edges["n_payments_365d"], 0).astype("float64")
    if nodes is None:
        keys, node = xp.unique(edges[f"{side}_key"], return_inverse=True)
        nodes = node, int(keys.shape[0])
    node, n_nodes = nodes
    currencies, currency = xp.unique(edges["currency"], return_inverse=True)
    n_kinds = max(int(currencies.shape[0]), 1)
    kind = node.astype("int64") * n_kinds + currency
    size = n_nodes * n_kinds
    if size > _DENSE * kind.shape[0]:  # few parties deal in every currency
        there = distinct(kind, xp)
        kind, size = xp.searchsorted(there, kind), int(there.shape[0])
    of_kind = xp.bincount(kind, weights=money, minlength=size)
    share = named * money / xp.maximum(of_kind, 1.0)[kind]
    share = share * xp.bincount(kind, weights=number, minlength=size)[kind]
    n_node = xp.bincount(node, weights=number, minlength=n_nodes)
    return share / xp.maximum(n_node, 1.0)[node]


def counted_money(edges: dict[str, Any], xp: Any) -> Any:
    """Return the year's money of each edge that counts: float64, 0 to oneself or where negative."""
    counts = (edges["amount_365d_minor"] > 0) & (edges["payer_key"] != edges["payee_key"])
    return xp.where(counts, edges["amount_365d_minor"], 0).astype("float64")


def income_shares(
    graph: Graph, edges: dict[str, Any], backend: Backend, *, everyone: bool = False
) -> Any:
    """Return the share of its payee's yearly income that each edge of the graph is.

    Parameters
    ----------
    graph : Graph
    edges : dict
        What the graph was built of, with ``income_share``.
    backend : Backend
    everyone : bool
        Take what is seen of parties that are not customers for all there is; else 0.

    Returns
    -------
    array of float64, shape (n_edges,)
    """
    known = graph.is_customer[graph.target] | everyone
    return backend.xp.where(known, edges["income_share"][graph.edge], 0.0)


def spending_shares(
    graph: Graph, edges: dict[str, Any], backend: Backend, *, everyone: bool = False
) -> Any:
    """Return the share of its payer's yearly payments that each edge is; see income_shares."""
    known = graph.is_customer[graph.source] | everyone
    return backend.xp.where(known, edges["spending_share"][graph.edge], 0.0)


def year_money(graph: Graph, edges: dict[str, Any], xp: Any) -> Any:
    """Return the money of the last 365 days an edge: float64, minor units, 0 where none counts."""
    money = xp.maximum(edges["amount_365d_minor"][graph.edge], 0).astype("float64")
    return xp.where(graph.source != graph.target, money, 0.0)


def dependents(graph: Graph, edges: dict[str, Any], backend: Backend) -> Any:
    """Return how many customers' business hangs on each node: float64, shape (n_nodes,).

    The sum of the shares it has in others' incomes and in others' payments, halved: a firm
    that buys all that two customers sell and sells all that they buy counts 2.
    """
    xp = backend.xp
    bought = income_shares(graph, edges, backend)
    sold = spending_shares(graph, edges, backend)
    return 0.5 * (
        xp.bincount(graph.source, weights=bought, minlength=graph.n_nodes)
        + xp.bincount(graph.target, weights=sold, minlength=graph.n_nodes)
    )


def core_scores(graph: Graph, edges: dict[str, Any], backend: Backend) -> Any:
    """Return how much of a core enterprise (核心企业) each node is: float64, 0 to 100.

    100 d / (d + 5), where d is the number of :func:`dependents`.
    """
    number = dependents(graph, edges, backend)
    return 100.0 * number / (number + _HALF)
