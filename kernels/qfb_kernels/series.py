"""Daily series of a batch of units, and what their power spectra say.

A series counts the payments of each of the unit's last ``n_samples`` days, less its mean over
the unit's span, so that the padding adds no power at frequency 0.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

NEAR_TOP = 0.6  # the lowest peak with this share of the highest one's power is the fundamental
LESS_NEAR = 0.3


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


_fill_row_cpu, _fill_row_gpu = twin(_fill_row)


@rows_of("unit_start")
def fill_cpu(row_from, row_to, day, member, unit_start, unit_size, series):
    """Loop over units on the host, on all its threads."""
    for row in range(row_from, row_to):
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


power = twin(_power, inline=True)


def _lobe(spectrum, row, k):
    """Power of a peak and its neighbours: what of it is left between two bins is 0.85 or more."""
    return power(spectrum, row, k - 1) + power(spectrum, row, k) + power(spectrum, row, k + 1)


lobe = twin(_lobe, power, inline=True)


def _period_at(spectrum, row, k, n_samples):
    """Period (days) of the peak at bin ``k``, by a parabola through its neighbours."""
    left = power(spectrum, row, k - 1)
    here = power(spectrum, row, k)
    right = power(spectrum, row, k + 1)
    bend = left - 2.0 * here + right
    shift = 0.5 * (left - right) / bend if bend < 0.0 else 0.0
    return n_samples / (k + shift)


period_at = twin(_period_at, power, inline=True)


def _lowest_peak(spectrum, row, lowest, level, n_bins):
    """Lowest bin from ``lowest`` on with a local peak whose lobe has ``level``; 0: none."""
    before, here = power(spectrum, row, lowest - 1), power(spectrum, row, lowest)
    for k in range(lowest, n_bins - 1):
        after = power(spectrum, row, k + 1)
        if here >= before and here >= after and before + here + after >= level:
            return k
        before = here
        here = after
    return 0


lowest_peak = twin(_lowest_peak, power, inline=True)


def _shape_row(spectrum, row, total, top, strength, entropy):
    """Write how much power is at the top bin and its neighbours, and the disorder."""
    n_bins = spectrum.shape[1]
    if top == 0 or total <= 0.0:
        strength[row] = 0.0
        entropy[row] = 1.0
        return
    disorder = 0.0
    for k in range(1, n_bins - 1):
        share = power(spectrum, row, k) / total
        if share > 0.0:
            disorder -= share * math.log(share)
    strength[row] = min(1.0, lobe(spectrum, row, top) / total)
    entropy[row] = disorder / math.log(n_bins - 2.0)


shape_row = twin(_shape_row, power, lobe)


def _peaks_row(spectrum, span, n_samples, with_shape, peaks, strength, entropy, row):
    """Write the fundamental, the highest and a lower peak, and the shape of the spectrum."""
    n_bins = spectrum.shape[1]
    lowest = max(2, int(math.ceil(2.0 * n_samples / max(span, 1))))
    total, highest = 0.0, 0.0
    top = n_bins - n_bins
    for k in range(1, n_bins - 1):
        here = power(spectrum, row, k)
        total += here
        if k >= lowest and here > highest:
            highest = here
            top = k
    for j in range(3):
        peaks[row, j] = 0.0
    if top > 0:
        whole = lobe(spectrum, row, top)
        lower = lowest_peak(spectrum, row, lowest, LESS_NEAR * whole, n_bins)
        first = lowest_peak(spectrum, row, max(lower, lowest), NEAR_TOP * whole, n_bins)
        peaks[row, 0] = period_at(spectrum, row, first, n_samples) if first > 0 else 0.0
        peaks[row, 1] = period_at(spectrum, row, top, n_samples)
        peaks[row, 2] = period_at(spectrum, row, lower, n_samples) if lower > 0 else 0.0
    if with_shape:
        shape_row(spectrum, row, total, top, strength, entropy)


peaks_row = twin(_peaks_row, power, lobe, period_at, lowest_peak, shape_row)
_peaks_row_cpu, _peaks_row_gpu = peaks_row.cpu, peaks_row.gpu


@rows_of("spectrum")
def peaks_cpu(row_from, row_to, spectrum, span, n_samples, with_shape, peaks, strength, entropy):
    """Loop over spectra on the host, on all its threads."""
    for row in range(row_from, row_to):
        _peaks_row_cpu(spectrum, span[row], n_samples, with_shape, peaks, strength, entropy, row)


@cuda.jit
def peaks_gpu(spectrum, span, n_samples, with_shape, peaks, strength, entropy):
    """One thread per spectrum; launch with ``.forall(n_rows)``."""
    row = cuda.grid(1)
    if row < spectrum.shape[0]:
        _peaks_row_gpu(spectrum, span[row], n_samples, with_shape, peaks, strength, entropy, row)
