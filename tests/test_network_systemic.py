"""Whose default costs most, each customer's worst case, and supply chains."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from stand_in import stand_in_backend
from test_contagion import CHAIN, CNY, CPU, EUR, flow_sets, losses, network_of

from qfb_gpu._backend import distress
from qfb_gpu._config.network import Contagion
from qfb_gpu.lake.work import Workspace
from qfb_gpu.network import SIDES, build_graph, chains, systemic
from qfb_gpu.network.debtrank import LEAST
from qfb_gpu.parts.names import names_of, save_names


def chains_of(flows, backend=CPU, customers=None, **asked):
    edges, graph = network_of(flows, customers, backend)
    found = chains(graph, edges, Contagion(**asked), backend)
    names = ("core_key", "member_key", "side", "tier", "via_key", "share", "chain_share")
    rows = zip(*(backend.to_host(found[name]).tolist() for name in names), strict=True)
    return {(core, member, SIDES[side]): (tier, via, share, hangs)
            for core, member, side, tier, via, share, hangs in rows}  # fmt: skip


@given(flow_sets)
@settings(max_examples=30)
def test_each_firm_alone_and_each_customers_worst(flows):
    edges, graph = network_of(flows)
    firms, worst = systemic(graph, edges, Contagion(n_firms=100), CPU)
    share = {node: 0.0 for ends in flows for node in ends}  # nothing reaches the others
    share |= dict(zip(worst["key"].tolist(), worst["share"].tolist(), strict=True))
    most = dict.fromkeys(share, 0.0)
    for row, firm in enumerate(firms["key"].tolist()):
        lost, found = losses(flows, firm)
        assert firms["debtrank"][row] == pytest.approx(float(found.debtrank[0]))
        assert firms["n_hit"][row] == sum(loss >= 0.01 for loss, _ in lost.values())
        assert firms["most_hit_share"][row] == pytest.approx(max(v for v, _ in lost.values()))
        for node, (loss, _) in lost.items():
            most[node] = max(most[node], loss)
    assert share == pytest.approx(most)
    payers = {a for (a, b), v in flows.items() if v > 0 and a != b}
    assert set(firms["key"].tolist()) == payers  # whoever pays somebody is tried
    assert (np.diff(firms["debtrank"]) <= 0).all()
    for node, firm, direct in zip(worst["key"].tolist(), worst["firm_key"].tolist(),
                                  worst["direct_share"].tolist(), strict=True):  # fmt: skip
        if firm:
            assert losses(flows, firm)[0][node] == pytest.approx((share[node], direct))
        else:
            assert share[node] == 0.0


def test_only_as_many_firms_as_asked_are_tried():
    edges, graph = network_of(CHAIN)
    firms, worst = systemic(graph, edges, Contagion(n_firms=1), CPU)
    assert firms["key"].tolist() == [1]
    none, worst = systemic(graph, edges, Contagion(n_firms=0), CPU)
    assert none["key"].shape == (0,)
    assert worst["key"].shape == (0,)
    worst = systemic(graph, edges, Contagion(n_firms=1), CPU)[1]
    assert sorted(worst["key"].tolist()) == [2, 3, 4]  # nobody pays 1 and 9


def test_a_largest_payer_that_is_not_tried_is_named():
    edges, graph = network_of(CHAIN)
    worst = systemic(graph, edges, Contagion(n_firms=1, recovery=0.2), CPU)[1]
    rows = zip(*(worst[name].tolist() for name in ("key", "firm_key", "share", "direct_share")),
               strict=True)  # fmt: skip
    found = {node: row for node, *row in rows}
    assert found[2] == pytest.approx([1, 0.8, 0.8])
    assert found[3] == pytest.approx([1, 0.4, 0.0])  # as much as by 9, and 1 was tried
    assert found[4] == pytest.approx([9, 0.6, 0.6])  # by the default of 1 it loses 0.1


@pytest.mark.parametrize("n_firms", [1, 3, 60])
@pytest.mark.parametrize("outsiders", ["absorb", "pass_on"])
def test_nobody_loses_less_than_its_largest_payer_pays(n_firms, outsiders):
    rng = np.random.default_rng(n_firms)
    flows = {(int(a), int(b)): int(v) for a, b, v in
             zip(*rng.integers(1, 40, (2, 150)), rng.integers(1, 10**6, 150), strict=True)}  # fmt: skip
    customers = range(0, 40, 2)
    both = [network_of(flows, customers, currency=code)[0] for code in (CNY, EUR)]
    edges = {name: np.concatenate([one[name] for one in both]) for name in both[0]}
    edges["income_share"] *= np.where(edges["currency"] == EUR, 0.7, 0.3)
    asked = Contagion(n_firms=n_firms, recovery=0.25, outsiders=outsiders)
    worst = systemic(build_graph(edges, CPU), edges, asked, CPU)[1]
    found = dict(zip(worst["key"].tolist(), worst["share"].tolist(), strict=True))
    income = {}
    for payer, payee, share in zip(
        edges["payer_key"].tolist(), edges["payee_key"].tolist(), edges["income_share"].tolist(),
        strict=True,
    ):  # fmt: skip
        if payer != payee and (payee in customers or outsiders == "pass_on"):
            income[payee, payer] = income.get((payee, payer), 0.0) + share
    for node in {payee for payee, _ in income}:
        most = max(share for (payee, _), share in income.items() if payee == node)
        assert found[node] >= 0.75 * most - 1e-12


def test_a_chain_of_suppliers_by_hand():
    """2 sells all to the core 1 and half of 3's sales go to 2; 4 buys all from 1."""
    flows = {(1, 2): 100, (2, 3): 40, (9, 3): 40, (4, 1): 60, (8, 1): 60, (5, 4): 30}
    found = chains_of(flows, n_chains=1, chain_share=0.2)
    assert found.keys() == {(1, 2, "upstream"), (1, 3, "upstream"), (1, 4, "downstream"),
                            (1, 8, "downstream"), (1, 5, "downstream")}  # fmt: skip
    assert found[1, 2, "upstream"] == pytest.approx((1, 0, 1.0, 1.0))
    assert found[1, 3, "upstream"] == pytest.approx((2, 2, 0.5, 0.5))
    assert found[1, 4, "downstream"] == pytest.approx((1, 0, 1.0, 1.0))
    assert found[1, 5, "downstream"] == pytest.approx((2, 4, 1.0, 1.0))
    assert (1, 3, "upstream") not in chains_of(flows, n_chains=1, chain_share=0.6)


