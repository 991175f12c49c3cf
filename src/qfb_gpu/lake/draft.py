"""Files that are there whole or not at all: written beside their place, then put into it.

A draft that a killed process left ends in ``.tmp``; ``qfb maintain`` deletes it.
"""

from __future__ import annotations

from contextlib import contextmanager
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
    yield draft
    draft.replace(path)
