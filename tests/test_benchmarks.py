"""Every implementation of the benchmark once, at tiny size: equal to a slow one, and to qfb."""

import datetime as dt
import json
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from naive import bench_task

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import nightly  # noqa: E402
from cases import MODULES, STAGES, stages_of  # noqa: E402
from implementations import PEERS, prepare_lake  # noqa: E402
from peers.daily_series import dominant_periods  # noqa: E402
from peers.task import FEATURES  # noqa: E402
from portfolios import Portfolio, portfolio_of  # noqa: E402
from process_tree import CommandFailedError, run_measured  # noqa: E402
from results_file import ResultsFile  # noqa: E402
from run_stages import run_stages  # noqa: E402
from same_answer import check_equal  # noqa: E402

AS_OF = dt.date(2024, 12, 31)
AS_OF_DAY = (AS_OF - dt.date(1970, 1, 1)).days
MINOR = {"CNY": 100, "USD": 100, "JPY": 1}
LIBRARY = {"pandas": "pandas", "polars": "polars", "duckdb": "duckdb"}


def draw_payments(seed=5, n_relations=120):
    """Relations of 1 to 60 payments: regular, random, same-day; null counterparties, reversals."""
    rng = np.random.default_rng(seed)
    rows = []
    for relation in range(n_relations):
        currency = str(rng.choice(["CNY", "CNY", "USD", "JPY"]))
        counterparty = None if relation % 11 == 0 else f"P{rng.integers(9)}"
        common = {
            "customer_id": f"客{rng.integers(14)}",
            "counterparty_id": counterparty,
            "direction": str(rng.choice(["in", "out"])),
            "currency": currency,
        }
        n = int(rng.integers(1, 60))
        step = int(rng.choice([0, 1, 7, 30]))
        start = int(rng.integers(30, 800)) if relation % 17 else 5000
        for i in range(n):
            age = start - step * i if step else int(rng.integers(start + 1))
            minor = int(rng.integers(1, 10**6)) * (-1 if rng.random() < 0.05 else 1)
            rows.append({**common, "day": AS_OF_DAY - age, "minor": minor})
    edges = {**common, "customer_id": "edges", "minor": 1}
    ages = (0, 29, 30, 89, 90, 179, 180, 363, 364, 365)
    return rows + [{**edges, "day": AS_OF_DAY - age} for age in ages]


def write_transactions(rows, path):
    """Write rows as the generator does: decimals, date32, shuffled."""
    order = np.random.default_rng(1).permutation(len(rows))
    rows = [rows[i] for i in order]
    days = pa.array([r["day"] for r in rows], pa.int32()).cast(pa.date32())
    amounts = [Decimal(r["minor"]) / MINOR[r["currency"]] for r in rows]
    texts = ("customer_id", "counterparty_id", "direction", "currency")
    table = pa.table(
        {
            "txn_id": [f"T{i}" for i in range(len(rows))],
            **{name: pa.array([r[name] for r in rows], pa.string()) for name in texts},
            "date": days,
            "amount": pa.array(amounts, pa.decimal128(18, 2)),
            **dict.fromkeys(("memo", "category", "channel"), pa.nulls(len(rows), pa.string())),
        }
    )
    pq.write_table(table, path)


