"""Daily series, power spectrum and peaks of eight units at a time; for the host only.

The same as :mod:`qfb_kernels.series` with a transform between, which is what a device runs, but
nothing of a unit leaves the caches: a thread has two blocks of work, the powers of eight series,
and a few numbers a lane.
"""

from __future__ import annotations

import math

from numba import float32, int32, njit, prange

from qfb_kernels.series import LESS_NEAR, NEAR_TOP, _lobe, _lowest_peak, _period_at
from qfb_kernels.transform import LANES, LINE, inlined, plain, power_of_eight, starts_in_other
from qfb_kernels.twin import twin

_SAMPLES = 16
"""Samples written at a time: fewer would be unrolled, not made vectors of."""
_ROOT_HALF = int32(0x3F3504F3)
_MANTISSA_BITS = 23
_LOG_2 = float32(math.log(2.0))
_ONE, _TWO = float32(1.0), float32(2.0)
_THIRD, _FIFTH, _SEVENTH, _NINTH = (float32(1.0 / n) for n in (3, 5, 7, 9))


def _power(powers, lane, k):
    """Power of one frequency of one lane."""
    half = powers.shape[0] // LANES - 1
    return powers[LINE * k + lane] if 2 * k <= half else powers[LINE * (half - k) + LANES + lane]


_of_lane = twin(_power, inline=True)
power = _of_lane.cpu
lobe = twin(_lobe, _of_lane, inline=True).cpu
period_at = twin(_period_at, _of_lane, inline=True).cpu
lowest_peak = twin(_lowest_peak, _of_lane, inline=True).cpu


@inlined
def _fill(day, member, unit_start, unit_size, rows, n_units, n_samples, work, lanes):
    """Write the daily series of up to eight units; ``lanes`` gets less mean, and days."""
    for lane in range(LANES):
        lanes[lane] = lanes[LANES + lane] = float32(0.0)
    for lane in range(n_units):
        start = unit_start[rows[lane]]
        stop = start + unit_size[rows[lane]]
        last = day[member[stop - 1]]
        first = max(day[member[start]], last - n_samples + 1)
        while day[member[start]] < first:
            start += 1
        length = last - first + 1
        lanes[lane] = -float32((stop - start) / length)
        lanes[LANES + lane] = length
    for sample in range(0, n_samples, _SAMPLES):
        block = work[LANES * sample : LANES * (sample + _SAMPLES)]
        for lane in range(LANES):
            less_mean, length = lanes[lane], lanes[LANES + lane]
            for i in range(_SAMPLES):
                is_inside = float32(sample + i) < length
                block[LANES * i + lane] = less_mean if is_inside else float32(0.0)
    for lane in range(n_units):
        start = unit_start[rows[lane]]
        last = day[member[start + unit_size[rows[lane]] - 1]]
        first = last - int(lanes[LANES + lane]) + 1
        for i in range(start, start + unit_size[rows[lane]]):
            here = day[member[i]] - first
            if here >= 0:
                work[LANES * here + lane] += float32(1.0)


@plain
def _sum_lanes(values, n_rows, sums):
    """Add up the rows of each lane in pairs, a power of two of them; ``values`` is used up."""
    size = LANES * n_rows
    while size > LANES:
        size //= 2
        low, high = values[:size], values[size : 2 * size]
        for i in range(size):
            low[i] += high[i]
    for lane in range(LANES):
        sums[lane] = values[lane]


@plain
def _highest(values, n_rows, most):
    """Find the largest value of each lane as :func:`_sum_lanes` adds."""
    size = LANES * n_rows
    while size > LANES:
        size //= 2
        low, high = values[:size], values[size : 2 * size]
        for i in range(size):
            low[i] = max(low[i], high[i])
    for lane in range(LANES):
        most[lane] = values[lane]


@plain
def _times_logarithm(powers, size, work, other):
    """Write each power times its logarithm to ``other``; of no power 0.

    A number is 2^e m with m from the root of a half to the root of two, and log m is twice the
    area tangent of (m - 1) / (m + 1); five terms of its series are exact to float32.
    """
    bits, mantissa_bits = powers.view(int32), work.view(int32)
    for i in range(size):
        exponent = (bits[i] - _ROOT_HALF) >> int32(_MANTISSA_BITS)
        mantissa_bits[i] = bits[i] - (exponent << int32(_MANTISSA_BITS))
        other[i] = float32(exponent)
    for i in range(size):
        t = (work[i] - _ONE) / (work[i] + _ONE)
        s = t * t
        series = _ONE + s * (_THIRD + s * (_FIFTH + s * (_SEVENTH + s * _NINTH)))
        other[i] = powers[i] * (other[i] * _LOG_2 + _TWO * t * series)


