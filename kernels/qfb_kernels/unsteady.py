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
_FEWEST = 2


def _above(table, row, at):
    """Return an amount, 0 where it is negative."""
    return max(table[row, at], 0.0)


above = twin(_above, inline=True)


def _sums(steady, row, begin, middle, width, figures, to):
    """Write arc change and fall of the quarter; return the sums of all months and of two parts.

    All in one pass: what is added up here does not wait for what is added up there.
    """
    total, before, after, squares, peak, last = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    one, other, n_idle = 0.0, 0.0, begin - begin
    for at in range(begin, width):
        now = above(steady, row, at)
        total += now
        n_idle += 0 if now > 0 else 1
        if at < middle:
            before += now
        else:
            after += now
        if at > begin and now + other > 0:
            change = 2 * (now - other) / (now + other)
            squares += change * change
        if at >= _SMOOTH - 1:
            last = one + other + now
            peak = max(peak, last)
        one, other = other, now
    figures[row, to + ARC] = math.sqrt(squares / max(width - begin - 1, 1))
    fall = 1 - last / peak if peak > 0 else 1.0
    figures[row, to + DRAWDOWN] = fall if width >= _SMOOTH else 0.0
    figures[row, to + IDLE] = n_idle / max(width - begin, 1)
    return total, before, after


sums = twin(_sums, above)


def _unsteady_row(steady, width, length, figures, to, row):
    """Write the figures of a row from column ``to`` on; NaN where there is too little."""
    n = min(length, width)
    begin = width - n
    middle = max(width - _NEW, begin)
    n_then = middle - begin
    total, before, after = sums(steady, row, begin, middle, width, figures, to)
    mean, before, after = total / max(n, 1), before / max(n_then, 1), after / _NEW
    below, then, now = 0.0, 0.0, 0.0
    for at in range(begin, width):
        money = above(steady, row, at)
        under = min(money - mean, 0.0)
        below += under * under
        if at < middle:
            then += (money - before) * (money - before)
        else:
            now += (money - after) * (money - after)
    deviation = math.sqrt(below / max(n, 1))
    figures[row, to + DOWNSIDE] = deviation / mean if mean > 0 else 1.0
    fall = max(1 - after / before, 0.0) if before > 0 else 0.0
    figures[row, to + TREND_FALL], figures[row, to + TREND_BREAK] = fall, math.nan
    if n_then >= _NEW:
        error = then / max(n_then - 1, 1) / n_then + now / (_NEW - 1) / _NEW
        apart = (after - before) * (after - before)
        whole = apart + 2 * error  # of Welch's t: t^2 / (t^2 + 2)
        figures[row, to + TREND_BREAK] = fall * (apart / (whole if whole > 0 else 1.0))
    if n < _FEWEST:
        for name in (ARC, DOWNSIDE, DRAWDOWN, IDLE):
            figures[row, to + name] = math.nan


unsteady_row = twin(_unsteady_row, above, sums)
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
