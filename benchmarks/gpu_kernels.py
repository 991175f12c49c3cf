"""Compile all kernels for a device side by side, into Numba's cache.

    python benchmarks/gpu_kernels.py            for this machine's device
    python benchmarks/gpu_kernels.py 9.0        for a device of that capability; needs none

A night does so by itself beside its ingest (``qfb_gpu/_backend/device_ahead.py``); this says what
each kernel took and which fail. The second form is for an image that is made where there is no GPU.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from qfb_gpu._backend import ahead, device_ahead
from qfb_gpu._backend.devices import capability

_MODULE = device_ahead.__name__


def compile_all(of: str, *names: str) -> dict[str, Any]:
    """Compile every registered kernel, or some; return seconds, and what failed, by kernel.

    Parameters
    ----------
    of : str
        Compute capability of the device, e.g. "9.0".

    Returns
    -------
    dict
        ``n_processes``; ``seconds`` by kernel; ``errors`` by kernel.
    """
    started = ahead.start(_MODULE, of, *names, stdout=subprocess.PIPE)
    seconds: dict[str, float] = {}
    errors: dict[str, str] = {}
    for process in started:
        said, _ = process.communicate()
        for line in said.decode().splitlines():
            name, took, error = json.loads(line)
            seconds[name] = max(took, seconds.get(name, 0.0))
            if error:
                errors[name] = error
    for name in set(names or device_ahead.in_order()) - set(seconds):
        errors[name] = f"no process compiled it; they ended with {[p.returncode for p in started]}"
    return {"n_processes": len(started), "seconds": seconds, "errors": errors}


def main(arguments: list[str]) -> int:
    """Compile all kernels and print what each took; return 1 if any failed, 2 without a device."""
    of = arguments[0] if arguments else capability()
    if of is None:
        sys.stderr.write("gpu_kernels: no CUDA device here; name its capability, such as 9.0\n")
        return 2
    found = compile_all(of)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return int(bool(found["errors"]))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
