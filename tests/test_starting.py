"""Importing without collecting garbage leaves the collector as it was."""

import gc
import subprocess
import sys

import pytest

from qfb_gpu.starting import importing

WORKER = """
import gc
from qfb_gpu.starting import importing
with importing():
    off = not gc.isenabled()
first = gc.get_freeze_count()
more = [[] for _ in range(1000)]
with importing():
    pass
print(off, gc.isenabled(), first > 0, gc.get_freeze_count() == first)
"""


def test_what_is_there_after_the_first_block_is_left_alone_and_nothing_later():
    done = subprocess.run(
        [sys.executable, "-c", WORKER], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True"] * 4


def test_a_failure_leaves_the_collector_on():
    with pytest.raises(ImportError), importing():
        import qfb_gpu.nothing  # noqa: F401
    assert gc.isenabled()
