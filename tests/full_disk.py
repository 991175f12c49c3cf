"""A disk that is full, as far as one process can play it: no file grows beyond some bytes."""

import resource
import signal
from contextlib import contextmanager


@contextmanager
def files_end_at(n_bytes):
    """Let every write beyond ``n_bytes`` of a file fail, as one on a full disk does."""
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)
