"""Sources into silver: what is new is read once, whatever the order; a night twice changes nothing."""

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu.config import build_config
from qfb_gpu.errors import InputError
from qfb_gpu.lake import delta, gold, quality, silver
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake.bucket_read import read_bucket
from qfb_gpu.lake.ingest import forget, ingest
from qfb_gpu.schema import SOURCES

AS_OF = dt.date(2024, 12, 31)
COLUMNS = ["txn_id", "customer_id", "counterparty_id", "date", "amount", "memo"]


def payments(n, seed=0, first=0):
    rng = np.random.default_rng(seed)
    return pa.table({
        "txn_id": [f"t{first + i}" for i in range(n)],
        "customer_id": [f"c{i}" for i in rng.integers(0, 30, n)],
        "counterparty_id": [None if i == 0 else f"p{i}" for i in rng.integers(0, 9, n)],
        "date": [dt.date(2023, 1, 1) + dt.timedelta(days=int(i)) for i in rng.integers(0, 700, n)],
        "amount": [f"{i / 100:.2f}" for i in rng.integers(-99_999, 99_999, n)],
        "memo": [f"m{i}" for i in rng.integers(0, 5, n)],
    })  # fmt: skip


@pytest.fixture
def lake(tmp_path):
    """Return a way to write source files and to bring silver up to date with them."""
    (tmp_path / "in").mkdir()

    class Lake:
        out = tmp_path / "out"
        table = tmp_path / "out" / "lake" / "transactions"

        def write(self, name, table):
            pq.write_table(table, tmp_path / "in" / name)

        def remove(self, name):
            (tmp_path / "in" / name).unlink()

        def config(self, sources=None, **settings):
            given = sources or {"transactions": {"path": "in/*.parquet"}}
            raw = {"as_of": AS_OF, "device": "cpu", "sources": given, "n_buckets": 4, **settings}
            return build_config(raw, base=tmp_path, where="test")

        def ingest(self, **settings):
            return ingest(self.config(**settings))

        def rows(self):
            lake_dir = self.out / "lake"
            names = ["txn_id", "customer_id", "counterparty_id"]
            tables = [silver.read_texts(lake_dir, b, names) for b in silver.buckets(lake_dir)]
            return sorted(pa.concat_tables(tables).column("txn_id").to_pylist())

        def content(self):
            """Return every row of silver but where it came from, bucket by bucket in its order."""
            found = {}
            for bucket in silver.buckets(self.out / "lake"):
                rows = read_bucket(self.table, bucket)
                found[bucket] = rows.drop_columns(["source_file", "source_row"]).to_pylist()
            return found

    return Lake()


def test_every_row_is_kept_once_and_counted(lake):
    lake.write("a.parquet", payments(500))
    result = lake.ingest()
    assert result.n_rows == 500
    assert result.changed
    assert lake.rows() == sorted(f"t{i}" for i in range(500))
    assert result.counts["transactions"]["rows"] == 500
    assert result.counts["transactions"]["kept"] == 500


def test_the_same_night_twice_reads_and_changes_nothing(lake, monkeypatch):
    lake.write("a.parquet", payments(200))
    first = lake.ingest()
    files = {p: p.stat().st_mtime_ns for p in lake.out.rglob("*") if p.is_file()}

    def must_not_read(*_arguments):
        pytest.fail("a source that did not change was read")

    monkeypatch.setattr("qfb_gpu.lake.job.read_batches", must_not_read)
    second = lake.ingest()
    assert not second.changed
    assert second.inputs == first.inputs
    assert (second.n_rows, second.counts) == (first.n_rows, first.counts)
    after = {p: p.stat().st_mtime_ns for p in lake.out.rglob("*") if p.is_file()}
    files.pop(lake.out / ".lock")
    after.pop(lake.out / ".lock")
    assert {p for p in files if ".work" not in p.parts and after.get(p) != files[p]} == set()
    assert {p for p in after if ".work" not in p.parts and p not in files} == set()


