"""Seasons in customers' monthly income, and the income without them.

``income`` is (n_customers, n_months), minor units. A date is the end of a month: a year of it is
twelve months before that, and places 0 to 11 are the months of such a year. A row of ``factor`` and
``steady`` is a customer at a date.
"""

from __future__ import annotations

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin
from qfb_kernels.whole import nearest

YEAR = 12
_YEAR = 12.0
CHUNK = 256
"""Customers whose shares one row of ``sums`` holds."""
_SCALE = 1_000_000
_MOST_IDLE = 2
_MOST_SHARE = 3.0
_PEER_YEARS = 3.0
_LEAST_FACTOR = 0.2


def _year_income(income, customer, first):
    """Return what came in over the year from a month on, 0 unless ten months had income."""
    total, idle = first - first, first - first
    for month in range(first, first + YEAR):
        money = income[customer, month]
        if money > 0:
            total += money
        else:
            idle += 1
    return total if idle <= _MOST_IDLE else total - total


year_income = twin(_year_income)


def _share(money, total):
    """Return a month's share of a year's income times 12, at most 3.

    In floats: twelve times a month that a bank may have (2**63 - 1) is more than an int64 holds.
    """
    return min(_YEAR * max(money, 0) / total, _MOST_SHARE)


share = twin(_share, inline=True)


def _sums_row(income, first, start, end, sums, row):
    """Write the sums of some customers' shares, in millionths, of the year from a month on."""
    for place in range(YEAR):
        sums[row, place] = 0
    for customer in range(start, end):
        total = year_income(income, customer, first)
        if total > 0:
            for place in range(YEAR):
                part = share(income[customer, first + place], total)
                sums[row, place] += nearest(part * _SCALE)


sums_row = twin(_sums_row, year_income, share, nearest)


def _steady_row(income, customer, first, width, turn, peers, date, factor, steady, row):
    """Write a customer's factor of each month of the year, and the last months without seasons.

    ``turn`` is the month of the calendar at place 0.
    """
    stop, n_full = first + width, 0.0
    for place in range(YEAR):
        factor[row, place] = 0.0
    for back in range(stop // YEAR, 0, -1):
        begin = stop - back * YEAR
        total = year_income(income, customer, begin)
        if total > 0:
            n_full += 1.0
            for place in range(YEAR):
                factor[row, place] += share(income[customer, begin + place], total)
    whole = 0.0
    for place in range(YEAR):
        known = _PEER_YEARS * peers[date, (place + turn) % YEAR]
        factor[row, place] = (factor[row, place] + known) / (n_full + _PEER_YEARS)
        whole += factor[row, place]
    mean = whole / YEAR
    for place in range(YEAR):
        factor[row, place] = max(factor[row, place] / mean, _LEAST_FACTOR)
    place = -width % YEAR
    for at in range(width):
        steady[row, at] = income[customer, first + at] / factor[row, place]
        place = place + 1 if place < YEAR - 1 else 0


steady_row = twin(_steady_row, year_income, share)
_sums_row_cpu, _sums_row_gpu = sums_row.cpu, sums_row.gpu
_steady_row_cpu, _steady_row_gpu = steady_row.cpu, steady_row.gpu


@rows_of("sums")
def sums_cpu(row_from, row_to, income, n_years, sums):
    """Loop over chunks of customers and years on the host, on all its threads.

    Parameters
    ----------
    income : int64, shape (n_customers, n_months)
    n_years : int
        Years begin with the first month, the second, and so on.
    sums : int64, shape (n_chunks * n_years, 12)
    """
    for row in range(row_from, row_to):
        start = row // n_years * CHUNK
        end = min(start + CHUNK, income.shape[0])
        _sums_row_cpu(income, row % n_years, start, end, sums, row)


@cuda.jit
def sums_gpu(income, n_years, sums):
    """One thread per chunk of customers and year; launch with ``.forall(sums.shape[0])``."""
    row = cuda.grid(1)
    if row < sums.shape[0]:
        start = row // n_years * CHUNK
        end = min(start + CHUNK, income.shape[0])
        _sums_row_gpu(income, row % n_years, start, end, sums, row)


@rows_of("steady")
def steady_cpu(row_from, row_to, income, windows, turns, peers, factor, steady):
    """Loop over customers and dates on the host, on all its threads.

    Parameters
    ----------
    income : int64, shape (n_customers, n_months)
    windows : int64, shape (n_dates, 2)
        First month that is asked for, and how many: up to the date.
    turns : int64, shape (n_dates,)
        Months of the year that are over at the date, 0 to 11.
    peers : float64, shape (n_dates, 12)
        Seasons of all customers, January first.
    factor : float64, shape (n_customers * n_dates, 12)
    steady : float64, shape (n_customers * n_dates, at least as many as are asked for)
    """
    n_dates = windows.shape[0]
    for row in range(row_from, row_to):
        customer, date = row // n_dates, row % n_dates
        _steady_row_cpu(
            income, customer, windows[date, 0], windows[date, 1], turns[date], peers, date, factor,
            steady, row,
        )  # fmt: skip


@cuda.jit
def steady_gpu(income, windows, turns, peers, factor, steady):
    """One thread per customer and date; launch with ``.forall(steady.shape[0])``."""
    row = cuda.grid(1)
    if row < steady.shape[0]:
        customer, date = row // windows.shape[0], row % windows.shape[0]
        _steady_row_gpu(
            income, customer, windows[date, 0], windows[date, 1], turns[date], peers, date, factor,
            steady, row,
        )  # fmt: skip
