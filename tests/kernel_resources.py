"""Compile the registered kernels for an H100/H200 without a GPU, and say what they need.

``python tests/kernel_resources.py [module.kernel_gpu ...]`` brings what it is told of
``tests/kernel_resources.json`` up to date (nothing told: all of it): registers,
spilled bytes, stack and shared memory of every kernel on compute capability 9.0, as ptxas of
CUDA 13.0 counts them. The test that reads it lets no kernel get worse unseen.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace

COMPUTE_CAPABILITY = (9, 0)
REPORT = Path(__file__).with_suffix(".json")
PTXAS_WHEEL = "nvidia-cuda-nvcc"
_USAGE = {
    "registers": re.compile(r"Used (\d+) registers"),
    "stack_bytes": re.compile(r"(\d+) bytes stack frame"),
    "spill_store_bytes": re.compile(r"(\d+) bytes spill stores"),
    "spill_load_bytes": re.compile(r"(\d+) bytes spill loads"),
    "shared_bytes": re.compile(r"(\d+) bytes smem"),
}


def registered():
    """Return {"module.launcher": "signature"} of every kernel."""
    from qfb_kernels.registry import KERNELS

    return dict(KERNELS)


def load(name):
    """Return the launcher called ``module.launcher``."""
    module, _, launcher = name.rpartition(".")
    return getattr(importlib.import_module(f"qfb_kernels.{module}"), launcher)


@cache
def compile_ptx(name, signature):
    """Return the PTX of one kernel for compute capability 9.0; needs no driver."""
    from numba import cuda
    from numba.core import sigutils

    # A kernel that calls a device function asks for the current device; there may be none.
    dispatcher = sys.modules[type(load(name)).__module__]
    device = SimpleNamespace(compute_capability=COMPUTE_CAPABILITY)
    real, dispatcher.get_current_device = dispatcher.get_current_device, lambda: device
    try:
        arguments, _ = sigutils.normalize_signature(signature)
        ptx, _ = cuda.compile_ptx(
            load(name).py_func, arguments, device=False, cc=COMPUTE_CAPABILITY, abi="numba"
        )
    finally:
        dispatcher.get_current_device = real
    return ptx


def find_ptxas():
    """Return the path of ptxas in the dev environment's CUDA wheel, or None."""
    try:
        files = importlib.metadata.files(PTXAS_WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = [Path(str(file.locate())) for file in files if file.name == "ptxas"]
    return found[0] if found and found[0].exists() else None


def assemble(ptxas, ptx):
    """Assemble PTX to SASS and return what one thread (or block) of the kernel needs."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "kernel.ptx"), Path(folder, "kernel.cubin")
        source.write_text(ptx, encoding="utf-8")
        arch = "sm_{}{}".format(*COMPUTE_CAPABILITY)
        command = [ptxas, f"-arch={arch}", "-v", source, "-o", target]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not target.exists():
            msg = f"ptxas refused the kernel: {done.stderr}"
            raise RuntimeError(msg)
    found = {key: pattern.search(done.stderr) for key, pattern in _USAGE.items()}
    return {key: int(match.group(1)) if match else 0 for key, match in found.items()}


def measure(names):
    """Return {kernel: resources} of the kernels called ``names``."""
    ptxas = find_ptxas()
    if ptxas is None:
        msg = f"ptxas is missing; install the wheel {PTXAS_WHEEL} (env/dev-py*.txt has it)"
        raise RuntimeError(msg)
    types = registered()
    return {name: assemble(ptxas, compile_ptx(name, types[name])) for name in names}


def kept():
    """Return {kernel: resources} as last kept under version control."""
    return json.loads(REPORT.read_text(encoding="utf-8")) if REPORT.exists() else {}


def main(names):
    """Measure the kernels called ``names`` (none: all), keep them, print what changed."""
    before, all_names = kept(), registered()
    now = {name: before[name] for name in before if name in all_names}
    now.update(measure(names or sorted(all_names)))
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            sys.stdout.write(f"{name}: {before.get(name)} -> {now.get(name)}\n")
    REPORT.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