@pytest.fixture(scope="module")
def seen():
    """Return the payments that may be seen."""
    return [p for p in draw_payments() if p["day"] <= AS_OF_DAY]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return a portfolio of a few thousand payments, some of them after the as-of date."""
    path = tmp_path_factory.mktemp("source") / "transactions.parquet"
    rows = draw_payments()
    assert any(r["day"] > AS_OF_DAY for r in rows)
    write_transactions(rows, path)
    return Portfolio(str(path.parent), 15, len(rows), str(path), 0, AS_OF.isoformat(), 5)


@pytest.fixture(scope="module")
def outputs(source, tmp_path_factory):
    """Run an implementation at its first use; return the folder of its tables."""
    folder = tmp_path_factory.mktemp("outputs")
    done = {}

    def output(name):
        if name in LIBRARY:
            pytest.importorskip(LIBRARY[name], reason=f"the peers' environment has {name}")
        if name not in done:
            path = source.transactions if name != "qfb" else prepare_lake(source, folder)
            seconds = run_stages(name, Path(path), AS_OF, folder / name)
            assert set(seconds) == set(STAGES)
            done[name] = folder / name
        return done[name]

    return output


@pytest.mark.parametrize("name", MODULES)
def test_every_implementation_has_every_stage(name):
    if name in LIBRARY:
        pytest.importorskip(LIBRARY[name], reason=f"the peers' environment has {name}")
    assert set(stages_of(name)) == set(STAGES)


@pytest.mark.parametrize("name", MODULES)
def test_streams_equal_a_slow_reference(name, outputs, seen):
    table = pq.read_table(outputs(name) / "streams.parquet").to_pylist()
    expected = bench_task.streams(seen)
    assert len(table) == len(expected)
    for row in table:
        key = tuple(row[k] for k in ("customer_id", "counterparty_id", "direction", "currency"))
        n, first, last, *about = expected[key]
        days = [(row[f"{end}_date"] - dt.date(1970, 1, 1)).days for end in ("first", "last")]
        assert [row["n_payments"], *days] == [n, first, last]
        came = [row[f"interval_{kind}_days"] for kind in ("mean", "std", "median")]
        assert came == [None if v is None else pytest.approx(v, rel=1e-9) for v in about]


@pytest.mark.parametrize("name", MODULES)
def test_features_equal_a_slow_reference(name, outputs, seen):
    table = pq.read_table(outputs(name) / "customers.parquet").to_pylist()
    expected = bench_task.customers(seen, AS_OF_DAY)
    assert {row["customer_id"] for row in table} == set(expected)
    assert len(table) == len(expected)
    for row in table:
        for feature in FEATURES:
            value = expected[row["customer_id"]][feature]
            if isinstance(value, float):
                value = pytest.approx(value, rel=1e-6, abs=1e-9)
            assert row[feature] == value, (row["customer_id"], feature)


def test_from_source_equals_from_the_lake(source, tmp_path, outputs):
    out = tmp_path / "from source"
    seconds = run_stages("qfb from source", Path(source.transactions), AS_OF, out)
    assert set(seconds) == {"ingest", *STAGES}
    for table in ("streams", "customers"):
        ours, lakes = (pq.read_table(o / f"{table}.parquet") for o in (out, outputs("qfb")))
        order = [(name, "ascending") for name in ours.column_names if name.endswith("_id")]
        assert ours.sort_by(order).equals(lakes.sort_by(order))


@pytest.mark.parametrize("name", PEERS)
def test_peers_equal_qfb(name, outputs):
    measures = check_equal(outputs("qfb"), outputs(name))
    assert measures["n_streams"] > 50
    assert measures["n_customers"] == 15


def test_dominant_period_of_known_signals():
    weekly, monthly = np.arange(0, 700, 7), np.arange(0, 900, 30)
    long = np.arange(0, 6000, 20)  # its last 4096 days count
    short, same_day = np.arange(0, 16, 4), np.zeros(9, dtype=int)
    parts = [weekly, monthly, long, short, same_day]
    day = (np.concatenate(parts) + 18000).astype(np.int32)
    offsets = np.cumsum([0, *map(len, parts)])
    period, strength = dominant_periods(day, offsets)
    assert period[:3] == pytest.approx([7, 30, 20], rel=0.01)
    assert np.isnan(period[3:]).all()
    assert np.isnan(strength[3:]).all()
    assert (strength[:3] > 0).all()


def test_a_difference_is_named(outputs, tmp_path):
    pq.write_table(pq.read_table(outputs("qfb") / "streams.parquet"), tmp_path / "streams.parquet")
    customers = pq.read_table(outputs("qfb") / "customers.parquet")
    index = customers.column_names.index("frequency_n_90d")
    changed = pa.array([v + 1 for v in customers["frequency_n_90d"].to_pylist()])
    customers = customers.set_column(index, "frequency_n_90d", changed)
    pq.write_table(customers, tmp_path / "customers.parquet")
    with pytest.raises(AssertionError, match=r"customers\.frequency_n_90d: expected"):
        check_equal(outputs("qfb"), tmp_path)


def test_portfolio_is_generated_once_and_outside_the_checkout(tmp_path):
    first = portfolio_of(20_000, tmp_path)
    written = Path(first.transactions).stat().st_mtime_ns
    assert portfolio_of(20_000, tmp_path) == first
    assert Path(first.transactions).stat().st_mtime_ns == written
    assert first.n_payments == pytest.approx(20_000, rel=0.5)
    assert pq.ParquetFile(first.transactions).metadata.num_rows == first.n_payments
    assert not list(tmp_path.glob("generating-*"))


def test_peak_memory_counts_descendants(tmp_path):
    grow = "import time; x = bytearray(120_000_000); time.sleep(0.4)"
    parent = (
        "import subprocess, sys, time; x = bytearray(60_000_000);"
        f"subprocess.run([sys.executable, '-c', '{grow}'], check=True); print('done')"
    )
    done = run_measured([sys.executable, "-c", parent], log=tmp_path / "log", timeout_seconds=30)
    assert done.stdout == "done\n"
    assert 180e6 < done.peak_bytes < 400e6
    assert 0.4 < done.wall_seconds < 10


def test_a_failed_or_endless_command_says_so(tmp_path):
    fail = [sys.executable, "-c", "import sys; sys.exit('no lake here')"]
    with pytest.raises(CommandFailedError, match="exit code 1\nno lake here"):
        run_measured(fail, log=tmp_path / "log", timeout_seconds=30)
    endless = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(CommandFailedError, match="stopped after 0.5 s"):
        run_measured(endless, log=tmp_path / "log", timeout_seconds=0.5)


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Measure by a stand-in that takes no time; return what it was asked to run."""
    asked = []

    def run_once(name, portfolio, *_, **__):
        asked.append((name, portfolio.n_payments))
        if name == "duckdb" and portfolio.n_payments > 2000:
            msg = "duckdb: exit code 137"
            raise CommandFailedError(msg)
        seconds = dict.fromkeys(STAGES, 0.5)
        night = {"ingest": 1.0, "score": 2.0}
        return {
            "wall_seconds": 3.0,
            "peak_bytes": 2**30,
            "seconds": night if name == "qfb run" else seconds,
        }

    def portfolio(size, _data):
        return Portfolio(str(tmp_path), size // 100, size, "", 1, AS_OF.isoformat(), 5)

    monkeypatch.setattr(nightly, "run_once", run_once)
    monkeypatch.setattr(nightly, "portfolio_of", portfolio)
    monkeypatch.setattr(nightly, "check_small", lambda *_: {"n_payments": 7})
    return asked


def test_a_stopped_benchmark_goes_on(stand_in, tmp_path, capsys):
    common = ["--data", str(tmp_path), "--out", str(tmp_path / "results")]
    path = nightly.main(["--payments", "1e3", "--repeats", "2", *common])
    assert len(stand_in) == 2 * 6
    assert nightly.main(["--payments", "1e3", "3e3", "--repeats", "2", *common]) == path
    assert stand_in[12:].count(("qfb run", 3000)) == 2
    assert stand_in[12:].count(("duckdb", 3000)) == 1  # it failed: not tried again
    assert ("qfb", 1000) not in stand_in[12:]
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["hardware"]["cores"] >= 1
    assert content["versions"]["numpy"] == np.__version__
    assert [r["failed"] for r in content["runs"] if "failed" in r] == ["duckdb: exit code 137"]
    said = capsys.readouterr().out
    assert "minutes" in said
    assert "FAILED: duckdb: exit code 137" in said


def test_other_code_starts_another_file(tmp_path, monkeypatch):
    first = ResultsFile.open(tmp_path, "nightly", {"seed": 1})
    first.append({"size": 1})
    assert ResultsFile.open(tmp_path, "nightly", {"seed": 1}).content["runs"] == [{"size": 1}]
    assert ResultsFile.open(tmp_path, "nightly", {"seed": 2}).content["runs"] == []
    monkeypatch.setattr("results_file.code_hash", lambda: "changed")
    assert ResultsFile.open(tmp_path, "nightly", {"seed": 1}).content["runs"] == []
