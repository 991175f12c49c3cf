"""Metrics of models: bins of what was said against loops, ranges of draws, who decides a contest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfb_gpu.models import evaluation
from qfb_gpu.models.evaluation import Rules, contest

ROWS = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=80)


@given(ROWS)
@settings(max_examples=60)
def test_what_was_said_and_came_by_tenths_is_what_loops_say(rows):
    """A bin ends with a tenth of the rows; equal probabilities are in one bin."""
    said = [place / 16 for place, _ in rows]
    label = np.array([is_true for _, is_true in rows])
    found = evaluation.reliability(label, np.array(said))
    edges = sorted(set(np.quantile(said, np.arange(1, 10) / 10).tolist()))
    bins = {}
    for probability, (_, is_true) in zip(said, rows, strict=True):
        bins.setdefault(sum(edge < probability for edge in edges), []).append(
            (probability, is_true)
        )
    wanted = [bins[at] for at in sorted(bins)]
    assert found["n_rows"].tolist() == [len(own) for own in wanted]
    means = [sum(p for p, _ in own) / len(own) for own in wanted]
    shares = [sum(t for _, t in own) / len(own) for own in wanted]
    np.testing.assert_allclose(found["mean_probability"], means)
    np.testing.assert_allclose(found["share"], shares)
    assert ((found["share_low"] <= found["share"]) | (found["share"] == 0)).all()
    assert ((found["share_high"] >= found["share"]) | (found["share"] == 1)).all()
    error = sum(
        abs(mean - share) * len(own) for mean, share, own in zip(means, shares, wanted, strict=True)
    )
    assert evaluation.calibration_error(label, np.array(said)) == pytest.approx(error / len(rows))


@given(ROWS)
@settings(max_examples=60)
def test_ranks_and_errors_are_those_of_pairs_and_loops(rows):
    """Ties count half; of rows that tie at the tenth, each is in it as far as there is room."""
    score = [place / 12 for place, _ in rows]
    label = [is_true for _, is_true in rows]
    found = evaluation.metrics(np.array(label), np.array(score))
    pairs = [
        (a > b) + 0.5 * (a == b)
        for a, t in zip(score, label, strict=True) if t
        for b, u in zip(score, label, strict=True) if not u
    ]  # fmt: skip
    assert found["auc"] == pytest.approx(np.mean(pairs)) if pairs else np.isnan(found["auc"])
    room, hits = len(rows) / 10, 0.0
    for value in sorted(set(score), reverse=True):
        tied = [t for s, t in zip(score, label, strict=True) if s == value]
        taken = min(room, len(tied))
        hits, room = hits + taken * sum(tied) / len(tied), room - taken
    share = sum(label) / len(rows)
    lift = hits / (len(rows) / 10) / share if share else np.nan
    assert found["lift_10"] == pytest.approx(lift, nan_ok=True)
    errors = [(s - t) ** 2 for s, t in zip(score, label, strict=True)]
    assert found["brier"] == pytest.approx(sum(errors) / len(rows))
    assert (found["base_rate"], found["n_rows"]) == (pytest.approx(share), len(rows))


def test_the_range_of_draws_leaves_a_twentieth_on_either_side():
    draws = np.full(evaluation.DRAWS, np.nan)
    half = evaluation.DRAWS // 2
    draws[:half] = np.linspace(0.0, 100.0, half)
    assert evaluation.range_among(draws) == pytest.approx((5.0, 95.0))
    draws[0] = np.inf  # fewer than half of the draws tell
    assert np.isnan(evaluation.range_among(draws)).all()


def test_few_rows_or_too_many_have_no_bootstrap_range():
    assert np.isnan(evaluation.range_of(lambda rows: float(rows.size), 0)).all()
    assert np.isnan(evaluation.range_of(np.mean, evaluation.MOST_ROWS + 1)).all()
    low, high = evaluation.range_of(lambda rows: float(np.mean(rows % 2)), 400)
    assert 0.44 < low < 0.5 < high < 0.56  # two standard errors of a mean are 0.05


def worth(values):
    """Return metrics: each name is right about so many of a hundred rows in the same places."""
    return {n: lambda rows, v=v: float(np.mean(rows % 100 < v)) for n, v in values.items()}


@pytest.mark.parametrize(
    ("values", "n_events", "is_pinned", "used"),
    [
        ({"a": 50, "b": 60}, 99, False, "b"),  # no model yet: the best rule
        ({"a": 50, "b": 50}, 99, False, "a"),  # of equal ones the first
        ({"a": 50, "b": 60, "challenger": 60}, 99, False, "challenger"),  # as good as a rule
        ({"a": 50, "b": 60, "challenger": 59}, 99, False, "b"),
        ({"a": 50, "champion": 60, "challenger": 60}, 99, False, "champion"),
        ({"a": 50, "champion": 60, "challenger": 65}, 99, False, "challenger"),
        ({"a": 50, "champion": 60, "challenger": 90}, 99, True, "champion"),
        ({"a": 90, "champion": 60}, 99, False, "a"),
        ({"a": 90, "champion": 60}, 99, True, "champion"),
        ({"a": 90, "champion": 60, "challenger": 90}, 98, False, "champion"),  # too few cases
        ({"a": 90, "b": 95, "challenger": 99}, 98, False, "b"),
        ({"champion": 60}, 99, False, "champion"),  # no rule could be learnt
        ({"champion": 60}, 98, False, "champion"),
        ({"champion": 60, "challenger": 65}, 99, False, "challenger"),
        ({"champion": 60, "challenger": 61}, 99, False, "champion"),
        ({"challenger": 65}, 99, False, "challenger"),
        ({"challenger": 65}, 98, False, "challenger"),
    ],
)
def test_who_serves_after_a_contest(values, n_events, is_pinned, used):
    rules = Rules("AUC", ("a", "b"), 0.02, 99, is_pinned, seed=1)
    assert contest(worth(values), np.arange(2_000), n_events, rules).used == used
