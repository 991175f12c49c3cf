"""Sums and largest values down tall arrays are those of NumPy, in pieces or not."""

import numpy as np
import pytest
from stand_in import stand_in_backend

from qfb_gpu._backend.tall import PIECE_ROWS, most_down, place_of_most, sum_down
from qfb_gpu.backend import get_backend

ROWS = [1, PIECE_ROWS, 2 * PIECE_ROWS - 1, 2 * PIECE_ROWS, 2 * PIECE_ROWS + 1, 5_000]


@pytest.fixture(params=["host", "device"])
def side(request):
    return get_backend("cpu") if request.param == "host" else stand_in_backend()


@pytest.mark.parametrize("n_columns", [1, 50])
@pytest.mark.parametrize("n_rows", ROWS)
def test_whole_numbers_are_numpys(side, n_rows, n_columns):
    values = np.random.default_rng(n_rows).integers(-4, 5, (n_rows, n_columns))
    there = side.asarray(values)
    for got, want in (
        (sum_down(there, side), values.sum(axis=0)),
        (sum_down(there > 1, side), (values > 1).sum(axis=0)),
        (most_down(there, side), values.max(axis=0)),
        (place_of_most(there, side), values.argmax(axis=0)),  # of equals the first
    ):
        found = side.to_host(got)
        assert found.dtype == want.dtype
        np.testing.assert_array_equal(found, want)


def test_a_largest_value_is_found_wherever_it_is(side):
    for at in (0, PIECE_ROWS - 1, PIECE_ROWS, 3 * PIECE_ROWS + 7):
        values = np.zeros((3 * PIECE_ROWS + 8, 3))
        values[at:, 1] = 0.5
        there = side.asarray(values)
        assert side.to_host(place_of_most(there, side)).tolist() == [0, at, 0]
        assert side.to_host(most_down(there, side)).tolist() == [0.0, 0.5, 0.0]


def test_sums_of_floats_are_numpys_on_the_host_and_near_them_on_a_device(side):
    values = np.random.default_rng(1).random((4_000, 7))
    got, want = side.to_host(sum_down(side.asarray(values), side)), values.sum(axis=0)
    if side.name == "cpu":
        np.testing.assert_array_equal(got, want)
    np.testing.assert_allclose(got, want, rtol=1e-13)
