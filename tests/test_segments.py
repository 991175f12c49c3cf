"""Segments: standard scores and nearest centres against loops; names and order change nothing."""

import itertools
import json
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import segments as naive
from sklearn.metrics import adjusted_rand_score

from qfb_gpu.backend import get_backend
from qfb_gpu.config import Segments
from qfb_gpu.models import continuity
from qfb_gpu.models.segment_cards import profile_cards
from qfb_gpu.models.segment_choice import _kept, bootstrap_stability, choose_number
from qfb_gpu.models.segment_space import FEATURES, MONEY, THIN, nearest_two, standardised
from qfb_gpu.models.segments import (
    SegmentModel,
    assign,
    fit_and_place,
    fit_segments,
    held,
    placement,
)  # fmt: skip

CPU = get_backend("cpu")
NAMES = [row[0] for row in FEATURES]
TWO = Segments(n_segments=2)
value = st.one_of(
    st.floats(-3, 3),
    st.sampled_from([None, 0.0, 0.0, 1.0, 1e15, -1e15]),
    st.integers(-5, 400).map(float),
)
tables = st.lists(st.lists(value, min_size=len(NAMES), max_size=len(NAMES)), min_size=1, max_size=8)


def columns_of(rows):
    """Return features of rows of values; None is NaN."""
    table = np.array(rows, dtype=float)
    table.flags.writeable = False
    return {name: table[:, i] for i, name in enumerate(NAMES)}


def transformed(rows):
    return [
        [
            naive.transformed(x, transform)
            for x, (_, transform, *_) in zip(row, FEATURES, strict=True)
        ]
        for row in rows
    ]


