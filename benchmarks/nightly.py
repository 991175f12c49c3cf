"""Measure the night beside pandas, Polars and DuckDB with SciPy, on generated payments.

    python benchmarks/nightly.py --payments 1e6 3e6 10e6 30e6 --peers pandas polars duckdb

Every run is a process of its own; results are checked to be equal first, on a small portfolio;
every run is saved as soon as it is done, and the same command goes on where it stopped.
See docs/benchmarks.md for what each row contains.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from implementations import FROM_SOURCE, IMPLEMENTATIONS, PEERS, output_of, run_once
from portfolios import AS_OF, SEED, Portfolio, portfolio_of
from process_tree import CommandFailedError
from readme_tables import nightly_tables
from results_file import ResultsFile
from same_answer import check_equal

RESULTS = Path(__file__).parent / "results"
SMALL_PAYMENTS = 50_000
_GUESS_SECONDS = {
    "qfb run": (20.0, 20.0),
    "qfb": (6.0, 1.0),
    FROM_SOURCE: (6.0, 2.0),
    "pandas": (3.0, 2.0),
    "polars": (2.0, 1.5),
    "duckdb": (3.0, 2.0),
}
"""To start, and per million payments: for the estimate before anything was measured."""


def main(arguments: list[str] | None = None) -> Path:
    """Run what is missing; return the file of results."""
    options = _options(arguments)
    results = ResultsFile.open(options.out, "nightly", {"seed": SEED, "as_of": AS_OF.isoformat()})
    wanted = {"qfb run", "qfb", FROM_SOURCE, *options.peers}
    names = [name for name in IMPLEMENTATIONS if name in wanted]
    _say(f"results: {results.path}")
    if not results.content["equality"]:
        results.content["equality"] = check_small(options.data, names)
        results.save()
    for size in sorted(round(float(size)) for size in options.payments):
        _measure_size(size, names, results, options)
    _say(f"done: {results.path}\n\n{nightly_tables(results.content)}")
    return results.path


def check_small(data: Path, names: list[str]) -> dict[str, Any]:
    """Run everything on a small portfolio, which also fills the kernels' cache, and compare.

    Raises
    ------
    AssertionError
        Two implementations differ; says in what.
    """
    small = portfolio_of(SMALL_PAYMENTS, data)
    with tempfile.TemporaryDirectory(dir=data, prefix="equal-") as folder:
        work = Path(folder)
        for name in names:
            _say(f"warming up: {name}")
            run_once(name, small, small, work, timeout_seconds=1800)
        qfb = output_of("qfb", work)
        measures = {n: check_equal(qfb, output_of(n, work)) for n in PEERS if n in names}
        for name, measure in measures.items():
            _say(f"{name} equals qfb: {measure}")
    return {"n_payments": small.n_payments, "n_customers": small.n_customers, **measures}


def _measure_size(
    size: int, names: list[str], results: ResultsFile, options: argparse.Namespace
) -> None:
    wanted = {name: options.repeats - len(results.runs(size=size, name=name)) for name in names}
    wanted = {name: n for name, n in wanted.items() if n > 0}
    if not wanted:
        _say(f"{size:,}: all there")
        return
    start = time.perf_counter()
    portfolio = portfolio_of(size, options.data)
    _say(f"{size:,}: portfolio of {portfolio.n_payments:,} payments "
         f"({time.perf_counter() - start:.0f} s)")  # fmt: skip
    results.content["portfolios"][str(size)] = {
        name: getattr(portfolio, name)
        for name in ("n_payments", "n_customers", "transactions_bytes")
    }
    results.save()
    estimate = sum(_expected(name, portfolio, results) * n for name, n in wanted.items())
    _say(f"{size:,}: {sum(wanted.values())} runs, about {estimate / 60:.1f} minutes")
    with tempfile.TemporaryDirectory(dir=options.data, prefix="night-") as folder:
        for repeat in range(options.repeats):
            for name in names:
                if len(results.runs(size=size, name=name)) <= repeat:
                    _one(name, size, portfolio, Path(folder), results, options)


def _one(
    name: str,
    size: int,
    portfolio: Portfolio,
    work: Path,
    results: ResultsFile,
    options: argparse.Namespace,
) -> None:
    head = {"size": size, "name": name, "n_payments": portfolio.n_payments}
    if any(run.get("failed") for run in results.runs(size=size, name=name)):
        return
    load_before = os.getloadavg()[0]
    small = portfolio_of(SMALL_PAYMENTS, options.data)
    try:
        run = run_once(name, portfolio, small, work, timeout_seconds=options.timeout)
    except CommandFailedError as error:
        _say(f"{size:,} {name}: FAILED: {error}")
        results.append({**head, "failed": str(error)[-500:]})
        return
    results.append({**head, "load_before": round(load_before, 2), **run})
    stages = "  ".join(f"{stage} {seconds:.2f}" for stage, seconds in run["seconds"].items())
    _say(f"{size:,} {name}: {run['wall_seconds']:.2f} s, "
         f"{run['peak_bytes'] / 2**30:.2f} GiB   {stages}")  # fmt: skip


def _expected(name: str, portfolio: Portfolio, results: ResultsFile) -> float:
    """Seconds of one run: of the largest size measured so far, and what is more by the slope."""
    runs: dict[int, list[float]] = {}
    for run in results.runs(name=name):
        if "wall_seconds" in run:
            runs.setdefault(run["n_payments"], []).append(run["wall_seconds"])
    known = [(n, statistics.median(runs[n])) for n in sorted(runs)]
    start_seconds, slope = _GUESS_SECONDS[name]
    n, seconds = known[-1] if known else (0, start_seconds)
    if len(known) > 1:
        slope = 1e6 * max(0, seconds - known[-2][1]) / (n - known[-2][0])
    return seconds + slope * (portfolio.n_payments - n) / 1e6


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default_data = Path(os.environ.get("QFB_BENCH_DATA", tempfile.gettempdir())) / "qfb-bench"
    parser.add_argument("--payments", nargs="+", default=["1e6"], help="sizes, e.g. 1e6 3e6 10e6")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--repeats", type=int, default=3, help="runs of each; medians are shown")
    parser.add_argument("--data", type=Path, default=default_data, help="portfolios and outputs")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for one run")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    sys.stdout.write(f"[{time.strftime('%H:%M:%S')}] {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
