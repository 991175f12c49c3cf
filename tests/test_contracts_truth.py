"""Contracts against the truth of generated portfolios, and what must not change an answer."""

import datetime as dt

import deals_case
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from qfb_gpu.parts.contracts import CONTRACTS

TRULY = {0.0: 1.0, 1.0: 0.9, 2.0: 0.9}
"""Recall of links that were never kept, at each hardness; their precision is 0.99 or more."""


@pytest.fixture(scope="module", params=[(0.0, 3), (1.0, 5), (2.0, 8)], ids=str)
def judged(request, tmp_path_factory):
    hardness, seed = request.param
    tables = deals_case.portfolio(120, seed, hardness)
    night = deals_case.Night(tmp_path_factory.mktemp("night"), tables, [CONTRACTS])
    return hardness, tables, night


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """Return one portfolio of hardness 1 and its night."""
    tables = deals_case.portfolio(80, 7)
    return tables, deals_case.Night(tmp_path_factory.mktemp("one"), tables, [CONTRACTS])


def test_node_ratios_are_within_a_point(judged):
    _, tables, night = judged
    truth = tables["truth/contract_nodes"].to_pandas()
    found = night.table("contract_nodes")
    n_paid = truth.groupby("contract_id").txn_id.count()
    chosen = n_paid[n_paid >= 4].index
    assert len(chosen) > 5
    right = [_same(truth, found, contract) for contract in chosen]
    assert np.mean(right) >= 0.95


def _same(truth, found, contract):
    wanted = truth[truth.contract_id == contract].sort_values("node_no").percent.to_numpy()
    got = found[found.contract_id == contract].sort_values("node_no").percent.to_numpy()
    return wanted.shape == got.shape and bool((np.abs(wanted - got) <= 1).all())


def test_matched_payments_are_right_and_most_are_found(judged):
    hardness, tables, night = judged
    truth = tables["truth/contract_nodes"].to_pandas()
    hidden = truth[truth.txn_id.notna() & ~truth.is_linked]
    true = set(zip(hidden.contract_id, hidden.txn_id, strict=True))
    paid = night.table("contract_payments")
    matched = paid[paid.basis != "link"]
    got = set(zip(matched.contract_id, matched.txn_id, strict=True))
    assert len(got - true) <= 0.01 * len(got)
    assert len(got & true) >= TRULY[hardness] * len(true)
    assert (matched.confidence >= 0.9).all()
    assert (paid[paid.basis == "link"].confidence == 1).all()


def test_paid_days_and_means_are_those_of_the_truth(judged):
    _, tables, night = judged
    truth = tables["truth/contract_nodes"].to_pandas()
    paid = truth[truth.txn_id.notna()].merge(
        night.table("contract_nodes"), on=["contract_id", "node_no"], suffixes=("_true", "")
    )
    same = pd.to_datetime(paid.paid_date_true) == pd.to_datetime(paid.paid_date)
    assert same.mean() > 0.95
    every = night.table("contract_groups").iloc[0]
    n = truth.groupby("contract_id").txn_id.count()
    assert every.n_contracts == len(n)  # contracts without a payment count
    assert every.payments_mean == pytest.approx(n.mean(), rel=0.05)
    assert every.n_unpaid == pytest.approx((n == 0).sum(), abs=4)


def test_the_next_node_is_the_true_one_and_its_range_mostly_holds(judged):
    _, tables, night = judged
    truth = tables["truth/contract_nodes"].to_pandas()
    summary, nodes = night.table("contract_summary"), night.table("contract_nodes")
    waits = nodes[nodes.status != "paid"].sort_values("node_no")
    first = waits.groupby("contract_id").node_no.first().reset_index()
    both = summary.merge(first, on="contract_id").merge(
        truth, on=["contract_id", "node_no"], suffixes=("", "_true")
    )
    comes = both[pd.to_datetime(both.paid_date) > pd.Timestamp(deals_case.AS_OF)]
    assert len(comes) > 30
    amount = comes.amount.astype(float)
    np.testing.assert_allclose(comes.next_amount, amount)
    due = [pd.to_datetime(comes[f"next_date{end}"]) for end in ("_earliest", "", "_latest")]
    true = pd.to_datetime(comes.paid_date)
    inside = (due[0].isna() | (true >= due[0])) & (due[2].isna() | (true <= due[2]))
    assert inside.mean() > 0.75
    assert ((due[1] > pd.Timestamp(deals_case.AS_OF)) | due[1].isna()).all()
    assert (true - due[1]).dt.days.abs().median() < 30


def test_order_of_rows_and_names_change_nothing(one, tmp_path):
    tables, night = one
    other = deals_case.Night(tmp_path, deals_case.relabelled(tables, 1), [CONTRACTS])
    for name, key in (
        ("contract_summary", ["contract_id"]),
        ("contract_nodes", ["contract_id", "node_no"]),
        ("contract_payments", ["contract_id", "number"]),
    ):
        left, right = (
            n.table(name).sort_values(key).reset_index(drop=True).drop(
                columns=["customer_id", "counterparty_id", "txn_id"], errors="ignore")
            for n in (night, other)
        )  # fmt: skip
        pd.testing.assert_frame_equal(left, right, check_categorical=False)


def test_clauses_may_be_missing(one, tmp_path):
    tables, _ = one
    contracts = tables["contracts"]
    bare = contracts.set_column(
        contracts.column_names.index("clause"), "clause", pa.nulls(contracts.num_rows, pa.string())
    )
    night = deals_case.Night(tmp_path, {**tables, "contracts": bare}, [CONTRACTS])
    nodes = night.table("contract_nodes")
    truth = tables["truth/contract_nodes"].to_pandas()
    linked = truth[truth.is_linked]
    assert (nodes.basis == "payments").all()
    assert len(nodes) >= len(linked)
    shares = nodes.merge(linked, left_on=["contract_id", "paid_date"],
                         right_on=["contract_id", "paid_date"], suffixes=("", "_true"))  # fmt: skip
    shares = shares[~shares.duplicated(["contract_id", "paid_date"], keep=False)]
    assert (np.abs(shares.percent - shares.percent_true) <= 1).mean() > 0.99
    assert night.table("contract_payments").recurring_percent.notna().mean() > 0.8


def test_nothing_later_is_seen(one, tmp_path):
    tables, _ = one
    day = dt.date(2024, 3, 31)
    early = deals_case.Night(tmp_path / "early", tables, [CONTRACTS], as_of=day)
    cut = {
        **tables,
        "transactions": tables["transactions"].filter(
            pa.compute.less_equal(tables["transactions"]["date"], pa.scalar(day))
        ),
    }
    known = deals_case.Night(tmp_path / "cut", cut, [CONTRACTS], as_of=day)
    for name in ("contract_summary", "contract_nodes", "contract_payments"):
        pd.testing.assert_frame_equal(early.table(name), known.table(name), check_categorical=False)


def test_no_contracts_give_empty_tables(tmp_path):
    tables = deals_case.portfolio(5, 1)
    none = {**tables, "contracts": tables["contracts"].slice(0, 0),
            "contract_payments": tables["contract_payments"].slice(0, 0)}  # fmt: skip
    night = deals_case.Night(tmp_path, none, [CONTRACTS])
    assert {name: len(table) for name, table in night.tables.items()} == {
        "contract_summary": 0, "contract_nodes": 0, "contract_payments": 0, "contract_groups": 0,
    }  # fmt: skip
