"""Importing without collecting garbage: a library makes objects that stay.

While modules are imported, Python's collector goes through all that is there again and again and
finds next to nothing; a fifth of the time of importing the engine went there.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def importing() -> Iterator[None]:
    """Collect no garbage while the block imports.

    What is there after the first such block of a process is never looked at again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
        if was_on:
            gc.enable()