def groups(sizes, seed=0):
    """Return customers around well separated centres, mixed up, and whose group each is of."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centre = rng.uniform(1, 4, (len(sizes), len(NAMES))) * rng.choice([-1, 1], len(NAMES))
    raw = centre[group] + rng.normal(0, 0.02, (len(group), len(NAMES)))
    logs = [i for i, row in enumerate(FEATURES) if row[1]]
    raw[:, logs] = np.expm1(np.abs(raw[:, logs]) * 2)
    return columns_of(raw), group


@given(tables)
@settings(max_examples=50)
def test_centre_and_scale_match_naive(rows):
    model = fit_segments(columns_of(rows), TWO, CPU)
    assert model.names == NAMES
    for i, column in enumerate(zip(*transformed(rows), strict=True)):
        middle, spread = naive.scale(column, FEATURES[i][1])
        assert model.centre[i] == pytest.approx(middle, rel=1e-9, abs=1e-8)
        assert model.scale[i] == pytest.approx(spread, rel=1e-9, abs=1e-8)


centres = st.lists(
    st.lists(st.integers(-20, 20).map(lambda i: i / 4), min_size=len(NAMES), max_size=len(NAMES)),
    min_size=1, max_size=4,
)  # fmt: skip


@given(tables, centres)
@settings(max_examples=50)
def test_customers_go_to_the_nearest_centre(rows, middles):
    scales = [(0.5, 2.0), (1.0, 0.25)] * (len(NAMES) // 2)
    centre, scale = ([pair[i] for pair in scales] for i in (0, 1))
    model = SegmentModel(NAMES, centre, scale, middles)
    segment, distance = assign(model, columns_of(rows), CPU)
    assert segment.dtype == np.int32
    for row, values in enumerate(transformed(rows)):
        scored = naive.scores(values, scales, rows[row][NAMES.index(THIN)])
        want, away = naive.nearest(scored, middles)
        assert distance[row] == pytest.approx(away, abs=1e-6)
        other = np.linalg.norm(np.array(scored) - middles[segment[row]])
        assert segment[row] == want or other == pytest.approx(away, abs=1e-6)


def test_known_groups_are_found_and_the_largest_is_0(backend):
    features, group = groups([40, 90, 20, 60])
    features = {name: backend.asarray(values) for name, values in features.items()}
    model = fit_segments(features, Segments(), backend)
    segment = backend.to_host(assign(model, features, backend)[0])
    assert len(model.centres) == 4
    assert adjusted_rand_score(group, segment) == 1.0
    assert np.bincount(segment).tolist() == [90, 60, 40, 20]
    assert 0.9 < model.chosen["silhouette"] <= 1.0
    assert model.chosen["stability"] == 1.0


@pytest.mark.parametrize("n_segments", ["auto", 2, 6])
def test_order_of_customers_changes_no_bit(n_segments):
    rng = np.random.default_rng(7)
    table = rng.gamma(1.0, 4.0, (300, len(NAMES)))
    table[rng.random(table.shape) < 0.1] = np.nan
    wanted = Segments(n_segments=n_segments)
    features = columns_of(table)
    model = fit_segments(features, wanted, CPU)
    order = rng.permutation(len(table))
    shuffled = columns_of(table[order])
    again = fit_segments(shuffled, wanted, CPU)
    assert json.dumps(again.to_dict()) == json.dumps(model.to_dict())
    for one, other in zip(assign(model, features, CPU), assign(again, shuffled, CPU), strict=True):
        np.testing.assert_array_equal(one[order], other)
    sizes = np.bincount(assign(model, features, CPU)[0], minlength=len(model.centres))
    assert np.all(np.diff(sizes) <= 0)


@pytest.mark.parametrize("n_customers", [1, 2, 3, 5])
def test_a_few_customers_get_no_more_segments_than_there_are(n_customers):
    features = columns_of(np.random.default_rng(0).random((n_customers, len(NAMES))) * 9)
    for wanted in (Segments(), Segments(n_segments=8)):
        model = fit_segments(features, wanted, CPU)
        segment, distance = assign(model, features, CPU)
        assert 1 <= len(model.centres) <= n_customers
        assert segment.max() < len(model.centres)
        assert np.isfinite(distance).all()
        if wanted.n_segments == "auto":  # each customer but one has a segment, three at most
            assert len(model.centres) == max(1, min(n_customers - 1, 3))


def test_customers_all_alike_are_one_segment():
    features = columns_of([[3.0] * len(NAMES)] * 20)
    model = fit_segments(features, Segments(n_segments=4), CPU)
    segment, distance = assign(model, features, CPU)
    assert set(segment.tolist()) == {0}
    assert set(distance.tolist()) == {0.0}


def test_cards_describe_each_segment():
    features, _ = groups([30, 12, 50], seed=3)
    model = fit_segments(features, Segments(n_segments=3), CPU)
    segment, distance = assign(model, features, CPU)
    cards = profile_cards(model, [features], segment, distance, np.arange(len(segment)), CPU)
    assert [card["segment_id"] for card in cards] == [0, 1, 2]
    assert [card["n_customers"] for card in cards] == [50, 30, 12]
    assert sum(card["share"] for card in cards) == pytest.approx(1.0)
    for number, card in enumerate(cards):
        rows = np.flatnonzero(segment == number)
        by_distance = rows[np.argsort(distance[rows], kind="stable")]
        np.testing.assert_array_equal(distance[card["typical"]], distance[by_distance[:3]])
        for name, described in json.loads(card["feature"]).items():
            values = features[name]
            assert described["mean"] == pytest.approx(values[rows].mean(), rel=1e-8)
            assert described["population_mean"] == pytest.approx(values.mean(), rel=1e-8)
        assert "average" not in card["label"]


def test_a_card_says_how_far_its_segment_stands_from_all_customers_and_in_words():
    """The mean of its standard scores less that of all, in standard deviations of all."""
    features, _ = groups([30, 12, 50], seed=5)
    model = fit_segments(features, Segments(n_segments=3), CPU)
    segment, distance = assign(model, features, CPU)
    scores = standardised(features, model.centre, model.scale, model.money, CPU)
    for number, card in enumerate(
        profile_cards(model, [features], segment, distance, np.arange(len(segment)), CPU)
    ):
        told = json.loads(card["feature"])
        standing = {}
        for at, name in enumerate(NAMES):
            column = [float(score) for score in scores[:, at]]
            own = [score for score, of in zip(column, segment, strict=True) if of == number]
            shift = statistics.fmean(own) - statistics.fmean(column)
            standing[name] = shift / statistics.pstdev(column)
            assert told[name]["standard_score"] == pytest.approx(standing[name], abs=2e-6)
        first = max(NAMES, key=lambda name: abs(standing[name]))
        high = ("high ", "many ") if standing[first] > 0 else ("low ", "few ")
        words = told[first]["words"]
        assert card["label"].startswith(tuple(f"{how}{words}" for how in high))
        notable = sum(abs(score) >= 0.5 for score in standing.values())
        assert card["label"].count(",") == min(notable, 3) - 1


def test_customers_who_are_all_alike_are_close_to_the_average():
    features = columns_of([[3.0] * len(NAMES)] * 20)
    model = fit_segments(features, TWO, CPU)
    segment, distance = assign(model, features, CPU)
    (card,) = profile_cards(model, [features], segment, distance, np.arange(20), CPU)
    assert card["label"] == "close to the average 接近平均"
    told = json.loads(card["feature"])
    assert {one["standard_score"] for one in told.values()} == {0.0}
    assert {one["mean"] for one in told.values()} == {3.0}


@pytest.mark.parametrize("ends", [[0, 40], [0, 0, 7, 21, 40], [0, 1, 2, 39, 40]])
def test_typical_customers_of_the_same_scores_are_told_by_their_keys(ends):
    """Who paid nothing for a year has the scores of all who did, in whatever block it comes."""
    features = columns_of(np.random.default_rng(2).random((40, len(NAMES))) * 9)
    features[THIN] = np.where(np.arange(40) < 30, 0.0, 20.0)
    keys = np.random.default_rng(3).permutation(40)
    for order in (np.arange(40), np.arange(40)[::-1]):
        blocks = [
            {name: values[order[start:stop]] for name, values in features.items()}
            for start, stop in itertools.pairwise(ends)
        ]
        model, placed = fit_and_place(blocks, TWO, CPU)
        about = placed["segment_id"], placed["segment_distance"], keys[order]
        card = profile_cards(model, blocks, *about, CPU)[0]
        assert sorted(keys[order][card["typical"]]) == sorted(keys[:30])[:3]


def test_dense_groups_are_found_without_a_number_and_customers_in_none_are_placed():
    features, group = groups([60, 90, 80])
    model = fit_segments(features, Segments(method="hdbscan"), CPU)
    segment, _ = assign(model, features, CPU)
    assert adjusted_rand_score(group, segment) == 1.0
    features, _ = groups([1, 1, 1])
    assert len(fit_segments(features, Segments(method="hdbscan"), CPU).centres) == 1


def test_the_second_nearest_centre_and_whether_their_order_decided_are_those_of_loops():
    rng = np.random.default_rng(7)
    values = rng.integers(-2, 3, (300, 2)).astype(float)
    for n_centres in (1, 2, 3):
        centres = rng.integers(-2, 3, (n_centres, 2)).astype(float)
        first, away, second, further, is_tied = nearest_two(values, centres, CPU)
        for row, value in enumerate(values.tolist()):
            squares = [sum((a - b) ** 2 for a, b in zip(value, c, strict=True)) for c in centres]
            order = sorted(range(n_centres), key=lambda one: (squares[one], one))
            assert first[row] == order[0]
            assert away[row] == pytest.approx(squares[order[0]] ** 0.5)
            assert second[row] == (order[1] if n_centres > 1 else -1)
            assert n_centres == 1 or further[row] == pytest.approx(squares[order[1]] ** 0.5)
            assert is_tied[row] == (len(set(squares)) < n_centres)


def test_of_the_numbers_that_are_stable_enough_the_one_whose_groups_stand_apart_is_taken():
    """By what is said of each number: silhouette where it is stable, else stability alone."""
    rng = np.random.default_rng(11)
    sample = np.concatenate([rng.normal(0, 0.3, (60, 2)), rng.normal(2, 0.9, (60, 2))])
    _, worth = choose_number(sample, Segments(least_stability=0.0), CPU)
    indices = sorted({one["stability"] for one in worth})
    for least in (indices[-2], indices[-1]):
        taken, choice = choose_number(sample, Segments(least_stability=least), CPU)
        assert choice == worth
        stable = [one for one in choice if one["stability"] >= least]
        best = max(one["silhouette"] for one in stable)
        assert taken == min(o["n_segments"] for o in stable if o["silhouette"] == best)
    assert max(worth, key=lambda one: one["silhouette"])["stability"] < indices[-1]
    taken, _ = choose_number(sample, Segments(least_stability=1.0), CPU)
    assert taken == next(o["n_segments"] for o in worth if o["stability"] == indices[-1])


def test_customers_without_groups_are_not_stable_in_many_segments():
    rng = np.random.default_rng(4)
    cloud = rng.normal(0, 1, (600, len(NAMES)))
    apart = cloud * 0.05
    apart[:300] += 4.0
    two = np.array([[4.0] * len(NAMES), [0.0] * len(NAMES)])
    assert bootstrap_stability(apart, two, 0, CPU) == 1.0
    eight = CPU.kmeans(cloud, 8, 0)
    assert bootstrap_stability(cloud, eight, 0, CPU) < 0.7
    assert np.isnan(bootstrap_stability(cloud[:50], eight, 0, CPU))


def test_the_margin_is_1_at_a_centre_and_0_on_the_border():
    middles = [[0.0] * len(NAMES), [2.0] * len(NAMES)]
    model = SegmentModel(NAMES, [0.0] * len(NAMES), [1.0] * len(NAMES), middles, ids=[7, 3])
    scores = np.zeros((3, len(NAMES)))
    scores[1] += 1.0
    scores[2] += 1.9
    features = {name: scores[:, i].copy() for i, name in enumerate(NAMES)}
    logs = [row[0] for row in FEATURES if row[1]]
    features |= {name: np.expm1(features[name]) for name in logs}
    [week] = [row[0] for row in FEATURES if row[1] == "week"]
    features[week] = 8 * np.exp(scores[:, 0]) - 1  # from eight times on, as a week is the least
    model.centre[NAMES.index(week)] = float(np.log(8))
    features[THIN] = np.full(3, 1e300)  # so many payments that nothing is shrunk
    model.centre[NAMES.index(THIN)] = float(np.log1p(1e300))
    placed = placement(model, features, CPU)
    assert placed["segment_id"].tolist() == [7, 7, 3]
    assert placed["segment_second_id"].tolist() == [3, 3, 7]
    assert placed["segment_margin"][0] > placed["segment_margin"][1] > 0.0
    alone = SegmentModel(NAMES, model.centre, model.scale, middles[:1])
    placed = placement(alone, features, CPU)
    assert np.isnan(placed["segment_margin"]).all()
    assert placed["segment_second_id"].tolist() == [-1] * 3


def test_what_few_payments_say_is_drawn_to_the_middle():
    features = columns_of([[4.0] * len(NAMES)] * 4)
    features[THIN] = np.array([0.0, 3.0, 1e9, np.nan])
    values = standardised(features, [0.0] * len(NAMES), [1.0] * len(NAMES), {}, CPU)
    other = NAMES.index("balance_in_out_365d")
    assert values[:, other].tolist() == [0.0, 2.0, pytest.approx(4.0, abs=1e-6), 0.0]


# From night to night ------------------------------------------------------------------------------

segment_pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=40)


@given(segment_pairs)
def test_ids_are_kept_by_the_best_of_all_matchings(pairs):
    before = np.array([old * 2 for old, _ in pairs], np.int64)  # ids need not be 0, 1, 2 ...
    now = np.array([new for _, new in pairs], np.int64)
    ids = continuity.match_ids(before, now, 4)
    assert len(set(ids)) == 4
    kept = {row: one for row, one in enumerate(ids) if one in set(before.tolist())}
    common = sum(np.sum((now == row) & (before == one)) for row, one in kept.items())
    for row, one in kept.items():
        both = np.sum((now == row) & (before == one))
        assert both > 0.2 * np.sum((now == row) | (before == one))
    best = max(
        sum(
            np.sum((now == row) & (before == old))
            for row, old in zip(range(4), order, strict=True)
        )
        for order in itertools.permutations([*sorted(set(before.tolist())), -1, -2, -3, -4], 4)
    ) if pairs else 0  # fmt: skip
    dropped = best - common  # what only small overlaps would have added
    assert dropped <= 0.2 * max(1, 4 * len(pairs))


def test_segments_that_swap_their_size_keep_their_ids():
    before = np.array([0] * 60 + [1] * 40)
    now = np.array([1] * 45 + [0] * 55)  # 15 of the largest moved: the other is larger now
    assert continuity.match_ids(before, now, 2) == [1, 0]
    assert continuity.match_ids(before, np.where(now == 1, 2, now), 3) == [1, 2, 0]
    assert continuity.match_ids(before[:0], now[:0], 3) == [0, 1, 2]


def test_the_stability_index_by_hand():
    rng = np.random.default_rng(1)
    before = rng.normal(size=20_000)
    assert continuity.stability_index(before, rng.normal(size=20_000)) < 0.01
    assert continuity.stability_index(before, rng.normal(1.0, 1.0, 20_000)) > 0.25
    half = np.where(np.arange(20_000) % 2 == 0, np.nan, before)
    p, q = 1.0 / 10, 0.5 / 10
    by_hand = 10 * (q - p) * np.log(q / p) + (0.5 - 1e-4) * np.log(0.5 / 1e-4)
    assert continuity.stability_index(before, half) == pytest.approx(by_hand, rel=0.02)
    assert np.isnan(continuity.stability_index(before[:0], before))


def index_by_loops(before, now):
    """Return the index over tenths of the known values before and, apart, over what is null."""
    known = [one for one in before if one == one]
    edges = sorted(set(np.quantile(known, [tenth / 10 for tenth in range(1, 10)]).tolist()))

    def shares(values):
        places = [sum(edge < one for edge in edges) if one == one else None for one in values]
        return [max(places.count(place) / len(places), 1e-4)
                for place in (*range(len(edges) + 1), None)]  # fmt: skip

    pairs = zip(shares(before), shares(now), strict=True)
    return sum((q - p) * math.log(q / p) for p, q in pairs)


known_or_not = st.one_of(st.integers(-4, 12).map(float), st.just(math.nan))


@given(
    st.lists(known_or_not, min_size=1, max_size=40).filter(lambda v: any(x == x for x in v)),
    st.lists(known_or_not, min_size=1, max_size=40),
)
@settings(max_examples=60)
def test_the_stability_index_is_that_of_loops(before, now):
    found = continuity.stability_index(np.array(before), np.array(now))
    assert found == pytest.approx(index_by_loops(before, now), abs=1e-12)


def test_a_new_segment_has_a_number_that_none_had_the_night_before():
    before = np.array([0, 0, 0, 5, 5, 5])
    assert continuity.match_ids(before, np.array([0, 0, 0, 1, 1, 1]), 4) == [0, 5, 6, 7]
    assert continuity.match_ids(before, np.array([2, 2, 2, 3, 3, 3]), 4) == [6, 7, 0, 5]
    # segment 8 had customers, who have all left: its number would tell of a segment that held
    assert continuity.match_ids(before, np.array([0, 0, 0, 1, 1, 1]), 3, last_id=8) == [0, 5, 9]
    assert continuity.match_ids(before[:0], before[:0], 2, last_id=8) == [9, 10]


def test_just_a_fifth_of_the_customers_in_common_makes_no_segment_the_same():
    assert continuity.match_ids(np.zeros(5, int), np.array([1, 0, 0, 0, 0]), 2) == [0, 1]
    before, now = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 1])
    assert continuity.match_ids(before, now, 2) == [0, 1]
    apart = np.repeat([0, 1], [5, 40]), np.concatenate([[0], np.repeat(1, 44)])
    assert continuity.match_ids(*apart, 2) == [2, 1]  # one of five


def test_what_is_just_at_its_level_raises_no_alarm():
    table = continuity.drift({"a": 0.25, "b": 0.26}, 20, 100, 5, 6, (3, 4))
    rows = zip(table["measure"], table["value"], table["is_alarm"], strict=True)
    assert [(name, value, bool(alarm)) for name, value, alarm in rows] == [
        ("share_moved", 0.2, False), ("n_moved", 20, False), ("n_new", 5, False),
        ("n_gone", 6, False), ("n_segments_before", 3, False), ("n_segments", 4, False),
        ("index_a", 0.25, False), ("index_b", 0.26, True),
    ]  # fmt: skip
    assert np.isnan(continuity.drift({}, 0, 0, 5, 6, (0, 1))["value"][0])


def test_an_alarm_is_raised_above_its_level_only():
    indices = {"a": 0.3, "b": 0.1, "c": float("nan"), "recency_days_since_last": 2.0}
    table = continuity.drift(indices, 30, 100, 5, 6, (3, 3))
    alarms = dict(zip(table["measure"], table["is_alarm"].tolist(), strict=True))
    assert alarms == {
        "share_moved": True, "n_moved": False, "n_new": False, "n_gone": False,
        "n_segments_before": False, "n_segments": False, "index_a": True, "index_b": False, "index_c": False,
        "index_recency_days_since_last": False,  # follows the weekday of the as-of date
    }  # fmt: skip


def test_the_weekday_moves_nobody():
    """On a Sunday who last paid on Friday was further from one of Saturday than on a Monday."""
    quiet = columns_of([[float(days), *[1.0] * (len(NAMES) - 1)] for days in (0, 2, 7, 8, 63)])
    assert NAMES[0] == "recency_days_since_last"
    values = standardised(quiet, [0.0] * len(NAMES), [1.0] * len(NAMES), {}, CPU)[:, 0]
    assert values[0] == values[1] == values[2] < values[3] < values[4]


def test_who_has_not_passed_the_border_by_a_margin_stays():
    placed = {
        "segment_id": np.array([1, 1, 1, 1, 0, 1], np.int32),
        "segment_second_id": np.array([0, 0, 2, 0, -1, 0], np.int32),
        "segment_distance": np.array([9.5, 5.0, 9.5, 9.5, 1.0, 9.0]),
        "segment_margin": np.array([0.05, 0.5, 0.05, 0.05, np.nan, 0.1]),
    }
    before = np.array([0, 0, 0, -1, -1, 0], np.int32)  # the last has passed by just the margin
    kept = held(placed, before, 0.1, CPU)
    assert kept["segment_id"].tolist() == [0, 1, 1, 1, 0, 1]
    assert kept["segment_second_id"].tolist() == [1, 0, 2, 0, -1, 0]
    np.testing.assert_allclose(kept["segment_distance"], [10.0, 5.0, 9.5, 9.5, 1.0, 9.0])
    np.testing.assert_allclose(kept["segment_margin"], [1 - 10 / 9.5, 0.5, 0.05, 0.05, np.nan, 0.1])


@pytest.mark.parametrize(
    ("n_before", "taken"),
    [(0, 5), (5, 5), (4, 4), (3, 5), (6, 5), (7, 5), (12, 5)],
    ids=["first", "best", "nearly as good", "too far", "not stable", "best, not stable", "other"],
)
def test_the_number_of_the_night_before_stays_where_it_is_nearly_as_good(n_before, taken):
    worth = {3: (0.30, 0.9), 4: (0.32, 0.65), 5: (0.33, 0.8), 6: (0.32, 0.5), 7: (0.40, 0.55)}
    choice = [
        {"n_segments": n, "silhouette": silhouette, "stability": stability}
        for n, (silhouette, stability) in worth.items()
    ]
    assert _kept(n_before, choice[2], choice, Segments())["n_segments"] == taken


def test_turnover_is_compared_within_a_currency(backend):
    """Yen have no cents: by minor units whoever is paid in yen had a low turnover."""
    features, _ = groups([40, 90, 20, 60])
    rng = np.random.default_rng(6)
    currency = rng.choice([3, 5, 8], 210, p=[0.6, 0.35, 0.05]).astype(np.int16)
    models, cards = [], []
    for times in (1.0, 100.0):
        turnover = (features[MONEY] + 1e4) * np.where(currency == 5, times, 1.0)
        given_ = {**features, MONEY: np.rint(turnover), "main_currency": currency}
        given_ = {name: backend.asarray(values) for name, values in given_.items()}
        model, placed = fit_and_place([given_], Segments(), backend)
        models.append((model, backend.to_host(placed["segment_id"])))
        keys = np.arange(210)
        cards.append(profile_cards(
            model, [given_], placed["segment_id"], placed["segment_distance"], keys, backend
        ))  # fmt: skip
        known = (model.centre, model.scale, model.money, backend)
        scores = backend.to_host(standardised(given_, *known))
        assert (scores[currency == 8, NAMES.index(MONEY)] == 0).all()
        assert set(model.money) == {"3", "5"}
        whole = json.loads(cards[-1][0]["feature"])[MONEY]["population_mean"]
        assert whole == pytest.approx(np.rint(turnover)[currency == 3].mean())
    (one, segment), (other, again) = models
    assert adjusted_rand_score(segment, again) == 1.0
    assert one.money["3"] == other.money["3"] == 0
    assert one.money["5"] - other.money["5"] == pytest.approx(np.log(100), abs=1e-3)
    np.testing.assert_allclose(one.scale, other.scale, atol=1e-3)
