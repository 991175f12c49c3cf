"""Eight numbers as one value: each operation is NumPy's, lane by lane, to the bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numba import njit

from qfb_kernels import vectors
from qfb_kernels.vectors import LANES, all_eight, all_more, eight, put, where_more

numbers = arrays.arrays(np.float32, LANES, elements=st.floats(-1e6, 1e6, width=32))
powers = arrays.arrays(np.float32, LANES, elements=st.floats(0, 2.0**100, width=32))


@njit(error_model="numpy")
def sums(left, right, out):
    a, b = eight(left, 0), eight(right, 0)
    put(out, 0, a + b)
    put(out, 8, a - b)
    put(out, 16, a * b)
    put(out, 24, a / b)
    put(out, 32, where_more(a, b, a, b))
    put(out, 40, all_eight(left[3]))
    return all_more(a, b)


@njit
def parts(power, out):
    put(out, 0, vectors.exponents(eight(power, 0)))
    put(out, LANES, vectors.mantissas(eight(power, 0)))


@njit
def moved(values, out, at, to):
    put(out, to, eight(values, at))


@njit(boundscheck=True)
def watched(values, out, at, to):
    put(out, to, eight(values, at))


@given(numbers, numbers)
def test_each_lane_by_itself(left, right):
    left.flags.writeable = False
    out = np.empty(6 * LANES, np.float32)
    with np.errstate(all="ignore"):
        assert sums(left, right, out) == (left > right).all()
        want = [left + right, left - right, left * right, left / right]
    want += [np.where(left > right, left, right), np.repeat(left[3], LANES)]
    np.testing.assert_array_equal(out.reshape(6, LANES), want)


@given(powers)
def test_a_number_is_a_power_of_two_times_a_mantissa(power):
    out = np.empty(2 * LANES, np.float32)
    power[power < np.finfo(np.float32).tiny] = 0  # no power is denormal that a series has
    parts(power, out)
    exponent, mantissa = out.reshape(2, LANES)
    there = power > 0
    np.testing.assert_array_equal(np.ldexp(mantissa, exponent.astype(int))[there], power[there])
    assert np.all((mantissa >= np.float32(0.5**0.5)) & (mantissa < 2**0.5 * (1 + 1e-6)))
    assert np.all(mantissa[~there] == 1)


def test_they_stand_where_they_are_told_to():
    values, out = np.arange(20, dtype=np.float32), np.zeros(20, np.float32)
    moved(values, out, 5, 9)
    assert out.tolist() == [0] * 9 + list(range(5, 13)) + [0] * 3


@pytest.mark.parametrize(("at", "to"), [(13, 0), (0, 13), (-1, 0), (0, -8)])
def test_bounds_are_checked_where_numba_checks_them(at, to):
    with pytest.raises(IndexError):
        watched(np.zeros(20, np.float32), np.zeros(20, np.float32), at, to)
