"""Lying bars beside words, as an HTML list: the words wrap, and the numbers are text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.markup import Html, esc

if TYPE_CHECKING:
    from collections.abc import Sequence

Part = tuple[str, float, str]
"""A piece of a bar: class, value (>= 0), tooltip."""


def rows(items: Sequence[tuple[str, Sequence[Part], str]], longest: float | None = None) -> Html:
    """Return one bar for each item.

    Parameters
    ----------
    items : sequence of (label, parts, value as text)
    longest : float, optional
        The value of a full bar; the longest of the items where absent.
    """
    totals = [sum(max(value, 0.0) for _, value, _ in parts) for _, parts, _ in items]
    whole = longest or max(totals, default=0.0) or 1.0
    lines = "".join(
        f'<li><span class="what">{esc(label)}</span><span class="track">'
        f'{_parts(parts, whole)}</span><span class="value">{esc(value)}</span></li>'
        for label, parts, value in items
    )
    return Html(f'<ul class="rows">{lines}</ul>')


def _parts(parts: Sequence[Part], whole: float) -> str:
    return "".join(
        f'<i class="{kind}" style="width:{min(100 * value / whole, 100):.2f}%" '
        f'title="{esc(tip)}"></i>'
        for kind, value, tip in parts
        if value > 0
    )


def both_ways(items: Sequence[tuple[str, float, str]], reach: float) -> Html:
    """Return bars left (below) and right (above) of a middle line; ``reach`` is half the width."""
    lines = "".join(
        f'<li><span class="what">{esc(label)}</span><span class="track both">'
        f"{_from_middle(value, reach)}</span>"
        f'<span class="value">{esc(tip)}</span></li>'
        for label, value, tip in items
    )
    return Html(f'<ul class="rows scores">{lines}</ul>')


def _from_middle(value: float, reach: float) -> str:
    width = min(abs(value) / reach, 1.0) * 50
    left = 50.0 if value >= 0 else 50.0 - width
    kind = "high" if value >= 0 else "low"
    return f'<i class="{kind}" style="left:{left:.2f}%;width:{width:.2f}%"></i>'
