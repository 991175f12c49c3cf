"""Link prediction: with which party a customer does not deal yet, but may.

Payment networks are nearly bipartite: two who deal with each other seldom have a partner in
common, so scores over paths of two (Adamic-Adar, resource allocation) are nearly always 0. Paths
of three say more: the partners of those who share a partner with me. A path counts less the more
partners its two middle nodes have.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qfb_gpu._backend.products import ends_of_three
from qfb_gpu.keys import distinct, find
from qfb_gpu.network.rows import batches, entries, joined, largest

if TYPE_CHECKING:
    from qfb_gpu._config.network import Likeness
    from qfb_gpu.backend import Backend
    from qfb_gpu.network.graph import Graph

METHODS = ("paths_of_three", "resource_allocation", "adamic_adar", "preferential_attachment")
_PAIR = {
    "row": "int64", "column": "int64", "value": "float64", "rank": "int32", "via": "int64",
}  # fmt: skip


def adjacency(graph: Graph, backend: Backend) -> Any:
    """Return the undirected simple graph as a sparse matrix of ones."""
    xp = backend.xp
    low, high = xp.minimum(graph.source, graph.target), xp.maximum(graph.source, graph.target)
    pair = distinct((low * graph.n_nodes + high)[low != high], xp)
    n = max(graph.n_nodes, 1)
    low, high = (pair // n).astype("int32"), (pair % n).astype("int32")
    del pair
    ends = (xp.concatenate([high, low]), xp.concatenate([low, high]))  # ascending within a row
    del low, high
    shape = (graph.n_nodes, graph.n_nodes)
    return backend.sparse(shape, *ends, xp.ones(ends[0].shape[0]))


def _scaled(matrix: Any, weight: Any, backend: Backend) -> Any:
    """Return the matrix with each column times a weight."""
    row, column, value = entries(matrix, backend)
    return backend.sparse(matrix.shape, row, column, value * weight[column])


def pair_scores(matrix: Any, left: Any, right: Any, method: str, backend: Backend) -> Any:
    """Return how likely each pair is to be linked: float64, shape (n_pairs,).

    Parameters
    ----------
    matrix : sparse
        From :func:`adjacency`.
    left, right : int64 arrays, shape (n_pairs,)
    method : str
        One of ``METHODS``.
    backend : Backend

    References
    ----------
    L. A. Adamic, E. Adar, doi:10.1016/S0378-8733(03)00009-1; T. Zhou, L. Lu, Y.-C. Zhang
    (resource allocation), doi:10.1140/epjb/e2009-00335-8; I. A. Kovacs et al. (paths of three),
    doi:10.1038/s41467-019-09177-y; A.-L. Barabasi et al. (preferential attachment),
    doi:10.1016/S0378-4371(02)00736-7.
    """
    xp = backend.xp
    degree = (matrix.indptr[1:] - matrix.indptr[:-1]).astype("float64")
    if method == "preferential_attachment":
        return degree[left] * degree[right]
    known = xp.maximum(degree, 1.0)
    weights = {
        "paths_of_three": 1 / xp.sqrt(known),
        "resource_allocation": 1 / known,
        "adamic_adar": 1 / xp.log(xp.maximum(known, 2.0)),
    }
    reach = _scaled(matrix, weights[method], backend)
    steps = (reach, matrix) if method == "paths_of_three" else (matrix,)
    found = []
    for start, stop in batches(_bound(matrix, len(steps) + 1, backend)[left], backend):
        product = reach[left[start:stop]]
        for step in steps:
            product = product @ step
        found.append(_values_at(product, right[start:stop], backend))
    return xp.concatenate(found) if found else xp.zeros(0)


def _bound(matrix: Any, n_steps: int, backend: Backend) -> Any:
    """Return how many paths of so many steps start at each node, at most all nodes."""
    paths = backend.xp.ones(matrix.shape[0])
    for _ in range(n_steps):
        paths = backend.xp.minimum(matrix @ paths, float(matrix.shape[0]))
    return paths


def _values_at(matrix: Any, column: Any, backend: Backend) -> Any:
    """Return ``matrix[i, column[i]]`` for each row."""
    xp = backend.xp
    row, there, value = entries(matrix, backend)
    hit = xp.nonzero(column[row] == there)[0]
    out = xp.zeros(column.shape[0])
    out[row[hit]] = value[hit]
    return out


def likely_partners(graph: Graph, settings: Likeness, backend: Backend) -> dict[str, Any]:
    """Return the parties that each customer is likeliest to deal with next.

    Returns
    -------
    dict of arrays, shape (n_pairs,); by customer, the likeliest first
        ``customer``, ``partner`` (int64, nodes), ``rank`` (int32, from 1), ``score`` (float64),
        ``via`` (int64, node): of the partner's own partners the one that adds most to the score.
        Nodes with more than ``max_middle`` partners are in the middle of no path: a path through
        them counts little, and there are more of them than of all others together. One with more
        than ``max_partners`` (a tax office) is nobody's likely partner: everyone comes to it.
    """
    xp = backend.xp
    matrix = adjacency(graph, backend)
    degree = (matrix.indptr[1:] - matrix.indptr[:-1]).astype("float64")
    weight = xp.where(degree <= settings.max_middle, 1 / xp.sqrt(xp.maximum(degree, 1.0)), 0.0)
    customer = xp.nonzero(graph.is_customer)[0]
    if not settings.n_partners:
        pairs = joined([], _PAIR, xp)
    else:
        may_be = degree <= settings.max_partners
        asked = (matrix, weight, customer, may_be, settings.n_partners)
        best = backend.either(ends_of_three, partial(batched_ends, backend))
        pairs = best(*asked)
    named = {"partner": "column", "rank": "rank", "score": "value", "via": "via"}
    return {
        "customer": customer[pairs.pop("row")],
        **{name: pairs[column] for name, column in named.items()},
    }


def batched_ends(
    backend: Backend, matrix: Any, weight: Any, mine: Any, may_be: Any, n_best: int
) -> dict[str, Any]:
    """Return what :func:`qfb_gpu._backend.products.ends_of_three` does, some nodes at a time."""
    xp = backend.xp
    reach = _kept(_scaled(matrix, weight, backend), weight > 0, backend)
    row, column, _ = entries(reach, backend)
    steps = backend.sparse(reach.shape, row, column, xp.ones(row.shape[0]))
    parts = []
    for start, stop in batches(_bound(steps, 3, backend)[mine], backend):
        nodes = mine[start:stop]
        middle = reach[nodes] @ reach
        row, column, value = entries(middle @ matrix, backend)
        new = (column != nodes[row]) & may_be[column]
        new &= ~_linked(matrix, nodes, row, column, backend)
        best = largest(row[new], column[new], value[new], n_best, backend)
        best["via"] = _via(matrix, middle, best["row"], best["column"], backend)
        best["row"] = best["row"] + start
        parts.append(best)
    return joined(parts, _PAIR, xp)


def _kept(matrix: Any, is_kept: Any, backend: Backend) -> Any:
    """Return the matrix without the entries in some columns."""
    row, column, value = entries(matrix, backend)
    kept = is_kept[column]
    return backend.sparse(matrix.shape, row[kept], column[kept], value[kept])


def _linked(matrix: Any, nodes: Any, row: Any, column: Any, backend: Backend) -> Any:
    """Return which (row, column) are links already."""
    xp = backend.xp
    own, other, _ = entries(matrix[nodes], backend)
    code = xp.sort(own * matrix.shape[0] + other)
    return find(code, row * matrix.shape[0] + column, xp)[1]


def _via(matrix: Any, middle: Any, row: Any, column: Any, backend: Backend) -> Any:
    """Return the neighbour of ``column`` that has most of the row's paths of two."""
    xp = backend.xp
    pair, node, _ = entries(matrix[column], backend)
    here, there, value = entries(middle, backend)
    code = here * matrix.shape[0] + there
    order = xp.argsort(code)
    wanted = row[pair] * matrix.shape[0] + node
    place, is_there = find(code[order], wanted, xp)
    share = xp.where(is_there, value[order[place]], 0.0)
    best = largest(pair, node, share, 1, backend)
    via = xp.zeros(row.shape[0], dtype="int64")
    via[best["row"]] = best["column"]
    return via
