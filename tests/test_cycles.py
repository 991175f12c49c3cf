"""Round trips: against recursion, by hand, planted among noise, and in the simulator."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import CNY, EUR
from naive import cycles as naive
from simulate import simulated_backend
from stand_in import stand_in_backend

from qfb_gpu._config.network import RoundTrips
from qfb_gpu.backend import get_backend
from qfb_gpu.network import cycles
from qfb_gpu.network.cycles import edge_of, find_trips, loops, summed

CPU = get_backend("cpu")


def relations_of(payments, backend, side=0):
    """Return the relations of (payer, payee, day, amount, currency) and each payment's relation."""
    pairs = sorted({(row[0], row[1], row[4]) for row in payments})
    table = np.array(pairs, np.int64).reshape(-1, 3)
    number = {pair: row for row, pair in enumerate(pairs)}
    columns = {
        "payer_key": table[:, 0],
        "payee_key": table[:, 1],
        "currency": table[:, 2].astype(np.int16),
        "side": np.full(len(pairs), side, np.int8),
        "n_payments": np.ones(len(pairs), np.int64),
        "amount_minor": np.ones(len(pairs), np.int64),
    }
    relation = np.array([number[row[0], row[1], row[4]] for row in payments], np.int64)
    return {name: backend.asarray(values) for name, values in columns.items()}, relation


def search(payments, *, backend=CPU, **given_settings):
    """Return the loops, the trips and the payments that they index, as tuples."""
    relations, relation = relations_of(payments, backend)
    found = loops(relations, backend)
    edge = edge_of(found, relations, backend)[backend.asarray(relation)]
    day = backend.asarray(np.array([row[2] for row in payments], np.int32))
    amount = backend.asarray(np.array([row[3] for row in payments], np.int64))
    inside = edge >= 0
    asked = RoundTrips(**given_settings)
    dated = [(edge[inside], day[inside], amount[inside])]
    trips = find_trips(found, dated, asked, backend)
    return found, trips


def named(found, trips, backend=CPU):
    """Return {(payer, payee, day, amount of the first payment, parties, day it was back)}."""
    source = trips.pair_source[trips.pair]
    payment, day, amount, source, key = (
        backend.to_host(values)
        for values in (trips.payment, trips.day, trips.amount_minor, source, found.key)
    )
    rows = []
    for trip in payment.tolist():
        hops = [hop for hop in trip if hop >= 0]
        parties = tuple(int(key[source[hop]]) for hop in hops)
        first = (parties[0], parties[1], int(day[hops[0]]), int(amount[hops[0]]))
        rows.append((*first, parties, int(day[hops[-1]])))
    return rows


def expected(payments, found, window, share, longest):
    """Return the same by recursion; a trip of one day once, from the first numbered it is found."""
    plain = [row[:4] for row in payments if row[3] > 0]
    number = {int(key): place for place, key in enumerate(found.key.tolist())}
    rows, of_a_day = [], {}
    for (first, parties), back in naive.trips(plain, window, share, longest).items():
        begin = plain[first][2]
        row = (*plain[first], parties, back)
        if back > begin:
            rows.append(row)
            continue
        lowest = parties.index(min(parties, key=number.get))
        way = (parties[lowest:] + parties[:lowest], begin)
        of_a_day.setdefault(way, {}).setdefault(number[parties[0]], []).append(row)
    for found_from in of_a_day.values():
        rows += found_from[min(found_from)]
    return rows


payment_lists = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(0, 12), st.integers(-20, 120),
              st.just(CNY)),
    max_size=24,
)  # fmt: skip


@given(payment_lists, st.integers(0, 12), st.sampled_from([0.3, 0.8, 1.0]), st.integers(2, 5))
@settings(max_examples=60)
def test_trips_match_recursion(payments, window, share, longest):
    check_trips(payments, window, share, longest)


@pytest.mark.parametrize("seed", range(8))
def test_many_trips_match_recursion(seed):
    """Of the drawn payments one of five have a trip, and of those most a single one of two."""
    rng = np.random.default_rng(seed)
    payments = [
        (int(payer), int(payee), int(day), int(amount), CNY)
        for payer, payee, day, amount in zip(
            *rng.integers(1, 7, (2, 50)), rng.integers(0, 13, 50), rng.integers(80, 121, 50),
            strict=True,
        )
    ]  # fmt: skip
    longest = 3 + seed % 3
    want = check_trips(payments, int(rng.integers(8, 13)), [0.7, 0.8][seed % 2], longest)
    assert {len(parties) for *_, parties, _ in want} == set(range(2, longest + 1))


def check_trips(payments, window, share, longest):
    asked = {"window_days": window, "amount_share": share, "longest": longest}
    found, trips = search(payments, **asked)
    want = expected(payments, found, window, share, longest)
    assert sorted(named(found, trips)) == sorted(want)
    assert trips.n_unfinished == trips.n_not_kept == 0
    return want


