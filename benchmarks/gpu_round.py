"""One round on a CUDA machine: does the GPU answer as the CPU does, and how fast.

    python benchmarks/gpu_round.py                 parity, times, bandwidth, scale; 8 minutes
    python benchmarks/gpu_round.py --dry-run       the same code on the CPU, tiny

Writes ``benchmarks/results/gpu_round-<date>-<code>.json`` after every part, so a round that was
cut short keeps what it has. Exit code 0: all stages agree; 1: some do not, or a part failed;
2: no GPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bandwidth
from device_clock import peak_memory, timed, wall
from gpu_nights import grow, ingest_one_bucket, night_parity
from gpu_stages import STAGES
from parity import compare, to_backend, to_host
from portfolios import AS_OF, portfolio_of
from results_file import ResultsFile

from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar, to_day
from qfb_gpu.errors import BackendUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable


RESULTS = Path(__file__).parent / "results"


class Round:
    """One round: its devices, its settings, its results."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.deadline = time.monotonic() + options.seconds
        self.cpu = get_backend("cpu")
        self.gpu = get_backend("cpu" if options.dry_run else "gpu")
        settings = {
            "device": self.gpu.device,
            "dry_run": options.dry_run,
            "payments": options.payments,
            "most_payments": options.most_payments,
        }
        self.results = ResultsFile.open(options.out, "gpu_round", settings)
        self.results.content.update(gpu_versions=self.gpu.versions(), parts={})
        self.ok = True

    def part(self, name: str, work: Callable[[], Any]) -> Any:
        """Do one part and keep what it gives, or why it failed; go on in either case."""
        start = time.monotonic()
        try:
            found = work()
        except Exception as error:  # noqa: BLE001  the other parts are worth having
            self.ok = False
            found = {"error": repr(error), "traceback": traceback.format_exc()}
            _say(f"{name}: FAILED: {error!r}")
        self.results.content["parts"][name] = found
        self.results.content["parts"].setdefault("seconds", {})[name] = time.monotonic() - start
        self.results.save()
        return found


def main(arguments: list[str] | None = None) -> int:
    """Run the round; return the exit code."""
    options = _options(arguments)
    try:
        this = Round(options)
    except BackendUnavailableError as error:
        sys.stderr.write(f"gpu_round: {error}\n")
        return 2
    _say(f"{this.gpu.name}: {this.gpu.device}; results: {this.results.path}")
    rates = this.part("bandwidth", lambda: _bandwidth(this))
    this.part("stages", lambda: _stages(this, rates))
    this.part("night", lambda: _night(this))
    this.part("scale", lambda: _scale(this))
    _say(f"{'all agree' if this.ok else 'NOT ALL AGREE'}; results: {this.results.path}")
    return 0 if this.ok else 1


def _bandwidth(this: Round) -> dict[str, float]:
    rates = bandwidth.measure(this.gpu, 2**22 if this.options.dry_run else 2**31)
    _say("".join(f"{name} {rate / 1e9:,.0f} GB/s  " for name, rate in rates.items()))
    return rates


def _stages(this: Round, rates: dict[str, Any]) -> dict[str, Any]:
    """Run every stage on both sides; compare, time, and say what its kernels reached."""
    portfolio = portfolio_of(this.options.payments, this.options.data)
    lake = ingest_one_bucket(portfolio, this.options.data)
    from qfb_gpu.lake import silver

    shared: dict[str, Any] = {
        "lake": lake,
        "bucket": silver.buckets(lake)[0],
        "day": to_day(AS_OF),
        "calendar": load_calendar("CN"),
    }
    known: dict[str, Any] = {}
    table: dict[str, Any] = {}
    for name, stage in STAGES.items():
        want = to_host(stage({**shared, **known}, this.cpu), this.cpu)
        with wall(this.cpu) as cpu_seconds:
            stage({**shared, **known}, this.cpu)
        row: dict[str, Any] = {"cpu_seconds": cpu_seconds[0], "n_rows": _n_rows(want)}
        try:
            row |= _on_device(this, stage, shared, known, want)
        except Exception as error:  # noqa: BLE001  the other stages are worth having
            row |= {"error": repr(error), "traceback": traceback.format_exc()}
        this.ok &= not row.get("differences") and "error" not in row
        _add_shares(row, rates)
        known[name], table[name] = want, row
        _say(_stage_line(name, row))
    return {"n_payments": portfolio.n_payments, "stages": table}


