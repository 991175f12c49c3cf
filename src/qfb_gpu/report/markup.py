"""HTML pieces. Every text from data goes through :func:`esc`; only :class:`Html` is trusted."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LONG = 160
_SHORT_ID = 28
# Control characters, and those that turn the direction of text, could forge what is shown.
_FORGING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class Html(str):
    """Markup that is already safe to put in the page."""

    __slots__ = ()


def esc(text: object, longest: int = _LONG) -> Html:
    """Return a text as safe markup: escaped, its control characters seen, cut if very long."""
    if isinstance(text, Html):
        return text
    plain = _FORGING.sub("\N{REPLACEMENT CHARACTER}", str(text))
    if len(plain) > longest:
        plain = plain[: longest - 1] + "…"
    return Html(html.escape(plain, quote=True))


def name(text: str | None) -> Html:
    """Return an id or a name, shortened on paper but whole in its tooltip."""
    if text is None:
        return Html('<span class="none">not given</span>')
    if len(text) <= _SHORT_ID:
        return Html(f'<span class="id">{esc(text)}</span>')
    return Html(f'<span class="id" title="{esc(text)}">{esc(text, _SHORT_ID)}</span>')


def party(text: str, called: str | None) -> Html:
    """Return an id, and below it what its bearer is called where that is known."""
    if called is None:
        return name(text)
    return Html(f'{name(text)}<br><span class="called">{esc(called, 40)}</span>')


def chinese(text: str) -> Html:
    """Return Chinese words beside English ones, marked as such for screen readers."""
    return Html(f'<span class="zh" lang="zh-Hans">{esc(text)}</span>')


def join(parts: Iterable[str]) -> Html:
    """Return pieces of markup one after another."""
    return Html("".join(parts))


def section(anchor: str, title: str, zh: str, lead: str, *parts: str) -> Html:
    """Return a section: its heading in both languages, one sentence that says it all, parts."""
    return Html(
        f'<section id="{anchor}" aria-labelledby="{anchor}-h"><h2 id="{anchor}-h">{esc(title)} '
        f'{chinese(zh)}</h2><p class="lead">{esc(lead, 10**6)}</p>{"".join(parts)}</section>'
    )


def card(title: str, zh: str, *parts: str, note: str = "", wide: bool = False) -> Html:
    """Return a framed chart or table with its heading and a note on how to read it."""
    below = f'<p class="note">{esc(note, 10**6)}</p>' if note else ""
    kind = "card wide" if wide else "card"
    heading = f"<h3>{esc(title)} {chinese(zh)}</h3>"
    return Html(f'<div class="{kind}">{heading}{"".join(parts)}{below}</div>')


def cards(*parts: str) -> Html:
    """Return cards side by side where there is room."""
    return Html(f'<div class="cards">{"".join(parts)}</div>')


def empty(text: str) -> Html:
    """Return what stands where there is nothing to show, and why."""
    return Html(f'<p class="empty">{esc(text, 10**6)}</p>')


def legend(*keys: tuple[str, str]) -> Html:
    """Return the key to colours: (class, words)."""
    marks = "".join(f'<li><i class="key {kind}"></i>{esc(words)}</li>' for kind, words in keys)
    return Html(f'<ul class="legend">{marks}</ul>')


def table(
    columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[object]], caption: str = ""
) -> Html:
    """Return a table.

    Parameters
    ----------
    columns : sequence of (heading, class)
        Class ``n`` right-aligns numbers; ``min`` hides the column on a phone.
    rows : iterable of sequences
        Cells; what is not :class:`Html` is escaped.
    caption : str
        Said to screen readers.
    """
    head = "".join(f'<th scope="col" class="{kind}">{esc(title)}</th>' for title, kind in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{kind}">{esc(cell)}</td>'
            for cell, (_, kind) in zip(row, columns, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    said = f"<caption>{esc(caption)}</caption>" if caption else ""
    return Html(
        f'<div class="scroll" tabindex="0"><table>{said}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def details(summary: str, *parts: str) -> Html:
    """Return something folded away."""
    return Html(f"<details><summary>{esc(summary)}</summary>{''.join(parts)}</details>")
