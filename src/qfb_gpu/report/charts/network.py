"""The picture of a small payment network: payers point to payees."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from qfb_gpu.report.charts import svg
from qfb_gpu.report.charts.layout import place
from qfb_gpu.report.markup import esc
from qfb_gpu.report.wording import count, percent, plural

if TYPE_CHECKING:
    from qfb_gpu.report.data import Link, Node
    from qfb_gpu.report.markup import Html

_WIDTH, _HEIGHT, _MARGIN = 760.0, 520.0, 46.0
_LABEL = 16
_LINE, _WIDE, _NARROW = 13.0, 12.0, 7.2
"""Height of a line of a name; width of a Chinese character in it, and of others at most."""


def network(nodes: list[Node], links: list[Link], title: str) -> Html:
    """Return the picture: area by PageRank, colour by community, squares are not customers."""
    spots = place(len(nodes), [(e.payer, e.payee) for e in links], [n.community for n in nodes])
    xs = [_MARGIN + float(x) * (_WIDTH - 2 * _MARGIN) for x in spots[:, 0]]
    ys = [_MARGIN + float(y) * (_HEIGHT - 2 * _MARGIN) for y in spots[:, 1]]
    most = max((node.pagerank for node in nodes), default=0.0) or 1.0
    busiest = max((link.n_payments for link in links), default=1) or 1
    body = [_link(link, nodes, xs, ys, busiest) for link in links]
    body += [
        _node(node, x, y, _radius(node, most)) for node, x, y in zip(nodes, xs, ys, strict=True)
    ]
    return svg.frame(_WIDTH, _HEIGHT, title, "".join([*body, *_labels(nodes, xs, ys)]), "net")


def _radius(node: Node, most: float) -> float:
    return 4 + 14 * math.sqrt(node.pagerank / most)


def _labels(nodes: list[Node], xs: list[float], ys: list[float]) -> list[str]:
    """Return the names of the hubs, the highest PageRank first, none of them over another one.

    A name stands above its node, else below or beside it; where none of these is free it is left
    to the tooltip.
    """
    most = max((node.pagerank for node in nodes), default=0.0) or 1.0
    hubs = [at for at, node in enumerate(nodes) if node.is_hub]
    taken: list[tuple[float, float, float, float]] = []
    found = []
    for at in sorted(hubs, key=lambda at: -nodes[at].pagerank):
        words = _short(nodes[at].name)
        half, away = _wide(words) / 2, _radius(nodes[at], most)
        for x, y in _around(xs[at], ys[at], half, away):
            box = (x - half, x + half, y - _LINE, y)
            if _is_inside(box) and not any(_is_over(box, other) for other in taken):
                taken.append(box)
                found.append(svg.text(x, y, words, "tag mid"))
                break
    return found


def _around(x: float, y: float, half: float, away: float) -> list[tuple[float, float]]:
    """Return where a name may stand, by the middle of its base line: the best place first."""
    beside, middle = away + 4 + half, y + _LINE / 2 - 2
    return [(x, y - away - 5), (x, y + away + _LINE), (x + beside, middle), (x - beside, middle)]


def _wide(words: str) -> float:
    """Return about how wide a name is: a Chinese character takes as much as it is high."""
    return sum(_WIDE if east_asian_width(one) in "WF" else _NARROW for one in words)


def _is_inside(box: tuple[float, float, float, float]) -> bool:
    return box[0] >= 0 and box[1] <= _WIDTH and box[2] >= 0 and box[3] <= _HEIGHT


def _is_over(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def _short(name: str) -> str:
    return name if len(name) <= _LABEL else name[: _LABEL - 1] + "…"


def _link(link: Link, nodes: list[Node], xs: list[float], ys: list[float], busiest: int) -> str:
    x1, y1, x2, y2 = xs[link.payer], ys[link.payer], xs[link.payee], ys[link.payee]
    bend_x, bend_y = (x1 + x2) / 2 + (y2 - y1) * 0.08, (y1 + y2) / 2 - (x2 - x1) * 0.08
    width = 0.8 + 2.4 * math.sqrt(max(link.n_payments, 0) / busiest)
    tip = (
        f"{nodes[link.payer].name} → {nodes[link.payee].name}: {plural(link.n_payments, 'payment')}"
    )
    points = " ".join(svg.px(v) for v in (x1, y1, bend_x, bend_y, x2, y2)).split()
    return (
        f'<path class="edge" style="stroke-width:{width:.1f}" d="M{points[0]} {points[1]}'
        f'Q{points[2]} {points[3]} {points[4]} {points[5]}"><title>{esc(tip, 400)}</title></path>'
    )


def _node(node: Node, x: float, y: float, radius: float) -> str:
    kind = f"node c{node.community}" if node.community >= 0 else "node other"
    who = "customer" if node.is_customer else "counterparty"
    tip = (
        f"{node.name} ({who}): PageRank {percent(node.pagerank)}, "
        f"{count(node.degree_in)} payers, {count(node.degree_out)} payees"
    )
    title = f"<title>{esc(tip, 400)}</title>"
    if node.is_customer:
        return (
            f'<circle cx="{svg.px(x)}" cy="{svg.px(y)}" r="{svg.px(radius)}" class="{kind}">'
            f"{title}</circle>"
        )
    side = radius * 1.8
    return (
        f'<rect x="{svg.px(x - side / 2)}" y="{svg.px(y - side / 2)}" width="{svg.px(side)}" '
        f'height="{svg.px(side)}" rx="2" class="{kind}">{title}</rect>'
    )
