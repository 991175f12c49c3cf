"""The SciPy part that the peers share: the dominant period of many daily series at once.

A stream's series holds the payments of each day from its first payment on, less their mean, in
the smallest of ``LENGTHS`` days that its span fits into (zeros behind it). Series of one length
are transformed together, in batches of bounded memory.
"""

from __future__ import annotations

import numpy as np
import scipy.fft

LENGTHS = (64, 128, 256, 512, 1024, 2048, 4096)
FEWEST_PAYMENTS = 3
BATCH_BYTES = 64 * 2**20
WORKERS = 2


def dominant_periods(day: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each stream's dominant period and its share of the power.

    Parameters
    ----------
    day : array of int32, shape (n_payments,), ascending within a stream
    offsets : array of int64, shape (n_streams + 1,)

    Returns
    -------
    period, strength : arrays of float64, shape (n_streams,)
        Days, and 0..1; NaN under ``FEWEST_PAYMENTS`` payments or where all days are alike.
    """
    n = np.diff(offsets)
    first, last = day[offsets[:-1]], day[offsets[1:] - 1]
    span = last - first + 1
    period, strength = np.full(len(n), np.nan), np.full(len(n), np.nan)
    length_class = np.searchsorted(LENGTHS, span)
    for index, length in enumerate(LENGTHS):
        rows = np.flatnonzero((length_class == index) & (n >= FEWEST_PAYMENTS) & (span > 1))
        size = max(1, BATCH_BYTES // (4 * length))
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            period[batch], strength[batch] = _peaks(day, offsets, first, span, batch, length)
    return period, strength


def _peaks(  # noqa: PLR0913, PLR0917
    day: np.ndarray,
    offsets: np.ndarray,
    first: np.ndarray,
    span: np.ndarray,
    batch: np.ndarray,
    length: int,
) -> tuple[np.ndarray, np.ndarray]:
    n = offsets[batch + 1] - offsets[batch]
    row = np.repeat(np.arange(len(batch)), n)
    begin = np.cumsum(n) - n
    payment = np.arange(len(row)) + np.repeat(offsets[batch] - begin, n)
    series = np.where(np.arange(length) < span[batch, None], -n[:, None] / span[batch, None], 0.0)
    series = series.astype(np.float32)
    np.add.at(series, (row, day[payment] - first[batch][row]), np.float32(1))
    waves = scipy.fft.rfft(series, axis=1, workers=WORKERS)[:, 1:]
    power = waves.real**2 + waves.imag**2
    total = power.sum(axis=1)
    peak = power.argmax(axis=1)
    highest = power[np.arange(len(batch)), peak]
    alike = total <= 0
    period = np.where(alike, np.nan, length / (peak + 1))
    return period, highest / np.where(alike, np.nan, total)
