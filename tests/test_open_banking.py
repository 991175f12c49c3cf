"""OBIE documents: every object is a row once, declared schedules meet their streams."""

import bz2
import datetime as dt
import json

import numpy as np
import obie_set
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu.backend import get_backend
from qfb_gpu.config import build_config
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import delta, gold, obie
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.parts.open_banking import OPEN_BANKING
from qfb_gpu.payments import declared
from qfb_gpu.schema import CADENCES

MONTH = 365.25 / 12


@pytest.mark.parametrize(
    ("text", "cadence", "period", "code"),
    [
        ("EvryDay", "daily", 1, "EvryDay"),
        ("EvryWorkgDay", "daily", 1.4, "EvryWorkgDay"),
        ("IntrvlDay:10", "every_n_days", 10, "IntrvlDay:10"),
        ("IntrvlDay:07", "weekly", 7, "IntrvlDay:07"),
        ("IntrvlWkDay:01:03", "weekly", 7, "IntrvlWkDay:01:03"),
        ("IntrvlWkDay:02:03", "biweekly", 14, "IntrvlWkDay:02:03"),
        ("IntrvlWkDay:03:07", "every_n_days", 21, "IntrvlWkDay:03:07"),
        ("WkInMnthDay:02:03", "monthly", MONTH, "WkInMnthDay:02:03"),
        ("IntrvlMnthDay:01:15", "monthly", MONTH, "IntrvlMnthDay:01:15"),
        ("IntrvlMnthDay:01:-01", "monthly", MONTH, "IntrvlMnthDay:01:-01"),
        ("IntrvlMnthDay:06:15", "semiannual", 6 * MONTH, "IntrvlMnthDay:06:15"),
        ("IntrvlMnthDay:12:31", "annual", 12 * MONTH, "IntrvlMnthDay:12:31"),
        ("IntrvlMnthDay:24:01", "every_n_days", 24 * MONTH, "IntrvlMnthDay:24:01"),
        ("QtrDay:ENGLISH", "quarterly", 3 * MONTH, "QtrDay:ENGLISH"),
        ("QtrDay:SCOTTISH", "quarterly", 3 * MONTH, "QtrDay:SCOTTISH"),
        ("UK.OBIE.Fortnightly", "biweekly", 14, ""),
        ("UK.OBIE.HalfYearly", "semiannual", 6 * MONTH, ""),
        ("UK.OBIE.Daily", "daily", 1, ""),
        ("UK.OBIE.Weekly", "weekly", 7, ""),
        ("UK.OBIE.Monthly", "monthly", MONTH, ""),
        ("UK.OBIE.Quarterly", "quarterly", 3 * MONTH, ""),
        ("UK.OBIE.Annual", "annual", 12 * MONTH, ""),
        ("UK.OBIE.Yearly", "annual", 12 * MONTH, ""),
        ("WEEK", "weekly", 7, ""),
        ("FRTN", "biweekly", 14, ""),
        ("QURT:3", "every_n_days", MONTH, ""),
        ("MNTH:1:31", "monthly", MONTH, "IntrvlMnthDay:01:31"),
        ("MNTH:1:32", "monthly", MONTH, ""),
        ("WEEK:1:07", "weekly", 7, "IntrvlWkDay:01:07"),
        ("WEEK:1:08", "weekly", 7, ""),
        ("MNTH", "monthly", MONTH, ""),
        ("MNTH:1:15", "monthly", MONTH, "IntrvlMnthDay:01:15"),
        ("MNTH:2", "semimonthly", MONTH / 2, ""),
        ("WEEK:1:03", "weekly", 7, "IntrvlWkDay:01:03"),
        ("FRTN:1:05", "biweekly", 14, "IntrvlWkDay:02:05"),
        ("QURT", "quarterly", 3 * MONTH, ""),
        ("MIAN", "semiannual", 6 * MONTH, ""),
        ("YEAR", "annual", 12 * MONTH, ""),
        ("DAIL", "daily", 1, ""),
    ],
)
def test_every_frequency_code_is_read(text, cadence, period, code):
    found = declared.parse_frequency(text)
    assert (found.cadence, found.code) == (cadence, code)
    assert found.period_days == pytest.approx(period)


@pytest.mark.parametrize("text", ["ADHO", "INDA"])
def test_ad_hoc_has_no_period(text):
    found = declared.parse_frequency(text)
    assert found.cadence == "irregular"
    assert np.isnan(found.period_days)


@pytest.mark.parametrize(
    "text",
    [None, "", "NotKnown", "UK.OBIE.NotKnown", "IntrvlMnthDay:00:15", "IntrvlMnthDay:01:32",
     "IntrvlWkDay:01:08", "QtrDay:IRISH", "every day", "IntrvlDay:00"],
)  # fmt: skip
def test_what_is_no_code_is_not_guessed(text):
    assert declared.parse_frequency(text) is None


