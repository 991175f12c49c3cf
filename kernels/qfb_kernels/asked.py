"""How regular, how foreseeable a customer's sales are, where they broke: parts of market demand.

A row is a customer at a date: ``length`` months of it are known, the last of ``width`` columns of
``steady`` is the latest month. Sums are in the order of the months.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin
from qfb_kernels.unsteady import above, squares

(
    INTERVAL, SIZES, ERROR, CHANGE, BULLWHIP, SCALED_ERROR, CHANGE_FALL, CHANGE_MONTHS, CLASS_CODE,
) = range(9)  # fmt: skip
N_FIGURES = 9
_YEAR = 12
_INTERVAL_CUT, _SIZES_CUT = 1.32, 0.49
_ALPHA = 0.3
_ROUNDING = 1e-9
_LEAST_SPREAD = 0.01
_FEWEST, _FEWEST_BOUGHT = 2, 3


def _sizes(steady, row, begin, width):
    """Return the squared coefficient of variation of months with sales, and their number."""
    total, n = 0.0, begin - begin
    for at in range(begin, width):
        if steady[row, at] > 0:
            total += steady[row, at]
            n += 1
    mean, spread = total / max(n, 1), 0.0
    for at in range(begin, width):
        if steady[row, at] > 0:
            off = steady[row, at] - mean
            spread += off * off
    return spread / max(n, 1) / (mean * mean if mean > 0 else 1.0), n


def _bought(spend, customer, first, begin, width):
    """Return the squared coefficient of variation of spending, and how many months had some."""
    total, n, n_busy = 0.0, max(width - begin, 1), begin - begin
    for at in range(begin, width):
        if spend[customer, first + at] > 0:
            total += spend[customer, first + at]
            n_busy += 1
    mean, spread = total / n, 0.0
    for at in range(begin, width):
        off = max(spend[customer, first + at], 0.0) - mean
        spread += off * off
    return spread / n / (mean * mean if mean > 0 else 1.0), n_busy


def _errors(steady, row, income, customer, first, begin, width, mean):
    """Return the smoothing forecast's mean absolute error over the mean, and scaled by naive."""
    level = above(steady, row, begin)
    total, yearly, smooth, n_yearly = 0.0, 0.0, 0.0, begin - begin
    for at in range(begin + 1, width):
        miss = abs(above(steady, row, at) - level)
        total += miss
        if at - _YEAR >= begin:
            now, then = income[customer, first + at], income[customer, first + at - _YEAR]
            yearly += abs(now * 1.0 - then * 1.0)
            smooth += miss
            n_yearly += 1
        level = level + _ALPHA * (above(steady, row, at) - level)
    error = total / max(width - begin - 1, 1) / (mean if mean > 0 else 1.0)
    return error, (smooth / yearly if n_yearly >= _FEWEST and yearly > 0 else math.nan)


def _farthest(steady, row, begin, width, mean):
    """Return the month where the cumulative sum is farthest from a line, and how far it is.

    Of months as far but for rounding the first, whatever order sums are in.
    """
    most, away = 0.0, 0.0
    for at in range(begin, width - 1):
        away += above(steady, row, at) - mean
        most = max(most, abs(away))
    if most <= 0:
        return begin - begin, 0.0
    away = 0.0
    for at in range(begin, width - 1):
        away += above(steady, row, at) - mean
        if abs(away) >= (1 - _ROUNDING) * most:
            return at, abs(away)
    return begin - begin, 0.0


sizes, bought, errors = twin(_sizes), twin(_bought), twin(_errors, above)
farthest = twin(_farthest, above)


