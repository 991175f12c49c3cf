"""Periods of a few payments, against complex exponentials and known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import rayleigh as naive
from simulate import launch

from qfb_gpu.backend import get_backend
from qfb_gpu.payments.spectrum import spectra
from qfb_kernels.rayleigh import rayleigh_cpu, rayleigh_gpu

CPU = get_backend("cpu")
few_days = st.lists(st.integers(0, 900), min_size=3, max_size=9, unique=True).map(sorted)


def arrays(units):
    day = np.array([d for unit in units for d in unit], dtype=np.int64)
    size = np.array([len(unit) for unit in units], dtype=np.int32)
    start = np.cumsum(size, dtype=np.int64) - size
    member = np.arange(len(day), dtype=np.int32)
    for array in (day, member, start, size):
        array.flags.writeable = False
    return day, member, start, size


def scratch(units):
    size = np.array([len(unit) for unit in units])
    return np.cumsum(size) - size, np.full((4, size.sum()), np.nan)


def periods(units):
    peaks = np.full((len(units), 3), -1.0)
    rayleigh_cpu(*arrays(units), np.arange(len(units)), *scratch(units), peaks)
    return peaks


def check(days, peaks):
    found = naive.periods(days)
    if not found:
        assert peaks.tolist() == [0, 0, 0]
        return
    best = max(power for power, _ in found)
    assert peaks[0] == max(period for power, period in found if power > best - 1e-7)
    if len(found) > 1:
        powers = {period: power for power, period in found}
        rest = [power for power, period in found if period != peaks[0]]
        assert powers[peaks[1]] >= max(rest) - 1e-7
    assert peaks[2] == 0


@given(few_days)
def test_the_periods_most_in_step_are_found(days):
    check(days, periods([days])[0])


@pytest.mark.cudasim
def test_the_simulator_finds_the_same():
    units = [[0, 45, 135], [3, 17, 31, 60], [0, 1, 2], [5, 100, 205, 300, 401]]
    peaks = np.full((len(units), 3), -1.0)
    rows = np.arange(len(units))
    launch(rayleigh_gpu, len(units), *arrays(units), rows, *scratch(units), peaks)
    np.testing.assert_allclose(peaks, periods(units), rtol=1e-12)


@pytest.mark.parametrize(
    ("days", "period"),
    [([0, 45, 135], 45), ([0, 30, 60, 90], 30), ([0, 91, 182, 364, 455], 91), ([7, 21, 49], 14)],
)
def test_one_payment_that_was_skipped_does_not_hide_the_period(days, period):
    assert periods([days])[0, 0] == pytest.approx(period)


def test_a_few_payments_get_periods_and_no_shape():
    peaks, strength, entropy = spectra(*arrays([[0, 45, 135], [0, 30], [0, 1, 3]]), CPU)
    assert peaks[:, 0].tolist() == [45, 0, 0]
    assert np.isnan(strength).all()
    assert np.isnan(entropy).all()


def test_a_sparse_unit_of_many_years_is_looked_at_whole():
    days = [round(365.25 * year) for year in range(18)]
    assert spectra(*arrays([days]), CPU)[0][0, 0] == pytest.approx(365.25, rel=1e-3)
