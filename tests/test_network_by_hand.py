"""The payment network of a bank of a few rows, whose gold tables are known by heart."""

import datetime as dt
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from qfb_gpu.config import build_config
from qfb_gpu.pipeline import run

AS_OF = dt.date(2024, 12, 31)
PAYMENTS = [  # customer, counterparty, days ago, amount, direction, currency
    ("OWN", "X", 10, 100.0, "in", "CNY"),
    ("OWN", None, 11, 100.0, "in", "CNY"),  # half of its income names nobody
    ("OWN", "OWN", 12, 9e6, "in", "CNY"),  # from its other account: no income
    ("OWN", "OWN", 12, 9e6, "out", "CNY"),
    ("TWO", "CORE", 10, 60.0, "in", "CNY"),
    ("TWO", "Y", 10, 40.0, "in", "CNY"),
    ("TWO", "CORE", 10, 90.0, "in", "USD"),  # as many payments: currencies weigh alike
    ("TWO", "Y", 10, 10.0, "in", "USD"),
    *[("A", "B", days, 1000.0, "out", "CNY") for days in (30, 70, 110)],
    *[("A", "B", days, 1000.0, "in", "CNY") for days in (25, 65, 105)],
]
CUSTOMERS = [  # id, phone, address
    ("OWN", "010-1234", None), ("SILENT", "0101234", "Main Road 1"), ("STILL", None, "main road 1"),
    ("A", None, None), ("B", None, None), ("TWO", None, None),
]  # fmt: skip


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    """Return a function that reads a gold table of the night."""
    folder = tmp_path_factory.mktemp("night")
    names = ("customer_id", "counterparty_id", "date", "amount", "direction", "currency")
    paid = [(c, p, AS_OF - dt.timedelta(days), *rest) for c, p, days, *rest in PAYMENTS]
    columns = zip(*paid, strict=True)
    pq.write_table(
        pa.table(dict(zip(names, map(list, columns), strict=True))), folder / "t.parquet"
    )
    columns = map(list, zip(*CUSTOMERS, strict=True))
    names = ("customer_id", "phone", "address")
    pq.write_table(pa.table(dict(zip(names, columns, strict=True))), folder / "c.parquet")
    sources = {"transactions": {"path": "t.parquet"}, "customers": {"path": "c.parquet"}}
    raw = {"as_of": AS_OF, "device": "cpu", "workers": 1, "n_buckets": 32, "sources": sources}
    config = build_config(raw, base=folder, where="test")
    run(config)

    def read(name):
        return DeltaTable(str(config.output_dir / name)).to_pyarrow_table().to_pylist()

    return read


def test_money_from_ones_own_account_names_nobody_else(gold):
    share = {row["payer_id"]: row["income_share"] for row in gold("graph_edges")
             if row["payee_id"] == "OWN"}  # fmt: skip
    assert share == {"X": 0.5, "OWN": 0.0}  # X was 1.0


def test_a_member_of_a_chain_has_its_share_over_all_currencies(gold):
    rows = [r for r in gold("supply_chains") if (r["core_id"], r["member_id"]) == ("CORE", "TWO")]
    assert [(r["tier"], r["via_id"]) for r in rows] == [(1, None)]
    assert rows[0]["share"] == pytest.approx((0.6 + 0.9) / 2)  # it was 0.45, of dollars alone
    assert rows[0]["chain_share"] == rows[0]["share"]


def test_customers_without_a_payment_are_related_parties_by_name(gold):
    found = {(row["customer_id"], row["related_id"]): (json.loads(row["shared"]), row["group_id"])
             for row in gold("related_parties")}  # fmt: skip
    assert found == {  # names of SILENT and STILL were null
        ("OWN", "SILENT"): (["phone"], 0), ("SILENT", "OWN"): (["phone"], 0),
        ("SILENT", "STILL"): (["address"], 0), ("STILL", "SILENT"): (["address"], 0),
    }  # fmt: skip


def test_a_customer_has_as_many_round_trips_as_money_came_back(gold):
    trips = {tuple(json.loads(row["parties"])): row["n_trips"] for row in gold("round_trips")}
    assert trips == {("A", "B"): 3}
    number = {row["customer_id"]: row["graph_n_round_trips"] for row in gold("customer_profiles")}
    assert number == {"A": 3, "OWN": 0, "TWO": 0}  # A had 1, the rows of round_trips it is in
