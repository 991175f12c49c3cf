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
def said_of(path: Path) -> Iterator[None]:
    """Let an error of the system that says of no file, as of a full disk, be said of this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.strerror = error.strerror or str(error)  # beside a name its words are not said
            error.filename = str(path)
        raise


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Give the block a file to write, and put it in its place when that is done.

    It is always a new file: the old one may be mapped, or linked into a table.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".tmp")
    try:
        with said_of(path):  # of a disk that is full nobody else says where
            yield draft
            draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
