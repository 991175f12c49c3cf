"""Customer segments by behaviour: robustly standardised features into K-means groups.

Nothing here knows a customer's name or place in a table: rows are ordered by a hash of their
values before anything is fitted, so buckets, row order and renaming change no segment.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Segments

FEATURES: tuple[tuple[str, str, str, str], ...] = (
    ("recency_days_since_last", "log", "days since the last payment", "最近一次收付"),
    ("frequency_n_90d", "log", "payments in 90 days", "近90天笔数"),
    ("frequency_n_365d", "log", "payments in a year", "近一年笔数"),
    ("money_turnover_minor_365d", "log", "turnover", "周转额"),
    ("balance_in_out_365d", "", "money in over out", "收支差"),
    ("interval_mean_days", "log", "days between payments", "收付间隔"),
    ("interval_burstiness", "", "burstiness", "突发性"),
    ("spectrum_weekly_share", "", "weekly rhythm", "周节律"),
    ("spectrum_monthly_share", "", "monthly rhythm", "月节律"),
    ("trend_n_quarter", "", "growth", "增长"),
    ("shape_month_end_share", "", "month-end share", "月末占比"),
    ("counterparty_n_365d", "log", "counterparties", "交易对手数"),
    ("counterparty_hhi_in", "", "concentration of payers", "付款方集中度"),
    ("counterparty_hhi_out", "", "concentration of payees", "收款方集中度"),
    ("regularity_n_streams", "log", "regular streams", "规律流数"),
    ("regularity_payment_share", "", "regular share", "规律占比"),
)
"""Column, transform (``log`` is log(1 + x)), and how it is called in English and Chinese."""
_WORDS = {name: words for name, _, words, _ in FEATURES}

SMALLEST, LARGEST = 3, 8
"""Numbers of segments that ``auto`` chooses from."""
_SILHOUETTE_ROWS = 2_000
_CHOICE_ROWS = 5_000
_CLIP = 5.0
_DIGITS = 9
_NOTABLE = 0.5
_TYPICAL = 3
_IQR_OF_A_NORMAL = 1.3489795003921634


@dataclass(frozen=True, slots=True)
class SegmentModel:
    """What turns features into a segment.

    Attributes
    ----------
    names : list of str
        The features, in order.
    centre, scale : list of float
        Median and robust standard deviation of each transformed feature.
    centres : list of list of float
        Standardised; row ``s`` is segment ``s``, the largest first.
    silhouette : float
        Mean silhouette of the sample the number was chosen on; NaN where there was no choice.
    """

    names: list[str]
    centre: list[float]
    scale: list[float]
    centres: list[list[float]]
    silhouette: float

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain numbers, to be kept."""
        return asdict(self)


def fit_segments(features: dict[str, Any], settings: Segments, backend: Backend) -> SegmentModel:
    """Fit segments over all customers of a run.

    The number, where it is ``auto``, has the highest mean silhouette of 3 to 8 on a sample.

    Parameters
    ----------
    features : dict of arrays, shape (n_customers,)
        At least :data:`FEATURES`; NaN counts as the median.
    settings : Segments

    References
    ----------
    P. J. Rousseeuw, "Silhouettes", doi:10.1016/0377-0427(87)90125-7.
    """
    names = [row[0] for row in FEATURES]
    centre, scale = _scales(features, backend)
    values = _standardised(features, centre, scale, backend)
    sample = values[_value_order(values, backend)[: settings.sample_rows]]
    n_segments, silhouette = _number(sample, settings, backend)
    if n_segments == 1:
        centres = np.zeros((1, len(names)))
    else:
        fitted = backend.kmeans(sample, n_segments, settings.seed)
        centres = np.round(np.asarray(backend.to_host(fitted), dtype="float64"), _DIGITS)
    nearest, _ = _nearest(values, centres, backend)
    counts = np.bincount(backend.to_host(nearest), minlength=n_segments)
    order = sorted(range(n_segments), key=lambda s: (-counts[s], centres[s].tolist()))
    return SegmentModel(names, centre, scale, centres[order].tolist(), silhouette)


