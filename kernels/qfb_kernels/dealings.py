"""What a customer's year before a date says: what was taken back, how thin the record, how few pay.

A row is a customer at a date. Figures that are not known are NaN.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

RETURNED_RATE, CANCELLED_RATE, THIN = range(3)
"""Columns from ``kept_to`` on."""
TOP_1, HHI, FEW, GROWING = range(4)
"""Columns from ``channels_to`` on."""
INCOME, SOLD, CAME = range(3)
"""Columns of ``of_year``."""
N_OF_YEAR = 3
STOP, AT, BEFORE = range(3)
"""Columns of ``dates``: the month after, the column of ``hhi``, that of a year before or -1."""
_YEAR = 12
_FIRST_MONTHS = 3
_PRIOR_N, _PRIOR_RATE = 20.0, 0.02


def _rate(part, whole):
    """Return the share of a part as if 20 more had been seen of which 2% were taken back."""
    if whole <= 0:
        return math.nan
    return (part + _PRIOR_N * _PRIOR_RATE) / (whole + _PRIOR_N)


rate = twin(_rate, inline=True)


def _year(table, customer, stop):
    """Return the sum of a table of months over the year to a date."""
    total = stop - stop
    for month in range(max(stop - _YEAR, 0), stop):
        total += table[customer, month]
    return total


year = twin(_year, inline=True)


def _channels(hhi, top_1, n_channels, before, is_gone, figures, to, row):
    """Write how much hangs on how few; who earned nothing for a year hangs on nothing."""
    few = math.nan if math.isnan(n_channels) else 1 / max(n_channels, 1.0)
    if is_gone and math.isnan(hhi):
        hhi, top_1, few = 1.0, 1.0, 1.0
    figures[row, to + TOP_1], figures[row, to + HHI] = top_1, hhi
    figures[row, to + FEW] = few
    then = hhi if math.isnan(before) else before
    figures[row, to + GROWING] = math.nan if math.isnan(hhi) else max(hhi - then, 0.0)


channels = twin(_channels)


def _kept(income, n_in, n_returned, n_cancelled, customer, stop, length, figures, to, of_year, row):
    """Write what was taken back, how thin the record is, and income and sales of the year."""
    came, back = year(n_in, customer, stop), year(n_returned, customer, stop)
    is_known = n_cancelled.shape[0] > 0
    void = year(n_cancelled, customer, stop) if is_known else came - came
    sold = came + back + void
    figures[row, to + RETURNED_RATE] = rate(back, sold)
    figures[row, to + CANCELLED_RATE] = rate(void, sold) if is_known else math.nan
    thin = min(length, _YEAR) / max(came, 1)
    figures[row, to + THIN] = thin if length >= _FIRST_MONTHS else math.nan
    of_year[row, INCOME] = year(income, customer, stop)
    of_year[row, SOLD], of_year[row, CAME] = sold, came


kept = twin(_kept, rate, year)


def _dealings_row(
    income, n_in, n_returned, n_cancelled, hhi, top_1, n_channels, dates, length, kept_to,
    channels_to, figures, of_year, row,
):  # fmt: skip
    """Write all figures of a customer at a date."""
    customer, date = row // dates.shape[0], row % dates.shape[0]
    kept(
        income, n_in, n_returned, n_cancelled, customer, dates[date, STOP], length[row], figures,
        kept_to, of_year, row,
    )  # fmt: skip
    now, at = hhi[customer, dates[date, AT]], dates[date, BEFORE]
    channels(
        now, top_1[customer, date], n_channels[customer, date],
        hhi[customer, at] if at >= 0 else now, length[row] > _YEAR, figures, channels_to, row,
    )  # fmt: skip


dealings_row = twin(_dealings_row, kept, channels)
_dealings_row_cpu, _dealings_row_gpu = dealings_row.cpu, dealings_row.gpu


@rows_of("figures")
def dealings_cpu(
    row_from, row_to, income, n_in, n_returned, n_cancelled, hhi, top_1, n_channels, dates, length,
    kept_to, channels_to, figures, of_year,
):  # fmt: skip
    """Loop over customers and dates on the host, on all its threads.

    Parameters
    ----------
    income : int64, shape (n_customers, n_months)
    n_in, n_returned, n_cancelled : int32, shape (n_customers, n_months)
        ``n_cancelled`` has no rows where it is not known.
    hhi : float64, shape (n_customers, n_years)
    top_1, n_channels : float64, shape (n_customers, n_dates)
    dates : int64, shape (n_dates, 3)
    length : int64, shape (n_customers * n_dates,)
        Months since the first payment.
    kept_to, channels_to : int
        The columns of the first figures of what was kept, and of channels.
    figures : float64, shape (n_customers * n_dates, enough)
    of_year : int64, shape (n_customers * n_dates, 3)
    """
    for row in range(row_from, row_to):
        _dealings_row_cpu(
            income, n_in, n_returned, n_cancelled, hhi, top_1, n_channels, dates, length, kept_to,
            channels_to, figures, of_year, row,
        )  # fmt: skip


@cuda.jit
def dealings_gpu(
    income, n_in, n_returned, n_cancelled, hhi, top_1, n_channels, dates, length, kept_to,
    channels_to, figures, of_year,
):  # fmt: skip
    """One thread per customer and date; launch with ``.forall(figures.shape[0])``."""
    row = cuda.grid(1)
    if row < figures.shape[0]:
        _dealings_row_gpu(
            income, n_in, n_returned, n_cancelled, hhi, top_1, n_channels, dates, length, kept_to,
            channels_to, figures, of_year, row,
        )  # fmt: skip
