"""Gaps between the payments of a unit: ``day[member[start:start + size]]`` in day order."""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin


def _smallest_of(scratch, start, stop, low, high, wanted):
    """Return the ``wanted``-th smallest of some numbers from ``low`` to ``high``, counted from 1.

    By halving the range: a few passes that only count, over numbers in no order.
    """
    while low < high:
        middle = (low + high) // 2
        n = start - start
        for i in range(start, stop):
            n += scratch[i] <= middle
        if n < wanted:
            low = middle + 1
        else:
            high = middle
    return low


smallest_of = twin(_smallest_of)


def _next_of(scratch, start, stop, below, high, wanted):
    """Return the ``wanted``-th smallest, where the one before it is ``below``: one pass."""
    n, above = start - start, high
    for i in range(start, stop):
        n += scratch[i] <= below
        above = min(above, scratch[i] if scratch[i] > below else high)
    return below if n >= wanted else above


next_of = twin(_next_of)


def _gaps_row(day, member, start, stop, scratch, mean, std, median, row):
    """Write mean, population standard deviation and median of one unit's gaps (days)."""
    n_gaps = stop - start - 1
    if n_gaps < 1:
        mean[row] = math.nan
        std[row] = math.nan
        median[row] = math.nan
        return
    total, low, high = 0, day[member[stop - 1]] - day[member[start]], 0
    for i in range(n_gaps):
        gap = day[member[start + i + 1]] - day[member[start + i]]
        scratch[start + i] = gap
        total += gap
        low, high = min(low, gap), max(high, gap)
    centre = total / n_gaps
    spread = 0.0
    for i in range(start, start + n_gaps):
        delta = scratch[i] - centre
        spread += delta * delta
    mean[row] = centre
    std[row] = math.sqrt(spread / n_gaps)
    end = start + n_gaps
    below = smallest_of(scratch, start, end, low, high, (n_gaps + 1) // 2)
    above = below if n_gaps % 2 else next_of(scratch, start, end, below, high, n_gaps // 2 + 1)
    median[row] = 0.5 * (below + above)


gaps_row = twin(_gaps_row, smallest_of, next_of)
_gaps_row_cpu, _gaps_row_gpu = gaps_row.cpu, gaps_row.gpu


@rows_of("unit_start")
def gaps_cpu(row_from, row_to, day, member, unit_start, unit_size, scratch, mean, std, median):
    """Loop over units on the host, on all its threads."""
    for row in range(row_from, row_to):
        start = unit_start[row]
        _gaps_row_cpu(day, member, start, start + unit_size[row], scratch, mean, std, median, row)


@cuda.jit
def gaps_gpu(day, member, unit_start, unit_size, scratch, mean, std, median):
    """One thread per unit; launch with ``.forall(n_units)``."""
    row = cuda.grid(1)
    if row < unit_start.shape[0]:
        start = unit_start[row]
        _gaps_row_gpu(day, member, start, start + unit_size[row], scratch, mean, std, median, row)
