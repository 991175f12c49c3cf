"""Customers a second of feature building: ``python benchmarks/features.py [CUSTOMERS] [REPEATS]``.

Two tasks, each read and computed apart, medians of the repeats, equality checked first:

- ``payments``: the eighteen features of :mod:`peers.task`; the engine computes all of its payments'
  features meanwhile.
- ``sources``: the twenty-three of :mod:`peers.sources_task` from events, touches, claims, products,
  orders and the payments' categories; the engine computes every block of those sources, days to
  pay by matched payments among them.

The engine reads its lake, which is made before, untimed; pandas and Polars read the Parquet. All
run in one process with all cores. tsfresh is not in the locked environments and takes no part.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from peers import sources_task, task
from results_file import ROOT, ResultsFile

from qfb_gpu import parts, profile
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar, to_day
from qfb_gpu.config import build_config
from qfb_gpu.currencies import currency_name
from qfb_gpu.lake import ingest, silver
from qfb_gpu.lake.source_rows import read_rows
from qfb_gpu.parts.source_features import SOURCE_FEATURES
from qfb_gpu.portfolio import write_portfolio

if TYPE_CHECKING:
    from collections.abc import Callable

AS_OF = dt.date(2024, 12, 31)
PEERS = ("pandas", "polars")
CPU = get_backend("cpu")
_SOURCES = tuple(dict.fromkeys(name for part in SOURCE_FEATURES for name in part.needs))


class Lake(NamedTuple):
    """The engine's lake and the settings it was made with."""

    folder: Path
    config: Any


def generate(folder: Path, n_customers: int) -> None:
    """Write the sources of a portfolio."""
    write_portfolio(folder, n_customers, 20241231, as_of=AS_OF, calendar=load_calendar("CN"))


def make_lake(folder: Path) -> Lake:
    """Ingest the sources."""
    raw = {
        "as_of": AS_OF, "device": "cpu", "data": str(folder), "output": str(folder / "out"),
        "sources": {name: {"path": f"{name}.parquet"} for name in ("transactions", *_SOURCES)},
    }  # fmt: skip
    config = build_config(raw, base=folder, where="benchmark")
    ingest.ingest(config)
    return Lake(config.output_dir / "lake", config)


def read_payments(lake: Lake) -> list[Any]:
    """Read the ledger of every bucket."""
    return [
        silver.read_ledger(lake.folder, bucket, to_day(AS_OF), CPU)
        for bucket in silver.buckets(lake.folder)
    ]


def payment_features(ledgers: list[Any]) -> list[dict[str, Any]]:
    """Compute all features of the payments."""
    return [profile.customer_features(ledger, to_day(AS_OF), CPU) for ledger in ledgers]


def read_sources(lake: Lake) -> list[parts.Given]:
    """Read every bucket: its payments, its sources' rows, its payments' texts."""
    found = []
    for bucket, ledger in zip(silver.buckets(lake.folder), read_payments(lake), strict=True):
        rows = {
            name: read_rows(lake.folder, bucket, name, to_day(AS_OF), ledger.customer_key, CPU)
            for name in _SOURCES
        }
        texts = silver.read_texts(lake.folder, bucket, ["category", "channel"])
        found.append(
            parts.Given(
                bucket, to_day(AS_OF), lake.config, load_calendar("CN"), ledger, None, rows,
                partial(lambda table, _columns: table, texts), CPU,
            )
        )  # fmt: skip
    return found


def source_features(given: list[parts.Given]) -> list[dict[str, Any]]:
    """Compute every block of the sources."""
    return [
        {n: v for part in SOURCE_FEATURES for n, v in part.score(one)["features"].items()}
        for one in given
    ]