def test_of_several_ways_the_one_that_counts_most_is_named():
    flows = {(1, 2): 10, (1, 3): 10, (2, 4): 30, (3, 4): 70}
    found = chains_of(flows, n_chains=4)
    assert found[1, 4, "upstream"] == pytest.approx((2, 3, 0.7, 1.0))


def test_no_network_no_chain():
    edges, graph = network_of({})
    assert chains(graph, edges, Contagion(), CPU)["tier"].shape == (0,)
    assert systemic(graph, edges, Contagion(), CPU)[0]["key"].shape == (0,)


def rows_of(found):
    return [{name: values.tolist() for name, values in one.items()} for one in found]


@pytest.mark.parametrize(("n_nodes", "n_flows"), [(9, 20), (70, 160), (9_000, 13_000)])
@pytest.mark.parametrize("outsiders", ["absorb", "pass_on"])
def test_lists_of_nodes_equal_products_of_matrices_to_the_bit(
    n_nodes, n_flows, outsiders, monkeypatch
):
    rng = np.random.default_rng(n_nodes)
    pairs = rng.integers(0, n_nodes, (n_flows, 2)) ** 2 // n_nodes  # some have many partners
    flows = {(int(a), int(b)): int(v) for (a, b), v in
             zip(pairs, rng.integers(1, 10**9, n_flows), strict=True)}  # fmt: skip
    customers = range(0, n_nodes, 3)
    both = [network_of(flows, customers, currency=code)[0] for code in (CNY, EUR)]
    edges = {name: np.concatenate([one[name] for one in both]) for name in both[0]}  # twice a pair
    edges["income_share"] *= np.where(edges["currency"] == EUR, 0.7, 0.3)
    graph = build_graph(edges, CPU)
    asked = Contagion(n_firms=20, n_chains=8, buffer=0.7, recovery=0.1, outsiders=outsiders)
    monkeypatch.setattr("qfb_gpu._backend.distress.n_threads", lambda: 3)
    found = [rows_of((*systemic(graph, edges, asked, CPU), chains(graph, edges, asked, CPU)))]
    monkeypatch.setattr(type(CPU), "either", lambda _self, _host, device: device)
    monkeypatch.setattr("qfb_gpu._backend.tall.PIECE_ROWS", n_nodes + 1)  # sums in the same order
    found.append(rows_of((*systemic(graph, edges, asked, CPU), chains(graph, edges, asked, CPU))))
    assert found[0] == found[1]
    assert n_nodes < 10 or max(found[0][0]["farthest"]) > 1


