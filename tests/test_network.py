"""The payment network: edges, components, ranks, degrees and names against slow references."""

import math
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import AS_OF, CNY, EUR, build_ledger, on
from naive import graphs, network
from strategies import ledgers

from qfb_gpu.backend import get_backend
from qfb_gpu.config import Network
from qfb_gpu.network import (
    Numbers,
    analyse,
    edge_tables,
    edges_and_books,
    fan_peaks,
    fans,
    merge_edges,
    node_features,
    node_table,
)
from qfb_gpu.network.dependence import year_shares

CPU = get_backend("cpu")
IDS = ("payer_key", "payee_key", "currency")


def keyed(payments):
    """Name customers as the ledger does: customer ``c`` has key ``c + 1``."""
    return [(row[0] + 1, *row[1:]) for row in payments]


def edges_of(payments, n_buckets=1, backend=CPU):
    """Return the merged edges of customers spread over buckets."""
    n_customers = max((row[0] for row in payments), default=-1) + 1
    tables, books = [], []
    for bucket in range(n_buckets):
        rows = [row for row in payments if row[0] % n_buckets == bucket]
        ledger = on(build_ledger(rows, n_customers=n_customers), backend)
        of_bucket = edges_and_books(ledger, backend, AS_OF)
        tables.append(of_bucket[0])
        books.append(of_bucket[1])
    return merge_edges(tables, backend, books)


def as_dict(edges):
    rows = zip(
        *(edges[name].tolist() for name in (*IDS, "n_payments", "amount_minor")), strict=True
    )
    return {row[:3]: row[3:] for row in rows}


