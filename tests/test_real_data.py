"""The ready configs on real data with known truth, where it is present.

The folder is ``QFB_DATA``, or ``shared/data`` beside the checkout; docs/real-data.md says where
the public originals are. Each config runs once; the two large sets are marked ``slow``.
"""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from qfb_gpu.config import load_config
from qfb_gpu.lake import gold
from qfb_gpu.pipeline import run

ROOT = Path(__file__).parents[1]
ROWS = {  # source rows as published; the lines of the raw months but for their headers
    "bank_accounts": 30_200,
    "supplier_payments_raw": 30_401,
    "online_retail": 541_909,
    "sme_invoices": 1_099_441,
    "supplier_payments": 814_162,
}
LARGE = {"sme_invoices", "supplier_payments"}
FOLDER = {"supplier_payments_raw": "supplier_payments"}
MANY = 6
EVERY = [
    pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else [], id=name) for name in ROWS
]


class Result:
    """One config's night."""

    def __init__(self, result, out):
        self.result, self.out = result, out

    def table(self, name):
        return gold.read(self.out, name).to_pandas()

    def measures(self):
        quality = self.table("data_quality")
        quality = quality[quality.source == "transactions"]
        return dict(zip(quality.measure, quality.value, strict=True))


@pytest.fixture(scope="module")
def night(real_data, tmp_path_factory):
    """Run a config at most once; the experiment log, which takes seconds, is written for one."""
    done = {}

    def of(name):
        folder = FOLDER.get(name, name)
        if not (real_data / folder).is_dir():
            pytest.skip(f"real data set {folder} is not in {real_data}; set QFB_DATA")
        if name not in done:
            out = tmp_path_factory.mktemp(name)
            overrides = {"output": str(out), "data": str(real_data / folder), "device": "cpu"}
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("QFB_DATA", str(real_data))
                if name != "bank_accounts":
                    patch.setattr("qfb_gpu.pipeline._log", lambda *_arguments: None)
                config = load_config(ROOT / "configs" / f"{name}.toml", overrides)
                done[name] = Result(run(config), config.output_dir)
        return done[name]

    return of


@pytest.mark.parametrize("name", EVERY)
def test_every_config_runs_to_a_report(night, name):
    one = night(name)
    page = (one.out / "report.html").read_text(encoding="utf-8")
    assert page.endswith("</html>\n")
    assert f"{one.result.counts['n_payments']:,}" in page
    assert one.result.counts["n_regular"] > 0
    profiles = one.table("customer_profiles")
    assert len(profiles) == one.result.counts["n_customers"]
    assert profiles.customer_id.is_unique
    payments = one.table("stream_payments")
    assert len(payments) == one.result.counts["n_payments"]


@pytest.mark.parametrize("name", EVERY)
def test_no_row_is_lost(night, name):
    """Every source row is kept, excluded, rejected or summed into another, and counted."""
    one = night(name)
    counts = one.measures()
    left_out = sum(
        n for m, n in counts.items() if m.startswith(("rejected: ", "excluded: ", "summed: "))
    )
    assert counts["rows"] == ROWS[name]
    assert counts["rows"] == counts["kept"] + left_out
    assert counts["kept"] == one.result.counts["n_payments"] + one.result.counts["n_later"]
    assert len(one.table("rejects")) == one.result.counts["n_rejected"]


def trans(real_data):
    return pd.read_csv(real_data / "bank_accounts" / "trans.csv", sep=";", dtype=str)


def test_every_standing_order_is_found(night, real_data):
    """A standing order of six payments or more is a regular monthly stream of its own."""
    streams = night("bank_accounts").table("payment_streams")
    orders = pd.read_csv(real_data / "bank_accounts" / "standing_orders.csv", dtype=str)
    orders = orders[orders.n.astype(int) >= MANY]
    wanted = set(zip(orders.account_id, orders.bank_to + "|" + orders.account_to, strict=True))
    out = streams[(streams.direction == "out") & streams.is_regular]
    found = set(zip(out.customer_id, out.counterparty_id, strict=True))
    missed = wanted - found
    rows = trans(real_data)
    rows["peer"] = rows.bank + "|" + rows.account
    detail = [
        (
            *key,
            rows[(rows.account_id == key[0]) & (rows.peer == key[1])][
                ["date", "amount"]
            ].to_numpy(),
        )
        for key in sorted(missed)
    ]
    assert not missed, f"{len(missed)} of {len(wanted)} missed: {detail}"
    mine = out[[pair in wanted for pair in zip(out.customer_id, out.counterparty_id, strict=True)]]
    assert (mine.cadence == "monthly").all()


