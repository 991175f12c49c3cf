"""Keep a round going when its process does not: a device that is lost, a kernel that never ends.

A memory fault on a device makes every later call of that process fail, and a kernel that hangs
keeps its host waiting for ever. So the round runs in a process of its own that writes down what it
is at. When it ends without having finished, another one goes on after that.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qfb_gpu.backend import Backend

LOST = 75
"""Exit code of a process whose device answers no more."""
_NO_DEVICE = 2
_MOST_PROCESSES = 8
_LITTLE_SECONDS, _GRACE_SECONDS = 20.0, 120.0
"""The least that a process gets, and how long after its end it may take to end."""
_KILLED_SECONDS = 10.0
_PAUSE_SECONDS = 5.0


def supervised(script: str, arguments: list[str], seconds: float, data: Path) -> int:
    """Run a round in a process of its own, and go on in another as long as they end early.

    Parameters
    ----------
    script : str
    arguments : list of str
        Of the round; ``--seconds`` is what is left of ``seconds``.
    seconds : float
    data : Path
        Its folder; what an ended process left there of its work is deleted.

    Returns
    -------
    int
        The exit code of the last one; 1 where it did not get to its end. 2, that there is no
        device, only of the first: a later one had one before it, and is tried again.
    """
    deadline = time.monotonic() + seconds
    end = deadline + _GRACE_SECONDS + _LITTLE_SECONDS
    code = LOST
    for n in range(_MOST_PROCESSES):
        left = deadline - time.monotonic()
        if left < -_GRACE_SECONDS:
            break
        left = max(left, _LITTLE_SECONDS)
        again = ["--resume"] if n else []
        command = [sys.executable, script, *arguments, "--watched", *again, "--seconds", str(left)]
        code = _run(command, end - time.monotonic())
        if _is_last(code, n):
            break
        if code == _NO_DEVICE:  # which the one before had: it may be that it is not yet given back
            time.sleep(_PAUSE_SECONDS)
        for folder in (*data.glob("round-*"), *data.glob("scale-*")):
            shutil.rmtree(folder, ignore_errors=True)
        sys.stdout.write(f"the process ended with {code}; another goes on after that step\n")
        sys.stdout.flush()
    return code if _is_last(code, n) else 1


def _is_last(code: int, n: int) -> bool:
    """Return whether no process has to follow the ``n``-th, which ended with ``code``."""
    return code in (0, 1) or (code == _NO_DEVICE and n == 0)


def _run(command: list[str], seconds: float) -> int:
    """Run a process and return its exit code; kill one that takes too long.

    It ends by itself (:func:`at_most`), unless a library of the device keeps Python's lock.
    """
    process = subprocess.Popen(command)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        with suppress(subprocess.TimeoutExpired):  # one that is inside a driver may stay
            process.wait(_KILLED_SECONDS)
        return LOST
    except BaseException:
        process.kill()
        raise


def is_lost(backend: Backend) -> bool:
    """Return whether the device of this process answers no more."""
    if not hasattr(backend.xp, "cuda"):
        return False
    try:
        return int(backend.xp.ones(2, dtype="int64").sum()) != 2
    except Exception:  # noqa: BLE001  whatever it says
        return True


@contextmanager
def at_most(seconds: float, *, watched: bool) -> Iterator[None]:
    """End this process, and show where it was, if the block takes longer.

    ``watched``: only where another process would go on.
    """
    if not watched:
        yield
        return
    timer = threading.Timer(seconds, _end, [seconds])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(seconds: float) -> None:
    sys.stdout.write(f"not done after {seconds:,.0f} s:\n")
    sys.stdout.flush()
    faulthandler.dump_traceback()
    os._exit(LOST)


def taken_up(content: dict[str, Any]) -> None:
    """Write an error where the process before this one ended, so that nobody tries it again."""
    now = content.pop("now", None)
    if now is None:
        return
    part, step = now
    ended = {"error": "the process ended here: the device was lost, or it was not done in time"}
    content["ok"] = False
    if step is None:
        content.setdefault("errors", {})[part] = ended
        content.setdefault("done", []).append(part)
    else:
        content["parts"].setdefault(part, {}).setdefault(step, ended)
