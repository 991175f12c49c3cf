"""Blocks of one currency each: the page shows one at a time, on paper all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.markup import Html, esc, join

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def blocks(currencies: Sequence[str], make: Callable[[str], str]) -> Html:
    """Return ``make(currency)`` for each; without scripts they stand below one another."""
    if len(currencies) == 1:
        return Html(make(currencies[0]))
    return join(
        f'<div class="ccy" data-currency="{esc(name)}"><p class="ccy-name">{esc(name)}</p>'
        f"{make(name)}</div>"
        for name in currencies
    )


def selector(currencies: Sequence[str]) -> Html:
    """Return the buttons that choose the currency; nothing where there is only one."""
    if len(currencies) <= 1:
        return Html("")
    buttons = "".join(
        f'<button type="button" data-show="{esc(name)}" aria-pressed="false">{esc(name)}</button>'
        for name in currencies
    )
    return Html(f'<div class="picker" role="group" aria-label="Currency 币种">{buttons}</div>')
