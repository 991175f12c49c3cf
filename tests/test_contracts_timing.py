"""When a contract's nodes are paid: waits after events, survival, forecasts and their ranges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import contracts as naive

from qfb_gpu.backend import get_backend
from qfb_gpu.finance import survival, timing, waits

CPU = get_backend("cpu")


def same_at_all_levels(sort):
    return [sort + 100 * level for level in range(timing.LEVELS)]


def test_days_after_an_event_are_learnt_from_short_and_long_contracts():
    """Paid 30 days after 60% of the length, some of them months late; two nodes tell nothing."""
    rng = np.random.default_rng(5)
    length = rng.integers(100, 1_000, 120).astype(float)
    share = 0.6 + 30 / length + rng.normal(0, 0.005, 120)
    share[::10] += 90 / length[::10]
    sort = np.append(np.full(120, 1), [2, 2])
    paid = same_at_all_levels(sort), np.append(share, [0.2, 0.3]), np.append(length, [50, 60])
    none = same_at_all_levels(np.zeros(0, np.int64)), np.zeros(0, np.int32)
    learnt = waits.learn_waits(paid, none)
    assert learnt["key"].tolist() == [1, 101, 201]
    np.testing.assert_allclose(learnt["days"], 30, atol=8)


def test_days_after_an_event_are_those_of_other_clauses_where_few_were_paid():
    few = same_at_all_levels(np.full(3, 4)), np.full(3, 0.9), np.array([90.0, 200.0, 300.0])
    said = same_at_all_levels(np.full(11, 4)), np.array([15] * 6 + [30] * 5, np.int32)
    learnt = waits.learn_waits(few, said)
    assert dict(zip(learnt["key"].tolist(), learnt["days"].tolist(), strict=True)) == {
        4: 15.0, 104: 15.0, 204: 15.0,
    }  # fmt: skip


def test_contracts_of_one_length_are_on_one_side_of_the_line_whenever_they_were_paid():
    """Of 80 of a year the later paid half was the third of the short ones: 45 to 53 days."""
    rng = np.random.default_rng(0)
    none = same_at_all_levels(np.zeros(0, np.int64)), np.zeros(0, np.int32)
    for _ in range(5):
        length = np.append(rng.integers(700, 1_400, 40), np.full(80, 365)).astype(float)
        share = 0.6 + 30 / length + rng.normal(0, 0.05, 120)
        paid = same_at_all_levels(np.full(120, 1)), share, length
        np.testing.assert_allclose(waits.learn_waits(paid, none)["days"], 30, atol=12)


@pytest.mark.parametrize("lengths", [[365.0], [365.0, 366.0], [1_095.0, 1_096.0, 1_100.0]])
def test_contracts_that_are_about_as_long_tell_no_days(lengths):
    """Years of 365 and 366 days told thousands of days; all of 365 told 0, whatever clauses say."""
    rng = np.random.default_rng(1)
    length = rng.choice(lengths, 60)
    paid = same_at_all_levels(np.full(60, 4)), 0.9 + rng.normal(0, 0.02, 60), length
    none = same_at_all_levels(np.zeros(0, np.int64)), np.zeros(0, np.int32)
    assert waits.learn_waits(paid, none)["key"].size == 0
    said = same_at_all_levels(np.full(11, 4)), np.full(11, 15, np.int32)
    assert waits.learn_waits(paid, said)["days"].tolist() == [15.0] * 3


def test_a_node_waits_as_its_finest_sort_does_on_the_clock_of_shares_only():
    learnt = {"key": np.array([1, 102, 202]), "days": np.array([10.0, 20.0, 30.0])}
    keys = [np.array([1, 2, 3, 1]), np.array([102, 102, 103, 102]), np.array([202, 202, 202, 202])]
    clock = np.array([timing.SHARE] * 3 + [timing.EVENT], np.int8)
    assert waits.waits_of(keys, clock, learnt, CPU).tolist() == [10.0, 20.0, 30.0, 0.0]


def forecast_of(now, curves, clock=timing.DUE):
    sort = same_at_all_levels(np.full(now.size, 4))
    return timing.forecast(sort, now, np.full(now.size, clock, np.int8), curves, CPU)


@pytest.mark.parametrize("n", [1, 2, 9, 10, 40])
def test_few_nodes_have_a_middle_but_no_range(n):
    sort = same_at_all_levels(np.full(n, 4))
    curves = survival.kaplan_meier(sort[-1], np.arange(1.0, n + 1), np.ones(n, bool), CPU)
    found = forecast_of(np.zeros(1), curves)
    assert found["n_events"].tolist() == [n]
    assert 1 <= found["middle"][0] <= n
    assert np.isnan(found["early"][0]) == np.isnan(found["late"][0]) == (n < 10)


def next_of_a_category(place, n_own, seed, clock=timing.SHARE):
    """Return where the next node of a category of few nodes fell, and its forecast at the start.

    Three other categories have 40 paid nodes of that kind each, at places of their own.
    """
    rng = np.random.default_rng(seed)
    category = np.repeat([1, 2, 3, 4], [40, 40, 40, n_own])
    time = np.array([0.9, 0.8, 0.6, place])[category - 1] + rng.normal(0, 0.05, category.size)
    keys = np.concatenate([category, 100 + category, np.full(time.size, 200)])
    curves = survival.kaplan_meier(keys, np.tile(time, 3), np.ones(keys.size, bool), CPU)
    own = [np.array([key]) for key in (4, 104, 200)]
    found = timing.forecast(own, np.zeros(1), np.array([clock], np.int8), curves, CPU)
    return place + rng.normal(0, 0.05), {name: values[0] for name, values in found.items()}


@pytest.mark.parametrize("clock", [timing.EVENT, timing.SHARE, timing.DAYS])
@pytest.mark.parametrize("n_own", [0, 1, 2, 9])
def test_categories_that_pay_at_another_time_tell_no_range(n_own, clock):
    """A lease's delivery at a fifth had the range of goods, at six tenths: none held.

    Its date was that of goods, too, however many of its own were paid.
    """
    for seed in range(40):
        _, found = next_of_a_category(0.2, n_own, seed, clock)
        is_told = n_own >= timing.FEWEST_OWN
        assert found["level"] == 2 - is_told
        assert found["n_events"] == (n_own if is_told else 120 + n_own)
        assert (found["middle"] < 0.4) == is_told
        assert np.isnan(found["early"])
        assert np.isnan(found["late"])


def test_no_date_is_told_where_all_of_the_own_category_were_paid_sooner_and_others_pay_later():
    time = np.concatenate([np.linspace(0.1, 0.2, 9), np.linspace(0.8, 0.9, 60)])
    keys = np.concatenate([np.repeat([1, 2], [9, 60]), np.repeat([101, 102], [9, 60]), [200] * 69])
    curves = survival.kaplan_meier(keys, np.tile(time, 3), np.ones(keys.size, bool), CPU)
    sort, clock = [np.array([key]) for key in (1, 101, 200)], np.array([timing.SHARE], np.int8)
    found = timing.forecast(sort, np.array([0.3]), clock, curves, CPU)
    assert (found["level"].item(), found["n_events"].item()) == (-1, 0)
    assert all(np.isnan(found[name]).all() for name in ("early", "middle", "late", "chance"))


@pytest.mark.parametrize("place", [0.6, 0.7, 0.8, 0.9])
def test_categories_that_pay_at_like_times_tell_ranges_that_hold(place):
    held = []
    for seed in range(200):
        came, found = next_of_a_category(place, 5, seed)
        assert found["level"] == 2 - np.isnan(found["early"])
        if not np.isnan(found["early"]):
            held.append(found["early"] <= came <= found["late"])
    assert len(held) > 150
    assert np.mean(held) > 0.85


def test_days_after_a_due_date_are_told_by_all_categories():
    _, found = next_of_a_category(0.2, 5, 0, timing.DUE)
    assert found["level"] == 2
    assert found["early"] < found["middle"] < found["late"]


@pytest.mark.parametrize(("n_own", "least"), [(10, 9 / 11), (18, 17 / 19), (19, 0.9), (60, 0.9)])
def test_ranges_of_a_category_of_its_own_hold_as_often_as_its_nodes_let_them(n_own, least):
    """Below 19 nodes even their least and greatest hold the next one less than 90 times of 100."""
    held = []
    for seed in range(600):
        came, found = next_of_a_category(0.2, n_own, seed)
        assert found["level"] == 0
        held.append(found["early"] <= came <= found["late"])
    assert abs(np.mean(held) - least) < 3 * np.sqrt(0.09 / 600)


@pytest.mark.parametrize("n_earlier", [0, 1, 5])
def test_the_least_of_few_is_the_first_that_took_longer(n_earlier):
    """It was tomorrow where anything had been paid by now."""
    time = np.append(np.arange(1.0, n_earlier + 1), np.arange(20.0, 32.0))
    sort = same_at_all_levels(np.full(time.size, 4))
    curves = survival.kaplan_meier(sort[-1], time, np.ones(time.size, bool), CPU)
    found = forecast_of(np.array([8.0]), curves)
    assert (found["early"][0], found["late"][0]) == (20.0, 31.0)


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(-5, 12), st.booleans()), min_size=1, max_size=25
    ),
    st.floats(0, 1),
)
@settings(max_examples=80)
def test_survival_is_kaplan_meiers(rows, share):
    group, time, event = (np.array(column) for column in zip(*rows, strict=True))
    curves = survival.kaplan_meier(group, time.astype(float), event, CPU)
    low, high = survival.curve_of(np.arange(3), curves, CPU)
    at = np.array([-6.0, 0.0, 4.0])
    after = survival.step_after(curves, low, high, at, CPU)
    waiting = survival.surviving(curves, low, after, CPU)
    reached = survival.quantile(curves, low, high, np.full(3, share), CPU)
    for g in range(3):
        mine = [(t, e) for one, t, e in rows if one == g]
        times, events = [t for t, _ in mine], [e for _, e in mine]
        assert waiting[g] == pytest.approx(naive.survival(times, events, at[g]), abs=1e-9)
        wanted = naive.survival_quantile(times, events, share)
        near = (
            share == pytest.approx(naive.survival(times, events, wanted), abs=1e-6) if mine else 0
        )
        assert near or reached[g] == wanted or (math.isnan(reached[g]) and math.isnan(wanted))


@pytest.mark.parametrize("seed", range(60))
def test_forecasts_are_those_of_loops_at_the_first_level_that_tells_enough(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 120))
    fine = rng.choice(4, n, p=[0.04, 0.06, 0.45, 0.45])
    time = rng.integers(-5, 40, n) + np.where(fine < 2, rng.choice([0, 0, -30, 40]), 0)
    is_paid = rng.random(n) < rng.choice([0.3, 0.7, 1.0])
    keys = [fine, fine // 2 + 100, np.full(n, 200)]
    curves = survival.kaplan_meier(
        np.concatenate(keys), np.tile(time.astype(float), 3), np.tile(is_paid, 3), CPU
    )
    asked, now = np.arange(5), rng.integers(-6, 42, 5)
    sort = [asked, asked // 2 + 100, np.full(5, 200)]
    clock = rng.integers(0, len(timing.CLOCKS), 5).astype(np.int8)
    found = timing.forecast(sort, now.astype(float), clock, curves, CPU)
    names = ("level", "n_events", "early", "middle", "late", "chance")
    rows = list(zip(time.tolist(), is_paid.tolist(), strict=True))
    for at in range(5):
        levels = [
            [row for row, one in zip(rows, of, strict=True) if one == key[at]]
            for of, key in zip(keys, sort, strict=True)
        ]
        by_due_date = clock[at] == timing.DUE
        found_so = naive.forecast(levels, int(now[at]), by_due_date=by_due_date)
        wanted = found_so or (-1, 0, *[math.nan] * 4)
        assert [found[name][at] for name in names] == pytest.approx(list(wanted), nan_ok=True)
