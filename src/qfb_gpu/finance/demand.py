"""Market demand (市场需求): how regular, how foreseeable, where it broke, how it is amplified.

References
----------
Classes by average demand interval and squared coefficient of variation, cut at 1.32 and 0.49:
A. Syntetos, J. Boylan, J. Croston, doi:10.1057/palgrave.jors.2601841. Change point by the largest
cumulative sum: E. Page, doi:10.1093/biomet/41.1-2.100. Bullwhip ratio: F. Chen, Z. Drezner, J.
Ryan, D. Simchi-Levi, doi:10.1287/mnsc.46.3.436.12069. Error scaled by a seasonal naive forecast:
R. Hyndman, A. Koehler, doi:10.1016/j.ijforecast.2006.03.001.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.finance.months import seen_months

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

NAMES = ("interval", "sizes", "error", "change", "bullwhip")
CLASSES = ("smooth", "intermittent", "erratic", "lumpy")
WINDOW = 24
_YEAR = 12
_ADI, _CV2 = 1.32, 0.49
_ALPHA = 0.3
_ROUNDING = 1e-9


def demand(sales: Any, bought: Any, naive: Any, length: Any, backend: Backend) -> dict[str, Any]:
    """Return the parts of market-demand risk.

    Parameters
    ----------
    sales : float64 array, shape (n_customers, n_months)
        Income by month without its seasons, the last column the latest month.
    bought : float64 array of that shape
        What was spent.
    naive : float64 array of that shape
        Income by month with its seasons, for the seasonal naive forecast.
    length : int64 array, shape (n_customers,)
        Months since the customer's first payment.

    Returns
    -------
    dict of arrays, shape (n_customers,)
        ``interval``: months per month with demand, less 1; ``sizes``: squared coefficient of
        variation of months with demand; ``error``: mean absolute error of exponential smoothing
        over the mean; ``scaled_error``: the same over that of the same month a year before (NaN
        under 14 months); ``change``: fall at the strongest change point, weighed by how clear it
        is, 0 where it rose; ``change_fall``: that fall itself; ``change_months``: months since it;
        ``bullwhip``: squared coefficient of variation of
        spending over that of sales, less 1, at least 0; ``class_code`` (int8) of :data:`CLASSES`.
    """
    xp = backend.xp
    x, y = xp.maximum(sales[:, -WINDOW:], 0.0), xp.maximum(bought[:, -WINDOW:], 0.0)
    n_months = x.shape[1]
    seen = seen_months(length, n_months, xp)
    n = seen.sum(axis=1)
    x, y = xp.where(seen, x, 0.0), xp.where(seen, y, 0.0)
    busy = x > 0
    n_busy = busy.sum(axis=1)
    adi = n / xp.maximum(n_busy, 1)
    cv2 = _cv2(x, busy, xp)
    error, scaled = _errors(x, naive[:, -WINDOW:], seen, xp)
    change, fall, since = _change(x, seen, xp)
    ratio = _cv2(y, seen, xp) / xp.maximum(_cv2(x, seen, xp), 0.01)
    known = (n >= 2) & (n_busy > 0)  # noqa: PLR2004
    buys = known & ((y > 0).sum(axis=1) >= 3)  # noqa: PLR2004
    return {
        "interval": xp.where(known, adi - 1, xp.nan),
        "sizes": xp.where(known, cv2, xp.nan),
        "error": xp.where(known, error, xp.nan),
        "scaled_error": scaled,
        "change": xp.where(known, change, xp.nan),
        "change_fall": fall,
        "change_months": since,
        "bullwhip": xp.where(buys, xp.maximum(ratio - 1, 0.0), xp.nan),
        "class_code": xp.where(
            known, (adi >= _ADI).astype("int8") + 2 * (cv2 >= _CV2).astype("int8"), -1
        ).astype("int8"),
    }


def _cv2(x: Any, mask: Any, xp: Any) -> Any:
    """Return the squared coefficient of variation of what is in the mask; 0 where nothing is."""
    n = xp.maximum(mask.sum(axis=1), 1)
    mean = xp.where(mask, x, 0.0).sum(axis=1) / n
    off = xp.where(mask, x - mean[:, None], 0.0)
    return (off * off).sum(axis=1) / n / xp.where(mean > 0, mean * mean, 1.0)


def _errors(x: Any, raw: Any, seen: Any, xp: Any) -> tuple[Any, Any]:
    """Return the smoothing forecast's mean absolute error over the mean, and scaled by naive."""
    level = x[:, 0]
    total, count = xp.zeros(x.shape[0]), xp.zeros(x.shape[0])
    yearly, smooth, n_yearly = (xp.zeros(x.shape[0]) for _ in range(3))
    for month in range(1, x.shape[1]):
        known = seen[:, month - 1]
        level = xp.where(known, level, x[:, month])
        miss = xp.where(known, abs(x[:, month] - level), 0.0)
        total, count = total + miss, count + known
        if month >= _YEAR:
            both = seen[:, month - _YEAR]
            gap = abs(raw[:, month] - raw[:, month - _YEAR])
            yearly = yearly + xp.where(both, gap, 0.0)
            smooth = smooth + xp.where(both, miss, 0.0)
            n_yearly = n_yearly + both
        level = level + _ALPHA * (x[:, month] - level)
    mean = x.sum(axis=1) / xp.maximum(seen.sum(axis=1), 1)
    error = total / xp.maximum(count, 1) / xp.where(mean > 0, mean, 1.0)
    usable = (n_yearly >= 2) & (yearly > 0)  # noqa: PLR2004
    return error, xp.where(usable, smooth / xp.where(usable, yearly, 1.0), xp.nan)


def _change(x: Any, seen: Any, xp: Any) -> tuple[Any, Any, Any]:
    """Return the fall at the month where the cumulative sum is farthest from a line, and its age.

    First weighed by r / (r + 1), r the farthest point over what chance gives (the square root of
    months times the standard deviation), then as it is.
    """
    n = xp.maximum(seen.sum(axis=1), 1)
    mean = x.sum(axis=1) / n
    off = xp.where(seen, x - mean[:, None], 0.0)
    away = xp.cumsum(off, axis=1)
    inner = away[:, :-1]
    if inner.shape[1] == 0:
        return xp.zeros(x.shape[0]), xp.zeros(x.shape[0]), xp.full(x.shape[0], xp.nan)
    size = abs(inner)  # of months as far but for rounding the first, whatever order sums are in
    at = xp.argmax(size >= (1 - _ROUNDING) * size.max(axis=1, keepdims=True), axis=1)
    rows = xp.arange(x.shape[0])
    farthest = inner[rows, at]
    months = xp.arange(x.shape[1])
    before = seen & (months <= at[:, None])
    after = months > at[:, None]
    low = xp.where(before, x, 0.0).sum(axis=1) / xp.maximum(before.sum(axis=1), 1)
    high = xp.where(after, x, 0.0).sum(axis=1) / xp.maximum(after.sum(axis=1), 1)
    spread = xp.sqrt((off * off).sum(axis=1))
    strength = abs(farthest) / xp.where(spread > 0, spread, 1.0)
    fall = xp.where(low > 0, 1 - high / xp.where(low > 0, low, 1.0), 0.0)
    fall = xp.maximum(fall, 0.0)
    weighed = fall * strength / (1 + strength)
    return weighed, fall, (x.shape[1] - 1 - at).astype("float64")