def with_kind(one, real_data):
    """Return payments that give no counterparty, with what the bank calls them."""
    rows = one.table("stream_payments").merge(
        trans(real_data)[["trans_id", "operation", "k_symbol"]],
        left_on="txn_id", right_on="trans_id",
    )  # fmt: skip
    streams = one.table("payment_streams").drop(columns="n_payments")
    rows = rows.merge(streams, on=["customer_id", "stream_id"])
    return rows[rows.counterparty_id.isna() & (rows.direction == "out")]


def test_bank_fees_are_apart_from_cash(night, real_data):
    """Fees and cash share a relation without a counterparty; no regular stream is of both."""
    rows = with_kind(night("bank_accounts"), real_data)
    rows = rows[rows.is_regular].assign(is_fee=lambda r: r.k_symbol.notna())
    share = rows.groupby("stream_id").is_fee.mean()
    assert (np.minimum(share, 1 - share) < 0.2).mean() > 0.95
    fees = with_kind(night("bank_accounts"), real_data).query("k_symbol == 'SLUZBY'")
    assert fees.is_regular.mean() > 0.95


def test_cash_withdrawals_are_not_standing_orders(night, real_data):
    """Few cash withdrawals are in a regular stream, and those keep to its days: this bank's
    customers often draw cash every 30 days to the day, which is a schedule, not chance.
    """
    rows = with_kind(night("bank_accounts"), real_data)
    cash = rows[(rows.operation == "VYBER") & rows.k_symbol.isna()]
    assert cash.is_regular.mean() < 0.3
    regular = cash[cash.is_regular]
    assert regular.role.eq("regular").mean() > 0.75
    assert regular.amount_kind.isin(["fixed", "stepped"]).mean() < 0.1


@pytest.mark.slow
def test_payment_runs_of_14_and_28_days_are_not_taken_for_months(night):
    one = night("supplier_payments")
    streams, payments = one.table("payment_streams"), one.table("stream_payments")
    system = payments.txn_id.str.extract(r"^([A-Z]+)")[0]
    whole = streams.set_index("stream_id").n_payments
    for name, days in (("CFADRES", 14), ("CFCHEXTL", 14), ("CFDIRPAY", 28), ("CFSUPP", 28)):
        members = payments[system == name].groupby("stream_id").size()
        members = members[(members >= 2 * MANY) & (members >= 0.9 * whole[members.index])]
        mine = streams[streams.stream_id.isin(members.index) & streams.is_regular]
        assert len(mine) > 0, name
        assert mine.cadence.isin(["monthly", "semimonthly"]).mean() < 0.05, name
        cycles = mine.period_days / days
        assert np.isclose(cycles, np.maximum(cycles.round(), 1), atol=0.02).mean() > 0.95, name


@pytest.mark.slow
def test_void_invoices_are_left_out_and_red_ones_stay_negative(night, real_data):
    one = night("sme_invoices")
    void, red, total, seen = 0, 0, {"in": 0, "out": 0}, []
    for path in sorted((real_data / "sme_invoices").glob("*_history.parquet")):
        rows = pq.read_table(path).to_pandas()
        is_void = rows["发票状态"].str.strip() == "作废发票"
        void += int(is_void.sum())
        rows = rows[~is_void].drop_duplicates()
        minor = (rows["价税合计"].astype(float) * 100).round().astype("int64")
        red += int((minor < 0).sum())
        total["in" if path.name.startswith("sales") else "out"] += int(minor.sum())
        seen.append(len(rows))
    assert len(seen) == 4
    counts = one.measures()
    assert counts["excluded: void invoice"] == void == 63_605
    assert counts["kept"] == sum(seen)
    returned = one.table("stream_payments").role.eq("returned").sum()
    assert red > 15_000
    assert returned > 0.9 * red
    edges = one.table("graph_edges")
    is_in = edges.payee_id.str.startswith("E")  # firms are E1, E2, ...; the others A and B
    assert edges[is_in].amount_minor.sum() == total["in"]
    assert edges[~is_in].amount_minor.sum() == total["out"]
    page = (one.out / "report.html").read_text(encoding="utf-8")
    for minor in total.values():
        assert f"{minor // 100:,}.{minor % 100:02d}" in page


def test_four_layouts_of_one_council_are_read(night):
    one = night("supplier_payments_raw")
    counts = one.measures()
    assert counts["files"] == 4
    assert counts["rejected: customer_id is missing"] == 1  # a line with the month's total
    assert {m for m in counts if m.startswith("rejected")} == {"rejected: customer_id is missing"}
    assert counts["rounded: amount to the decimals of its currency"] > 1000
    first = one.table("payment_streams").first_date.dropna()
    months = {(day.year, day.month) for day in first}
    assert months == {(2011, 1), (2017, 6), (2025, 1), (2026, 2)}
    assert first.max() <= dt.date(2026, 2, 28)