def test_only_a_new_file_is_read_and_only_its_buckets_are_written(lake, monkeypatch):
    lake.write("a.parquet", payments(300))
    lake.ingest()
    before = delta.table_files(lake.table)
    one = payments(5, first=1000).set_column(1, "customer_id", [["c3"] * 5])
    lake.write("b.parquet", one)
    read = []
    from qfb_gpu.lake import job as module

    original = module.read_batches
    monkeypatch.setattr(
        module, "read_batches", lambda file, *more: read.append(file.name) or original(file, *more)
    )
    result = lake.ingest()
    assert read == ["in/b.parquet"]
    assert result.n_rows == 305
    version = {path.name for path in delta.table_files(lake.table)}
    assert version == {"part-000001.parquet", "part-000002-more.parquet"}
    assert len(delta.table_files(lake.table)) == len(before) + 1


def test_file_by_file_equals_all_at_once(lake):
    whole = payments(900)
    for number, (start, stop) in enumerate([(0, 400), (400, 410), (410, 900)]):
        lake.write(f"{number}.parquet", whole.slice(start, stop - start))
        lake.ingest()
    step_by_step = lake.content()
    forget(lake.out)
    lake.ingest()
    assert lake.content() == step_by_step


def test_a_file_that_changed_or_went_means_reading_all_again(lake):
    lake.write("a.parquet", payments(100))
    lake.write("b.parquet", payments(100, first=100))
    lake.ingest()
    lake.write("b.parquet", payments(50, first=100))
    assert lake.ingest().n_rows == 150
    lake.remove("b.parquet")
    assert lake.ingest().n_rows == 100
    assert lake.rows() == sorted(f"t{i}" for i in range(100))


def test_another_mapping_means_reading_all_again(lake):
    lake.write("a.parquet", payments(100))
    lake.ingest()
    rule = {"column": "memo", "values": ["m1"], "reason": "not a payment"}
    result = lake.ingest(sources={"transactions": {"path": "in/*.parquet", "exclude": [rule]}})
    counts = result.counts["transactions"]
    assert counts["excluded: not a payment"] > 0
    assert counts["rows"] == 100 == counts["kept"] + counts["excluded: not a payment"]


def test_a_duplicate_in_a_later_file_is_rejected_with_its_origin(lake):
    lake.write("a.parquet", payments(50))
    lake.ingest()
    lake.write("b.parquet", payments(50).slice(7, 1))
    result = lake.ingest()
    assert result.n_rows == 50
    assert result.n_rejected == 1
    (row,) = gold.read(lake.out, "rejects").to_pylist()
    assert (row["file"], row["row"], row["reason"]) == ("in/b.parquet", 0, "duplicate txn_id")
    given = json.loads(row["row_json"])
    wanted = payments(50).slice(7, 1).to_pylist()[0]
    assert given["amount"] == wanted["amount"].lstrip("-")
    assert given["direction"] == ("out" if wanted["amount"].startswith("-") else "in")
    assert (given["currency"], given["date"]) == ("CNY", wanted["date"].isoformat())


@pytest.mark.parametrize("n_buckets", [1, 3, 16])
def test_row_order_and_batches_do_not_matter(lake, n_buckets):
    table = payments(2500)
    lake.write("a.parquet", table)
    lake.ingest(n_buckets=n_buckets)
    first = lake.content()
    order = np.random.default_rng(1).permutation(2500)
    lake.write("a.parquet", table.take(pa.array(order)))
    lake.ingest(n_buckets=n_buckets, batch_rows=1000)
    assert lake.content() == first


def test_payments_without_ids_get_the_same_ones_in_any_order(lake):
    table = payments(300).drop_columns(["txn_id"])
    table = pa.concat_tables([table, table.slice(0, 40)])
    lake.write("a.parquet", table)
    assert lake.ingest().n_rows == 340
    first = lake.rows()
    lake.write("a.parquet", table.take(pa.array(np.arange(340)[::-1])))
    lake.ingest()
    assert lake.rows() == first
    assert len(set(first)) == 340


