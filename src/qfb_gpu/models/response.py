"""Response rates shrunk to what customers do: the beta-binomial by maximum likelihood.

A customer answers each contact with its own probability, Beta(a, b) over customers; given its
answers the probability to expect is (answers + a) / (contacts + a + b): one answer of one contact
says little, thirty of a hundred say much.

References
----------
P. M. Lee, "Bayesian Statistics"; A. Gelman et al., "Bayesian Data Analysis", 3rd ed., ch. 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_DIGITS = 9
_BOUND = 10.0
FEWEST = 30
"""Customers with a known answer without whom nothing is fitted."""


@dataclass(frozen=True, slots=True)
class ResponseRate:
    """A fitted beta-binomial; the mean rate is ``a / (a + b)``."""

    a: float
    b: float
    n_customers: int


def fit_response_rate(n_responses: Any, n_known: Any) -> ResponseRate | None:
    """Fit a and b.

    Parameters
    ----------
    n_responses, n_known : array of integers, shape (n_customers,)
        Contacts answered, and contacts whose answer is known.

    Returns
    -------
    ResponseRate, or None where fewer than :data:`FEWEST` customers have a known answer.
    """
    from scipy.optimize import minimize
    from scipy.special import betaln, digamma

    there = n_known > 0
    if int(there.sum()) < FEWEST:
        return None
    rows = np.stack([n_responses[there], n_known[there]], axis=1).astype(np.int64)
    (distinct, weight) = np.unique(rows, axis=0, return_counts=True)
    k, n = distinct.T.astype(float)

    def cost(logs: Any) -> tuple[float, Any]:
        """Return the mean negative log-likelihood at log a, log b, and its gradient."""
        a, b = np.exp(logs)
        value = weight * (betaln(a + k, b + n - k) - betaln(a, b))
        both = digamma(a + b) - digamma(a + b + n)
        slopes = (digamma(a + k) - digamma(a) + both, digamma(b + n - k) - digamma(b) + both)
        gradient = np.array([float((weight * slope).sum()) for slope in slopes])
        return -float(value.sum()) / weight.sum(), -gradient * np.exp(logs) / weight.sum()

    mean = min(max(float((weight * k).sum() / (weight * n).sum()), 1e-4), 1 - 1e-4)
    start = np.log([4.0 * mean, 4.0 * (1.0 - mean)])
    bounds = [(-_BOUND, _BOUND)] * 2
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds)
    a, b = (float(f"{value:.{_DIGITS}g}") for value in np.exp(found.x))
    return ResponseRate(a, b, int(weight.sum()))


def shrunk_rate(model: ResponseRate | None, n_responses: Any, n_known: Any) -> Any:
    """Return each customer's expected rate: float64; NaN where nothing could be fitted."""
    if model is None:
        return np.full(np.shape(n_known), np.nan)
    return (n_responses + model.a) / (n_known + model.a + model.b)
