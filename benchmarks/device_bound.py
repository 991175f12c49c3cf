"""What rescoring a bucket asks of a device, counted without one, and what that would take.

    python benchmarks/device_bound.py                a minute; JSON into benchmarks/results
    python benchmarks/device_bound.py --card H100    of another card, on the screen alone

Counts are taken on the stand-in for a GPU at two sizes (``tests/device_work.py``), the seconds of
files and kernels on this machine's CPU, one thread; ``device_model.py`` says what is assumed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from device_bound_table import bound_table
from device_clock import timed
from device_lake import AS_OF, PAYMENTS_A_CUSTOMER, SEED, lake_config, make_lake
from device_model import CARDS, row
from device_payments import Bank
from results_file import ROOT, ResultsFile

from qfb_gpu import tasks
from qfb_gpu.backend import get_backend
from qfb_gpu.lake import carry, silver, source_rows
from qfb_gpu.lake.work import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESULTS = Path(__file__).parent / "results"
SIZES = (600_000, 1 << 20, 1 << 22, 1 << 24)
UNDER_WAY, CARD = 8, "H200"
_COUNTED = (20_000, 200_000)
_TIMED = {2_000: 8, 1_000_000: 4}
"""Payments to how often they are scored: of each thing the fastest counts."""
_FILES = (
    (silver, "read_bucket"),
    (source_rows, "read_bucket"),
    (Workspace, "save"),
    (carry, "save"),
)
_NO_KERNELS = ("lexsort", "rfft", "spectra")
"""A device's sorts and transforms are counted as operations."""


def counted(folder: Path) -> dict[str, Any]:
    """Return what a bucket asks for, fixed and for each payment, from two sizes."""
    sys.path.append(str(ROOT / "tests"))
    import device_work as tests

    small, large = (tests.of_bucket(n, folder / str(n)) for n in _COUNTED)
    names = [name for name in large[1]["whole"] if name not in ("peak", "compiled", "transforms")]
    bytes_ = ("to_device", "to_host", "moved")
    each, fixed = {}, {}
    for name in names:
        few, many = small[1]["whole"][name], large[1]["whole"][name]
        each[name] = (many - few) / (large[0] - small[0]) if name in bytes_ else 0.0
        fixed[name] = many - each[name] * large[0]
    return {
        "fixed": fixed,
        "each": each,
        "peak": large[1]["whole"]["peak"] / large[0],
        "compiled": large[1]["whole"]["compiled"],
        "steps": {name: found for name, found in large[1].items() if name != "whole"},
        "n_counted": large[0],
    }


def host_seconds(folder: Path) -> dict[str, Any]:
    """Return CPU seconds of one thread: Python's for a bucket, files and kernels by payment."""
    small, large = (_timed(n, folder / f"timed-{n}", times) for n, times in _TIMED.items())
    more = large["n_payments"] - small["n_payments"]
    files = (large["files"] - small["files"]) / more
    return {
        "python": small["python"],
        "files": [small["files"], files],
        "kernels": large["kernels"] / large["n_payments"],
        "by_kernel": large["by_kernel"],
        "units": large["units"] / large["n_payments"],
    }


def _timed(n_payments: int, folder: Path, times: int) -> dict[str, Any]:
    """Score a bucket on one thread some times; the first loads and compiles."""
    cpu = get_backend("cpu")
    bank = Bank(max(1, n_payments // PAYMENTS_A_CUSTOMER), SEED, 1, AS_OF)
    made = make_lake(bank, lake_config(folder, 1, device="cpu", workers=1), cpu)
    night = tasks.Night.of(made.config, "cpu", "timed")
    runs: list[dict[str, Any]] = []
    for _ in range(times):
        night.workspace.remove()
        shutil.rmtree(carry.folder(night.lake), ignore_errors=True)
        watched, found = timed(cpu), {"files": 0.0}
        with ExitStack() as stack:
            stack.enter_context(mock.patch("numba.config.NUMBA_NUM_THREADS", 1))
            stack.enter_context(mock.patch.object(tasks, "get_backend", return_value=watched))
            _watch_files(stack, found)
            start = time.process_time()
            tasks.score_bucket(night, 0)
            python = time.process_time() - start - found["files"]
        laps = {n: lap for n, lap in watched.clock.by_name().items() if n not in _NO_KERNELS}
        runs.append({**found, "python": python, **{n: lap["seconds"] for n, lap in laps.items()}})
    best = {name: min(run[name] for run in runs) for name in runs[0]}
    return {
        "n_payments": made.n_payments,
        "files": best.pop("files"),
        "python": best.pop("python"),
        "by_kernel": best,
        "kernels": sum(best.values()),
        "units": laps["streams.answer_gpu"]["rows"] / 2,  # each unit, then each stream
    }


def _watch_files(stack: ExitStack, found: dict[str, Any]) -> None:
    """Add the CPU seconds of reading and writing to what was found, while the stack is open."""

    def clocked(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            start = time.process_time()
            answer = work(*arguments, **named)
            found["files"] += time.process_time() - start
            return answer

        return run

    for owner, name in _FILES:
        stack.enter_context(mock.patch.object(owner, name, clocked(getattr(owner, name))))


def rows(
    found: dict[str, Any], card: str = CARD, under_way: int = UNDER_WAY
) -> Iterator[dict[str, Any]]:
    """Yield the model's row of each size of bucket."""
    for n_payments in SIZES:
        yield row(n_payments, found, under_way, CARDS[card])


def main(arguments: list[str] | None = None) -> int:
    """Count, time, model, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--card", choices=CARDS, default=CARD, help="whose figures are assumed")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = counted(Path(folder))
        host = host_seconds(Path(folder))
    found |= {"host": host, "units": host.pop("units")}
    content = {"counted": found, "runs": list(rows(found, options.card))}
    if options.card == CARD:
        assumed = {"assumed": vars(CARDS[CARD])}
        results = ResultsFile.open(options.out, "device_bound", assumed)
        results.content.update(content)
        results.save()
    sys.stdout.write(bound_table(content) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