def test_an_append_that_brings_only_bad_rows_keeps_the_table(lake):
    lake.write("a.parquet", payments(50))
    lake.ingest()
    bad = payments(5, first=900).set_column(3, "date", [["never"] * 5])
    lake.write("b.parquet", bad)
    result = lake.ingest()
    assert result.n_rows == 50
    assert result.n_rejected == 5
    assert not lake.ingest().changed


def test_a_failed_ingest_leaves_what_was_there(lake):
    lake.write("a.parquet", payments(50))
    before = lake.ingest()
    content = lake.content()
    lake.write("b.parquet", payments(5).drop_columns(["date"]))
    with pytest.raises(InputError, match=r"in/b.parquet: no column 'date'"):
        lake.ingest()
    lake.remove("b.parquet")
    after = lake.ingest()
    assert not after.changed
    assert after.inputs == before.inputs
    assert lake.content() == content


OTHERS = {
    "customers": {"customer_id": ["c1", "c2", None], "name": ["甲", "乙", "丙"],
                  "industry": ["steel", None, "food"], "opened_date": ["2020-01-01", "", "2021-13-01"]},
    "orders": {"order_id": ["o1", "o2", "o2"], "customer_id": ["c1", "c2", "c2"],
               "order_date": ["2024-01-01"] * 3, "quantity": ["1.5", "two", "3"], "amount": ["10.5"] * 3},
    "contracts": {"contract_id": ["k1"], "customer_id": ["c1"], "start_date": ["2024-01-01"]},
    "contract_payments": {"contract_id": ["k1", "k1"], "txn_id": ["t1", "t2"], "customer_id": ["c1", "c1"]},
    "claims": {"claim_id": ["x"], "customer_id": ["c1"], "date": ["2024-01-01"], "amount": [12]},
    "events": {"event_id": ["e"], "customer_id": ["c1"], "date": ["2024-01-01"]},
    "touches": {"touch_id": ["m", "n"], "customer_id": ["c1", "c1"], "date": ["2024-01-01"] * 2,
                "responded": ["yes", "perhaps"]},
    "products": {"customer_id": ["c1"], "product_id": ["loan"], "opened_date": ["2024-01-01"]},
    "cancellations": {"cancellation_id": ["v"], "customer_id": ["c1"], "date": ["2024-01-01"]},
}  # fmt: skip
LEFT_OUT = {
    "customers": {"customer_id is missing": 1},
    "orders": {"quantity is not a number": 1},
    "touches": {"responded is unreadable": 1},
}


@pytest.fixture
def all_sources(lake):
    """Return the config with every source of the schema, some of their rows bad."""
    lake.write("p.parquet", payments(100))
    given = {"transactions": {"path": "in/p.parquet"}}
    for name, columns in OTHERS.items():
        lake.write(f"{name}.parquet", pa.table(columns))
        given[name] = {"path": f"in/{name}.parquet"}
    return given


def test_every_other_source_is_kept_counted_and_said_to_be_unused(lake, all_sources):
    assert set(OTHERS) == set(SOURCES) - {"transactions", "open_banking"}
    result = lake.ingest(sources=all_sources)
    assert set(result.unused) == set(OTHERS) - quality.USED
    measures = {}
    for row in gold.read(lake.out, "data_quality").to_pylist():
        measures.setdefault(row["source"], {})[row["measure"]] = row["value"]
    for name, columns in OTHERS.items():
        n_rows = len(next(iter(columns.values())))
        bad = LEFT_OUT.get(name, {})
        found = measures[name]
        assert found["rows"] == n_rows
        assert found["kept"] == n_rows - sum(bad.values())
        assert {m.removeprefix("rejected: "): v for m, v in found.items() if "rejected" in m} == bad
        folder = lake.out / "lake" / name
        tables = [pq.ParquetFile(p).read() for p in delta.table_files(folder)]
        assert sum(table.num_rows for table in tables) == found["kept"]
        if name in quality.unused(set(OTHERS)):
            assert found[quality.UNUSED + quality.PARTS[name]] == found["kept"]
    assert len(gold.read(lake.out, "rejects")) == result.n_rejected == 3


