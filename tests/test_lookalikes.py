"""Look-alikes: nearest by a loop, whatever the order of customers; ranks, not units."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_in import stand_in_backend

from qfb_gpu.models import lookalikes


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(6)
    found = {name: np.exp(rng.normal(size=90)) for name in lookalikes.FEATURES}
    found["counterparty_hhi_in"][::7] = np.nan
    found["frequency_n_90d"] = rng.integers(0, 5, 90)  # many ties
    return found


def naive_rank(values, value):
    if np.isnan(value):
        return 0.5
    known = [v for v in values if not np.isnan(v)]
    below, equal = sum(v < value for v in known), sum(v == value for v in known)
    return (below + equal / 2) / len(known)


def nearest(features, n_nearest, backend, part=slice(None)):
    """Return the nearest customers' rows and distances of all customers, or of a part of them."""
    references = lookalikes.References.of(features)
    places = references.ranks({name: values[part] for name, values in features.items()})
    n_customers = features["recency_days_since_last"].size
    own = np.full(n_customers, -1)
    own[references.row] = np.arange(references.row.size)
    found, distance = lookalikes.nearest(references, places, own[part], n_nearest, backend)
    return np.where(found < 0, -1, np.append(references.row, -1)[found]), distance


def test_the_nearest_are_those_of_a_loop(features, backend):
    row, distance = nearest(features, 3, backend)
    places = [
        [naive_rank(features[name], features[name][one]) for name in lookalikes.FEATURES]
        for one in range(90)
    ]
    for one in range(90):
        away = sorted(
            (np.sqrt(np.mean((np.array(places[one]) - places[other]) ** 2)), other)
            for other in range(90) if other != one
        )  # fmt: skip
        assert row[one].tolist() == [other for _, other in away[:3]]
        np.testing.assert_allclose(distance[one], [d for d, _ in away[:3]], atol=1e-7)


def test_order_and_units_change_nothing(features, cpu):
    row, distance = nearest(features, 3, cpu)
    order = np.random.default_rng(1).permutation(90)
    moved = {name: values[order] for name, values in features.items()}
    moved["frequency_n_365d"] = 100 * moved["frequency_n_365d"] ** 3  # another unit, same order
    again, away = nearest(moved, 3, cpu)
    np.testing.assert_array_equal(order[again], row[order])
    np.testing.assert_array_equal(away, distance[order])


def test_a_part_of_the_customers_has_the_look_alikes_it_has_among_all(features, backend):
    row, distance = nearest(features, 3, backend)
    part = slice(20, 50)
    again, away = nearest(features, 3, backend, part)
    np.testing.assert_array_equal(again, row[part])
    np.testing.assert_array_equal(away, distance[part])


def test_fewer_references_than_customers_are_the_nearest_of_these(features, cpu, monkeypatch):
    monkeypatch.setattr(lookalikes, "MOST_REFERENCES", 30)
    row, distance = nearest(features, 3, cpu)
    kept = np.sort(lookalikes.References.of(features).row)
    assert kept.size == 30
    assert set(row.ravel().tolist()) <= set(kept.tolist())
    among = {name: values[kept] for name, values in features.items()}
    own, away = nearest(among, 3, cpu)
    np.testing.assert_array_equal(row[kept], kept[own])
    np.testing.assert_array_equal(distance[kept], away)


@pytest.mark.parametrize("n_alike", [2, 5, 40])
def test_of_customers_that_are_all_alike_the_first_references_count(features, backend, n_alike):
    same = {name: values.copy() for name, values in features.items()}
    for values in same.values():
        values[:n_alike] = values[0]
    row, distance = nearest(same, 3, backend)
    first = lookalikes.References.of(same).row
    alike = [one for one in first.tolist() if one < n_alike]
    for one in alike:
        others = [other for other in alike if other != one][:3]
        assert row[one, : len(others)].tolist() == others
        assert not distance[one, : len(others)].any()


def test_few_customers_have_few_look_alikes(features, cpu):
    row, distance = nearest({name: values[:2] for name, values in features.items()}, 3, cpu)
    assert row.tolist() == [[1, -1, -1], [0, -1, -1]]
    assert np.isnan(distance[:, 1:]).all()
    assert nearest({name: values[:0] for name, values in features.items()}, 3, cpu)[0].size == 0
    assert (nearest({n: v[:1] for n, v in features.items()}, 3, cpu)[0] == -1).all()


