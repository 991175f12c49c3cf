"""How many segments: those that come back when the customers are drawn anew, and that stand apart.

For each number the mean silhouette says how far groups stand apart, and the mean adjusted Rand
index between the grouping and those of bootstrap samples says whether it is one of the customers
or of chance. Of the numbers whose index reaches the setting the highest silhouette is taken; where
none does, the most stable. The number of the night before is kept where it is nearly as good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.models.segment_space import DIGITS, nearest

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Segments

SMALLEST, LARGEST = 3, 8
"""Numbers of segments that ``auto`` chooses from."""
_ROWS = 5_000
_SILHOUETTE_ROWS = 2_000
_BOOTSTRAP_ROWS = 2_000
_BOOTSTRAPS = 4
_ENOUGH_ROWS = 100
_STABILITY_SLACK = 0.1
"""How far below the setting the index of last night's number may be."""


def choose_number(
    sample: Any, settings: Segments, backend: Backend, n_before: int = 0
) -> tuple[int, list[dict[str, Any]]]:
    """Return the number of segments and what each number was worth.

    Parameters
    ----------
    sample : array of float64, shape (n_rows, n_features)
        Standard scores in value order.
    n_before : int
        The number of the night before, which is kept where it is nearly as good as the best.

    Returns
    -------
    n_segments : int
    choice : list of dict
        ``n_segments``, ``silhouette``, ``stability`` (NaN for fewer than 100 customers), one each.

    References
    ----------
    P. J. Rousseeuw, "Silhouettes", doi:10.1016/0377-0427(87)90125-7. L. Hubert, P. Arabie,
    "Comparing partitions", doi:10.1007/BF01908075. C. Hennig, "Cluster-wise assessment of cluster
    stability", doi:10.1016/j.csda.2006.11.025.
    """
    subset = sample[:_ROWS]
    n_distinct = int(np.unique(backend.to_host(subset), axis=0).shape[0])
    if settings.n_segments != "auto":
        return max(1, min(settings.n_segments, n_distinct)), []
    away = _distances(subset, backend)
    choice: list[dict[str, Any]] = []
    for n_segments in range(SMALLEST, min(LARGEST, n_distinct - 1) + 1):
        centres = _centres(subset, n_segments, settings.seed, backend)
        silhouette = _silhouette(subset, away, centres, backend)
        stability = bootstrap_stability(subset, centres, settings.seed, backend)
        choice.append({"n_segments": n_segments, "silhouette": silhouette, "stability": stability})
    if not choice:
        return max(1, min(SMALLEST, n_distinct - 1)), []
    stable = [one for one in choice if not one["stability"] < settings.least_stability]
    if stable:
        best = max(stable, key=lambda one: (one["silhouette"], -one["n_segments"]))
    else:
        best = max(choice, key=lambda one: (one["stability"], -one["n_segments"]))
    kept = _kept(n_before, best, choice, settings)
    return kept["n_segments"], choice


def _kept(
    n_before: int, best: dict[str, Any], choice: list[dict[str, Any]], settings: Segments
) -> dict[str, Any]:
    """Return the number of the night before where it is nearly as good, else the best one.

    Several numbers are often as good but for what a night changes, so that another one would be
    taken every other night and most customers moved.
    """
    least = settings.least_stability
    if any(one["stability"] >= least for one in choice):
        least -= _STABILITY_SLACK
    else:
        least = 0.0
    enough = best["silhouette"] - settings.number_margin
    for one in choice:
        is_near = one["silhouette"] >= enough and not one["stability"] < least
        if one["n_segments"] == n_before and is_near:
            return one
    return best


def bootstrap_stability(values: Any, centres: np.ndarray, seed: int, backend: Backend) -> float:
    """Return the mean adjusted Rand index with groupings of bootstrap samples; NaN: too few rows.

    Parameters
    ----------
    values : array of float64, shape (n_rows, n_features), in value order
    centres : array of float64, shape (n_segments, n_features)
        The grouping that is judged.
    """
    from sklearn.metrics import adjusted_rand_score

    rows = values[:_BOOTSTRAP_ROWS]
    n_rows = rows.shape[0]
    if n_rows < _ENOUGH_ROWS:
        return float("nan")
    own = backend.to_host(nearest(rows, centres, backend)[0])
    rng = np.random.default_rng(seed)
    indices = []
    for _ in range(_BOOTSTRAPS):
        drawn = rows[backend.asarray(np.sort(rng.integers(0, n_rows, n_rows)))]
        if np.unique(backend.to_host(drawn), axis=0).shape[0] < centres.shape[0]:
            indices.append(0.0)
            continue
        again = _centres(drawn, centres.shape[0], seed, backend)
        other = backend.to_host(nearest(rows, again, backend)[0])
        indices.append(float(adjusted_rand_score(own, other)))
    return round(float(np.mean(indices)), 6)


def _centres(values: Any, n_segments: int, seed: int, backend: Backend) -> np.ndarray:
    fitted = backend.kmeans(values, n_segments, seed)
    rounded: np.ndarray = np.round(np.asarray(backend.to_host(fitted), dtype="float64"), DIGITS)
    return rounded


def _distances(values: Any, backend: Backend) -> np.ndarray:
    """Return the distances between the rows that silhouettes are made of."""
    from sklearn.metrics import pairwise_distances

    found: np.ndarray = pairwise_distances(backend.to_host(values[:_SILHOUETTE_ROWS]))
    return found


def _silhouette(values: Any, away: np.ndarray, centres: np.ndarray, backend: Backend) -> float:
    """Return the mean silhouette of the first rows under their nearest centres."""
    from sklearn.metrics import silhouette_score

    labels = backend.to_host(nearest(values[:_SILHOUETTE_ROWS], centres, backend)[0])
    if np.unique(labels).size < 2:  # noqa: PLR2004
        return -1.0
    return round(float(silhouette_score(away, labels, metric="precomputed")), 6)
