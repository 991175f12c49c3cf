"""One process compiles a kernel, the others wait and read it from Numba's cache.

Without that, workers that start together on a machine where nothing is compiled yet all compile
the same, and write the same files of the cache at the same time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

_LOCK = "compiling.lock"


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
