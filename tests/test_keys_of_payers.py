"""Ids that several customers use: each has a row of its own, whatever the number of buckets."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.pipeline import run
from qfb_gpu.schema import SOURCES

AS_OF = dt.date(2024, 12, 31)
PAYERS = ["丙公司", "乙公司", "甲公司"]


def test_the_key_of_every_source_names_the_customer():
    assert all("customer_id" in table.key for table in SOURCES.values())


@pytest.mark.parametrize("n_buckets", [1, 8])
def test_one_id_of_three_payers_is_three_contracts(tmp_path, n_buckets):
    day = dt.date(2024, 3, 5)
    payments = {"txn_id": ["t1"] * 3, "customer_id": PAYERS, "counterparty_id": ["P"] * 3,
                "date": [day] * 3, "amount": ["300.00"] * 3, "direction": ["out"] * 3}  # fmt: skip
    contracts = {"contract_id": ["K"] * 3, "customer_id": PAYERS, "counterparty_id": ["P"] * 3,
                 "start_date": [day] * 3, "end_date": [dt.date(2025, 3, 5)] * 3,
                 "amount": ["1000.00"] * 3}  # fmt: skip
    links = {"contract_id": ["K"] * 4, "txn_id": ["t1"] * 4, "customer_id": [*PAYERS, PAYERS[0]]}
    sources = {"transactions": payments, "contracts": contracts, "contract_payments": links}
    for name, columns in sources.items():
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    raw = {
        "as_of": AS_OF, "currency": "CNY", "device": "cpu", "output": str(tmp_path / "out"),
        "data": str(tmp_path), "n_buckets": n_buckets, "workers": 1,
        "sources": {
            name: {"path": f"{name}.parquet", "columns": {column: column for column in columns}}
            for name, columns in sources.items()
        },
    }  # fmt: skip
    run(build_config(raw, base=tmp_path, where="test"))
    found = gold.read(tmp_path / "out", "contract_summary").to_pylist()
    rows = sorted((one["customer_id"], one["contract_id"], one["n_linked"]) for one in found)
    assert rows == [(payer, "K", 1) for payer in PAYERS]
    typical = gold.read(tmp_path / "out", "segments")["typical_customers"].to_pylist()
    assert any(payer in text for payer in PAYERS for text in typical)  # letters, not their numbers
    rejects = gold.read(tmp_path / "out", "rejects").to_pylist()
    assert [one["reason"] for one in rejects] == ["duplicate contract_id, txn_id"]
