"""Rows with one key: which is kept, which lines are one payment, how the others are written down."""

import datetime as dt
import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu.api import ledger_of
from qfb_gpu.config import build_config
from qfb_gpu.errors import InputError
from qfb_gpu.lake import delta, gold
from qfb_gpu.lake.bucket_read import read_bucket
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.rejects import rows_to_json

PAYMENT = ("customer_id", "direction", "txn_id")
LINES = (*PAYMENT, "counterparty_id", "currency", "date")
BASE = {
    "customer_id": "a",
    "direction": "out",
    "txn_id": "t1",
    "counterparty_id": "x",
    "currency": "CNY",
    "date": dt.date(2024, 3, 5),
    "amount": 10.0,
    "memo": "steel",
}
OTHER = {
    "customer_id": "b",
    "direction": "in",
    "txn_id": "t2",
    "counterparty_id": "y",
    "currency": "USD",
    "date": dt.date(2024, 3, 6),
    "amount": 11.0,
    "memo": "wood",
}


def canonical(row):
    """Return what tells rows of one key apart: null texts come first."""
    texts = (row["counterparty_id"] or "", row["currency"], row["memo"] or "")
    return row["date"], round(row["amount"] * 100), *texts


def kept_by_hand(rows, *, sums):
    """Return {key: (date, amount, counterparty, currency, memo)} of the payments kept."""
    if sums:
        groups = {}
        for row in rows:
            groups.setdefault(tuple(row[name] for name in LINES), []).append(row)
        rows = [
            {**min(lines, key=canonical), "amount": sum(line["amount"] for line in lines)}
            for lines in groups.values()
        ]
    found = {}
    for row in sorted(rows, key=canonical):
        found.setdefault(tuple(row[name] for name in PAYMENT), row)
    return {key: canonical(row) for key, row in found.items()}


def ingested(folder, files, *, sums):
    for at, rows in enumerate(files):
        columns = {name: [row[name] for row in rows] for name in BASE}
        pq.write_table(pa.table(columns), folder / f"{at}.parquet")
    part = {"path": "*.parquet", "lines": "sum"} if sums else {"path": "*.parquet"}
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu", "n_buckets": 2,
           "sources": {"transactions": part}}  # fmt: skip
    counts = Counter(ingest(build_config(raw, base=folder, where="test")).counts["transactions"])
    names = delta.table_files(folder / "out" / "lake" / "transactions")
    table = pa.concat_tables(pq.ParquetFile(path).read() for path in names)
    rows = [{**row, "amount": row["amount_minor"] / 100} for row in table.to_pylist()]
    found = {tuple(row[name] for name in PAYMENT): canonical(row) for row in rows}
    assert len(found) == len(rows) == counts["kept"]
    return found, counts


@pytest.mark.parametrize("column", [name for name in BASE if name != "memo"])
def test_lines_of_one_payment_are_alike_in_all_but_amount_and_memo(tmp_path, column):
    """A line that differs in who, whom, which way, currency or day is of no payment of theirs."""
    lines = [BASE, {**BASE, "memo": "wood"}, {**BASE, column: OTHER[column]}]
    found, counts = ingested(tmp_path, [lines[:1], lines[1:]], sums=True)
    assert found == kept_by_hand(lines, sums=True)
    is_line, is_other = column == "amount", column in PAYMENT
    assert counts["summed: further lines of one payment"] == 1 + is_line
    assert counts["rejected: duplicate txn_id"] == (not is_line and not is_other)


@pytest.mark.parametrize("sums", [False, True])
def test_of_rows_with_one_id_the_first_by_day_amount_and_texts_is_kept(tmp_path, sums):
    rng = np.random.default_rng(4)
    values = {name: [BASE[name], OTHER[name]] for name in BASE}
    values["memo"].append(None)
    values["counterparty_id"].append(None)
    values["amount"].append(0.01)
    rows = [
        {name: several[rng.integers(len(several))] for name, several in values.items()}
        for _ in range(90)
    ]
    found, counts = ingested(tmp_path, [rows[:40], rows[40:]], sums=sums)
    assert found == kept_by_hand(rows, sums=sums)
    n_lines = len({tuple(row[name] for name in LINES) for row in rows})
    assert counts["summed: further lines of one payment"] == (90 - n_lines if sums else 0)
    n_left = (n_lines if sums else 90) - len(found)
    assert counts["rejected: duplicate txn_id"] == n_left
    assert gold.read(tmp_path / "out", "rejects").num_rows == n_left


