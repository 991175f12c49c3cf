"""Rayleigh power of events by complex numbers, nothing from qfb_gpu."""

import cmath
import math


def power(days, cycles):
    span = days[-1] - days[0]
    turn = sum(cmath.exp(2j * math.pi * cycles * (day - days[0]) / span) for day in days)
    return abs(turn) ** 2 / len(days)


def periods(days):
    """Return all (power, period) worth looking at, the longest period first."""
    n, span = len(days), days[-1] - days[0]
    cycles = [k for k in range(n // 2 + 1, 2 * n + 1) if span >= 2 * k]
    return [(power(days, k), span / k) for k in cycles]
