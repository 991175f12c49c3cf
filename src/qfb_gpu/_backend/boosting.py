"""Calibrated gradient-boosted trees, what each feature did to a score, and isolation forests.

Fitting runs on the host on both backends: RAPIDS has no trainer of boosted trees and no isolation
forest, and their rows (orders, customers) are few beside the payments. Features on a device are
copied to the host and answers back. Rows are put in the order of their values and one thread adds
them up, so the same rows in any order give the same trees to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

_FEWEST_FOR_ISOTONIC = 1000
"""Held-out cases of the rarer class from which free-form calibration is no noisier than a line."""
_BINS = 255  # of a HistGradientBoostingClassifier, without the one of missing values
_CERTAIN = 1e-6


@dataclass(frozen=True, slots=True)
class BoostingOptions:
    """How trees are grown; the defaults suit some hundreds to some 100,000 rows.

    Attributes
    ----------
    n_trees, n_leaves : int
    learning_rate : float
    min_leaf_rows : int
    l2 : float
    monotonic : tuple of int
        For each feature 1 where the answer may only rise with it, -1 only fall, 0 either; empty: 0.
    max_rows : int
        Of more rows, evenly many of each class in the order of their values are fitted.
    rows_per_case : int
        How many rows tell of one case, as looks at one order do: they are no evidence of their own.
    """

    n_trees: int = 150
    n_leaves: int = 12
    learning_rate: float = 0.06
    min_leaf_rows: int = 20
    l2: float = 1.0
    monotonic: tuple[int, ...] = ()
    max_rows: int = 300_000
    rows_per_case: int = 1


class Calibration(NamedTuple):
    """Log-odds of the trees to a probability: through knots, or by a logistic line.

    Attributes
    ----------
    kind : {"isotonic", "sigmoid", "none"}
    score, probability : float64 arrays, shape (n_knots,)
        Isotonic: ascending knots, between which it is linear. Sigmoid: ``score`` holds slope and
        intercept.
    n_rows : int
        Held-out rows it was fitted on.
    """

    kind: str
    score: np.ndarray
    probability: np.ndarray
    n_rows: int


@dataclass(frozen=True, slots=True)
class Boosted:
    """A fitted model; ``trees`` is a scikit-learn HistGradientBoostingClassifier."""

    trees: Any
    calibration: Calibration
    n_features: int


def fit(
    features: np.ndarray,
    label: np.ndarray,
    held_out: np.ndarray,
    sample_weight: np.ndarray | None,
    seed: int,
    options: BoostingOptions,
) -> Boosted:
    """Fit trees on the rows that are not held out and calibrate on those that are; host arrays."""
    is_true = np.asarray(label) > 0
    _check(is_true, held_out)
    order = _by_values(features, is_true, held_out, sample_weight)
    rows = _thinned(order[~held_out[order]], is_true, options.max_rows)
    trees = _grown(features[rows], is_true[rows], _picked(sample_weight, rows), seed, options)
    later = order[held_out[order]]
    score = _score(trees, features[later])
    calibration = _calibrated(
        score, is_true[later], _picked(sample_weight, later), options.rows_per_case
    )
    return Boosted(trees, calibration, int(features.shape[1]))


def _check(is_true: np.ndarray, held_out: np.ndarray) -> None:
    n_true, n_false = int((is_true & ~held_out).sum()), int((~is_true & ~held_out).sum())
    if not n_true or not n_false:
        msg = (
            f"boosting needs rows of both classes to fit on, got {n_true} true and {n_false} false "
            "that are not held out; score by a rule where there are no labels"
        )
        raise ValueError(msg)


def _picked(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[rows]


def _by_values(
    features: np.ndarray, label: np.ndarray, held_out: np.ndarray, weight: np.ndarray | None
) -> np.ndarray:
    keys = [features[:, at] for at in range(features.shape[1])][::-1]
    if weight is not None:
        keys.insert(0, weight)
    return np.lexsort((*keys, label, held_out))


def _thinned(rows: np.ndarray, label: np.ndarray, most: int) -> np.ndarray:
    """Return at most ``most`` of ``rows``, evenly spaced, so both classes keep their share."""
    if rows.size <= most:
        return rows
    kept = rows[(np.arange(most) * (rows.size / most)).astype(np.int64)]
    if label[kept].any() and not label[kept].all():
        return kept
    rare = rows[label[rows]] if not label[kept].any() else rows[~label[rows]]
    return np.concatenate([kept, rare])


def _grown(
    features: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray | None,
    seed: int,
    options: BoostingOptions,
) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingClassifier(
        max_iter=options.n_trees,
        max_leaf_nodes=options.n_leaves,
        learning_rate=options.learning_rate,
        min_samples_leaf=options.min_leaf_rows,
        l2_regularization=options.l2,
        monotonic_cst=list(options.monotonic) or None,
        early_stopping=False,
        random_state=seed,
    )
    if weight is not None and (weight == 1).all():
        weight = None
    if weight is not None:
        features = _snapped(features)
    nowhere = np.isnan(features).all(axis=0)  # which the binning cannot bear, and no split can use
    features = np.where(nowhere[None, :], 0.0, features)
    with threadpool_limits(1):  # threads would add gradients up in an order of their own
        return model.fit(features, label, sample_weight=weight)


def _snapped(features: np.ndarray) -> np.ndarray:
    """Return each value as the nearest of as many quantiles of its feature as trees have bins.

    scikit-learn cuts no more values than it has bins half way between them. Of more, it takes
    weighted percentiles where rows have weights, and sorts a feature anew for each of these.
    """
    snapped = np.empty_like(features)
    for at in range(features.shape[1]):
        column = features[:, at]
        ascending = np.sort(column[~np.isnan(column)])
        if ascending.size == 0:
            snapped[:, at] = np.nan
            continue
        places = np.linspace(0, ascending.size - 1, min(_BINS, ascending.size))
        kept = np.unique(ascending[np.rint(places).astype(np.int64)])
        nearest = kept[np.searchsorted((kept[:-1] + kept[1:]) / 2, column, side="left")]
        snapped[:, at] = np.where(np.isnan(column), np.nan, nearest)
    return snapped


def _score(trees: Any, features: np.ndarray) -> np.ndarray:
    if not features.shape[0]:
        return np.empty(0)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # a tree is walked in less time than threads take to meet
        return np.asarray(trees.decision_function(features), dtype=np.float64)


def _calibrated(
    score: np.ndarray, label: np.ndarray, weight: np.ndarray | None, rows_per_case: int
) -> Calibration:
    rarer = int(min(label.sum(), (~label).sum()))
    if rarer == 0:
        return Calibration("none", np.empty(0), np.empty(0), int(score.size))
    if rarer >= _FEWEST_FOR_ISOTONIC * rows_per_case:
        return _isotonic(score, label, weight)
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # the last bits would depend on the machine's number of cores
        line = LogisticRegression(C=10.0).fit(score[:, None], label, sample_weight=weight)
    slope = max(float(line.coef_[0, 0]), _CERTAIN)
    return Calibration(
        "sigmoid", np.array([slope, float(line.intercept_[0])]), np.empty(0), int(score.size)
    )


def _isotonic(score: np.ndarray, label: np.ndarray, weight: np.ndarray | None) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    steps = IsotonicRegression(out_of_bounds="clip").fit(score, label, sample_weight=weight)
    low = 0.5 / label.size  # no frequency proves that something never, or always, happens
    probability = np.clip(steps.y_thresholds_, low, 1 - low)
    return Calibration("isotonic", steps.X_thresholds_, probability, int(score.size))


def probability(model: Boosted, features: np.ndarray) -> np.ndarray:
    """Return the calibrated probability of each row: float64, shape (n_rows,)."""
    score = _score(model.trees, features)
    calibration = model.calibration
    if calibration.kind == "isotonic":
        steps = np.interp(score, calibration.score, calibration.probability)
        return steps + _CERTAIN * (1 / (1 + np.exp(-score)) - 0.5)  # on a step, ranks remain
    if calibration.kind == "sigmoid":
        score = calibration.score[0] * score + calibration.score[1]
    return 1 / (1 + np.exp(-score))


def contributions(model: Boosted, features: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the base and what each feature added to a row's log-odds before calibration.

    A feature gets the change of the mean log-odds at each split on it along the row's path;
    base and contributions add up to the row's log-odds.
    """
    out = np.zeros(features.shape)
    base = float(np.ravel(model.trees._baseline_prediction)[0])  # noqa: SLF001
    for (tree,) in model.trees._predictors:  # noqa: SLF001
        base += _walk(tree.nodes, features, out)
    return base, out


