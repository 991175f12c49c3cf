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
_LOW = 30
_TOGETHER = 3
"""Exponents, as a power of two, whose digits are one integer: of a part's, some 10 for 70."""
_MOST = 1 << 22
"""Values at a time: that many integers of 30 bits add up to less than 2**53."""

Exact = Counter[tuple[int, int]]
"""By cell and exponent of two: an integer. A cell is the sum of its integers times their powers."""


def exact(values: np.ndarray[Any, Any], cells: np.ndarray[Any, Any] | int = 0) -> Exact:
    """Return the sums of values by cell, to be added up and rounded once.

    Parameters
    ----------
    values : float64 array, shape (n_values,)
        Finite.
    cells : int array, shape (n_values,), or int
        Where each value belongs, from 0.
    """
    if values.size > _MOST:
        cells = np.broadcast_to(cells, values.shape)
        starts = range(0, values.size, _MOST)
        return added(exact(values[at : at + _MOST], cells[at : at + _MOST]) for at in starts)
    if not values.size:
        return Counter()
    fraction, exponent = np.frexp(values)
    digits = (fraction * float(1 << _BITS)).astype(np.int64)
    digits <<= exponent & ((1 << _TOGETHER) - 1)
    exponent >>= _TOGETHER
    least = int(exponent.min())
    width = int(exponent.max()) - least + 1
    place = exponent - least + np.asarray(cells, dtype=np.int64) * width
    low = np.bincount(place, digits & ((1 << _LOW) - 1))
    high = np.bincount(place, digits >> _LOW)
    whole: dict[int, int] = {}
    for at in np.flatnonzero((low != 0) | (high != 0)).tolist():
        cell, power = divmod(at, width)
        number = (int(high[at]) << _LOW) + int(low[at])
        whole[cell] = whole.get(cell, 0) + (number << (power << _TOGETHER))
    unit = (least << _TOGETHER) - _BITS
    return Counter({(cell, unit): number for cell, number in whole.items()})


def rounded(sums: Iterable[Exact], n_cells: int = 1) -> np.ndarray[Any, Any]:
    """Return each cell's sum, over all of some sums, as the nearest float64: shape (n_cells,)."""
    whole = added(sums)
    least = min((power for _, power in whole), default=0)
    cells = [0] * n_cells
    for (cell, power), number in whole.items():
        cells[cell] += number << (power - least)
    scale = Fraction(2) ** least
    return np.array([float(one * scale) for one in cells])
