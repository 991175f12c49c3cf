"""The space that customers are grouped in: robust standard scores of their behaviour.

Nothing here knows a customer's name or place in a table: rows are ordered by a hash of their
values before anything is fitted, so buckets, row order and renaming change no segment. Customers
come in blocks (of a night a bucket each), of which one at a time is turned into scores: all of
them together are never there, but for one column and what a sample takes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu import keys
from qfb_gpu.models import size_classes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from qfb_gpu.backend import Backend

    Blocks = Sequence[Mapping[str, Any]]

FEATURES: tuple[tuple[str, str, str, str], ...] = (
    ("recency_days_since_last", "week", "days since the last payment", "最近一次收付"),
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
"""Column, transform, and how it is called in English and Chinese.

``log`` is log(1 + x); ``week`` the same of seven days where it is fewer, as who paid on Friday was
quiet for one day on Saturday and for three on Monday.
"""
_WEEK_DAYS, _DOUBLED = 7.0, math.log(2.0)
MONEY, CURRENCY = "money_turnover_minor_365d", "main_currency"
"""The feature that is money, and whose money: no two currencies are compared."""
THIN = "frequency_n_365d"
THIN_PAYMENTS = 3.0
"""A customer of so many payments a year is drawn half of the way to the middle of everyone."""
_CLIP = 5.0
DIGITS = 9
_IQR_OF_A_NORMAL = 1.3489795003921634


def money_shifts(blocks: Blocks, backend: Backend) -> dict[str, float]:
    """Return by how much the log turnover of each currency is moved, to be comparable.

    By the currency's code as a text; see :func:`qfb_gpu.models.size_classes.shifts`. Empty where
    no block says which currencies there are: all are one then.
    """
    if any(CURRENCY not in one for one in blocks):
        return {}
    at = [name for name, *_ in FEATURES].index(MONEY)
    sizes = [np.asarray(backend.to_host(_transformed(one, at, {}, backend))) for one in blocks]
    currency = [np.asarray(backend.to_host(one[CURRENCY])) for one in blocks]
    found = size_classes.shifts(
        np.concatenate([np.zeros(0), *sizes]), np.concatenate([np.zeros(0, np.int16), *currency])
    )
    return {str(code): round(moved, DIGITS) for code, moved in found.items()}


def _transformed(
    features: Mapping[str, Any], at: int, money: Mapping[str, float], backend: Backend
) -> Any:
    """Return a feature of :data:`FEATURES` as it is compared, on the backend."""
    xp, (name, transform, *_) = backend.xp, FEATURES[at]
    column = backend.asarray(features[name]).astype("float64")
    if not transform:
        return column
    logs = xp.log1p(xp.maximum(column, _WEEK_DAYS if transform == "week" else 0.0))
    if name != MONEY or not money:
        return logs
    shift = {int(code): moved for code, moved in money.items()}
    return size_classes.comparable(logs, backend.asarray(features[CURRENCY]), shift, xp)


def scales(
    blocks: Blocks, money: Mapping[str, float], backend: Backend
) -> tuple[list[float], list[float]]:
    """Return the median and the robust standard deviation of each transformed feature.

    ``money``: of :func:`money_shifts`.
    """
    centre, scale = [], []
    for at in range(len(FEATURES)):
        parts = [
            np.asarray(backend.to_host(_transformed(one, at, money, backend))) for one in blocks
        ]
        known = np.concatenate(parts)
        known = known[~np.isnan(known)]
        if known.size == 0:
            known = np.zeros(1)
        low, middle, high = np.percentile(known, [25, 50, 75])
        spread = (high - low) / _IQR_OF_A_NORMAL or float(np.std(np.sort(known)))
        centre.append(round(float(middle), DIGITS))
        scale.append(round(float(spread), DIGITS) or 1.0)
        if FEATURES[at][1] == "week":  # most pay in any week: a day more would be far away
            scale[-1] = max(scale[-1], _DOUBLED)
    return centre, scale


def standardised(
    features: Mapping[str, Any],
    centre: list[float],
    scale: list[float],
    money: Mapping[str, float],
    backend: Backend,
) -> Any:
    """Return robust standard scores, 0 where nothing is known, those of thin customers shrunk.

    Shape (n_customers, n_features), the scores of a feature side by side.

    A customer of ``n`` payments a year keeps ``n / (n + THIN_PAYMENTS)`` of each score: what a few
    payments say is drawn to the middle of everyone, so a new customer is not at the far end of
    anything for want of data.
    """
    xp = backend.xp
    n_payments = xp.maximum(backend.asarray(features[THIN]).astype("float64"), 0.0)
    weight = xp.where(xp.isnan(n_payments), 0.0, n_payments / (n_payments + THIN_PAYMENTS))
    columns = []
    for at, (middle, spread) in enumerate(zip(centre, scale, strict=True)):
        column = _transformed(features, at, money, backend)
        score = xp.clip((column - middle) / spread, -_CLIP, _CLIP) * weight
        columns.append(xp.where(xp.isnan(score), 0.0, xp.round(score, DIGITS)))
    return xp.stack(columns).T


def of_scores(
    blocks: Blocks,
    centre: list[float],
    scale: list[float],
    money: Mapping[str, float],
    backend: Backend,
) -> Iterator[Any]:
    """Yield the :func:`standardised` scores of one block after the other."""
    for features in blocks:
        yield standardised(features, centre, scale, money, backend)


def place_of_values(values: Any, backend: Backend) -> Any:
    """Return where rows stand in an order that only their values decide: int64, (n_rows,).

    The order is as good as random; rows of the same values stand in the same place.
    """
    xp = backend.xp
    whole = [
        xp.rint(values[:, column] * 10.0**DIGITS).astype("int64").view("uint64")
        for column in range(values.shape[1])
    ]
    return keys.of_rows(whole, xp).view("int64")


def first_rows(scores: Iterator[Any], n_rows: int, backend: Backend) -> Any:
    """Return the rows that come first in the order of their values, at most ``n_rows``.

    Rows that cannot be among them are left out as they come, so there are never many more.
    """
    xp, places, kept, last = backend.xp, [], [], None
    for values in scores:
        place, rows = place_of_values(values, backend), values
        if last is not None:
            chosen = xp.flatnonzero(place < last)
            place, rows = place[chosen], values[chosen]
        places.append(place)
        kept.append(rows)
        if sum(one.shape[0] for one in places) >= 2 * n_rows:
            place, rows = _first(places, kept, n_rows, backend)
            places, kept, last = [place], [rows], place[-1]
    return _first(places, kept, n_rows, backend)[1]


def _first(places: list[Any], kept: list[Any], n_rows: int, backend: Backend) -> tuple[Any, Any]:
    """Return the first places and their rows, in order."""
    xp, place = backend.xp, backend.xp.concatenate(places)
    order = backend.lexsort((place,))[:n_rows]
    return place[order], xp.ascontiguousarray(xp.concatenate(kept)[order])


def nearest(values: Any, centres: np.ndarray, backend: Backend) -> tuple[Any, Any]:
    """Return the nearest centre (the first of equals) and the distance; sums in feature order."""
    first, away, *_ = nearest_two(values, centres, backend)
    return first, away


def nearest_two(
    values: Any, centres: np.ndarray, backend: Backend
) -> tuple[Any, Any, Any, Any, Any]:
    """Return the nearest centre and its distance, the second nearest (-1: none) and its.

    And whether two centres are as far from a row, so that their order decided: bool, (n_rows,).
    """
    xp = backend.xp
    n = values.shape[0]
    best, next_best = xp.full(n, xp.inf), xp.full(n, xp.inf)
    first, second = xp.zeros(n, dtype="int32"), xp.full(n, -1, dtype="int32")
    is_tied = xp.zeros(n, dtype=bool)
    for number, centre in enumerate(centres.tolist()):
        square = xp.zeros(n)
        for column, middle in enumerate(centre):
            delta = values[:, column] - middle
            square = square + delta * delta
        is_best, is_next = square < best, square < next_best
        is_tied = is_tied | (square == best) | (square == next_best)
        second = xp.where(is_best, xp.where(best < xp.inf, first, second), second)
        second = xp.where(is_next & ~is_best, xp.int32(number), second)
        next_best = xp.where(is_best, best, xp.minimum(square, next_best))
        first = xp.where(is_best, xp.int32(number), first)
        best = xp.minimum(square, best)
    return first, xp.sqrt(best), second, xp.sqrt(next_best), is_tied
