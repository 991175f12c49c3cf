"""Daily series, power spectrum and peaks of eight units at a time; for the host only.

The same as :mod:`qfb_kernels.series` with a transform between, which is what a device runs, but
nothing of a unit leaves the caches. A part of the units has one row of scratch, which holds the
series of eight of them (later sums), their powers, and some numbers a lane.
"""

from __future__ import annotations

import math

from numba import float32, int32

from qfb_kernels.rows_of import rows_of
from qfb_kernels.series import LESS_NEAR, NEAR_TOP, _lobe, _period_at
from qfb_kernels.transform import LINE, inlined, power_of_eight
from qfb_kernels.twin import twin
from qfb_kernels.vectors import (
    LANES,
    all_eight,
    all_more,
    eight,
    exponents,
    mantissas,
    put,
    where_more,
)

# What is kept of each lane, a vector each.
LESS_MEAN, LENGTH, LOWEST, HIGHEST, TOP, LESS, NEAR, LOWER, FIRST, TOTAL, DISORDER = range(11)
N_NUMBERS = 11
_LOG_2 = float32(math.log(2.0))
_NONE, _ZERO, _ONE, _TWO = (float32(number) for number in (-1.0, 0.0, 1.0, 2.0))
_THIRD, _FIFTH, _SEVENTH, _NINTH = (float32(1.0 / n) for n in (3, 5, 7, 9))


