"""Sources that change: rows leave and come, and silver is what reading all anew would give."""

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from qfb_gpu.config import build_config
from qfb_gpu.lake import delta, gold, silver
from qfb_gpu.lake import job as job_module
from qfb_gpu.lake.bucket_read import read_bucket
from qfb_gpu.lake.ingest import forget, ingest

AS_OF = dt.date(2024, 12, 31)
WHERE = ["source_file", "source_row"]


def payments(ids, seed=0, memo="m"):
    rng = np.random.default_rng(seed)
    ids = list(ids)
    n = len(ids)
    return pa.table({
        "txn_id": pa.array([None if i is None else f"t{i}" for i in ids], pa.string()),
        "customer_id": [f"c{(i or 0) % 23}" for i in ids],
        "date": [dt.date(2023, 1, 1) + dt.timedelta(days=int(d)) for d in rng.integers(0, 700, n)],
        "amount": [f"{a / 100:.2f}" for a in rng.integers(1, 9_999, n)],
        "memo": [f"{memo}\u0001{i}" for i in rng.integers(0, 5, n)],
    })  # fmt: skip


@pytest.fixture
def lake(tmp_path):
    """Return a lake whose source is a folder or a Delta table called ``in``."""

    class Lake:
        out = tmp_path / "out"
        source = tmp_path / "in"

        def write(self, name, table):
            self.source.mkdir(exist_ok=True)
            pq.write_table(table, self.source / name)

        def ingest(self, **part):
            raw = {"as_of": AS_OF, "device": "cpu", "n_buckets": 8,
                   "sources": {"transactions": {"path": "in", **part}}}  # fmt: skip
            return ingest(build_config(raw, base=tmp_path, where="test"))

        def state(self):
            """Return silver but where rows came from, the rejects' rows, and the counts."""
            folder = self.out / "lake" / "transactions"
            found = {}
            for bucket in silver.buckets(self.out / "lake"):
                rows = read_bucket(folder, bucket)
                found[bucket] = rows.drop_columns(WHERE).to_pylist()
            rejects = gold.read(self.out, "rejects").to_pylist()
            said = sorted((r["reason"], r["row_json"]) for r in rejects)
            counts = {r["measure"]: r["value"] for r in gold.read(self.out, "data_quality").to_pylist()
                      if r["source"] == "transactions" and r["measure"] != "files"}  # fmt: skip
            return found, said, counts

        def check(self, **part):
            """Compare with a lake that reads everything anew."""
            result = self.ingest(**part)
            step_by_step = self.state()
            counts = result.counts["transactions"]
            rest = sum(
                n
                for name, n in counts.items()
                if name.startswith(("rejected", "excluded", "summed"))
            )
            assert counts["rows"] == counts["kept"] + rest
            forget(self.out)
            self.ingest(**part)
            assert self.state() == step_by_step
            return result

    return Lake()


def read_files(monkeypatch):
    read = []
    original = job_module.read_batches
    monkeypatch.setattr(job_module, "read_batches",
                        lambda file, *more: read.append(file.name) or original(file, *more))  # fmt: skip
    return read


def test_only_a_changed_file_is_read_and_its_old_rows_leave(lake, monkeypatch):
    for n in range(4):
        lake.write(f"{n}.parquet", payments(range(100 * n, 100 * n + 100), n))
    lake.ingest()
    lake.write("2.parquet", payments([*range(200, 260), *range(900, 920)], 9))
    (lake.source / "3.parquet").unlink()
    read = read_files(monkeypatch)
    result = lake.ingest()
    assert read == ["in/2.parquet"]
    assert result.n_rows == 280
    monkeypatch.undo()
    lake.check()


def test_a_duplicate_comes_back_when_the_row_before_it_leaves(lake):
    lake.write("a.parquet", payments(range(40), 1))
    lake.write("b.parquet", payments(range(30, 60), 2))
    lake.write("c.parquet", payments(range(35, 36), 3))
    first = lake.ingest()
    assert first.counts["transactions"]["rejected: duplicate txn_id"] == 11
    (lake.source / "a.parquet").unlink()
    result = lake.check()
    assert result.n_rows == 30
    assert result.counts["transactions"]["rejected: duplicate txn_id"] == 1


def test_bad_rows_of_a_file_that_went_are_no_longer_counted(lake):
    bad = payments(range(5), 1).set_column(2, "date", [["never"] * 5])
    lake.write("a.parquet", bad)
    lake.write("b.parquet", payments(range(50, 80), 2))
    assert lake.ingest().n_rejected == 5
    (lake.source / "a.parquet").unlink()
    result = lake.check()
    assert result.n_rejected == 0
    assert result.counts["transactions"] == {"rows": 30, "kept": 30}


def test_buckets_may_become_empty(lake):
    lake.write("a.parquet", payments(range(200), 1))
    one = payments([7], 2)
    lake.write("b.parquet", one)
    lake.ingest()
    (lake.source / "a.parquet").unlink()
    assert lake.ingest().n_rows == 1
    assert len(silver.buckets(lake.out / "lake")) == 1