def test_a_customer_is_in_the_same_bucket_in_every_source(lake, all_sources):
    lake.ingest(sources=all_sources)
    place = {}
    for name in ("transactions", *OTHERS):
        folder = lake.out / "lake" / name
        for path in delta.table_files(folder):
            bucket = path.parent.name
            for customer in pq.ParquetFile(path).read(["customer_id"]).column(0).to_pylist():
                assert place.setdefault(customer, bucket) == bucket


def test_customers_give_their_names_to_the_profiles(lake, all_sources, monkeypatch):
    from qfb_gpu.pipeline import run

    monkeypatch.setattr("qfb_gpu.pipeline._log", lambda *_args: None)
    given = {name: all_sources[name] for name in ("transactions", "customers")}
    run(lake.config(sources=given, workers=1, n_buckets=1))
    profiles = {
        row["customer_id"]: row for row in gold.read(lake.out, "customer_profiles").to_pylist()
    }
    assert (profiles["c1"]["name"], profiles["c1"]["industry"]) == ("甲", "steel")
    assert profiles["c1"]["opened_date"] == dt.date(2020, 1, 1)
    assert (profiles["c2"]["name"], profiles["c2"]["opened_date"]) == ("乙", None)
    assert profiles["c5"]["name"] is None
    assert "steel" in (lake.out / "report.html").read_text(encoding="utf-8")


INGEST = """
import json, sys
from pathlib import Path
from qfb_gpu.config import build_config
from qfb_gpu.lake.ingest import ingest
raw, base = json.loads(sys.argv[1]), Path(sys.argv[2])
print("ready", flush=True)
while True:
    ingest(build_config(raw, base=base, where="test"))
    print("done", flush=True)
    raw["n_buckets"] = 4 + raw["n_buckets"] % 4
"""


@pytest.mark.slow
def test_an_ingest_that_is_killed_leaves_a_whole_table_and_the_next_goes_on(lake, tmp_path):
    """Killed with SIGKILL while it rewrites all buckets again and again."""
    lake.write("a.parquet", payments(20_000))
    raw = {"as_of": "2024-12-31", "device": "cpu", "n_buckets": 4,
           "sources": {"transactions": {"path": "in/*.parquet"}}}  # fmt: skip
    wanted = sorted(f"t{i}" for i in range(20_000))
    for wait in (0.02, 0.07, 0.15):
        child = subprocess.Popen(
            [sys.executable, "-c", INGEST, json.dumps(raw), str(tmp_path)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        while child.stdout.readline() != "done\n":
            assert child.poll() is None
        time.sleep(wait)
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        assert lake.rows() == wanted
        assert state.load(lake.table).n_rows == 20_000
    result = lake.ingest()
    assert result.n_rows == 20_000
    assert lake.rows() == wanted
    assert not lake.ingest().changed
    assert not list(lake.out.rglob("spill.rows"))


def test_texts_are_codes_until_rows_are_asked_for(lake, monkeypatch):
    monkeypatch.setattr(silver, "_ROW_GROUP", 37)  # row groups have dictionaries of their own
    lake.write("a.parquet", payments(500))
    lake.ingest(n_buckets=1)
    names = ["txn_id", "counterparty_id", "memo", "category"]
    whole = silver.read_texts(lake.out / "lake", 0, names)
    assert pa.types.is_dictionary(whole.schema.field("counterparty_id").type)
    assert pa.types.is_string(whole.schema.field("txn_id").type)
    rows = pa.array([499, 0, 77, 77])
    some = silver.read_texts(lake.out / "lake", 0, names, rows)
    assert set(some.schema.types) == {pa.string()}
    assert some.to_pylist() == whole.take(rows).to_pylist()
    assert sorted(whole.column("txn_id").to_pylist()) == sorted(f"t{i}" for i in range(500))