def test_nodes_in_distress_are_found_among_many_and_their_vectors_are_bounded(monkeypatch):
    n = 300_000
    far = np.array([0, 63, 64, 4_095, 4_096, 70_000, n - 1])
    matrix = CPU.sparse((n, n), far[:-1], far[1:], np.linspace(0.5, 1, far.size - 1))
    monkeypatch.setattr(distress, "_BYTES", distress._BYTES_A_NODE * n * 2)
    monkeypatch.setattr(distress, "n_threads", lambda: 64)
    reaches = distress.one_by_one(matrix, matrix, np.array([4_096, 0, 63]), 0.5, LEAST)
    for begin, found in zip((4, 0, 1), reaches, strict=True):
        assert found.distress.shape == (n,)
        assert found.node.tolist() == far[begin:].tolist()
        assert np.flatnonzero(found.distress).tolist() == far[begin:].tolist()
        assert found.step[found.node].tolist() == list(range(far.size - begin))
    assert found.lost[63] == 0.0
    assert found.lost[64] == 0.5 * matrix[63, 64]


def test_who_pays_all_that_it_should_hits_nobody():
    edges, graph = network_of(CHAIN)
    firms, worst = systemic(graph, edges, Contagion(recovery=1.0), CPU)
    assert not firms["debtrank"].any()
    assert not firms["most_hit_key"].any()
    assert worst["key"].shape == (0,)


def test_a_gpu_would_do_the_same():
    flows = {(a, b): 7 * a + b for a in range(1, 9) for b in range(1, 9) if (a + b) % 3}
    there = stand_in_backend()
    assert chains_of(flows, there, n_chains=3) == chains_of(flows, n_chains=3)
    found = []
    for backend in (CPU, there):
        edges, graph = network_of(flows, backend=backend)
        firms, worst = systemic(graph, edges, Contagion(), backend)
        found.append([{k: v.tolist() for k, v in one.items()} for one in (firms, worst)])
    assert found[0] == found[1]


def test_names_come_from_whichever_bucket_has_them(tmp_path):
    buckets = {
        0: ({"counterparty_key": np.array([7, 5, 0]), "counterparty_id": pa.array(["g", "e", None])},
            {"customer_key": np.array([1, 2]), "customer_id": pa.array(["a", "b"])}),
        1: ({"counterparty_key": np.array([1]), "counterparty_id": pa.array(["a"])},
            {"customer_key": np.array([9]), "customer_id": pa.array(["i"])}),
    }  # fmt: skip
    work = Workspace(tmp_path)
    for bucket, (relations, customers) in buckets.items():
        work.save("score", bucket, "relations", relations, CPU)
        work.save("score", bucket, "customers", customers, CPU)
    save_names(work, (0, 1))
    saved = SimpleNamespace(workspace=work)
    got = names_of(saved, np.array([9, 7, 0, 1, 1, 4], np.int64))
    assert got.to_pylist() == ["i", "g", None, "a", "a", None]
    assert names_of(saved, np.zeros(0, np.int64)).to_pylist() == []


def test_the_benchmark_runs_small(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    bench = importlib.import_module("network")
    run = bench._speed_of(60, 300, CPU)
    assert run["n_edges"] == 300
    assert 0 < run["debtrank"] < 1
    edges = bench.payments_network(60, 300)
    pairs = set(zip(edges["payer_key"].tolist(), edges["payee_key"].tolist(), strict=True))
    assert len(pairs) == 300
