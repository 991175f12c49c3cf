"""Gaps between payments against ``statistics``, on the host and simulated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import intervals as naive
from simulate import launch
from strategies import day_lists

from qfb_gpu.backend import get_backend
from qfb_gpu.payments.intervals import gap_stats
from qfb_kernels import intervals

CPU = get_backend("cpu")


def pack(units, seed=0):
    """Return day, member, start, size: payments in a shuffled order, units not one by one."""
    rng = np.random.default_rng(seed)
    n_payments = sum(map(len, units))
    member = rng.permutation(n_payments).astype(np.int32)
    start, size = np.zeros(len(units), np.int64), np.zeros(len(units), np.int32)
    day = np.full(n_payments, 99_999, np.int64)
    slot = 0
    for unit in rng.permutation(len(units)):
        start[unit], size[unit] = slot, len(units[unit])
        day[member[slot : slot + size[unit]]] = units[unit]
        slot += size[unit]
    for array in (day, member, start, size):
        array.flags.writeable = False
    return day, member, start, size


def expected(units):
    return np.array([naive.gap_stats(days) for days in units]).reshape(-1, 3)


@given(day_lists, st.integers(0, 5))
@settings(max_examples=150)
def test_gaps_match_naive(units, seed):
    got = np.column_stack(gap_stats(*pack(units, seed), CPU))
    np.testing.assert_allclose(got, expected(units), rtol=1e-12, atol=1e-9)


@given(st.lists(st.integers(-400, 400), min_size=1, max_size=40), st.data())
@settings(max_examples=100)
def test_counting_finds_what_stands_there_in_order(numbers, data):
    wanted = data.draw(st.integers(1, len(numbers)))
    scratch = np.array(numbers, np.int32)
    got = intervals.smallest_of(scratch, 0, len(numbers), min(numbers), max(numbers), wanted)
    assert got == sorted(numbers)[wanted - 1]


@given(day_lists)
@settings(max_examples=60)
def test_units_do_not_see_each_other(units):
    whole = np.column_stack(gap_stats(*pack(units), CPU))
    for unit, days in enumerate(units):
        alone = np.column_stack(gap_stats(*pack([days]), CPU))
        np.testing.assert_array_equal(alone[0], whole[unit])


@given(st.lists(st.integers(-800, 20_000), min_size=2, max_size=30), st.integers(-5_000, 5_000))
@settings(max_examples=60)
def test_gaps_do_not_depend_on_the_calendar(days, shift):
    days = sorted(days)
    here = gap_stats(*pack([days]), CPU)
    there = gap_stats(*pack([[day + shift for day in days]]), CPU)
    np.testing.assert_array_equal(here, there)


def test_a_clock_has_no_spread(backend):
    mean, std, median = gap_stats(
        *map(backend.asarray, pack([[0, 30, 60, 90], [7, 7, 7], [5]])), backend
    )
    assert [backend.to_host(x)[:2].tolist() for x in (mean, std, median)] == [
        [30.0, 0.0],
        [0.0, 0.0],
        [30.0, 0.0],
    ]
    assert np.isnan(backend.to_host(mean)[2])


@pytest.mark.cudasim
def test_gaps_in_the_simulator_match_naive():
    units = [[0, 30, 60, 91], [], [5], [5, 5, 19], [-3, 4, 400, 401, 402], [8, 9]]
    day, member, start, size = pack(units)
    out = [np.full(len(units), -1.0) for _ in range(3)]
    scratch = np.zeros(len(member), np.int32)
    launch(intervals.gaps_gpu, len(units), day, member, start, size, scratch, *out)
    np.testing.assert_allclose(np.column_stack(out), expected(units), rtol=1e-12)
