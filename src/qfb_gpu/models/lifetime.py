"""Whether a customer is still there and what to expect: BG/NBD and Gamma-Gamma.

BG/NBD: while a customer is alive it buys at random at its own rate, which is Gamma(r, rate alpha)
over customers; after each purchase it leaves with its own probability, which is Beta(a, b).
Gamma-Gamma: what one purchase is worth is Gamma(p, rate nu) with a rate of the customer's own,
which is Gamma(q, rate v); it does not depend on how often the customer buys.

A customer is (x, t_x, T): repeat purchases, days from the first to the last purchase, days from
the first to the as-of day; and the mean value of its repeat purchases.

References
----------
P. S. Fader, B. G. S. Hardie, K. L. Lee (2005), "Counting your customers the easy way: an
alternative to the Pareto/NBD model", doi:10.1287/mksc.1040.0098.
P. S. Fader, B. G. S. Hardie (2013), "The Gamma-Gamma model of monetary value",
brucehardie.com/notes/025; P. S. Fader, B. G. S. Hardie, K. L. Lee (2005), "RFM and CLV",
doi:10.1509/jmkr.2005.42.4.415.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu import keys
from qfb_gpu.backend import get_backend

if TYPE_CHECKING:
    from collections.abc import Callable

_WEEK = 7.0
_STEP, _Z = 1e-4, 1.645
_DIGITS = 9
_BOUND = 12.0
"""Logarithms of parameters are kept within this of 0."""
_ALIKE = 2000.0
_APART = 1e-6
"""``a`` is moved this far from 1, where the expectation is a limit."""
FEWEST = 30
"""Customers with a repeat purchase without whom nothing is fitted."""


@dataclass(frozen=True, slots=True)
class BetaGeometric:
    """A fitted BG/NBD.

    Attributes
    ----------
    r, alpha_days : float
        Purchase rates over customers: Gamma of shape ``r`` and rate ``alpha_days``, per day.
    a, b : float
        Probabilities of leaving after a purchase: Beta.
    log_likelihood : float
        Of the customers it was fitted on, with time in weeks as in the literature.
    n_customers : int
    """

    r: float
    alpha_days: float
    a: float
    b: float
    log_likelihood: float
    n_customers: int


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """A fitted Gamma-Gamma; ``v`` is in the unit of the values, ``p`` and ``q`` have none.

    ``q_low`` is the lower end of q's 90% range, by the curvature of the likelihood.
    """

    p: float
    q: float
    v: float
    log_likelihood: float
    n_customers: int
    q_low: float


def fit_beta_geometric(
    x: Any, t_x: Any, age: Any, *, sample_rows: int = 1_000_000
) -> BetaGeometric | None:
    """Fit BG/NBD by maximum likelihood.

    Equal (x, t_x, T) are one row with a weight; of more than ``sample_rows`` distinct rows a
    random part is taken that depends on the values alone.

    Parameters
    ----------
    x : array of integers, shape (n_customers,)
        Repeat purchases.
    t_x, age : array of integers, shape (n_customers,), days
        First to last purchase (0 where x is 0) and first purchase to as-of.
    sample_rows : int

    Returns
    -------
    BetaGeometric, or None where fewer than :data:`FEWEST` customers bought again.
    """
    _check_history(x, t_x, age)
    if int(np.count_nonzero(x)) < FEWEST:
        return None
    rows, weight = _sampled(*_distinct_rows((x, t_x, age)), sample_rows)
    distinct, place = np.unique(rows[:, 0], return_inverse=True)
    data = _History(
        distinct.astype(float), place, weight.astype(float), rows[:, 1] / _WEEK, rows[:, 2] / _WEEK
    )
    start = np.log([1.0, max(float(np.median(data.age)), 1.0), 1.0, 1.0])
    logs, best = _maximise(lambda theta: _bg_likelihood(np.exp(theta), data), start)
    r, alpha, a, b = (_rounded(value) for value in np.exp(logs))
    return BetaGeometric(r, alpha * _WEEK, a, b, best, int(weight.sum()))


def fit_gamma_gamma(x: Any, mean_value: Any) -> GammaGamma | None:
    """Fit Gamma-Gamma by maximum likelihood.

    Parameters
    ----------
    x : array of integers, shape (n_customers,)
        Purchases that the mean is of; customers with none or with a mean of 0 or less are left out.
    mean_value : array of float64, shape (n_customers,)

    Returns
    -------
    GammaGamma, or None where fewer than :data:`FEWEST` customers are left.
    """
    there = (x > 0) & (mean_value > 0)
    if int(there.sum()) < FEWEST:
        return None
    n, value = np.asarray(x)[there].astype(float), np.asarray(mean_value)[there]
    order = np.lexsort((value, n))  # sums in an order that only the values decide
    n, value = n[order], value[order]
    scale = float(np.median(value))
    start = np.log([2.0, 2.0, 1.0])
    data = _Spent.of(n, value / scale)
    logs, best = _maximise(lambda theta: _gg_likelihood(np.exp(theta), data), start)
    p, q, v = (_rounded(parameter) for parameter in np.exp(logs))
    error = _error_of(lambda theta: _gg_likelihood(np.exp(theta), data)[1], logs, at=1)
    low = _rounded(q * float(np.exp(-_Z * error)))
    best -= n.size * np.log(scale)
    return GammaGamma(p, q, _rounded(v * scale), best, int(n.size), q_low=low)


def p_alive(model: BetaGeometric, x: Any, t_x: Any, age: Any) -> Any:
    """Return the probability that each customer is still there: float64, shape (n_customers,).

    1 for a customer that bought once: in this model nobody leaves without a repeat purchase.
    """
    from scipy.special import expit

    odds = np.log(model.a / (model.b + np.maximum(x, 1) - 1.0))
    odds += (model.r + x) * np.log((model.alpha_days + age) / (model.alpha_days + t_x))
    return np.where(x > 0, expit(-odds), 1.0)


def p_silent(model: BetaGeometric, x: Any, t_x: Any, age: Any, horizon_days: float) -> Any:
    """Return the probability of no purchase within a horizon: float64, shape (n_customers,).

    A customer is gone, or it is there and its rate, Gamma(r + x, alpha + T) given that, lets
    nothing come: ``1 - p + p ((alpha + T) / (alpha + T + t))^(r + x)``, ``p`` of :func:`p_alive`.
    """
    there = p_alive(model, x, t_x, age)
    seen = model.alpha_days + age
    return 1.0 - there + there * (seen / (seen + horizon_days)) ** (model.r + x)


def expected_purchases(
    model: BetaGeometric, x: Any, t_x: Any, age: Any, horizon_days: float
) -> Any:
    """Return the purchases to expect within a horizon: float64, shape (n_customers,).

    Equation 10 of the paper with Euler's transformation of its 2F1, whose terms stay small for
    customers with hundreds of purchases, where the original overflows. Where customers leave alike
    (``a`` and ``b`` are huge) that overflows in turn: the limit of equal chances takes its place.
    """
    from scipy.special import hyp2f1

    r, a, b = model.r, model.a, model.b
    if abs(a - 1.0) < _APART:
        a = 1.0 + _APART
    z = horizon_days / (model.alpha_days + age + horizon_days)
    with np.errstate(all="ignore"):
        inner = (1.0 - z) ** (a - 1.0) * hyp2f1(a + b - 1.0 - r, a - 1.0, a + b + x - 1.0, z)
        alive = (a + b + x - 1.0) / (a - 1.0) * (1.0 - inner)
    leave = a / (a + b + x)
    seen = model.alpha_days + age
    alike = (1.0 - (seen / (seen + leave * horizon_days)) ** (r + x)) / leave
    alive = np.where(np.isfinite(alive) & (a + b < _ALIKE), alive, alike)
    return np.maximum(alive, 0.0) * p_alive(model, x, t_x, age)


def expected_of_new(model: BetaGeometric, horizon_days: Any) -> Any:
    """Return the purchases to expect of a customer about whom nothing is known (equation 9)."""
    nothing = np.zeros(np.shape(horizon_days))
    return expected_purchases(model, nothing, nothing, nothing, horizon_days)


def expected_value(model: GammaGamma, x: Any, mean_value: Any) -> Any:
    """Return what one future purchase is worth, in the unit of the values: float64.

    A weighted mean of the customer's own mean and all customers'; the latter where x is 0. All
    customers' mean is ``p v / (q - 1)``, and there is none where q is 1 or less: NaN where the
    divisor is not above 0 at the lower end of q's range, too, as it might be anything.
    """
    x = np.asarray(x, dtype=float)
    own = np.where(x > 0, mean_value, 0.0)
    weight = model.p * x + model.q - 1.0
    is_told = model.p * x + min(model.q, model.q_low) - 1.0 > 0
    some = np.where(is_told, weight, 1.0)
    return np.where(is_told, model.p * (model.v + x * own) / some, np.nan)


@dataclass(frozen=True, slots=True)
class _History:
    """Distinct counts and their places; weight, recency and age of each row in weeks."""

    counts: Any
    place: Any
    weight: Any
    recency: Any
    age: Any


@dataclass(frozen=True, slots=True)
class _Spent:
    """What a Gamma-Gamma is fitted on: distinct counts ``n`` and the place of each row's.

    Of each row ``total``, the count times the value, and the logarithms of value and total.
    """

    n: Any
    place: Any
    total: Any
    log_value: Any
    log_total: Any

    @classmethod
    def of(cls, n: Any, value: Any) -> _Spent:
        """Return it of rows in ascending order of their counts."""
        is_first = keys.first_in_run(n, np)
        total = n * value
        return cls(n[is_first], np.cumsum(is_first) - 1, total, np.log(value), np.log(total))


def _distinct_rows(columns: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return the distinct rows of integers in their order, and how often each comes."""
    whole = tuple(np.asarray(column).astype(np.int64) for column in columns)
    rows = np.stack(keys.ascending_rows(whole, get_backend("cpu")), axis=1)
    first = np.flatnonzero(keys.first_in_run(rows, np))
    return rows[first], np.diff(np.append(first, rows.shape[0]))


