"""Look-alikes: the customers whose behaviour is nearest, by Euclidean distance of ranks.

Every feature becomes its rank among the reference customers, 0 to 1, so that no unit and no outlier
outweighs another, and currencies are never compared. Nearest is looked for among at most
``MOST_REFERENCES`` customers, evenly spaced in an order of values: the cost is linear in customers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.backend import Backend

FEATURES = (
    "recency_days_since_last", "frequency_n_90d", "frequency_n_365d", "balance_in_out_365d",
    "interval_mean_days", "interval_burstiness", "spectrum_weekly_share",
    "spectrum_monthly_share", "trend_n_quarter", "shape_month_end_share",
    "counterparty_n_365d", "counterparty_hhi_in", "counterparty_hhi_out",
    "regularity_n_streams", "regularity_payment_share",
)  # fmt: skip
MOST_REFERENCES = 20_000
_BLOCK = 1_024
_DIGITS = 9
_MIDDLE = 0.5


def ranks(features: Mapping[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Return each feature as its share of reference customers below: (n_customers, n_features).

    Equal values have equal ranks (the middle of theirs); NaN stands in the middle.

    Parameters
    ----------
    features : mapping of name to array, shape (n_customers,)
        At least :data:`FEATURES`.
    rows : integer array
        The reference customers.
    """
    columns = []
    for name in FEATURES:
        values = np.asarray(features[name], dtype=np.float64)
        known = np.sort(values[rows][np.isfinite(values[rows])])
        below = np.searchsorted(known, values, side="left")
        up_to = np.searchsorted(known, values, side="right")
        rank = (below + up_to) / 2 / max(known.size, 1)
        columns.append(np.where(np.isfinite(values), rank, _MIDDLE))
    return np.stack(columns, axis=1)


def references(features: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the rows of the reference customers, in an order of their values."""
    order = np.lexsort([np.asarray(features[name]) for name in FEATURES])
    if order.size <= MOST_REFERENCES:
        return order
    return order[(np.arange(MOST_REFERENCES) * (order.size / MOST_REFERENCES)).astype(np.int64)]


def nearest(
    features: Mapping[str, np.ndarray], n_nearest: int, backend: Backend
) -> tuple[np.ndarray, np.ndarray]:
    """Return each customer's nearest reference customers and their distances.

    Returns
    -------
    row : int64 array, shape (n_customers, n_nearest)
        -1 where there are not so many others.
    distance : float64 array, shape (n_customers, n_nearest)
        Root mean squared difference of ranks, 0 to 1; NaN where there is none. Ties go by the order
        of values.
    """
    rows = references(features)
    places = ranks(features, rows)
    xp = backend.xp
    all_places = backend.asarray(places)
    known = all_places[backend.asarray(rows)]
    squares = (known * known).sum(axis=1)
    n_customers, kept = places.shape[0], min(n_nearest, max(rows.size - 1, 0))
    row = np.full((n_customers, n_nearest), -1, dtype=np.int64)
    distance = np.full((n_customers, n_nearest), np.nan)
    for start in range(0, n_customers if kept else 0, _BLOCK):
        own = all_places[start : start + _BLOCK]
        away = (own * own).sum(axis=1)[:, None] - 2 * own @ known.T + squares
        away = xp.round(xp.maximum(away, 0) / len(FEATURES), _DIGITS)
        at = backend.asarray(np.arange(start, start + own.shape[0]))
        away = xp.where(backend.asarray(rows)[None, :] == at[:, None], xp.inf, away)
        order, found = _smallest(away, kept, backend)
        row[start : start + _BLOCK, :kept] = rows[backend.to_host(order)]
        distance[start : start + _BLOCK, :kept] = np.sqrt(backend.to_host(found))
    return row, distance


def _smallest(values: Any, n_kept: int, backend: Backend) -> tuple[Any, Any]:
    """Return the columns of each row's smallest values, and these; equal ones by their column."""
    xp = backend.xp
    level = xp.partition(values, n_kept - 1, axis=1)[:, n_kept - 1]
    row, column = xp.nonzero(values <= level[:, None])  # more than are kept only where some tie
    order = backend.lexsort((row, values[row, column], column))
    row, column = row[order], column[order]
    first = xp.searchsorted(row, xp.arange(values.shape[0]))
    at = column[first[:, None] + xp.arange(n_kept)[None, :]]
    return at, xp.take_along_axis(values, at, axis=1)


def in_words(places: np.ndarray, one: int, other: int) -> str:
    """Return the features in which two customers are alike and stand out, the clearest first."""
    both = np.minimum(abs(places[one] - _MIDDLE), abs(places[other] - _MIDDLE))
    same_side = (places[one] - _MIDDLE) * (places[other] - _MIDDLE) > 0
    score = np.where(same_side, both - abs(places[one] - places[other]), -1.0)
    picked = [at for at in np.argsort(-score, kind="stable")[:3].tolist() if score[at] > 0]
    return ", ".join(
        f"{'high' if places[one, at] > _MIDDLE else 'low'} {FEATURES[at]}" for at in picked
    )


def table(features: Mapping[str, np.ndarray], n_nearest: int, backend: Backend) -> dict[str, Any]:
    """Return a row a customer and look-alike: ``customer`` and ``similar`` rows, rank, distance."""
    row, distance = nearest(features, n_nearest, backend)
    customer, rank = np.nonzero(row >= 0)
    places = ranks(features, references(features))
    similar = row[customer, rank]
    return {
        "customer": customer,
        "similar": similar,
        "rank": (rank + 1).astype(np.int32),
        "distance": distance[customer, rank],
        "alike": [
            in_words(places, one, other)
            for one, other in zip(customer.tolist(), similar.tolist(), strict=True)
        ],
    }
