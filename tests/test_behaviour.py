"""Vectors of behaviour against planted groups and a dense decomposition; associations by counting."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import CNY, build_ledger
from scipy.stats import false_discovery_control, poisson

from qfb_gpu.backend import get_backend
from qfb_gpu.config import Behaviour
from qfb_gpu.models import directions
from qfb_gpu.models.association import associations
from qfb_gpu.models.behaviour import Visits, customer_vectors, embed, numbered, visits_of

CPU = get_backend("cpu")
AS_OF = 20_000


def visits(rows):
    """Return Visits of (customer, party, period) rows, each once, by customer."""
    table = np.array(sorted(set(rows)), np.int64).reshape(-1, 3)
    table.flags.writeable = False
    return Visits(*(np.ascontiguousarray(table[:, i]) for i in range(3)))


def planted(seed=0, n=60, groups=3, pool=12):
    """Return visits of customers of some groups, each mostly to parties of its own pool."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) % groups
    rows = []
    for customer, own in enumerate(group):
        for period in range(6):
            for _ in range(4):
                other = rng.random() < 0.1
                of = rng.integers(groups) if other else own
                rows.append((customer, 1000 + pool * int(of) + int(rng.integers(pool)), period))
    return visits(rows), group


def cosines(vector):
    return vector @ vector.T


def test_parties_of_one_group_and_its_customers_are_near(backend):
    seen, group = planted()
    seen = Visits(*(backend.asarray(v) for v in (seen.customer, seen.party, seen.period)))
    asked = Behaviour(dimensions=2)
    vectors = embed(seen, asked, backend)
    of_party = (backend.to_host(vectors.party) - 1000) // 12
    near = cosines(backend.to_host(vectors.vector))
    same = of_party[:, None] == of_party[None, :]
    assert near[same].mean() > 0.8
    assert near[~same].mean() < 0.2
    vector, share = customer_vectors(seen, len(group), vectors, asked, backend)
    near = cosines(backend.to_host(vector))
    same = group[:, None] == group[None, :]
    assert near[same].mean() > 0.8
    assert near[~same].mean() < 0.2
    np.testing.assert_allclose(backend.to_host(share), 1.0)


def test_vectors_span_what_a_dense_decomposition_finds():
    seen, _ = planted(seed=3)
    asked = Behaviour(dimensions=2, least_customers=2)
    vectors = embed(seen, asked, CPU)
    basket = np.unique(seen.customer * 100 + seen.period, return_inverse=True)[1]
    matrix = np.zeros((basket.max() + 1, len(vectors.party)))
    matrix[basket, np.searchsorted(vectors.party, seen.party)] = 1.0
    rows, columns = np.sqrt(matrix.sum(axis=1)), np.sqrt(matrix.sum(axis=0))
    _, value, right = np.linalg.svd(matrix / rows[:, None] / columns[None, :])
    assert value[0] == pytest.approx(1.0)  # the trivial one
    want = (right[1:3].T * value[1:3]) / columns[:, None]
    want /= np.linalg.norm(want, axis=1, keepdims=True)
    np.testing.assert_allclose(cosines(vectors.vector), cosines(want), atol=1e-4)


def test_numbering_of_customers_and_parties_changes_no_vector():
    seen, group = planted(seed=5)
    asked = Behaviour(dimensions=3)
    vectors = embed(seen, asked, CPU)
    rng = np.random.default_rng(1)
    customer, party = rng.permutation(len(group)), rng.permutation(5000)
    again = visits(
        zip(customer[seen.customer].tolist(), party[seen.party].tolist(), seen.period.tolist(),
            strict=True)
    )  # fmt: skip
    other = embed(again, asked, CPU)
    place = np.searchsorted(other.party, party[vectors.party])
    np.testing.assert_allclose(other.vector[place], vectors.vector, atol=2e-6)
    np.testing.assert_array_equal(other.n_customers[place], vectors.n_customers)


