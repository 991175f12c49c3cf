"""Compile the kernels of a device beside the work, in processes that do not touch the device.

Numba's cache asks for no more of a device than its compute capability, and its compiler and linker
for nothing: so a helper that is told the capability needs no context, which would take some hundred
megabytes of the device and a second each. Helpers go through the kernels longest first and leave
what another process has in hand to the end. One that fails changes nothing: the kernel is then
compiled by who needs it.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from itertools import chain
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from qfb_gpu._backend import ahead, compiling
from qfb_gpu._backend.devices import complete_numpy, name_toolkit, versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SLOWEST = (
    "search.search_gpu", "forecast.forecast_gpu", "settle.settle_gpu", "days.parse_date_gpu",
    "ngrams.features_gpu", "amounts.levels_gpu", "activity.series_gpu", "streams.choose_gpu",
    "decimals.parse_decimal_gpu", "pay_cycles.pay_cycles_gpu", "cycles.trips_gpu",
)  # fmt: skip
"""The kernels that take longest to compile; search takes a third of the time of all."""
_MOST_SECONDS = 600
"""A helper that is not done by then ends, and lets go of the kernel that it holds."""


@contextmanager
def beside(capability: str | None) -> Iterator[None]:
    """Have helpers compile while the block runs, if anything is left to compile.

    Parameters
    ----------
    capability : str, optional
        Compute capability of the device, e.g. "9.0"; without one nothing is started.
    """
    mark = None if capability is None else _mark(capability)
    with ahead.helped(mark, __name__, str(capability)):
        yield


def in_order() -> list[str]:
    """Return the names of all kernels, those that take longest first."""
    return [*SLOWEST, *sorted(set(_registered()) - set(SLOWEST))]


def compile_rest(names: Sequence[str]) -> Iterator[tuple[str, float, str]]:
    """Compile what no other process has in hand, then wait for the rest, as it may have ended.

    Yields kernel, seconds, and why it failed or "".
    """
    in_hand: list[str] = []
    for name, wait in chain(((n, False) for n in names), ((n, True) for n in in_hand)):
        start, error = time.perf_counter(), ""
        try:
            kernel = compiling.kept(_launcher(name))
            if not _compile(kernel, _registered()[name], wait=wait):
                in_hand.append(name)
                continue
        except Exception as raised:  # noqa: BLE001  the others are worth having
            error = repr(raised)
        yield name, time.perf_counter() - start, error


def _compile(kernel: Any, signature: str, *, wait: bool) -> bool:
    """Compile a kernel for the types it is called with, or read it; return whether it was free."""
    from numba.core.sigutils import normalize_signature

    types = normalize_signature(signature)[0]
    if kernel.stats.cache_path is None:
        kernel.compile(types)
        return True
    with compiling.locked(kernel, wait=wait) as free:
        if free:
            kernel.compile(types)
        return free


def _registered() -> dict[str, str]:
    from qfb_kernels.registry import KERNELS

    return KERNELS


def _launcher(name: str) -> Any:
    module, _, launcher = name.rpartition(".")
    return getattr(import_module(f"qfb_kernels.{module}"), launcher)


def _mark(capability: str) -> Path | None:
    """Return the file that says that all is compiled for such a device; None where it is there.

    None as well where nothing is kept on disk, or compiled, or locked.
    """
    from numba import config
    from numba.cuda.cudadrv import runtime

    if config.ENABLE_CUDASIM or config.DISABLE_JIT:
        return None
    of_numba = (*versions(("numba", "numba-cuda")).values(), runtime.get_version())
    made_of = (of_numba, capability, sorted(_registered().items()))
    return ahead.mark_beside(compiling.kept(_launcher("groups.relations_gpu")), made_of)


def without_context(capability: str, *, links: bool | None = None) -> None:
    """Let Numba compile in this process for some device, and ask none what it is.

    Where there is no nvJitLink, a kernel is linked by the driver, which wants a context: then
    Numba is left as it is, and takes one. ``links`` says so instead of looking.
    """
    from numba.cuda import codegen, dispatcher
    from numba.cuda.cudadrv import driver

    if not (driver._have_nvjitlink() if links is None else links):  # noqa: SLF001  as Numba does
        return
    major, _, minor = capability.partition(".")
    device = SimpleNamespace(compute_capability=(int(major), int(minor)), id=0)
    dispatcher.get_current_device = lambda: device
    codegen.devices = SimpleNamespace(get_context=lambda: SimpleNamespace(device=device))
    # Numba loads a kernel to have its machine code before it is kept on disk
    dispatcher._Kernel.bind = lambda kernel: kernel.library.get_cubin()  # noqa: SLF001


def main(arguments: Sequence[str]) -> int:
    """Compile for a capability all kernels, or some; print a line of JSON for each."""
    capability, *names = arguments
    if hasattr(signal, "alarm"):
        signal.alarm(_MOST_SECONDS)
    complete_numpy()
    name_toolkit()
    without_context(capability)
    mark, failed = _mark(capability), False
    for name, seconds, error in compile_rest(names or in_order()):
        failed |= bool(error)
        sys.stdout.write(json.dumps([name, seconds, error]) + "\n")
        sys.stdout.flush()
    if mark is not None and not names and not failed:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