def graph_of(links):
    """Return edges of (payer, payee, payments)."""
    table = np.array(links, np.int64).reshape(-1, 3)
    edges = {
        "payer_key": table[:, 0],
        "payee_key": table[:, 1],
        "currency": np.full(len(table), CNY, np.int16),
        "n_payments": table[:, 2],
        "amount_minor": table[:, 2] * 1_000,
        "n_payments_365d": table[:, 2] // 2,
        "amount_365d_minor": (table[:, 2] // 2) * 1_000,
        "payer_is_customer": table[:, 0] % 3 > 0,
        "payee_is_customer": table[:, 1] % 3 > 0,
    }
    ones = np.ones(len(table))
    edges["income_share"] = year_shares(edges, "payee", ones, np)
    edges["spending_share"] = year_shares(edges, "payer", ones, np)
    for values in edges.values():
        values.flags.writeable = False
    return edges


def groups(key, label):
    return {frozenset(key[label == number].tolist()) for number in set(label.tolist())}


@given(ledgers(), st.sampled_from([1, 2, 3]))
@settings(max_examples=150)
def test_edges_match_naive_for_any_number_of_buckets(payments, n_buckets):
    check_edges(payments, n_buckets)


def busy_payments(seed, n=150):
    """Return payments of six customers among themselves and with others, in two currencies."""
    rng = np.random.default_rng(seed)
    table = (
        rng.integers(0, 6, n), rng.geometric(0.15, n) - 1, rng.integers(0, 2, n),
        rng.choice([CNY, CNY, EUR], n), AS_OF - rng.integers(0, rng.choice([90, 500], n)),
        rng.choice([-40, 7, 100, 99_999], n),
    )  # fmt: skip
    return [tuple(map(int, row)) for row in zip(*table, strict=True)]


@pytest.mark.parametrize("seed", range(4))
def test_edges_of_busy_customers_match_naive(seed):
    """Of the drawn payments most edges are of one, and few are in both books."""
    for n_buckets in (1, 3):
        edges = check_edges(busy_payments(seed), n_buckets)
    assert (edges["n_payments"] > 1).sum() > 10


def check_edges(payments, n_buckets):
    edges = edges_of(payments, n_buckets)
    assert as_dict(edges) == network.edges(keyed(payments))
    ids = list(zip(*(edges[name].tolist() for name in IDS), strict=True))
    assert ids == sorted(ids)
    return edges


def test_a_payment_in_both_books_counts_once_and_by_the_fuller_book():
    rows = [(0, 2, 1, CNY, AS_OF - i, 100) for i in range(3)]  # the payer's book
    rows += [(1, 1, 0, CNY, AS_OF - i, 101) for i in range(2)]  # the payee's, one is missing
    rows += [(0, 2, 1, EUR, AS_OF, 7), (1, 1, 0, EUR, AS_OF, 8)]  # equally full: the payer's
    assert as_dict(edges_of(rows, 2)) == {(1, 2, CNY): (3, 300), (1, 2, EUR): (1, 7)}


def test_edges_on_each_backend(backend):
    rows = [(0, 3, 1, CNY, AS_OF, 5), (1, 3, 0, CNY, AS_OF, -6), (1, 0, 0, CNY, AS_OF, 9)]
    edges = edges_of(rows, 2, backend)
    assert as_dict(edges) == {(1, 3, CNY): (1, 5), (3, 2, CNY): (1, -6)}


def test_the_year_is_summed_apart_and_days_are_kept():
    rows = [
        (0, 2, 1, CNY, AS_OF - 365, 5),
        (0, 2, 1, CNY, AS_OF - 364, 7),
        (0, 2, 1, CNY, AS_OF, -1),
    ]
    rows += [(0, 3, 0, CNY, AS_OF - 900, 4)]
    edges = edges_of(rows)
    assert edges["n_payments_365d"].tolist() == [2, 0]
    assert edges["amount_365d_minor"].tolist() == [6, 0]
    assert edges["amount_minor"].tolist() == [11, 4]
    assert edges["first_date"].tolist() == [AS_OF - 365, AS_OF - 900]
    assert edges["last_date"].tolist() == [AS_OF, AS_OF - 900]
    assert edges["payer_is_customer"].tolist() == [True, False]
    assert edges["payee_is_customer"].tolist() == [False, True]


def test_shares_are_of_all_income_even_that_of_unnamed_payers():
    rows = [(0, 2, 0, CNY, AS_OF, 30), (0, 0, 0, CNY, AS_OF, 10), (0, 3, 0, CNY, AS_OF - 1, 20)]
    rows += [(0, 4, 0, EUR, AS_OF, 500), (0, 5, 1, CNY, AS_OF, 9), (0, 5, 0, CNY, AS_OF, -4)]
    edges = edges_of(rows)
    share = dict(zip(edges["payer_key"].tolist(), edges["income_share"].tolist(), strict=True))
    # two of the three named payments are in CNY, one in EUR; a sixth of the CNY is nobody's
    assert share[2] == pytest.approx(30 / 60 * 2 / 3)
    assert share[3] == pytest.approx(20 / 60 * 2 / 3)
    assert share[4] == pytest.approx(1 / 3)
    assert share[5] == 0.0  # more came back than was paid
    spent = dict(zip(edges["payee_key"].tolist(), edges["spending_share"].tolist(), strict=True))
    assert spent[5] == 1.0


@pytest.mark.parametrize("n_buckets", [1, 2])
def test_shares_are_of_a_whole_book_also_where_it_names_nobody(n_buckets, backend):
    # customer 0 pays 100 and names nobody; customer 1 says that 30 of it came from customer 0 (1)
    rows = [(0, 0, 1, CNY, AS_OF, 70), (0, 0, 1, CNY, AS_OF - 1, 30), (1, 1, 0, CNY, AS_OF, 30)]
    rows += [(0, 0, 1, CNY, AS_OF - 400, 999)]  # of another year
    # customer 2 gets 40 and names nobody; customer 1 pays it 10, and 30 to a stranger
    rows += [(2, 0, 0, CNY, AS_OF, 40), (1, 3, 1, CNY, AS_OF, 10), (1, 9, 1, CNY, AS_OF, 30)]
    edges = {n: backend.to_host(v) for n, v in edges_of(rows, n_buckets, backend).items()}
    at = {
        (a, b): i
        for i, (a, b) in enumerate(zip(edges["payer_key"], edges["payee_key"], strict=True))
    }
    assert edges["spending_share"][at[1, 2]] == pytest.approx(0.3)
    assert edges["income_share"][at[1, 2]] == 1.0
    assert edges["income_share"][at[2, 3]] == pytest.approx(0.25)
    assert edges["spending_share"][at[2, 3]] == pytest.approx(0.25)
    assert edges["payer_is_customer"][at[1, 2]]  # its book is in the bank, though it names nobody
    assert edges["payee_is_customer"][at[2, 3]]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(0, 4), st.integers(0, 1), st.sampled_from([CNY, EUR]),
            st.integers(AS_OF - 500, AS_OF), st.integers(1, 99),
        ),
        max_size=14,
    ),
    st.integers(1, 3),
)  # fmt: skip
@settings(max_examples=100)
def test_the_share_of_an_unnamed_book_is_its_edge_over_all_that_it_paid(payments, n_buckets):
    edges = edges_of(payments, n_buckets)
    rows = list(zip(*(edges[n].tolist() for n in (*IDS, "amount_365d_minor")), strict=True))
    recent = [row for row in payments if row[4] > AS_OF - 365]
    named = {(c + 1, kind, d) for c, other, d, kind, _, _ in recent if other}
    books = {}
    for customer, _, direction, kind, day, amount in payments:
        key = customer + 1, kind, direction
        books[key] = books.get(key, 0) + (amount if day > AS_OF - 365 else 0)
    books = {key: money for key, money in books.items() if money}
    for side, name, direction in ((0, "spending_share", 1), (1, "income_share", 0)):
        for at, row in enumerate(rows):
            mine = row[side], row[2], direction
            own = [r for r in rows if r[side] == row[side] and r[0] != r[1]]
            if mine in named or mine not in books or len({r[2] for r in own}) > 1:
                continue
            told = sum(r[3] for r in own)
            money = row[3] if row[0] != row[1] else 0
            wanted = money / max(books[mine], told) if told else 0.0
            assert edges[name][at] == pytest.approx(wanted)