def test_a_rejected_row_is_an_object_of_its_values():
    """Texts and days quoted, numbers and truths bare, what is missing null."""
    rows = {
        "text": ["a", '"\\', "\u0007\n\t\r\x00", None, "房租"],
        "code": pa.array(["x", None, "x", "y", "x"]).dictionary_encode(),
        "whole": pa.array([1, -(2**62), None, 0, 7], pa.int64()),
        "part": [0.5, -1e300, None, 2.0, 1e-9],
        "truth": [True, False, None, True, True],
        "day": [dt.date(2024, 2, 29), None, dt.date(1970, 1, 1), None, dt.date(2024, 1, 1)],
        "客户号": ["甲", "乙", None, "", "c"],
        "nothing": pa.nulls(5),
    }
    batch = pa.RecordBatch.from_pydict(rows)
    wanted = [
        {name: str(one) if isinstance(one, dt.date) else one for name, one in row.items()}
        for row in batch.to_pylist()
    ]
    found = rows_to_json(batch).to_pylist()
    assert [json.loads(text) for text in found] == wanted
    assert '"客户号": "甲"' in found[0]  # as a person reads it


def test_of_rows_that_all_are_left_out_the_example_is_of_the_reason_told():
    """It was the first row of all, whatever it was left out for."""
    rows = {
        "customer_id": ["a", "b", "c", "d"],
        "date": ["soon", "2024-01-01", "2024-01-02", "2024-01-03"],
        "amount": ["1.00"] * 4,
        "direction": ["in", "sideways", "up", "in"],
    }
    rows["customer_id"][3] = None
    with pytest.raises(InputError) as caught:
        ledger_of(pa.table(rows), as_of=dt.date(2024, 12, 31), calendar="CN", device="cpu")
    said = str(caught.value)
    assert "none of its 4 rows can be kept; 2 rejected: direction is an unknown word" in said
    assert "e.g. row 1 (from 0)" in said
    assert "sideways" in said


_DAY = dt.date(2024, 1, 1)
STATES = {
    "orders": (
        {"order_id": "k", "order_date": _DAY},
        [
            {"delivered_date": None, "quantity_delivered": None},
            {"delivered_date": None, "quantity_delivered": 0.5},
            {"delivered_date": None, "quantity_delivered": 3.0},
            {"delivered_date": dt.date(2024, 2, 1), "quantity_delivered": None},
            {"delivered_date": dt.date(2024, 2, 9), "quantity_delivered": 9.0},
        ],
    ),
    "claims": (
        {"claim_id": "k", "date": _DAY, "amount": 10.0},
        [
            {"submitted_date": None, "paid_date": None},
            {"submitted_date": dt.date(2024, 2, 1), "paid_date": None},
            {"submitted_date": None, "paid_date": dt.date(2024, 3, 1)},
            {"submitted_date": dt.date(2024, 2, 1), "paid_date": dt.date(2024, 3, 1)},
            {"submitted_date": None, "paid_date": dt.date(2024, 3, 2)},
        ],
    ),
    "products": (
        {"product_id": "k", "opened_date": _DAY},
        [{"closed_date": None}, {"closed_date": dt.date(2024, 5, 1)}],
    ),
    "touches": (
        {"touch_id": "k", "date": _DAY, "campaign": "c"},
        [{"responded": None}, {"responded": False}, {"responded": True}],
    ),
}  # fmt: skip
"""What a source says of one thing, from the least to the most that is known of it."""


@pytest.mark.parametrize("source", STATES)
def test_the_latest_state_is_kept_whichever_file_comes_first(tmp_path, source):
    """Of an order open in one file and delivered in a later one the open row won."""
    same, states = STATES[source]
    rows = [{"customer_id": "a", **same, **state} for state in states]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    kinds = pa.table(columns).schema
    payments = {name: [value] for name, value in BASE.items()}
    pq.write_table(pa.table(payments), tmp_path / "payments.parquet")
    (tmp_path / source).mkdir()
    config = build_config(
        {"as_of": dt.date(2024, 12, 31), "device": "cpu", "n_buckets": 1, "sources": {
            "transactions": {"path": "payments.parquet"}, source: {"path": source}}},
        base=tmp_path, where="test",
    )  # fmt: skip

    def kept():
        ingest(config)
        (held,) = read_bucket(tmp_path / "out" / "lake" / source, 0).to_pylist()
        return {name: held[name] for name in states[0]}

    rng = np.random.default_rng(len(source))
    there = []
    for at in rng.permutation(len(rows)):
        pq.write_table(
            pa.Table.from_pylist([rows[at]], schema=kinds), tmp_path / source / f"{at}.parquet"
        )
        there.append(int(at))
        assert kept() == states[max(there)]
        reasons = gold.read(tmp_path / "out", "rejects").column("reason").to_pylist()
        assert len(reasons) == len(there) - 1
    (tmp_path / source / f"{len(rows) - 1}.parquet").unlink()
    assert kept() == states[-2]
