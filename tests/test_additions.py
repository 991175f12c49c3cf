"""Small files beside a bucket's own: the same rows in the same order as a bucket written anew."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from qfb_gpu.config import build_config
from qfb_gpu.lake import additions, delta, gold, silver
from qfb_gpu.lake.bucket_read import read_bucket
from qfb_gpu.lake.ingest import forget, ingest
from qfb_gpu.lake.maintain import maintain

AS_OF = dt.date(2024, 12, 31)
N_BUCKETS = 2


def payments(n_rows, seed):
    """Return payments of which many are equal but for their id, some have none, some no party."""
    rng = np.random.default_rng(seed)
    peer, memo = pa.array([None, "p1", "p2"]), pa.array(["rent 1", "rent 2", "tax", None])
    return pa.table({
        "txn_id": [f"t{seed}-{i}" if i % 5 else None for i in range(n_rows)],
        "customer_id": [f"c{i}" for i in rng.integers(0, 40, n_rows)],
        "counterparty_id": peer.take(pa.array(rng.integers(0, 3, n_rows))),
        "date": [dt.date(2023, 1, 1) + dt.timedelta(days=int(d)) for d in rng.integers(0, 400, n_rows)],
        "amount": [f"{a}.00" for a in rng.choice([-2, -1, 1, 2], n_rows)],
        "memo": memo.take(pa.array(rng.integers(0, 4, n_rows))),
        "category": [f"k{i}" for i in rng.integers(0, 3, n_rows)],
    })  # fmt: skip


def orders(n_rows, seed):
    rng = np.random.default_rng(seed)
    return pa.table({
        "order_id": [f"o{i}" for i in rng.integers(0, 10**6, n_rows)],
        "customer_id": [f"c{i}" for i in rng.integers(0, 40, n_rows)],
        "order_date": [dt.date(2024, 1, 1) + dt.timedelta(days=int(d)) for d in rng.integers(0, 300, n_rows)],
    })  # fmt: skip


@pytest.fixture
def lake(tmp_path):
    class Lake:
        out = tmp_path / "out"

        def write(self, kind, name, table):
            (tmp_path / kind).mkdir(exist_ok=True)
            pq.write_table(table, tmp_path / kind / f"{name}.parquet")

        def ingest(self, **part):
            raw = {"as_of": AS_OF, "device": "cpu", "n_buckets": N_BUCKETS, "sources": {
                "transactions": {"path": "payments", **part}, "orders": {"path": "orders"}}}  # fmt: skip
            return ingest(build_config(raw, base=tmp_path, where="test"))

        def files(self, source="transactions"):
            return [path.name for path in delta.table_files(self.out / "lake" / source)]

        def state(self):
            """Return silver row by row in its order, the rejects and the counts."""
            rows = {
                (source, bucket): read_bucket(self.out / "lake" / source, bucket).to_pylist()
                for source in ("transactions", "orders")
                for bucket in range(N_BUCKETS)
            }
            rejects = sorted(map(str, gold.read(self.out, "rejects").to_pylist()))
            return rows, rejects, gold.read(self.out, "data_quality").to_pylist()

        def anew(self):
            """Return the state of a lake that reads everything at once."""
            forget(self.out)
            self.ingest()
            return self.state()

    made = Lake()
    made.write("payments", "00", payments(3000, 0))
    made.write("orders", "00", orders(600, 0))
    made.ingest()
    return made


def test_nights_of_few_rows_give_what_reading_all_at_once_gives(lake):
    base = lake.files()
    for night in range(1, additions.MOST_FILES + 3):
        lake.write("payments", f"{night:02}", payments(8, night))
        lake.write("orders", f"{night:02}", orders(3, night))
        result = lake.ingest()
        counts = result.counts["transactions"]
        assert counts["rows"] == counts["kept"] == 3000 + 8 * night
    assert len(base) == N_BUCKETS
    assert set(base) < set(lake.files())
    more = [name for name in lake.files() if name.endswith("-more.parquet")]
    assert 2 <= len(more) < N_BUCKETS * (night - 1)
    assert len(lake.files("orders")) > N_BUCKETS
    folder = str(lake.out / "lake" / "transactions")
    step_by_step = lake.state()
    found = pa.table(DeltaTable(folder).to_pyarrow_table())
    assert "silver_place" not in found.column_names
    assert sorted(found["txn_id"].to_pylist()) == sorted(
        row["txn_id"] for bucket in range(N_BUCKETS) for row in step_by_step[0]["transactions", bucket]
    )  # fmt: skip
    done = {one.name: one for one in maintain(lake.out)}
    assert done["lake/transactions"].n_into == N_BUCKETS
    assert len(lake.files()) == N_BUCKETS
    assert lake.state() == step_by_step
    lake.write("payments", "99", payments(8, 99))
    lake.ingest()
    assert len(lake.files()) > N_BUCKETS
    step_by_step = lake.state()
    assert lake.anew() == step_by_step


@pytest.mark.parametrize("source", ["transactions", "orders"])
def test_some_customers_of_a_bucket_with_additions_are_those_of_all_filtered(lake, source):
    for night in (1, 2, 3, 4):
        lake.write("payments", f"{night:02}", payments(20, night))
        lake.write("orders", f"{night:02}", orders(4, night))
        lake.ingest()
    folder, n_more = lake.out / "lake" / source, 0
    for bucket in range(N_BUCKETS):
        n_more += len(delta.partition_files(folder, "bucket", str(bucket))) - 1
        whole = read_bucket(folder, bucket)
        keys = whole["customer_key"].to_numpy()
        assert (np.diff(keys) >= 0).all()
        wanted = np.unique(keys)[::3]
        some = read_bucket(folder, bucket, customers=np.append(wanted[::-1], 7))
        assert some.equals(whole.filter(pa.array(np.isin(keys, wanted))))
        names = ["customer_id", "source_row"]
        coded = read_bucket(folder, bucket, names, ["customer_id"], wanted)
        assert coded.cast(some.select(names).schema).equals(some.select(names))
    assert n_more > 3


def test_rows_that_leave_a_bucket_with_additions_are_gone(lake):
    for night in (1, 2, 3):
        lake.write("payments", f"{night:02}", payments(20, night))
        lake.ingest()
    assert len(lake.files()) > N_BUCKETS
    (lake.out.parent / "payments" / "02.parquet").unlink()
    assert lake.ingest().n_rows == 3040
    rows = lake.state()[0]
    forget(lake.out)
    lake.ingest()
    for key, found in lake.state()[0].items():  # files have other numbers now
        assert [{**row, "source_file": 0} for row in found] == [
            {**row, "source_file": 0} for row in rows[key]
        ]


@pytest.mark.parametrize("change", ["again", "other amount", "no id"])
def test_rows_that_are_there_already_have_their_bucket_written_anew(lake, change):
    whole = payments(3000, 0)
    has_id = [i for i in range(3000) if (i % 5 == 0) == (change == "no id")][:6]
    some = whole.take(pa.array(has_id))
    if change == "other amount":
        place = some.column_names.index("amount")
        other = [f"{a[:-4]}0.50" for a in some["amount"].to_pylist()]
        some = some.set_column(place, "amount", [other])
    lake.write("payments", "01", some)
    result = lake.ingest()
    assert len(lake.files()) == N_BUCKETS
    assert ("part-000002.parquet" in lake.files()) == (change != "again")
    n_kept = 6 if change == "no id" else 0
    assert result.n_rows == 3000 + n_kept
    step_by_step = lake.state()
    assert lake.anew() == step_by_step


def test_many_rows_have_their_bucket_written_anew(lake):
    lake.write("payments", "01", payments(400, 1))
    lake.ingest()
    assert lake.files() == ["part-000002.parquet"] * N_BUCKETS
    assert [len(silver.read_texts(lake.out / "lake", b, ["txn_id"])) for b in range(N_BUCKETS)]
