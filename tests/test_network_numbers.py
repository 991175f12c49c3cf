"""Numbers of parties, and the host's kernels over their links, against slow references."""

from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import graphs as naive
from test_contagion import CPU
from test_payment_graph import edges_of

from qfb_gpu import network
from qfb_gpu._backend import graphs
from qfb_gpu._backend.graphs import import_igraph
from qfb_gpu.currencies import currency_name
from qfb_gpu.network import books, dependence
from qfb_gpu.network import edges as merging
from qfb_gpu.network.numbers import in_order, numbered

keys = st.lists(
    st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-3, 3)), max_size=30
)  # fmt: skip


def test_who_pays_is_numbered_by_key_among_all():
    payers = [np.array([7, -5]), np.array([7])]
    payees = [np.array([9, 7]), np.array([-5])]
    ends = numbered(payers, payees, np)
    assert ends.key.tolist() == [-5, 7, 9]
    assert (ends.payer.tolist(), ends.payee.tolist()) == ([1, 0, 1], [2, 1, 0])
    assert ends.at(np.array([2])).payee.tolist() == [0]


@given(keys)
def test_numbers_stand_for_keys(drawn):
    ends = np.array(drawn, np.int64).reshape(-1, 2)
    found = numbered([ends[:, 0]], [ends[:, 1]], np)
    assert found.key.tolist() == sorted({key for pair in drawn for key in pair})
    assert found.key[found.payer].tolist() == ends[:, 0].tolist()
    assert found.key[found.payee].tolist() == ends[:, 1].tolist()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-2, 2), st.integers(0, 1)), max_size=40))
def test_equal_rows_alone_are_sorted_by_all_columns(rows):
    value, one, other = np.array(rows, np.int64).reshape(-1, 3).T
    order, is_new = in_order(value, (one, other), CPU)
    assert order.tolist() == sorted(range(len(rows)), key=lambda row: rows[row])
    assert is_new.tolist() == [
        at == 0 or value[order[at]] != value[order[at - 1]] for at in range(len(rows))
    ]


@pytest.mark.parametrize("places_a_row", [0, 4])
def test_shares_are_found_with_and_without_a_place_for_each(places_a_row):
    tables = [edges_of(seed) for seed in range(4)]
    rng = np.random.default_rng(3)
    for table in tables:
        table["currency"] = rng.integers(0, 3, table["side"].shape[0]).astype(np.int16)
        one = ("payer_key", "payee_key")[int(table["side"][0])]
        table["named_share"] = (table[one] % 7 + table["currency"] + 1) / 16
    want = network.merge_edges(tables, CPU)
    with (
        mock.patch.object(books, "dense_up_to", lambda n_rows: places_a_row * n_rows),
        mock.patch.object(dependence, "_DENSE", places_a_row),
    ):
        got = network.merge_edges(tables, CPU)
    for name, values in want.items():
        np.testing.assert_array_equal(got[name], values)


def test_more_combinations_than_a_number_holds_are_an_error():
    table = edges_of(0)
    with (
        mock.patch.object(merging, "_MOST_BITS", 8),
        pytest.raises(ValueError, match=r"2\*\*8 combinations .* got \d+ parties and 1 currencies"),
    ):
        network.merge_edges([table], CPU)


@pytest.mark.parametrize("n_rows", [1, 7, 1_000])
def test_edges_are_named_by_number_some_at_a_time(n_rows):
    edges, ends = network.merge_and_number([edges_of(0), edges_of(1)], CPU)
    edges["currency"] = np.where(edges["payer_key"] % 3, 156, 978).astype(np.int16)
    ids = pa.array([f"no {key}" for key in ends.key])
    tables = [*network.edge_tables(edges, ends, ids, n_rows)]
    assert {len(table["payer_id"]) for table in tables[:-1]} <= {n_rows}
    for name in ("payer", "payee"):
        got = [text for table in tables for text in table[f"{name}_id"].to_pylist()]
        assert got == [f"no {key}" for key in edges[f"{name}_key"]]
    kinds = [table["currency"] for table in tables]
    named = [kind.labels[code] for kind in kinds for code in kind.codes]
    assert named == [currency_name(int(code)) for code in edges["currency"]]
    money = np.concatenate([table["amount_minor"] for table in tables])
    np.testing.assert_array_equal(money, edges["amount_minor"])


def test_a_network_without_edges_is_a_table_without_rows():
    table = {name: values[:0] for name, values in edges_of(0).items()}
    edges, ends = network.merge_and_number([table], CPU)
    (found,) = network.edge_tables(edges, ends, pa.array([], pa.string()), 5)
    assert len(found["payer_id"]) == len(found["currency"].codes) == 0


links = st.sets(
    st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] < pair[1]),
    min_size=1, max_size=40,
)  # fmt: skip


@given(links)
@settings(max_examples=80)
def test_cores_and_triangles_match_naive(pairs):
    low, high = np.array(sorted(pairs, key=lambda pair: pair[::-1]), np.int64).T
    core, triangles = graphs.host_cohesion(12, low, high)
    cores, counted = naive.cores_and_triangles(sorted(pairs))
    assert core.tolist() == [cores.get(node, 0) for node in range(12)]
    assert triangles.tolist() == [counted.get(node, 0) for node in range(12)]
    assert (core.dtype, triangles.dtype) == (np.int32, np.int64)


@pytest.mark.parametrize("power", [1.0, 4.0])
def test_a_larger_graph_answers_as_igraph_does(power):
    """Nodes of many links and of one: with a power most links are of few nodes."""
    rng = np.random.default_rng(11)
    ends = (2_000 * rng.random((2, 9_000)) ** power).astype(np.int64)
    low, high = np.unique(np.sort(ends[:, ends[0] != ends[1]], axis=0), axis=1)
    core, triangles = graphs.host_cohesion(2_000, low, high)
    graph = import_igraph().Graph(n=2_000, edges=list(zip(low, high, strict=True)))
    degree = np.array(graph.degree())
    closed = np.array(graph.transitivity_local_undirected(mode="zero"))
    assert core.tolist() == graph.coreness()
    assert triangles.tolist() == np.rint(closed * degree * (degree - 1) / 2).tolist()
    first = graphs.host_components(2_000, high, low)
    member = np.array(graph.connected_components().membership)
    assert first.tolist() == np.unique(member, return_index=True)[1][member].tolist()


def test_ranks_are_those_of_a_product_of_matrices_to_the_bit():
    from scipy.sparse import coo_array

    rng = np.random.default_rng(6)
    source, target = (300 * rng.random((2, 1_500)) ** 2).astype(np.int64)
    weight = rng.random(1_500)
    given_away = np.bincount(source, weight, 300)
    places = (target, source)
    flow = coo_array((weight / given_away[source], places), shape=(300, 300)).tocsr()
    rank = np.full(300, 1 / 300)
    for _ in range(graphs.MAX_STEPS):
        shared = 1 - graphs.DAMPING + graphs.DAMPING * rank[given_away == 0].sum()
        new = graphs.DAMPING * (flow @ rank) + shared / 300
        change, rank = np.abs(new - rank).sum(), new
        if change < graphs.TOLERANCE:
            break
    assert graphs.host_pagerank(300, source, target, weight).tolist() == rank.tolist()
