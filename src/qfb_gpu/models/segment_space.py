"""The space that customers are grouped in: robust standard scores of their behaviour.

Nothing here knows a customer's name or place in a table: rows are ordered by a hash of their
values before anything is fitted, so buckets, row order and renaming change no segment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu import keys

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

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
THIN = "frequency_n_365d"
THIN_PAYMENTS = 3.0
"""A customer of so many payments a year is drawn half of the way to the middle of everyone."""
_CLIP = 5.0
DIGITS = 9
_IQR_OF_A_NORMAL = 1.3489795003921634


def _transformed(features: dict[str, Any], backend: Backend) -> list[Any]:
    xp = backend.xp
    columns = []
    for name, transform, *_ in FEATURES:
        column = features[name].astype("float64")
        if transform == "log":
            column = xp.log1p(xp.maximum(column, 0.0))
        columns.append(column)
    return columns


def scales(features: dict[str, Any], backend: Backend) -> tuple[list[float], list[float]]:
    """Return the median and the robust standard deviation of each transformed feature."""
    centre, scale = [], []
    for column in _transformed(features, backend):
        known = np.sort(np.asarray(backend.to_host(column)))
        known = known[~np.isnan(known)]
        if known.size == 0:
            known = np.zeros(1)
        low, middle, high = np.percentile(known, [25, 50, 75])
        spread = (high - low) / _IQR_OF_A_NORMAL or float(np.std(known))
        centre.append(round(float(middle), DIGITS))
        scale.append(round(float(spread), DIGITS) or 1.0)
    return centre, scale


def standardised(
    features: dict[str, Any], centre: list[float], scale: list[float], backend: Backend
) -> Any:
    """Return robust standard scores, 0 where nothing is known, those of thin customers shrunk.

    A customer of ``n`` payments a year keeps ``n / (n + THIN_PAYMENTS)`` of each score: what a few
    payments say is drawn to the middle of everyone, so a new customer is not at the far end of
    anything for want of data.
    """
    xp = backend.xp
    n_payments = xp.maximum(features[THIN].astype("float64"), 0.0)
    weight = xp.where(xp.isnan(n_payments), 0.0, n_payments / (n_payments + THIN_PAYMENTS))
    columns = []
    for column, middle, spread in zip(_transformed(features, backend), centre, scale, strict=True):
        score = xp.clip((column - middle) / spread, -_CLIP, _CLIP) * weight
        columns.append(xp.where(xp.isnan(score), 0.0, xp.round(score, DIGITS)))
    return xp.stack(columns, axis=1)


def value_order(values: Any, backend: Backend) -> Any:
    """Return rows in an order that only their values decide, and that is as good as random."""
    xp = backend.xp
    whole = [
        xp.rint(values[:, column] * 10.0**DIGITS).astype("int64").view("uint64")
        for column in range(values.shape[1])
    ]
    return backend.lexsort((keys.of_rows(whole, xp).view("int64"),))


def nearest(values: Any, centres: np.ndarray, backend: Backend) -> tuple[Any, Any]:
    """Return the nearest centre (the first of equals) and the distance; sums in feature order."""
    first, away, _, _ = nearest_two(values, centres, backend)
    return first, away


def nearest_two(values: Any, centres: np.ndarray, backend: Backend) -> tuple[Any, Any, Any, Any]:
    """Return the nearest centre and its distance, the second nearest (-1: none) and its."""
    xp = backend.xp
    n = values.shape[0]
    best, next_best = xp.full(n, xp.inf), xp.full(n, xp.inf)
    first, second = xp.zeros(n, dtype="int32"), xp.full(n, -1, dtype="int32")
    for number, centre in enumerate(centres.tolist()):
        square = xp.zeros(n)
        for column, middle in enumerate(centre):
            delta = values[:, column] - middle
            square = square + delta * delta
        is_best, is_next = square < best, square < next_best
        second = xp.where(is_best, xp.where(best < xp.inf, first, second), second)
        second = xp.where(is_next & ~is_best, xp.int32(number), second)
        next_best = xp.where(is_best, best, xp.minimum(square, next_best))
        first = xp.where(is_best, xp.int32(number), first)
        best = xp.minimum(square, best)
    return first, xp.sqrt(best), second, xp.sqrt(next_best)
