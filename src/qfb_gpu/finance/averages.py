"""Averages over groups of contracts; a contract without a payment counts with none."""

from __future__ import annotations

from typing import Any

import numpy as np


def medians(group: np.ndarray, values: np.ndarray, n_groups: int) -> np.ndarray:
    """Return the median of each group (0 .. n_groups - 1), NaN where it has no value.

    Parameters
    ----------
    group : int array, shape (n_rows,)
    values : float64 array, shape (n_rows,)
        NaN are left out.
    """
    known = ~np.isnan(values)
    group, values = group[known], values[known]
    order = np.lexsort((values, group))
    group, values = group[order], values[order]
    size = np.bincount(group, minlength=n_groups)
    first = np.cumsum(size) - size
    result = np.full(n_groups, np.nan)
    some = size > 0
    low, high = first + (size - 1) // 2, first + size // 2
    result[some] = (values[low[some]] + values[high[some]]) / 2
    return result


def means(group: np.ndarray, values: np.ndarray, n_groups: int) -> np.ndarray:
    """Return the mean of each group, NaN where it has no value; NaN are left out.

    Values are added in their own order: the same mean to the bit in whatever order they come.
    """
    known = ~np.isnan(values)
    group, values = group[known], values[known]
    order = np.lexsort((values, group))
    size = np.bincount(group, minlength=n_groups)
    total = np.bincount(group[order], values[order], minlength=n_groups)
    return np.where(size > 0, total / np.maximum(size, 1), np.nan)


def summary(
    group: np.ndarray, n_groups: int, contracts: dict[str, Any], gaps: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Return what contracts of each group have in common.

    Parameters
    ----------
    group : int array, shape (n_contracts,)
    n_groups : int
    contracts : dict
        ``n_payments`` (int), ``first_payment_days`` and ``paid_ratio`` (float64, NaN where none),
        shape (n_contracts,).
    gaps : dict
        ``contract`` (row) and ``gap_days`` (float64, NaN for first payments), shape (n_paid,).

    Returns
    -------
    dict of arrays, shape (n_groups,)
        ``n_contracts``, ``n_unpaid`` (int64), ``payments_mean``, ``payments_median``,
        ``first_payment_days_median``, ``gap_days_median``, ``paid_ratio_mean`` (float64).
    """
    number = contracts["n_payments"].astype(np.float64)
    unpaid = contracts["n_payments"] == 0
    first = np.asarray(contracts["first_payment_days"])
    return {
        "n_contracts": np.bincount(group, minlength=n_groups).astype(np.int64),
        "n_unpaid": np.bincount(group[unpaid], minlength=n_groups).astype(np.int64),
        "payments_mean": means(group, number, n_groups),
        "payments_median": medians(group, number, n_groups),
        "first_payment_days_median": medians(group, first, n_groups),
        "gap_days_median": medians(group[gaps["contract"]], gaps["gap_days"], n_groups),
        "paid_ratio_mean": means(group, np.asarray(contracts["paid_ratio"]), n_groups),
    }
