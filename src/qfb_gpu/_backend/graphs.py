"""Graphs by node number ``0 .. n_nodes - 1``: on the host (kernels, SciPy, igraph), or cuGraph.

``source`` and ``target`` are integer arrays of shape (n_edges,); ``weight`` is float64 and
positive, and that of parallel edges adds. There is at least one edge. Each function gives one
value a node, in node order.
"""

from __future__ import annotations

import sys
from array import array
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from qfb_gpu._backend import compiling
from qfb_gpu._backend.allocator import give_freed_memory_back
from qfb_kernels import links

if TYPE_CHECKING:
    from collections.abc import Iterator

DAMPING = 0.85
MAX_STEPS = 150
"""Enough for any graph: the error shrinks by the damping each time, to 5e-11 at the end."""
TOLERANCE = 1e-10
"""Sum of absolute changes below which the ranks stand."""
_PAIRS = 1 << 16
DEVICE_EDGES = 1 << 17
"""Edges from which a device is asked: of fewer a host answers sooner than cuGraph is imported."""


def host_components(n_nodes: int, source: Any, target: Any) -> Any:
    """Return the weakly connected component of each node, by its first node: int32."""
    import numpy as np

    root = np.arange(n_nodes, dtype=np.int32)
    compiling.call(links.components_cpu, (_int64(source), _int64(target), root))
    return root


@cache
def import_igraph() -> Any:
    """Return igraph, without what it draws with: a tenth of the time.

    It imports matplotlib wherever that is installed, unless None stands for it. In a
    notebook, where somebody may draw with it, it is imported as it is.
    """
    left_out = "matplotlib" not in sys.modules and "IPython" not in sys.modules
    if left_out:
        sys.modules["matplotlib"] = None  # type: ignore[assignment]
    try:
        import igraph
    finally:
        if left_out:
            del sys.modules["matplotlib"]
    return igraph


def host_communities(
    n_nodes: int, source: Any, target: Any, weight: Any, resolution: float, seed: int
) -> Any:
    """Return the Leiden community of each node in the undirected graph: int32.

    A node with one partner is in its partner's community where that adds to the modularity
    whatever else is in it, as it does up to a resolution of 1 but for nodes that pay themselves.
    Such nodes (six of seven parties of a bank) are put into their partner before, with their
    weights, so Leiden works on the others alone.
    """
    import random

    import numpy as np

    igraph = import_igraph()
    give_freed_memory_back()  # igraph asks for as much, piece by piece
    n_kept, kept, *edges, of_node = _without_ends(n_nodes, source, target, weight, resolution)
    graph = igraph.Graph(n=n_kept, edges=_pairs(*edges[:2]), directed=False)
    weights = _doubles(edges[2])
    del edges
    give_freed_memory_back()
    rng = random.Random(seed)  # noqa: S311  Python's is every thread's: whoever drew from it too
    igraph.set_random_number_generator(rng)  # changed the communities
    try:
        found, _ = igraph.GraphBase.community_leiden(  # Graph's own counts all members in Python
            graph,
            edge_weights=weights,
            node_weights=_doubles(of_node),
            resolution=resolution,
            normalize_resolution=True,  # by modularity
        )
    finally:
        igraph.set_random_number_generator(random)
    del graph, weights
    community = np.asarray(found, dtype=np.int32)[kept]
    del found
    give_freed_memory_back()
    return community


def _without_ends(
    n_nodes: int, source: Any, target: Any, weight: Any, resolution: float
) -> tuple[int, Any, Any, Any, Any, Any]:
    """Return an undirected graph without nodes of one partner that are in its community.

    Returns
    -------
    n_kept : int
    kept : int64 array, shape (n_nodes,)
        The number that each node, or the partner it is put into, has among those that are kept.
    low, high : int64 arrays, shape (n_pairs,)
        Numbers among those.
    weight : float64 array, shape (n_pairs,)
    of_node : float64 array, shape (n_kept,)
    """
    import numpy as np

    low, high, weight, weights = _undirected(n_nodes, source, target, weight)
    into = _partner_of_one(n_nodes, low, high)
    shared = np.bincount(low, weight, n_nodes) + np.bincount(high, weight, n_nodes)
    whole = weights.sum()
    is_apart = shared * whole < resolution * weights * (whole - weights)
    into = np.where(is_apart, np.arange(n_nodes), into)
    own = into == np.arange(n_nodes)
    place = np.cumsum(own) - 1
    stays = own[low] & own[high]
    n_kept, kept = int(np.count_nonzero(own)), place[into]
    of_node = np.bincount(kept, weights, n_kept)
    return n_kept, kept, place[low[stays]], place[high[stays]], weight[stays], of_node


