"""Compile a night's kernels before it needs them, in processes beside it.

On a machine where nothing is compiled yet, one process after the other would come to the first
kernel, then to the second. Instead, helpers go through all kernels of a night, longest first, and
leave out what another process has in hand; who then needs a kernel reads it from Numba's cache.
Each helper compiles or ends; a mark beside the cache says that there is nothing left to do.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from qfb_gpu._backend import compiling

if TYPE_CHECKING:
    from collections.abc import Iterator

NIGHT = (
    "search.search", "spectra.spectra", "forecast.forecast", "settle.settle", "amounts.levels",
    "cycles.trips", "prices.prices", "features.partners", "streams.choose",
    "regularity.regularity", "members.number", "activity.series", "amounts.amount_lengths",
    "order_payments.order_payments", "expected.expected", "streams.answer", "members.place",
    "settle.recount", "activity.spectrum", "features.money", "features.counts",
    "features.currency", "intervals.gaps", "products.ends_of_three", "products.alike",
    "rayleigh.rayleigh", "features.windows", "boundaries.boundaries", "pay_cycles.pay_cycles",
    "distress.spread", "channels.shares", "neighbours.neighbours", "asked.asked",
    "links.triangles", "links.cores", "links.links", "links.components",
    "dealings.dealings", "unsteady.unsteady", "decimals.to_minor", "month_seasons.steady",
    "channels.sums", "weighed.weighed", "overlap.overlap", "closing.closes", "cycles.ranges",
    "month_seasons.sums", "cutoffs.seen", "cutoffs.least", "streams.reversals", "text.hash_text",
)  # fmt: skip
"""The kernels of a night from clean tables, by the seconds that they take to compile."""
_READ_ONLY = {
    "regularity.regularity": (3, 9), "text.hash_text": (0, 1), "asked.asked": (1, 2),
    "dealings.dealings": (0, 1, 2, 3, 4, 5, 6), "month_seasons.steady": (0,),
}  # fmt: skip
"""Arguments that are read-only where these kernels are called: to Numba another type."""
_HOST_ONLY = {
    "spectra.spectra": "void(int64[::1], int32[::1], int64[::1], int32[::1], int64[::1],"
    "int64[::1], int64, float32[::1], float32[::1], int64[::1], boolean, float32[:, ::1],"
    "float64[:, ::1], float64[::1], float64[::1])",
    "products.ends_of_three": "void(int64[::1], int64[::1], int32[::1], float64[::1], boolean[::1],"
    "int32[:, ::1], float64[:, ::1], int32[:, ::1], int32[:, ::1], float64[:, ::1],"
    "int32[:, ::1], float64[:, ::1], int32[:, ::1], int64[:, ::1], int64[::1], int64[:, ::1],"
    "int32[:, ::1], float64[:, ::1], int32[:, ::1])",
    "neighbours.neighbours": "void(float32[:, ::1], float32[:, ::1], float32[:, ::1],"
    "float32[:, :, ::1], int64[:, ::1], int64, float32[:, ::1], int64[:, ::1])",
    "distress.spread": "void(int64[::1], int32[::1], float64[::1], float64[::1], int64[::1],"
    "float64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], int32[:, ::1],"
    "int32[:, ::1], int64[::1], int32[:, ::1], int32[:, ::1], int8[:, ::1], int8[:, ::1],"
    "int8[:, ::1])",
    "links.triangles": "void(int64[::1], int32[::1], int64[::1], int32[::1], int64[::1])",
    "links.cores": "void(int64[::1], int32[::1], int32[::1], int64[::1], int32[::1], int32[::1])",
    "links.links": "void(int64[::1], int64[::1], int64[::1], int32[::1])",
    "links.components": "void(int64[::1], int64[::1], int32[::1])",
    "products.alike": "void(int64[::1], int32[::1], float64[::1], int64[::1], int32[::1],"
    "float64[::1], int32[:, ::1], float64[:, ::1], int32[:, ::1], int32[:, ::1], float64[:, ::1],"
    "int64[:, ::1], int64[::1], int32[:, ::1], float64[:, ::1])",
}
"""Signatures of kernels that no device has."""
_MOST = 6
"""Helpers at most: with more of them, the longest kernel alone would still take as long."""


@contextmanager
def beside() -> Iterator[None]:
    """Have helpers compile while the block runs, if anything is left to compile."""
    with helped(_mark(), __name__):
        yield


@contextmanager
def helped(mark: Path | None, module: str, *arguments: str) -> Iterator[None]:
    """Have helpers run a module while the block runs, if there is a mark left to make."""
    helpers = start(module, *arguments) if mark is not None else []
    try:
        yield
    finally:
        for helper in helpers:
            helper.terminate()
            helper.wait()


def load() -> None:
    """Read a night's kernels from Numba's cache, if all are there; start no thread."""
    if _mark() is not None:
        return
    for loop, types in ((_loop(name), signature(name)) for name in NIGHT):
        if loop.stats.cache_path is not None:
            loop.compile(types)


def start(
    module: str,
    *arguments: str,
    stdout: int = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
) -> list[subprocess.Popen[bytes]]:
    """Start helpers that run a module of this package: one a core, to a few."""
    from numba import config

    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": paths, "NUMBA_NUM_THREADS": "1"}
    helpers: list[subprocess.Popen[bytes]] = []
    command = [sys.executable, "-m", module, *arguments]
    with suppress(OSError):  # no memory or process for one: who needs a kernel compiles it
        while len(helpers) < min(int(config.NUMBA_NUM_THREADS), _MOST):
            one = subprocess.Popen(  # noqa: S603  this Python, this module
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
            helpers.append(one)
    return helpers


def _mark() -> Path | None:
    """Return the file that says that these kernels are compiled; None where it is there.

    None as well where nothing is kept on disk, or compiled, or locked.
    """
    from numba import __version__, config
    from numba.core.registry import cpu_target

    if config.DISABLE_JIT:
        return None
    made_of = (__version__, cpu_target.target_context.codegen().magic_tuple(), NIGHT)
    return mark_beside(_loop("text.hash_text"), made_of)


def mark_beside(kernel: Any, made_of: tuple[Any, ...]) -> Path | None:
    """Return the mark of kernels compiled from today's files; None where it is there.

    None as well where nothing is kept on disk, or locked.

    Parameters
    ----------
    kernel : compiled launcher
        One of them: the mark is beside its machine code.
    made_of : tuple
        What the machine code depends on besides Python and the kernels' files.
    """
    import qfb_kernels

    kernels: Any = qfb_kernels
    folder = kernel.stats.cache_path
    if folder is None or os.name != "posix" or not sys.executable:
        return None
    stamps = sorted(kernels._stamps(kernels.__spec__.loader).items())  # noqa: SLF001
    name = hashlib.sha256(repr((stamps, sys.version, made_of)).encode()).hexdigest()[:16]
    mark = Path(folder, compiling.LOCKS, name)
    return None if mark.exists() else mark


def _loop(name: str) -> Any:
    """Return what Numba compiles of a kernel's CPU launcher."""
    module, _, kernel = name.partition(".")
    launcher = getattr(import_module(f"qfb_kernels.{module}"), f"{kernel}_cpu")
    return getattr(launcher, "loop", launcher)


def signature(name: str) -> tuple[Any, ...]:
    """Return the types of the arguments of a kernel's CPU launcher in a night."""
    from numba import int64
    from numba.core.sigutils import normalize_signature

    from qfb_kernels.registry import KERNELS

    known = _HOST_ONLY.get(name) or KERNELS[f"{name}_gpu"]
    types = list(normalize_signature(known)[0])
    for place in _READ_ONLY.get(name, ()):
        types[place] = types[place].copy(readonly=True)
    rows = _loop(name).py_func.__code__.co_varnames[:2] == ("row_from", "row_to")
    return (int64, int64, *types) if rows else tuple(types)


def main() -> None:
    """Compile what no other process compiles; leave the mark."""
    mark = _mark()
    if mark is None:
        return
    for name in NIGHT:
        loop = _loop(name)
        with compiling.locked(loop, wait=False) as free:
            if free:
                loop.compile(signature(name))
    mark.touch()


if __name__ == "__main__":
    main()
