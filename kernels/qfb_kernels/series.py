"""Daily series of a batch of units, and what their power spectra say.

A series counts the payments of each of the unit's last ``n_samples`` days, less its mean over
the unit's span, so that the padding adds no power at frequency 0.
"""

from __future__ import annotations

import math

from numba import cuda, njit, prange

from qfb_kernels.twin import twin

_NEAR_TOP = 0.6  # the lowest frequency with this share of the highest power is the fundamental
_LESS_NEAR = 0.3


def _fill_row(day, member, start, stop, series, row):
    """Write one unit's daily series."""
    n_samples = series.shape[1]
    last = day[member[stop - 1]]
    first = max(day[member[start]], last - n_samples + 1)
    length = last - first + 1
    n = 0
    for i in range(start, stop):
        n += 1 if day[member[i]] >= first else 0
    mean = n / length
    for i in range(n_samples):
        series[row, i] = -mean if i < length else 0.0
    for i in range(start, stop):
        here = day[member[i]] - first
        if here >= 0:
            series[row, here] += 1.0


_fill_row_cpu = njit(_fill_row)
_fill_row_gpu = cuda.jit(device=True)(_fill_row)


@njit(parallel=True, cache=True)
def fill_cpu(day, member, unit_start, unit_size, series):
    """Loop over units on the host, on all its threads."""
    n_rows = unit_start.shape[0]
    for row in prange(n_rows - n_rows, n_rows):
        start = unit_start[row]
        _fill_row_cpu(day, member, start, start + unit_size[row], series, row)


@cuda.jit
def fill_gpu(day, member, unit_start, unit_size, series):
    """One thread per unit; launch with ``.forall(n_units)``."""
    row = cuda.grid(1)
    if row < unit_start.shape[0]:
        start = unit_start[row]
        _fill_row_gpu(day, member, start, start + unit_size[row], series, row)


def _power(spectrum, row, k):
    """Power of one frequency."""
    value = spectrum[row, k]
    return value.real * value.real + value.imag * value.imag


power = twin(_power)


def _period_at(spectrum, row, k, n_samples):
    """Period (days) of the peak at bin ``k``, by a parabola through its neighbours."""
    left, here, right = (
        power(spectrum, row, k - 1),
        power(spectrum, row, k),
        power(spectrum, row, k + 1),
    )
    bend = left - 2.0 * here + right
    shift = 0.5 * (left - right) / bend if bend < 0.0 else 0.0
    return n_samples / (k + shift)


period_at = twin(_period_at, power)


def _peaks_row(spectrum, span, n_samples, peaks, strength, entropy, row):
    """Write the fundamental, the highest and a lower peak, and the shape of the spectrum."""
    n_bins = spectrum.shape[1]
    total = 0.0
    highest = 0.0
    top = 0
    lowest = max(1, int(math.ceil(2.0 * n_samples / max(span, 1))))
    for k in range(1, n_bins - 1):
        here = power(spectrum, row, k)
        total += here
        if k >= lowest and here > highest:
            highest = here
            top = k
    for j in range(3):
        peaks[row, j] = 0.0
    if top == 0:
        strength[row] = 0.0
        entropy[row] = 1.0
        return
    disorder = 0.0
    found_near, found_less = False, False
    for k in range(1, n_bins - 1):
        here = power(spectrum, row, k)
        share = here / total
        if share > 0.0:
            disorder -= share * math.log(share)
        if k < lowest or k == 1 or found_near:
            continue
        if here < power(spectrum, row, k - 1) or here < power(spectrum, row, k + 1):
            continue
        if here >= _NEAR_TOP * highest:
            found_near = True
            peaks[row, 0] = period_at(spectrum, row, k, n_samples)
        elif here >= _LESS_NEAR * highest and not found_less:
            found_less = True
            peaks[row, 2] = period_at(spectrum, row, k, n_samples)
    peaks[row, 1] = period_at(spectrum, row, top, n_samples)
    near = highest + power(spectrum, row, top - 1) + power(spectrum, row, top + 1)
    strength[row] = min(1.0, near / total)
    entropy[row] = disorder / math.log(n_bins - 2.0)


peaks_row = twin(_peaks_row, power, period_at)
_peaks_row_cpu, _peaks_row_gpu = peaks_row.cpu, peaks_row.gpu


@njit(parallel=True, cache=True)
def peaks_cpu(spectrum, span, n_samples, peaks, strength, entropy):
    """Loop over spectra on the host, on all its threads."""
    n_rows = spectrum.shape[0]
    for row in prange(n_rows - n_rows, n_rows):
        _peaks_row_cpu(spectrum, span[row], n_samples, peaks, strength, entropy, row)


@cuda.jit
def peaks_gpu(spectrum, span, n_samples, peaks, strength, entropy):
    """One thread per spectrum; launch with ``.forall(n_rows)``."""
    row = cuda.grid(1)
    if row < spectrum.shape[0]:
        _peaks_row_gpu(spectrum, span[row], n_samples, peaks, strength, entropy, row)
