"""The range of an AUC holds what it says, of few true rows too."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from qfb_gpu.models import evaluation
from qfb_gpu.models.ranges import auc_range, ranges

rows = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40)


def by_loops(true, score):
    """Return DeLong's variance and the centre, with a row of either class at a half."""
    above = [s for t, s in zip(true, score, strict=True) if t]
    below = [s for t, s in zip(true, score, strict=True) if not t]
    won = [[(a > b) + 0.5 * (a == b) for b in below] for a in above]
    of_true = [sum(line) / len(below) for line in won]
    of_false = [sum(line[at] for line in won) / len(above) for at in range(len(below))]
    found = sum(of_true) / len(above)
    every = sum(map(sum, won)) + 0.5 * (len(above) + len(below) + 1)
    middle = every / ((len(above) + 1) * (len(below) + 1))
    parts = [
        sum((one - middle) ** 2 for one in (*of, 0.5)) / len(of) / (len(of) + 1)
        for of in (of_true, of_false)
    ]
    return found, middle, parts, (len(above), len(below))


@given(rows)
def test_it_is_delongs_with_a_row_more_of_either_class(pairs):
    true, score = np.array([t for t, _ in pairs]), np.array([float(s) for _, s in pairs])
    low, high = auc_range(true, score)
    if true.all() or not true.any():
        assert math.isnan(low)
        assert math.isnan(high)
        return
    found, middle, parts, sizes = by_loops(true.tolist(), score.tolist())
    assert 0 <= low <= found <= high <= 1
    if not sum(parts):
        assert (low, high) == (0, 1)
        return
    from scipy.stats import t

    freedom = sum(parts) ** 2 / sum(p * p / n for p, n in zip(parts, sizes, strict=True))
    half = t.ppf(0.95, freedom) * math.sqrt(sum(parts)) / (middle * (1 - middle))
    odds = math.log(middle / (1 - middle))
    ends = [1 / (1 + math.exp(-end)) for end in (odds - half, odds + half)]
    assert low == pytest.approx(min(ends[0], found))
    assert high == pytest.approx(max(ends[1], found))


@given(rows, st.randoms(use_true_random=False))
def test_order_and_units_of_scores_do_not_matter(pairs, random):
    def of(some, unit=1.0):
        return auc_range(np.array([t for t, _ in some]), np.array([s * unit for _, s in some]))

    mixed = random.sample(pairs, len(pairs))
    np.testing.assert_array_equal(of(pairs), of(mixed, 0.1))


@pytest.mark.parametrize(("n_rows", "n_true"), [(300, 8), (300, 15), (1500, 45)])
def test_of_few_true_rows_it_holds_nine_of_ten(n_rows, n_true):
    rng, held, tried = np.random.default_rng([5, n_true]), 0, 300
    for _ in range(tried):
        true = rng.permutation(n_rows) < n_true
        score = rng.normal(size=n_rows) + true * ndtri(0.85) * math.sqrt(2)
        low, high = auc_range(true, score)
        held += low <= 0.85 <= high
    assert 0.86 <= held / tried <= 0.96  # three standard errors: 0.052


def test_ranges_hold_the_figure_and_are_told_of_what_is_asked():
    true, score = np.arange(400) % 4 == 0, np.linspace(0.01, 0.99, 400)
    told = ranges(true, score, is_probability=True)
    figures = evaluation.metrics(true, score)
    assert set(told) == {"auc", "lift_10", "brier", "calibration_error"}
    for name, (low, high) in told.items():
        assert low < figures[name] < high or name == "calibration_error"
        assert high - low < 1.5
    assert set(ranges(true, score, is_probability=False)) == {"auc", "lift_10"}
    nothing = ranges(true[:0], score[:0], is_probability=True)
    assert all(math.isnan(end) for ends in nothing.values() for end in ends)


def test_too_many_rows_have_no_range(monkeypatch):
    true, score = np.arange(40) % 4 == 0, np.linspace(0, 1, 40)
    told = ranges(true, score, is_probability=True)
    assert told["auc"] == auc_range(true, score)
    assert told["auc"][0] < evaluation.auc(true, score) < told["auc"][1]
    monkeypatch.setattr("qfb_gpu.models.ranges.MOST_ROWS", 39)
    assert all(
        math.isnan(end)
        for ends in ranges(true, score, is_probability=True).values()
        for end in ends
    )
