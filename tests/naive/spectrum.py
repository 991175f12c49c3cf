"""Power spectra of daily counts by the definition of the Fourier transform, term by term."""

import cmath
import math

NEAR_TOP, LESS_NEAR = 0.6, 0.3


def series(days, n_samples):
    """Return the daily counts of the last ``n_samples`` days, less their mean over the span."""
    last = days[-1]
    first = max(days[0], last - n_samples + 1)
    counts = [days.count(day) for day in range(first, last + 1)]
    mean = sum(counts) / len(counts)
    return [count - mean for count in counts] + [0.0] * (n_samples - len(counts))


def powers(values):
    """Return the power of each whole frequency from 0 to half the samples."""
    n = len(values)
    waves = [cmath.exp(-2j * math.pi * i / n) for i in range(n)]
    return [
        abs(sum(value * waves[k * i % n] for i, value in enumerate(values))) ** 2
        for k in range(n // 2 + 1)
    ]


def summary(days, n_samples):
    """Return (fundamental, highest, lower peak: days), strength and entropy."""
    power = powers(series(days, n_samples))
    inner = range(1, n_samples // 2)
    total = sum(power[k] for k in inner)
    lowest = max(1, math.ceil(2 * n_samples / (days[-1] - days[0] + 1)))
    top = max((k for k in inner if k >= lowest), key=lambda k: power[k])
    highest = lobe(power, top)
    peaks = [
        k for k in inner if k >= max(2, lowest) and power[k] >= max(power[k - 1], power[k + 1])
    ]
    near = [k for k in peaks if lobe(power, k) >= NEAR_TOP * highest]
    less = [k for k in peaks if lobe(power, k) >= LESS_NEAR * highest]
    periods = [
        period(power, found[0], n_samples) if found else 0.0 for found in (near, [top], less)
    ]
    shares = [power[k] / total for k in inner if power[k] > 0]
    entropy = -sum(share * math.log(share) for share in shares) / math.log(len(inner))
    return periods, min(1.0, highest / total), entropy


def lobe(power, k):
    """Power of a frequency and its two neighbours, over which a line is smeared."""
    return power[k - 1] + power[k] + power[k + 1]


def period(power, k, n_samples):
    """Period at the top of the parabola through a frequency and its neighbours."""
    left, here, right = power[k - 1 : k + 2]
    bend = left - 2 * here + right
    return n_samples / (k + (0.5 * (left - right) / bend if bend < 0 else 0.0))
