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
