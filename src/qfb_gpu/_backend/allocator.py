"""One heap for all arrays, which keeps the memory of those that went.

Every step over a bucket makes arrays of some megabytes and lets them go. glibc has a heap a
thread, and Arrow one of its own; each gives memory back to the system, which clears the pages of
the next array: up to a third of an ingest's CPU seconds. Out of one heap that keeps what it has,
arrays get the pages of those before them, and fewer are in use at the peak.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

import pyarrow as pa

from qfb_gpu._backend.devices import n_threads

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""``M_TRIM_THRESHOLD``, ``M_MMAP_THRESHOLD`` and ``M_ARENA_MAX`` of ``malloc.h``."""
_KEPT_BYTES = 1 << 28
_LARGE_BYTES = 1 << 25
"""The largest threshold that glibc takes; what is larger goes back at once."""
_FEW_THREADS = 8
"""As many share one heap, and its lock; measured with two. More keep heaps of their own."""
_TUNABLES = "GLIBC_TUNABLES"
_OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", _TUNABLES)
LARGE_PAGES = {_TUNABLES: "glibc.malloc.hugetlb=1"}
"""Variables of a process, read when it starts, that lets the heap have pages of 2 MiB.

A graph of gigabytes is read at random, where a processor finds few of its pages of 4 KiB at once.
Linux gives them as far as it has such, in its mode ``madvise``; else this changes nothing.
"""


def large_pages() -> dict[str, str]:
    """Return :data:`LARGE_PAGES` for a process to start with; none where the user set it."""
    is_own = os.environ.get(_TUNABLES, "") not in ("", LARGE_PAGES[_TUNABLES])
    return {} if is_own else dict(LARGE_PAGES)


@cache
def keep_freed_memory() -> bool:
    """Let this process use memory again that arrays gave back; return whether it does.

    For good, and for threads that start from now on. Nothing is done where the C library has no
    ``mallopt``, or where the environment says how much it is to keep.

    References
    ----------
    mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html.
    """
    told = {name for name in _OWN if os.environ.get(name, "") not in ("", LARGE_PAGES.get(name))}
    if not sys.platform.startswith("linux") or told:
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {_MMAP_THRESHOLD: _LARGE_BYTES, _TRIM_THRESHOLD: _KEPT_BYTES}
    if n_threads() <= _FEW_THREADS:
        settings[_ARENA_MAX] = 1
        if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ:
            pa.set_memory_pool(pa.system_memory_pool())
    return min(mallopt(name, value) for name, value in settings.items()) == 1


def give_freed_memory_back() -> None:
    """Give the system what :func:`keep_freed_memory` kept, for other processes to use.

    A tenth of a second for half a gigabyte. Nothing is done where the C library has no
    ``malloc_trim``.

    References
    ----------
    malloc_trim(3), https://man7.org/linux/man-pages/man3/malloc_trim.3.html.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
