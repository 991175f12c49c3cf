"""Reading and ingesting a Delta table, beside delta-rs -> Arrow -> pandas; memory by batch_rows.

``python benchmarks/ingest.py [--rows N]`` (2 million, about two minutes). Each run is a process of
its own; it warms up on a small table first. The pandas peer does what an ingest has to: trims ids,
reads dates and exact amounts, leaves out rows it cannot read and duplicates, sorts by customer and
counterparty, and writes one Parquet file a bucket.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from process_tree import run_measured
from results_file import ROOT, ResultsFile

from qfb_gpu.config import Config, build_config
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.readers import headers, read_batches
from qfb_gpu.lake.sources import find_files, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = ROOT / "benchmarks" / "results"
N_FILES = 8
SMALL = 20_000
REPEATS = 3
BATCHES = (1_000_000, 200_000, 50_000)
_FEED = {"delta.enableChangeDataFeed": "true"}


def payments(n_rows: int, seed: int) -> pa.Table:
    """Return payments of a bank: repeating ids and memos, exact amounts, a few bad rows."""
    rng = np.random.default_rng(seed)
    customers = np.array([f"C{i:07d}" for i in range(max(10, n_rows // 400))])
    peers = np.array([f"P{i:06d}" for i in range(max(10, n_rows // 200))])
    memos = np.array([f"invoice batch {i}" for i in range(500)])
    cents = rng.integers(1, 10**8, n_rows)
    days = np.datetime64("2022-01-01") + rng.integers(0, 1095, n_rows)
    return pa.table({
        "txn_id": np.char.add(f"T{seed}-", np.arange(n_rows).astype(str)),
        "customer_id": customers[rng.integers(0, customers.size, n_rows)],
        "counterparty_id": peers[rng.integers(0, peers.size, n_rows)],
        "date": pa.array(days.astype("datetime64[D]"), mask=rng.random(n_rows) < 1e-4),
        "amount": decimals(cents),
        "direction": np.array(["in", "out"])[rng.integers(0, 2, n_rows)],
        "currency": np.array(["CNY", "USD"])[(rng.random(n_rows) < 0.1).astype(int)],
        "memo": memos[rng.integers(0, memos.size, n_rows)],
    })  # fmt: skip


def decimals(cents: np.ndarray) -> pa.Array:
    """Return whole cents, none negative, as exact decimals."""
    halves = np.zeros((cents.size, 2), np.int64)
    halves[:, 0] = cents
    kind = pa.decimal128(20, 2)
    return pa.Array.from_buffers(kind, cents.size, [None, pa.py_buffer(halves.tobytes())])


def make_table(path: Path, n_rows: int) -> None:
    """Write a Delta table of some files that keeps a change feed."""
    for number in range(N_FILES):
        rows = payments(n_rows // N_FILES, number)
        write_deltalake(str(path), rows, mode="append", configuration=_FEED)


def config_of(source: Path, out: Path, batch_rows: int) -> Config:
    """Return the config of an ingest of one table or file."""
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu", "output": str(out),
           "batch_rows": batch_rows,
           "sources": {"transactions": {"path": str(source)}}}  # fmt: skip
    return build_config(raw, base=source.parent, where="benchmark")


def qfb_read(source: Path, out: Path, batch_rows: int) -> int:
    """Read every column in batches, as ingest does."""
    config = config_of(source, out, batch_rows)
    (part,) = parts_of(config, "transactions")
    return sum(
        batch.rows.num_rows
        for file in find_files(config, "transactions")
        for batch in read_batches(file, part, headers(file, part), [], batch_rows)
    )


def arrow_read(source: Path, _out: Path, _batch_rows: int) -> int:
    """Read the table with delta-rs into Arrow."""
    return int(pa.table(DeltaTable(str(source)).to_pyarrow_table()).num_rows)


def pandas_read(source: Path, _out: Path, _batch_rows: int) -> int:
    """Read the table with delta-rs into pandas."""
    return len(DeltaTable(str(source)).to_pandas())


def qfb_ingest(source: Path, out: Path, batch_rows: int) -> int:
    """Ingest the table from nothing."""
    return ingest(config_of(source, out, batch_rows)).n_rows


def pandas_ingest(source: Path, out: Path, _batch_rows: int) -> int:
    """Clean, sort and write the table by bucket with pandas."""
    rows = DeltaTable(str(source)).to_pandas() if source.is_dir() else pd.read_parquet(source)
    for name in ("txn_id", "customer_id", "counterparty_id", "memo"):
        rows[name] = rows[name].str.strip()
    rows["date"] = pd.to_datetime(rows["date"])
    amount = rows["amount"].map(lambda value: int(value.scaleb(2)), na_action="ignore")
    rows["amount_minor"] = pd.to_numeric(amount).astype("int64")
    rows = rows.drop(columns="amount").dropna(subset=["customer_id", "date", "amount_minor"])
    rows = rows.drop_duplicates(["customer_id", "direction", "txn_id"])
    n_buckets = max(1, len(rows) >> 20)
    rows["bucket"] = pd.util.hash_array(rows["customer_id"].to_numpy(object)) % n_buckets
    keys = ["customer_id", "counterparty_id", "direction", "currency", "date", "amount_minor"]
    out.mkdir(parents=True, exist_ok=True)
    for bucket, part in rows.sort_values(keys).groupby("bucket"):
        table = pa.Table.from_pandas(part, preserve_index=False)
        pq.write_table(table, out / f"{bucket}.parquet", compression="zstd")
    return len(rows)


TASKS: dict[str, Callable[[Path, Path, int], int]] = {
    "qfb read": qfb_read,
    "delta-rs to Arrow": arrow_read,
    "delta-rs to pandas": pandas_read,
    "qfb ingest": qfb_ingest,
    "pandas ingest": pandas_ingest,
}


def child(task: str, source: Path, small: Path, out: Path, batch_rows: int) -> None:
    """Warm up on the small table, then time the task once; print what it took."""
    for where in (small, source):
        shutil.rmtree(out, ignore_errors=True)
        start = time.perf_counter()
        n_rows = TASKS[task](where, out, batch_rows)
        seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "rows": n_rows}))


def measure(work: Path, task: str, source: Path, batch_rows: int, repeats: int) -> dict[str, Any]:
    """Run a task in processes of its own: median seconds, highest memory."""
    command = [sys.executable, __file__, "--child", task, str(source), str(work / "small"),
               str(work / "out"), str(batch_rows)]  # fmt: skip
    runs = [run_measured(command, log=work / "log", timeout_seconds=600) for _ in range(repeats)]
    said = [json.loads(run.stdout) for run in runs]
    seconds = statistics.median(one["seconds"] for one in said)
    return {
        "task": task,
        "batch_rows": batch_rows,
        "seconds": round(seconds, 3),
        "rows": said[0]["rows"],
        "rows_per_second": round(said[0]["rows"] / seconds),
        "peak_mib": round(max(run.peak_bytes for run in runs) / 2**20),
    }


def changes(work: Path, source: Path) -> list[dict[str, Any]]:
    """Time the night after one row of the table was changed, by its change feed and without."""
    found = []
    for way in ("change feed", "files that differ"):
        table, out = work / "changing", work / "changed"
        shutil.rmtree(table, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(source, table)
        config = config_of(table, out, BATCHES[0])
        ingest(config)
        one = "txn_id = 'T3-17'"
        DeltaTable(str(table)).update(updates={"memo": "'changed'"}, predicate=one)
        if way != "change feed":
            shutil.rmtree(table / "_change_data")
        start = time.perf_counter()
        result = ingest(config)
        seconds = round(time.perf_counter() - start, 3)
        found.append({"task": f"one row changed: {way}", "seconds": seconds, "rows": result.n_rows})
    return found


def few_rows(work: Path, n_rows: int) -> list[dict[str, Any]]:
    """Time nights in which 1% of the customers get three payments each, beside the first night."""
    source, out = work / "nights", work / "night"
    shutil.rmtree(source, ignore_errors=True)
    shutil.rmtree(out, ignore_errors=True)
    source.mkdir()
    first = payments(n_rows, 99)
    pq.write_table(first, source / "0.parquet")
    customers = pc.unique(first.column("customer_id")).sort()
    chosen = customers.take(pa.array(range(0, len(customers), 100)))
    rows = first.filter(pc.is_in(first.column("customer_id"), chosen)).slice(0, 3 * len(chosen))
    config, found = config_of(source, out, BATCHES[0]), []
    for night in range(1 + REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        result = ingest(config)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        task = "first night" if night == 0 else "1% of customers touched"
        found.append({"task": task, "seconds": round(wall, 3), "cpu_seconds": round(cpu, 3),
                      "rows": result.n_rows})  # fmt: skip
        ids = pc.binary_join_element_wise(rows.column("txn_id"), f"night {night}", "-")
        more = rows.set_column(0, "txn_id", ids)
        pq.write_table(more, source / f"{night + 1}.parquet")
    return found


def main() -> None:
    """Measure everything and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--child", nargs=5)
    asked = parser.parse_args()
    if asked.child:
        task, source, small, out, batch_rows = asked.child
        child(task, Path(source), Path(small), Path(out), int(batch_rows))
        return
    results = ResultsFile.open(RESULTS, "ingest", {"rows": asked.rows})
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        make_table(work / "small", SMALL)
        make_table(work / "table", asked.rows)
        for task in TASKS:
            _say(results, measure(work, task, work / "table", BATCHES[0], asked.repeats))
        for n_rows in (asked.rows // 4, asked.rows, 2 * asked.rows):
            path = work / f"{n_rows}.parquet"
            pq.write_table(payments(n_rows, 99), path)
            for batch_rows in BATCHES:
                _say(results, measure(work, "qfb ingest", path, batch_rows, 1))
            _say(results, measure(work, "pandas ingest", path, BATCHES[0], 1))
            path.unlink()
        for run in [*changes(work, work / "table"), *few_rows(work, 2 * asked.rows)]:
            _say(results, run)
    print(results.path)


def _say(results: ResultsFile, run: dict[str, Any]) -> None:
    results.append(run)
    print(json.dumps(run), flush=True)


if __name__ == "__main__":
    main()