def _doubles(values: Any) -> array[float]:
    """Return floats as igraph reads them one by one; Python's, in a list, take four times this."""
    return array("d", values.tobytes())


def _undirected(n_nodes: int, source: Any, target: Any, weight: Any) -> tuple[Any, Any, Any, Any]:
    """Return pairs of nodes once, the lower first, with their weights, and those of the nodes.

    Of the nodes all, of the pairs those of different nodes.
    """
    import numpy as np

    of_node = np.bincount(source, weight, n_nodes) + np.bincount(target, weight, n_nodes)
    pair = np.minimum(source, target).astype(np.int64) * n_nodes + np.maximum(source, target)
    order = np.argsort(pair, kind="stable")
    pair = pair[order]
    first = np.flatnonzero(np.append(True, pair[1:] != pair[:-1]))
    of_pair = np.add.reduceat(weight[order], first)
    low, high = pair[first] // n_nodes, pair[first] % n_nodes
    apart = low != high
    return low[apart], high[apart], of_pair[apart], of_node


def _partner_of_one(n_nodes: int, low: Any, high: Any) -> Any:
    """Return of each node with one partner, which has more, that partner; of others themselves."""
    import numpy as np

    degree = np.bincount(low, minlength=n_nodes) + np.bincount(high, minlength=n_nodes)
    into = np.arange(n_nodes)
    for one, other in ((low, high), (high, low)):
        ends = (degree[one] == 1) & (degree[other] > 1)
        into[one[ends]] = other[ends]
    return into


def host_pagerank(n_nodes: int, source: Any, target: Any, weight: Any) -> Any:
    """Return the PageRank of each node by power iteration: float64, sum 1.

    By SciPy's product: a kernel over links took twice its time in graphs larger than the caches.
    """
    import numpy as np

    given = np.bincount(source, weights=weight, minlength=n_nodes)
    flow = _sparse(n_nodes, target, source, weight / given[source])
    sinks = np.flatnonzero(given == 0)
    rank = np.full(n_nodes, 1 / n_nodes)
    for _ in range(MAX_STEPS):
        shared = 1 - DAMPING + DAMPING * rank[sinks].sum()
        new = flow @ rank
        new *= DAMPING
        new += shared / n_nodes
        change = np.abs(np.subtract(new, rank, out=rank), out=rank).sum()
        rank = new
        if change < TOLERANCE:
            break
    return rank


def host_cohesion(n_nodes: int, low: Any, high: Any) -> tuple[Any, Any]:
    """Return the core number (int32) and the triangles (int64) of each node."""
    import numpy as np

    start, other = np.zeros(n_nodes + 1, np.int64), np.empty(2 * low.shape[0], np.int32)
    compiling.call(links.links_cpu, (_int64(low), _int64(high), start, other))
    core = np.diff(start).astype(np.int32)
    first = np.zeros(int(core.max()) + 2, np.int64)
    place, order = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    compiling.call(links.cores_cpu, (start, other, core, first, place, order))
    place.fill(-1)
    up, triangles = np.empty(n_nodes, np.int64), np.zeros(n_nodes, np.int64)
    compiling.call(links.triangles_cpu, (start, other, up, place, triangles))
    return core, triangles


def _int64(values: Any) -> Any:
    """Return integers as what a kernel is compiled for: int64, contiguous, writable."""
    import numpy as np

    return np.require(values, np.int64, ["C", "W"])


def _pairs(source: Any, target: Any) -> Iterator[tuple[int, int]]:
    """Yield edges for igraph, which reads an array of them element by element, 3x slower.

    As Python's integers they are some at a time: all together they would take more than the graph.
    """
    ends = range(0, source.shape[0], _PAIRS)
    some = (slice(start, start + _PAIRS) for start in ends)
    return chain.from_iterable(
        zip(source[one].tolist(), target[one].tolist(), strict=True) for one in some
    )


def _sparse(n_nodes: int, row: Any, column: Any, values: Any) -> Any:
    from scipy.sparse import coo_array

    return coo_array((values, (row, column)), shape=(n_nodes, n_nodes)).tocsr()


