"""The two rules of thumb: steady gaps, and impulses in a fixed Fourier transform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.fft

from detectors.relations import Answer, Relations, of_periods

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_PAYMENTS = 3
MOST_VARIATION = 0.3
_BINS = 4096
_PERIODS = (7, 14, 15, 30, 60, 91, 182, 365)
_LEAST = 0.2
_BATCH = 2048


def steady_gaps(relations: Relations) -> Answer:
    """Call a relation regular if its gaps' coefficient of variation is below 0.3."""
    relation = np.repeat(np.arange(len(relations.n_payments)), relations.n_payments)
    gap = pd.Series(np.diff(relations.day, prepend=0)).astype(float)
    gap[relations.offsets[:-1]] = np.nan
    of = gap.groupby(relation)
    mean, std, median = of.mean(), of.std(ddof=0), of.median()
    regular = (std < MOST_VARIATION * mean) & (of.count() >= MIN_PAYMENTS - 1) & (mean >= 1)
    return of_periods(relations, median.where(regular).to_numpy())


def eight_periods(relations: Relations) -> Answer:
    """Look at eight periods of a 4096-bin transform: regular where ``|X| / n >= 0.2``."""
    bins = np.array([round(_BINS / days) for days in _PERIODS])
    period = np.full(len(relations.n_payments), np.nan)
    for rows, series in _impulses(relations):
        power = (
            np.abs(scipy.fft.rfft(series, axis=1)[:, bins]) / relations.n_payments[rows][:, None]
        )
        best = power.argmax(axis=1)
        strong = power[np.arange(len(rows)), best] >= _LEAST
        period[rows[strong]] = np.array(_PERIODS)[best[strong]]
    return of_periods(relations, period)


def _impulses(relations: Relations) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    many = np.flatnonzero(relations.n_payments >= MIN_PAYMENTS)
    for begin in range(0, len(many), _BATCH):
        rows = many[begin : begin + _BATCH]
        series = np.zeros((len(rows), _BINS), dtype=np.float32)
        for i, r in enumerate(rows):
            days = relations.day[relations.offsets[r] : relations.offsets[r + 1]]
            np.add.at(series[i], np.minimum(days - days[0], _BINS - 1), 1)
        yield rows, series
