"""How large a customer is, if it is in one of several currencies: no two are compared.

A size is the logarithm of money in one currency. Those of a currency are moved by as much as its
median is away from that of the currency of most customers: then they say how many times as large
as usual a customer is, and the sizes of a bank of one currency stay what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu import currencies

if TYPE_CHECKING:
    from collections.abc import Mapping

N_SIZES = 4
NO_CLASS = -1
"""Of who is in a currency of so few customers that nobody can say how large it is."""


def shifts(size: np.ndarray, currency: np.ndarray) -> dict[int, float]:
    """Return by how much sizes of each currency are moved, 0 for that of most customers.

    Of the currencies that :func:`qfb_gpu.currencies.comparable` tells.

    Parameters
    ----------
    size : float array, shape (n_customers,)
        NaN: not known.
    currency : integer array, shape (n_customers,)
        Codes.
    """
    known = np.isfinite(size)
    codes, counts = np.unique(currency[known], return_counts=True)
    n_customers = dict(zip(codes.tolist(), counts.tolist(), strict=True))
    most, enough = currencies.comparable(n_customers)
    if most is None:
        return {}
    middle = {code: float(np.median(size[known & (currency == code)])) for code in enough}
    return {code: middle[most] - own for code, own in middle.items()}


def comparable(size: Any, currency: Any, shift: Mapping[int, float], xp: Any) -> Any:
    """Return sizes that can be compared, NaN where nobody can say how large a currency's are."""
    found = xp.full(size.shape, xp.nan, dtype=size.dtype)
    for code, moved in shift.items():
        found = xp.where(currency == code, size + size.dtype.type(moved), found)
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
