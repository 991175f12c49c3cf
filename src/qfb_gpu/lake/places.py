"""Where the Delta tables of an output folder lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu._schema.output import LAKE
from qfb_gpu.schema import GOLD, SOURCES

if TYPE_CHECKING:
    from pathlib import Path


def tables_of(output_dir: Path) -> list[Path]:
    """Return the folders of all gold tables and of all tables of the lake, there or not."""
    gold = [output_dir / name for name in GOLD]
    return [*gold, *(output_dir / LAKE / source for source in SOURCES)]
