"""Kernels are compiled once: one process does it, others and later ones read Numba's cache.

Without that, workers that start together on a machine where nothing is compiled yet all compile
the same, and write the same files of the cache at the same time. And a process on a GPU would
compile all its kernels anew, which takes a minute.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

_LOCK = "compiling.lock"

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
"""Read when the first kernel starts its threads. One that waits for work leaves its core to others:
to what reads the next bucket meanwhile, to the worker beside it. Spinning took most of the time."""


def call(launcher: Any, arguments: tuple[Any, ...]) -> None:
    """Call a kernel's CPU launcher; the first call of this process has its cache for itself."""
    compiled = getattr(launcher, "overloads", True)  # a plain function has nothing to compile
    folder = None if compiled else launcher.stats.cache_path
    if folder is None:
        launcher(*arguments)
        return
    try:
        import fcntl
    except ImportError:  # not on Windows
        launcher(*arguments)
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    with Path(folder, _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed, or its process dies
        launcher(*arguments)


def kept(kernel: Any) -> Any:
    """Return a CUDA kernel whose machine code is read from Numba's cache on disk, or goes there.

    Where no folder can be written, or ``QFB_CUDA_CACHE`` is 0, it is compiled by every process.
    """
    keep = getattr(kernel, "enable_caching", None)
    if keep is None or os.environ.get("QFB_CUDA_CACHE") == "0":
        return kernel
    if not hasattr(kernel._cache, "cache_path") or kernel._cache.cache_path is None:  # noqa: SLF001
        _watch_imports()
        with suppress(RuntimeError):  # no folder for it
            keep()
    return kernel


@cache
def _watch_imports() -> None:
    """Let what a kernel's file imports count for its place in the cache, as on the host."""
    from numba.cuda.core import caching

    import qfb_kernels

    kernels: Any = qfb_kernels
    stamps = kernels._stamps(kernels.__spec__.loader)  # noqa: SLF001
    for name in ("_InTreeCacheLocator", "_UserProvidedCacheLocator", "_UserWideCacheLocator"):
        locator = getattr(caching, name)
        watched = kernels._stamp_with_files(locator.get_source_stamp, stamps)  # noqa: SLF001
        locator.get_source_stamp = watched
