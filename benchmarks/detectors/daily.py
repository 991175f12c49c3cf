"""Libraries that look for periods in one daily series at a time."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from detectors.relations import Answer, Relations, of_periods
from detectors.rules import MIN_PAYMENTS

if TYPE_CHECKING:
    from collections.abc import Callable

_FALSE_ALARM = 0.01
_SHORTEST_DAYS = 8


def autoperiod(relations: Relations) -> Answer:
    """Autoperiod (Vlachos, Yu, Castelli 2005) of ``pyriodicity``, its settings as they come."""
    from pyriodicity import Autoperiod

    return _each(relations, lambda series: _shortest(Autoperiod.detect(series, seed=0)))


def cfd_autoperiod(relations: Relations) -> Answer:
    """CFD-Autoperiod (Puech et al. 2020) of ``pyriodicity``, its settings as they come."""
    from pyriodicity import CFDAutoperiod

    return _each(relations, lambda series: _shortest(CFDAutoperiod.detect(series, seed=0)))


def lomb_scargle(relations: Relations) -> Answer:
    """Astropy's Lomb-Scargle periodogram; regular at a false-alarm probability below 1%."""
    from astropy.timeseries import LombScargle

    def detect(series: np.ndarray) -> float:
        model = LombScargle(np.arange(len(series)), series)
        frequency, power = model.autopower(maximum_frequency=0.5, samples_per_peak=5)
        least = 2 / len(series)
        power = np.where(frequency >= least, power, 0)
        top = power.argmax()
        chance = model.false_alarm_probability(power[top], maximum_frequency=0.5)
        return 1 / frequency[top] if chance < _FALSE_ALARM else np.nan

    return _each(relations, detect)


def _shortest(periods: np.ndarray) -> float:
    """Of several periods the shortest is the fundamental, the others its multiples."""
    return float(min(periods)) if len(periods) else np.nan


def _each(relations: Relations, detect: Callable[[np.ndarray], float]) -> Answer:
    period = np.full(len(relations.n_payments), np.nan)
    for r in np.flatnonzero(relations.n_payments >= MIN_PAYMENTS):
        days = relations.day[relations.offsets[r] : relations.offsets[r + 1]]
        series = np.bincount(days - days[0]).astype(float)
        if len(series) < _SHORTEST_DAYS:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                period[r] = detect(series)
            except ValueError:  # too short for the library's windows
                continue
    return of_periods(relations, np.where(period >= 1, period, np.nan))
