"""Components, communities, PageRank and degrees of the payment network.

The libraries' answers may depend on how nodes are numbered, so nodes are numbered by what they
do, not by what they are called: by the colours of a Weisfeiler-Lehman refinement over degrees,
payments and amounts. Only nodes that look alike three steps around are ordered by their hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Network

_ROUNDS = 3
_ODD = 0x9E3779B97F4A7C15
_MIX_1, _MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def analyse(edges: dict[str, Any], settings: Network, backend: Backend) -> dict[str, Any]:
    """Return what each node is in the network.

    Parameters
    ----------
    edges : dict
        From :func:`qfb_gpu.network.merge_edges`.
    settings : Network
        Resolution and seed of the Leiden communities.

    Returns
    -------
    dict of arrays, shape (n_nodes,)
        ``key`` (int64, ascending), ``component_id`` and ``community_id`` (int32, 0 is the
        largest), ``pagerank`` (float64, sums to 1), ``degree_in`` and ``degree_out`` (int32,
        distinct payers and payees). Communities and PageRank weigh an edge by
        log(1 + payments), as money of several currencies cannot be added.

    References
    ----------
    V. A. Traag, L. Waltman, N. J. van Eck, "From Louvain to Leiden",
    doi:10.1038/s41598-019-41695-z.
    """
    xp = backend.xp
    key = xp.unique(xp.concatenate([edges["payer_key"], edges["payee_key"]]))
    n_nodes = int(key.shape[0])
    if n_nodes == 0:
        return _no_nodes(xp)
    payer, payee = (
        xp.searchsorted(key, edges["payer_key"]),
        xp.searchsorted(key, edges["payee_key"]),
    )
    number = _canonical_numbers(key, payer, payee, edges, backend)
    source, target = number[payer], number[payee]
    weight = xp.log1p(edges["n_payments"].astype("float64"))
    by_edge = backend.lexsort((source, target, edges["n_payments"], edges["amount_minor"]))
    source, target, weight = source[by_edge], target[by_edge], weight[by_edge]
    community = backend.communities(
        n_nodes, source, target, weight, resolution=settings.resolution, seed=settings.seed
    )
    by_number = {
        "component_id": _by_size(backend.components(n_nodes, source, target), backend),
        "community_id": _by_size(community, backend),
        "pagerank": backend.pagerank(n_nodes, source, target, weight),
    }
    degree_in, degree_out = _degrees(n_nodes, payer, payee, backend)
    return {
        "key": key,
        **{name: values[number] for name, values in by_number.items()},
        "degree_in": degree_in,
        "degree_out": degree_out,
    }


def _canonical_numbers(
    key: Any, payer: Any, payee: Any, edges: dict[str, Any], backend: Backend
) -> Any:
    """Return each node's number: int64, shape (n_nodes,)."""
    xp = backend.xp
    n_nodes = key.shape[0]
    kind = _mixed(edges["n_payments"].astype("uint64"), xp)
    kind = _mixed(kind ^ edges["amount_minor"].view("uint64"), xp)
    kind = _mixed(kind ^ edges["currency"].astype("uint64"), xp)
    colour = xp.zeros(n_nodes, dtype="uint64")
    for _ in range(_ROUNDS):
        around = _mixed(colour, xp)
        xp.add.at(around, payee, _mixed(colour[payer] ^ kind, xp))
        xp.add.at(around, payer, _mixed((colour[payee] ^ kind) + xp.uint64(1), xp))
        colour = around
    order = backend.lexsort((colour.view("int64"), key))
    number = xp.empty(n_nodes, dtype="int64")
    number[order] = xp.arange(n_nodes, dtype="int64")
    return number


def _mixed(values: Any, xp: Any) -> Any:
    """Return the splitmix64 finaliser of uint64 values."""
    values = values + xp.uint64(_ODD)
    values = (values ^ (values >> xp.uint64(30))) * xp.uint64(_MIX_1)
    values = (values ^ (values >> xp.uint64(27))) * xp.uint64(_MIX_2)
    return values ^ (values >> xp.uint64(31))


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


def _degrees(n_nodes: int, payer: Any, payee: Any, backend: Backend) -> tuple[Any, Any]:
    xp = backend.xp
    pair = xp.unique(payer * n_nodes + payee)
    degree_out = xp.bincount(pair // n_nodes, minlength=n_nodes)
    degree_in = xp.bincount(pair % n_nodes, minlength=n_nodes)
    return degree_in.astype("int32"), degree_out.astype("int32")


def _no_nodes(xp: Any) -> dict[str, Any]:
    return {
        "key": xp.empty(0, dtype="int64"),
        "component_id": xp.empty(0, dtype="int32"),
        "community_id": xp.empty(0, dtype="int32"),
        "pagerank": xp.empty(0, dtype="float64"),
        "degree_in": xp.empty(0, dtype="int32"),
        "degree_out": xp.empty(0, dtype="int32"),
    }