@pytest.fixture
def bank(tmp_path):
    """Return a way to write documents and to ingest them."""

    class Bank:
        out = tmp_path / "out"
        docs = tmp_path / "obie"

        def config(self, **part):
            sources = {"open_banking": {"path": "obie", **part}}
            raw = {"as_of": obie_set.AS_OF, "device": "cpu", "currency": "GBP", "calendar": "GB",
                   "sources": sources}  # fmt: skip
            return build_config(raw, base=tmp_path, where="test")

        def ingest(self, **part):
            return ingest(self.config(**part))

        def silver(self, source):
            files = delta.table_files(self.out / "lake" / source)
            tables = [pq.ParquetFile(path).read() for path in files]
            return pa.concat_tables(tables).to_pylist() if tables else []

        def write(self, name, document):
            self.docs.mkdir(exist_ok=True)
            (self.docs / name).write_text(json.dumps(document), encoding="utf-8")

    return Bank()


@pytest.mark.parametrize("version", [3, 4])
def test_every_object_is_a_row_once(bank, version):
    truth, counts = obie_set.write(bank.docs, 4, version=version)
    result = bank.ingest()
    paid, said = result.counts["transactions"], result.counts["open_banking"]
    assert paid["rows"] == counts["Transaction"]
    assert paid["kept"] == counts["Transaction"] - 4
    (pending,) = [n for name, n in paid.items() if name.startswith("excluded: not booked")]
    assert pending == 4
    assert said["rows"] == said["kept"] == sum(counts.values()) - counts["Transaction"]
    rows = bank.silver("open_banking")
    orders = {r["declaration_id"]: r for r in rows if r["kind"] == "standing_order"}
    assert set(orders) == {one["declaration_id"] for one in truth}
    for one in truth:
        found = declared.parse_frequency(orders[one["declaration_id"]]["frequency"])
        assert found.cadence == one["cadence"]
    balances = [r for r in rows if r["kind"] == "balance"]
    assert [r["amount_minor"] for r in balances] == [-12_345] * 4
    assert not bank.ingest().changed


def test_v3_and_v4_give_the_same_payments(bank, tmp_path):
    obie_set.write(bank.docs, 3, version=3)
    bank.ingest()
    names = ("txn_id", "customer_id", "counterparty_id", "date", "amount_minor", "direction")
    first = [[row[name] for name in names] for row in bank.silver("transactions")]
    obie_set.write(bank.docs, 3, version=4)
    bank.ingest()
    again = [[row[name] for name in names] for row in bank.silver("transactions")]
    assert sorted(first) == sorted(again)
    del tmp_path


def test_one_file_may_hold_lines_or_a_list_of_documents_compressed_or_not(bank):
    data, _ = obie_set.account_documents(0, np.random.default_rng(0), 3)
    documents = [{"Data": {name: rows}} for name, rows in data.items()]
    bank.write("list.json", documents)
    (bank.docs / "lines.jsonl.bz2").write_bytes(
        bz2.compress("\n".join(json.dumps(d) for d in documents).encode())
    )
    counts = bank.ingest().counts["transactions"]
    n_rows = len(data["Transaction"])
    assert counts["rows"] == 2 * n_rows
    assert counts["kept"] == n_rows - 1
    assert counts["rejected: duplicate txn_id"] == n_rows - 1


def test_resources_that_are_not_read_are_counted(bank):
    obie_set.write(bank.docs, 1)
    bank.write("more.json", {"Data": {"Beneficiary": [{"AccountId": "a"}, {"AccountId": "b"}]}})
    counts = bank.ingest().counts["open_banking"]
    assert counts["not read: Beneficiary"] == 2


def test_money_is_exact_and_a_bad_one_is_rejected(bank):
    obie_set.write(bank.docs, 1)
    row = {"AccountId": "a", "TransactionId": "t", "CreditDebitIndicator": "Credit",
           "BookingDateTime": "2024-02-29T23:59:59+01:00", "Status": "Booked"}  # fmt: skip
    rows = [
        {**row, "TransactionId": "x", "Amount": {"Amount": "90071992547409.93", "Currency": "GBP"}},
        {**row, "TransactionId": "n", "Amount": {"Amount": 12.30, "Currency": "GBP"}},
        {**row, "TransactionId": "y", "Amount": {"Amount": "1.234", "Currency": "GBP"}},
        {**row, "TransactionId": "z", "Amount": {"Amount": "1.234", "Currency": "BHD"}},
    ]
    bank.write("t.json", {"Data": {"Transaction": rows}})
    bank.ingest()
    found = {r["txn_id"]: r for r in bank.silver("transactions") if r["customer_id"] == "a"}
    assert found["x"]["amount_minor"] == 9_007_199_254_740_993
    assert found["n"]["amount_minor"] == 1230
    assert found["x"]["date"] == dt.date(2024, 2, 29)
    assert (found["z"]["amount_minor"], found["z"]["currency"]) == (1234, "BHD")
    (reject,) = gold.read(bank.out, "rejects").to_pylist()
    assert json.loads(reject["row_json"])["TransactionId"] == "y"