def _bg_likelihood(theta: Any, data: _History) -> tuple[float, Any]:
    """Return the log-likelihood and its gradient by the logarithms of r, alpha, a, b."""
    from scipy.special import digamma, gammaln

    r, alpha, a, b = theta
    n, place = data.counts, data.place
    x = n[place]
    constant = gammaln(r + n) - gammaln(r) + r * np.log(alpha)
    constant += gammaln(a + b) + gammaln(b + n) - gammaln(b) - gammaln(a + b + n)
    log_age, log_recency = np.log(alpha + data.age), np.log(alpha + data.recency)
    stayed = -(r + x) * log_age
    again = n > 0
    chance = np.where(again, np.log(a) - np.log(np.where(again, b + n - 1.0, 1.0)), -np.inf)
    left = chance[place] - (r + x) * log_recency
    either = np.logaddexp(stayed, left)
    w_left = np.exp(left - either)
    w_stayed = 1.0 - w_left
    rate = digamma(r + n) - digamma(r) + np.log(alpha)
    both = digamma(a + b) - digamma(a + b + n)
    slope_b = both - digamma(b) + digamma(b + n)
    inverse = np.where(again, 1.0 / np.where(again, b + n - 1.0, 1.0), 0.0)
    slopes = (
        rate[place] - w_stayed * log_age - w_left * log_recency,
        r / alpha - (r + x) * (w_stayed / (alpha + data.age) + w_left / (alpha + data.recency)),
        both[place] + w_left / a,
        slope_b[place] - w_left * inverse[place],
    )
    total = float(np.sum(data.weight * (constant[place] + either)))
    gradient = np.array([float(np.sum(data.weight * slope)) for slope in slopes])
    return total, gradient * theta


