"""Income volatility (收入波动): how unsteadily money comes in, by month, without the seasons.

References
----------
Arc change, bounded by -2 and 2 and defined at zero: S. Davis, J. Haltiwanger, S. Schuh, "Job
Creation and Destruction" (MIT Press, 1996). Downside semideviation: H. Markowitz, "Portfolio
Selection" (1959), ch. 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.finance.months import seen_months

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

NAMES = ("arc", "downside", "drawdown", "trend_break", "idle")
WINDOW = 24
_SMOOTH = 3
_NEW = 6


def volatility(income: Any, length: Any, backend: Backend) -> dict[str, Any]:
    """Return the parts of income volatility.

    Parameters
    ----------
    income : float64 array, shape (n_customers, n_months)
        Without its seasons, the last column the latest month; at most the last 24 are used.
    length : int64 array, shape (n_customers,)
        Months since the customer's first payment; earlier ones are not looked at.

    Returns
    -------
    dict of float64 arrays, shape (n_customers,)
        ``arc``: root mean square arc change from month to month, 0 to 2; ``downside``: semi-
        deviation below the mean over the mean; ``drawdown``: fall of the last quarter's mean from
        the highest one; ``trend_break``: fall of the last six months' mean from that before,
        weighed by how sure it is; ``trend_fall``: that fall itself; ``idle``: share of months
        without income. NaN under two months, ``trend_break`` NaN under twelve.
    """
    xp = backend.xp
    x = xp.maximum(income[:, -WINDOW:], 0.0)
    n_months = x.shape[1]
    seen = seen_months(length, n_months, xp)
    n = seen.sum(axis=1)
    x = xp.where(seen, x, 0.0)
    mean = x.sum(axis=1) / xp.maximum(n, 1)
    some = n >= 2  # noqa: PLR2004
    found = {
        "arc": _arc(x, seen, xp),
        "downside": _downside(x, seen, mean, n, xp),
        "drawdown": _drawdown(x, seen, xp),
        "idle": (seen & (x <= 0)).sum(axis=1) / xp.maximum(n, 1),
    }
    found = {name: xp.where(some, values, xp.nan) for name, values in found.items()}
    found["trend_break"], found["trend_fall"] = _trend_break(x, seen, xp)
    return found


def _arc(x: Any, seen: Any, xp: Any) -> Any:
    both = seen[:, 1:] & seen[:, :-1]
    whole = x[:, 1:] + x[:, :-1]
    change = xp.where(whole > 0, 2 * (x[:, 1:] - x[:, :-1]) / xp.where(whole > 0, whole, 1.0), 0.0)
    squares = xp.where(both, change * change, 0.0).sum(axis=1)
    return xp.sqrt(squares / xp.maximum(both.sum(axis=1), 1))


def _downside(x: Any, seen: Any, mean: Any, n: Any, xp: Any) -> Any:
    below = xp.where(seen, xp.minimum(x - mean[:, None], 0.0), 0.0)
    deviation = xp.sqrt((below * below).sum(axis=1) / xp.maximum(n, 1))
    return xp.where(mean > 0, deviation / xp.where(mean > 0, mean, 1.0), 1.0)


def _drawdown(x: Any, seen: Any, xp: Any) -> Any:
    """Return the fall of the last three months' mean from the highest such mean."""
    n_means = x.shape[1] - _SMOOTH + 1
    if n_means < 1:
        return xp.zeros(x.shape[0])
    smooth = sum(x[:, at : at + n_means] for at in range(_SMOOTH))
    smooth = xp.where(seen[:, _SMOOTH - 1 :], smooth, 0.0)
    peak = smooth.max(axis=1)
    return xp.where(peak > 0, 1 - smooth[:, -1] / xp.where(peak > 0, peak, 1.0), 1.0)


def _trend_break(x: Any, seen: Any, xp: Any) -> tuple[Any, Any]:
    """Return the fall of the last half-year's mean, times t^2 / (t^2 + 2) of Welch's t, and it."""
    now, then = x[:, -_NEW:], x[:, :-_NEW]
    old = seen[:, :-_NEW]
    n_then = xp.maximum(old.sum(axis=1), 1)
    before = xp.where(old, then, 0.0).sum(axis=1) / n_then
    after = now.sum(axis=1) / _NEW
    off_then = xp.where(old, then - before[:, None], 0.0)
    off_now = now - after[:, None]
    error = (off_then**2).sum(axis=1) / xp.maximum(n_then - 1, 1) / n_then
    error = error + (off_now**2).sum(axis=1) / (_NEW - 1) / _NEW
    squared = (after - before) ** 2
    sure = squared / xp.where(squared + 2 * error > 0, squared + 2 * error, 1.0)
    fall = xp.where(before > 0, xp.maximum(1 - after / xp.where(before > 0, before, 1.0), 0.0), 0.0)
    return xp.where(old.sum(axis=1) >= _NEW, fall * sure, xp.nan), fall
