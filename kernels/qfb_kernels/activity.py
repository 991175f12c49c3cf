"""A customer's last 364 days, day by day: activity, gaps, the balance's low, the spectrum.

Layout: row ``i`` of every table is customer ``first + i``; column ``d`` of a daily series is the
day ``as_of - 363 + d``. 364 days are 52 weeks and, but for a day, 12 months: a weekly rhythm is
exactly frequency 52, a monthly one 12, a quarterly one 4.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

SERIES_DAYS = 364
WEEKLY, MONTHLY, N_MONTHLY = 52, 12, 6
SLOWEST, FASTEST = 2, 182
"""The whole frequencies looked at: periods of 182 down to 2 days."""
# Columns of `gaps`.
N_ACTIVE, GAP_SUM, GAP_SQUARES, GAP_MEDIAN_TWICE, GAP_LONGEST, LOW, END, MEAN = range(8)
N_GAPS = 8
# Columns of `spectrum`.
WEEKLY_SHARE, MONTHLY_SHARE, ENTROPY, PERIOD, STRENGTH = range(5)
N_SPECTRUM = 5
FEWEST_ACTIVE = 4
_PEAK = 0.9
_HALF_BITS, _HALF = 32, 2**32 - 1
"""Halves of an int64, which are summed apart where the sum of the whole may not fit."""


def _series_row(
    day, amount, relation_offsets, direction, currency, main, as_of, start, stop, paid, net, row
):
    """Count payments a day (all currencies) and net the money (main currency)."""
    for d in range(SERIES_DAYS):
        paid[row, d] = 0
        net[row, d] = 0
    for r in range(start, stop):
        sign = 0
        if currency[r] == main[row]:
            sign = 1 if direction[r] == 0 else -1
        for p in range(relation_offsets[r + 1] - 1, relation_offsets[r] - 1, -1):
            age = int(as_of - day[p])
            if age >= SERIES_DAYS:
                break
            paid[row, SERIES_DAYS - 1 - age] += 1
            net[row, SERIES_DAYS - 1 - age] += sign * amount[p]


def _root(n):
    """Square root of a whole number; of 0 and 1, which most days have, without working it out."""
    return math.sqrt(n) if n > 1 else float(n)


root = twin(_root, inline=True)


def _gaps_row(paid, net, signal, gaps, row):
    """Summarise one series; write the centred roots of its counts; uses up ``net``."""
    low, balance, upper, lower, centre = 0, 0, 0, 0, 0.0
    for d in range(SERIES_DAYS):
        balance += net[row, d]
        upper += balance >> _HALF_BITS  # a sum of balances may not fit
        lower += balance & _HALF
        low = min(low, balance)
        net[row, d] = 0  # from here on: how many gaps have this many days
        centre += root(paid[row, d])
    centre /= SERIES_DAYS
    n_active, total, squares, longest, last = 0, 0, 0, 0, -1
    for d in range(SERIES_DAYS):
        signal[row, d] = root(paid[row, d]) - centre
        if paid[row, d] > 0:
            if last >= 0:
                gap = d - last
                total += gap
                squares += gap * gap
                longest = max(longest, gap)
                net[row, gap] += 1
            n_active += 1
            last = d
    n_gaps, seen, median_twice = n_active - 1, 0, 0
    for gap in range(1, longest + 1):
        before = seen
        seen += net[row, gap]
        median_twice += gap * (before <= (n_gaps - 1) // 2 < seen)
        median_twice += gap * (before <= n_gaps // 2 < seen)
    gaps[row, N_ACTIVE] = n_active
    gaps[row, GAP_SUM] = total
    gaps[row, GAP_SQUARES] = squares
    gaps[row, GAP_MEDIAN_TWICE] = median_twice
    gaps[row, GAP_LONGEST] = longest
    gaps[row, LOW] = low
    gaps[row, END] = balance
    rest = ((upper % SERIES_DAYS) << _HALF_BITS) + lower
    gaps[row, MEAN] = ((upper // SERIES_DAYS) << _HALF_BITS) + rest // SERIES_DAYS


def _line_power(waves, row, frequency):
    """Return the power of one frequency; ``waves`` holds real and imaginary parts in turn."""
    real, imaginary = float(waves[row, 2 * frequency]), float(waves[row, 2 * frequency + 1])
    return real * real + imaginary * imaginary


line_power = twin(_line_power)


def _spectrum_row(waves, gaps, spectrum, row):
    """Summarise the power of one customer's days; NaN under four active days."""
    total, largest = 0.0, 0.0
    for k in range(1, FASTEST + 1):
        power = line_power(waves, row, k)
        total += power
        if k >= SLOWEST:
            largest = max(largest, power)
    if gaps[row, N_ACTIVE] < FEWEST_ACTIVE or total < 1e-6:
        for c in range(N_SPECTRUM):
            spectrum[row, c] = math.nan
        return
    entropy, weekly, monthly, peak = 0.0, 0.0, 0.0, 0
    for k in range(1, FASTEST + 1):
        power = line_power(waves, row, k)
        share = power / total
        if share > 0.0:
            entropy -= share * math.log(share)
        if k % WEEKLY == 0:
            weekly += share
        elif k < MONTHLY * N_MONTHLY + 2 and k > SLOWEST and (k + 1) % MONTHLY <= 2:
            monthly += share
        if peak == 0 and k >= SLOWEST and power >= _PEAK * largest:
            peak = k
    strength = 0.0
    for k in range(peak - 1, peak + 2):
        if k <= FASTEST:
            strength += line_power(waves, row, k) / total
    spectrum[row, WEEKLY_SHARE] = weekly
    spectrum[row, MONTHLY_SHARE] = monthly
    spectrum[row, ENTROPY] = entropy / math.log(FASTEST)
    spectrum[row, PERIOD] = SERIES_DAYS / peak
    spectrum[row, STRENGTH] = strength