@pytest.mark.parametrize("n_buckets", [1, 2])
def test_what_another_book_tells_of_a_book_that_names_some_is_no_unnamed_income(n_buckets, backend):
    # customer 0 (1) got 100 from 9, and 100 from whom it does not say: from customer 1 (2)
    rows = [(0, 9, 0, CNY, AS_OF, 100), (0, 0, 0, CNY, AS_OF, 100), (1, 1, 1, CNY, AS_OF, 100)]
    edges = {n: backend.to_host(v) for n, v in edges_of(rows, n_buckets, backend).items()}
    share = dict(zip(edges["payer_key"].tolist(), edges["income_share"].tolist(), strict=True))
    assert share == {9: 0.5, 2: 0.5}  # a quarter each


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(0, 6), st.integers(0, 1), st.sampled_from([CNY, EUR]),
            st.integers(AS_OF - 500, AS_OF), st.integers(-20, 99),
        ),
        max_size=24,
    ),
    st.integers(1, 3),
)  # fmt: skip
@settings(max_examples=150)
def test_shares_of_books_that_disagree_match_naive(payments, n_buckets):
    found = edges_of(payments, n_buckets)
    wanted = network.year_shares(keyed(payments), AS_OF)
    rows = zip(*(found[n].tolist() for n in (*IDS, "income_share", "spending_share")), strict=True)
    got = {row[:3]: row[3:] for row in rows}
    assert set(got) == set(wanted)
    for edge, share in wanted.items():
        assert got[edge] == pytest.approx(share, abs=1e-12), edge


links = st.lists(
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 60)), max_size=18,
    unique_by=lambda link: link[:2],
)  # fmt: skip


