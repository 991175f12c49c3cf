"""Profile cards: what sets each segment apart, and three customers to look at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.models.segment_space import FEATURES, standardised, value_order

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.models.segments import SegmentModel

_WORDS = {name: words for name, _, words, _ in FEATURES}
_NOTABLE = 0.5
_TYPICAL = 3


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
    values = standardised(features, model.centre, model.scale, backend)
    order = backend.to_host(value_order(values, backend))
    segment, away = backend.to_host(segment_id), backend.to_host(distance)
    raw = {name: np.asarray(backend.to_host(features[name]), "float64") for name in model.names}
    host = backend.to_host(values)
    cards = []
    for number in model.ids:
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