def _gg_likelihood(theta: Any, data: _Spent) -> tuple[float, Any]:
    """Return the log-likelihood and its gradient by the logarithms of p, q, v.

    What only counts decide is worked out once for each that is distinct.
    """
    from scipy.special import digamma, gammaln

    p, q, v = theta
    n, place = data.n, data.place
    log_sum = np.log(v + data.total)
    both = p * n + q
    terms = (gammaln(both) - gammaln(p * n) - gammaln(q) + q * np.log(v))[place]
    weighed = both[place] * log_sum
    terms += (p * n - 1.0)[place] * data.log_value + (p * n * np.log(n))[place] - weighed
    known = digamma(both) - digamma(p * n)
    share = n[place] * (known[place] + data.log_total - log_sum)
    slopes = (
        share,
        (digamma(both) - digamma(q) + np.log(v))[place] - log_sum,
        q / v - both[place] / (v + data.total),
    )
    return float(terms.sum()), np.array([float(slope.sum()) for slope in slopes]) * theta


def _maximise(likelihood: Callable[[Any], tuple[float, Any]], start: Any) -> tuple[Any, float]:
    from scipy.optimize import minimize

    first = max(abs(likelihood(start)[0]), 1.0)

    def cost(theta: Any) -> tuple[float, Any]:
        value, gradient = likelihood(theta)
        return -value / first, -gradient / first

    bounds = [(-_BOUND, _BOUND)] * len(start)
    options = {"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-9}
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return found.x, float(-found.fun * first)


def _error_of(gradient: Callable[[Any], Any], theta: Any, at: int) -> float:
    """Return the standard error of one parameter; infinite where the likelihood does not curve."""
    steps = _STEP * np.eye(len(theta))
    curve = np.array([gradient(theta + one) - gradient(theta - one) for one in steps]) / -2 / _STEP
    curve = (curve + curve.T) / 2
    if np.linalg.eigvalsh(curve)[0] <= 0:
        return float("inf")
    return float(np.sqrt(np.linalg.inv(curve)[at, at]))


def _sampled(rows: Any, weight: Any, most: int) -> tuple[Any, Any]:
    """Return at most so many rows, chosen by a hash of their values."""
    if rows.shape[0] <= most:
        return rows, weight
    state = keys.of_rows([np.ascontiguousarray(c).view(np.uint64) for c in rows.T], np)
    chosen = np.sort(np.argsort(state, kind="stable")[:most])
    return rows[chosen], weight[chosen]


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _check_history(x: Any, t_x: Any, age: Any) -> None:
    bad = (x < 0) | (t_x < 0) | (t_x > age) | ((x == 0) != (t_x == 0))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        msg = (
            "expected repeat purchases x, days to the last t_x and days observed T with "
            f"0 <= t_x <= T, and t_x of 0 just where x is 0; customer {row} has x={x[row]}, "
            f"t_x={t_x[row]}, T={age[row]}"
        )
        raise ValueError(msg)
