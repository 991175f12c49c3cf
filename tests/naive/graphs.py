"""Slow, obvious graph answers: plain Python loops only."""


def components(n_nodes, edges):
    """Return the weakly connected components as a set of sets of nodes."""
    groups = {node: {node} for node in range(n_nodes)}
    for source, target in edges:
        if groups[source] is not groups[target]:
            merged = groups[source] | groups[target]
            for node in merged:
                groups[node] = merged
    return {frozenset(group) for group in groups.values()}


def pagerank(n_nodes, edges, damping=0.85, steps=400):
    """Return ranks by power iteration; ``edges`` are (source, target, weight)."""
    given = [0.0] * n_nodes
    for source, _, weight in edges:
        given[source] += weight
    ranks = [1 / n_nodes] * n_nodes
    for _ in range(steps):
        lost = sum(rank for rank, out in zip(ranks, given, strict=True) if out == 0)
        new = [(1 - damping + damping * lost) / n_nodes] * n_nodes
        for source, target, weight in edges:
            new[target] += damping * ranks[source] * weight / given[source]
        ranks = new
    return ranks


def partners(node, links):
    """Return whom a node deals with, itself left out."""
    others = {b for a, b in links if a == node} | {a for a, b in links if b == node}
    return others - {node}


def cores_and_triangles(links):
    """Return {node: core number} and {node: triangles} of the undirected simple graph."""
    around = {node: partners(node, links) for link in links for node in link}
    triangles = {
        node: sum(b in around[a] for a in mine for b in mine if a < b)
        for node, mine in around.items()
    }
    cores, k = {}, 0
    left = {node: set(mine) for node, mine in around.items()}
    while left:
        weak = [node for node, mine in left.items() if len(mine) <= k]
        if not weak:
            k += 1
            continue
        for node in weak:
            cores[node] = k
            del left[node]
        for mine in left.values():
            mine -= set(weak)
    return cores, triangles
