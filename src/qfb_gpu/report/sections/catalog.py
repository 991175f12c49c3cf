"""The further sections of the page, in the order they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qfb_gpu.report.sections.section import Section

SECTIONS: tuple[Section, ...] = ()