def assign(model: SegmentModel, features: dict[str, Any], backend: Backend) -> tuple[Any, Any]:
    """Return each customer's nearest segment and the distance to its centre.

    Returns
    -------
    segment_id : array of int32, shape (n_customers,)
    distance : array of float64, shape (n_customers,)
        Euclidean, in robust standard deviations.
    """
    values = _standardised(features, model.centre, model.scale, backend)
    return _nearest(values, np.asarray(model.centres), backend)


def profile_cards(
    model: SegmentModel,
    features: dict[str, Any],
    segment_id: Any,
    distance: Any,
    backend: Backend,
) -> list[dict[str, Any]]:
    """Describe each segment.

    Returns
    -------
    list of dict, one per segment
        ``segment_id``, ``n_customers``, ``share``, ``label`` (what is high and low, in words),
        ``feature`` (JSON: feature to mean, population mean, standard score, words) and ``typical``
        (rows of up to three customers nearest to the centre).
    """
    values = _standardised(features, model.centre, model.scale, backend)
    order = backend.to_host(_value_order(values, backend))
    segment, away = backend.to_host(segment_id), backend.to_host(distance)
    raw = {name: np.asarray(backend.to_host(features[name]), "float64") for name in model.names}
    host = backend.to_host(values)
    cards = []
    for number in range(len(model.centres)):
        rows = order[segment[order] == number]  # an order of values: sums do not depend on names
        nearest = rows[np.argsort(away[rows], kind="stable")][:_TYPICAL]
        scores = _scores(host, rows, order)
        cards.append(
            {
                "segment_id": number,
                "n_customers": int(rows.size),
                "share": rows.size / max(1, segment.size),
                "label": _label(scores),
                "feature": _feature_json(model.names, raw, rows, order, scores),
                "typical": nearest.tolist(),
            }
        )
    return cards


def _transformed(features: dict[str, Any], backend: Backend) -> list[Any]:
    xp = backend.xp
    columns = []
    for name, transform, *_ in FEATURES:
        column = features[name].astype("float64")
        if transform == "log":
            column = xp.log1p(xp.maximum(column, 0.0))
        columns.append(column)
    return columns


def _scales(features: dict[str, Any], backend: Backend) -> tuple[list[float], list[float]]:
    centre, scale = [], []
    for column in _transformed(features, backend):
        known = np.sort(np.asarray(backend.to_host(column)))
        known = known[~np.isnan(known)]
        if known.size == 0:
            known = np.zeros(1)
        low, middle, high = np.percentile(known, [25, 50, 75])
        spread = (high - low) / _IQR_OF_A_NORMAL or float(np.std(known))
        centre.append(round(float(middle), _DIGITS))
        scale.append(round(float(spread), _DIGITS) or 1.0)
    return centre, scale


def _standardised(
    features: dict[str, Any], centre: list[float], scale: list[float], backend: Backend
) -> Any:
    xp = backend.xp
    columns = []
    for column, middle, spread in zip(_transformed(features, backend), centre, scale, strict=True):
        score = xp.clip((column - middle) / spread, -_CLIP, _CLIP)
        columns.append(xp.where(xp.isnan(score), 0.0, xp.round(score, _DIGITS)))
    return xp.stack(columns, axis=1)


def _value_order(values: Any, backend: Backend) -> Any:
    """Return rows in an order that only their values decide, and that is as good as random."""
    xp = backend.xp
    state = xp.zeros(values.shape[0], dtype="uint64")
    for column in range(values.shape[1]):
        whole = xp.rint(values[:, column] * 10.0**_DIGITS).astype("int64").view("uint64")
        state = (state ^ whole) * xp.uint64(0x9E3779B97F4A7C15)
        state = state ^ (state >> xp.uint64(29))
    return backend.lexsort((state.view("int64"),))