def n_floats(n_samples: int) -> int:
    """Return how many floats a row of scratch has, a multiple of 64 bytes of them."""
    return LANES * (n_samples + n_samples // 2 + 2 + N_NUMBERS + 1)


@inlined
def _at(k, half):
    """Return where the powers of a frequency stand."""
    return LINE * k if 2 * k <= half else LINE * (half - k) + LANES


def _power(powers, lane, k):
    """Power of one frequency of one lane; of the last one, ``half``, as well."""
    half = powers.shape[0] // LANES - 1
    return powers[LINE * k + lane] if 2 * k <= half else powers[LINE * (half - k) + LANES + lane]


_of_lane = twin(_power, inline=True)
lobe = twin(_lobe, _of_lane, inline=True).cpu
period_at = twin(_period_at, _of_lane, inline=True).cpu


@inlined
def _fill(day, member, unit_start, unit_size, rows, n_samples, work, lanes):
    """Write the daily series of up to eight units; keep less the mean and the days of each."""
    n_units = rows.shape[0]
    for place in range(2 * LANES):
        lanes[place] = _ZERO
    shortest, longest = n_samples, n_samples - n_samples
    for lane in range(n_units):
        start = unit_start[rows[lane]]
        stop = start + unit_size[rows[lane]]
        last = day[member[stop - 1]]
        first = max(day[member[start]], last - n_samples + 1)
        while day[member[start]] < first:
            start += 1
        length = last - first + 1
        lanes[LANES * LESS_MEAN + lane] = -float32((stop - start) / length)
        lanes[LANES * LENGTH + lane] = length
        shortest, longest = min(shortest, length), max(longest, length)
    if n_units < LANES:
        shortest = n_samples - n_samples
    nothing, less_mean = all_eight(_ZERO), eight(lanes, LANES * LESS_MEAN)
    for sample in range(shortest):
        put(work, LANES * sample, less_mean)
    for sample in range(shortest, longest):
        is_inside = eight(lanes, LANES * LENGTH), all_eight(float32(sample))
        put(work, LANES * sample, where_more(*is_inside, less_mean, nothing))
    for sample in range(longest, n_samples):
        put(work, LANES * sample, nothing)
    for lane in range(n_units):
        start = unit_start[rows[lane]]
        stop = start + unit_size[rows[lane]]
        first = day[member[stop - 1]] - int(lanes[LANES * LENGTH + lane]) + 1
        for i in range(start, stop):
            here = day[member[i]] - first
            if here >= 0:
                work[LANES * here + lane] += _ONE


@inlined
def _lowest_of(span, n_samples):
    """Lowest frequency that is listened to: two whole periods in the span."""
    return max(2, int(math.ceil(2.0 * n_samples / max(span, 1))))


@inlined
def _highest(powers, half, lanes, n_masked):
    """Find the highest power of each lane from its lowest frequency on, and where it is first."""
    lowest = eight(lanes, LANES * LOWEST)
    highest, top = all_eight(_ZERO), all_eight(_ZERO)
    for k in range(1, half):
        here, place = eight(powers, _at(k, half)), all_eight(float32(k))
        if k < n_masked:
            here = where_more(lowest, place, all_eight(_ZERO), here)
        top = where_more(here, highest, place, top)
        highest = where_more(here, highest, here, highest)
    put(lanes, LANES * HIGHEST, highest)
    put(lanes, LANES * TOP, top)


@inlined
def _at_least(lanes, place, level):
    """Keep the least float32 that is no less than a level (float64) above 0."""
    bits = lanes.view(int32)
    lanes[place] = level
    if lanes[place] < level:
        bits[place] += int32(1)


@inlined
def _lowest_peaks(powers, half, lanes, n_masked):
    """Find the lowest local peaks whose lobes have the levels of their lanes; 0: there is none.

    As :func:`qfb_kernels.series._lowest_peak`; what has the higher level has the lower one too.
    """
    less, near = eight(lanes, LANES * LESS), eight(lanes, LANES * NEAR)
    none, lowest = all_eight(_NONE), eight(lanes, LANES * LOWEST)
    lower = first = all_eight(_ZERO)
    before, here = eight(powers, _at(1, half)), eight(powers, _at(2, half))
    for k in range(2, half):
        after, place = eight(powers, _at(k + 1, half)), all_eight(float32(k))
        whole = where_more(before, here, none, before + here + after)
        whole = where_more(after, here, none, whole)
        if k < n_masked:
            whole = where_more(lowest, place, none, whole)
        found = where_more(lower, all_eight(_ZERO), lower, place)
        lower = where_more(less, whole, lower, found)
        found = where_more(first, all_eight(_ZERO), first, place)
        first = where_more(near, whole, first, found)
        if all_more(first, all_eight(_ZERO)):
            break
        before, here = here, after
    put(lanes, LANES * LOWER, lower)
    put(lanes, LANES * FIRST, first)


@inlined
def _peaks_of(powers, n_samples, span, rows, lanes, peaks):
    """Write the fundamental, the highest and a lower peak of up to eight units."""
    half, n_units = n_samples // 2, rows.shape[0]
    n_masked = n_samples - n_samples
    for lane in range(LANES):
        lowest = _lowest_of(span[rows[lane]], n_samples) if lane < n_units else half
        lanes[LANES * LOWEST + lane] = lowest
        n_masked = max(n_masked, lowest) if lane < n_units else n_masked
    _highest(powers, half, lanes, half if n_units < LANES else n_masked)
    for lane in range(LANES):
        lanes[LANES * LESS + lane] = lanes[LANES * NEAR + lane] = _NONE  # found at once
        top = int(lanes[LANES * TOP + lane])
        if lane < n_units and top > 0:
            whole = lobe(powers, lane, top)
            _at_least(lanes, LANES * LESS + lane, LESS_NEAR * whole)
            _at_least(lanes, LANES * NEAR + lane, NEAR_TOP * whole)
    _lowest_peaks(powers, half, lanes, n_masked)
    for lane in range(n_units):
        heard = lanes[LANES * TOP + lane] > _ZERO
        for j, what in enumerate((FIRST, TOP, LOWER)):
            k = int(lanes[LANES * what + lane]) if heard else 0
            peaks[rows[lane], j] = period_at(powers, lane, k, n_samples) if k > 0 else 0.0


@inlined
def _times_logarithm(power):
    """Return powers times their logarithms; of no power 0.

    A number is 2^e m with m from the root of a half to the root of two, and log m is twice the
    area tangent of (m - 1) / (m + 1); five terms of its series are exact to float32.
    """
    one, mantissa = all_eight(_ONE), mantissas(power)
    t = (mantissa - one) / (mantissa + one)
    s = t * t
    series = all_eight(_SEVENTH) + s * all_eight(_NINTH)
    series = one + s * (all_eight(_THIRD) + s * (all_eight(_FIFTH) + s * series))
    return power * (exponents(power) * all_eight(_LOG_2) + all_eight(_TWO) * t * series)


@inlined
def _sum_up(values, begin, n_rows, lanes, what):
    """Add up rows of eight in pairs, a power of two of them; they are used up."""
    while n_rows > 1:
        n_rows //= 2
        for at in range(begin, begin + LANES * n_rows, LANES):
            put(values, at, eight(values, at) + eight(values, at + LANES * n_rows))
    put(lanes, LANES * what, eight(values, begin))


@inlined
def _sums(powers, half, work, lanes):
    """Sum the powers of all frequencies but the first and the last, and times their logarithms.

    The first power's place counts for nothing, the last one's for the middle frequency.
    """
    far = LANES * (half // 2)
    for at in range(0, far, LANES):
        low, high = eight(powers, at), eight(powers, at + far)
        if at == 0:
            low = all_eight(_ZERO)
        elif at == LANES:
            low = eight(powers, LANES * half)
        put(work, at, low + high)
        put(work, at + far, _times_logarithm(low) + _times_logarithm(high))
    _sum_up(work, 0, half // 2, lanes, TOTAL)
    _sum_up(work, far, half // 2, lanes, DISORDER)


@inlined
def _shape_of(powers, n_samples, rows, work, lanes, strength, entropy):
    """Write how much power is at the highest peak and its neighbours, and the disorder."""
    half = n_samples // 2
    _sums(powers, half, work, lanes)
    for lane in range(rows.shape[0]):
        unit = rows[lane]
        total = float(lanes[LANES * TOTAL + lane])
        top = int(lanes[LANES * TOP + lane])
        if top == 0 or total <= 0.0:
            strength[unit], entropy[unit] = 0.0, 1.0
            continue
        disorder = math.log(total) - lanes[LANES * DISORDER + lane] / total
        strength[unit] = min(1.0, lobe(powers, lane, top) / total)
        entropy[unit] = min(1.0, max(0.0, disorder / math.log(half - 1.0)))


@rows_of("scratch")
def spectra_cpu(
    row_from, row_to,
    day, member, unit_start, unit_size, span, rows, n_samples, cosine, sine, place, with_shape,
    scratch, peaks, strength, entropy,
):  # fmt: skip
    """Measure the units ``rows``, all of one length class; each row of scratch does a part."""
    size = LANES * n_samples
    last = size + LANES * (n_samples // 2 + 1)
    for part in range(row_from, row_to):
        own = scratch[part]
        work, powers, lanes = own[:size], own[size:last], own[last + LANES :]
        for first in range(LANES * part, rows.shape[0], LANES * scratch.shape[0]):
            some = rows[first : min(first + LANES, rows.shape[0])]
            _fill(day, member, unit_start, unit_size, some, n_samples, work, lanes)
            power_of_eight(work, powers, cosine, sine, place)
            _peaks_of(powers, n_samples, span, some, lanes, peaks)
            if with_shape:
                _shape_of(powers, n_samples, some, work, lanes, strength, entropy)
