"""The page of a run that a banker reads, and the look at its tables on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.lake.draft import draft_of

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.report.data import ReportData

__all__ = ["write_report"]


def write_report(data: ReportData, path: Path) -> None:
    """Write the page: one HTML file that asks for nothing from anywhere.

    Parameters
    ----------
    data : ReportData
        See :func:`qfb_gpu.report.build.collect`.
    path : Path
        Written whole or not at all; what was there is replaced.
    """
    from qfb_gpu.report.page.document import document

    page = document(data).encode("utf-8", errors="replace")
    with draft_of(path) as unfinished:
        unfinished.write_bytes(page)
