"""Look-alikes: nearest by a loop, whatever the order of customers; ranks, not units."""

import numpy as np
import pytest

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


def test_the_nearest_are_those_of_a_loop(features, backend):
    row, distance = lookalikes.nearest(features, 3, backend)
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
    row, distance = lookalikes.nearest(features, 3, cpu)
    order = np.random.default_rng(1).permutation(90)
    moved = {name: values[order] for name, values in features.items()}
    moved["frequency_n_365d"] = 100 * moved["frequency_n_365d"] ** 3  # another unit, same order
    again, away = lookalikes.nearest(moved, 3, cpu)
    np.testing.assert_array_equal(order[again], row[order])
    np.testing.assert_array_equal(away, distance[order])


def test_few_customers_have_few_look_alikes(features, cpu):
    two = {name: values[:2] for name, values in features.items()}
    table = lookalikes.table(two, 3, cpu)
    assert table["customer"].tolist() == [0, 1]
    assert table["similar"].tolist() == [1, 0]
    none = {name: values[:0] for name, values in features.items()}
    assert lookalikes.table(none, 3, cpu)["customer"].size == 0
    assert lookalikes.table({n: v[:1] for n, v in features.items()}, 3, cpu)["customer"].size == 0


def test_words_name_what_both_have_in_common():
    places = np.full((2, len(lookalikes.FEATURES)), 0.5)
    places[:, 0], places[:, 1], places[:, 2] = 0.9, 0.05, (0.9, 0.1)
    said = lookalikes.in_words(places, 0, 1)
    assert said == f"low {lookalikes.FEATURES[1]}, high {lookalikes.FEATURES[0]}"
