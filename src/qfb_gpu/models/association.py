"""Association rules between parties: who deals with one deals with the other, beyond chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.models.false_discovery import benjamini_hochberg

if TYPE_CHECKING:
    from qfb_gpu._config.behaviour import Behaviour
    from qfb_gpu.backend import Backend
    from qfb_gpu.models.behaviour import Numbered

_BATCH_PAIRS = 4_000_000
_NO_MORE_THAN_CHANCE = 0.5
"""The least p-value of pairs with no more customers in common than their mean, which is not
above the median: they are listed under no smaller rate, and which p-value they have changes no
q-value under it."""


def associations(
    of: Numbered, n_customers: int, settings: Behaviour, backend: Backend
) -> dict[str, np.ndarray]:
    """Return the pairs of parties that most surely go together.

    Parameters
    ----------
    of : Numbered
        The parties of all customers' visits: :func:`qfb_gpu.models.behaviour.numbered`.
    n_customers : int
        Those without a visit, too.

    Returns
    -------
    dict of NumPy arrays, shape (n_pairs,); the smallest p-value first
        ``left``, ``right`` (int64, parties; the one of fewer customers is left, then the smaller
        key), ``n_left``, ``n_right``, ``n_both`` (int64, customers), ``confidence`` (of those of
        left, who deal with right), ``lift`` (times as many as by chance), ``p_value``
        (hypergeometric, one-sided), ``q_value`` (Benjamini-Hochberg over the pairs that
        ``least_both`` customers have in common, so a little too bold for rare parties).

    References
    ----------
    R. Agrawal, T. Imielinski, A. Swami, "Mining association rules", doi:10.1145/170035.170072.
    """
    party, customer, column = (
        np.asarray(backend.to_host(values))
        for values in (of.party, of.pair_customer, of.pair_party)
    )
    n_of = np.bincount(column, minlength=party.size)
    useful = (n_of >= settings.least_both) & (n_of <= settings.most_share * n_customers)
    place = np.where(useful, np.cumsum(useful) - 1, -1)[column]
    party, n_of = party[useful], n_of[useful]
    kept = place >= 0
    left, right, both = _common(customer[kept], place[kept], party.size, n_customers, backend)
    wanted = both >= settings.least_both
    left, right, both = left[wanted], right[wanted], both[wanted]
    swap = (n_of[left] > n_of[right]) | ((n_of[left] == n_of[right]) & (party[left] > party[right]))
    left, right = np.where(swap, right, left), np.where(swap, left, right)
    n_left, n_right = n_of[left], n_of[right]
    p = np.ones(both.size)
    told = both * n_customers > n_left * n_right
    if settings.false_discovery_rate >= _NO_MORE_THAN_CHANCE:
        told[:] = True
    p[told] = _chance(both[told], n_left[told], n_right[told], n_customers)
    q = benjamini_hochberg(p)
    order = np.lexsort((party[right], party[left], -both, p))
    order = order[q[order] <= settings.false_discovery_rate][: settings.n_pairs]
    lift = both * n_customers / np.maximum(n_left * n_right, 1)
    found = {
        "left": party[left], "right": party[right], "n_left": n_left, "n_right": n_right,
        "n_both": both, "confidence": both / np.maximum(n_left, 1), "lift": lift,
        "p_value": p, "q_value": q,
    }  # fmt: skip
    return {name: values[order] for name, values in found.items()}


def _common(
    customer: np.ndarray, place: np.ndarray, n_parties: int, n_customers: int, backend: Backend
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs of parties with customers in common, left < right, and how many those are."""
    if n_parties == 0:
        return (np.zeros(0, np.int64),) * 3
    ones = backend.asarray(np.ones(place.size))
    row, column = backend.asarray(place), backend.asarray(customer)
    matrix = backend.sparse((n_parties, n_customers), row, column, ones)
    across = matrix.T
    size = np.bincount(customer, minlength=n_customers)
    work = np.bincount(place, weights=size[customer], minlength=n_parties)
    cuts = np.flatnonzero(np.diff((np.cumsum(work) // _BATCH_PAIRS).astype(np.int64))) + 1
    parts = []
    for start, stop in zip([0, *cuts], [*cuts, n_parties], strict=True):
        found = matrix[int(start) : int(stop)] @ across
        n_in_row = np.diff(np.asarray(backend.to_host(found.indptr)))
        left = np.repeat(np.arange(start, stop), n_in_row)
        right, number = backend.to_host(found.indices), backend.to_host(found.data)
        upper = left < right
        parts.append((left[upper], right[upper], number[upper]))
    left, right, both = (np.concatenate([part[i] for part in parts]) for i in range(3))
    return left.astype(np.int64), right.astype(np.int64), np.rint(both).astype(np.int64)


def _chance(both: Any, n_left: Any, n_right: Any, n_customers: int) -> np.ndarray:
    from scipy.stats import hypergeom

    p: np.ndarray = hypergeom.sf(both - 1, n_customers, n_right, n_left)
    return p
