"""Kernels are compiled once: one process does it, others and later ones read Numba's cache.

Without that, workers that start together on a machine where nothing is compiled yet all compile
the same, and write the same files of the cache at the same time. A kernel has a lock of its own,
so processes may compile different ones side by side. And a process on a GPU would compile all its
kernels anew, which takes a minute.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import ThreadPoolExecutor

LOCKS = "compiling"
"""The folder of the locks, in that of Numba's cache."""
_PARTS = 8
"""Parts of the rows a thread: rows differ in work, so whoever is done early takes another."""

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
"""For libraries with threads of OpenMP, such as scikit-learn. One that waits for work leaves its
core to others: to what reads the next bucket meanwhile, to the worker beside it."""


def call(launcher: Any, arguments: tuple[Any, ...]) -> None:
    """Call a kernel's CPU launcher; where it goes over rows, on all threads of this process."""
    loop = getattr(launcher, "loop", None)
    if loop is None:
        with _first_call(launcher):
            launcher(*arguments)
        return
    if not getattr(loop, "overloads", True):
        with _first_call(loop):
            loop(0, 0, *arguments)
    _on_threads(loop, launcher.n_rows(*arguments), arguments)


def launch(kernel: Any, n_blocks: int, n_threads: int, arguments: tuple[Any, ...]) -> None:
    """Launch a CUDA kernel, whose first call is one process's at a time, as on the host."""
    kernel = kept(kernel)
    if getattr(kernel, "overloads", True):
        kernel[n_blocks, n_threads](*arguments)
        return
    with _first_call(kernel):
        kernel[n_blocks, n_threads](*arguments)


def _on_threads(loop: Any, n_rows: int, arguments: tuple[Any, ...]) -> None:
    """Do all rows: each thread takes the next part of them until there is none."""
    from numba import config

    n_threads = min(int(config.NUMBA_NUM_THREADS), n_rows)
    if n_threads <= 1:
        loop(0, n_rows, *arguments)
        return
    size = -(-n_rows // (n_threads * _PARTS))
    parts = iter(range(0, n_rows, size))  # each next() is one step under Python's lock

    def work() -> None:
        """Take the next part until there is none."""
        for start in parts:
            loop(start, min(start + size, n_rows), *arguments)

    helpers = [_threads(os.getpid()).submit(work) for _ in range(n_threads - 1)]
    try:
        work()
    finally:
        for helper in helpers:
            if not helper.cancel():  # one that has not begun by now has nothing left to do
                helper.result()


@cache
def _threads(_process: int) -> ThreadPoolExecutor:
    """Return the threads that help this process; a forked one has none of its parent's."""
    from concurrent.futures import ThreadPoolExecutor

    from numba import config

    return ThreadPoolExecutor(max(1, int(config.NUMBA_NUM_THREADS) - 1), "qfb-rows")


@contextmanager
def _first_call(launcher: Any) -> Iterator[None]:
    """Let one process at a time make its first call of a kernel."""
    if getattr(launcher, "overloads", True) or launcher.stats.cache_path is None:
        yield  # compiled, or a plain function, or nothing is kept on disk
        return
    with locked(launcher):
        yield


@contextmanager
def locked(launcher: Any, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a kernel; without ``wait``, give whether it was free."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield True
        return
    body = launcher.py_func
    path = Path(launcher.stats.cache_path, LOCKS, f"{body.__module__}.{body.__name__}")
    with ExitStack() as stack:  # given back when the file is closed, or its process dies
        is_free = True
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(path.open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            is_free = False
        except OSError:  # a full disk, or one that locks no files: several may compile it
            pass
        yield is_free


def kept(kernel: Any) -> Any:
    """Return a CUDA kernel whose machine code is read from Numba's cache on disk, or goes there.

    Where no folder can be written, or ``QFB_CUDA_CACHE`` is 0, it is compiled by every process.

    Where nvJitLink is installed, Numba would have it optimise a kernel while linking, and there a
    product and a sum become one operation after all (``qfb_kernels/twin.py``): it only links.
    """
    keep = getattr(kernel, "enable_caching", None)
    if keep is not None:  # not in the simulator
        kernel.targetoptions["lto"] = False
    if keep is None or os.environ.get("QFB_CUDA_CACHE") == "0":
        return kernel
    if not hasattr(kernel._cache, "cache_path") or kernel._cache.cache_path is None:  # noqa: SLF001
        with _WATCHING:
            _watch_imports()
        with suppress(RuntimeError):  # no folder for it
            keep()
    return kernel


_WATCHING = Lock()
"""Threads that come to their first kernel together would each wrap what the others wrapped."""


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
