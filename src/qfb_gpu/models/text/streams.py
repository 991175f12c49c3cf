"""What a stream is about, and a customer's money by what it is about.

A stream's category has the greatest sum of probability over its payments; its probability is that
sum over its described payments. Ties go to the label that comes first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

N_AXES = 8
"""Axes of the embedding that a profile holds."""


def vote(stream: Any, label: Any, weight: Any, count: Any, n_streams: int) -> dict[str, Any]:
    """Return the category of each stream.

    Parameters
    ----------
    stream : int array, shape (n_rows,)
        A row a description of a stream.
    label : int array, shape (n_rows,), -1: none
    weight : float array, shape (n_rows,), probability
    count : int array, shape (n_rows,), payments with the description
    n_streams : int

    Returns
    -------
    dict of arrays, shape (n_streams,)
        ``label`` (int32, -1: none), ``probability`` (float64), ``n_described`` (int64).
    """
    there = label >= 0
    stream, label = stream[there].astype(np.int64), label[there].astype(np.int64)
    said, count = (weight[there].astype(np.float64) * count[there]), count[there]
    n_described = np.bincount(stream, count, n_streams).astype(np.int64)
    order = np.lexsort((said, label, stream))  # sums in one order, whatever the rows'
    n_labels = int(label.max(initial=0)) + 1
    pair, place = np.unique(stream[order] * n_labels + label[order], return_inverse=True)
    total = np.bincount(place, said[order], len(pair))
    best = np.lexsort((pair % n_labels, -total, pair // n_labels))
    owner = pair[best] // n_labels
    first = best[np.append(True, owner[1:] != owner[:-1])] if len(best) else best
    found = np.full(n_streams, -1, np.int32)
    probability = np.zeros(n_streams)
    owner = pair[first] // n_labels
    found[owner] = pair[first] % n_labels
    probability[owner] = np.minimum(total[first] / n_described[owner], 1)
    return {"label": found, "probability": probability, "n_described": n_described}


def money_by_category(
    customer: Any, label: Any, amount: Any, n_customers: int, n_labels: int
) -> dict[str, Any]:
    """Return how each customer's money spreads over categories.

    Parameters
    ----------
    customer : int array, shape (n_streams,)
    label : int array, shape (n_streams,)
        -1: unknown.
    amount : int64 array, shape (n_streams,), minor units of one currency a customer
        What came back counts against it; a category of which more came back than was paid has 0.

    Returns
    -------
    dict of float64 arrays, shape (n_customers,), NaN where no money moved
        ``entropy`` in nats of the shares by known category, ``unknown_share``, ``top_share``, and
        ``top`` (int32 label, -1: none).
    """
    by = np.zeros((n_customers, max(n_labels, 1) + 1), np.int64)
    np.add.at(by, (customer, label), amount)  # of -1, unknown, in the last column
    by, rest = np.split(np.maximum(by, 0), [-1], axis=1)
    known_sum = by.sum(axis=1)
    total = known_sum + rest[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = by / known_sum[:, None]
        terms = np.where(by > 0, -share * np.log(share), 0.0)
        entropy = np.where(known_sum > 0, terms.sum(axis=1), np.nan)
        unknown = np.where(total > 0, 1 - known_sum / total, np.nan)
        top_share = np.where(total > 0, by.max(axis=1) / total, np.nan)
    top = np.where(known_sum > 0, by.argmax(axis=1), -1).astype(np.int32)
    return {"entropy": entropy, "unknown_share": unknown, "top_share": top_share, "top": top}


def axes(output: Any, n_axes: int = N_AXES) -> Any:
    """Return the directions in which a model's labels differ most: float64, shape (dim, n_axes).

    The right singular vectors of the centred output matrix, the entry of the largest absolute
    value positive; zero columns beyond its rank.
    """
    centred = output.astype(np.float64) - output.mean(axis=0, dtype=np.float64)
    _, _, right = np.linalg.svd(centred, full_matrices=False)
    found = np.zeros((output.shape[1], n_axes))
    n_found = min(n_axes, right.shape[0])
    chosen = right[:n_found]
    largest = np.abs(chosen).argmax(axis=1)
    sign = np.where(chosen[np.arange(n_found), largest] < 0, -1.0, 1.0)
    found[:, :n_found] = (chosen * sign[:, None]).T
    return found


def mean_vectors(customer: Any, vector: Any, count: Any, n_customers: int) -> Any:
    """Return the mean vector of each customer's payments: float64, NaN where none is described.

    Parameters
    ----------
    customer, count : int arrays, shape (n_rows,)
    vector : float array, shape (n_rows, n_axes)
        Rows in an order that depends on their values alone.
    """
    n = np.bincount(customer, count, n_customers)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.column_stack(
            [
                np.bincount(customer, vector[:, axis] * count, n_customers) / n
                for axis in range(vector.shape[1])
            ]
        )
