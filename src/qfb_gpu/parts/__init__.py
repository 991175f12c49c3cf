"""The parts of the night that come after the payments; see :mod:`qfb_gpu.parts.part`."""

from __future__ import annotations

from qfb_gpu.parts.catalog import PARTS
from qfb_gpu.parts.part import PROFILE, Columns, Given, Part, Saved
from qfb_gpu.parts.run import (
    active,
    fit_part,
    fitted_after,
    left_out,
    on_host,
    publish_parts,
    publish_whole,
    score_parts,
    sets_of_rows,
    tables,
    tables_left_out,
    tables_updated,
    used_sources,
)

__all__ = [
    "PARTS",
    "PROFILE",
    "Columns",
    "Given",
    "Part",
    "Saved",
    "active",
    "fit_part",
    "fitted_after",
    "left_out",
    "on_host",
    "publish_parts",
    "publish_whole",
    "score_parts",
    "sets_of_rows",
    "tables",
    "tables_left_out",
    "tables_updated",
    "used_sources",
]
