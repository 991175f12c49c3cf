"""One round on a CUDA machine: does the GPU answer as the CPU does, and how fast.

    python benchmarks/gpu_round.py                 parity, times, bandwidth, scale; 7 minutes
    python benchmarks/gpu_round.py --dry-run       the same code on the CPU, tiny
    python benchmarks/gpu_round.py --rehearse      on a stand-in for a GPU that is as strict, tiny

Writes ``benchmarks/results/gpu_round-<date>-<code>.json`` after every step, so a round that was
cut short keeps what it has; what there is no time left for is skipped and says so. On a GPU it runs
in a process of its own, and goes on in another where a step loses the device or does not end
(``gpu_watch.py``). Exit code 0: all agree; 1: something does not, or failed; 2: no GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bandwidth
import gpu_watch
from gpu_kernels import compile_all
from gpu_nights import all_sources, night_parity
from gpu_parts import chosen, cpu_night, steps
from gpu_prepare import prepare_parity
from gpu_stages import CoreSteps
from gpu_steps import failed, line, measured
from parity import to_host
from results_file import ROOT, ResultsFile
from scale_night import grow

from qfb_gpu._backend.devices import capability
from qfb_gpu._backend.shortage import give_memory_back
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.cluster import compiled_ahead
from qfb_gpu.errors import BackendUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpu_parts import Before, Step

    from qfb_gpu.backend import Backend


RESULTS = Path(__file__).parent / "results"
_FOR_SCALE = 0.35
"""Of all the time, kept for the scale run."""
_SECONDS = 420.0
"""For everything: with what is spare, and the start, within ten minutes."""
_STEP_SECONDS, _SPARE_SECONDS = 120.0, 90.0
"""A step, and a part past the end of all the time, may take so long before it is given up."""
_PART_SECONDS, _COMPILE_SECONDS = 210.0, 180.0
"""The same for a part that does not look at the clock itself, and for compiling all kernels."""
_BY_CLOCK = ("stages", "parts", "scale")
_ALWAYS = ("before",)
"""What a process that goes on after another has to do again."""


class Round:
    """One round: its devices, its settings, its results."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.is_tiny = options.dry_run or options.rehearse
        self.deadline = time.monotonic() + options.seconds
        self.scale_from = self.deadline - _FOR_SCALE * options.seconds
        self.cpu = get_backend("cpu")
        self.gpu = _device(options)
        settings = {
            "device": self.gpu.device,
            "dry_run": self.is_tiny,
            "customers": options.customers,
            "most_payments": options.most_payments,
        }
        self.results = ResultsFile.open(options.out, "gpu_round", settings)
        self.content = self.results.content
        if options.resume and "parts" in self.content:
            gpu_watch.taken_up(self.content)
        else:
            self._begin()
        self.rates: dict[str, float] = self.content["parts"].get("bandwidth", {})
        self.before: Before | None = None
        self.config: Any = None
        self.work = Path(tempfile.mkdtemp(prefix="round-", dir=options.data))

    def _begin(self) -> None:
        if self.content.get("parts"):  # of a round before, of the same code on the same machine
            self.content.setdefault("earlier", []).append(self.content["parts"])
        self.content.update(
            gpu_versions=self.gpu.versions(),
            parts={},
            errors={},
            warnings={},
            done=[],
            ok=True,
            now=None,
        )

    @property
    def ok(self) -> bool:
        """Whether all that was done agrees so far."""
        return bool(self.content["ok"])

    def note(self, *, agrees: bool) -> None:
        """Take note of whether something agreed."""
        self.content["ok"] = self.ok and agrees

    def part(self, name: str, work: Callable[[Round], Any]) -> None:
        """Do one part and keep what it gives, and why it failed; go on in either case."""
        done = set(self.content["done"])
        if name in done and (name not in _ALWAYS or done >= PARTS.keys()):
            return
        parts, start = self.content["parts"], time.monotonic()
        self._at(name)
        left = max(self.deadline - time.monotonic(), 0.0) + _SPARE_SECONDS
        left = left if name in _BY_CLOCK else min(left, _PART_SECONDS)
        try:
            with gpu_watch.at_most(left, watched=self.options.watched), self._heard(name):
                parts[name] = work(self)
        except Exception as error:  # noqa: BLE001  the other parts are worth having
            self.note(agrees=False)
            found = {"error": repr(error), "traceback": traceback.format_exc()}
            self.content["errors"][name] = found
            _say(f"{name}: FAILED: {error!r}")
        parts.setdefault("seconds", {})[name] = time.monotonic() - start
        self.content["done"].append(name)
        self.content["now"] = None
        self.results.save()
        self._while_there()

    @contextmanager
    def _heard(self, part: str) -> Iterator[None]:
        """Keep what is warned of meanwhile: that the host did what a device had no memory for."""
        with warnings.catch_warnings(record=True) as said:
            try:
                yield
            finally:
                words = [str(one.message) for one in said if one.category is RuntimeWarning]
                if words:
                    self.content.setdefault("warnings", {})[part] = words
        for one in words:
            _say(f"{part}: {one}")

    def _at(self, part: str, step: str | None = None) -> None:
        """Write down what is done now, in case this process ends with it."""
        self.content["now"] = [part, step]
        self.results.save()

    def _while_there(self) -> None:
        """End this process if its device is lost; another one goes on.

        One whose memory is full is not: what a step that failed left goes first.
        """
        give_memory_back()
        if self.options.watched and gpu_watch.is_lost(self.gpu):
            _say("the device answers no more")
            raise SystemExit(gpu_watch.LOST)

    def steps(
        self, part: str, every: dict[str, Step], keep: Callable[[str, Any], None] | None = None
    ) -> dict[str, Any]:
        """Run steps on both sides; compare and time each, and say how it went."""
        table: dict[str, Any] = self.content["parts"].setdefault(part, {})
        for name, step in every.items():
            if name in table:  # by a process before this one
                if keep is not None:
                    keep(name, to_host(step(self.cpu), self.cpu))
                continue
            self._at(part, name)
            if time.monotonic() > self.scale_from:
                table[name] = {"skipped": "no time left"}
            else:
                with gpu_watch.at_most(_STEP_SECONDS, watched=self.options.watched):
                    table[name] = measured(
                        step, self.cpu, self.gpu, repeats=self.options.repeats,
                        copy_rate=self.rates.get("copy"),
                        keep=None if keep is None else lambda answer, n=name: keep(n, answer),
                    )  # fmt: skip
            self.note(agrees=not failed(table[name]))
            _say(line(name, table[name]))
            self._at(part)
            if failed(table[name]):
                self._while_there()
        return table


