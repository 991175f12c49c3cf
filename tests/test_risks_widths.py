"""Ranges of risk scores are as wide as what came of past scores asks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from qfb_gpu.backend import get_backend
from qfb_gpu.finance.risks_history import Past, widened
from qfb_gpu.finance.risks_history import tested as judged
from qfb_gpu.finance.risks_peers import Drawn
from qfb_gpu.finance.risks_widths import distances, inside, widening

CPU = get_backend("cpu")
point = st.floats(0, 100)


def counted(score, half, came):
    return distances(np.asarray(score), np.asarray(half), np.asarray(came), np)


@given(st.lists(st.tuples(point, st.floats(5, 60), point), max_size=120))
def test_the_least_widening_that_holds_nine_of_ten(rows):
    score, half, came = np.array(rows).reshape(-1, 3).T
    counts = counted(score, half, came)
    times = widening([counts])
    off = np.abs(came - score) / half
    assert inside(counts, times) == pytest.approx((off <= times + 1e-9).mean() if rows else 0.0)
    if len(rows) < 50:
        assert times == 1
        return
    assert times >= 1
    asked = int(np.ceil((len(rows) + 1) * 0.9))
    assert (off <= times + 1e-9).sum() >= asked
    assert times == 1 or (off <= times - 0.01 - 1e-9).sum() < asked


def test_buckets_are_added_up():
    rng = np.random.default_rng(1)
    score, half, came = rng.uniform(0, 100, (3, 200))
    parts = [counted(score[at::3], half[at::3] + 1, came[at::3]) for at in range(3)]
    assert (sum(parts) == counted(score, half + 1, came)).all()
    assert widening(parts) == widening(parts[::-1]) == widening([sum(parts)])


@pytest.mark.parametrize(
    ("n", "times"), [(49, 1.0), (50, 1.46), (51, 1.47), (59, 1.54), (69, 1.63)]
)
def test_the_rank_that_holds_nine_of_ten_of_those_to_come(n, times):
    """Distances of 1.01, 1.02, ... half widths: the 0.9 (n + 1)-th, rounded up, is how wide."""
    off = 1 + np.arange(1, n + 1) / 100
    counts = counted(np.zeros(n), np.full(n, 100.0), 100 * off - 1e-6)
    assert widening([counts]) == times
    assert inside(counts, times) == round(100 * (times - 1)) / n


def past_of(spread, rng, n=400):
    """Return a date whose scores are off by a normal error of so many points; ranges are +-10."""
    score = rng.uniform(30, 70, n)
    came = score + rng.normal(0, spread, n)
    ones = np.ones(n, bool)
    whole = [np.rint(of * 10_000).astype(np.int32) for of in (score, came)]
    drawn = Drawn(score, score - 10, score + 10, score, ones, np.full(n, 10.0))
    past = Past(*whole, rng.random(n) < 0.3, ones)
    return judged("contract", 0, lambda: [past], lambda: [drawn], 0.5, CPU)


def pairwise_auc(score, fell):
    """Return how often one who fell has the higher score of two, ties half."""
    fallen, others = score[fell], score[~fell]
    more = [(a > b) + 0.5 * (a == b) for a in fallen.tolist() for b in others.tolist()]
    return sum(more) / len(more)


@pytest.mark.parametrize(("n", "cuts"), [(120, (50,)), (60, (0, 60)), (45, ())])
def test_a_past_score_is_judged_by_all_who_can_be_told(n, cuts):
    """Of whom nothing is known, then or later, or who cannot be told, nothing counts."""
    rng = np.random.default_rng(n)
    raw, later = rng.integers(-1, 8, (2, n)).astype(np.int32) * 100_000
    raw, later = np.where(raw < 0, -1, raw), np.where(later < 0, -1, later)
    told = rng.random(n) < 0.8
    fell = told & (rng.random(n) < 0.2 + raw / 2_000_000)
    score, half = rng.integers(0, 30, n) * 3.0, rng.uniform(5, 40, n)
    columns = (raw.astype(np.int32), later.astype(np.int32), fell, told, score, half)
    parts = [np.split(one, cuts) for one in columns]
    past = [Past(*four) for four in zip(*parts[:4], strict=True)]
    drawn = [Drawn(own, own, own, own, own > 0, wide)
             for own, wide in zip(*parts[4:], strict=True)]  # fmt: skip
    found, off = judged("demand", 7, lambda: past, lambda: drawn, 0.6, CPU)
    assert (found.risk, found.day, found.auc_small) == ("demand", 7, 0.6)
    assert (found.n_customers, found.n_fell) == (told.sum(), fell.sum())
    assert found.auc == pytest.approx(pairwise_auc(score[told], fell[told]))
    known = told & (raw >= 0)
    assert found.auc_raw == pytest.approx(pairwise_auc(raw[known], fell[known]))
    both = known & (later >= 0)
    assert found.stability == pytest.approx(spearmanr(raw[both], later[both]).statistic)
    held = np.abs(later[both] / 10_000 - score[both]) <= half[both]
    assert found.covered == pytest.approx(held.mean())
    assert off.sum() == both.sum()


@pytest.mark.parametrize("n", [19, 20])
def test_a_date_of_fewer_than_twenty_is_not_judged(n):
    found, off = past_of(3.0, np.random.default_rng(1), n)
    assert (found is None) == (n < 20)
    assert off.sum() == n


def test_a_date_is_judged_by_what_had_come_by_then():
    rng = np.random.default_rng(3)
    tests = [past_of(spread, rng) for spread in (12.0, 12.0, 6.0)]  # the latest first
    found, tonight = widened(tests)
    alone = [one.covered for one, _ in tests]
    assert found[2].covered == alone[2] == pytest.approx(0.90, abs=0.03)  # nothing came before
    assert found[1].covered == pytest.approx(alone[1], abs=0.03)  # only the calm date had
    assert alone[0] < 0.65 < found[0].covered
    assert tonight == widening([off for _, off in tests]) > 1.5
    assert widened([past_of(2.0, rng)])[1] == 1  # never narrower than the constants say
    assert [one._replace(covered=0) for one in found] == [
        one._replace(covered=0) for one, _ in tests
    ]
