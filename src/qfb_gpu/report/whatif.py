"""The page of one question: who is hit if this firm stops paying."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from qfb_gpu.report.charts.reach import Spot, reach
from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.markup import Html, card, empty, esc, legend, name, section, table
from qfb_gpu.report.wording import count, day, money, percent, plural, to_units

if TYPE_CHECKING:
    import datetime as dt

    import numpy as np
    import pyarrow as pa

_BARS = 20
_ROWS = 200
_DRAWN = 24
_A_COLUMN = 8
TELLING = 0.01
"""Share of a year's income from which a loss is counted as a hit."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A party that loses income.

    Attributes
    ----------
    name : str
    is_customer : bool
    step : int
        Payments in a row from the firm.
    lost, direct : float
        Shares of its yearly income lost in all, and because the firm itself does not pay.
    distress : float
        0 to 1; at 1 it pays nothing any more.
    cleared : float
        Share of its yearly income that is missing by clearing.
    currency : str
    missing_minor : int
        What is missing by clearing, in the currency in which it is most of the income.
    """

    name: str
    is_customer: bool
    step: int
    lost: float
    direct: float
    distress: float
    cleared: float
    currency: str
    missing_minor: int

    @property
    def indirect(self) -> float:
        """Share of yearly income lost because others are hit."""
        return max(self.lost - self.direct, 0.0)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answer.

    ``owed`` is what the firm pays in a year, by currency, minor units; ``hits`` have the largest
    loss first; ``links`` are who pays whom how often.
    """

    firm: str
    as_of: dt.date | None
    recovery: float
    buffer: float
    cash_share: float
    outsiders: str
    debtrank: float
    debtrank_direct: float
    owed: list[tuple[str, int]]
    core_score: float
    hits: list[Hit]
    links: tuple[pa.Array, pa.Array, np.ndarray[Any, Any]]

    @property
    def n_telling(self) -> int:
        """How many lose 1% of a year's income or more."""
        return sum(hit.lost >= TELLING for hit in self.hits)


def summary(answer: WhatIf) -> str:
    """Return the answer in a sentence or two."""
    paid = " and ".join(money(to_units(minor, name), name) for name, minor in answer.owed)
    head = (
        f"If {answer.firm} pays {percent(answer.recovery)} of what it paid in the year"
        if answer.recovery
        else f"If {answer.firm} stops paying"
    )
    if not answer.hits:
        return f"{head}, {_nobody_is_hit(answer, paid)}"
    worst = answer.hits[0]
    who = plural(answer.n_telling, "party loses", "parties lose")
    return (
        f"{head} ({paid} a year), {who} 1% or more "
        f"of a year's income; the most, {worst.name}, loses {percent(worst.lost)}. The network "
        f"loses {percent(answer.debtrank)} of its business beyond the firm's own "
        f"(DebtRank); {percent(answer.debtrank_direct)} is lost by those it pays itself."
    )


def _nobody_is_hit(answer: WhatIf, paid: str) -> str:
    if not answer.owed:
        return "no customer loses income: nobody was paid by it in the year up to as_of."
    if answer.recovery >= 1:
        return "nobody loses income."
    return (
        f"no customer loses income: what it paid in the year up to as_of ({paid}) went to "
        "parties whose other income is not known, or is next to nothing beside their income."
    )


def assumptions(answer: WhatIf) -> str:
    """Return what the answer assumes, in words."""
    beyond = (
        "Losses stop at parties that are not customers, as their other income is not known."
        if answer.outsiders == "absorb"
        else "What is seen of parties that are not customers is taken for all there is."
    )
    cash = f" and {percent(answer.cash_share)} of its payments as cash" if answer.cash_share else ""
    return (
        f"Shares are of all income of the year up to as_of. A firm that loses "
        f"{percent(answer.buffer)} of it pays nothing any more, and in proportion below "
        f"(upper figure: nothing is absorbed). By clearing (lower figure) "
        f"a firm first goes without what it keeps of its income in a normal year{cash}. {beyond}"
    )