def test_the_customer_may_be_the_folder(bank):
    obie_set.write(bank.docs, 2)
    bank.ingest(columns={"customer_id": "Folder"})
    assert {r["customer_id"] for r in bank.silver("transactions")} == {"acc000", "acc001"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{", "not JSON"),
        ('{"Transaction": []}', r"expected OBIE .* an object with 'Transaction'"),
        ("[1]", "expected OBIE"),
    ],
)
def test_what_is_no_document_is_refused_by_name(bank, text, wanted):
    bank.docs.mkdir()
    (bank.docs / "bad.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"bad\.json: {wanted}"):
        bank.ingest()


def test_a_night_needs_payments_from_somewhere(tmp_path):
    raw = {"as_of": obie_set.AS_OF, "sources": {"customers": {"path": "c.csv"}}}
    with pytest.raises(ConfigError, match="transactions is required"):
        build_config(raw, base=tmp_path, where="test")


def test_a_declaration_without_an_id_has_one_of_its_content(bank):
    row = {"AccountId": "a", "Name": "Gym", "Frequency": "UK.OBIE.Monthly"}
    bank.write("d.json", {"Data": {"DirectDebit": [row, dict(reversed(row.items()))]}})
    rows, _ = obie.read_rows(bank.docs / "d.json", "open_banking")
    first, second = rows.column("DeclarationId").to_pylist()
    assert first == second
    assert first.startswith("~")


def test_of_several_documents_the_newest_declaration_is_kept(bank):
    order = {"AccountId": "a", "StandingOrderId": "s", "Frequency": "EvryDay"}
    dates = ("2024-03-01", "2024-05-01", "2024-04-01")
    for n, day in enumerate(dates):
        one = {**order, "NextPaymentDateTime": f"{day}T00:00:00Z"}
        bank.write(f"{n}.json", {"Data": {"StandingOrder": [one]}})
    obie_set.write(bank.docs, 1)
    counts = bank.ingest().counts["open_banking"]
    (kept,) = [r for r in bank.silver("open_banking") if r["declaration_id"] == "s"]
    assert kept["next_date"] == dt.date(2024, 5, 1)
    assert counts["rejected: duplicate declaration_id, kind"] == 2


def test_declared_schedules_meet_the_streams_that_pay_them(bank, monkeypatch):
    """Against the truth of the set: each that keeps to its declaration agrees, others do not."""
    from qfb_gpu.pipeline import run

    monkeypatch.setattr("qfb_gpu.pipeline._log", lambda *_args: None)
    monkeypatch.setattr("qfb_gpu.parts.run.PARTS", (OPEN_BANKING,))
    truth, _ = obie_set.write(bank.docs, 6)
    run(bank.config())
    found = {r["declaration_id"]: r for r in gold.read(bank.out, "declared_schedules").to_pylist()}
    for one in truth:
        row = found[one["declaration_id"]]
        assert row["agrees"] == one["keeps"], row
        assert row["cadence"] == one["cadence"]
        if one["keeps"] is None:
            assert (row["stream_id"], row["difference"]) == (None, "no payments found")
        elif one["keeps"]:
            assert row["difference"] is None
        else:
            assert "declared" in row["difference"]
            assert row["found_amount"] == pytest.approx(2 * row["amount"])
    debits = [r for r in found.values() if r["kind"] == "direct_debit"]
    assert [r["agrees"] for r in debits] == [True] * 6
    html = (bank.out / "report.html").read_text(encoding="utf-8")
    assert "Of 30 schedules declared in open-banking documents, 24 " in html.replace("\xa0", " ")
    profiles = gold.read(bank.out, "customer_profiles").to_pylist()
    n_keep = {}
    for one in truth:
        n_keep[one["customer_id"]] = n_keep.get(one["customer_id"], 1) + (one["keeps"] is True)
    for row in profiles:
        if row["customer_id"] in n_keep:
            assert row["declared_n_agreeing"] == n_keep[row["customer_id"]]
            assert row["declared_n_schedules"] == 5


def arrays(**columns):
    kinds = {"amount": float, "period_days": float}
    flags = ("is_active", "is_schedule", "is_out", "is_regular", "is_stopped")
    return {
        name: np.array(values, bool if name in flags else kinds.get(name, np.int64))
        for name, values in columns.items()
    }


def test_of_two_orders_to_one_payee_each_finds_its_own_stream():
    monthly = CADENCES.index("monthly")
    common = {"customer": [0, 0], "counterparty_key": [7, 7], "currency": [1, 1],
              "cadence": [monthly] * 2, "period_days": [MONTH] * 2, "next_day": [10, 10]}  # fmt: skip
    ours = arrays(**common, amount=[50.0, 80.0], is_active=[1, 0], is_schedule=[1, 1])
    theirs = arrays(**common, amount=[80.0, 50.0], stream_id=[3, 4], is_out=[1, 1],
                    is_regular=[1, 1], is_stopped=[0, 0], n_payments=[9, 9])  # fmt: skip
    made = declared.match_streams(ours, theirs, get_backend("cpu"))
    assert made["stream"].tolist() == [1, 0]
    assert made["difference"].tolist() == [0, declared.NOT_ACTIVE]
    theirs["currency"][:] = 2
    assert declared.match_streams(ours, theirs, get_backend("cpu"))["stream"].tolist() == [-1, -1]
