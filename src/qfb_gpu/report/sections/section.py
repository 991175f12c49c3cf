"""What a section of the page is that a part of the night adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfb_gpu.report.figures.reading import Read
    from qfb_gpu.report.markup import Html


@dataclass(frozen=True, slots=True)
class Section:
    """A section: where links lead to, its titles, and what draws it.

    Attributes
    ----------
    anchor : str
        The id that :func:`qfb_gpu.report.markup.section` gives it.
    title, title_zh : str
        Short, for the list of sections.
    draw : callable(Read) -> Html or None
        Reads the gold tables it shows (:func:`read_or_none`); None where the run has none of them.
    """

    anchor: str
    title: str
    title_zh: str
    draw: Callable[[Read], Html | None]
