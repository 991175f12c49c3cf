"""Components, cores and triangles of a graph, node by node; for the host only.

Links are ``start`` (int64, shape (n_nodes + 1,)), where the links of each node begin, and ``other``
(int32, shape (n_links,)), their other ends; every pair is in it twice.
"""

from __future__ import annotations

from qfb_kernels.linked import launcher


@launcher
def components_cpu(source, target, root):
    """Write the first node of each node's component.

    Parameters
    ----------
    source, target : int64 arrays, shape (n_edges,)
    root : int32 array, shape (n_nodes,)
        Each node its own number; overwritten.

    References
    ----------
    R. E. Tarjan, J. van Leeuwen, "Worst-case analysis of set union algorithms",
    doi:10.1145/62.2160: paths are halved.
    """
    for edge in range(source.shape[0]):
        one, other = source[edge], target[edge]
        while root[one] != one:
            root[one] = root[root[one]]
            one = root[one]
        while root[other] != other:
            root[other] = root[root[other]]
            other = root[other]
        if one < other:
            root[other] = one
        elif other < one:
            root[one] = other
    for node in range(root.shape[0]):
        root[node] = root[root[node]]  # of a node before it, which has its own already


@launcher
def links_cpu(low, high, start, other):
    """Write the links of an undirected graph.

    Parameters
    ----------
    low, high : int64 arrays, shape (n_pairs,)
        ``low < high``; each pair once.
    start : int64 array, shape (n_nodes + 1,)
        Zeros; overwritten.
    other : int32 array, shape (2 * n_pairs,)
        Overwritten.
    """
    n_nodes = start.shape[0] - 1
    for pair in range(low.shape[0]):
        start[low[pair]] += 1
        start[high[pair]] += 1
    total = n_nodes - n_nodes
    for node in range(n_nodes + 1):
        total += start[node]
        start[node] = total - start[node]
    for pair in range(low.shape[0]):
        one, two = low[pair], high[pair]
        other[start[one]] = two
        start[one] += 1
        other[start[two]] = one
        start[two] += 1
    for node in range(n_nodes, 0, -1):
        start[node] = start[node - 1]
    start[0] = 0


@launcher
def cores_cpu(start, other, core, first, place, order):
    """Write the core number of each node: the largest k of whose k-core it is part.

    Parameters
    ----------
    start, other : arrays
        Links of an undirected graph.
    core : int32 array, shape (n_nodes,)
        The degree of each node; overwritten.
    first : int64 array, shape (largest degree + 2,)
        Zeros; overwritten: where the nodes of each degree begin in ``order``.
    place, order : int32 arrays, shape (n_nodes,)
        Overwritten: nodes in the order in which they are taken away, and where each stands.

    References
    ----------
    V. Batagelj, M. Zaversnik, "An O(m) algorithm for cores decomposition of networks",
    arXiv:cs/0310049.
    """
    n_nodes = core.shape[0]
    for node in range(n_nodes):
        first[core[node] + 1] += 1
    for degree in range(1, first.shape[0]):
        first[degree] += first[degree - 1]
    for node in range(n_nodes):
        at = first[core[node]]
        order[at], place[node] = node, at
        first[core[node]] = at + 1
    for degree in range(first.shape[0] - 1, 0, -1):
        first[degree] = first[degree - 1]
    first[0] = 0
    for at in range(n_nodes):
        node = order[at]
        for link in range(start[node], start[node + 1]):
            partner = other[link]
            if core[partner] > core[node]:  # one link less: to the end of those of its degree,
                here, there = place[partner], first[core[partner]]  # which is one of less now
                moved = order[there]
                order[here], place[moved] = moved, here
                order[there], place[partner] = partner, there
                first[core[partner]] = there + 1
                core[partner] -= 1


@launcher
def triangles_cpu(start, other, up, mark, triangles):
    """Write in how many triangles each node is.

    Parameters
    ----------
    start, other : arrays
        Links of an undirected graph; those of each node are overwritten: the links to nodes of
        more links, or as many and a higher number, come first.
    up : int64 array, shape (n_nodes,)
        Overwritten: where these end.
    mark : int32 array, shape (n_nodes,)
        -1 each; overwritten.
    triangles : int64 array, shape (n_nodes,)
        Zeros; overwritten.

    References
    ----------
    M. Latapy, "Main-memory triangle computations for very large (sparse (power-law)) graphs",
    doi:10.1016/j.tcs.2008.07.017: forward.
    """
    n_nodes = mark.shape[0]
    for node in range(n_nodes):
        degree = start[node + 1] - start[node]
        end = start[node]
        for link in range(start[node], start[node + 1]):
            partner = other[link]
            more = start[partner + 1] - start[partner]
            if more > degree or (more == degree and partner > node):
                other[link] = other[end]
                other[end] = partner
                end += 1
        up[node] = end
    for node in range(n_nodes):
        if up[node] - start[node] < 2:
            continue
        for link in range(start[node], up[node]):
            mark[other[link]] = node
        for link in range(start[node], up[node]):
            partner = other[link]
            for further in range(start[partner], up[partner]):
                third = other[further]
                if mark[third] == node:
                    triangles[node] += 1
                    triangles[partner] += 1
                    triangles[third] += 1