_series_cpu, _series_gpu = twin(_series_row)
_gaps_cpu, _gaps_gpu = twin(_gaps_row, root)
_spectrum_cpu, _spectrum_gpu = twin(_spectrum_row, line_power)


@rows_of("paid")
def series_cpu(
    row_from, row_to,
    day, amount, relation_offsets, direction, currency, main, as_of, customer_offsets, first,
    paid, net, signal, gaps,
):  # fmt: skip
    """Loop over customers: the series, then its summary."""
    for row in range(row_from, row_to):
        start, stop = customer_offsets[first + row], customer_offsets[first + row + 1]
        _series_cpu(
            day, amount, relation_offsets, direction, currency, main, as_of, start, stop,
            paid, net, row,
        )  # fmt: skip
        _gaps_cpu(paid, net, signal, gaps, row)


@cuda.jit
def series_gpu(
    day, amount, relation_offsets, direction, currency, main, as_of, customer_offsets, first,
    paid, net, signal, gaps,
):  # fmt: skip
    """One thread per customer."""
    row = cuda.grid(1)
    if row < paid.shape[0]:
        start, stop = customer_offsets[first + row], customer_offsets[first + row + 1]
        _series_gpu(
            day, amount, relation_offsets, direction, currency, main, as_of, start, stop,
            paid, net, row,
        )  # fmt: skip
        _gaps_gpu(paid, net, signal, gaps, row)


@rows_of("spectrum")
def spectrum_cpu(row_from, row_to, waves, gaps, spectrum):
    """Loop over customers."""
    for row in range(row_from, row_to):
        _spectrum_cpu(waves, gaps, spectrum, row)


@cuda.jit
def spectrum_gpu(waves, gaps, spectrum):
    """One thread per customer."""
    row = cuda.grid(1)
    if row < spectrum.shape[0]:
        _spectrum_gpu(waves, gaps, spectrum, row)
