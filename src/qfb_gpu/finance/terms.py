"""How a supplier is really paid: days from delivery to payment, terms, drift, open invoices.

An invoice is an order that was delivered or a contract node whose trigger has a date: it begins on
a day and is paid on a later one, or still waits (then it is censored at the as-of date, as in
:mod:`survival`). A pair is a buyer, a supplier and a currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.finance.averages import means, medians
from qfb_gpu.finance.survival import curve_of, kaplan_meier, quantile
from qfb_gpu.ledger import NULL_DAY

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

GRID = (0, 7, 10, 14, 15, 20, 30, 45, 60, 75, 90, 120, 150, 180)
"""Terms that trade agrees on, days."""
_BEFORE, _AFTER = 2, 5
"""Days around the terms that are on time: a weekend's roll, and a little early."""
_ENOUGH = 0.4
_FEWEST = 3
YEAR = 365


@dataclass(frozen=True, slots=True)
class Invoices:
    """Invoices of one bucket on the host, shape (n_invoices,) each.

    Attributes
    ----------
    pair : int64, 0 .. n_pairs - 1
    begin_day : int32, delivery or trigger
    paid_day : int32, ``NULL_DAY`` while it is open
    amount_minor : int64, not negative
    terms_days : int32, agreed days; -1 where not written
    part_minor : int64, what was paid of it by now, at most its amount; None: nothing of open ones
    """

    pair: Any
    begin_day: Any
    paid_day: Any
    amount_minor: Any
    terms_days: Any
    part_minor: Any = None


def statistics(
    invoices: Invoices, n_pairs: int, as_of_day: int, backend: Backend
) -> dict[str, Any]:
    """Return how each pair is paid.

    Returns
    -------
    dict of arrays, shape (n_pairs,)
        ``n_invoices``, ``n_paid``, ``n_open`` (int64); ``days_p10``, ``days_median``,
        ``days_p90`` (float64, Kaplan-Meier over open ones too; NaN where the curve does not fall
        that far); ``days_mean``, ``days_weighted`` (of what was paid, by amount);
        ``terms_days`` (NaN where unknown), ``terms_share`` (of payments on time by them),
        ``terms_known`` (bool, written in a contract); ``late_share``, ``late_days`` (mean days
        beyond the terms); ``drift_days`` (median of the later half less that of the earlier);
        ``purchases_minor`` (int64, begun in the last 365 days), ``payable_minor`` (int64, what is
        left to pay of open ones),
        ``dpo_days`` (payable beside purchases, times 365).
    """
    is_paid = invoices.paid_day != NULL_DAY
    day = np.where(is_paid, invoices.paid_day, as_of_day).astype(np.int64)
    waited = (day - invoices.begin_day).astype(np.float64)
    pair = invoices.pair
    paid_days = np.where(is_paid, waited, np.nan)
    curves = kaplan_meier(pair, waited, is_paid, backend)
    low, high = curve_of(np.arange(n_pairs), curves, backend)
    p10, p50, p90 = (
        quantile(curves, low, high, np.full(n_pairs, share), backend) for share in (0.9, 0.5, 0.1)
    )
    amount = invoices.amount_minor.astype(np.float64)
    weight = np.bincount(pair[is_paid], amount[is_paid], minlength=n_pairs)
    total = np.bincount(pair[is_paid], (amount * waited)[is_paid], minlength=n_pairs)
    recent = invoices.begin_day > as_of_day - YEAR
    purchases = _sum(pair[recent], invoices.amount_minor[recent], n_pairs)
    part = 0 if invoices.part_minor is None else invoices.part_minor
    payable = _sum(pair[~is_paid], (invoices.amount_minor - part)[~is_paid], n_pairs)
    return {
        "n_invoices": np.bincount(pair, minlength=n_pairs),
        "n_paid": np.bincount(pair[is_paid], minlength=n_pairs),
        "n_open": np.bincount(pair[~is_paid], minlength=n_pairs),
        "days_p10": p10,
        "days_median": p50,
        "days_p90": p90,
        "days_mean": means(pair, paid_days, n_pairs),
        "days_weighted": np.where(weight > 0, total / np.maximum(weight, 1), np.nan),
        **_terms(invoices, waited, is_paid, n_pairs),
        "drift_days": _drift(pair, invoices.begin_day, paid_days, n_pairs),
        "purchases_minor": purchases,
        "payable_minor": payable,
        "dpo_days": np.where(purchases > 0, payable / np.maximum(purchases, 1) * YEAR, np.nan),
    }


