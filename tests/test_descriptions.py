"""Payments without a counterparty: their memo, without dates and numbers, names their relation."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import descriptions as naive
from naive.text import hash_text

import qfb_gpu as qfb
from qfb_gpu import network, profile
from qfb_gpu.api import ledger_of
from qfb_gpu.backend import get_backend
from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.lake.descriptions import describe, description_keys, normalise
from qfb_gpu.pipeline import run

AS_OF = dt.date(2024, 12, 31)
STANDING = {
    "房租 2024年{m}月": ("房租", 5, 3000.0),
    "Insurance premium policy {n}": ("insurance premium policy", 12, 3001.0),
    "电费{m}月": ("电费", 20, 120.0),
}
PIECES = [
    "房租", "电费", "rent", "Rent", "Jan", "2024", "1", "１２", "月", "年", "第", "期", "一", "十", "号",
    "-", "/", "#", " ", "  ", "INV", "a", "q", "Q1", "é", "ß", "Ⅳ", "①", "²", "㋀", "_", "٣", "\u3000",
    "季度", "三", "策", "가", "\u0301", "May", "policy",
]  # fmt: skip
memos = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=12)


@pytest.mark.parametrize(
    ("memo", "left"),
    [("房租 2024年1月", "房租"), ("电费1月", "电费"), ("１月电费", "电费"), ("物业费 2024 年 第3期", "物业费"),
     ("第三季度 管理费", "管理费"), ("十二月份工资", "工资"), ("ATM取款", "atm取款"), ("货款 合同HT2024-001", "货款 合同"),
     ("Insurance premium policy 88123", "insurance premium policy"), ("RENT Jan 2024", "rent"),
     ("rent-2024/01", "rent"), ("rent202401", "rent"), ("Rent, Q1 FY24", "rent"), ("Rent 31 December", "rent"),
     ("INV8A3F91 goods", "goods"), ("Café  crème", "café crème"), ("2024-01-31", ""), ("№ 17", "no"),
     ("  ", ""), ("123456", ""), ("㋀電気代", "電気代")],
)  # fmt: skip
def test_what_is_left_of_a_memo(memo, left):
    assert normalise(memo) == left == naive.normalise(memo)


@given(memos)
@settings(max_examples=400)
def test_memos_match_naive(memo):
    assert normalise(memo) == naive.normalise(memo)


@given(st.lists(st.none() | memos, max_size=12), st.randoms())
@settings(max_examples=100)
def test_a_batch_equals_memo_by_memo_in_any_order(batch, random):
    shuffled = random.sample(batch, len(batch))
    for rows in (batch, shuffled):
        found = describe(pa.array(rows, pa.string())).to_arrow().to_pylist()
        assert found == [None if row is None else naive.normalise(row) or None for row in rows]


def test_a_description_never_has_the_key_of_an_id():
    texts = pa.array(["房租", "rent", "c1"])
    keys = description_keys(texts).tolist()
    assert keys == [naive.key(text) for text in texts.to_pylist()]
    assert not set(keys) & {hash_text(text) for text in texts.to_pylist()}


@pytest.fixture(scope="module")
def standing():
    rows = [
        ("a", dt.date(2024, m, day), -amount, memo.format(m=m, n=88_000 + m), f"{memo[:2]}{m}")
        for m in range(1, 13)
        for memo, (_, day, amount) in STANDING.items()
    ]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount", "memo", "txn_id"])


def test_three_standing_payments_without_counterparty_are_three_streams(standing):
    streams = qfb.find_streams(standing, as_of=AS_OF, device="cpu", calendar="weekends")
    assert streams.is_regular.all()
    assert set(streams.description) == {text for text, _, _ in STANDING.values()}
    assert streams.counterparty_id.isna().all()
    assert (streams.n_payments == 12).all()
    assert (streams.cadence == "monthly").all()


def test_a_counterparty_needs_no_description(standing):
    known = standing.assign(counterparty_id="landlord")
    streams = qfb.find_streams(known, as_of=AS_OF, device="cpu", calendar="weekends")
    assert streams.description.isna().all()
    assert ledger_of(known, as_of=AS_OF, device="cpu").description_key is None


def test_memos_that_say_nothing_stay_together(standing):
    numbers = standing.assign(memo=[str(i) for i in range(len(standing))])
    assert ledger_of(numbers, as_of=AS_OF, device="cpu").n_relations == 1


def test_descriptions_are_no_counterparties(standing):
    backend = get_backend("cpu")
    described = ledger_of(standing, as_of=AS_OF, device="cpu")
    plain = ledger_of(standing.drop(columns="memo"), as_of=AS_OF, device="cpu")
    assert (described.n_relations, plain.n_relations) == (3, 1)
    assert network.relation_edges(described, backend, 0)["payer_key"].size == 0
    day = (AS_OF - dt.date(1970, 1, 1)).days
    got, want = (profile.customer_features(one, day, backend) for one in (described, plain))
    for name, values in want.items():
        assert np.array_equal(got[name], values, equal_nan=values.dtype.kind == "f"), name


def night(folder, rows, n_files=1, **settings):
    folder.mkdir()
    source = {"path": "*.parquet"}
    for number, part in enumerate(np.array_split(np.arange(len(rows)), n_files)):
        pq.write_table(pa.Table.from_pandas(rows.iloc[part]), folder / f"{number}.parquet")
        raw = {"as_of": AS_OF, "device": "cpu", "workers": 1, "sources": {"transactions": source}}
        config = build_config(raw | settings, base=folder, where="test")
        run(config)
    return {
        name: gold.read(config.output_dir, name).to_pandas()
        for name in ("payment_streams", "stream_payments", "graph_nodes", "graph_edges")
    }


def test_a_night_is_the_same_for_any_buckets_order_and_files(standing, tmp_path):
    many = [
        standing.assign(customer_id=f"c{i}", txn_id=standing.txn_id + f"-{i}") for i in range(6)
    ]
    known = standing.assign(
        customer_id="c1", counterparty_id="landlord", txn_id=standing.txn_id + "k"
    )
    rows = pd.concat([*many, known], ignore_index=True)
    whole = night(tmp_path / "whole", rows, n_buckets=1)
    streams = whole["payment_streams"]
    assert streams.groupby("customer_id").description.nunique().tolist() == [3] * 6
    assert set(whole["graph_nodes"].node_id) == {"c1", "landlord"}
    assert len(whole["graph_edges"]) == 1
    shuffled = rows.sample(frac=1, random_state=3)
    for n_buckets, n_files in ((3, 1), (8, 3)):
        folder = tmp_path / f"{n_buckets}-{n_files}"
        other = night(folder, shuffled, n_files, n_buckets=n_buckets)
        for name, key in (("payment_streams", "stream_id"), ("stream_payments", "txn_id")):
            left, right = (t[name].sort_values(key, ignore_index=True) for t in (whole, other))
            pd.testing.assert_frame_equal(left, right)
