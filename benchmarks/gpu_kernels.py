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
import tempfile
import time
from typing import IO, Any

from qfb_gpu._backend import ahead, device_ahead
from qfb_gpu._backend.devices import capability

_MODULE = device_ahead.__name__
_MOST_SECONDS = 600.0
_LAST_BYTES = 2_000
"""Of what processes said before they ended, with kernels left: enough for a reason."""


def compile_all(of: str, *names: str, seconds: float = _MOST_SECONDS) -> dict[str, Any]:
    """Compile every registered kernel, or some; return seconds, and what failed, by kernel.

    Parameters
    ----------
    of : str
        Compute capability of the device, e.g. "9.0".
    seconds : float
        Processes that are not done by then are ended; others compile what these had in hand.

    Returns
    -------
    dict
        ``n_processes``; ``seconds`` by kernel; ``errors`` by kernel.
    """
    end = time.monotonic() + seconds
    took: dict[str, float] = {}
    errors: dict[str, str] = {}
    with tempfile.TemporaryFile() as complaints:
        started = ahead.start(_MODULE, of, *names, stdout=subprocess.PIPE, stderr=complaints)
        for process in started:
            for line in _said(process, end).decode().splitlines():
                name, kernel_took, error = json.loads(line)
                took[name] = max(kernel_took, took.get(name, 0.0))
                if error:
                    errors[name] = error
        reason = _last(complaints)
    for name in set(names or device_ahead.in_order()) - set(took):
        codes = [process.returncode for process in started]
        errors[name] = f"no process compiled it; they ended with {codes}: {reason}"
    return {"n_processes": len(started), "seconds": took, "errors": errors}


def _said(process: subprocess.Popen[bytes], end: float) -> bytes:
    """Return what a process wrote, in whole lines; end one that is not done in time."""
    try:
        said, _ = process.communicate(timeout=max(end - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
    return said[: said.rfind(b"\n") + 1]


def _last(complaints: IO[bytes]) -> str:
    """Return the end of what processes complained of."""
    size = complaints.seek(0, 2)
    complaints.seek(max(size - _LAST_BYTES, 0))
    return complaints.read().decode(errors="replace").strip()


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
