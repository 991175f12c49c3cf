"""Components, communities, ranks, cores and triangles of the payment network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import distinct
from qfb_gpu.network.dependence import core_scores
from qfb_gpu.network.graph import Graph, build_graph

if TYPE_CHECKING:
    from qfb_gpu._config.network import Network
    from qfb_gpu.backend import Backend

FLOATS = ("pagerank", "clustering", "core_score")
INTEGERS = ("component_id", "community_id", "degree_in", "degree_out", "k_core")


def analyse(
    edges: dict[str, Any], settings: Network, backend: Backend, *, graph: Graph | None = None
) -> dict[str, Any]:
    """Return what each node is in the network.

    Parameters
    ----------
    edges : dict
        From :func:`qfb_gpu.network.merge_edges`.
    settings : Network
        Resolution and seed of the Leiden communities.
    backend : Backend
    graph : Graph, optional
        Of these edges, where it is there already.

    Returns
    -------
    dict of arrays, shape (n_nodes,)
        ``key`` (int64, ascending), ``component_id`` and ``community_id`` (int32, 0 is the
        largest), ``pagerank`` (float64, sums to 1), ``degree_in`` and ``degree_out`` (int32,
        distinct payers and payees), ``k_core`` (int32: the largest k such that the node is among
        nodes of which each deals with k others of them), ``triangles`` (int64), ``clustering``
        (float64: the share of its pairs of partners that deal with each other, 0 where there is
        no pair), ``core_score`` (float64, 0 to 100, :mod:`qfb_gpu.network.dependence`).
        Communities and PageRank weigh an edge by log(1 + payments), as money of several
        currencies cannot be added. Cores and triangles are of the undirected graph without
        payments to oneself.

    References
    ----------
    V. A. Traag, L. Waltman, N. J. van Eck, "From Louvain to Leiden",
    doi:10.1038/s41598-019-41695-z. S. B. Seidman, "Network structure and minimum degree",
    doi:10.1016/0378-8733(83)90028-X. D. J. Watts, S. H. Strogatz, doi:10.1038/30918.
    """
    xp = backend.xp
    graph = build_graph(edges, backend) if graph is None else graph
    if graph.n_nodes == 0:
        return _no_nodes(xp)
    weight = xp.log1p(edges["n_payments"][graph.edge].astype("float64"))
    ends = (graph.source, graph.target)
    community = backend.communities(
        graph.n_nodes, *ends, weight, resolution=settings.resolution, seed=settings.seed
    )
    by_number = {
        "key": graph.key,
        "component_id": _by_size(backend.components(graph.n_nodes, *ends), backend),
        "community_id": _by_size(community, backend),
        "pagerank": backend.pagerank(graph.n_nodes, *ends, weight),
        **_degrees(graph, xp),
        **_cohesion(graph, backend),
        "core_score": core_scores(graph, edges, backend),
    }
    order = xp.argsort(graph.key)
    return {name: values[order] for name, values in by_number.items()}


def _cohesion(graph: Graph, backend: Backend) -> dict[str, Any]:
    xp = backend.xp
    low, high = xp.minimum(graph.source, graph.target), xp.maximum(graph.source, graph.target)
    pair = distinct((low * graph.n_nodes + high)[low != high], xp)
    low, high = pair // graph.n_nodes, pair % graph.n_nodes
    core, triangles = backend.cohesion(graph.n_nodes, low, high)
    degree = xp.bincount(low, minlength=graph.n_nodes) + xp.bincount(high, minlength=graph.n_nodes)
    pairs = degree * (degree - 1) // 2
    return {
        "k_core": core,
        "triangles": triangles,
        "clustering": triangles / xp.maximum(pairs, 1),
    }


def _by_size(label: Any, backend: Backend) -> Any:
    """Renumber groups: the largest is 0, of equals the one with the first node."""
    xp = backend.xp
    _, first, member, size = xp.unique(
        label, return_index=True, return_inverse=True, return_counts=True
    )
    order = backend.lexsort((-size, first))
    rank = xp.empty(order.shape[0], dtype="int32")
    rank[order] = xp.arange(order.shape[0], dtype="int32")
    return rank[member]


def _degrees(graph: Graph, xp: Any) -> dict[str, Any]:
    is_new = graph.first_of_pairs(xp)
    payers = xp.bincount(graph.target[is_new], minlength=graph.n_nodes)
    payees = xp.bincount(graph.source[is_new], minlength=graph.n_nodes)
    return {"degree_in": payers.astype("int32"), "degree_out": payees.astype("int32")}


def _no_nodes(xp: Any) -> dict[str, Any]:
    return {
        "key": xp.empty(0, dtype="int64"),
        "triangles": xp.empty(0, dtype="int64"),
        **{name: xp.empty(0, dtype="int32") for name in INTEGERS},
        **{name: xp.empty(0, dtype="float64") for name in FLOATS},
    }
