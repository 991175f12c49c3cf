"""Who is alike and who may deal next: against dictionaries and a planted structure."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import CNY
from naive import graphs
from naive import likeness as naive
from simulate import simulated_backend
from stand_in import stand_in_backend

from qfb_gpu._backend import products
from qfb_gpu._config.network import Likeness, Related
from qfb_gpu.backend import get_backend
from qfb_gpu.network import (
    METHODS,
    adjacency,
    build_graph,
    likely_partners,
    pair_scores,
    partners,
    related,
    similar,
)
from qfb_gpu.network.links import batched_ends
from qfb_gpu.network.similarity import batched_alike
from qfb_gpu.parts.related import plain_attribute

CPU = get_backend("cpu")


def graph_of(links, customers, backend=CPU):
    """Return edges and graph of {(payer, payee): payments}."""
    table = np.array(list(links), np.int64).reshape(-1, 2)
    number = np.array(list(links.values()), np.int64)
    edges = {
        "payer_key": table[:, 0],
        "payee_key": table[:, 1],
        "currency": np.full(len(table), CNY, np.int16),
        "n_payments": number,
        "amount_minor": number * 100,
        "payer_is_customer": np.isin(table[:, 0], list(customers)),
        "payee_is_customer": np.isin(table[:, 1], list(customers)),
    }
    edges = {name: backend.asarray(values) for name, values in edges.items()}
    return edges, build_graph(edges, backend)


link_sets = st.dictionaries(
    st.tuples(st.integers(1, 9), st.integers(1, 9)), st.integers(1, 50), max_size=30
)
CUSTOMERS = {1, 2, 3, 4, 5}


@given(link_sets, st.sampled_from([2, 3, 100]))
@settings(max_examples=60)
def test_similar_customers_match_naive(links, max_partners):
    check_similar(links, max_partners)


@pytest.mark.parametrize("max_partners", [3, 100])
@pytest.mark.parametrize("seed", range(4))
def test_customers_who_share_many_are_alike_as_by_loops(seed, max_partners):
    """Of the drawn links two customers hardly ever share more than one party."""
    rng = np.random.default_rng(seed)
    links = {(int(a), int(b)): int(n) for a, b, n in rng.integers(1, (10, 10, 51), (60, 3))}
    shared = check_similar(links, max_partners)
    assert max(shared) > 2 or max_partners == 3


def check_similar(links, max_partners):
    asked = Likeness(n_similar=100, max_partners=max_partners)
    edges, graph = graph_of(links, CUSTOMERS)
    found = similar(partners(graph, edges, asked, CPU), asked, CPU)
    key = graph.key.tolist()
    seen = CUSTOMERS & {node for link in links for node in link}
    rows = naive.rows(links, seen, max_partners)
    want = {}
    for a in seen:
        for b in seen - {a}:
            if rows[a].keys() & rows[b].keys():
                want[a, b] = naive.compare(rows[a], rows[b])
    got = {}
    for a, b, *values in zip(*(found[name].tolist() for name in
                               ("customer", "similar", "similarity", "jaccard", "n_shared")),
                             strict=True):  # fmt: skip
        got[key[a], key[b]] = values
    assert got.keys() == want.keys()
    for pair, values in want.items():
        assert got[pair] == pytest.approx(values)
    for a in {pair[0] for pair in got}:
        mine = [i for i, c in enumerate(found["customer"].tolist()) if key[c] == a]
        assert found["rank"][mine].tolist() == list(range(1, len(mine) + 1))
        assert (np.diff(found["similarity"][mine]) <= 1e-9).all()
    return found["n_shared"].tolist()


@given(link_sets)
@settings(max_examples=40)
def test_pair_scores_match_naive(links):
    _, graph = graph_of(links, CUSTOMERS)
    key = graph.key.tolist()
    around = {node: graphs.partners(node, list(links)) for node in key}
    left, right = (side.ravel() for side in np.meshgrid(*[np.arange(len(key))] * 2))
    matrix = adjacency(graph, CPU)
    for method in METHODS:
        got = pair_scores(matrix, left, right, method, CPU)
        want = [
            naive.link_scores(around, key[a], key[b])[method]
            for a, b in zip(left.tolist(), right.tolist(), strict=True)
        ]
        np.testing.assert_allclose(got, want, err_msg=method)


@given(link_sets)
@settings(max_examples=40)
def test_likely_partners_are_the_best_of_who_is_not_yet_one(links):
    _, graph = graph_of(links, CUSTOMERS)
    found = likely_partners(graph, Likeness(n_partners=2), CPU)
    key = graph.key.tolist()
    around = {node: graphs.partners(node, list(links)) for node in key}
    for node, customer in enumerate(graph.is_customer.tolist()):
        mine = np.flatnonzero(found["customer"] == node)
        if not customer:
            assert not len(mine)
            continue
        me = key[node]
        others = [n for n in key if n != me and n not in around[me]]
        best = sorted(naive.link_scores(around, me, n)["paths_of_three"] for n in others)[::-1]
        want = [score for score in best if score > 0][:2]
        assert found["score"][mine] == pytest.approx(want)
        for row in mine.tolist():
            via, partner = key[found["via"][row]], key[found["partner"][row]]
            assert via in around[partner]
            assert any(via in around[u] for u in around[me])


def test_customers_of_one_trade_are_alike_and_get_its_partners():
    """Two trades that share nobody; each customer deals with most of its trade's parties."""
    rng = np.random.default_rng(2)
    links, held = {}, set()
    for customer in range(1, 41):
        trade = customer % 2
        for party in range(100 + 50 * trade, 120 + 50 * trade):
            if rng.random() < 0.6:
                links[customer, party] = int(rng.integers(1, 20))
            else:
                held.add((customer, party))
    edges, graph = graph_of(links, range(1, 41))
    asked = Likeness()
    key = graph.key
    found = similar(partners(graph, edges, asked, CPU), asked, CPU)
    assert (key[found["customer"]] % 2 == key[found["similar"]] % 2).all()
    likely = likely_partners(graph, asked, CPU)
    pairs = set(zip(key[likely["customer"]].tolist(), key[likely["partner"]].tolist(), strict=True))
    assert len(pairs) > 180  # who lacks fewer than five parties gets fewer
    assert pairs <= held