def test_payments_without_ids_change_too(lake):
    lake.write("a.parquet", payments([None] * 30, 1))
    lake.write("b.parquet", pa.concat_tables([payments([None] * 30, 1), payments(range(5), 4)]))
    lake.ingest()
    lake.write("a.parquet", payments([None] * 29, 1))
    lake.check()


def test_lines_that_were_summed_are_read_again(lake):
    lines = pa.concat_tables([payments(range(10), 1)] * 2)
    lake.write("a.parquet", lines)
    lake.write("b.parquet", payments(range(50, 60), 1))
    lake.ingest(lines="sum")
    lake.write("b.parquet", payments(range(50, 55), 1))
    lake.check(lines="sum")


@pytest.mark.parametrize("cdf", [False, True])
def test_updates_and_deletes_of_a_delta_table_reach_silver(lake, monkeypatch, cdf):
    """Each step alone, and what it leaves is what reading all anew gives."""
    settings = {"delta.enableChangeDataFeed": "true"} if cdf else {}
    for n in range(3):
        write_deltalake(str(lake.source), payments(range(100 * n, 100 * n + 100), n), mode="append",
                        configuration=settings)  # fmt: skip
    lake.ingest()
    write_deltalake(str(lake.source), payments(range(500, 520), 5), mode="append")
    read = read_files(monkeypatch)
    assert lake.ingest().n_rows == 320
    assert len(read) == 1
    table = DeltaTable(str(lake.source))
    table.update(updates={"amount": "'77.00'"}, predicate="txn_id = 't150'")
    read.clear()
    before = buckets_of(lake)
    lake.ingest()
    assert len(read) == (0 if cdf else 1)
    if cdf:
        assert len(changed(before, buckets_of(lake))) == 1
    assert lake.state()[2]["delta version: part 0"] == DeltaTable(str(lake.source)).version()
    DeltaTable(str(lake.source)).delete("customer_id = 'c5'")
    lake.ingest()
    assert "c5" not in json.dumps(lake.state(), default=str)
    DeltaTable(str(lake.source)).optimize.compact()
    monkeypatch.undo()
    lake.check()


def buckets_of(lake):
    files = delta.table_files(lake.out / "lake" / "transactions")
    return {path.parent.name: path.name for path in files}


def changed(before, after):
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def test_a_change_feed_takes_away_bad_and_double_rows_too(lake):
    """Rows that were rejected, or stood behind another, leave like any other."""
    bad = payments(range(10), 1).set_column(2, "date", [pa.array([None] * 10, pa.date32())])
    rows = pa.concat_tables([payments(range(50), 2), payments(range(40, 50), 3), bad])
    write_deltalake(str(lake.source), rows, configuration={"delta.enableChangeDataFeed": "true"})
    first = lake.ingest().counts["transactions"]
    assert (first["rows"], first["kept"], first["rejected: date is missing"]) == (70, 50, 10)
    DeltaTable(str(lake.source)).delete("txn_id in ('t3', 't4', 't44', 't45')")
    DeltaTable(str(lake.source)).update(updates={"memo": "'new'"}, predicate="txn_id = 't46'")
    result = lake.check()
    assert result.counts["transactions"]["rows"] == 70 - 4 - 4
    assert not lake.ingest().changed


def test_a_feed_that_was_vacuumed_means_reading_all_again(lake):
    settings = {"delta.enableChangeDataFeed": "true"}
    write_deltalake(str(lake.source), payments(range(90), 2), configuration=settings)
    write_deltalake(str(lake.source), payments(range(90, 99), 2), mode="append")
    lake.ingest()
    DeltaTable(str(lake.source)).delete("txn_id = 't3'")
    lake.ingest()
    DeltaTable(str(lake.source)).delete("txn_id = 't5'")
    for path in (lake.source / "_change_data").glob("*"):
        path.unlink()
    assert lake.check().n_rows == 97


def test_after_an_update_only_the_relations_it_concerns_are_split_again(lake, monkeypatch):
    """From the change upstream to the scores: one payment of one customer, one relation."""
    from qfb_gpu.backend import get_backend
    from qfb_gpu.calendars import load_calendar, to_day
    from qfb_gpu.payments import splits, streams

    settings = {"delta.enableChangeDataFeed": "true"}
    write_deltalake(str(lake.source), payments(range(400), 2), configuration=settings)
    backend, calendar = get_backend("cpu"), load_calendar("CN")

    def score(bucket, known=None):
        ledger = silver.read_ledger(lake.out / "lake", bucket, to_day(AS_OF), backend)
        return streams.score_streams(ledger, calendar, to_day(AS_OF), backend, 90, known=known)

    lake.ingest()
    buckets = silver.buckets(lake.out / "lake")
    first = {bucket: score(bucket).splits for bucket in buckets}
    DeltaTable(str(lake.source)).update(updates={"amount": "'0.07'"}, predicate="txn_id = 't40'")
    lake.ingest()
    fresh = []
    original = splits.places_of
    monkeypatch.setattr(
        streams, "places_of",
        lambda *given: fresh.append(int((original(*given) < 0).sum())) or original(*given),
    )  # fmt: skip
    for bucket in buckets:
        score(bucket, first[bucket])
    assert sum(fresh) == 1
