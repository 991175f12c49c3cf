"""What a stream pays: its kind of amount, what is typical, and the next amount with a range.

Amounts are followed in day order. ``kind`` is 0 fixed, 1 stepped, 2 variable, 3 trend.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.sorting import sort
from qfb_kernels.twin import twin

FIXED, STEPPED, VARIABLE, TREND = range(4)
_SAME = 1e-3
_Z90 = 1.6448536269514722
_NULL_DAY = -(2**31)
_YEAR, _YEAR_SLACK = 365, 13  # a payment every second week leaves the year by 13 days at times
_ALIKE = 0.1  # by how much logarithms of two rises may differ
_FURTHER = 2.0  # times the larger of two rises: nine of ten next ones, as measured


def _changes(amount, member, start, stop):
    """Count changes of amount, and find the last run of equal amounts: (changes, run start).

    And say whether amounts that count as equal differ, by a thousandth at most.
    """
    changes = 0
    run = start
    wobbles = False
    for i in range(start + 1, stop):
        before, now = amount[member[i - 1]], amount[member[i]]
        if abs(now - before) > _SAME * before:
            changes += 1
            run = i
        else:
            wobbles = wobbles or now != before
    return changes, run, wobbles


changes = twin(_changes)


def _line(day, amount, member, start, stop, centre):
    """Fit log amount on day: (slope, intercept at the last day, residual sd, t of slope).

    And the sum of squares of log amounts around ``centre``.
    """
    n = stop - start
    origin = day[member[stop - 1]]
    sx, sy, sxx, sxy, syy, whole = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(start, stop):
        x = float(day[member[i]] - origin)
        y = math.log(1.0 + amount[member[i]])
        sx += x
        sy += y
        sxx += x * x
        sxy += x * y
        syy += y * y
        whole += (y - centre) * (y - centre)
    vx = sxx - sx * sx / n
    vy = max(0.0, syy - sy * sy / n)
    if vx <= 0.0 or n < 4:
        return 0.0, sy / n, math.sqrt(vy / max(1, n - 1)), 0.0, whole
    slope = (sxy - sx * sy / n) / vx
    rest = max(0.0, vy - slope * slope * vx)
    sd = math.sqrt(rest / (n - 2))
    t = abs(slope) * math.sqrt(vx) / max(sd, 1e-6)
    return slope, (sy - slope * sx) / n, sd, t, whole


line = twin(_line)


def _median_log(amount, member, start, stop, scratch):
    """Logarithm of the median amount."""
    for i in range(start, stop):
        scratch[i] = member[i]
    sort(scratch, start, stop, amount, True)
    n = stop - start
    middle = start + n // 2
    high = math.log(1.0 + amount[scratch[middle]])
    if n % 2:
        return high
    return 0.5 * (high + math.log(1.0 + amount[scratch[middle - 1]]))


median_log = twin(_median_log, sort)


def _rise(amount, member, start, stop, i):
    """Return by how much the logarithm rose at one payment, from a price that stayed to another."""
    before, now = amount[member[i - 1]], amount[member[i]]
    if i - 1 > start and abs(before - amount[member[i - 2]]) > _SAME * before:
        return 0.0
    if i + 1 < stop and abs(amount[member[i + 1]] - now) > _SAME * now:
        return 0.0
    return max(0.0, math.log((1.0 + now) / (1.0 + before)))


rise = twin(_rise)


def _yearly(day, amount, member, start, stop, last_change, next_day):
    """Return the larger and the mean rise at the next payment's time of year, or noughts.

    As logarithms; of the last two of three years, of like size, if this year's is yet to come.
    """
    one, two, three = 0.0, 0.0, 0.0
    i = last_change
    while i > start and next_day - day[member[i]] <= 3 * _YEAR + _YEAR_SLACK:
        before, now = amount[member[i - 1]], amount[member[i]]
        if abs(now - before) > _SAME * before:
            ago = next_day - day[member[i]]
            if ago <= 2 * _YEAR_SLACK:
                return 0.0, 0.0
            if abs(ago - _YEAR) <= _YEAR_SLACK:
                one += rise(amount, member, start, stop, i)
            elif abs(ago - 2 * _YEAR) <= _YEAR_SLACK:
                two += rise(amount, member, start, stop, i)
            elif ago >= 3 * _YEAR - _YEAR_SLACK:
                three += rise(amount, member, start, stop, i)
        i -= 1
    if one == 0.0:
        one, two = two, three
    elif two == 0.0:
        two = three
    large, small = max(one, two), min(one, two)
    if small == 0.0 or large - small > _ALIKE:
        return 0.0, 0.0
    return large, 0.5 * (one + two)


yearly = twin(_yearly, rise)


def _prices_row(day, amount, member, start, stop, next_day, scratch, kind, value, step_day, row):
    """Write kind, typical, next, low, high (minor units) and the last step (day, ratio).

    The range of an amount that stays is that amount, or a thousandth around it where it wobbles.
    One that rose at this time of two of three years is expected to again; its range holds both.
    """
    for j in range(6):
        value[row, j] = math.nan
    kind[row] = -1
    step_day[row] = _NULL_DAY
    n = stop - start
    if n == 0:
        return
    n_changes, run, wobbles = changes(amount, member, start, stop)
    last = float(amount[member[stop - 1]])
    around = _SAME * last if wobbles else 0.0
    typical, expected, low, high = last, last, last - around, last + around
    centre, median = 0.0, last
    if n_changes > 0:
        centre = median_log(amount, member, start, stop, scratch)
        median = math.exp(centre) - 1.0
    if n_changes == 0 or (
        n_changes <= 2 and 10 * n_changes <= n and abs(last - median) <= _SAME * median
    ):
        kind[row] = FIXED
    elif 4 * n_changes <= n - 1:
        kind[row] = STEPPED
        step_day[row] = day[member[run]]
        value[row, 5] = last / max(1.0, amount[member[run - 1]]) - 1.0
        if n_changes > 1 and next_day != _NULL_DAY:
            larger, mean = yearly(day, amount, member, start, stop, run, next_day)
            expected = last * math.exp(mean)
            high *= math.exp(_FURTHER * larger)
    else:
        slope, at_last, sd, t, whole = line(day, amount, member, start, stop, centre)
        if t > 5.0 and n >= 6:
            kind[row] = TREND
            ahead = 0.0
            if next_day > day[member[stop - 1]]:
                ahead = float(next_day - day[member[stop - 1]])
            middle = at_last + slope * ahead
            spread = sd * math.sqrt(1.0 + 4.0 / n)
        else:
            kind[row] = VARIABLE
            middle = centre
            sd_flat = math.sqrt(whole / max(1, n - 1))
            spread = sd_flat * math.sqrt(1.0 + 1.0 / n)
        free = float(n - 1)  # not 0: one amount alone is fixed
        width = _Z90 * spread * (1.0 + 0.9 / free + 1.7 / (free * free * free))
        typical, expected = median, max(0.0, math.exp(middle) - 1.0)
        low = max(0.0, math.exp(middle - width) - 1.0)
        high = math.exp(middle + width) - 1.0
    value[row, 0] = typical
    value[row, 1] = expected
    value[row, 2] = low
    value[row, 3] = high


prices_row = twin(_prices_row, changes, yearly, line, median_log)
_prices_row_cpu, _prices_row_gpu = prices_row.cpu, prices_row.gpu


@rows_of("stream_start")
def prices_cpu(
    row_from, row_to,
    day, amount, member, stream_start, stream_size, next_day, scratch,
    kind, value, step_day,
):  # fmt: skip
    """Loop over streams on the host, on all its threads."""
    for row in range(row_from, row_to):
        start = stream_start[row]
        _prices_row_cpu(
            day, amount, member, start, start + stream_size[row], next_day[row], scratch,
            kind, value, step_day, row,
        )  # fmt: skip


@cuda.jit
def prices_gpu(day, amount, member, stream_start, stream_size, next_day, scratch,
               kind, value, step_day):  # fmt: skip
    """One thread per stream; launch with ``.forall(n_streams)``."""
    row = cuda.grid(1)
    if row < stream_start.shape[0]:
        start = stream_start[row]
        _prices_row_gpu(
            day, amount, member, start, start + stream_size[row], next_day[row], scratch,
            kind, value, step_day, row,
        )  # fmt: skip
