"""Ranges of risk scores are as wide as what came of past scores asks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def past_of(spread, rng, n=400):
    """Return a date whose scores are off by a normal error of so many points; ranges are +-10."""
    score = rng.uniform(30, 70, n)
    came = score + rng.normal(0, spread, n)
    ones = np.ones(n, bool)
    whole = [np.rint(of * 10_000).astype(np.int32) for of in (score, came)]
    drawn = Drawn(score, score - 10, score + 10, score, ones, np.full(n, 10.0))
    past = Past(*whole, rng.random(n) < 0.3, ones)
    return judged("contract", 0, lambda: [past], lambda: [drawn], 0.5, CPU)


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
