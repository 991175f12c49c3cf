"""Contagion: closed forms, dense references, conservation, and the question asked by name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import contagion as naive
from stand_in import DeviceArray, stand_in_backend

from qfb_gpu._config.network import Contagion
from qfb_gpu.backend import get_backend
from qfb_gpu.currencies import currency_code
from qfb_gpu.network import build_graph, candidates, clearing, dependents, exposures, impacts
from qfb_gpu.network.clearing import clear
from qfb_gpu.network.debtrank import LEAST, spread
from qfb_gpu.network.dependence import year_shares

CPU = get_backend("cpu")
CNY, EUR = currency_code("CNY"), currency_code("EUR")


def network_of(flows, customers=None, backend=CPU, currency=CNY):
    """Return the edges of {(payer, payee): money of the year} and their graph; all customers."""
    pairs = list(flows)
    table = np.array(pairs, np.int64).reshape(-1, 2)
    nodes = set(table.ravel().tolist()) if customers is None else set(customers)
    money = np.array([flows[pair] for pair in pairs], np.int64)
    edges = {
        "payer_key": table[:, 0],
        "payee_key": table[:, 1],
        "currency": np.full(len(pairs), currency, np.int16),
        "n_payments": np.full(len(pairs), 12, np.int64),
        "amount_minor": money * 2,
        "n_payments_365d": np.full(len(pairs), 6, np.int64),
        "amount_365d_minor": money,
        "payer_is_customer": np.isin(table[:, 0], list(nodes)),
        "payee_is_customer": np.isin(table[:, 1], list(nodes)),
    }
    for side, name in (("payee", "income_share"), ("payer", "spending_share")):
        edges[name] = year_shares(edges, side, np.ones(len(pairs)), np)
    edges = {name: backend.asarray(values) for name, values in edges.items()}
    return edges, build_graph(edges, backend)


def losses(flows, firm, recovery=0.0, *, customers=None, backend=CPU, **assumed):
    """Return {party: (share of income lost, directly)} where ``firm`` stops paying, and all."""
    edges, graph = network_of(flows, customers, backend)
    key = backend.to_host(graph.key)
    exposure = exposures(graph, edges, Contagion(**assumed), backend)
    number = np.flatnonzero(key == firm)
    found = impacts(exposure, backend.asarray(number), recovery, backend)
    lost, direct = backend.to_host(found.lost)[:, 0], backend.to_host(found.direct)[:, 0]
    named = {int(k): (float(a), float(b)) for k, a, b in zip(key, lost, direct, strict=True)}
    return named, found


CHAIN = {(1, 2): 100, (2, 3): 80, (9, 3): 80, (3, 4): 50, (9, 4): 150}


@given(st.data())
@settings(max_examples=40)
def test_leaving_out_whom_nothing_reaches_changes_no_bit(data):
    pair = st.tuples(st.integers(1, 9), st.integers(1, 9))
    flows = data.draw(st.dictionaries(pair, st.integers(0, 500), min_size=1, max_size=25))
    customers = data.draw(st.sets(st.integers(1, 9)))
    outsiders = data.draw(st.sampled_from(["absorb", "pass_on"]))
    edges, graph = network_of(flows, customers)
    firms = np.arange(min(3, graph.n_nodes))
    asked = Contagion(outsiders=outsiders, buffer=0.5)
    whole = impacts(exposures(graph, edges, asked, CPU), firms, 0.2, CPU)
    narrow = exposures(graph, edges, asked, CPU, first=firms)
    found = impacts(narrow, np.searchsorted(narrow.node, firms), 0.2, CPU)
    others = np.setdiff1d(np.arange(graph.n_nodes), narrow.node)
    for name in ("direct", "lost", "distress", "step"):
        values = getattr(whole, name)
        np.testing.assert_array_equal(getattr(found, name), values[narrow.node])
        assert (values[others] == (-1 if name == "step" else 0)).all()
    for name in ("debtrank", "debtrank_direct"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))


def test_along_a_chain_shares_multiply():
    lost, found = losses(CHAIN, 1)
    assert lost[2] == pytest.approx((1.0, 1.0))
    assert lost[3] == pytest.approx((0.5, 0.0))
    assert lost[4] == pytest.approx((0.125, 0.0))
    assert lost[1] == lost[9] == (0.0, 0.0)
    step = dict(zip(network_of(CHAIN)[1].key.tolist(), found.step[:, 0].tolist(), strict=True))
    assert step == {1: 0, 2: 1, 3: 2, 4: 3, 9: -1}


def test_recovery_and_buffer_are_what_they_say():
    lost, _ = losses(CHAIN, 1, recovery=0.6)
    assert [lost[node][0] for node in (2, 3, 4)] == pytest.approx([0.4, 0.2, 0.05])
    lost, found = losses(CHAIN, 1, recovery=0.6, buffer=0.25)
    assert lost[2][0] == pytest.approx(0.4)  # more than its buffer: it stops altogether
    assert lost[3][0] == pytest.approx(0.5)
    assert lost[4][0] == pytest.approx(0.25)
    assert found.distress[:, 0].max() == 1.0


def test_a_star_is_hit_at_once_and_no_further():
    flows = {(1, n): 10 * n for n in range(2, 7)} | {(8, n): 10 * n for n in range(2, 7)}
    lost, found = losses(flows, 1)
    assert {lost[n] for n in range(2, 7)} == {(0.5, 0.5)}
    business = 2 * (20 + 30 + 40 + 50 + 60)  # of each payer, what it pays; of each payee, its two
    value = dict(zip(network_of(flows)[1].key.tolist(), [0] * 7, strict=True))
    assert len(value) == 7
    assert found.debtrank[0] == pytest.approx(0.5 * business / (2 * business))
    assert found.debtrank_direct[0] == pytest.approx(found.debtrank[0])


def test_round_a_ring_distress_passes_everyone_once():
    n = 7
    flows = {(i, (i + 1) % n + 0): 100 for i in range(n)}
    flows = {(a + 1, b + 1): v for (a, b), v in flows.items()}
    lost, found = losses(flows, 1)
    assert {lost[i][0] for i in range(2, n + 1)} == {1.0}
    assert found.debtrank[0] == pytest.approx((n - 1) / n)
    half, found = losses(flows, 1, recovery=0.5)
    assert {half[i][0] for i in range(2, n + 1)} == {0.5}


def test_a_loss_stops_at_who_is_no_customer_unless_it_may_pass():
    flows = {(1, 2): 10, (2, 3): 10}
    lost, _ = losses(flows, 1, customers=[3])
    assert lost[2] == lost[3] == (0.0, 0.0)
    lost, _ = losses(flows, 1, customers=[3], outsiders="pass_on")
    assert lost[3] == pytest.approx((1.0, 0.0))


flow_sets = st.dictionaries(
    st.tuples(st.integers(1, 8), st.integers(1, 8)), st.integers(-5, 1000), min_size=1, max_size=24
)


@given(flow_sets, st.floats(0.05, 1), st.floats(0, 0.9))
@settings(max_examples=60)
def test_debtrank_equals_the_dense_reference(flows, buffer, recovery):
    edges, graph = network_of(flows)
    exposure = exposures(graph, edges, Contagion(buffer=buffer), CPU)
    n = graph.n_nodes
    firms = np.arange(n)
    found = impacts(exposure, firms, recovery, CPU)
    key = graph.key.tolist()
    positive = {(a, b): v for (a, b), v in flows.items() if v > 0 and a != b}
    income = {b: sum(v for (_, p), v in positive.items() if p == b) for b in key}
    dense = [[positive.get((a, b), 0) / (buffer * (income[b] or 1)) for b in key] for a in key]
    for firm in range(n):
        start = [0.0] * n
        start[firm] = 1 - recovery
        want = naive.debtrank(dense, start)
        np.testing.assert_allclose(found.distress[:, firm], want, atol=n * LEAST / buffer)
        gained = np.array(want) - start
        assert found.debtrank[firm] == pytest.approx(float(exposure.value @ gained), abs=1e-6)
    assert float(exposure.value.sum()) == pytest.approx(1.0 if positive else 0.0)


@given(flow_sets, st.integers(0, 7), st.floats(0, 0.9), st.floats(0, 0.5))
@settings(max_examples=60)
def test_clearing_equals_the_dense_reference_and_loses_no_money(flows, which, recovery, cash):
    edges, graph = network_of(flows)
    firm = which % graph.n_nodes
    found = clearing(graph, edges, firm, Contagion(cash_share=cash), recovery, CPU)
    key = graph.key.tolist()
    debts = [[flows.get((a, b), 0) if a != b and flows.get((a, b), 0) > 0 else 0 for b in key]
             for a in key]  # fmt: skip
    most = np.sum(debts, axis=1).astype(float)
    most[firm] *= recovery
    want = naive.clearing(debts, found.outside, most)
    np.testing.assert_allclose(found.paid, want, atol=1e-4)
    assert found.paid.sum() == pytest.approx(found.received.sum())  # what is paid is received
    assert (found.paid <= found.owed + 1e-9).all()
    left = found.outside + found.received - found.paid  # limited liability
    assert (left >= -1e-4).all()
    short = (found.paid < most - 1e-3) & (left > 1e-3)  # absolute priority
    assert not short.any()


def test_clearing_by_hand():
    """1 owes 2 100; 2 owes 3 80 and has nothing else: it keeps 20 in a normal year."""
    edges, graph = network_of({(1, 2): 100, (2, 3): 80})
    at = {key: row for row, key in enumerate(graph.key.tolist())}
    for recovery, received in ((0.9, 80), (0.5, 50), (0.0, 0)):
        found = clearing(graph, edges, at[1], Contagion(), recovery, CPU)
        assert found.received[at[2]] == pytest.approx(100 * recovery)
        assert found.received[at[3]] == pytest.approx(received)
    found = clearing(graph, edges, at[1], Contagion(cash_share=0.25), 0.0, CPU)
    assert found.received[at[3]] == pytest.approx(20)


@pytest.mark.parametrize(("outsiders", "received"), [("absorb", 80), ("pass_on", 0)])
def test_whose_income_is_not_known_pays_what_it_owes_unless_it_passes_a_loss_on(
    outsiders, received
):
    """1 owes 2 100, 2 owes 3 80; of 2, which is no customer, the bank sees nothing else."""
    edges, graph = network_of({(1, 2): 100, (2, 3): 80}, customers=[1, 3])
    at = {key: row for row, key in enumerate(graph.key.tolist())}
    found = clearing(graph, edges, at[1], Contagion(outsiders=outsiders), 0.0, CPU)
    assert found.received[at[2]] == 0
    assert found.received[at[3]] == pytest.approx(received)


@given(flow_sets, st.floats(0, 0.5), st.sampled_from(["absorb", "pass_on"]), st.integers(0, 9))
@settings(max_examples=40)
def test_what_a_firm_has_besides_is_what_it_pays_more_than_it_gets(flows, cash, outsiders, seed):
    edges, graph = network_of(flows, customers=[1, 2, 3])
    got, given_ = np.random.default_rng(seed).integers(0, 50, (2, graph.n_nodes)).astype(float)
    asked = Contagion(cash_share=cash, outsiders=outsiders)
    found = clearing(graph, edges, 0, asked, 0.5, CPU, unnamed=(got, given_))
    sure = {pair: v for pair, v in flows.items() if v > 0 and pair[0] != pair[1]}
    for row, key in enumerate(graph.key.tolist()):
        owed = sum(v for (payer, _), v in sure.items() if payer == key)
        expected = sum(v for (_, payee), v in sure.items() if payee == key)
        assert (found.owed[row], found.expected[row]) == (owed, expected)
        debts = owed + given_[row]
        outside = got[row] + max(debts - expected - got[row], 0) + cash * debts
        if outsiders == "absorb" and key not in (1, 2, 3):
            outside = debts
        assert found.outside[row] == pytest.approx(outside)


def test_no_clearing_creates_money_from_a_ring_of_debts():
    """Of a ring without outside money everything between nothing and all clears: all it is."""
    shares = CPU.sparse((3, 3), np.array([1, 2, 0]), np.array([0, 1, 2]), np.ones(3))
    owed = np.full(3, 50.0)
    assert clear(shares, owed, np.zeros(3), CPU).paid.tolist() == [50.0, 50.0, 50.0]
    stopped = clear(shares, owed, np.zeros(3), CPU, most=np.array([0.0, 50.0, 50.0]))
    assert stopped.paid.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("leak", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("on_device", [False, True])
def test_money_that_goes_round_with_little_leaving_is_cleared_to_the_end(leak, on_device):
    """Two firms sweep to each other what they have; what keeps them going is little beside it.

    Without the income of 1 nothing replaces what 2 pays to 4: at the end nobody pays. Iterated a
    hundred thousand times, a leak of 0.0001 left 0.7% of it, and one of 0.000001 95%.
    """
    swept = 10**11
    rest = round(swept * leak)
    flows = {(1, 2): rest, (2, 3): swept, (3, 2): swept, (2, 4): rest}
    backend = stand_in_backend() if on_device else CPU
    edges, graph = network_of(flows, backend=backend)
    key = backend.to_host(graph.key).tolist()
    found = clearing(graph, edges, key.index(1), Contagion(), 0.0, backend)
    received = backend.to_host(found.received)
    np.testing.assert_allclose(received / swept, 0.0, rtol=0, atol=1e-9)


@given(st.data())
@settings(max_examples=60)
def test_slow_clearing_equals_the_dense_reference(data):
    """Rings that leak, which the others hang on: by a linear system of those that cannot pay."""
    n = data.draw(st.integers(3, 7))
    debts = np.zeros((n, n))
    for one, other in ((0, 1), (1, 2), (2, 1)):
        debts[one, other] = 10.0 ** data.draw(st.integers(5, 10))
    more = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.integers(1, 10**6))
    for payer, payee, money in data.draw(st.lists(more, max_size=12)):
        debts[payer, payee] += money if payer != payee else 0
    owed = debts.sum(axis=1)
    outside = np.maximum(owed - debts.sum(axis=0), 0.0)
    most = owed.copy()
    most[0] = 0.0
    payer, payee = np.nonzero(debts)
    shares = CPU.sparse((n, n), payee, payer, debts[payer, payee] / owed[payer])
    found = clear(shares, owed, outside, CPU, most=most).paid
    wanted = naive.clearing(debts, outside, most)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9 * owed.max())


def test_dependents_count_whose_business_hangs_on_a_firm():
    flows = {(1, n): 10 for n in (2, 3, 4)} | {(5, 4): 30, (2, 6): 10}
    edges, graph = network_of(flows)
    found = dict(zip(graph.key.tolist(), dependents(graph, edges, CPU).tolist(), strict=True))
    assert found[1] == pytest.approx((1 + 1 + 0.25) / 2)
    assert found[6] == pytest.approx(0.5)  # all that 2 pays
    assert found[4] == pytest.approx((1 / 3 + 1) / 2)


def test_the_firms_looked_at_are_those_on_which_most_hangs():
    flows = {(1, n): 100 for n in range(10, 20)} | {(2, n): 1 for n in range(10, 20)}
    flows |= {(3, 1): 50}
    edges, graph = network_of(flows)
    chosen = graph.key[candidates(graph, edges, 2, CPU)].tolist()
    assert chosen == [3, 1]  # 3 stops 1, and with it the ten
    assert candidates(graph, edges, 0, CPU).shape == (0,)


def test_currencies_are_not_converted():
    one, _ = network_of({(1, 3): 100})
    other, _ = network_of({(2, 3): 1}, currency=EUR)
    edges = {name: np.concatenate([one[name], other[name]]) for name in one}
    edges["income_share"] = year_shares(edges, "payee", np.ones(2), np)
    assert edges["income_share"].tolist() == [0.5, 0.5]  # as many payments in each


@pytest.mark.parametrize("side", ["payee", "payer"])
@pytest.mark.parametrize(("n_firms", "n_edges"), [(5, 60), (40, 60), (3, 1), (2, 0)])
def test_shares_of_a_year_are_those_of_loops(side, n_firms, n_edges):
    """Within a currency by money, between them by payments; what came back more counts nothing."""
    rng = np.random.default_rng(n_firms)
    edges = {
        "payer_key": rng.integers(0, n_firms, n_edges), "payee_key": rng.integers(0, n_firms, n_edges),
        "currency": rng.choice([CNY, EUR, 7], n_edges).astype(np.int16),
        "n_payments_365d": rng.integers(1, 9, n_edges),
        "amount_365d_minor": rng.integers(-3, 20, n_edges) * 50,
    }  # fmt: skip
    named = rng.integers(1, 5, n_edges) / 4
    rows = [dict(zip(edges, row, strict=True)) for row in zip(*edges.values(), strict=True)]
    counted = [r for r in rows if r["amount_365d_minor"] > 0 and r["payer_key"] != r["payee_key"]]
    whose = f"{side}_key"
    wanted = []
    for row, part in zip(rows, named.tolist(), strict=True):
        mine = [other for other in counted if other[whose] == row[whose]]
        alike = [other for other in mine if other["currency"] == row["currency"]]
        if row not in counted:
            wanted.append(0.0)
            continue
        money = row["amount_365d_minor"] / sum(other["amount_365d_minor"] for other in alike)
        weight = sum(other["n_payments_365d"] for other in alike) / sum(
            other["n_payments_365d"] for other in mine
        )
        wanted.append(part * money * weight)
    np.testing.assert_allclose(year_shares(edges, side, named, np), wanted, rtol=1e-12)


def test_names_and_order_change_nothing():
    flows = {(a, b): 7 * a + b for a in range(1, 9) for b in range(1, 9) if (a * b) % 3 == 1}
    _, found = losses(flows, 1)
    renamed = {(90 - a, 90 - b): v for (a, b), v in reversed(flows.items())}
    _, again = losses(renamed, 89)
    assert found.debtrank.tolist() == again.debtrank.tolist()
    assert sorted(found.lost[:, 0].tolist()) == sorted(again.lost[:, 0].tolist())


def test_a_gpu_would_do_the_same():
    flows = {(a, b): 7 * a + b for a in range(1, 9) for b in range(1, 9) if a != b}
    lost, found = losses(flows, 1, 0.3)
    got, there = losses(flows, 1, 0.3, backend=stand_in_backend())
    assert isinstance(there.lost, DeviceArray)
    assert got == lost
    assert there.debtrank.tolist() == found.debtrank.tolist()
    edges, graph = network_of(flows, backend=stand_in_backend())
    cleared = clearing(graph, edges, 0, Contagion(), 0.2, stand_in_backend())
    edges, graph = network_of(flows)
    assert cleared.paid.tolist() == clearing(graph, edges, 0, Contagion(), 0.2, CPU).paid.tolist()


def test_spread_ends_in_deep_chains():
    n = 300
    rows, columns = np.arange(1, n), np.arange(n - 1)
    matrix = CPU.sparse((n, n), rows, columns, np.full(n - 1, 0.9))
    start = np.zeros((n, 1))
    start[0] = 1.0
    found = spread(matrix, start, CPU)
    reached = int((found.step[:, 0] >= 0).sum())
    assert 0.9**reached < LEAST < 0.9 ** (reached - 2)
    np.testing.assert_allclose(found.distress[:reached, 0], 0.9 ** np.arange(reached))
