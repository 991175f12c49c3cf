"""The nearest rows on the host are those of a loop over all, by distance: of ties any."""

import numpy as np
import pytest

from qfb_gpu._backend.neighbours import host_neighbours, leaves_of, rounding


def squares(own, known, found):
    return np.sort(((own[:, None, :] - known[found]) ** 2).sum(axis=2), axis=1)


def of_a_loop(own, known, n):
    away = ((own[:, None, :] - known[None]) ** 2).sum(axis=2)
    return np.argsort(away, axis=1)[:, :n]


@pytest.mark.parametrize("n_known", [1, 4, 160, 161, 400, 2_500])
@pytest.mark.parametrize("n_features", [1, 3, 15])
def test_the_nearest_are_those_of_a_loop(n_known, n_features):
    rng = np.random.default_rng(n_known)
    known = rng.random((n_known, n_features)) ** rng.integers(1, 9, n_features)
    known[:, 0] = np.round(known[:, 0], 1)  # many ties
    own = np.concatenate([known[::3], rng.random((20, n_features)), np.full((1, n_features), 5.0)])
    n = min(n_known, 5)
    found = host_neighbours(known, own, n)
    assert all(len(set(row)) == n for row in found.tolist())
    expected = squares(own, known, of_a_loop(own, known, n))
    off = 2 * rounding(expected, known, own)
    assert (np.abs(squares(own, known, found) - expected) <= off).all()
    assert np.median(off) < 1e-3


def test_who_is_found_is_no_further_than_rounding_says():
    """Known rows in pairs that are nearer to each other than float32 tells apart."""
    rng = np.random.default_rng(11)
    one = rng.random((1_500, 15)) * [3.0, *[0.2] * 14]
    known = np.concatenate([one, one + rng.normal(0, 3e-8, one.shape)])
    own = rng.random((300, 15)) * [3.0, *[0.2] * 14]
    found = host_neighbours(known, own, 5)
    away = ((own[:, None, :] - known[None]) ** 2).sum(axis=2)
    last = np.take_along_axis(away, found, axis=1).max(axis=1)
    np.put_along_axis(away, found, np.inf, axis=1)
    assert (away.min(axis=1) >= last - 2 * rounding(last, known, own)).all()


def test_rows_that_are_all_alike():
    known = np.full((500, 4), 0.5)
    found = host_neighbours(known, known[:3], 5)
    assert all(len(set(row)) == 5 and min(row) >= 0 for row in found.tolist())


def test_each_row_stands_in_one_leaf_and_within_its_box():
    known = np.random.default_rng(3).random((1_000, 3))
    low, high, point, place = leaves_of(known, known.var(axis=0))
    assert np.sort(place[place >= 0]).tolist() == list(range(1_000))
    for leaf, row in enumerate(place):
        there = known[row[row >= 0]]
        np.testing.assert_array_equal(point[leaf].T[row >= 0], there)
        np.testing.assert_array_equal(low[:, leaf], there.min(axis=0))
        np.testing.assert_array_equal(high[:, leaf], there.max(axis=0))
        assert np.isinf(point[leaf, 0][row < 0]).all()


def test_any_number_of_threads_finds_the_same(monkeypatch):
    rng = np.random.default_rng(8)
    known, own = rng.random((700, 6)), rng.random((90, 6))
    alone = host_neighbours(known, own, 4)
    monkeypatch.setattr("qfb_gpu._backend.neighbours.n_threads", lambda: 3)
    np.testing.assert_array_equal(host_neighbours(known, own, 4), alone)