def random_matrix(rng, shape, n):
    """Return a sparse matrix whose sums depend on the order in which they are taken."""
    row, column = rng.integers(0, shape[0], n), rng.integers(0, shape[1], n)
    return CPU.sparse(shape, row, column, rng.random(n) + 0.01)


@pytest.mark.parametrize(("shape", "n", "n_best"), [((40, 25), 300, 3), ((9, 60), 200, 20),
                                                    ((300, 200), 2_000, 1), ((3, 2), 0, 2)])  # fmt: skip
def test_rows_that_are_alike_equal_those_of_products_to_the_bit(shape, n, n_best, monkeypatch):
    monkeypatch.setattr("qfb_gpu.network.rows._BYTES_A_VALUE", 2**20)  # several batches
    matrix = random_matrix(np.random.default_rng(n), shape, n)
    got, want = products.alike(matrix, n_best), batched_alike(CPU, matrix, n_best)
    assert got.keys() == want.keys()
    for name, values in want.items():
        assert got[name].dtype == values.dtype
        assert np.array_equal(got[name], values), name
    assert n == 0 or got["row"].size


@pytest.mark.parametrize(("n_nodes", "n", "n_best"), [(60, 200, 3), (30, 400, 20), (500, 1_500, 5),
                                                      (4, 0, 2)])  # fmt: skip
def test_ends_of_paths_equal_those_of_products_to_the_bit(n_nodes, n, n_best, monkeypatch):
    monkeypatch.setattr("qfb_gpu.network.rows._BYTES_A_VALUE", 2**20)
    rng = np.random.default_rng(n)
    pairs = {(int(a), int(b)): 1 for a, b in rng.integers(0, n_nodes, (n, 2))}
    _, graph = graph_of(pairs, range(0, n_nodes, 2))
    matrix = adjacency(graph, CPU)
    weight = np.where(rng.random(graph.n_nodes) < 0.8, rng.random(graph.n_nodes) + 0.01, 0.0)
    mine, may_be = np.flatnonzero(graph.is_customer), rng.random(graph.n_nodes) < 0.7
    of = (matrix, weight, mine, may_be, n_best)
    got, want = products.ends_of_three(*of), batched_ends(CPU, *of)
    assert got.keys() == want.keys()
    for name, values in want.items():
        assert got[name].dtype == values.dtype
        assert np.array_equal(got[name], values), name
    assert n == 0 or got["row"].size


def test_lanes_change_nothing_and_their_tables_are_bounded(monkeypatch):
    matrix = random_matrix(np.random.default_rng(4), (50, 30), 400)
    found = []
    for n_lanes in (1, 3, 50):
        monkeypatch.setattr("qfb_gpu._backend.products.n_threads", lambda n=n_lanes: n)
        found.append(products.alike(matrix, 4))
    monkeypatch.setattr("qfb_gpu._backend.products._BYTES", products._BYTES_A_PLACE * 64 * 2)
    assert products._tables(50, 50, 4)[0][0].shape == (2, 128)
    found.append(products.alike(matrix, 4))
    for other in found[1:]:
        for name, values in found[0].items():
            assert np.array_equal(other[name], values), name


