"""Score every open order: probability, interval, score, level, cluster, what speaks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.finance.levels import level_of
from qfb_gpu.finance.orders import FEATURES, Orders, look_features
from qfb_gpu.finance.orders_model import (
    default_shares,
    fit_late,
    is_overdue,
    matrix,
    open_looks,
    top_share,
    training_looks,
)

if TYPE_CHECKING:
    from qfb_gpu._config.risks import Orders as Settings
    from qfb_gpu.backend import Backend

METHODS = ("boosting", "isolation_forest")
STATUSES = ("open", "overdue")
_LATE_POINTS, _DEFAULT_POINTS = 60.0, 40.0
_ANOMALY_POINTS = 50.0
_EVIDENCE = 3.0
"""Orders that the model, and at most the supplier's others, count for beside the pair's own."""
_Z = 1.645
_SAMPLE = 4000


def score_open(
    orders: Orders, as_of_day: int, settings: Settings, backend: Backend
) -> dict[str, Any]:
    """Score the orders that are open on ``as_of_day``.

    Returns
    -------
    dict of arrays, shape (n_open,)
        ``row`` (int64, into ``orders``); ``status``, ``method`` (int8, indices of
        :data:`STATUSES`, :data:`METHODS`); ``probability_late``, its 90% range ``_low`` and
        ``_high``, ``probability_default``, ``anomaly``, ``score`` (float64); ``level``,
        ``is_alert``; ``cluster_id``, ``density_cluster_id`` (int32); ``part_0`` ... what each of
        :data:`FEATURES` added to the log-odds, and the features by name.
    """
    xp = backend.xp
    ahead = open_looks(orders, as_of_day, backend).row
    over = xp.nonzero(is_overdue(orders, as_of_day))[0]
    row = xp.concatenate([ahead, over])
    day = xp.full(row.shape[0], as_of_day, dtype="int64")
    features = look_features(orders, row, day, backend)
    overdue = orders.due_day[row] <= as_of_day
    table = matrix(features, xp)
    model = fit_late(orders, as_of_day, settings, backend)
    if model is None:
        late, parts = features["pair_late_rate"], _plain_parts(features, xp)
    else:
        late, (_, parts) = backend.predict_proba(model, table), backend.contributions(model, table)
    late = xp.where(overdue, 1.0, late)
    of_late, shares = default_shares(orders, as_of_day, settings, backend)
    age = xp.clip(as_of_day - orders.due_day[row], 0, shares.shape[0] - 1)
    default = xp.where(overdue, shares[age], late * of_late)
    anomaly = _anomaly(orders, table, as_of_day, settings, backend)
    score = _LATE_POINTS * late + _DEFAULT_POINTS * default
    if model is None:
        score = xp.where(overdue, score, _ANOMALY_POINTS * anomaly)
    low, high = _interval(late, features, overdue, xp)
    alerts = _alerts(score, overdue, settings.alert_share, xp)
    kmeans, density = clusters(table, settings, backend)
    return {
        "row": row,
        "status": overdue.astype("int8"),
        "method": xp.full(row.shape[0], int(model is None), dtype="int8"),
        "probability_late": late,
        "probability_late_low": low,
        "probability_late_high": high,
        "probability_default": default,
        "anomaly": anomaly,
        "score": score,
        "level": level_of(score, settings.levels, xp),
        "is_alert": alerts,
        "cluster_id": kmeans,
        "density_cluster_id": density,
        **{f"part_{at}": parts[:, at] for at in range(len(FEATURES))},
        **features,
    }


def _plain_parts(features: dict[str, Any], xp: Any) -> Any:
    """Return how far past rates lie above the mean, in log-odds, where there is no model."""
    parts = []
    for name in FEATURES:
        value = features[name]
        if name.endswith("_rate") and value.shape[0]:
            odds = xp.log(value / (1 - value))
            parts.append(odds - xp.sort(odds).mean())
        elif name == "supplier_overdue":
            parts.append(xp.log1p(value))
        else:
            parts.append(xp.zeros(value.shape[0]))
    return xp.stack(parts, axis=1)


def _alerts(score: Any, overdue: Any, share: float, xp: Any) -> Any:
    """Return which orders to raise: a share of those not due yet; an overdue one needs no model."""
    ahead = ~overdue
    chosen = xp.zeros(score.shape[0], dtype=bool)
    chosen[ahead] = top_share(score[ahead], share, xp)
    return chosen | overdue


def _interval(late: Any, features: dict[str, Any], overdue: Any, xp: Any) -> tuple[Any, Any]:
    """Return Wilson's 90% interval, as if the probability were a share of the orders behind it.

    References
    ----------
    E. B. Wilson, "Probable inference", doi:10.1080/01621459.1927.10502953.
    """
    supplier, pair = features["supplier_n_due"], features["pair_n_due"]
    n = _EVIDENCE + pair + xp.minimum(supplier - pair, _EVIDENCE)
    middle = (late + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * xp.sqrt(late * (1 - late) / n + _Z**2 / (4 * n * n)) / (1 + _Z**2 / n)
    low, high = xp.maximum(middle - half, 0.0), xp.minimum(middle + half, 1.0)
    return xp.where(overdue, 1.0, low), xp.where(overdue, 1.0, high)


def _anomaly(
    orders: Orders, table: Any, as_of_day: int, settings: Settings, backend: Backend
) -> Any:
    """Return the share of past orders that are less isolated than each row, 0 to 1."""
    xp = backend.xp
    if table.shape[0] == 0:
        return xp.zeros(0)
    looks = training_looks(orders, as_of_day, backend)
    amount = orders.amount_minor[looks.row]
    by = (-orders.due_day[looks.row], -orders.order_day[looks.row], -looks.day, amount)
    newest = backend.lexsort(by)[:_SAMPLE]
    past = look_features(orders, looks.row[newest], looks.day[newest], backend)
    sample = matrix(past, xp) if newest.shape[0] else table
    sample, asked = (xp.nan_to_num(rows) for rows in (sample, table))
    both = backend.isolation(sample, xp.concatenate([asked, sample]), settings.seed)
    isolated, usual = both[: asked.shape[0]], xp.sort(both[asked.shape[0] :])
    return xp.searchsorted(usual, isolated) / usual.shape[0]


def clusters(table: Any, settings: Settings, backend: Backend) -> tuple[Any, Any]:
    """Group orders by their features: K-means, and HDBSCAN (-1: like no others).

    Both are fitted on at most 4,000 orders evenly spaced in the order of their values; the others
    join the nearest centre, and the cluster of the nearest fitted order. 0 is the largest.

    Returns
    -------
    tuple of int32 arrays, shape (n_orders,)
    """
    xp = backend.xp
    n = table.shape[0]
    if n < 5 * settings.n_clusters:
        return xp.zeros(n, dtype="int32"), xp.full(n, -1, dtype="int32")
    scaled = _scaled(table, xp)
    order = backend.lexsort(tuple(scaled[:, at] for at in range(scaled.shape[1])))
    every = order[(xp.arange(min(n, _SAMPLE)) * (n / min(n, _SAMPLE))).astype("int64")]
    sample = scaled[every]
    centres = backend.kmeans(sample, settings.n_clusters, settings.seed)
    smallest = max(5, sample.shape[0] // 40)
    density = backend.hdbscan(sample, smallest, 5)
    return (
        _by_size(_nearest(scaled, centres, xp), order, xp),
        _by_size(density[_nearest(scaled, sample, xp)], order, xp),
    )


def _scaled(table: Any, xp: Any) -> Any:
    """Return standard scores, unknown as the mean, counts as logs."""
    counts = [at for at, name in enumerate(FEATURES) if name.endswith(("_due", "_days", "overdue"))]
    table = xp.array(table)
    for at in counts:
        table[:, at] = xp.sign(table[:, at]) * xp.log1p(abs(table[:, at]))
    known = ~xp.isnan(table)
    n = xp.maximum(known.sum(axis=0), 1)
    mean = xp.sort(xp.where(known, table, 0.0), axis=0).sum(axis=0) / n  # whatever the row order
    off = xp.where(known, table - mean, 0.0)
    spread = xp.sqrt(xp.sort(off * off, axis=0).sum(axis=0) / n)
    return xp.round(off / xp.where(spread > 0, spread, 1.0), 6)


def _nearest(rows: Any, centres: Any, xp: Any) -> Any:
    """Return the nearest centre of each row, in blocks of rows."""
    size = max(1, 2**22 // max(centres.shape[0], 1))
    squares = (centres * centres).sum(axis=1)
    found = [
        xp.argmin(squares - 2 * rows[start : start + size] @ centres.T, axis=1)
        for start in range(0, rows.shape[0], size)
    ]
    return xp.concatenate(found)


def _by_size(label: Any, order: Any, xp: Any) -> Any:
    """Renumber clusters, the largest 0, of equals the one first in ``order``; -1 stays."""
    ordered = label[order]
    ordered = ordered[ordered >= 0]
    if not ordered.shape[0]:
        return label.astype("int32")
    ids, first, count = xp.unique(ordered, return_index=True, return_counts=True)
    by_size = xp.argsort(-count * label.shape[0] + first)
    rank = xp.zeros(int(ids.max()) + 1, dtype="int32")
    rank[ids[by_size]] = xp.arange(ids.shape[0], dtype="int32")
    return xp.where(label >= 0, rank[xp.maximum(label, 0)], -1).astype("int32")