def _on_device(
    this: Round, stage: Any, shared: dict[str, Any], known: dict[str, Any], want: dict[str, Any]
) -> dict[str, Any]:
    gpu = this.gpu
    inputs = {**shared, **to_backend(known, gpu)}
    with wall(gpu) as first:
        got = to_host(stage(inputs, gpu), gpu)
    seconds = []
    with peak_memory(gpu) as peak:
        for _ in range(this.options.repeats):
            with wall(gpu) as again:
                stage(inputs, gpu)
            seconds += again
    watched = timed(gpu)
    stage(inputs, watched)
    return {
        "differences": compare(got, want),
        "first_seconds": first[0],
        "seconds": statistics.median(seconds),
        "peak_bytes": peak[0] if peak else None,
        "kernels": watched.clock.by_name(),
    }


def _add_shares(row: dict[str, Any], rates: dict[str, Any]) -> None:
    for kernel in row.get("kernels", {}).values():
        rate = kernel["bytes"] / kernel["seconds"] if kernel["seconds"] else 0.0
        kernel["bytes_per_second"] = rate
        kernel["share_of_copy"] = rate / rates["copy"] if "copy" in rates else None


def _night(this: Round) -> dict[str, Any]:
    portfolio = portfolio_of(this.options.payments, this.options.data)
    rows = night_parity(portfolio, this.options.data, this.cpu, this.gpu)
    this.ok &= not rows["differences"]
    for name, found in rows["differences"].items():
        _say(f"night: {name} DIFFERS: {json.dumps(found)}")
    seconds = [rows[side]["seconds"] for side in ("cpu", "gpu")]
    _say(f"night: {seconds[0]:.2f} s cpu {seconds[1]:.2f} s {this.gpu.name}")
    return rows


def _scale(this: Round) -> list[dict[str, Any]]:
    sizes = (this.options.payments, this.options.most_payments)
    found = []
    for row in grow(*sizes, this.options.data, this.gpu, this.deadline):
        found.append(row)
        this.results.content["parts"]["scale"] = found
        this.results.save()
        rate = row["n_payments"] / row["stages"]["score"]["seconds"]
        _say(
            f"scale: {row['n_payments']:,} payments in {row['seconds']:.1f} s, "
            f"scored at {rate:,.0f} payments/s"
        )
    return found


def _n_rows(columns: dict[str, Any]) -> int:
    first = next(iter(columns.values()))
    return len(getattr(first, "codes", first))


def _stage_line(name: str, row: dict[str, Any]) -> str:
    if "error" in row:
        return f"{name:<12} FAILED: {row['error']}"
    verdict = "equal" if not row["differences"] else f"DIFFERS: {json.dumps(row['differences'])}"
    ratio = row["cpu_seconds"] / row["seconds"] if row["seconds"] else 0.0
    return (
        f"{name:<12}{row['cpu_seconds']:>9.3f} s cpu {row['seconds']:>9.4f} s "
        f"({ratio:,.1f}x, first {row['first_seconds']:.1f} s)  {verdict}"
    )


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry-run", action="store_true", help="the CPU on both sides, tiny")
    parser.add_argument("--payments", type=int, help="of the parity round (1,000,000)")
    parser.add_argument("--most-payments", type=int, help="of the scale run (300,000,000)")
    parser.add_argument("--seconds", type=float, default=480.0, help="for everything")
    parser.add_argument("--repeats", type=int, help="of each timed stage (5)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--data", type=Path, help="folder of generated payments")
    options = parser.parse_args(arguments)
    tiny = options.dry_run
    options.payments = options.payments or (4_000 if tiny else 1_000_000)
    options.most_payments = options.most_payments or (4_000 if tiny else 300_000_000)
    options.repeats = options.repeats or (1 if tiny else 5)
    options.data = options.data or Path(tempfile.gettempdir()) / "qfb-gpu-round"
    options.data.mkdir(parents=True, exist_ok=True)
    return options


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
