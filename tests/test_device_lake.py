"""A lake made on the device is the lake that ingest makes of the same payments, row by row."""

import json
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from stand_in import stand_in_backend

from qfb_gpu.backend import get_backend
from qfb_gpu.lake import ingest, silver

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
N_CUSTOMERS, N_BUCKETS = 60, 3


@pytest.fixture(autouse=True)
def _benchmarks_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def made(folder, backend, n_buckets=N_BUCKETS):
    from device_lake import AS_OF, lake_config, make_lake
    from device_payments import Bank

    bank = Bank(N_CUSTOMERS, 7, n_buckets, AS_OF)
    return make_lake(bank, lake_config(folder, n_buckets), backend)


def tables(folder):
    files = sorted((folder / "out" / "lake" / "transactions").rglob("bucket=*/*.parquet"))
    return {file.parent.name: pq.ParquetFile(file).read() for file in files}


def manifest(folder):
    path = folder / "out" / "lake" / "transactions" / "_ingest" / "manifest-000001.json"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        folder = tmp_path_factory.mktemp("made")
        return folder, made(folder, get_backend("cpu"))


def test_ingesting_the_same_payments_gives_the_same_lake(here, tmp_path):
    from device_lake import lake_config

    folder, lake = here
    whole = pa.concat_tables(tables(folder).values())
    assert whole.num_rows == lake.n_payments > 20 * N_CUSTOMERS
    amounts = [Decimal(minor) / 100 for minor in whole["amount_minor"].to_pylist()]
    names = ["txn_id", "customer_id", "counterparty_id", "date", "direction", "currency"]
    source = whole.select(names).append_column("amount", pa.array(amounts, pa.decimal128(18, 2)))
    pq.write_table(source, tmp_path / "payments.parquet")
    config = lake_config(tmp_path, N_BUCKETS)
    assert ingest.ingest(config).n_rows == lake.n_payments
    ours, theirs = tables(folder), tables(tmp_path)
    assert ours.keys() == theirs.keys()
    assert len(ours) == N_BUCKETS
    for bucket, table in theirs.items():
        assert ours[bucket].schema.equals(table.schema)
        assert ours[bucket].equals(table), bucket
    left, right = manifest(folder), manifest(tmp_path)
    left["files"][0].pop("identity"), right["files"][0].pop("identity")  # size and time
    assert left == right


def test_ingest_finds_nothing_to_do_in_it(here):
    folder, lake = here
    found = ingest.ingest(lake.config)
    assert not found.changed
    assert found.n_rows == lake.n_payments
    assert silver.buckets(folder / "out" / "lake") == [0, 1, 2]


def test_a_device_makes_the_same_lake(here, tmp_path):
    folder, _ = here
    made(tmp_path, stand_in_backend())
    assert tables(tmp_path) == tables(folder)


def test_payments_do_not_depend_on_the_buckets(here, tmp_path):
    folder, _ = here
    made(tmp_path, get_backend("cpu"), n_buckets=1)
    order = [("txn_id", "ascending")]
    drop = ["source_row"]
    left, right = (
        pa.concat_tables(tables(one).values()).drop_columns(drop).sort_by(order)
        for one in (folder, tmp_path)
    )
    assert left.equals(right)
    assert pc.count_distinct(left["txn_id"]).as_py() == left.num_rows


def test_rescoring_finds_what_was_drawn(tmp_path):
    from scale_night import rescored

    row = rescored(
        4_000, tmp_path / "lake", get_backend("cpu"), n_buckets=2, whole=False, workers=1
    )
    assert not (tmp_path / "lake").exists()
    assert row["n_buckets"] == 2
    assert row["found"]["n_regular"] > 30
    assert row["found"]["found"] > 0.95
    assert row["found"]["cadence_right"] > 0.95
    assert row["found"]["random_called_regular"] < 0.05
    assert row["lake_bytes"] > 0 < row["carried_bytes"] < row["work_bytes"] < row["all_work_bytes"]
    assert row["left_out"]


def test_a_whole_night_from_nothing_has_its_report(tmp_path):
    from scale_night import night

    row = night(4_000, tmp_path / "lake", get_backend("cpu"), n_buckets=2, workers=1)
    assert not (tmp_path / "lake").exists()
    whole = row["whole_night"]
    assert whole["counts"]["n_payments"] == row["n_payments"]
    assert whole["seconds"] > whole["stages"]["report"]["seconds"] > 0.1
    assert whole["gold_bytes"]["payment_streams"] > 0


def test_buckets_hold_a_number_of_payments_that_does_not_grow():
    from scale_night import bank_of

    cpu = get_backend("cpu")
    for n_payments in (10_000, 10**7, 10**9):
        bank = bank_of(n_payments, cpu, None)
        assert n_payments / bank.n_buckets <= get_backend("cpu").payments_a_bucket()
        assert bank.n_customers == n_payments // 100
    assert np.diff(bank.month_days).max() == 31


def test_a_lake_that_the_disk_does_not_hold_is_not_begun(tmp_path, monkeypatch, capsys):
    import scale_night

    free = SimpleNamespace(free=44 * 2**30)
    monkeypatch.setattr(scale_night.shutil, "disk_usage", lambda _: free)
    assert scale_night.disk_for(10**9, tmp_path, whole=False) == ""
    folder = tmp_path / "not" / "there"
    assert scale_night.main(["--payments", "1e9", "--whole", "--data", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "68 GB" in said
    assert "43 GB" in said
    assert "--payments 631_612_837" in said
    assert not list(folder.glob("scale-*"))
