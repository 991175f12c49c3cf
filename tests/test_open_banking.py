"""OBIE documents: every object is a row once, declared schedules meet their streams."""

import bz2
import datetime as dt
import json

import numpy as np
import obie_set
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu.config import build_config
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import delta, gold, obie
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.parts.open_banking import OPEN_BANKING
from qfb_gpu.payments import declared


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


def test_what_is_no_object_is_counted(bank):
    """It was left out without a word."""
    obie_set.write(bank.docs, 1)
    odd = {"Transaction": ["text", 3, None], "StandingOrder": "x", "Balance": None}
    bank.write("odd.json", {"Data": odd})
    counts = bank.ingest().counts["open_banking"]
    assert counts["not read: Transaction that is no object"] == 2
    assert counts["not read: StandingOrder that is no object"] == 1
    assert "not read: Balance that is no object" not in counts


def test_a_status_in_other_letters_is_one_too(bank):
    """A transaction that was "pending" counted as a payment."""
    obie_set.write(bank.docs, 1)
    before = bank.ingest().counts["transactions"]["kept"]
    one = {"AccountId": "a", "CreditDebitIndicator": "Debit", "BookingDateTime": "2024-01-05",
           "Amount": {"Amount": "1.00", "Currency": "GBP"}}  # fmt: skip
    odd = ["pending", "PENDING ", "pdng", "rejected", "booked"]
    more = [{**one, "TransactionId": f"odd {status}", "Status": status} for status in odd]
    bank.write("more.json", {"Data": {"Transaction": more}})
    assert bank.ingest().counts["transactions"]["kept"] == before + 1


