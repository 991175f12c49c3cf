"""Every part of the night, in the order it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.parts.lifetime import LIFETIME
from qfb_gpu.parts.source_features import SOURCE_FEATURES

if TYPE_CHECKING:
    from qfb_gpu.parts.part import Part

PARTS: tuple[Part, ...] = (
    *SOURCE_FEATURES,
    LIFETIME,
)