def test_a_round_trip_by_hand():
    payments = [
        (1, 2, 100, 1000, CNY), (2, 3, 103, 950, CNY), (3, 1, 110, 900, CNY),
        (2, 1, 101, 1000, EUR), (2, 1, 104, 100, CNY), (3, 1, 60, 1000, CNY),  # not back
        (1, 4, 100, 1000, CNY), (4, 5, 100, 1000, CNY),  # 5 pays nobody
    ]  # fmt: skip
    found, trips = search(payments)
    assert named(found, trips) == [(1, 2, 100, 1000, (1, 2, 3), 110)]
    rows = summed(trips, found, CPU)
    assert rows["parties"].tolist() == [[1, 2, 3, 0, 0]]
    assert {name: values.tolist() for name, values in rows.items() if name != "parties"} == {
        "currency": [CNY], "length": [3], "n_trips": [1], "first_date": [100], "last_date": [110],
        "days": [10], "amount_minor": [1000], "returned_share": [0.9],
    }  # fmt: skip


def test_money_that_is_back_on_the_day_is_found_from_whichever_party_it_fits():
    """125 and 80 are within 0.8 of 100; neither of the others is the first payment of a trip."""
    for turn in range(3):
        one, two, three = ([1, 2, 3] * 2)[turn : turn + 3]
        payments = [(one, two, 9, 100, CNY), (two, three, 9, 125, CNY), (three, one, 9, 80, CNY)]
        assert named(*search(payments)) == [(one, two, 9, 100, (one, two, three), 9)]


def test_who_only_pays_or_is_only_paid_is_left_out_until_none_is_left():
    payments = [(i, i + 1, 0, 10, CNY) for i in range(1, 30)] + [(50, 51, 0, 1, CNY)]
    payments += [(51, 50, 0, 1, CNY), (50, 60, 0, 1, CNY), (61, 50, 0, 1, CNY)]
    found = loops(relations_of(payments, CPU)[0], CPU)
    assert sorted(found.key.tolist()) == [50, 51]


arrows = st.sets(
    st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda arrow: arrow[0] != arrow[1])
)


@given(arrows, st.sampled_from([1, 5, 10**6]))
@settings(max_examples=80)
def test_edges_that_lead_back_in_five_steps_stay_and_others_where_looks_ran_out(pairs, looks):
    payer, payee = np.array(sorted(pairs), np.int64).reshape(-1, 2).T.copy()
    with mock.patch.object(cycles, "_CLOSING_LOOKS", looks):
        got = cycles._may_close(payer, payee, 10, CPU).tolist()
    link = np.zeros((10, 10), np.int64)
    link[payer, payee] = 1
    leads = sum(np.linalg.matrix_power(link, n_steps) for n_steps in range(1, 5)) > 0
    want = leads[payee, payer].tolist()
    assert all(kept >= needed for kept, needed in zip(got, want, strict=True))
    assert looks < 10**6 or got == want


def test_the_other_sides_report_of_a_payment_does_not_count_twice():
    payments = [(1, 2, 0, 10, CNY), (2, 1, 1, 10, CNY)]
    relations, _ = relations_of(payments, CPU)
    found = loops(relations, CPU)
    assert (edge_of(found, relations, CPU) >= 0).all()
    other = {**relations, "side": np.ones(2, np.int8)}
    assert (edge_of(found, other, CPU) == -1).all()
    assert (edge_of(found, {**relations, "payer_key": relations["payee_key"] + 7}, CPU) < 0).all()


def test_trips_by_the_same_parties_are_summed():
    payments = []
    for month in range(12):
        payments += [(7, 8, 30 * month, 500, CNY), (8, 7, 30 * month + month % 3, 490, CNY)]
    found, trips = search(payments, window_days=5)
    rows = summed(trips, found, CPU)
    at = rows["parties"][:, 0].tolist().index(7)
    assert rows["n_trips"][at] >= 8
    assert rows["days"].min() == 0
    assert rows["returned_share"][at] == pytest.approx(0.98)
    assert rows["last_date"][at] == 30 * 11 + 2
    assert (np.diff(rows["n_trips"]) <= 0).all()


def test_planted_trips_are_found_among_noise():
    rng = np.random.default_rng(5)
    n_parties, noise, planted = 400, 6000, set()
    payments = [
        (int(a) + 1, int(b) + 1, int(d), int(v), CNY)
        for a, b, d, v in zip(
            rng.integers(0, n_parties, noise), rng.integers(0, n_parties, noise),
            rng.integers(0, 365, noise), rng.lognormal(10, 2, noise).astype(int) + 1, strict=True,
        )
        if a != b
    ]  # fmt: skip
    for length in (2, 3, 4, 5):
        for _ in range(10):
            parties = (rng.choice(n_parties, length, replace=False) + 1).tolist()
            day, value = int(rng.integers(0, 330)), int(rng.integers(10_000, 10_000_000))
            hops = zip(parties, [*parties[1:], parties[0]], strict=True)
            for i, (payer, payee) in enumerate(hops):
                payments.append((payer, payee, day + 5 * i, int(value * (1 - 0.02 * i)), CNY))
            planted.add((day, value, tuple(parties)))
    found, trips = search(payments)
    got = {(day, amount, parties) for _, _, day, amount, parties, _ in named(found, trips)}
    assert planted <= got