def test_lines_end_where_json_says_and_nothing_is_too_deep(bank):
    """U+2028 in a text ended a line of documents; deep lists ended in a traceback."""
    obie_set.write(bank.docs, 1)
    lines = [{"Data": {"Beneficiary": [{"AccountId": text}]}} for text in ("a\u2028b", "c")]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    (bank.docs / "more.json").write_text(text, encoding="utf-8")
    assert bank.ingest().counts["open_banking"]["not read: Beneficiary"] == 2
    (bank.docs / "more.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(InputError, match="not JSON"):
        bank.ingest()


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


def test_the_first_payment_in_step_is_not_the_next(bank):
    """v4: of an order since 2020, whose payments are on the first days of months after the first."""
    dates = {"FirstPaymentDateTime": "2020-03-18T00:00:00Z",
             "RecurringPaymentDateTime": "2020-04-01T00:00:00Z"}  # fmt: skip
    order = {"AccountId": "a", "StandingOrderId": "s",
             "MandateRelatedInformation": {"Frequency": {"Type": "MNTH"}, **dates}}  # fmt: skip
    bank.write("d.json", {"Data": {"StandingOrder": [order]}})
    rows, _ = obie.read_rows(bank.docs / "d.json", "open_banking")
    assert rows.column("NextDate").to_pylist() == [None]  # it was 2020-04-01
    assert rows.column("FirstDate").to_pylist() == ["2020-03-18"]


def test_a_reference_is_read_where_each_version_has_it(bank):
    plain = {"Unstructured": ["Rent", "Unit 4"]}
    both = {"Structured": [{"CreditorReferenceInformation": {"Reference": "RF18"}}], **plain}
    orders = [
        {"AccountId": "a", "StandingOrderId": str(n), **more}
        for n, more in enumerate(
            [
                {"Reference": "Gym"},
                {"RemittanceInformation": plain},
                {"RemittanceInformation": both},
                {},
            ]
        )
    ]
    bank.write("d.json", {"Data": {"StandingOrder": orders}})
    rows, _ = obie.read_rows(bank.docs / "d.json", "open_banking")
    assert rows.column("Reference").to_pylist() == ["Gym", "Rent; Unit 4", "RF18", None]


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


def test_a_document_of_last_week_and_an_order_that_ended_are_kept_to(bank, monkeypatch):
    """Weekly on Tuesdays to the as-of date; the order of each declares something about it."""
    from qfb_gpu.pipeline import run

    monkeypatch.setattr("qfb_gpu.pipeline._log", lambda *_args: None)
    monkeypatch.setattr("qfb_gpu.parts.run.PARTS", (OPEN_BANKING,))
    last = obie_set.AS_OF  # a Tuesday
    week = dt.timedelta(days=7)
    said = {  # payee: when it says the next is, the final day, whether it agrees
        "kept": (last + week, None, None),
        "read today, before today's was paid": (last, None, None),
        "read last week": (last - week, None, None),
        "read in summer": (last - 26 * week, None, None),
        "another day": (last + 3 * week, None, f"next {last + 3 * week} declared, {last + week} expected"),
        "ended with the last": (last + week, last - dt.timedelta(days=0), None),
        "ended after the last": (last, last - dt.timedelta(days=1), None),
        "ended before the last": (last, last - 2 * week, "not in force, but it is still paid"),
    }  # fmt: skip
    orders, paid = [], []
    for payee, (due, final, _) in said.items():
        one = {"AccountId": "a", "StandingOrderId": payee, "Frequency": "IntrvlWkDay:01:02",
               "NextPaymentDateTime": obie_set.stamp(due), "NextPaymentAmount": obie_set.money(900),
               "CreditorAccount": {"Identification": payee}}  # fmt: skip
        if final is not None:
            one["FinalPaymentDateTime"] = obie_set.stamp(final)
        orders.append(one)
        n_before = 1 if payee == "ended after the last" else 0
        for n in range(n_before, 30):
            day = last - n * week
            paid.append({
                "AccountId": "a", "TransactionId": f"{payee}{n}", "Status": "Booked",
                "CreditDebitIndicator": "Debit", "BookingDateTime": obie_set.stamp(day),
                "Amount": obie_set.money(900), "CreditorAccount": {"Identification": payee},
            })  # fmt: skip
    bank.write("all.json", {"Data": {"Transaction": paid, "StandingOrder": orders}})
    run(bank.config())
    rows = gold.read(bank.out, "declared_schedules").to_pylist()
    found = {row["declaration_id"]: row["difference"] for row in rows}
    assert found == {payee: difference for payee, (_, _, difference) in said.items()}
    assert all(row["agrees"] == (row["difference"] is None) for row in rows)


@pytest.mark.parametrize("status", ["Inactive", "CANC", "EXPI", "SUSP"])
def test_a_profile_counts_the_orders_in_force_and_those_of_them_that_agree(
    bank, monkeypatch, status
):
    """An order of two payments counted as agreeing, though nobody can tell; so did one that ended."""
    from qfb_gpu.pipeline import run

    monkeypatch.setattr("qfb_gpu.pipeline._log", lambda *_args: None)
    monkeypatch.setattr("qfb_gpu.parts.run.PARTS", (OPEN_BANKING,))
    n_paid = {"kept": 20, "new": 2, "stopped": 20}
    orders = [
        {"AccountId": "a", "StandingOrderId": name, "Frequency": "IntrvlWkDay:01:02",
         "NextPaymentAmount": obie_set.money(900), "CreditorAccount": {"Identification": name},
         "StandingOrderStatusCode": status if name == "stopped" else "Active"}
        for name in n_paid
    ]  # fmt: skip
    paid = [
        {"AccountId": "a", "TransactionId": f"{name}{week}", "Status": "Booked",
         "CreditDebitIndicator": "Debit", "Amount": obie_set.money(900),
         "BookingDateTime": obie_set.stamp(
             obie_set.AS_OF - dt.timedelta(weeks=week + 20 * (name == "stopped"))),
         "CreditorAccount": {"Identification": name}}
        for name, n in n_paid.items() for week in range(n)
    ]  # fmt: skip
    bank.write("all.json", {"Data": {"Transaction": paid, "StandingOrder": orders}})
    run(bank.config())
    rows = gold.read(bank.out, "declared_schedules").to_pylist()
    agrees = {row["declaration_id"]: row["agrees"] for row in rows}
    assert agrees == {"kept": True, "new": None, "stopped": True}
    (profile,) = gold.read(bank.out, "customer_profiles").to_pylist()
    assert (profile["declared_n_schedules"], profile["declared_n_agreeing"]) == (2, 1)


@pytest.mark.parametrize(
    ("currency", "paid", "declared", "said"),
    [
        ("KWD", "1.234", "1.250", "1.250 declared, 1.234 found"),
        ("JPY", "90000", "1200", "1,200 declared, 90,000 found"),
        ("CNY", "1234.5", "2", "2.00 declared, 1,234.50 found"),
    ],
)
def test_amounts_that_differ_have_the_decimals_of_their_currency(
    bank, monkeypatch, currency, paid, declared, said
):
    found = night_of_an_order(bank, monkeypatch, weekly(12, money(paid, currency)), {
        "NextPaymentAmount": money(declared, currency),
    })  # fmt: skip
    assert found["difference"] == said


def money(amount, currency):
    return {"Amount": amount, "Currency": currency}


def weekly(n, amount, until=obie_set.AS_OF):
    """Return payments to one payee, the last on a Tuesday."""
    return [
        {"AccountId": "a", "TransactionId": f"t{week}", "Status": "Booked", "Amount": amount,
         "CreditDebitIndicator": "Debit", "CreditorAccount": {"Identification": "payee"},
         "BookingDateTime": obie_set.stamp(until - dt.timedelta(weeks=week))}
        for week in range(n)
    ]  # fmt: skip


def night_of_an_order(bank, monkeypatch, payments, order, resource="StandingOrder"):
    """Return the row of a weekly order beside payments to its payee."""
    from qfb_gpu.pipeline import run

    monkeypatch.setattr("qfb_gpu.pipeline._log", lambda *_args: None)
    monkeypatch.setattr("qfb_gpu.parts.run.PARTS", (OPEN_BANKING,))
    whole = {
        "AccountId": "a", f"{resource}Id": "one", "Frequency": "IntrvlWkDay:01:02",
        "CreditorAccount": {"Identification": "payee"}, **order,
    }  # fmt: skip
    bank.write("all.json", {"Data": {"Transaction": payments, resource: [whole]}})
    run(bank.config())
    (row,) = gold.read(bank.out, "declared_schedules").to_pylist()
    return row


WEEK = dt.timedelta(weeks=1)


@pytest.mark.parametrize(
    ("n_payments", "n_paid", "until", "more", "said"),
    [
        # of all payments from the first on, as many as were made: it ended, and nothing is amiss
        ("12", 12, obie_set.AS_OF - 10 * WEEK, {}, None),
        ("12", 14, obie_set.AS_OF, {}, "declared for 12 payments from {first} on, but it is still paid"),
        ("30", 12, obie_set.AS_OF - 10 * WEEK, {}, "in force, but its payments stopped"),
        (None, 12, obie_set.AS_OF - 10 * WEEK, {}, "in force, but its payments stopped"),
        # what the bank says goes before what is counted
        ("12", 14, obie_set.AS_OF, {"NextPaymentDateTime": obie_set.stamp(obie_set.AS_OF + WEEK)}, None),
        ("12", 14, obie_set.AS_OF, {"FinalPaymentDateTime": obie_set.stamp(obie_set.AS_OF + WEEK)}, None),
        ("12", 12, obie_set.AS_OF - 10 * WEEK, {"FirstPaymentDateTime": None},
         "in force, but its payments stopped"),
    ],
)  # fmt: skip
def test_an_order_of_so_many_payments_ends_with_them(
    bank, monkeypatch, n_payments, n_paid, until, more, said
):
    first = until - (n_paid - 1) * WEEK
    found = night_of_an_order(bank, monkeypatch, weekly(n_paid, money("9", "CNY"), until), {
        "NextPaymentAmount": money("9", "CNY"), "NumberOfPayments": n_payments,
        "FirstPaymentDateTime": obie_set.stamp(first), **more,
    })  # fmt: skip
    assert found["difference"] == (said and said.format(first=first))
    (profile,) = gold.read(bank.out, "customer_profiles").to_pylist()
    over = (said is None and not more) or "declared for" in (said or "")
    assert profile["declared_n_schedules"] == (not over)


def test_a_direct_debit_without_an_amount_is_in_no_currency_of_ours(bank, monkeypatch):
    """It was in the config's, pounds, so payments in dollars were not found."""
    debit = {"Frequency": "UK.OBIE.Weekly", "Name": "Water", "DirectDebitStatusCode": "Active"}
    found = night_of_an_order(
        bank, monkeypatch, weekly(12, money("9.5", "USD")), debit, "DirectDebit"
    )
    assert (found["agrees"], found["difference"], found["currency"]) == (True, None, "USD")
    assert (found["amount"], found["found_amount"]) == (None, 9.5)
    with_amount = {**debit, "PreviousPaymentAmount": money("9.5", "EUR")}
    found = night_of_an_order(
        bank, monkeypatch, weekly(12, money("9.5", "USD")), with_amount, "DirectDebit"
    )
    assert (found["difference"], found["currency"]) == ("no payments found", "EUR")


def test_without_an_amount_and_payments_there_is_no_currency(bank, monkeypatch):
    debit = {"Name": "Water", "CreditorAccount": {"Identification": "another"}}
    found = night_of_an_order(
        bank, monkeypatch, weekly(12, money("9.5", "GBP")), debit, "DirectDebit"
    )
    assert (found["difference"], found["currency"]) == ("no payments found", None)