@pytest.mark.cudasim
def test_what_customers_share_in_the_simulator_equals_loops():
    rng = np.random.default_rng(7)
    links = {(int(a), int(b)): int(n) for a, b, n in rng.integers(1, 20, (60, 3))}
    edges, graph = graph_of(links, range(1, 12))
    asked, there = Likeness(n_similar=3), simulated_backend()
    of = partners(graph, edges, asked, CPU)
    want, got = similar(of, asked, CPU), similar(of, asked, there)
    for name, values in want.items():
        assert np.array_equal(got[name], values), name
    rows = [dict(zip(of.column[of.row == row].tolist(), of.weight[of.row == row], strict=True))
            for row in range(of.customer.size)]  # fmt: skip
    at = np.searchsorted(of.customer, [want["customer"], want["similar"]])
    for left, right, n, jaccard in zip(*at, want["n_shared"], want["jaccard"], strict=True):
        both = rows[left].keys() & rows[right].keys()
        low = sum(min(rows[left][party], rows[right][party]) for party in both)
        high = sum(rows[left].values()) + sum(rows[right].values()) - low
        assert n == len(both)
        assert jaccard == pytest.approx(low / high)


def test_a_gpu_would_do_the_same():
    rng = np.random.default_rng(3)
    links = {(int(a), int(b)): 3 for a, b in rng.integers(1, 30, (120, 2))}
    there, asked = stand_in_backend(), Likeness(n_similar=3, n_partners=3)
    results = []
    for backend in (CPU, there):
        edges, graph = graph_of(links, range(1, 15), backend)
        alike = similar(partners(graph, edges, asked, backend), asked, backend)
        likely = likely_partners(graph, asked, backend)
        results.append([{k: backend.to_host(v) for k, v in one.items()} for one in (alike, likely)])
    for host, device in zip(*results, strict=True):
        assert host.keys() == device.keys()
        for name, values in host.items():
            assert values.dtype == device[name].dtype
            if name == "score":  # a product of sparse matrices adds up in an order of its own
                np.testing.assert_allclose(device[name], values, rtol=1e-14)
            else:
                assert np.array_equal(device[name], values), name


def test_nobody_is_like_nobody():
    edges, graph = graph_of({}, ())
    found = similar(partners(graph, edges, Likeness(), CPU), Likeness(), CPU)
    likely = likely_partners(graph, Likeness(), CPU)
    assert {v.shape for one in (found, likely) for v in one.values()} == {(0,)}


def related_by_hand(marks, most):
    """Return {(a, b): (what they share, strength)} by loops."""
    holders = {}
    for customer, kind, mark in marks:
        if mark:
            holders.setdefault((kind, mark), set()).add(customer)
    found = {}
    for (kind, _), who in holders.items():
        if 2 <= len(who) <= most:
            for a in who:
                for b in who - {a}:
                    kinds, strength = found.get((a, b), (0, 0.0))
                    found[a, b] = (kinds | 1 << kind, strength + 1 / (len(who) - 1))
    return found


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3), st.integers(0, 4)), max_size=30,
             unique_by=lambda mark: mark[:2]),
    st.sampled_from([2, 3, 20]),
)  # fmt: skip
@settings(max_examples=40)
def test_related_parties_match_loops(marks, most):
    table = np.array(marks, np.int64).reshape(-1, 3)
    columns = {"customer": table[:, 0], "kind": table[:, 1].astype(np.int8), "mark": table[:, 2]}
    want = related_by_hand(marks, most)
    for backend in (CPU, stand_in_backend()):
        asked = {name: backend.asarray(values) for name, values in columns.items()}
        found = related(asked, Related(max_sharing=most), backend)
        rows = zip(*(backend.to_host(found[n]).tolist() for n in found), strict=True)
        got, groups = {}, {}
        for a, b, group, kinds, strength in rows:
            got[a, b] = (kinds, pytest.approx(strength))
            groups.setdefault(group, set()).add(a)
        assert got == want
        members = {pair[0] for pair in want}
        links = [(sorted(members).index(a), sorted(members).index(b)) for a, b in want]
        named = {
            frozenset(sorted(members)[i] for i in part)
            for part in graphs.components(len(members), links)
        }
        assert {frozenset(part) for part in groups.values()} == named
        sizes = [len(groups[group]) for group in sorted(groups)]
        assert sorted(groups) == list(range(len(groups)))
        assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("phone", ["+86 138-0013-8000", "13800138000", "１３８００１３８０００"]),
        ("account", ["6222 0202-0001 1234567", "6222020200011234567"]),
        ("address", ["浙江省杭州市 文三路100号", "浙江省杭州市文三路１００号。"]),
        ("legal_representative", ["WANG Wei", "Wang  wei"]),
    ],
)
def test_one_attribute_however_it_is_written(name, spellings):
    assert len(set(plain_attribute(pa.array(spellings), name).to_pylist())) == 1


@pytest.mark.parametrize(
    "text", ["N/A", "n.a.", "None", "无", "暂无", "—", "0000-0000", "000 000", "xxxx", "未知"]
)
@pytest.mark.parametrize("name", ["address", "phone", "account", "legal_representative"])
def test_nothing_is_not_shared_by_those_who_have_nothing_to_say(name, text):
    """Two customers who both wrote 无 for a legal representative were related parties."""
    assert plain_attribute(pa.array([text, "Na Li 7", "1000"]), name).to_pylist()[0] == ""
    assert "" not in plain_attribute(pa.array(["Na Li 7", "1000", "无锡1"]), name).to_pylist()
