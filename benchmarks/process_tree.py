"""Run a command in a process of its own; its wall time, and the peak memory of its process tree."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAMPLE_SECONDS = 0.05
_TAIL = 2000


class CommandFailedError(RuntimeError):
    """A measured command ended with an exit code other than 0, or ran past its time limit."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process took.

    Attributes
    ----------
    wall_seconds : float
        From start to exit, the interpreter's start and imports included.
    peak_bytes : int
        Highest sum of the resident set sizes of the process and all its descendants, sampled
        every ``SAMPLE_SECONDS``; pages that processes share count in each of them.
    stdout : str
    """

    wall_seconds: float
    peak_bytes: int
    stdout: str


def run_measured(
    command: list[str], *, log: Path, timeout_seconds: float, env: dict[str, str] | None = None
) -> Measured:
    """Run ``command`` to its end; standard error goes to ``log``.

    Raises
    ------
    CommandFailedError
        With the exit code (or the limit) and the end of the log.
    """
    with log.open("w", encoding="utf-8") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env
        )
        try:
            with watched(process.pid) as watch:
                stdout, _ = process.communicate(timeout=timeout_seconds)
                wall_seconds = time.perf_counter() - start
        except subprocess.TimeoutExpired:
            _end_tree(process.pid)
            process.communicate()
            msg = f"{' '.join(command)}: stopped after {timeout_seconds:g} s"
            raise CommandFailedError(msg) from None
    if process.returncode != 0:
        tail = log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
        msg = f"{' '.join(command)}: exit code {process.returncode}\n{tail}"
        raise CommandFailedError(msg)
    return Measured(wall_seconds, watch.peak_bytes, stdout)


@contextlib.contextmanager
def watched(pid: int) -> Iterator[_Watch]:
    """Give what samples the memory of a process and its descendants while the block runs."""
    watch = _Watch(pid)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop.set()
        watch.join()


class _Watch(threading.Thread):
    """Samples the memory of a process tree until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.stop = threading.Event()
        self.peak_bytes = 0

    def run(self) -> None:
        while not self.stop.wait(SAMPLE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, sum(_resident(p) for p in _tree(self._pid)))


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return 0


def _end_tree(pid: int) -> None:
    for process in _tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
