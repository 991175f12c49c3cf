"""A stand-in whose memory ends: the k-th array that a bucket asks for, or every one from it on.

In a worker process, too: ``score`` is a task that puts the stand-in in place of a GPU and scores a
bucket on it. What one thread is refused, no other is.
"""

import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import stand_in

import qfb_gpu.backend
from qfb_gpu import tasks
from qfb_gpu.lake import carry
from qfb_gpu.lake.work import Workspace

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

WORDS = "Out of memory allocating 1,024 bytes"
_OF_THREAD = threading.local()
_MADE = {}
"""Arrays that a bucket has asked for in this process, in all its attempts."""


def _counted(host, plain=stand_in.refuse_other_dtypes):
    """Count an array, or refuse it; called for each that is made."""
    asked = getattr(_OF_THREAD, "asked", None)
    if asked is not None and getattr(host, "base", None) is None:  # a view needs no memory
        n = _MADE[asked.name] = _MADE.get(asked.name, 0) + 1
        if n == asked.at or (asked.lasts and n > asked.at > 0):
            raise MemoryError(WORDS)
    plain(host)


@dataclass(frozen=True)
class Asked:
    """A night on a device that refuses array number ``at`` of a bucket; 0: none.

    ``lasts``: and every one after it.
    """

    name: str
    night: tasks.Night
    at: int = 0
    lasts: bool = False

    def on_host(self):
        return replace(self, night=self.night.on_host())


@contextmanager
def no_more(asked):
    """Refuse arrays of this thread while the block runs."""
    stand_in.refuse_other_dtypes = _counted
    _OF_THREAD.asked = asked
    try:
        yield
    finally:
        _OF_THREAD.asked = None


def score(asked, bucket):
    """Score a bucket on the stand-in that ``asked`` speaks of; return who scored it, and arrays."""
    qfb_gpu.backend._gpu = stand_in.stand_in_backend
    each = replace(asked, name=f"{asked.name}.{bucket}")
    with no_more(each):
        tasks.score_bucket(asked.night, bucket)
    return asked.night.backend, _MADE.pop(each.name, 0)


def night_of(night, name):
    """Return the same night with intermediates, and streams to carry over, of its own."""
    own = night.workspace.root.with_name(f"{name}.lake")
    own.mkdir(parents=True)
    for there in night.lake.iterdir():
        if there != carry.folder(night.lake):
            (own / there.name).symlink_to(there)
    return replace(night, lake=own, workspace=Workspace(night.workspace.root.with_name(name)))


def left_by(night, bucket):
    """Return what scoring a bucket left, file by file."""
    files = night.workspace.folder("score", bucket).glob("*.arrow")
    return {file.name: file.read_bytes() for file in files}