def test_words_name_what_both_have_in_common():
    places = np.full((2, len(lookalikes.FEATURES)), 0.5)
    places[:, 0], places[:, 1], places[:, 2] = 0.9, 0.05, (0.9, 0.1)
    said = lookalikes.in_words(places[:1], places[1:]).to_pylist()
    assert said == [f"low {lookalikes.FEATURES[1]}, high {lookalikes.FEATURES[0]}"]
    assert len(lookalikes.in_words(places[:0], places[:0])) == 0


def words_by_loops(own, other):
    """Return in what two customers are alike and stand out, at most three, the clearest first."""
    found = []
    for name, mine, its in zip(lookalikes.FEATURES, own, other, strict=True):
        a, b = mine - 0.5, its - 0.5
        clear = min(abs(a), abs(b)) - abs(mine - its) if a * b > 0 else 0.0
        if clear > 0:
            found.append((-clear, len(found), f"{'high' if a > 0 else 'low'} {name}"))
    return ", ".join(text for *_, text in sorted(found)[:3])


@pytest.mark.parametrize("seed", range(4))
def test_words_of_pairs_are_those_of_loops(seed):
    rng = np.random.default_rng(seed)
    own = rng.integers(0, 17, (60, len(lookalikes.FEATURES))) / 16
    other = np.clip(own + rng.integers(-3, 4, own.shape) / 16, 0, 1)
    wanted = [words_by_loops(a, b) for a, b in zip(own.tolist(), other.tolist(), strict=True)]
    assert lookalikes.in_words(own, other).to_pylist() == wanted


def test_a_gpu_would_do_the_same(features, cpu):
    there = nearest(features, 3, stand_in_backend())
    for one, other in zip(nearest(features, 3, cpu), there, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 3))
def test_references_are_those_of_an_order_by_all_features(seed, n, n_values):
    """Of few values most rows tie, some in all features; NaN and -0 among them."""
    rng = np.random.default_rng(seed)
    choice = np.array([0.0, -0.0, np.nan, 1.0])[: n_values + 1]
    features = {name: rng.choice(choice, n) for name in lookalikes.FEATURES}
    features["frequency_n_90d"] = rng.integers(0, n_values, n)
    order = np.lexsort([features[name] for name in lookalikes.FEATURES])
    place = np.flatnonzero(rng.random(n) < 0.3)
    assert lookalikes._rows_in_order(features, place).tolist() == order[place].tolist()
    assert lookalikes.References.of(features).row.tolist() == order.tolist()


def test_references_of_the_same_values_are_told_by_their_keys(monkeypatch):
    """So they are the same in whatever order, of buckets too, the customers come."""
    monkeypatch.setattr(lookalikes, "MOST_REFERENCES", 9)
    rng = np.random.default_rng(1)
    features = {
        name: rng.integers(0, 2, 50) * (at > 12) for at, name in enumerate(lookalikes.FEATURES)
    }
    features[lookalikes.KEY] = rng.permutation(50) - 25
    found = []
    for order in (np.arange(50), rng.permutation(50)):
        row = lookalikes.References.of({n: v[order] for n, v in features.items()}).row
        found.append(features[lookalikes.KEY][order][row].tolist())
    assert found[0] == found[1]


@pytest.mark.parametrize("n_values", [1, 2, 3])
def test_customers_that_tie_are_told_by_the_order_of_references(n_values, cpu, monkeypatch):
    """Most customers share few places: of as near ones the first references are the answer."""
    rng = np.random.default_rng(n_values)
    n = 600
    features = {name: np.zeros(n) for name in lookalikes.FEATURES}
    for name in lookalikes.FEATURES[:4]:
        features[name] = rng.integers(0, n_values, n).astype(float)
    features["interval_burstiness"] = np.where(rng.random(n) < 0.1, rng.random(n), 0.5)
    references = lookalikes.References.of(features)
    places = references.ranks(features)
    own = np.empty(n, np.int64)
    own[references.row] = np.arange(n)
    away = np.rint(
        sum((places[:, at, None] - references.places[:, at]) ** 2 for at in range(15)) / 15 * 1e9
    )
    away[np.arange(n), own] = np.inf
    want = np.lexsort((np.broadcast_to(np.arange(n), away.shape), away), axis=1)[:, :3]
    found, distance = lookalikes.nearest(references, places, own, 3, cpu)
    assert found.tolist() == want.tolist()
    np.testing.assert_array_equal(distance, np.sqrt(np.take_along_axis(away, want, axis=1) / 1e9))
    monkeypatch.setattr(lookalikes, "_is_sure", lambda away, *_: np.zeros(len(away), bool))
    assert lookalikes.nearest(references, places, own, 3, cpu)[0].tolist() == want.tolist()