@given(links)
@settings(max_examples=100)
def test_nodes_match_naive(drawn):
    nodes = analyse(graph_of(drawn), Network(), CPU)
    key = nodes["key"]
    assert key.tolist() == sorted({node for link in drawn for node in link[:2]})
    number = {node: i for i, node in enumerate(key.tolist())}
    numbered = [(number[a], number[b], math.log1p(n)) for a, b, n in drawn]
    components = graphs.components(len(key), [edge[:2] for edge in numbered])
    named = {frozenset(key[list(group)].tolist()) for group in components}
    assert groups(key, nodes["component_id"]) == named
    if drawn:
        want = graphs.pagerank(len(key), numbered)
        np.testing.assert_allclose(nodes["pagerank"], want, rtol=0, atol=1e-9)
        assert nodes["pagerank"].sum() == pytest.approx(1.0)
    degrees = network.degrees({link[:2] for link in drawn})
    got = zip(key.tolist(), nodes["degree_in"].tolist(), nodes["degree_out"].tolist(), strict=True)
    assert {node: (payers, payees) for node, payers, payees in got} == degrees
    cores, triangles = graphs.cores_and_triangles([link[:2] for link in drawn])
    assert dict(zip(key.tolist(), nodes["k_core"].tolist(), strict=True)) == cores
    assert dict(zip(key.tolist(), nodes["triangles"].tolist(), strict=True)) == triangles
    partners = {node: graphs.partners(node, [link[:2] for link in drawn]) for node in cores}
    for node, clustering in zip(key.tolist(), nodes["clustering"].tolist(), strict=True):
        pairs = len(partners[node]) * (len(partners[node]) - 1) / 2
        assert clustering == pytest.approx(triangles[node] / pairs if pairs else 0.0)


@given(links)
@settings(max_examples=60)
def test_groups_are_numbered_by_size_and_communities_do_not_cross_components(drawn):
    nodes = analyse(graph_of(drawn), Network(), CPU)
    for name in ("component_id", "community_id"):
        sizes = np.bincount(nodes[name])
        assert np.all(sizes > 0)
        assert np.all(np.diff(sizes) <= 0), name
    for community in set(nodes["community_id"].tolist()):
        members = nodes["community_id"] == community
        assert len(set(nodes["component_id"][members].tolist())) == 1


@given(links, st.randoms(use_true_random=False), st.integers(1, 10**11).map(lambda n: 3 * n))
@settings(max_examples=60)
def test_order_and_names_change_nothing(drawn, random, shift):
    nodes = analyse(graph_of(drawn), Network(), CPU)
    shuffled = random.sample(drawn, len(drawn))
    again = analyse(graph_of(shuffled), Network(), CPU)
    renamed = analyse(graph_of([(a + shift, b + shift, n) for a, b, n in shuffled]), Network(), CPU)
    for name, values in nodes.items():
        np.testing.assert_array_equal(again[name], values, err_msg=name)
        want = values + shift if name == "key" else values
        np.testing.assert_array_equal(renamed[name], want, err_msg=name)


def test_two_groups_that_trade_among_themselves_are_two_communities(backend):
    links = [(a + g, b + g, 20) for g in (1, 11) for a in range(8) for b in range(8) if a != b]
    edges = graph_of([*links, (1, 11, 1)])
    edges = {name: backend.asarray(values) for name, values in edges.items()}
    nodes = analyse(edges, Network(), backend)
    nodes = {name: backend.to_host(values) for name, values in nodes.items()}
    assert set(nodes["component_id"].tolist()) == {0}
    want = {frozenset(range(1, 9)), frozenset(range(11, 19))}
    assert groups(nodes["key"], nodes["community_id"]) == want


@pytest.mark.parametrize(
    ("resolution", "loop", "n_communities"), [(1.0, 0.0, 1), (2.0, 0.0, 31), (1.0, 400.0, 2)]
)
def test_who_has_one_partner_is_apart_where_that_is_more_modular(resolution, loop, n_communities):
    """A star of 30 around one; with a loop its last party pays itself far more than the one."""
    centre, others = np.zeros(30, np.int64), np.arange(1, 31)
    ends = np.append(centre, others[-1]), np.append(others, others[-1])
    weight = np.append(np.ones(30), loop)
    n_edges = 31 if loop else 30
    edges = (values[:n_edges] for values in (*ends, weight))
    found = CPU.communities(31, *edges, resolution=resolution)
    assert len(set(found.tolist())) == n_communities


