"""Compile all kernels for the device side by side, into Numba's cache.

    python benchmarks/gpu_kernels.py                all, before the first tests, round or night
    python benchmarks/gpu_kernels.py KERNEL ...     these, in this process

One process compiles one kernel at a time; on a machine of many cores, many do it sooner.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from typing import Any

from qfb_gpu._backend import compiling
from qfb_gpu._backend.devices import n_threads
from qfb_kernels.registry import KERNELS

_MOST = 8
"""Processes at most; each has a context on the device, some hundred megabytes."""
_SLOWEST = (
    "search.search_gpu", "streams.choose_gpu", "forecast.forecast_gpu", "days.parse_date_gpu",
    "activity.series_gpu", "amounts.levels_gpu", "streams.answer_gpu", "settle.settle_gpu",
)  # fmt: skip


def compile_all() -> dict[str, Any]:
    """Compile every registered kernel; return seconds, and what failed, by kernel.

    Returns
    -------
    dict
        ``n_processes``; ``seconds`` by kernel; ``errors`` by kernel.
    """
    names = [*_SLOWEST, *sorted(set(KERNELS) - set(_SLOWEST))]
    n = max(1, min(n_threads(), _MOST))
    started = [
        subprocess.Popen(
            [sys.executable, __file__, *names[i::n]], stdout=subprocess.PIPE, text=True
        )
        for i in range(n)
    ]
    seconds: dict[str, float] = {}
    errors: dict[str, str] = {}
    for i, process in enumerate(started):
        said, _ = process.communicate()
        for line in said.splitlines():
            name, took, error = json.loads(line)
            seconds[name] = took
            if error:
                errors[name] = error
        for name in names[i::n]:
            if name not in seconds:
                errors[name] = f"its process ended with {process.returncode}"
    return {"n_processes": n, "seconds": seconds, "errors": errors}


def _compile(name: str) -> None:
    """Compile one kernel for the types that it is called with."""
    from numba.core import sigutils

    module, _, launcher = name.rpartition(".")
    kernel = getattr(importlib.import_module(f"qfb_kernels.{module}"), launcher)
    compiling.kept(kernel).compile(sigutils.normalize_signature(KERNELS[name])[0])


def main(names: list[str]) -> int:
    """Compile all kernels, or some and print a line of JSON for each; return 1 if any failed."""
    if not names:
        found = compile_all()
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return int(bool(found["errors"]))
    failed = False
    for name in names:
        start, error = time.perf_counter(), ""
        try:
            _compile(name)
        except Exception as raised:  # noqa: BLE001  the others are worth having
            error, failed = repr(raised), True
        sys.stdout.write(json.dumps([name, time.perf_counter() - start, error]) + "\n")
        sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
