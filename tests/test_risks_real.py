"""Risks on real data: what scores as of 2017 say of 2018 and 2019; the invoices of 425 firms."""

import datetime as dt
import sys
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from qfb_gpu import profile
from qfb_gpu.backend import get_backend
from qfb_gpu.config import build_config
from qfb_gpu.finance import months
from qfb_gpu.lake.silver import ledger_from_arrow

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
import risks as benchmark  # noqa: E402

CONFIG = ROOT / "configs" / "sme_invoices.toml"


@pytest.mark.filterwarnings("ignore:.*rows are left out:UserWarning")
def test_volatility_of_suppliers_foretells_the_next_two_years(real_data):
    found = benchmark.suppliers_out_of_time(real_data)
    assert found["n_suppliers"] > 2500
    after = found["rank correlation with volatility"]
    assert after["qfb"] > 0.65
    assert after["qfb"] > after["coefficient of variation"] + 0.05
    assert found["auc income halved"]["qfb"] > 0.68
    assert found["auc gone"]["qfb"] > 0.78


def test_months_of_invoices_add_up_to_the_file(real_data):
    table = pq.read_table(real_data / "sme_invoices" / "sales_with_history.parquet")
    valid = pc.equal(pc.utf8_trim_whitespace(table["发票状态"]), "有效发票")
    table = table.filter(valid).select(["企业代号", "开票日期", "购方单位代号", "价税合计"])
    table = table.append_column("id", pa.array(np.arange(table.num_rows)).cast(pa.string()))
    columns = {"txn_id": "id", "customer_id": "企业代号", "counterparty_id": "购方单位代号",
               "date": "开票日期", "amount": "价税合计"}  # fmt: skip
    source = {"path": "-", "columns": columns, "constants": {"direction": "in"}}
    raw = {"as_of": dt.date(2020, 2, 29), "currency": "CNY", "sources": {"transactions": source}}
    backend = get_backend("cpu")
    ledger = ledger_from_arrow(table, build_config(raw, base=Path(), where="test"), backend)
    ends = months.month_ends(18_321, 60, backend)
    found = months.by_month(ledger, profile.main_currency(ledger, backend), ends, backend)
    amount = pc.cast(table["价税合计"], pa.float64())
    assert int(found["income"].sum()) == round(100 * pc.sum(amount).as_py())
    assert int(found["n_returned"].sum()) == int(pc.sum(pc.less(amount, 0)).as_py())


def test_void_invoices_are_read_as_cancellations():
    parts = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["sources"]["cancellations"]
    assert len(parts) == 2
    assert all(part["exclude"][0]["values"] == ["有效发票"] for part in parts)


@pytest.mark.parametrize("kind", ["orders", "order speed", "firm speed"])
def test_the_benchmark_runs_on_a_tiny_case(kind):
    made = {
        "orders": lambda: benchmark.order_truth(40, 1),
        "order speed": lambda: benchmark.order_speed(400),
        "firm speed": lambda: benchmark.firm_speed(300, 10),
    }[kind]()
    assert made["kind"] == kind


@pytest.mark.slow
def test_the_back_test_of_firms_says_who_falls(real_data):
    dates = benchmark.firms_back_test(real_data)["dates"]
    found = [dates[date]["volatility"] for date in ("2018-02-28", "2018-08-31", "2019-02-28")]
    assert [one["n_fell"] for one in found] == [38, 34, 48]
    assert all(one["auc"] > max(0.65, one["auc_small"]) for one in found)
    assert all(one["covered"] > 0.85 for one in found)
