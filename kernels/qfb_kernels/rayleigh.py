"""Periods of a few payments, straight from their days, where a daily series says nothing.

For every whole number of cycles ``k`` over a unit's span the Rayleigh power is
``|sum exp(2 pi i k (day - first) / span)|^2 / n``: ``n`` where the payments are in step, about 1
where they are not. It is the Lomb-Scargle periodogram of events of one size (Lord Rayleigh, 1880,
doi:10.1080/14786448008626893; Bretthorst, 2003, doi:10.1063/1.1570512). No more than twice as many
cycles as payments are looked at: with more, anything is in step with something.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_CYCLES = 2  # a payment, at most
_TIE = 1e-9


def _rayleigh_power(day, member, start, stop, cycles):
    """Rayleigh power of a number of cycles over the span."""
    first = day[member[start]]
    turn = 2.0 * math.pi * cycles / (day[member[stop - 1]] - first)
    real, imaginary = 0.0, 0.0
    for i in range(start, stop):
        angle = turn * (day[member[i]] - first)
        real += math.cos(angle)
        imaginary += math.sin(angle)
    return (real * real + imaginary * imaginary) / (stop - start)


rayleigh_power = twin(_rayleigh_power)


def _rayleigh_row(day, member, start, stop, peaks, row):
    """Write the two periods (days) most in step, the longer of equal ones; 0: there is none."""
    for j in range(3):
        peaks[row, j] = 0.0
    n = stop - start
    span = day[member[stop - 1]] - day[member[start]]
    best, second = 0.0, 0.0
    for cycles in range(n // 2 + 1, _CYCLES * n + 1):
        if span < 2 * cycles:
            break
        power = rayleigh_power(day, member, start, stop, cycles)
        if power > best + _TIE:
            second, peaks[row, 1] = best, peaks[row, 0]
            best, peaks[row, 0] = power, span / cycles
        elif power > second + _TIE:
            second, peaks[row, 1] = power, span / cycles


rayleigh_row = twin(_rayleigh_row, rayleigh_power)
_rayleigh_row_cpu, _rayleigh_row_gpu = rayleigh_row.cpu, rayleigh_row.gpu


@rows_of("rows")
def rayleigh_cpu(row_from, row_to, day, member, unit_start, unit_size, rows, peaks):
    """Loop over the units ``rows`` on the host, on all its threads."""
    for i in range(row_from, row_to):
        start = unit_start[rows[i]]
        _rayleigh_row_cpu(day, member, start, start + unit_size[rows[i]], peaks, rows[i])


@cuda.jit
def rayleigh_gpu(day, member, unit_start, unit_size, rows, peaks):
    """One thread per unit of ``rows``; launch with ``.forall(n_rows)``."""
    i = cuda.grid(1)
    if i < rows.shape[0]:
        start = unit_start[rows[i]]
        _rayleigh_row_gpu(day, member, start, start + unit_size[rows[i]], peaks, rows[i])
