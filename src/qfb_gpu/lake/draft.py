"""Files that are there whole or not at all: written beside their place, then put into it.

A draft that could not be ended, as on a full disk, gives back its room. One that a killed process
left ends in ``.tmp``; ``qfb maintain`` deletes it.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Give the block a file to write, and put it in its place when that is done.

    It is always a new file: the old one may be mapped, or linked into a table.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".tmp")
    try:
        yield draft
        draft.replace(path)
    except BaseException as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # of a disk that is full nobody else says where
        raise