def _walk(nodes: np.ndarray, features: np.ndarray, out: np.ndarray) -> float:
    """Add one tree's contributions to ``out``; return the tree's mean value."""
    mean = _means(nodes)
    node = np.zeros(features.shape[0], dtype=np.int64)
    rows = np.arange(features.shape[0])
    while True:
        inner = nodes["is_leaf"][node] == 0
        if not inner.any():
            return float(mean[0])
        rows, node = rows[inner], node[inner]
        feature = nodes["feature_idx"][node]
        value = features[rows, feature]
        left = np.where(
            np.isnan(value), nodes["missing_go_to_left"][node] > 0,
            value <= nodes["num_threshold"][node],
        )  # fmt: skip
        child = np.where(left, nodes["left"][node], nodes["right"][node]).astype(np.int64)
        np.add.at(out, (rows, feature), mean[child] - mean[node])
        node = child


def _means(nodes: np.ndarray) -> np.ndarray:
    """Return the mean of the leaves below each node, by the rows that were fitted."""
    mean = np.where(nodes["is_leaf"], nodes["value"], 0.0)
    for at in range(len(nodes) - 1, -1, -1):  # a child stands after its parent
        if not nodes["is_leaf"][at]:
            left, right = int(nodes["left"][at]), int(nodes["right"][at])
            n_left, n_right = float(nodes["count"][left]), float(nodes["count"][right])
            mean[at] = (n_left * mean[left] + n_right * mean[right]) / (n_left + n_right)
    return np.asarray(mean)


def isolation(
    sample: np.ndarray, features: np.ndarray, seed: int, n_trees: int = 100
) -> np.ndarray:
    """Return how easily each row is told apart from ``sample``, 0 to 1: an isolation forest."""
    from sklearn.ensemble import IsolationForest

    n_rows = sample.shape[0]
    order = np.lexsort([sample[:, at] for at in range(sample.shape[1])][::-1])
    forest = IsolationForest(n_estimators=n_trees, max_samples=min(256, n_rows), random_state=seed)
    forest.fit(sample[order])
    return np.asarray(-forest.score_samples(features), dtype=np.float64)
