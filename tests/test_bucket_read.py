"""Reading some customers of a bucket gives the rows that reading all and filtering gives."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import to_day
from qfb_gpu.config import build_config
from qfb_gpu.lake import silver, source_rows
from qfb_gpu.lake.ingest import ingest

AS_OF = dt.date(2024, 12, 31)
LATER = to_day(AS_OF)
CPU = get_backend("cpu")
TEXTS = ["txn_id", "customer_id", "counterparty_id", "memo", "category", "channel"]


def payments(n_rows, seed, n_customers=30):
    rng = np.random.default_rng(seed)
    peer = pa.array([None, "p1", "p2", "p3"])
    return pa.table({
        "txn_id": [f"t{seed}-{i}" if i % 7 else None for i in range(n_rows)],
        "customer_id": [f"c{i}" for i in rng.integers(0, n_customers, n_rows)],
        "counterparty_id": peer.take(pa.array(rng.integers(0, 4, n_rows))),
        "date": [dt.date(2023, 1, 1) + dt.timedelta(days=int(d)) for d in rng.integers(0, 900, n_rows)],
        "amount": [f"{a}.00" for a in rng.integers(1, 4, n_rows)],
        "memo": [f"rent {i}" for i in rng.integers(0, 3, n_rows)],
        "channel": [f"app{i}" for i in rng.integers(0, 3, n_rows)],
    })  # fmt: skip


def orders(n_rows, seed, n_customers=30):
    rng = np.random.default_rng(seed)
    return pa.table({
        "order_id": [f"o{seed}-{i}" for i in range(n_rows)],
        "customer_id": [f"c{i}" for i in rng.integers(0, n_customers, n_rows)],
        "order_date": [dt.date(2024, 1, 1) + dt.timedelta(days=int(d)) for d in rng.integers(0, 300, n_rows)],
    })  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("read")
    pq.write_table(payments(2000, 1), folder / "in.parquet")
    pq.write_table(orders(200, 1), folder / "orders.parquet")
    raw = {"as_of": AS_OF, "device": "cpu", "n_buckets": 2, "sources": {
        "transactions": {"path": "in.parquet"}, "orders": {"path": "orders.parquet"}}}  # fmt: skip
    ingest(build_config(raw, base=folder, where="test"))
    return folder / "out" / "lake"


def of_payments(ledger):
    """Return the payments of a ledger, with what is known of their relation and customer."""
    n_payments = ledger.day.size
    relation = np.repeat(np.arange(ledger.counterparty_key.size), np.diff(ledger.relation_offsets))
    described = ledger.description_key if ledger.description_key is not None else np.zeros(1, int)
    columns = [ledger.day, ledger.amount_minor, ledger.txn_key, ledger.text_row,
               ledger.counterparty_key[relation], ledger.direction[relation],
               ledger.currency[relation], described[relation],
               ledger.customer_key[ledger.relation_customer[relation]]]  # fmt: skip
    assert all(column.size == n_payments for column in columns)
    return np.array(columns, np.int64)


@pytest.mark.parametrize("bucket", [0, 1])
def test_payments_of_some_customers_are_those_of_all_filtered(lake, bucket):
    whole = silver.read_ledger(lake, bucket, LATER, CPU)
    wanted = whole.customer_key[[9, 2, 5]]
    part = silver.read_ledger(lake, bucket, LATER, CPU, customers=wanted)
    rows, some = of_payments(whole), of_payments(part)
    is_wanted = np.isin(rows[-1], wanted)
    assert 50 < is_wanted.sum() < rows.shape[1]
    drop = [n for n in range(len(rows)) if n != 3]
    assert np.array_equal(rows[drop][:, is_wanted], some[drop])
    texts = silver.read_texts(lake, bucket, TEXTS)
    theirs = silver.read_texts(lake, bucket, TEXTS, customers=wanted)
    picked = texts.take(pa.array(rows[3][is_wanted])).to_pylist()
    assert theirs.take(pa.array(part.text_row)).to_pylist() == picked
    rows = pa.array([7, 3])
    assert (
        silver.read_texts(lake, bucket, TEXTS, rows, customers=wanted).to_pylist()
        == theirs.take(rows).to_pylist()
    )


@pytest.mark.parametrize("bucket", [0, 1])
def test_rows_of_a_source_of_some_customers_are_those_of_all_filtered(lake, bucket):
    customers = silver.read_ledger(lake, bucket, LATER, CPU).customer_key
    wanted = customers[[4, 1, 8]]
    whole = source_rows.read_rows(lake, bucket, "orders", LATER, customers, CPU)
    part = source_rows.read_rows(
        lake, bucket, "orders", LATER, np.sort(wanted), CPU, customers=wanted
    )
    is_wanted = np.isin(whole.keys["customer_key"], wanted)
    assert 0 < is_wanted.sum() < is_wanted.size
    assert part.texts.to_pylist() == whole.texts.filter(pa.array(is_wanted)).to_pylist()
    for name, keys in whole.keys.items():
        assert np.array_equal(keys[is_wanted], part.keys[name])
    date = whole.columns["order_date"]
    assert np.array_equal(date[is_wanted], part.columns["order_date"])


def test_customers_without_rows_have_none(lake):
    nobody = np.array([12345], np.int64)
    assert silver.read_texts(lake, 0, TEXTS, customers=nobody).num_rows == 0
    assert silver.read_ledger(lake, 0, LATER, CPU, customers=nobody).day.size == 0
    rows = source_rows.read_rows(lake, 0, "orders", LATER, nobody, CPU, customers=nobody)
    assert rows.texts.num_rows == 0
