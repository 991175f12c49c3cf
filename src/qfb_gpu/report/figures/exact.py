"""Sums of floats without rounding: the same whatever pieces the values come in, in any order."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.report.figures.columns import added

if TYPE_CHECKING:
    from collections.abc import Iterable

_BITS = 53
_LOW = 26

Exact = Counter[tuple[int, int]]
"""By cell and exponent of two: an integer. A cell is the sum of its integers times their powers."""


def exact(values: np.ndarray[Any, Any], cells: np.ndarray[Any, Any] | int = 0) -> Exact:
    """Return the sums of values by cell, to be added up and rounded once.

    Parameters
    ----------
    values : float64 array, shape (n_values,)
        Finite; fewer than 2**26.
    cells : int array, shape (n_values,), or int
        Where each value belongs, from 0.
    """
    if not values.size:
        return Counter()
    fraction, exponent = np.frexp(values)
    digits = np.ldexp(fraction, _BITS).astype(np.int64)
    least = int(exponent.min())
    width = int(exponent.max()) - least + 1
    place = exponent - least + np.asarray(cells, dtype=np.int64) * width
    low = np.bincount(place, digits & ((1 << _LOW) - 1))
    high = np.bincount(place, digits >> _LOW)
    whole: dict[int, int] = {}
    for at in np.flatnonzero((low != 0) | (high != 0)).tolist():
        cell, power = divmod(at, width)
        whole[cell] = whole.get(cell, 0) + (((int(high[at]) << _LOW) + int(low[at])) << power)
    return Counter({(cell, least - _BITS): number for cell, number in whole.items()})


def rounded(sums: Iterable[Exact], n_cells: int = 1) -> np.ndarray[Any, Any]:
    """Return each cell's sum, over all of some sums, as the nearest float64: shape (n_cells,)."""
    whole = added(sums)
    least = min((power for _, power in whole), default=0)
    cells = [0] * n_cells
    for (cell, power), number in whole.items():
        cells[cell] += number << (power - least)
    scale = Fraction(2) ** least
    return np.array([float(one * scale) for one in cells])
