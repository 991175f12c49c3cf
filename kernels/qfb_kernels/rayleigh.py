"""Periods of a few payments, straight from their days, where a daily series says nothing.

For every whole number of cycles ``k`` over a unit's span the Rayleigh power is
``|sum exp(2 pi i k (day - first) / span)|^2 / n``: ``n`` where the payments are in step, about 1
where they are not. It is the Lomb-Scargle periodogram of events of one size (Lord Rayleigh, 1880,
doi:10.1080/14786448008626893; Bretthorst, 2003, doi:10.1063/1.1570512). No more than twice as many
cycles as payments are looked at: with more, anything is in step with something. A payment's angle
is turned by one cycle at a time, a complex product, which is off by 1e-13 of the power after all of
them; powers as near as 1e-9 count as equal.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_CYCLES = 2  # a payment, at most
_TIE = 1e-9


def _first_turns(day, member, start, stop, turn, at):
    """Write each payment's turn of one cycle over the span, and where it stands at none."""
    first = day[member[start]]
    once = 2.0 * math.pi / (day[member[stop - 1]] - first)
    turn[0, at], turn[1, at], turn[2, at], turn[3, at] = 1.0, 0.0, 1.0, 0.0
    for i in range(1, stop - start):
        angle = once * (day[member[start + i]] - first)
        turn[0, at + i] = math.cos(angle)
        turn[1, at + i] = math.sin(angle)
        turn[2, at + i] = 1.0
        turn[3, at + i] = 0.0


first_turns = twin(_first_turns)


def _next_power(n, turn, at):
    """Turn every payment by a cycle more; return their Rayleigh power."""
    real, imaginary = 0.0, 0.0
    for i in range(at, at + n):
        across, along = turn[2, i], turn[3, i]
        turn[2, i] = across * turn[0, i] - along * turn[1, i]
        turn[3, i] = across * turn[1, i] + along * turn[0, i]
        real += turn[2, i]
        imaginary += turn[3, i]
    return (real * real + imaginary * imaginary) / n


next_power = twin(_next_power)


def _rayleigh_row(day, member, start, stop, turn, at, peaks, row):
    """Write the two periods (days) most in step, the longer of equal ones; 0: there is none."""
    for j in range(3):
        peaks[row, j] = 0.0
    n = stop - start
    span = day[member[stop - 1]] - day[member[start]]
    best, second = 0.0, 0.0
    first_turns(day, member, start, stop, turn, at)
    for cycles in range(1, min(_CYCLES * n, span // 2) + 1):
        power = next_power(n, turn, at)
        if cycles <= n // 2:
            continue
        if power > best + _TIE:
            second, peaks[row, 1] = best, peaks[row, 0]
            best, peaks[row, 0] = power, span / cycles
        elif power > second + _TIE:
            second, peaks[row, 1] = power, span / cycles


rayleigh_row = twin(_rayleigh_row, first_turns, next_power)
_rayleigh_row_cpu, _rayleigh_row_gpu = rayleigh_row.cpu, rayleigh_row.gpu


@rows_of("rows")
def rayleigh_cpu(row_from, row_to, day, member, unit_start, unit_size, rows, begin, turn, peaks):
    """Loop over the units ``rows`` on the host, on all its threads.

    ``turn`` is scratch, four numbers a payment; those of ``rows[i]`` begin at ``begin[i]``.
    """
    for i in range(row_from, row_to):
        start = unit_start[rows[i]]
        stop = start + unit_size[rows[i]]
        _rayleigh_row_cpu(day, member, start, stop, turn, begin[i], peaks, rows[i])


@cuda.jit
def rayleigh_gpu(day, member, unit_start, unit_size, rows, begin, turn, peaks):
    """One thread per unit of ``rows``; launch with ``.forall(n_rows)``."""
    i = cuda.grid(1)
    if i < rows.shape[0]:
        start = unit_start[rows[i]]
        stop = start + unit_size[rows[i]]
        _rayleigh_row_gpu(day, member, start, stop, turn, begin[i], peaks, rows[i])
