"""How regular, how foreseeable a customer's sales are, where they broke: parts of market demand.

A row is a customer at a date: ``length`` months of it are known, the last of ``width`` columns of
``steady`` is the latest month. Sums are in the order of the months.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin
from qfb_kernels.unsteady import above

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


def _sums(steady, row, begin, width):
    """Return the sum of sales, and how many months had some."""
    total, n_busy = 0.0, begin - begin
    for at in range(begin, width):
        now = above(steady, row, at)
        total += now
        n_busy += 1 if now > 0 else 0
    return total, n_busy


def _errors(steady, row, income, customer, first, begin, width):
    """Return the sums of the smoothing forecast's errors, and of what scales them.

    Of all months; of those with one a year before; of a forecast by that; and how many those are.
    """
    level = above(steady, row, begin)
    total, smooth, yearly, n_yearly = 0.0, 0.0, 0.0, begin - begin
    for at in range(begin + 1, width):
        now = above(steady, row, at)
        miss = abs(now - level)
        total += miss
        if at - _YEAR >= begin:
            here, then = income[customer, first + at], income[customer, first + at - _YEAR]
            yearly += abs(here * 1.0 - then * 1.0)
            smooth += miss
            n_yearly += 1
        level = level + _ALPHA * (now - level)
    return total, smooth, yearly, n_yearly


def _spreads(steady, row, begin, width, mean, of_busy):
    """Return sums of squares: of sales, of months with sales; and how far sums go.

    The last is the farthest that the cumulative sum of sales is from a line.
    """
    own, busy, away, most = 0.0, 0.0, 0.0, 0.0
    for at in range(begin, width):
        now = above(steady, row, at)
        own += (now - mean) * (now - mean)
        if now > 0:
            busy += (now - of_busy) * (now - of_busy)
        if at < width - 1:
            away += now - mean
            most = max(most, abs(away))
    return own, busy, most


def _change(steady, row, begin, width, mean, spread, most, figures, to):
    """Write the fall at the change point, weighed by how clear it is and as it is, and its age.

    Of months as far from the line but for rounding the first, whatever order sums are in.
    """
    place, distance, away = begin - begin, 0.0, 0.0
    if most > 0:
        for at in range(begin, width - 1):
            away += above(steady, row, at) - mean
            if abs(away) >= (1 - _ROUNDING) * most:
                place, distance = at, abs(away)
                break
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
    figures[row, to + CHANGE_MONTHS] = width - 1 - place if width > 1 else math.nan


sums, errors, spreads = twin(_sums, above), twin(_errors, above), twin(_spreads, above)
change = twin(_change, above)


def _varied(squares, n, mean):
    """Return the squared coefficient of variation."""
    return squares / max(n, 1) / (mean * mean if mean > 0 else 1.0)


varied = twin(_varied, inline=True)


def _swing(table, customer, first, begin, width):
    """Return the squared coefficient of variation of a table's months, and how many had money."""
    total, squares, n_some = 0.0, 0.0, begin - begin
    for at in range(begin, width):
        money = max(table[customer, first + at], 0)
        total += money
        n_some += 1 if money > 0 else 0
    mean = total / max(width - begin, 1)
    for at in range(begin, width):
        off = max(table[customer, first + at], 0) - mean
        squares += off * off
    return varied(squares, width - begin, mean), n_some


swing = twin(_swing, varied)


def _asked_row(steady, spend, income, customer, first, width, length, figures, to, row):
    """Write the figures of a row from column ``to`` on; NaN where there is too little."""
    n = min(length, width)
    begin = width - n
    total, n_busy = sums(steady, row, begin, width)
    mean, of_busy = total / max(n, 1), total / max(n_busy, 1)
    own, busy, most = spreads(steady, row, begin, width, mean, of_busy)
    change(steady, row, begin, width, mean, math.sqrt(own), most, figures, to)
    for name in (INTERVAL, SIZES, ERROR, BULLWHIP, SCALED_ERROR):
        figures[row, to + name] = math.nan
    figures[row, to + CLASS_CODE] = -1.0
    missed = 0.0
    if n > 0:
        missed, smooth, yearly, n_yearly = errors(
            steady, row, income, customer, first, begin, width
        )
        if n_yearly >= _FEWEST and yearly > 0:
            figures[row, to + SCALED_ERROR] = smooth / yearly
    if n < _FEWEST or n_busy == 0:
        figures[row, to + CHANGE] = math.nan
        return
    interval, sizes = n / n_busy, varied(busy, n_busy, of_busy)
    figures[row, to + INTERVAL] = interval - 1
    figures[row, to + SIZES] = sizes
    figures[row, to + ERROR] = missed / max(n - 1, 1) / (mean if mean > 0 else 1.0)
    is_late, is_wild = int(interval >= _INTERVAL_CUT), int(sizes >= _SIZES_CUT)
    figures[row, to + CLASS_CODE] = is_late + 2 * is_wild
    bought, n_bought = swing(spend, customer, first, begin, width)
    if n_bought >= _FEWEST_BOUGHT:  # both with their seasons: purchases have those of sales
        sold, _ = swing(income, customer, first, begin, width)
        figures[row, to + BULLWHIP] = max(bought / max(sold, _LEAST_SPREAD) - 1, 0.0)


asked_row = twin(_asked_row, sums, spreads, change, errors, varied, swing)
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
