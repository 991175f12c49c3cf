"""A logistic regression with a ridge, as plain numbers: what little data can bear beside trees.

Features are cut off at their 1% and 99% quantiles, so that nothing is carried on beyond what was
seen; a NaN counts as the mean. Rows are put in the order of their values and one thread adds them
up: the same rows in any order give the same line to the bit.

References
----------
S. le Cessie, J. C. van Houwelingen (1992), "Ridge estimators in logistic regression",
doi:10.2307/2347628.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_RIDGE = 0.01
"""scikit-learn's C of standardised features."""
_TAIL = 0.01


@dataclass(frozen=True, slots=True)
class Line:
    """Log-odds that are a sum over features; arrays of float64, shape (n_features,).

    Attributes
    ----------
    low, high : array
        Values beyond are cut off.
    center : array
        A value that adds nothing; what a NaN counts as.
    slope : array
        Log-odds by unit of the feature.
    intercept : float
    """

    low: np.ndarray
    high: np.ndarray
    center: np.ndarray
    slope: np.ndarray
    intercept: float

    def log_odds(self, features: Any, xp: Any) -> Any:
        """Return each row's log-odds: float64, shape (n_rows,)."""
        added = self.contributions(features, xp)
        total = xp.full(features.shape[0], self.intercept)
        for at in range(self.slope.size):  # one order of adding up, whatever the backend
            total = total + added[:, at]
        return total

    def contributions(self, features: Any, xp: Any) -> Any:
        """Return what each feature adds to each row's log-odds: float64, as ``features``."""
        low, high, center, slope = (
            xp.asarray(values) for values in (self.low, self.high, self.center, self.slope)
        )
        inside = xp.minimum(xp.maximum(features, low), high)
        return xp.where(xp.isnan(features), 0.0, (inside - center) * slope)

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers."""
        arrays = {n: getattr(self, n).tolist() for n in ("low", "high", "center", "slope")}
        return {**arrays, "intercept": self.intercept}

    @classmethod
    def from_dict(cls, read: dict[str, Any]) -> Line:
        """Return what :meth:`to_dict` gave."""
        arrays = {n: np.array(read[n], np.float64) for n in ("low", "high", "center", "slope")}
        return cls(**arrays, intercept=float(read["intercept"]))


def fit_line(
    features: np.ndarray, label: np.ndarray, weight: np.ndarray, ridge: float = _RIDGE
) -> Line:
    """Fit by penalised maximum likelihood.

    Parameters
    ----------
    features : float64 array, shape (n_rows, n_features)
        A feature without a finite value, or of one value, gets no slope.
    label : bool array, shape (n_rows,)
        Of both classes.
    weight : float64 array, shape (n_rows,)
    ridge : float
        The smaller, the nearer to 0 the slopes.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    order = np.lexsort((*features.T[::-1], weight, label))
    features, label, weight = features[order], label[order], weight[order]
    low, high = np.zeros(features.shape[1]), np.zeros(features.shape[1])
    center, scale = np.zeros(features.shape[1]), np.ones(features.shape[1])
    standard = np.zeros(features.shape)
    for at in range(features.shape[1]):
        known = np.isfinite(features[:, at])
        if not known.any():
            continue
        low[at], high[at] = np.quantile(features[known, at], (_TAIL, 1 - _TAIL))
        inside = np.clip(features[:, at], low[at], high[at])
        center[at], spread = float(inside[known].mean()), float(inside[known].std())
        if spread > 0:
            scale[at] = spread
            standard[known, at] = (inside[known] - center[at]) / spread
    with threadpool_limits(1):  # the last bits would depend on the machine's number of cores
        found = LogisticRegression(C=ridge, solver="newton-cholesky").fit(
            standard, label, sample_weight=weight
        )
    return Line(low, high, center, found.coef_[0] / scale, float(found.intercept_[0]))