def alike(kind, seed):
    """Return visits of (customer, party, period) in which parties are alike but for their names."""
    rng = np.random.default_rng(seed)
    n_parties, n_periods = int(rng.integers(1, 100)), int(rng.integers(1, 13))
    if kind == "isolated":  # a party has customers of its own
        return [(3 * p + c, p, t) for p in range(n_parties) for c in range(3)
                for t in range(n_periods)]  # fmt: skip
    if kind == "ring":  # a customer deals with two neighbours on a ring
        return [(c, (c + k) % n_parties, t) for c in range(2 * n_parties) for k in (0, 1)
                for t in range(n_periods)]  # fmt: skip
    if kind == "groups":  # a few small banks that have nothing in common
        sizes = rng.integers(1, 5, 30)
        return [(10 * g + c, 10 * g + p, t) for g, size in enumerate(sizes)
                for c in range(size + 2) for p in range(size) for t in range(n_periods)
                if rng.random() < 0.8]  # fmt: skip
    return [(c, p, 0) for c in range(int(rng.integers(3, 30))) for p in range(n_parties)
            if rng.random() < 0.4]  # fmt: skip


@pytest.mark.parametrize("kind", ["isolated", "ring", "groups", "one period"])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=15)
def test_numbering_changes_no_vector_where_directions_are_tied(kind, seed):
    rows, rng, asked = alike(kind, seed), np.random.default_rng(seed), Behaviour()
    customer, party = rng.permutation(1000), rng.permutation(1000)
    again = visits([(customer[c], party[p], t) for c, p, t in rows])
    seen = visits(rows)
    vectors, other = embed(seen, asked, CPU), embed(again, asked, CPU)
    place = np.searchsorted(other.party, party[vectors.party])
    np.testing.assert_array_equal(other.vector[place], vectors.vector)
    assert not np.signbit(vectors.vector[vectors.vector == 0]).any()
    found, its = (customer_vectors(v, 1000, w, asked, CPU)[0]
                  for v, w in ((seen, vectors), (again, other)))  # fmt: skip
    np.testing.assert_array_equal(its[customer], found)


@pytest.mark.parametrize("seed", [128, 183, 197])
def test_a_sum_of_columns_to_start_from_is_none_of_its_own(seed):
    """By products of the columns, rounding alone was one: vectors were up to 0.18 apart."""
    rows, rng = alike("one period", seed), np.random.default_rng(seed)
    party = rng.permutation(1000)
    one, other = (embed(visits(given), Behaviour(), CPU)
                  for given in (rows, [(c, party[p], t) for c, p, t in rows]))  # fmt: skip
    place = np.searchsorted(other.party, party[one.party])
    np.testing.assert_array_equal(other.vector[place], one.vector)
    columns = np.array([[1.0, 2, 3, 0], [0, 1e-4, 1e-4, 0], [0, 0, 0, 1e-7]])
    assert directions._independent(columns) == [0, 1]


def test_what_nothing_but_a_name_tells_apart_has_no_direction():
    """Two parties with the same visits, each of its own customers: none is the first."""
    rows = [(10 * p + c, p, t) for p in (0, 1) for c in range(3) for t in range(2)]
    assert not embed(visits(rows), Behaviour(), CPU).vector.any()
    rows += [(20, 0, 0)]  # now one of them has a visit more
    vector = embed(visits(rows), Behaviour(), CPU).vector
    np.testing.assert_array_equal(np.abs(vector), np.eye(8)[[0, 0]])
    assert vector[0, 0] == -vector[1, 0]


def test_of_tied_directions_each_is_the_nearest_to_a_column_to_start_from():
    rng = np.random.default_rng(7)
    basis, _ = np.linalg.qr(rng.normal(size=(6, 3)))
    start = rng.normal(size=(6, 4))
    turned = basis @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    ways = [b @ directions._nearest(start.T @ b) for b in (basis, turned)]
    np.testing.assert_allclose(ways[0], ways[1], atol=1e-12)
    nearest = basis @ (basis.T @ start[:, 0])
    np.testing.assert_allclose(ways[0][:, 0], nearest / np.linalg.norm(nearest))
    np.testing.assert_allclose(ways[0].T @ ways[0], np.eye(3), atol=1e-12)


