"""Rows with an amount and no currency count in the config's, and each is told."""

import datetime as dt
import json

import pytest
from odd_case import config_of, measures

from qfb_gpu.config import build_config
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.preview import preview

TOLD = "assumed: currency, where a row has none: CNY"
BARE = "txn_id,customer_id,date,amount\nt1,C1,2024-01-01,5\n"
IN = {"constants": {"direction": "in"}}
HEADER = "txn_id,customer_id,date,amount,currency\n"


def lines(start, codes):
    """Return a row for each code; the one of XXX is rejected for it."""
    rows = [f"t{n},C1,2024-01-{n % 28 + 1:02d},5,{code}" for n, code in enumerate(codes, start)]
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("n_files", [1, 3])
def test_rows_without_a_currency_are_counted_once_they_are_kept(tmp_path, n_files):
    codes = ["USD", "", " ", "CNY", "XXX"]
    for n in range(n_files):  # small files are cleaned together
        content = HEADER + lines(n * 10, codes) + f"t{n}9,C1,2024-01-01,no number,\n"
        (tmp_path / f"t{n}.csv").write_text(content, encoding="utf-8")
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu",
           "sources": {"transactions": {"path": "t?.csv", **IN}}}  # fmt: skip
    config = build_config(raw, base=tmp_path, where="test")
    ingest(config)
    found = measures(config)
    assert (found[TOLD], found["currency: CNY"], found["currency: USD"]) == (
        2 * n_files, 3 * n_files, n_files
    )  # fmt: skip
    (part,) = preview(config)
    (said,) = part.warnings
    assert said.startswith(f"{2 * n_files} rows of those tried have an amount and no currency")
    assert not any(reason.startswith("assumed") for reason in part.left_out)


@pytest.mark.parametrize("content", [HEADER + lines(0, ["USD", "CNY"]), BARE],
                         ids=["all have one", "no column"])  # fmt: skip
def test_nothing_is_told_where_the_files_or_the_config_say_what_holds(tmp_path, content):
    config = config_of(tmp_path, content, **IN)
    ingest(config)
    assert TOLD not in measures(config)
    assert preview(config)[0].warnings == []


def test_a_transaction_of_open_banking_without_a_currency_is_told(tmp_path):
    """A direct debit that was not collected yet has no amount, and so no currency to be told of."""
    day = "2024-01-0{}T00:00:00Z"
    paid = [
        {"AccountId": "A", "TransactionId": f"t{n}", "BookingDateTime": day.format(n),
         "CreditDebitIndicator": "Debit", "Status": "Booked", "Amount": amount}
        for n, amount in enumerate([{"Amount": "5.00", "Currency": "GBP"}, {"Amount": "6.00"}], 1)
    ]  # fmt: skip
    debit = {"AccountId": "A", "DirectDebitId": "d", "Name": "Water"}
    document = {"Data": {"Transaction": paid, "DirectDebit": [debit]}}
    (tmp_path / "d.json").write_text(json.dumps(document), encoding="utf-8")
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu",
           "sources": {"open_banking": {"path": "d.json"}}}  # fmt: skip
    counts = ingest(build_config(raw, base=tmp_path, where="test")).counts
    assert counts["transactions"][TOLD] == 1
    assert not any(name.startswith("assumed") for name in counts["open_banking"])
