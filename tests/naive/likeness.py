"""Similarity and link prediction by dictionaries."""

import math


def rows(links, customers, max_partners):
    """Return {customer: {(party, side): weight}}; ``links`` is {(payer, payee): payments}."""
    table = {customer: {} for customer in customers}
    for (payer, payee), number in links.items():
        if payer == payee:
            continue
        if payee in table:
            table[payee][payer, 0] = number
        if payer in table:
            table[payer][payee, 1] = number
    known = {}
    for mine in table.values():
        for party in mine:
            known[party] = known.get(party, 0) + 1
    return {
        customer: {
            party: math.log1p(number) * math.log1p(len(customers) / known[party])
            for party, number in mine.items()
            if known[party] <= max_partners
        }
        for customer, mine in table.items()
    }


def compare(left, right):
    """Return cosine, weighted Jaccard and how many are shared."""
    both = left.keys() & right.keys()
    norm = [math.sqrt(sum(v * v for v in one.values())) for one in (left, right)]
    cosine = sum(left[p] * right[p] for p in both) / (norm[0] * norm[1])
    low = sum(min(left[p], right[p]) for p in both)
    high = sum(max(left.get(p, 0), right.get(p, 0)) for p in left.keys() | right.keys())
    return cosine, low / high, len(both)


def link_scores(around, a, b):
    """Return the scores of a pair by method; ``around`` is {node: set of partners}."""
    degree = {node: len(mine) for node, mine in around.items()}
    shared = around[a] & around[b]
    return {
        "resource_allocation": sum(1 / degree[z] for z in shared),
        "adamic_adar": sum(1 / math.log(max(degree[z], 2)) for z in shared),
        "preferential_attachment": degree[a] * degree[b],
        "paths_of_three": sum(
            1 / math.sqrt(degree[u] * degree[v])
            for u in around[a] for v in around[u] if b in around[v]
        ),
    }  # fmt: skip