@plain
def _lowest_of(span, n_samples):
    """Lowest frequency that is listened to: two whole periods in the span."""
    return max(2, int(math.ceil(2.0 * n_samples / max(span, 1))))


@plain
def _inner(powers, size, work):
    """Copy the powers of all frequencies but the first and the last: 0 and the middle for these."""
    for i in range(size):
        work[i] = powers[i]
    for lane in range(LANES):
        work[lane] = float32(0.0)
        work[LANES + lane] = powers[size + lane]


@plain
def _measure(powers, n_samples, span, rows, n_units, with_shape, work, other, lanes):
    """Write each lane's highest power, total power and sum of power times logarithm."""
    n_rows = n_samples // 2
    size = LANES * n_rows
    if with_shape:
        _times_logarithm(powers, size + LANES, work, other)
        _inner(other, size, work)
        _sum_lanes(work, n_rows, lanes[2 * LANES : 3 * LANES])
        _inner(powers, size, work)
        _sum_lanes(work, n_rows, lanes[LANES : 2 * LANES])
    _inner(powers, size, work)
    for lane in range(n_units):
        for k in range(1, min(n_rows // 2, _lowest_of(span[rows[lane]], n_samples))):
            work[LINE * k + lane] = float32(0.0)
    _highest(work, n_rows, lanes[:LANES])


@plain
def _peaks_of(powers, lane, highest, n_samples, lowest, peaks, unit):
    """Write the fundamental, the highest and a lower peak of one lane; return the highest."""
    n_bins = n_samples // 2 + 1
    for j in range(3):
        peaks[unit, j] = 0.0
    if not highest > float32(0.0):
        return 0
    top = lowest
    while power(powers, lane, top) != highest:
        top += 1
    whole = lobe(powers, lane, top)
    lower = lowest_peak(powers, lane, lowest, LESS_NEAR * whole, n_bins)
    first = lowest_peak(powers, lane, lower, NEAR_TOP * whole, n_bins) if lower > 0 else 0
    peaks[unit, 0] = period_at(powers, lane, first, n_samples) if first > 0 else 0.0
    peaks[unit, 1] = period_at(powers, lane, top, n_samples)
    peaks[unit, 2] = period_at(powers, lane, lower, n_samples) if lower > 0 else 0.0
    return top


@plain
def _answer(
    powers, n_samples, span, rows, with_shape, work, other, lanes, peaks, strength, entropy
):
    """Write what the powers of up to eight units say."""
    n_units = rows.shape[0]
    _measure(powers, n_samples, span, rows, n_units, with_shape, work, other, lanes)
    for lane in range(n_units):
        unit = rows[lane]
        lowest = _lowest_of(span[unit], n_samples)
        top = _peaks_of(powers, lane, lanes[lane], n_samples, lowest, peaks, unit)
        if not with_shape:
            continue
        total = float(lanes[LANES + lane])
        if top == 0 or total <= 0.0:
            strength[unit], entropy[unit] = 0.0, 1.0
            continue
        disorder = math.log(total) - lanes[2 * LANES + lane] / total
        strength[unit] = min(1.0, lobe(powers, lane, top) / total)
        entropy[unit] = min(1.0, max(0.0, disorder / math.log(n_samples // 2 - 1.0)))


@inlined
def _share(
    thread, day, member, unit_start, unit_size, span, rows, n_samples, cosine, sine, place,
    with_shape, work, other, powers, lanes, peaks, strength, entropy,
):  # fmt: skip
    """Do one thread's part of the units."""
    one, two, spectrum, numbers = work[thread], other[thread], powers[thread], lanes[thread]
    series = two if starts_in_other(n_samples) else one
    for first in range(LANES * thread, rows.shape[0], LANES * work.shape[0]):
        some = rows[first : min(first + LANES, rows.shape[0])]
        _fill(day, member, unit_start, unit_size, some, some.shape[0], n_samples, series, numbers)
        power_of_eight(one, two, spectrum, cosine, sine, place)
        _answer(
            spectrum, n_samples, span, some, with_shape, one, two, numbers, peaks, strength,
            entropy,
        )  # fmt: skip


@njit(parallel=True, cache=True)
def spectra_cpu(
    day, member, unit_start, unit_size, span, rows, n_samples, cosine, sine, place, with_shape,
    work, other, powers, lanes, peaks, strength, entropy,
):  # fmt: skip
    """Measure the units ``rows``, all of one length class, on as many threads as have work."""
    n_threads = work.shape[0]
    for thread in prange(n_threads - n_threads, n_threads):
        _share(
            thread, day, member, unit_start, unit_size, span, rows, n_samples, cosine, sine,
            place, with_shape, work, other, powers, lanes, peaks, strength, entropy,
        )  # fmt: skip
