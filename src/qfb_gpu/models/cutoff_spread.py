"""How far apart days are: what a range of tonight's chances has to allow for beside its customers.

Customers of one cut-off err alike where what differs between days, a season or a year's trade, is
in no feature. A cut-off's own shift of the log-odds is what came less what was said, over the
variance of it (one step of Newton's method). The shifts' variance beyond that of the customers
drawn is the days', and tonight is one more day: a random effect, as in R. DerSimonian, N. Laird
(1986), "Meta-analysis in clinical trials", doi:10.1016/0197-2456(86)90046-2, with the prediction
interval of J. P. T. Higgins, S. G. Thompson, D. J. Spiegelhalter (2009),
doi:10.1111/j.1467-985X.2008.00552.x.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_LEVEL = 0.90
_FEWEST = 3
"""Cut-offs; the one difference of two tells so little that a range of it would hold anything."""
_PARTS = 100_000


def half_width(
    error: np.ndarray, variance: np.ndarray, back: np.ndarray, horizon_days: int, alike: float
) -> float:
    """Return half the 90% range of the next day's shift of the log-odds.

    Parameters
    ----------
    error, variance : float64 arrays, shape (n_rows,)
        What came less what was said; p (1 - p) of what was said. Summed in hundred-thousandths,
        so in any order alike.
    back : int32 array, shape (n_rows,)
        Days from each row's cut-off to the as-of day.
    horizon_days : int
        Cut-offs nearer than that share days of what came, in proportion.
    alike : float
        Rows that tell as much as one customer's that is in no other.

    Returns
    -------
    float
        0 of fewer than three cut-offs, of which nothing can be told, and where their shifts are no
        further apart than the customers drawn let them be.
    """
    from scipy.stats import t

    days, place = np.unique(back, return_inverse=True)
    n = days.size
    if n < _FEWEST:
        return 0.0
    off, weight = (_sums(values, place, n) for values in (error, variance))
    if weight.min() <= 0:
        return 0.0
    apart = float(np.var(off / weight, ddof=1)) - float((alike / weight).mean())
    gap = np.abs(days[:, None] - days[None, :]).astype(np.float64)
    shared = np.maximum(0.0, 1 - gap / horizon_days)
    alone = 1 - (float(shared.sum()) - n) / (n * (n - 1))
    if apart <= 0 or alone <= 0:
        return 0.0
    return float(t.ppf((1 + _LEVEL) / 2, n - 1) * np.sqrt(apart / alone * (1 + 1 / n)))


def _sums(values: np.ndarray, place: np.ndarray, n: int) -> np.ndarray:
    whole = np.zeros(n, np.int64)
    np.add.at(whole, place, np.rint(values * _PARTS).astype(np.int64))
    sums: np.ndarray = whole / _PARTS
    return sums


def widened(
    probability: np.ndarray, low: np.ndarray, high: np.ndarray, half: float
) -> tuple[Any, Any]:
    """Return ends further from a probability: distances in log-odds and ``half`` as two errors.

    An end at 0 or 1 stays there.
    """
    if half <= 0:
        return low, high
    with np.errstate(divide="ignore"):
        middle, ends = _logit(probability), (_logit(low), _logit(high))
    below, above = (np.hypot(middle - end, half) for end in ends)
    return 1 / (1 + np.exp(below - middle)), 1 / (1 + np.exp(-above - middle))


def _logit(probability: np.ndarray) -> Any:
    return np.log(probability) - np.log1p(-probability)