def device_components(xdf: Any, xp: Any, n_nodes: int, source: Any, target: Any) -> Any:
    """Return what :func:`host_components` does, by cuGraph."""
    import cugraph

    graph = _cugraph(xdf, xp, n_nodes, source, target, None, directed=False)
    return _by_node(xp, cugraph.weakly_connected_components(graph), "labels", n_nodes, "int32")


def device_communities(
    xdf: Any, xp: Any, n_nodes: int, edges: tuple[Any, Any, Any], resolution: float, seed: int
) -> Any:
    """Return Leiden communities by cuGraph; ``edges`` is (source, target, weight)."""
    import cugraph

    graph = _cugraph(xdf, xp, n_nodes, *edges, directed=False)
    parts, _ = cugraph.leiden(graph, resolution=resolution, random_state=seed)
    return _by_node(xp, parts, "partition", n_nodes, "int32")


def device_pagerank(xdf: Any, xp: Any, n_nodes: int, edges: tuple[Any, Any, Any]) -> Any:
    """Return what :func:`host_pagerank` does, by cuGraph; ``edges`` is (source, target, weight)."""
    import cugraph

    graph = _cugraph(xdf, xp, n_nodes, *edges, directed=True)
    ranks, _ = cugraph.pagerank(
        graph,
        alpha=DAMPING,
        max_iter=MAX_STEPS,
        # cuGraph's header multiplies it by the number of nodes, its code (26.10) does not: this is
        # small enough for either, and MAX_STEPS ends it where rounding never gets as low
        tol=TOLERANCE / n_nodes,
        fail_on_nonconvergence=False,
    )
    return _by_node(xp, ranks, "pagerank", n_nodes, "float64")


def device_cohesion(xdf: Any, xp: Any, n_nodes: int, low: Any, high: Any) -> tuple[Any, Any]:
    """Return what :func:`host_cohesion` does, by cuGraph."""
    import cugraph

    graph = _cugraph(xdf, xp, n_nodes, low, high, None, directed=False)
    # of an undirected graph, where both directions would count every edge twice
    cores = cugraph.core_number(graph, degree_type="incoming")
    triangles = cugraph.triangle_count(graph)
    return (
        _by_node(xp, cores, "core_number", n_nodes, "int32"),
        _by_node(xp, triangles, "counts", n_nodes, "int64"),
    )


def _cugraph(
    xdf: Any, xp: Any, n_nodes: int, source: Any, target: Any, weight: Any, *, directed: bool
) -> Any:
    """Return a cuGraph graph over all nodes that holds each pair of nodes once."""
    import cugraph

    columns = simple_edges(xp, n_nodes, source, target, weight, directed=directed)
    graph = cugraph.Graph(directed=directed)
    graph.from_cudf_edgelist(
        xdf.DataFrame(columns),
        source="source",
        destination="target",
        weight="weight" if weight is not None else None,
        renumber=True,  # inside libcugraph, by degree: hubs get more threads
        store_transposed=directed,  # what PageRank walks, and warns without
        vertices=xdf.Series(xp.arange(n_nodes, dtype="int32")),
    )
    return graph


def simple_edges(
    xp: Any, n_nodes: int, source: Any, target: Any, weight: Any, *, directed: bool
) -> dict[str, Any]:
    """Return ``source``, ``target`` (int32) and ``weight`` of edges that are parallel to none.

    cuGraph drops parallel edges with their weights, so they are added up first.
    """
    if not directed:
        source, target = xp.minimum(source, target), xp.maximum(source, target)
    if weight is not None:
        pair = source.astype("int64") * n_nodes + target
        pair, edge = xp.unique(pair, return_inverse=True)
        weight = xp.bincount(edge, weights=weight, minlength=pair.shape[0])
        source, target = pair // n_nodes, pair % n_nodes
    columns = {"source": source.astype("int32"), "target": target.astype("int32")}
    return columns if weight is None else {**columns, "weight": weight.astype("float64")}


def _by_node(xp: Any, frame: Any, column: str, n_nodes: int, dtype: str) -> Any:
    if len(frame) != n_nodes:
        msg = f"cuGraph was asked about {n_nodes} nodes and answered for {len(frame)}"
        raise RuntimeError(msg)
    out = xp.empty(n_nodes, dtype=dtype)
    out[frame["vertex"].values] = frame[column].values
    return out
