"""A device that has no memory left: which errors say so, and what gives some back.

Only what allocates arrays raises Python's ``MemoryError``. A driver that loads a kernel, cuFFT,
cuBLAS, cuSOLVER and Thrust say it in words of their own.
"""

from __future__ import annotations

import gc
import re
import sys
from contextlib import suppress

_WORDS = re.compile(
    r"out.?of.?memory|memory.?allocation|bad_alloc|alloc_failed|insufficient_resources",
    re.IGNORECASE,
)


def lacked_memory(error: BaseException | None) -> bool:
    """Return whether an error, or what it was raised from, is that there was no memory."""
    while error is not None:
        if isinstance(error, MemoryError) or _WORDS.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def give_memory_back() -> None:
    """Give a device, and its host, the memory that CuPy's pools keep and nobody uses.

    What only errors and cycles of objects still hold goes first. A device that is not there, or
    is lost, has nothing to give: whoever asks it next is told.
    """
    gc.collect()
    if (cupy := sys.modules.get("cupy")) is not None:
        with suppress(RuntimeError):  # as all errors of CUDA are that CuPy raises
            cupy.get_default_memory_pool().free_all_blocks()
            cupy.get_default_pinned_memory_pool().free_all_blocks()
