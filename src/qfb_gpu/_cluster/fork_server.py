"""A process that imports the engine once, for workers that are forked from it.

A worker that is spawned takes seconds to import what it needs. Here one process does so, beside
whatever the main process does until it wants workers, and each worker is a copy of it that shares
its memory. It is a Python started afresh, not a copy of the main process: it has no threads, locks
or device of that. It starts none that a fork would hurt, so copies of it are sound (jemalloc and
OpenBLAS, which libraries bring, stop their own before a fork).

Python has one such server a process (:mod:`multiprocessing.forkserver`). One that somebody else
started is left alone, and workers are then spawned, as they are where there is no Linux.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Method = Literal["forkserver", "spawn"]


@dataclass(slots=True)
class _Started:
    """The server that was started here, by its process and what threads it was told to use."""

    pid: int | None = None
    environment: dict[str, str] | None = None


_started = _Started()


def start(environment: Mapping[str, str], modules: Sequence[str]) -> Method:
    """Start the server, unless it runs, and return how workers are to be started.

    Returns at once, while it imports.

    Parameters
    ----------
    environment : mapping of str to str
        Variables that libraries read while they are imported: how many threads they take. A server
        that was started with others is stopped first; it has to be without workers then.
    modules : sequence of str
        What it imports, of which none may start a thread. One that cannot be imported is left to
        the workers.
    """
    server = _server()
    if server is None:
        return "spawn"
    there = server._forkserver_pid  # noqa: SLF001  Python has no other way to ask
    if there is not None and there != _started.pid:
        return "spawn"
    if there is not None and _started.environment == dict(environment):
        return "forkserver"
    stop()
    server.set_forkserver_preload(list(modules))
    paths = os.pathsep.join(path for path in sys.path if path)
    with _environment({**environment, "PYTHONPATH": paths}), _deaf():
        try:
            server.ensure_running()
        except OSError:  # no memory, no file descriptors: spawning may still do
            return "spawn"
    _started.pid, _started.environment = server._forkserver_pid, dict(environment)  # noqa: SLF001
    return "forkserver"


def stop() -> None:
    """Stop the server that was started here, if it runs; workers that are left do not matter."""
    server = _server()
    pid, _started.pid = _started.pid, None
    if server is None or pid is None or server._forkserver_pid != pid:  # noqa: SLF001
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)  # by itself it would wait for its workers
    with suppress(ChildProcessError, FileNotFoundError):
        server._stop()  # noqa: SLF001


def _server() -> Any:
    """Return Python's fork server, of which only this file knows; None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    from multiprocessing import forkserver

    server = getattr(forkserver, "_forkserver", None)
    known = ("_forkserver_pid", "_stop", "ensure_running", "set_forkserver_preload")
    return server if all(hasattr(server, name) for name in known) else None


@contextmanager
def _deaf() -> Iterator[None]:
    """Let a process that is started, and all that are forked from it, not hear Ctrl-C.

    A terminal sends it to all. This one ends the others, and says so; each of them would print a
    traceback.
    """
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not in the main thread: it stays as it is
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


@contextmanager
def _environment(more: Mapping[str, str]) -> Iterator[None]:
    """Let variables stand while a process is started, which takes what stands then."""
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
