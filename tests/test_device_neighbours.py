"""A device finds the nearest rows as a k-d tree does, also where many are as near as the last."""

import numpy as np
import pytest
from stand_in import stand_in_backend

from qfb_gpu._backend.neighbours import device_neighbours, host_neighbours


def distances(known, own, row):
    """Return the squared distances of the rows that were found, sorted."""
    apart = ((own[:, None, :] - known[row]) ** 2).sum(axis=2)
    return np.sort(apart, axis=1)


@pytest.mark.parametrize("n", [1, 3, 7, 40])
def test_of_equally_near_rows_none_takes_the_place_of_a_nearer_one(n):
    rng = np.random.default_rng(8)
    known = rng.integers(0, 3, (40, 2)).astype(np.float64)  # few places: nearly all are tied
    own = rng.integers(0, 3, (1_100, 2)).astype(np.float64)
    device = stand_in_backend()
    found = device_neighbours(device.xp, device.asarray(known), device.asarray(own), n)
    found = device.to_host(found)
    assert found.shape == (1_100, n)
    assert all(len(set(row)) == n for row in found.tolist())
    want = distances(known, own, host_neighbours(known, own, n))
    np.testing.assert_array_equal(distances(known, own, found), want)


def test_a_nearer_row_behind_two_that_tie_is_found():
    known, own = np.array([[2.0], [-2.0], [1.0]]), np.zeros((1, 1))
    assert 2 in device_neighbours(np, known, own, 2)[0]
