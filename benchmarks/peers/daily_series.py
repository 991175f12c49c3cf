"""The SciPy part that the peers share: the dominant period of many daily series at once.

A series counts the payments of each day of a stream's span (of a span over 4096 days: its last
4096), less their mean over the span; it is padded with zeros to the next power of two from 64.
Series of one length are transformed together, in batches that stay in the processor's cache.
The same definition as :mod:`qfb_gpu.payments.spectrum`, written with whole-array operations.
"""

from __future__ import annotations

import numpy as np
import scipy.fft

LENGTHS = (64, 128, 256, 512, 1024, 2048, 4096)
FEWEST_PAYMENTS = 6
SPARSE_PAYMENTS = 128  # fewer over more than the longest length are no matter of a transform
NEAR_HIGHEST = 0.6
SHORTEST_DAYS = 16
BATCH_BYTES = 2**20
WORKERS = 2


def dominant_periods(day: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each stream's dominant period, and the share of the power around the highest peak.

    Parameters
    ----------
    day : array of int32, shape (n_payments,), ascending within a stream
    offsets : array of int64, shape (n_streams + 1,)

    Returns
    -------
    period, strength : arrays of float64, shape (n_streams,)
        Days, and 0..1. Both are NaN under 5 payments or 16 days; the period also where no
        frequency stands out.
    """
    n_all = np.diff(offsets)
    last = day[offsets[1:] - 1]
    span = last - day[offsets[:-1]] + 1
    period, strength = np.full(len(n_all), np.nan), np.full(len(n_all), np.nan)
    length_class = np.minimum(np.searchsorted(LENGTHS, span), len(LENGTHS) - 1)
    length_class[(n_all < FEWEST_PAYMENTS) | (span < SHORTEST_DAYS)] = -1
    length_class[(n_all < SPARSE_PAYMENTS) & (span > LENGTHS[-1])] = -1
    for index, length in enumerate(LENGTHS):
        rows = np.flatnonzero(length_class == index)
        size = max(1, BATCH_BYTES // (4 * length))
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            series = _series(day, offsets[batch], n_all[batch], last[batch], span[batch], length)
            period[batch], strength[batch] = _peaks(series, span[batch])
    return period, strength


def _series(
    day: np.ndarray,
    begin: np.ndarray,
    n: np.ndarray,
    last: np.ndarray,
    span: np.ndarray,
    length: int,
) -> np.ndarray:
    """Return the centred daily counts: float32, shape (n_streams, length)."""
    row = np.repeat(np.arange(len(n)), n)
    payment = np.arange(len(row)) + np.repeat(begin - (np.cumsum(n) - n), n)
    shown = np.minimum(span, length)
    column = day[payment] - (last - shown + 1)[row]
    if (span > length).any():
        inside = column >= 0
        row, column = row[inside], column[inside]
        n = np.bincount(row, minlength=len(n))
    mean = (n / shown).astype(np.float32)
    series = np.where(np.arange(length) < shown[:, None], -mean[:, None], np.float32(0))
    np.add.at(series.ravel(), row * length + column, np.float32(1))
    return series


def _peaks(series: np.ndarray, span: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the period of the lowest peak near the highest in power, and the highest's share.

    A peak's power is its bin's and its neighbours', so that one between two bins counts in full.
    """
    length = series.shape[1]
    waves = scipy.fft.rfft(series, axis=1, workers=WORKERS, overwrite_x=True)
    power = waves.real**2 + waves.imag**2
    inner = power[:, 1:-1]
    total = inner.sum(axis=1, dtype=np.float64)
    frequency = np.arange(1, power.shape[1] - 1)
    is_heard = frequency >= np.maximum(2, np.ceil(2 * length / span))[:, None]
    each = np.arange(len(power))
    top = np.where(is_heard, inner, 0).argmax(axis=1)
    has_power = is_heard[each, top] & (inner[each, top] > 0)
    lobe = power[:, :-2] + inner + power[:, 2:]
    whole = lobe[each, top].astype(np.float64)
    is_peak = (inner >= power[:, :-2]) & (inner >= power[:, 2:])
    is_peak &= is_heard & (lobe >= NEAR_HIGHEST * whole[:, None])
    peak = is_peak.argmax(axis=1)
    found = is_peak[each, peak] & has_power
    left, here, right = (power[each, peak + shift].astype(np.float64) for shift in range(3))
    bend = left - 2 * here + right
    shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1), 0)
    period = np.where(found, length / (peak + 1 + shift), np.nan)
    strength = np.minimum(1, whole / np.where(total > 0, total, 1))
    return period, np.where(has_power, strength, 0)
