"""A lake made on the device, then rescored: how far one device with one disk goes.

    python benchmarks/scale_night.py --payments 1e7 --device cpu      once, as JSON on the screen
    python benchmarks/scale_night.py --payments 1e9 --device gpu --data DIR
    python benchmarks/scale_night.py --payments 1e9 --night          the whole night from nothing

Rescoring is what the night does for every payment: read each bucket, find its streams, features
and edges, run every part's ``score``, save, then control false discoveries over all streams. With
``--whole`` the night then goes on to its last table by ``pipeline.run``, its streams carried over.
With ``--night`` nothing is rescored first, and the night has its report and its MLflow run. Without
either what only the global fits and the tables need is deleted bucket by bucket, so the disk holds
the lake and little more; the JSON says which tables were left out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
from device_clock import peak_memory, wall
from device_lake import AS_OF, PAYMENTS_A_CUSTOMER, SEED, Made, lake_config, make_lake
from device_payments import KINDS, Bank, customers_by_bucket, payments_of, relations_of
from gpu_nights import without_reports

from qfb_gpu import pipeline, tasks
from qfb_gpu.backend import get_backend
from qfb_gpu.cluster import buckets_at_once, compiled_ahead, run_buckets
from qfb_gpu.lake import carry, gold, silver
from qfb_gpu.parts import decided
from qfb_gpu.schema import CADENCES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config
    from qfb_gpu.lake.work import Workspace

READ, WRITE = ("read",), ("save",)
_KEPT = ("streams.arrow", "relations.arrow", "features.arrow")
"""What ``decide`` reads of a bucket."""
_FEWEST = 6
"""Payments from which a relation may be found regular."""
_STEP = 10
_SPARE_DISK = 4 * 2**30
_DISK_A_PAYMENT, _WHOLE_DISK_A_PAYMENT = 40, 68
"""Bytes: the lake, what is carried and what ``decide`` reads (37 seen); a whole night (62 seen)."""


def rescored(
    n_payments: int,
    folder: Path,
    backend: Backend,
    *,
    n_buckets: int | None,
    whole: bool,
    workers: int | str = "auto",
    in_turn: bool = False,
) -> dict[str, Any]:
    """Make a lake of about ``n_payments``, rescore it, delete it; return what was measured.

    ``in_turn``: before that, rescore it one bucket after the other, where a device has several
    under way and the lake as many buckets.
    """
    bank = bank_of(n_payments, backend, n_buckets)
    config = lake_config(folder, bank.n_buckets, device=backend.name, workers=workers)
    try:
        with peak_memory(backend, threads=True) as peak:
            made = _made(bank, config, backend)
            at_once = buckets_at_once(backend.name)
            in_turn = in_turn and 1 < at_once <= bank.n_buckets
            before = _in_turn(made, bank, backend) if in_turn else {}
            row = {**_about(bank, made), **before, **_rescore(made, bank, backend)}
            if whole:
                row["whole_night"] = _told(made, backend)
        row["buckets_at_once"] = at_once
        row["left_out"] = "" if whole else _LEFT_OUT
        row["peak_device_bytes"] = peak[0] if peak else None
        row["peak_rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return row
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_LEFT_OUT = "fit and publish: the network, groups, models of all customers, and every gold table"


def grow(
    n_payments: int, most_payments: int, data: Path, backend: Backend, deadline: float
) -> Iterator[dict[str, Any]]:
    """Yield ever larger lakes rescored, while the next fits the time and the disk.

    The first goes on to the whole night, so that fits and tables are timed, too. The first that has
    buckets enough is rescored one by one as well.
    """
    first, in_turn = n_payments, True
    while n_payments <= most_payments:
        start = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix="scale-", dir=data))
        is_first = n_payments == first
        row = rescored(n_payments, folder, backend, n_buckets=None, whole=is_first, in_turn=in_turn)
        yield row
        once = row.get("rescore_seconds_in_turn", 0.0)
        in_turn = in_turn and not once
        once += row.get("whole_night", {}).get("seconds", 0.0)
        took = time.monotonic() - start - once
        used = row["lake_bytes"] + row["work_bytes"]
        free = shutil.disk_usage(data).free - _SPARE_DISK
        now = time.monotonic()
        step = min(_STEP, (deadline - now) / took, free / used, most_payments / n_payments)
        if step < 2:
            return
        n_payments = int(n_payments * step * (1.0 if step == _STEP else 0.8))


def disk_for(n_payments: int, data: Path, *, whole: bool) -> str:
    """Return why the disk does not hold so many payments, and how many it does; else nothing."""
    each = _WHOLE_DISK_A_PAYMENT if whole else _DISK_A_PAYMENT
    free = shutil.disk_usage(data).free - _SPARE_DISK
    if n_payments * each <= free:
        return ""
    most = max(free, 0) // each
    return (
        f"{n_payments:_} payments need {n_payments * each / 1e9:.0f} GB in {data}, of which "
        f"{max(free, 0) / 1e9:.0f} GB may be used; take another folder (--data), or at most "
        f"--payments {most:_}"
    )


def bank_of(n_payments: int, backend: Backend, n_buckets: int | None) -> Bank:
    """Return the bank of about so many payments; its buckets are of the device's size."""
    wanted = max(1, -(-n_payments // backend.payments_a_bucket()))
    n_buckets = n_buckets or 1 << (wanted - 1).bit_length()
    return Bank(max(1, n_payments // PAYMENTS_A_CUSTOMER), SEED, n_buckets, AS_OF)


def _made(bank: Bank, config: Config, backend: Backend) -> Made:
    made = make_lake(bank, config, backend)
    _say(
        f"{made.n_payments:,} payments in {bank.n_buckets:,} buckets made in {made.seconds:,.1f} s"
    )
    return made


def _say(text: str) -> None:
    """Tell how far it is: what is stopped before its end has said that much."""
    sys.stderr.write(f"scale_night: {text}\n")
    sys.stderr.flush()


def _about(bank: Bank, made: Made) -> dict[str, Any]:
    return {
        "n_payments": made.n_payments,
        "n_customers": bank.n_customers,
        "n_buckets": bank.n_buckets,
        "generate_seconds": made.seconds,
        "lake_bytes": made.n_bytes,
    }


def _in_turn(made: Made, bank: Bank, backend: Backend) -> dict[str, float]:
    """Rescore with one bucket under way at a time, and leave nothing of it."""
    with mock.patch.dict(os.environ, {"QFB_DEVICE_THREADS": "1"}):
        seconds = _rescore(made, bank, backend)["rescore_seconds"]
    shutil.rmtree(carry.folder(made.config.output_dir / "lake"))
    return {"rescore_seconds_in_turn": seconds}


def _rescore(made: Made, bank: Bank, backend: Backend) -> dict[str, Any]:
    config = made.config
    night = tasks.Night.of(config, backend.name, "scale")
    buckets = silver.buckets(night.lake)
    steps: dict[str, float] = {}
    most_work = all_work = 0
    start, tenth = time.perf_counter(), -(-len(buckets) // 10)
    with wall(backend) as score:
        done = run_buckets(
            tasks.score_bucket, night, buckets, backend_name=backend.name, workers=config.workers
        )
        for n, (bucket, summary) in enumerate(done, 1):
            for step, seconds in summary["seconds"].items():
                steps[step] = steps.get(step, 0.0) + seconds
            all_work += _lighten(night.workspace.folder("score", bucket))
            most_work += sum(f.stat().st_size for f in _files(night.workspace, bucket))
            if n % tenth == 0:
                took = time.perf_counter() - start
                _say(f"{n:,} of {len(buckets):,} buckets scored after {took:,.1f} s")
    with wall(backend) as decide:
        n_streams = pipeline.decide(night, buckets, backend)
    rate = made.n_payments / (score[0] + decide[0])
    _say(f"rescored in {score[0] + decide[0]:,.1f} s, {rate:,.0f} payments/s")
    found = _found(bank, night, buckets[0], backend)
    carried = sum(file.stat().st_size for file in carry.folder(night.lake).glob("*"))
    night.workspace.remove()
    return {
        "rescore_seconds": score[0] + decide[0],
        "score_seconds": score[0],
        "decide_seconds": decide[0],
        "payments_per_second": rate,
        "steps": steps,
        "read_seconds": sum(steps[name] for name in READ),
        "write_seconds": sum(steps[name] for name in WRITE),
        "n_streams": n_streams,
        "carried_bytes": carried,
        "work_bytes": most_work + carried,
        "all_work_bytes": all_work + most_work + carried,
        "found": found,
    }


def _files(workspace: Workspace, bucket: int) -> Iterator[Path]:
    return workspace.folder("score", bucket).glob("*")


def _lighten(folder: Path) -> int:
    """Delete what only fits and tables need of a bucket; return how many bytes that were."""
    gone = [file for file in folder.glob("*") if file.name not in _KEPT]
    n_bytes = sum(file.stat().st_size for file in gone)
    for file in gone:
        file.unlink()
    return n_bytes


def _found(bank: Bank, night: tasks.Night, bucket: int, backend: Backend) -> dict[str, float]:
    """Say how many relations of a bucket were found for what they are, by how they were drawn."""
    customers, starts = customers_by_bucket(bank, backend)
    own = customers[starts[bucket] : starts[bucket + 1]].astype(np.int64)
    relations = relations_of(bank, backend.asarray(own), backend)
    drawn = payments_of(bank, relations, backend)
    kind = backend.to_host(relations["kind"])
    count = np.bincount(backend.to_host(drawn["relation"]), minlength=kind.size)
    kind, count = kind[count > 0], count[count > 0]
    streams = decided.streams(night.workspace, bucket, night.settings)
    regular, said = np.zeros(kind.size, bool), np.full(kind.size, -1)
    own = np.flatnonzero(streams["is_regular"])
    regular[streams["relation"][own]] = True
    said[streams["relation"][own]] = streams["cadence"].codes[own]
    labels = streams["cadence"].labels
    enough = count >= _FEWEST
    is_random = kind == KINDS.index("irregular")
    right = np.array([labels.index(name) if name in CADENCES else -1 for name in KINDS])[kind]
    true = ~is_random & enough
    return {
        "n_regular": int(true.sum()),
        "found": float(regular[true].mean()),
        "cadence_right": float((said == right)[true & regular].mean()),
        "random_called_regular": float(regular[is_random & enough].mean()),
    }


def _told(made: Made, backend: Backend) -> dict[str, Any]:
    """Run the night on a lake that was rescored; a failure is told, the rescoring stays."""
    try:
        return _whole_night(made, backend)
    except Exception as error:  # noqa: BLE001  what was measured before is worth having
        return {"error": repr(error), "traceback": traceback.format_exc()}


def _whole_night(made: Made, backend: Backend) -> dict[str, Any]:
    """Run the night as a user does, but for the report and MLflow's store."""
    with without_reports():
        return _night(made, backend)


def night(
    n_payments: int, folder: Path, backend: Backend, *, n_buckets: int | None, workers: int | str
) -> dict[str, Any]:
    """Make a lake, run a user's whole night on it, delete both; return what was measured."""
    bank = bank_of(n_payments, backend, n_buckets)
    config = lake_config(folder, bank.n_buckets, device=backend.name, workers=workers)
    try:
        made = _made(bank, config, backend)
        return {**_about(bank, made), "whole_night": _night(made, backend)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _night(made: Made, backend: Backend) -> dict[str, Any]:
    alone = {} if find_spec("distributed") else {"workers": 1}  # no Dask, no processes
    config = made.config.model_copy(update=alone)
    with wall(backend) as seconds:
        done = pipeline.run(config)
    output = config.output_dir
    tables = {name: _bytes_of(output / name) for name in gold.tables(output)}
    return {
        "seconds": seconds[0],
        "stages": done.stages,
        "counts": done.counts,
        "gold_bytes": tables,
    }


def _bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def _all_processes() -> AbstractContextManager[Any]:
    """Watch the memory of this process and its workers, where psutil is there."""
    if find_spec("psutil") is None:
        return nullcontext()
    from process_tree import watched

    return watched(os.getpid())


def main(arguments: list[str] | None = None) -> int:
    """Make one lake, rescore it, print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--payments", type=float, default=1e6)
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--n-buckets", type=int, help="a million or four million payments each")
    parser.add_argument("--workers", type=int, help="processes (1) or devices (all)")
    parser.add_argument("--whole", action="store_true", help="go on to the last gold table")
    parser.add_argument("--night", action="store_true", help="the whole night from nothing")
    parser.add_argument("--data", type=Path, help="folder of the lake while it is there")
    options = parser.parse_args(arguments)
    data = options.data or Path(tempfile.gettempdir())
    data.mkdir(parents=True, exist_ok=True)
    if lacking := disk_for(int(options.payments), data, whole=options.whole or options.night):
        sys.stderr.write(f"scale_night: {lacking}\n")
        return 2
    backend = get_backend(options.device)
    folder = Path(tempfile.mkdtemp(prefix="scale-", dir=data))
    how: dict[str, Any] = {
        "n_buckets": options.n_buckets,
        "workers": options.workers or ("auto" if backend.name == "gpu" else 1),
    }
    with compiled_ahead(backend.name), _all_processes() as watch:
        if options.night:
            row = night(int(options.payments), folder, backend, **how)
        else:
            row = rescored(int(options.payments), folder, backend, whole=options.whole, **how)
    row["peak_rss_all_processes"] = watch.peak_bytes if watch else None
    sys.stdout.write(json.dumps({"device": backend.device, **row}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
