"""The further sections of the page, in the order they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.sections.contagion import CONTAGION
from qfb_gpu.report.sections.open_banking import DECLARED
from qfb_gpu.report.sections.round_trips import ROUND_TRIPS

if TYPE_CHECKING:
    from qfb_gpu.report.sections.section import Section

SECTIONS: tuple[Section, ...] = (
    CONTAGION,
    ROUND_TRIPS,
    DECLARED,
)
