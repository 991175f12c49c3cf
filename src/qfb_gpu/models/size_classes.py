"""How large a customer is beside others of its currency: no two currencies are compared.

A size is the logarithm of money in one currency. What is compared is the size less the median of
the customers of that currency: the logarithm of how many times as large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

N_SIZES = 4
NO_CLASS = -1
"""Of who is in a currency of so few customers that nobody can say how large it is."""
_FEWEST = 30


def middles(size: np.ndarray, currency: np.ndarray) -> dict[int, float]:
    """Return the median size of each currency that has one.

    Those of 30 customers or more have, and the one of most customers, of equals the lowest code.

    Parameters
    ----------
    size : float array, shape (n_customers,)
        NaN: not known.
    currency : integer array, shape (n_customers,)
        Codes.
    """
    known = np.isfinite(size)
    codes, counts = np.unique(currency[known], return_counts=True)
    if not codes.size:
        return {}
    most = int(codes[np.argmax(counts)])
    return {
        code: float(np.median(size[known & (currency == code)]))
        for code, n in zip(codes.tolist(), counts.tolist(), strict=True)
        if code == most or n >= _FEWEST
    }


def relative(size: np.ndarray, currency: np.ndarray, usual: Mapping[int, float]) -> np.ndarray:
    """Return each size less the median of its currency: float64, NaN where that has none."""
    found = np.full(size.shape, np.nan)
    for code, middle in usual.items():
        own = currency == code
        found[own] = size[own] - middle
    return found


def edges_of(size: np.ndarray) -> np.ndarray:
    """Return what parts the known sizes into quarters: float64, shape (N_SIZES - 1,)."""
    known = size[np.isfinite(size)]
    if not known.size:
        return np.zeros(N_SIZES - 1)
    return np.quantile(known, np.arange(1, N_SIZES) / N_SIZES)


def class_of(size: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return each customer's quarter, 0 the smallest; :data:`NO_CLASS` where it has no size."""
    return np.where(np.isfinite(size), np.searchsorted(edges, size), NO_CLASS)