def test_a_direction_that_carries_little_is_not_tied_with_those_that_carry_nothing():
    """Rounding leaves squares below 0 of those: their roots made vectors of NaN, of all parties."""
    rng = np.random.default_rng(3)
    turn, _ = np.linalg.qr(rng.normal(size=(9, 9)))
    squares = np.array([1.0, 0.5, 5e-8, 0, 0, 0, 0, 0, 0])
    row, column = (index.ravel() for index in np.indices((9, 9)))
    matrix = CPU.sparse((9, 9), row, column, (np.sqrt(squares)[:, None] * turn.T).ravel())
    found = directions.leading(matrix, turn[:, 0], rng.normal(size=(9, 12)), 4, CPU)
    want = np.append(np.sqrt(squares[1:3]), [0, 0])
    np.testing.assert_allclose(np.sqrt(np.sum(found**2, axis=0)), want, rtol=1e-6)
    np.testing.assert_allclose(np.abs(found), np.abs(turn[:, 1:5] * want), atol=1e-9)
    power = np.array([-1e-17, 1e-17, 5e-8, 0.5])
    _, kept = directions._one_way(power, np.eye(4), rng.normal(size=(3, 4)), 4)
    assert kept.tolist() == [0.5, 5e-8, 0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_all_directions_of_few_parties_are_those_that_steps_come_to(seed, monkeypatch):
    seen, _ = planted(seed=seed, n=120, groups=3, pool=20)
    asked = Behaviour(dimensions=2)
    whole = embed(seen, asked, CPU).vector
    monkeypatch.setattr(directions, "_FEW", 0)
    assert len(whole) <= 64
    np.testing.assert_allclose(whole, embed(seen, asked, CPU).vector, atol=1e-4)


def test_parties_of_too_few_customers_have_no_vector_and_the_share_says_so():
    rows = [(c, 7, p) for c in range(4) for p in range(3)] + [(0, 9, 0), (1, 8, 0)]
    asked = Behaviour(dimensions=2, least_customers=3)
    seen = visits(rows)
    vectors = embed(seen, asked, CPU)
    assert vectors.party.tolist() == [7]
    assert vectors.n_customers.tolist() == [4]
    vector, share = customer_vectors(seen, 6, vectors, asked, CPU)
    assert vector.shape == (6, 2)
    assert np.isnan(share[4:]).all()
    assert share[2] == 1.0
    assert 0.6 < share[0] < 0.8


@pytest.mark.parametrize("rows", [[], [(0, 1, 0)], [(0, 1, 0), (1, 1, 0), (2, 1, 3)]])
def test_hardly_any_visits_are_no_trouble(rows):
    asked = Behaviour()
    seen = visits(rows)
    vectors = embed(seen, asked, CPU)
    vector, _ = customer_vectors(seen, 3, vectors, asked, CPU)
    assert vector.shape == (3, asked.dimensions)
    assert {v.size for v in associations(numbered(seen, CPU), 3, asked, CPU).values()} == {0}


def test_a_party_is_who_pays_or_who_is_paid_in_periods_before_as_of():
    rows = [
        (0, 1, 1, CNY, AS_OF, 5), (0, 1, 1, CNY, AS_OF - 3, 5), (0, 1, 0, CNY, AS_OF - 30, 5),
        (0, 2, 1, CNY, AS_OF - 359, 5), (0, 2, 1, CNY, AS_OF - 360, 5), (1, 0, 1, CNY, AS_OF, 5),
    ]  # fmt: skip
    found = visits_of(build_ledger(rows), AS_OF, Behaviour(), CPU)
    assert found.customer.tolist() == [0, 0, 0]
    assert sorted(found.period.tolist()) == [0, 1, 11]
    assert len(set(found.party.tolist())) == 3


pairs = st.lists(st.tuples(st.integers(0, 11), st.integers(20, 26), st.integers(0, 2)), max_size=60)


@given(pairs, st.randoms())
@settings(max_examples=60)
def test_parties_are_numbered_whatever_the_order_of_a_customers_visits(rows, chance):
    rows = sorted(set(rows), key=lambda row: (row[0], chance.random()))
    table = np.array(rows, np.int64).reshape(-1, 3)
    got = numbered(Visits(*table.T), CPU)
    assert got.party.tolist() == sorted({party for _, party, _ in rows})
    assert got.party[got.of_visit].tolist() == [party for _, party, _ in rows]
    customers = sorted({customer for customer, _, _ in rows})
    found = zip(got.pair_customer.tolist(), got.party[got.pair_party].tolist(), strict=True)
    assert [(customers[c], p) for c, p in found] == sorted({(c, p) for c, p, _ in rows})


@given(pairs)
@settings(max_examples=60)
def test_associations_match_counting(rows):
    asked = Behaviour(least_both=2, most_share=0.9, false_discovery_rate=0.99, n_pairs=1000)
    n_customers = 12
    of = {}
    for customer, party, _ in rows:
        of.setdefault(party, set()).add(customer)
    of = {p: c for p, c in of.items() if 2 <= len(c) <= 0.9 * n_customers}
    size = [sum(c in customers for customers in of.values()) for c in range(n_customers)]
    meetings = sum(n * (n - 1) for n in size)
    equals = min(n_customers, sum(size) ** 2 / meetings) if meetings else n_customers
    want = {}
    for a, b in itertools.combinations(sorted(of), 2):
        both = len(of[a] & of[b])
        if both >= 2:
            left, right = sorted((a, b), key=lambda p: (len(of[p]), p))
            p = poisson.sf(both - 1, len(of[right]) * len(of[left]) / equals)
            lift = both * n_customers / len(of[a]) / len(of[b])
            want[left, right] = (both, both / len(of[left]), lift, p)
    got = associations(numbered(visits(rows), CPU), n_customers, asked, CPU)
    columns = [got[name].tolist() for name in ("n_both", "confidence", "lift", "p_value")]
    found = dict(zip(zip(got["left"].tolist(), got["right"].tolist(), strict=True),
                     zip(*columns, strict=True), strict=True))  # fmt: skip
    assert set(found) <= set(want)
    assert all(found[pair] == pytest.approx(want[pair]) for pair in found)
    assert got["p_value"].tolist() == sorted(got["p_value"].tolist())
    assert all(got["q_value"] <= 0.99)
    n_pairs = len(of) * (len(of) - 1) // 2
    p_values = np.array([one[3] for one in want.values()] + [1.0] * (n_pairs - len(want)))
    q_values = false_discovery_control(p_values) if n_pairs else p_values
    sure = {pair for pair, q in zip(want, q_values, strict=False) if q <= 0.99 - 1e-9}
    assert sure <= set(found)


def test_baskets_at_random_hold_no_associations():
    """Of 2,000,000 pairs some have five in common by chance: they alone were counted, and found."""
    rng = np.random.default_rng(3)
    rows = [(c, p, 0) for c in range(2000) for p in rng.choice(2000, 40, replace=False).tolist()]
    assert associations(numbered(visits(rows), CPU), 2000, Behaviour(), CPU)["left"].size == 0


def test_busy_customers_put_no_parties_together():
    """A few deal with many parties: those met in them more often than if all were alike."""
    rng = np.random.default_rng(4)
    sizes = np.minimum(rng.poisson(10 * np.exp(rng.normal(-0.72, 1.2, 2000))), 300)
    popularity = 1 / np.sqrt(np.arange(1, 1001))
    popularity /= popularity.sum()
    rows = [
        (c, p, 0)
        for c, size in enumerate(sizes.tolist())
        for p in rng.choice(1000, size, replace=False, p=popularity).tolist()
    ]
    assert associations(numbered(visits(rows), CPU), 2000, Behaviour(), CPU)["left"].size == 0


def test_planted_pairs_are_found_and_chance_ones_are_not():
    rng = np.random.default_rng(2)
    rows = [(c, int(p), 0) for c in range(400) for p in rng.integers(100, 160, 5)]
    rows += [(c, p, 0) for c in range(0, 400, 8) for p in (1, 2)]
    got = associations(numbered(visits(rows), CPU), 400, Behaviour(), CPU)
    assert (got["left"].tolist(), got["right"].tolist()) == ([1], [2])
    assert got["lift"][0] == pytest.approx(8.0)
    assert got["confidence"][0] == 1.0
