"""Reading some customers of a bucket gives the rows that reading all and filtering gives."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu.config import build_config
from qfb_gpu.lake import pages, silver
from qfb_gpu.lake.bucket_read import read_bucket
from qfb_gpu.lake.ingest import ingest

AS_OF = dt.date(2024, 12, 31)


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


@pytest.fixture(scope="module", params=[64, 1 << 14])
def lake(request, tmp_path_factory):
    """Return a lake whose files have pages of so many rows; those of 64 are read by page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(silver, "_PAGE_ROWS", request.param)
        patch.setattr(pages, "ROWS", request.param)
        patch.setattr(pages, "FEW", 2)
        yield _lake(tmp_path_factory)


def _lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("read")
    pq.write_table(payments(2000, 1), folder / "in.parquet")
    pq.write_table(orders(200, 1), folder / "orders.parquet")
    raw = {"as_of": AS_OF, "device": "cpu", "n_buckets": 2, "sources": {
        "transactions": {"path": "in.parquet"}, "orders": {"path": "orders.parquet"}}}  # fmt: skip
    ingest(build_config(raw, base=folder, where="test"))
    return folder / "out" / "lake"


@pytest.mark.parametrize("source", ["transactions", "orders"])
@pytest.mark.parametrize("bucket", [0, 1])
def test_rows_of_some_customers_are_those_of_all_filtered(lake, source, bucket):
    whole = read_bucket(lake / source, bucket)
    keys = whole.column("customer_key").to_numpy()
    wanted = np.unique(keys)[[9, 2, 5]]
    part = read_bucket(lake / source, bucket, customers=np.append(wanted, 12345))
    is_wanted = np.isin(keys, wanted)
    assert 0 < is_wanted.sum() < is_wanted.size
    assert part.equals(whole.filter(pa.array(is_wanted)))
    names = part.column_names[3:1:-1]
    some = read_bucket(lake / source, bucket, names, customers=wanted)
    assert some.equals(part.select(names))


def test_texts_stay_dictionaries_where_they_are_asked_to(lake):
    coded, keys = ["customer_id", "channel"], np.zeros(0, np.int64)
    whole = read_bucket(lake / "transactions", 0, ["customer_key", *coded, "memo"], coded)
    for wanted in (keys, np.unique(whole.column("customer_key").to_numpy())[3:5]):
        part = read_bucket(lake / "transactions", 0, [*coded, "memo"], coded, customers=wanted)
        is_wanted = np.isin(whole.column("customer_key").to_numpy(), wanted)
        assert part.schema.field("channel").type == whole.schema.field("channel").type
        assert (
            part.to_pylist() == whole.filter(pa.array(is_wanted)).drop("customer_key").to_pylist()
        )


def test_customers_without_rows_have_none(lake):
    nobody = np.array([12345], np.int64)
    assert read_bucket(lake / "transactions", 0, customers=nobody).num_rows == 0
    assert read_bucket(lake / "claims", 0, customers=nobody) is None