def _change(steady, row, begin, width, mean, spread, figures, to):
    """Write the fall at the change point, weighed by how clear it is and as it is, and its age."""
    if width < 2:
        figures[row, to + CHANGE], figures[row, to + CHANGE_FALL] = 0.0, 0.0
        figures[row, to + CHANGE_MONTHS] = math.nan
        return
    place, distance = farthest(steady, row, begin, width, mean)
    low, high = 0.0, 0.0
    for at in range(begin, place + 1):
        low += above(steady, row, at)
    for at in range(max(place + 1, begin), width):
        high += above(steady, row, at)
    low, high = low / max(place + 1 - begin, 1), high / max(width - 1 - place, 1)
    strength = distance / (spread if spread > 0 else 1.0)
    fall = max(1 - high / low, 0.0) if low > 0 else 0.0
    figures[row, to + CHANGE] = fall * strength / (1 + strength)
    figures[row, to + CHANGE_FALL] = fall
    figures[row, to + CHANGE_MONTHS] = width - 1 - place


change = twin(_change, above, farthest)


def _asked_row(steady, spend, income, customer, first, width, length, figures, to, row):
    """Write the figures of a row from column ``to`` on; NaN where there is too little."""
    n = min(length, width)
    begin = width - n
    total = 0.0
    for at in range(begin, width):
        total += above(steady, row, at)
    mean = total / max(n, 1)
    off = squares(steady, row, begin, width, mean)
    change(steady, row, begin, width, mean, math.sqrt(off), figures, to)
    for name in (INTERVAL, SIZES, ERROR, BULLWHIP, SCALED_ERROR):
        figures[row, to + name] = math.nan
    figures[row, to + CLASS_CODE] = -1.0
    if n > 0:
        error, scaled = errors(steady, row, income, customer, first, begin, width, mean)
        figures[row, to + SCALED_ERROR] = scaled
        spread, n_busy = sizes(steady, row, begin, width)
        if n >= _FEWEST and n_busy > 0:
            interval = n / n_busy
            figures[row, to + INTERVAL] = interval - 1
            figures[row, to + SIZES] = spread
            figures[row, to + ERROR] = error
            is_late, is_wild = int(interval >= _INTERVAL_CUT), int(spread >= _SIZES_CUT)
            figures[row, to + CLASS_CODE] = is_late + 2 * is_wild
            varied, n_bought = bought(spend, customer, first, begin, width)
            if n_bought >= _FEWEST_BOUGHT:
                own = off / n / (mean * mean if mean > 0 else 1.0)
                figures[row, to + BULLWHIP] = max(varied / max(own, _LEAST_SPREAD) - 1, 0.0)
            return
    figures[row, to + CHANGE] = math.nan


asked_row = twin(_asked_row, above, squares, change, errors, sizes, bought)
_asked_row_cpu, _asked_row_gpu = asked_row.cpu, asked_row.gpu


@rows_of("figures")
def asked_cpu(row_from, row_to, steady, spend, income, windows, length, to, figures):
    """Loop over customers and dates on the host, on all its threads.

    Parameters
    ----------
    steady : float64, shape (n_customers * n_dates, at least the widest)
        Income without its seasons.
    spend, income : int64, shape (n_customers, n_months)
    windows : int64, shape (n_dates, 2)
        First month of those tables that is looked at, and how many are.
    length : int64, shape (n_customers * n_dates,)
    to : int
        The column of the first figure.
    figures : float64, shape (n_customers * n_dates, at least to + 9)
    """
    n_dates = windows.shape[0]
    for row in range(row_from, row_to):
        customer, date = row // n_dates, row % n_dates
        _asked_row_cpu(
            steady, spend, income, customer, windows[date, 0], windows[date, 1], length[row],
            figures, to, row,
        )  # fmt: skip


@cuda.jit
def asked_gpu(steady, spend, income, windows, length, to, figures):
    """One thread per customer and date; launch with ``.forall(figures.shape[0])``."""
    row = cuda.grid(1)
    if row < figures.shape[0]:
        customer, date = row // windows.shape[0], row % windows.shape[0]
        _asked_row_gpu(
            steady, spend, income, customer, windows[date, 0], windows[date, 1], length[row],
            figures, to, row,
        )  # fmt: skip