def as_frame(lake: Lake, ledgers: list[Any], columns: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the engine's columns by customer id, to be compared."""
    frames = []
    for bucket, ledger, found in zip(silver.buckets(lake.folder), ledgers, columns, strict=True):
        row = pa.array(ledger.text_row[ledger.relation_offsets[ledger.customer_offsets[:-1]]])
        ids = silver.read_texts(lake.folder, bucket, ["customer_id"], row).column("customer_id")
        frames.append(pd.DataFrame(found, index=ids.to_pandas().astype(str)))
    return pd.concat(frames).sort_index()


def check(name: str, ours: pd.DataFrame, theirs: Any, counts: list[str], floats: list[str]) -> None:
    """Stop where a peer computed something else."""
    table = theirs.to_pandas() if hasattr(theirs, "to_pandas") else theirs
    if "customer_id" in table:
        table = table.set_index("customer_id")
    table = table.set_axis(table.index.astype(str)).sort_index()
    if not table.index.equals(ours.index):
        msg = f"{name}: expected {len(ours)} customers, got {len(table)}, or others"
        raise SystemExit(msg)
    for column in counts:
        np.testing.assert_array_equal(table[column], ours[column], err_msg=f"{name} {column}")
    for column in floats:
        np.testing.assert_allclose(
            table[column].astype(float), ours[column], rtol=1e-6, atol=1e-9, equal_nan=True,
            err_msg=f"{name} {column}",
        )  # fmt: skip


def timed(read: Callable[[], Any], compute: Callable[[Any], Any], repeats: int) -> dict[str, Any]:
    """Return median seconds of reading and of computing; the first run is not counted."""
    seconds: dict[str, list[float]] = {"read": [], "compute": []}
    for _ in range(repeats + 1):
        start = time.perf_counter()
        given = read()
        middle = time.perf_counter()
        compute(given)
        seconds["read"].append(middle - start)
        seconds["compute"].append(time.perf_counter() - middle)
    return {f"{name}_seconds": statistics.median(values[1:]) for name, values in seconds.items()}


def run_payments(folder: Path, lake: Lake, repeats: int) -> list[dict[str, Any]]:
    """Compare and measure the features of the payments."""
    ledgers = read_payments(lake)
    ours = as_frame(lake, ledgers, payment_features(ledgers))
    ours["main_currency"] = ours["main_currency"].map(currency_name)
    exact = task.EXACT_FEATURES
    rows = [_row("payments", "qfb", timed(partial(read_payments, lake), payment_features, repeats))]
    for name in PEERS:
        peer = _module(f"peers.{name}_scipy")
        if peer is None:
            continue
        read = partial(peer.read, folder / "transactions.parquet", AS_OF)
        payments, _ = peer.streams(read())  # the pandas peer numbers its streams there, untimed
        check(name, ours, peer.features(payments, AS_OF), exact, task.FLOAT_FEATURES)
        compute = partial(
            lambda given, _read, peer: peer.features(given, AS_OF), payments, peer=peer
        )
        rows.append(_row("payments", name, timed(read, compute, repeats)))
    return rows


def run_sources(folder: Path, lake: Lake, repeats: int) -> list[dict[str, Any]]:
    """Compare and measure the features of the other sources."""
    given = read_sources(lake)
    ours = as_frame(lake, [one.ledger for one in given], source_features(given))
    rows = [_row("sources", "qfb", timed(partial(read_sources, lake), source_features, repeats))]
    for name in PEERS:
        peer = _module(f"peers.sources_{name}")
        if peer is None:
            continue
        theirs = peer.features(peer.read(folder), AS_OF)
        check(name, ours, theirs, sources_task.COUNTS, sources_task.FLOATS)
        compute = partial(peer.features, as_of=AS_OF)
        rows.append(_row("sources", name, timed(partial(peer.read, folder), compute, repeats)))
    return rows


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        print(f"{name} is left out: {error}")
        return None


def _row(of: str, name: str, seconds: dict[str, Any]) -> dict[str, Any]:
    return {"task": of, "implementation": name, **seconds}


def main() -> None:
    """Measure, print and keep."""
    n_customers = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    settings = {"customers": n_customers, "repeats": repeats}
    results = ResultsFile.open(ROOT / "benchmarks" / "results", "features", settings)
    with tempfile.TemporaryDirectory(prefix="features-") as name:
        folder = Path(name)
        generate(folder, n_customers)
        lake = make_lake(folder)
        rows = run_payments(folder, lake, repeats) + run_sources(folder, lake, repeats)
    for row in rows:
        row["customers_per_second"] = n_customers / row["compute_seconds"]
        row["customers_per_second_with_reading"] = n_customers / (
            row["read_seconds"] + row["compute_seconds"]
        )
        print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}))
        results.append(row)


if __name__ == "__main__":
    main()
