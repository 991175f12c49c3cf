"""The ready configs on real data with known truth, where it is present.

The folder is ``QFB_DATA``, or ``../shared/data`` beside the checkout; docs/real-data.md says
where the public originals are.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qfb_gpu.config import load_config
from qfb_gpu.lake import gold
from qfb_gpu.pipeline import run

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("QFB_DATA", ROOT.parent / "shared" / "data"))
CONFIGS = {
    "sme_invoices": "sme_invoices",
    "supplier_payments": "supplier_payments",
    "supplier_payments_raw": "supplier_payments",
    "bank_accounts": "bank_accounts",
    "online_retail": "online_retail",
}
MANY = 6


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Run a config once and hand out its gold tables as pandas frames."""
    done = {}

    def read(name):
        if not (DATA / CONFIGS[name]).is_dir():
            pytest.skip(f"real data set {CONFIGS[name]} is not in {DATA}; set QFB_DATA")
        if name not in done:
            out = tmp_path_factory.mktemp(name)
            os.environ["QFB_DATA"] = str(DATA)
            overrides = {"output": str(out), "device": "cpu"}
            config = load_config(ROOT / "configs" / f"{name}.toml", overrides)
            result = run(config)
            done[name] = (result, config.output_dir)
        result, out = done[name]
        return result, lambda table: gold.read(out, table).to_pandas(), out

    return read


@pytest.mark.parametrize("name", list(CONFIGS))
def test_every_config_runs_to_a_report(night, name):
    result, table, out = night(name)
    assert result.counts["n_payments"] > 1000
    assert result.counts["n_regular"] > 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "</html>" in page
    profiles = table("customer_profiles")
    assert len(profiles) == result.counts["n_customers"]
    assert profiles.customer_id.is_unique
    payments = table("stream_payments")
    assert len(payments) == result.counts["n_payments"]


@pytest.mark.parametrize("name", list(CONFIGS))
def test_no_row_is_lost(night, name):
    """Every source row is kept, excluded, rejected or summed into another, and counted."""
    result, table, _ = night(name)
    quality = table("data_quality").query("source == 'transactions'").set_index("measure").value
    left_out = quality[quality.index.str.startswith(("rejected", "excluded", "summed"))].sum()
    assert quality["rows"] == quality["kept"] + left_out
    assert quality["kept"] == result.counts["n_payments"]
    assert len(table("rejects")) == result.counts["n_rejected"]


def test_standing_orders_are_found_and_cash_withdrawals_are_not(night):
    _, table, _ = night("bank_accounts")
    streams = table("payment_streams").query("direction == 'out'")
    orders = pd.read_csv(DATA / "bank_accounts" / "standing_orders.csv", dtype=str)
    orders = orders[orders.n.astype(int) >= MANY]
    regular = streams[streams.is_regular]
    found = set(zip(regular.customer_id, regular.counterparty_id, strict=True))
    wanted = set(zip(orders.account_id, orders.bank_to + "|" + orders.account_to, strict=True))
    assert len(found & wanted) / len(wanted) >= 0.97
    monthly = regular[regular.counterparty_id.notna()].cadence.eq("monthly").mean()
    assert monthly >= 0.97


def test_payment_runs_of_14_and_28_days_are_not_taken_for_months(night):
    _, table, _ = night("supplier_payments")
    streams, payments = table("payment_streams"), table("stream_payments")
    system = payments.txn_id.str.extract(r"^([A-Z]+)")[0]
    for name, days in (("CFADRES", 14), ("CFCHEXTL", 14), ("CFDIRPAY", 28), ("CFSUPP", 28)):
        members = payments[system == name].groupby("stream_id").size()
        mine = streams[streams.stream_id.isin(members[members >= 2 * MANY].index)]
        whole = streams.set_index("stream_id").n_payments
        mine = mine[members[mine.stream_id].to_numpy() >= 0.9 * whole[mine.stream_id].to_numpy()]
        mine = mine[mine.is_regular]
        share_monthly = mine.cadence.isin(["monthly", "semimonthly"]).mean()
        multiple = np.isclose((mine.period_days / days) % 1, 0, atol=0.01).mean()
        assert len(mine) > 0, name
        assert share_monthly < 0.1, (name, share_monthly)
        assert multiple > 0.8, (name, multiple)


def test_void_invoices_are_left_out_and_red_ones_kept(night):
    _, table, _ = night("sme_invoices")
    quality = table("data_quality").set_index("measure").value
    void = quality[quality.index.str.contains("void")].sum()
    assert void > 50_000
    edges = table("graph_edges")
    assert (edges.amount_minor < 0).any() or (table("stream_payments").role == "returned").any()
