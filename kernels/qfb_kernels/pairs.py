"""Whether payments twice a month, or on some weekdays, are one contract or share a counterparty."""

from __future__ import annotations

import math

from qfb_kernels.dues import MONDAY_SHIFT, month_day, month_of, set_of
from qfb_kernels.evidence import log_beta_ratio
from qfb_kernels.twin import twin

_WEEK = 7
_LEAST = 3  # payments of a weekday that may be a contract of its own


def _is_first_of_pair(cal, day, a, b):
    """Whether a day is nearer to the first day of a pair than to the second."""
    month = month_of(cal, day)
    to_a = abs(day - month_day(cal, month, a))
    to_b = abs(day - month_day(cal, month, b))
    to_a = min(to_a, abs(day - month_day(cal, month + 1, a)))
    return to_a < min(to_b, abs(day - month_day(cal, month - 1, b)))


is_first_of_pair = twin(_is_first_of_pair, month_of, month_day)


def _side(day, amount, member, start, stop, cal, a, b, first, lg):
    """One side of a pair: payments, sum of squares of log amount, mean, nats of its misses."""
    n, low, high = 0, 0, 0
    total, squares = 0.0, 0.0
    for i in range(start, stop):
        payment = member[i]
        if is_first_of_pair(cal, day[payment], a, b) != first:
            continue
        month = month_of(cal, day[payment])
        low = month if n == 0 else low
        high = month
        value = math.log(1.0 + amount[payment])
        n += 1
        total += value
        squares += value * value
    if n == 0:
        return 0, 0.0, 0.0, 0.0
    missed = max(0, high - low + 1 - n)
    return n, squares - total * total / n, total / n, -log_beta_ratio(lg, 24, 2, n, missed)


side = twin(_side, is_first_of_pair, month_of, log_beta_ratio)


def _pair_is_two(day, amount, member, start, stop, cal, lg, a, b, hits, misses):
    """0: a pair is one contract; 1, 2: two, whose amounts or lives differ; the larger one."""
    n_a, rest_a, mean_a, miss_a = side(day, amount, member, start, stop, cal, a, b, True, lg)
    n_b, rest_b, mean_b, miss_b = side(day, amount, member, start, stop, cal, a, b, False, lg)
    n = n_a + n_b
    if min(n_a, n_b) < 3:
        return 0
    floor = 1e-6 * n
    within = rest_a + rest_b + floor
    between = n_a * n_b * (mean_a - mean_b) ** 2 / n
    gain = 0.5 * n * math.log(1.0 + between / within)
    gain += -log_beta_ratio(lg, 24, 2, hits, misses) - miss_a - miss_b
    if gain < 5.0 + math.log(1.0 * n):
        return 0
    return 1 if n_a >= n_b else 2


pair_is_two = twin(_pair_is_two, side, log_beta_ratio)


def _by_itself(day, amount, member, start, stop, lg, a, b, hits, misses):
    """-1: a set of weekdays is one contract; else the weekday with most payments of several.

    Several, where amounts or lives differ by weekday: one-way analysis of variance of log amounts,
    and the nats of what each weekday misses within its own life.
    """
    most, at_most = start - start, start - start - 1
    n, n_days = start - start, start - start
    within, total, squares = 0.0, 0.0, 0.0
    gain = -log_beta_ratio(lg, 24, 2, hits, misses)
    for weekday in range(_WEEK):
        if (set_of(a, b) >> weekday) & 1 == 0:
            continue
        here, first, last = start - start, start - start, start - start
        sum_here, squares_here = 0.0, 0.0
        for i in range(start, stop):
            payment = member[i]
            if (day[payment] + MONDAY_SHIFT) % _WEEK != weekday:
                continue
            first = day[payment] if here == 0 else first
            last = day[payment]
            value = math.log(1.0 + amount[payment])
            here += 1
            sum_here += value
            squares_here += value * value
        if here < _LEAST:
            return start - start - 1
        if here > most:
            most, at_most = here, weekday
        missed = max(start - start, (last - first) // _WEEK + 1 - here)
        gain += log_beta_ratio(lg, 24, 2, here, missed)
        n += here
        n_days += 1
        total += sum_here
        squares += squares_here
        within += squares_here - sum_here * sum_here / here
    between = squares - total * total / n - within
    gain += 0.5 * n * math.log(1.0 + between / (within + 1e-6 * n))
    return at_most if gain > 5.0 + (n_days - 1) * math.log(1.0 * n) else start - start - 1


by_itself = twin(_by_itself, log_beta_ratio, set_of)