def main(arguments: list[str] | None = None) -> int:
    """Run the round; return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _options(given)
    if not (options.dry_run or options.rehearse or options.watched):
        return gpu_watch.supervised(__file__, given, options.seconds, options.data)
    try:
        with gpu_watch.at_most(_STEP_SECONDS, watched=options.watched):
            this = Round(options)
    except BackendUnavailableError as error:
        sys.stderr.write(f"gpu_round: {error}\n")
        return 2
    _say(f"{this.gpu.name}: {this.gpu.device}; results: {this.results.path}")
    try:
        for name, work in PARTS.items():
            this.part(name, work)
    except Exception:
        if not options.watched:
            raise
        traceback.print_exc()
        return gpu_watch.LOST
    finally:
        shutil.rmtree(this.work, ignore_errors=True)
        if options.rehearse:
            sys.modules["stand_in"].ROUNDS = False  # type: ignore[attr-defined]
    _say(f"{'all agree' if this.ok else 'NOT ALL AGREE'}; results: {this.results.path}")
    return 0 if this.ok else 1


def _device(options: argparse.Namespace) -> Backend:
    if options.rehearse:
        sys.path.append(str(ROOT / "tests"))
        import stand_in

        stand_in.ROUNDS = True
        rehearsal: Backend = stand_in.stand_in_backend()
        return rehearsal
    return get_backend("cpu" if options.dry_run else "gpu")


def _bandwidth(this: Round) -> dict[str, float]:
    this.rates = bandwidth.measure(this.gpu, 2**22 if this.is_tiny else 2**31)
    _say("".join(f"{name} {rate / 1e9:,.0f} GB/s  " for name, rate in this.rates.items()))
    return this.rates


def _prepare(this: Round) -> dict[str, Any]:
    """Generate all sources and run the CPU's night that the steps start from.

    Meanwhile all kernels are compiled for the device, so that no step waits for that.
    """
    options = this.options
    config = all_sources(options.customers, options.data, is_tiny=this.is_tiny)
    this.config = config.model_copy(update={"output": str(this.work / "steps")})
    with ThreadPoolExecutor(1) as beside, compiled_ahead("cpu"):
        compiling = (
            None
            if this.is_tiny
            else beside.submit(compile_all, str(capability()), seconds=_COMPILE_SECONDS)
        )
        this.before = cpu_night(this.config)
    found: dict[str, Any] = {} if compiling is None else {"kernels": compiling.result()}
    failed_kernels = found.get("kernels", {}).get("errors", {})
    this.note(agrees=not failed_kernels)
    _say(f"before: the CPU's night is there; kernels: {failed_kernels or 'none failed'}")
    scored = [this.before.night.workspace.finished("score", b) for b in this.before.buckets]
    names = ("n_payments", "n_customers")
    return {**found, **{name: sum(one[name] for one in scored if one) for name in names}}


def _stages(this: Round) -> dict[str, Any]:
    night = _left(this).night
    core = CoreSteps(
        {
            "lake": night.lake,
            "bucket": _left(this).bucket,
            "day": night.as_of_day,
            "calendar": load_calendar(night.calendar),
        }
    )
    return this.steps("stages", core.all(), core.keep)


def _parts(this: Round) -> dict[str, Any]:
    return this.steps("parts", steps(_left(this)))


def _left(this: Round) -> Before:
    if this.before is None:
        msg = "the CPU's night failed, so no step has anything to start from"
        raise RuntimeError(msg)
    return this.before


def _preparation(this: Round) -> dict[str, Any]:
    found = prepare_parity(stand_in=this.options.rehearse)
    this.note(agrees=not found.get("differences"))
    said = found.get("skipped") or f"{found['n_cases']} cases, {found['differences'] or 'equal'}"
    _say(f"prepare: {said}")
    return found


def _night(this: Round) -> dict[str, Any]:
    if time.monotonic() > this.scale_from:
        return {"skipped": "no time left"}
    rows = night_parity(this.config, this.work, this.gpu)
    this.note(agrees=not rows["differences"] and not rows["update"]["differences"])
    for words, of in (("night", rows), ("update of it", rows["update"])):
        for name, found in of["differences"].items():
            _say(f"{words}: {name} DIFFERS: {json.dumps(found)}")
    for name, found in rows["of_groups"].items():
        _say(f"night: {name} follows from other clusters: {json.dumps(found)}")
    seconds = [rows[side]["seconds"] for side in ("cpu", "gpu")]
    _say(
        f"night: {seconds[0]:.2f} s cpu, {seconds[1]:.2f} s {this.gpu.name}; "
        f"{len(rows['equal'])} gold tables equal"
    )
    return rows


def _scale(this: Round) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    sizes = (this.options.payments, this.options.most_payments)
    with chosen(this.gpu):
        for row in grow(*sizes, this.options.data, this.gpu, this.deadline):
            found.append(row)
            this.content["parts"]["scale"] = found
            this.note(agrees="error" not in row.get("whole_night", {}))
            this.results.save()
            _say(
                f"scale: {row['n_payments']:,} payments made in {row['generate_seconds']:.1f} s, "
                f"rescored in {row['rescore_seconds']:.1f} s "
                f"({row['payments_per_second']:,.0f} payments/s; read {row['read_seconds']:.1f}, "
                f"write {row['write_seconds']:.1f} s)"
            )
    return found


PARTS: dict[str, Callable[[Round], Any]] = {
    "bandwidth": _bandwidth,
    "before": _prepare,
    "stages": _stages,
    "parts": _parts,
    "prepare": _preparation,
    "night": _night,
    "scale": _scale,
}


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry-run", action="store_true", help="the CPU on both sides, tiny")
    parser.add_argument("--rehearse", action="store_true", help="a stand-in for a GPU, tiny")
    parser.add_argument("--customers", type=int, help="with all sources, for parity (600)")
    parser.add_argument("--payments", type=int, help="of the first lake of the scale run (3e6)")
    parser.add_argument("--most-payments", type=int, help="of the last (1e9)")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="for everything (420)")
    parser.add_argument("--repeats", type=int, help="of each timed step, at most (5)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--data", type=Path, help="folder of generated payments and lakes")
    for internal in ("--watched", "--resume"):
        parser.add_argument(internal, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    tiny = options.dry_run or options.rehearse
    options.customers = options.customers or (40 if tiny else 600)
    options.payments = options.payments or (4_000 if tiny else 3_000_000)
    options.most_payments = options.most_payments or (4_000 if tiny else 1_000_000_000)
    options.repeats = options.repeats or (1 if tiny else 5)
    options.data = options.data or Path(tempfile.gettempdir()) / "qfb-gpu-round"
    options.data.mkdir(parents=True, exist_ok=True)
    return options


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _exit_code() -> int:
    """Run the round; return the exit code, also where a lost device ends this process."""
    try:
        return main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1


if __name__ == "__main__":
    code = _exit_code()
    sys.stdout.flush()
    if "--watched" in sys.argv:  # all is written; a lost device, and who waits for it, may hang
        os._exit(code)
    raise SystemExit(code)
