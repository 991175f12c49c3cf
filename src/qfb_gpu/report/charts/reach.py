"""How far the default of a firm reaches: a column of parties for each payment further away."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from qfb_gpu.report.charts import svg
from qfb_gpu.report.markup import esc
from qfb_gpu.report.wording import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.report.markup import Html

_WIDTH, _ROW, _TOP, _LEFT = 760.0, 40.0, 46.0, 90.0
_LABEL = 14
_SMALL, _LARGE = 3.0, 14.0


class Spot(NamedTuple):
    """A party: what it is called, its column, the share of income it loses, its tooltip."""

    name: str
    step: int
    lost: float
    tip: str


def reach(spots: Sequence[Spot], links: Sequence[tuple[int, int]], title: str) -> Html:
    """Return the picture; ``links`` are rows of payer and payee among the spots."""
    columns = sorted({spot.step for spot in spots})
    depth = {step: [i for i, s in enumerate(spots) if s.step == step] for step in columns}
    tallest = max((len(rows) for rows in depth.values()), default=1)
    height = _TOP + tallest * _ROW + 10
    width = (_WIDTH - 2 * _LEFT) / max(len(columns) - 1, 1)
    place: dict[int, tuple[float, float]] = {}
    body = []
    for at, step in enumerate(columns):
        x = _LEFT + at * width
        body.append(svg.text(x, 18, _heading(step), "tick mid"))
        gap = (height - _TOP) / len(depth[step])
        for row, spot in enumerate(depth[step]):
            place[spot] = (x, _TOP + (row + 0.5) * gap)
    body += [_link(place[payer], place[payee]) for payer, payee in links]
    body += [_spot(spots[i], *place[i]) for i in place]
    return svg.frame(_WIDTH, height, title, "".join(body), "net")


def _heading(step: int) -> str:
    if step == 0:
        return "stops paying"
    return "paid by it" if step == 1 else f"{step} payments away"


def _link(start: tuple[float, float], stop: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, stop
    bend = (x1 + x2) / 2 if x1 != x2 else x1 + 40
    points = " ".join(svg.px(v) for v in (x1, y1, bend, y1, bend, y2, x2, y2)).split()
    return f'<path class="edge" d="M{points[0]} {points[1]}C{" ".join(points[2:])}"/>'


def _spot(spot: Spot, x: float, y: float) -> str:
    radius = _SMALL + (_LARGE - _SMALL) * math.sqrt(min(max(spot.lost, 0.0), 1.0))
    kind = "node bad" if spot.step == 0 else "node out"
    short = spot.name if len(spot.name) <= _LABEL else spot.name[: _LABEL - 1] + "…"
    share = "" if spot.step == 0 else percent(spot.lost)
    return (
        f'<circle cx="{svg.px(x)}" cy="{svg.px(y)}" r="{svg.px(radius)}" class="{kind}">'
        f"<title>{esc(spot.tip, 400)}</title></circle>"
        f"{svg.text(x, y - radius - 4, short, 'tag mid')}"
        f"{svg.text(x + radius + 4, y + 4, share, 'tick') if share else ''}"
    )
