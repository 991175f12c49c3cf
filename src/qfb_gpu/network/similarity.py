"""Who deals with the same parties, and with whom a customer may deal next.

A customer is a sparse row over (party, direction): log(1 + payments) times how rare the party is,
log(1 + customers / customers that deal with it). Rows are compared a batch at a time, by products
of sparse matrices, so memory is bounded; a party of more than ``max_partners`` customers (a tax
office, a power company) says little and would compare everyone with everyone, so it is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from qfb_gpu._backend.products import alike
from qfb_gpu.network.rows import batches, entries, joined, largest
from qfb_kernels.overlap import overlap_cpu, overlap_gpu

if TYPE_CHECKING:
    from qfb_gpu._config.network import Likeness
    from qfb_gpu.backend import Backend
    from qfb_gpu.network.graph import Graph

_PAIR = {"row": "int64", "column": "int64", "value": "float64", "rank": "int32"}


@dataclass(frozen=True, slots=True)
class Partners:
    """Customers and those they deal with.

    Attributes
    ----------
    customer : int64, shape (n_customers,), ascending
        Nodes of the graph.
    row, column : int64, shape (n_entries,)
        Customer's row and party's column, by row, then column; a column is
        ``2 * node + direction`` (0: the party pays, 1: it is paid).
    weight : float64, shape (n_entries,)
    n_nodes : int
    """

    customer: Any
    row: Any
    column: Any
    weight: Any
    n_nodes: int


def partners(graph: Graph, edges: dict[str, Any], settings: Likeness, backend: Backend) -> Partners:
    """Return whom each customer deals with, over all currencies and all its history."""
    xp = backend.xp
    n = graph.n_nodes
    customer = xp.nonzero(graph.is_customer)[0]
    number = edges["n_payments"][graph.edge].astype("float64")  # whole, so any order adds up alike
    source, target, number = graph.by_pair(number, xp)
    parts = []
    for mine, other, code in ((target, source, 0), (source, target, 1)):
        row = xp.nonzero(graph.is_customer[mine] & (mine != other))[0]
        parts.append((mine[row] * (2 * n) + (2 * other[row] + code), number[row]))
    del source, target, mine, other, row
    pair, number = (xp.concatenate([part[at] for part in parts]) for at in range(2))
    del parts
    order = xp.argsort(pair)  # each is there once
    pair, number = pair[order], number[order]
    del order
    owner, column = pair // max(2 * n, 1), pair % max(2 * n, 1)
    del pair
    known_by = xp.bincount(column, minlength=2 * n)[column]
    useful = known_by <= settings.max_partners
    rarity = xp.log1p(float(customer.shape[0]) / xp.maximum(known_by, 1))
    weight = (xp.log1p(number) * rarity)[useful]
    row = xp.searchsorted(customer, owner[useful])
    return Partners(customer, row, column[useful], weight, n)


def similar(of: Partners, settings: Likeness, backend: Backend) -> dict[str, Any]:
    """Return the most similar customers of each customer.

    Returns
    -------
    dict of arrays, shape (n_pairs,); by customer, the most similar first
        ``customer`` and ``similar`` (int64, nodes), ``rank`` (int32, from 1), ``similarity``
        (float64: cosine), ``jaccard`` (float64: weights shared over weights of both),
        ``n_shared`` (int64). Only pairs that share a party.
    """
    xp = backend.xp
    shape = (int(of.customer.shape[0]), 2 * of.n_nodes)
    length = xp.sqrt(xp.bincount(of.row, weights=of.weight**2, minlength=shape[0]))
    length = xp.where(length > 0, length, 1.0)
    matrix = backend.sparse(shape, of.row, of.column, of.weight / length[of.row])
    if not settings.n_similar:
        pairs = joined([], _PAIR, xp)
    else:
        best = backend.either(alike, partial(batched_alike, backend))
        pairs = best(matrix, settings.n_similar)
    del matrix, length
    shared, jaccard = _overlap(of, pairs["row"], pairs["column"], backend)
    return {
        "customer": of.customer[pairs.pop("row")],
        "similar": of.customer[pairs.pop("column")],
        "rank": pairs["rank"],
        "similarity": pairs["value"],
        "jaccard": jaccard,
        "n_shared": shared,
    }


def batched_alike(backend: Backend, matrix: Any, n_best: int) -> dict[str, Any]:
    """Return what :func:`qfb_gpu._backend.products.alike` does, some rows at a time."""
    xp = backend.xp
    of, party, _ = entries(matrix, backend)
    known_by = xp.bincount(party, minlength=matrix.shape[1])[party].astype("float64")
    n_pairs = xp.bincount(of, weights=known_by, minlength=matrix.shape[0])  # counted once a party
    across, parts = matrix.T, []
    for start, stop in batches(n_pairs, backend):
        row, column, value = entries(matrix[start:stop] @ across, backend)
        other = row + start != column
        row, column, value = row[other] + start, column[other], value[other]
        parts.append(largest(row, column, value, n_best, backend))
    return joined(parts, _PAIR, xp)


def _overlap(of: Partners, left: Any, right: Any, backend: Backend) -> tuple[Any, Any]:
    """Return parties shared (int64) and weighted Jaccard of pairs of customers."""
    xp = backend.xp
    n, n_pairs = int(of.customer.shape[0]), int(left.shape[0])
    starts = xp.searchsorted(of.row, xp.arange(n + 1)).astype("int64")
    total = xp.bincount(of.row, weights=of.weight, minlength=n)
    shared, low = xp.zeros(n_pairs, dtype="int64"), xp.zeros(n_pairs)
    given = (starts, of.column, of.weight, left, right, shared, low)
    backend.launch(overlap_cpu, overlap_gpu, n_pairs, *given)
    high = total[left] + total[right] - low
    return shared, low / xp.where(high > 0, high, 1.0)