def _sum(group: np.ndarray, values: np.ndarray, n_groups: int) -> np.ndarray:
    sums = np.zeros(n_groups, np.int64)
    np.add.at(sums, group, values)
    return sums


def _terms(
    invoices: Invoices, waited: np.ndarray, is_paid: np.ndarray, n_pairs: int
) -> dict[str, Any]:
    """Return the terms: as written (their median), else the usual ones most payments keep to."""
    pair = invoices.pair
    written = np.where(invoices.terms_days >= 0, invoices.terms_days, np.nan).astype(np.float64)
    stated = medians(pair, written, n_pairs)
    n_paid = np.bincount(pair[is_paid], minlength=n_pairs)
    hits = np.zeros((len(GRID), n_pairs))
    middle = np.nan_to_num(medians(pair, np.where(is_paid, waited, np.nan), n_pairs))
    for row, days in enumerate(GRID):
        on_time = is_paid & (waited >= (days - _BEFORE if days else -np.inf))
        on_time &= waited <= days + _AFTER
        near = np.exp(-np.abs(middle - days) / 30) / 2  # of as many, the one nearest to the middle
        hits[row] = np.bincount(pair[on_time], minlength=n_pairs) + near
    best = hits.argmax(axis=0)
    n_kept = np.floor(hits.max(axis=0))
    clear = (n_kept >= _FEWEST) & (n_kept / np.maximum(n_paid, 1) >= _ENOUGH)
    kept = np.where(clear, np.array(GRID, np.float64)[best], np.nan)
    terms = np.where(np.isnan(stated), kept, stated)
    agreed = np.where(np.isnan(written), terms[pair], written)
    beyond = waited - agreed
    known = ~np.isnan(beyond)
    late = known & (beyond > _AFTER)
    judged = known & (is_paid | late)
    n_judged = np.bincount(pair[judged], minlength=n_pairs)
    n_late = np.bincount(pair[late], minlength=n_pairs)
    on_time = judged & ~late & (beyond >= -_BEFORE)
    n_on_time = np.bincount(pair[on_time], minlength=n_pairs)
    none = n_judged == 0
    return {
        "terms_days": terms,
        "terms_known": ~np.isnan(stated),
        "terms_share": np.where(none, np.nan, n_on_time / np.maximum(n_judged, 1)),
        "late_share": np.where(none, np.nan, n_late / np.maximum(n_judged, 1)),
        "late_days": means(pair, np.where(late, beyond, np.nan), n_pairs),
    }


def _drift(pair: np.ndarray, begin: np.ndarray, days: np.ndarray, n_pairs: int) -> np.ndarray:
    """Return the median wait of the later half of the paid invoices less that of the earlier."""
    known = ~np.isnan(days)
    pair, begin, days = pair[known], begin[known], days[known]
    order = np.lexsort((days, begin, pair))
    pair, days = pair[order], days[order]
    size = np.bincount(pair, minlength=n_pairs)
    place = np.arange(pair.shape[0]) - (np.cumsum(size) - size)[pair]
    later = 2 * place >= size[pair]
    enough = size >= 2 * _FEWEST
    drift = medians(pair[later], days[later], n_pairs) - medians(
        pair[~later], days[~later], n_pairs
    )
    return np.where(enough, drift, np.nan)