def test_tables_carry_names_and_customers_their_place():
    nodes = analyse(graph_of([(30, 10, 4), (10, 20, 1), (50, 40, 2)]), Network(), CPU)
    keys = np.array([10, 20, 30, 40, 50, 60])
    ids = pa.array(["ten", "twenty", "thirty", "forty", "fifty", "sixty"])
    customers = np.array([60, 30, 10, 99])
    table = node_table(nodes, keys, ids, customers)
    assert table["node_id"].to_pylist() == ["ten", "twenty", "thirty", "forty", "fifty"]
    assert table["is_customer"].tolist() == [True, False, True, False, False]
    place = node_features(nodes, customers)
    assert place["graph_component_id"].tolist() == [-1, 0, 0, -1]
    assert place["graph_community_id"][[0, 3]].tolist() == [-1, -1]
    assert place["graph_degree_in"].tolist() == [0, 0, 1, 0]
    assert place["graph_degree_out"].tolist() == [0, 1, 1, 0]
    rank = dict(zip(nodes["key"].tolist(), nodes["pagerank"].tolist(), strict=True))
    assert place["graph_pagerank"].tolist() == [0.0, rank[30], rank[10], 0.0]


def test_edges_by_name_keep_their_sums():
    rows = [(0, 2, 1, CNY, AS_OF, 10), (0, 2, 1, CNY, AS_OF, 5), (1, 1, 1, EUR, AS_OF, 3)]
    edges = edges_of(rows)
    ends = Numbers(np.array([1, 2]), edges["payer_key"] - 1, edges["payee_key"] - 1)
    (table,) = edge_tables(edges, ends, pa.array(["a", "b"]), 9)
    currency = [table["currency"].labels[code] for code in table["currency"].codes]
    assert table["payer_id"].to_pylist() == ["a", "b"]
    assert table["payee_id"].to_pylist() == ["b", "a"]
    assert currency == ["CNY", "EUR"]
    assert table["n_payments"].tolist() == [2, 1]
    assert table["amount_minor"].tolist() == [15, 3]


@pytest.mark.parametrize("is_dense", [False, True])
@given(
    payments=ledgers(),
    window=st.sampled_from([0, 7, 30]),
    lookback=st.sampled_from([60, 4000, 30_000]),
)
@settings(max_examples=60)
def test_fans_match_naive(payments, window, lookback, is_dense):
    check_fans(payments, window, lookback, is_dense)


@pytest.mark.parametrize("is_dense", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_fans_of_busy_customers_match_naive(seed, is_dense):
    """Of the drawn payments hardly two of one customer and currency are near each other."""
    peaks = [
        check_fans(busy_payments(seed, 600), window, lookback, is_dense)
        for window in (0, 7, 30)
        for lookback in (60, 400)
    ]
    assert max(map(max, peaks)) > 4


def check_fans(payments, window, lookback, is_dense):
    n_customers = max((row[0] for row in payments), default=-1) + 1
    ledger = build_ledger(payments, n_customers=n_customers)
    with mock.patch.object(fans, "_DENSE", 2**40 * is_dense):
        peaks = fan_peaks(ledger, AS_OF, lookback, window, CPU)
    seen = [row for row in payments if row[4] <= AS_OF]
    for code, name in enumerate(("fan_in_peak", "fan_out_peak")):
        want = [
            network.fan_peak(seen, customer, code, AS_OF, lookback, window)
            for customer in range(n_customers)
        ]
        if len(seen) == len(payments):
            assert peaks[name].tolist() == want
    return want


def test_no_payments_no_network(backend):
    nodes = analyse(edges_of([], 1, backend), Network(), backend)
    assert {values.shape for values in nodes.values()} == {(0,)}
    nodes = {name: backend.to_host(values) for name, values in nodes.items()}
    place = node_features(nodes, np.array([1, 2]))
    assert place["graph_component_id"].tolist() == [-1, -1]
    assert place["graph_pagerank"].tolist() == [0.0, 0.0]
