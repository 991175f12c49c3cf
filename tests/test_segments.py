"""Segments: standard scores and nearest centres against loops; names and order change nothing."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import segments as naive
from sklearn.metrics import adjusted_rand_score

from qfb_gpu.backend import get_backend
from qfb_gpu.config import Segments
from qfb_gpu.models.segments import FEATURES, SegmentModel, assign, fit_segments, profile_cards

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
    logs = [i for i, row in enumerate(FEATURES) if row[1] == "log"]
    raw[:, logs] = np.expm1(np.abs(raw[:, logs]) * 2)
    return columns_of(raw), group


@given(tables)
@settings(max_examples=50)
def test_centre_and_scale_match_naive(rows):
    model = fit_segments(columns_of(rows), TWO, CPU)
    assert model.names == NAMES
    for i, column in enumerate(zip(*transformed(rows), strict=True)):
        middle, spread = naive.scale(column)
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
    model = SegmentModel(NAMES, centre, scale, middles, float("nan"))
    segment, distance = assign(model, columns_of(rows), CPU)
    assert segment.dtype == np.int32
    for row, values in enumerate(transformed(rows)):
        scored = naive.scores(values, scales)
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
    assert 0.9 < model.silhouette <= 1.0


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
    cards = profile_cards(model, features, segment, distance, CPU)
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