def render(answer: WhatIf) -> str:
    """Return the page."""
    style = (files("qfb_gpu.report") / "static" / "page.css").read_text(encoding="utf-8")
    title = f"If {answer.firm} stops paying"
    when = "" if answer.as_of is None else f'<p class="asof">As of {day(answer.as_of)}</p>'
    body = section(
        "whatif", title, "违约传导", summary(answer), _picture(answer), _bars(answer),
        _table(answer), Html(f'<p class="note">{esc(assumptions(answer), 2000)}</p>'),
    )  # fmt: skip
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{esc(title)}</title><style>{style}</style></head><body>"
        f"<main>{when}{body}</main></body></html>\n"
    )


def _picture(answer: WhatIf) -> Html:
    shown: list[Hit] = []
    for hit in answer.hits[: _DRAWN * _A_COLUMN]:
        if len(shown) < _DRAWN and sum(h.step == hit.step for h in shown) < _A_COLUMN:
            shown.append(hit)
    if not shown:
        return empty("Nobody to draw.")
    spots = [Spot(answer.firm, 0, 1.0, answer.firm)]
    spots += [Spot(hit.name, hit.step, hit.lost, _tip(hit)) for hit in shown]
    chart = reach(spots, _drawn_links(answer, [spot.name for spot in spots]), "Who is hit")
    return card(
        "How far it reaches", "传导路径", Html(f'<div class="scroll" tabindex="0">{chart}</div>'),
        note="The most hit at each distance; the larger, the more of its income is lost. A line "
        "is a payment relation of the year.",
        wide=True,
    )  # fmt: skip


def _drawn_links(answer: WhatIf, names: list[str]) -> list[tuple[int, int]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    payer, payee, _ = answer.links
    wanted = pa.array(names, pa.string())
    both = pc.and_(pc.is_in(payer, wanted), pc.is_in(payee, wanted))
    place = {one: row for row, one in enumerate(names)}
    pairs = zip(payer.filter(both).to_pylist(), payee.filter(both).to_pylist(), strict=True)
    return sorted({(place[a], place[b]) for a, b in pairs if a != b})


def _tip(hit: Hit) -> str:
    return (
        f"{hit.name}: loses {percent(hit.lost)} of its income, {percent(hit.direct)} directly, "
        f"{percent(hit.indirect)} through others"
    )


def _bars(answer: WhatIf) -> Html:
    if not answer.hits:
        return Html("")
    items = [
        (hit.name, [("bad", hit.direct, _tip(hit)), ("out", hit.indirect, _tip(hit))],
         percent(hit.lost))
        for hit in answer.hits[:_BARS]
    ]  # fmt: skip
    keys = legend(("bad", "directly"), ("out", "through others"))
    return card("Share of income lost", "收入损失占比", keys, rows(items, longest=1.0), wide=True)


def _table(answer: WhatIf) -> Html:
    if not answer.hits:
        return Html("")
    heads = [("Party 主体", ""), ("", "min"), ("Lost", "n"), ("Direct 直接", "n"),
             ("Indirect 间接", "n"), ("Payments away", "n"), ("By clearing", "n"),
             ("Missing by clearing", "n min")]  # fmt: skip
    lines = [
        (name(hit.name), "customer" if hit.is_customer else "counterparty", percent(hit.lost),
         percent(hit.direct), percent(hit.indirect), count(hit.step), percent(hit.cleared),
         money(to_units(hit.missing_minor, hit.currency), hit.currency))
        for hit in answer.hits[:_ROWS]
    ]  # fmt: skip
    rest = len(answer.hits) - _ROWS
    more = f"{count(rest)} more lose less." if rest > 0 else ""
    return card("Who is hit", "受影响主体", table(heads, lines, "Who is hit"), note=more, wide=True)