def _number(sample: Any, settings: Segments, backend: Backend) -> tuple[int, float]:
    subset = sample[:_CHOICE_ROWS]
    n_distinct = int(np.unique(backend.to_host(subset), axis=0).shape[0])
    if settings.n_segments != "auto":
        return max(1, min(settings.n_segments, n_distinct)), float("nan")
    best, best_score = max(1, min(SMALLEST, n_distinct - 1)), float("nan")
    for n_segments in range(SMALLEST, min(LARGEST, n_distinct - 1) + 1):
        score = _silhouette(subset, backend.kmeans(subset, n_segments, settings.seed), backend)
        if not best_score >= score:
            best, best_score = n_segments, score
    return best, best_score


def _silhouette(values: Any, centres: Any, backend: Backend) -> float:
    """Return the mean silhouette of the first rows under their nearest centres."""
    from sklearn.metrics import silhouette_score

    rows = values[:_SILHOUETTE_ROWS]
    rounded = np.round(np.asarray(backend.to_host(centres), dtype="float64"), _DIGITS)
    labels = backend.to_host(_nearest(rows, rounded, backend)[0])
    if np.unique(labels).size < 2:  # noqa: PLR2004
        return -1.0
    return round(float(silhouette_score(backend.to_host(rows), labels)), 6)


def _nearest(values: Any, centres: np.ndarray, backend: Backend) -> tuple[Any, Any]:
    """Return the nearest centre (the first of equals) and the distance; sums in feature order."""
    xp = backend.xp
    best = xp.full(values.shape[0], xp.inf)
    segment = xp.zeros(values.shape[0], dtype="int32")
    for number, centre in enumerate(centres.tolist()):
        square = xp.zeros(values.shape[0])
        for column, middle in enumerate(centre):
            delta = values[:, column] - middle
            square = square + delta * delta
        segment = xp.where(square < best, xp.int32(number), segment)
        best = xp.minimum(square, best)
    return segment, xp.sqrt(best)


def _scores(host: np.ndarray, rows: np.ndarray, order: np.ndarray) -> list[float]:
    if rows.size == 0:
        return [0.0] * host.shape[1]
    spread = host[order].std(axis=0)
    shift = host[rows].mean(axis=0) - host[order].mean(axis=0)
    return [round(float(s / d), 6) if d > 0 else 0.0 for s, d in zip(shift, spread, strict=True)]


def _label(scores: list[float]) -> str:
    ranked = sorted(range(len(scores)), key=lambda i: (-abs(scores[i]), i))
    notable = [i for i in ranked if abs(scores[i]) >= _NOTABLE][:_TYPICAL]
    if not notable:
        return "close to the average 接近平均"
    words = [f"{_degree(i, scores[i])[0]} {FEATURES[i][2]}" for i in notable]
    words_zh = [f"{FEATURES[i][3]}{_degree(i, scores[i])[1]}" for i in notable]
    return f"{', '.join(words)} {'、'.join(words_zh)}"


def _degree(feature: int, score: float) -> tuple[str, str]:
    """Return how much there is of a feature, in both languages; what is counted is many or few."""
    name = FEATURES[feature][0]
    if "_n_" in name and not name.startswith("trend"):
        return ("many", "多") if score > 0 else ("few", "少")
    if "_days" in name:
        return ("many", "长") if score > 0 else ("few", "短")
    return ("high", "高") if score > 0 else ("low", "低")


def _feature_json(
    names: list[str],
    raw: dict[str, np.ndarray],
    rows: np.ndarray,
    order: np.ndarray,
    scores: list[float],
) -> str:
    described = {
        name: {
            "mean": _mean(raw[name][rows]),
            "population_mean": _mean(raw[name][order]),
            "standard_score": score,
            "words": _WORDS[name],
        }
        for name, score in zip(names, scores, strict=True)
    }
    return json.dumps(described)


def _mean(values: np.ndarray) -> float | None:
    known = np.sort(values[~np.isnan(values)])
    return float(f"{known.mean():.9g}") if known.size else None