def test_work_is_bounded_and_said():
    n = 30
    payments = [(a, b, 0, 100, CNY) for a in range(n) for b in range(n) if a != b]
    _, trips = search(payments, max_looks=200)
    assert trips.n_unfinished == len(payments)
    _, whole = search(payments, longest=3, max_looks=20_000)
    assert whole.n_unfinished == 0
    assert whole.payment.shape[0] == n * (n - 1) // 2 + n * (n - 1) * (n - 2) // 3


@pytest.mark.parametrize("n", [100, 130])
@pytest.mark.parametrize("fits", [1, 10])
def test_each_pair_that_cannot_fit_is_a_look(n, fits):
    hub = 10_000
    amounts = [int(1000 * 1.3 ** (party // fits)) for party in range(n)]
    payments = [row for party, amount in enumerate(amounts) for row in
                ((hub, party, 0, amount, CNY), (party, hub, 0, amount, CNY))]  # fmt: skip
    # from a party: the hub's n pairs, and their end; of those the others that fit lead to a party
    # that pays the hub alone: its one pair, and its end
    looks = n + 1 + 2 * (fits - 1)
    _, enough = search(payments, max_looks=looks)
    assert enough.n_unfinished == 0
    _, less = search(payments, max_looks=looks - 1)
    assert less.n_unfinished == n
    assert less.payment.tolist() == enough.payment.tolist()


@pytest.mark.parametrize("n_a_time", [1, 7, 1000])
@pytest.mark.parametrize("most", [3, 11, 10**6])
def test_trips_are_the_same_however_many_are_searched_at_a_time(monkeypatch, n_a_time, most):
    rng = np.random.default_rng(3)
    payments = [(int(a), int(b), int(d), int(v), CNY) for a, b, d, v in
                zip(rng.integers(1, 9, 200), rng.integers(1, 9, 200), rng.integers(0, 30, 200),
                    rng.integers(90, 110, 200), strict=True)]  # fmt: skip
    monkeypatch.setattr(cycles, "MOST_TRIPS", most)
    _, whole = search(payments, max_looks=100)
    budget = cycles._BUDGETS * CPU.memory_budget_bytes()
    monkeypatch.setattr(cycles, "_BYTES_A_FIRST", budget // n_a_time)
    _, other = search(payments, max_looks=100)
    assert other.payment.tolist() == whole.payment.tolist()
    assert (other.n_unfinished, other.n_not_kept) == (whole.n_unfinished, whole.n_not_kept)
    assert whole.n_unfinished > 0
    assert (whole.n_not_kept > 0) == (most < 10**6)


def test_names_change_nothing():
    rng = np.random.default_rng(1)
    payments = [(int(a), int(b), int(d), int(v), CNY) for a, b, d, v in
                zip(rng.integers(1, 9, 60), rng.integers(1, 9, 60), rng.integers(0, 30, 60),
                    rng.integers(90, 110, 60), strict=True)]  # fmt: skip
    found, trips = search(payments)
    renamed = [(90 - row[0], 90 - row[1], *row[2:]) for row in payments[::-1]]
    other, again = search(renamed)
    back = sorted(
        (90 - a, 90 - b, d, v, tuple(90 - p for p in parties), stop)
        for a, b, d, v, parties, stop in named(other, again)
    )
    assert back == sorted(named(found, trips))
    assert len(back) > 10


@pytest.mark.parametrize("payments", [[], [(1, 1, 0, 5, CNY)], [(1, 2, 0, 5, CNY)]])
def test_no_cycle_no_trip(payments):
    found, trips = search(payments)
    rows = summed(trips, found, CPU)
    assert {values.shape[0] for values in rows.values()} == {0}


CASE = [
    (1, 2, 0, 100, CNY), (2, 1, 1, 95, CNY), (2, 3, 1, 90, CNY), (3, 1, 2, 100, CNY),
    (3, 4, 2, 101, CNY), (4, 1, 4, 90, CNY), (1, 2, 3, 100, EUR), (2, 1, 3, 100, EUR),
    (4, 2, 0, 97, CNY),
]  # fmt: skip


def test_a_gpu_would_do_the_same():
    there = stand_in_backend()
    found, trips = search(CASE, backend=there)
    want = search(CASE)
    assert sorted(named(found, trips, there)) == sorted(named(*want[::1]))
    got, rows = summed(trips, found, there), summed(want[1], want[0], CPU)
    assert {k: v.tolist() for k, v in got.items()} == {k: v.tolist() for k, v in rows.items()}


@pytest.mark.cudasim
def test_the_kernel_in_the_simulator_equals_cpu():
    found, trips = search(CASE, backend=simulated_backend())
    assert sorted(named(found, trips)) == sorted(named(*search(CASE)))
    assert trips.payment.shape[0] == 5
