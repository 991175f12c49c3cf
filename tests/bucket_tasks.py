"""Tasks for test_cluster.py, in a module that worker processes can import."""

import os
import signal
import threading
import time
from pathlib import Path

COMPLAINT = "no such column"


def square(folder, bucket):
    (Path(folder) / f"{bucket}.ran").touch()
    return {"bucket": bucket, "square": bucket**2, "pid": os.getpid()}


def environment(_shared, _bucket):
    import numba

    return {"numba": numba.config.NUMBA_NUM_THREADS, "qfb": os.environ["QFB_THREADS"]}


def seconds_asleep(seconds, _bucket):
    """Return the CPU seconds that this process takes while the task itself takes none."""
    start = time.process_time()
    time.sleep(seconds)
    return time.process_time() - start


def die_once_on_3(folder, bucket):
    marker = Path(folder) / "died"
    if bucket == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(folder, bucket)


def always_die_on_3(folder, bucket):
    if bucket == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(folder, bucket)


def fail_on_3(kind, bucket):
    if bucket == 3:
        raise kind(COMPLAINT)
    return bucket


def slow(_shared, bucket):
    time.sleep(60 if bucket else 0)
    return os.getpid()


class UnsendableError(Exception):
    def __init__(self, lock):
        super().__init__("a lock of mine")
        self.lock = lock


def unsendable_error(_shared, _bucket):
    raise UnsendableError(threading.Lock())


class PanicException(BaseException):
    """As ``pyo3_runtime`` has it: no ``Exception``, and in no module that can be imported."""


def panic(_shared, _bucket):
    error = PanicException("called `Option::unwrap()` on a `None` value")
    error.lock = threading.Lock()
    raise error


def noted(folder, bucket):
    """Return when it began and ended, and leave a mark."""
    start = time.time()
    time.sleep(0.3)
    (Path(folder) / f"{bucket}.noted").touch()
    return start, time.time()
