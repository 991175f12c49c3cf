"""How unsteadily money comes in by month, without the seasons: parts of income volatility.

A row is a customer at a date: ``length`` months of it are known, the last of ``width`` columns is
the latest month. Sums are in the order of the months.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

ARC, DOWNSIDE, DRAWDOWN, TREND_BREAK, IDLE, TREND_FALL = range(6)
N_FIGURES = 6
_SMOOTH = 3
_NEW = 6


def _above(table, row, at):
    """Return an amount, 0 where it is negative."""
    return max(table[row, at], 0.0)


above = twin(_above, inline=True)


def _arc(steady, row, begin, width):
    """Return the root mean square arc change from month to month."""
    squares = 0.0
    for at in range(begin + 1, width):
        now, then = above(steady, row, at), above(steady, row, at - 1)
        if now + then > 0:
            change = 2 * (now - then) / (now + then)
            squares += change * change
    return math.sqrt(squares / max(width - begin - 1, 1))


def _downside(steady, row, begin, width, mean):
    """Return the semideviation below the mean over the mean."""
    squares = 0.0
    for at in range(begin, width):
        below = min(above(steady, row, at) - mean, 0.0)
        squares += below * below
    deviation = math.sqrt(squares / max(width - begin, 1))
    return deviation / mean if mean > 0 else 1.0


def _drawdown(steady, row, begin, width):
    """Return the fall of the last three months' mean from the highest such mean."""
    if width < _SMOOTH:
        return 0.0
    peak, last = 0.0, 0.0
    for at in range(max(begin, _SMOOTH - 1), width):
        last = 0.0
        for month in range(max(at - _SMOOTH + 1, begin), at + 1):
            last += above(steady, row, month)
        peak = max(peak, last)
    return 1 - last / peak if peak > 0 else 1.0


def _squares(steady, row, begin, end, mean):
    """Return the sum of squares of what months are off a mean."""
    total = 0.0
    for at in range(begin, end):
        off = above(steady, row, at) - mean
        total += off * off
    return total


arc, downside, drawdown = twin(_arc, above), twin(_downside, above), twin(_drawdown, above)
squares = twin(_squares, above)


def _trend(steady, row, begin, width, figures, to):
    """Write the fall of the last half-year's mean, times t^2 / (t^2 + 2) of Welch's t, and it."""
    middle = max(width - _NEW, begin)
    n_then = middle - begin
    before, after = 0.0, 0.0
    for at in range(begin, middle):
        before += above(steady, row, at)
    for at in range(middle, width):
        after += above(steady, row, at)
    before, after = before / max(n_then, 1), after / _NEW
    fall = max(1 - after / before, 0.0) if before > 0 else 0.0
    figures[row, to + TREND_FALL] = fall
    figures[row, to + TREND_BREAK] = math.nan
    if n_then >= _NEW:
        error = squares(steady, row, begin, middle, before) / max(n_then - 1, 1) / n_then
        error += squares(steady, row, middle, width, after) / (_NEW - 1) / _NEW
        apart = (after - before) * (after - before)
        whole = apart + 2 * error
        figures[row, to + TREND_BREAK] = fall * (apart / (whole if whole > 0 else 1.0))


trend = twin(_trend, above, squares)


def _unsteady_row(steady, width, length, figures, to, row):
    """Write the figures of a row from column ``to`` on; NaN where there is too little."""
    n = min(length, width)
    begin = width - n
    total, n_idle = 0.0, n - n
    for at in range(begin, width):
        total += above(steady, row, at)
        n_idle += 0 if steady[row, at] > 0 else 1
    for name in range(N_FIGURES):
        figures[row, to + name] = math.nan
    if n >= 2:
        figures[row, to + ARC] = arc(steady, row, begin, width)
        figures[row, to + DOWNSIDE] = downside(steady, row, begin, width, total / n)
        figures[row, to + DRAWDOWN] = drawdown(steady, row, begin, width)
        figures[row, to + IDLE] = n_idle / n
    trend(steady, row, begin, width, figures, to)


unsteady_row = twin(_unsteady_row, above, arc, downside, drawdown, trend)
_unsteady_row_cpu, _unsteady_row_gpu = unsteady_row.cpu, unsteady_row.gpu


@rows_of("figures")
def unsteady_cpu(row_from, row_to, steady, windows, length, to, figures):
    """Loop over customers and dates on the host, on all its threads.

    Parameters
    ----------
    steady : float64, shape (n_customers * n_dates, at least the widest)
    windows : int64, shape (n_dates, 2)
        The second column: how many months are looked at.
    length : int64, shape (n_customers * n_dates,)
    to : int
        The column of the first figure.
    figures : float64, shape (n_customers * n_dates, at least to + 6)
    """
    for row in range(row_from, row_to):
        width = windows[row % windows.shape[0], 1]
        _unsteady_row_cpu(steady, width, length[row], figures, to, row)


@cuda.jit
def unsteady_gpu(steady, windows, length, to, figures):
    """One thread per customer and date; launch with ``.forall(figures.shape[0])``."""
    row = cuda.grid(1)
    if row < figures.shape[0]:
        width = windows[row % windows.shape[0], 1]
        _unsteady_row_gpu(steady, width, length[row], figures, to, row)
