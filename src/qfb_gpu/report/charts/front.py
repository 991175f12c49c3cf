"""Points on a line: what is gained against what it costs, each with its tooltip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.charts import svg
from qfb_gpu.report.markup import esc
from qfb_gpu.report.wording import compact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.report.markup import Html

_WIDTH, _HEIGHT = 560.0, 280.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 70.0, 14.0, 14.0, 46.0


def front(points: Sequence[tuple[float, float, str]], names: tuple[str, str], title: str) -> Html:
    """Return points joined in their order.

    Parameters
    ----------
    points : sequence of (x, y, tooltip)
    names : (str, str)
        What the axes show.
    title : str
        What the chart shows, for those who cannot see it.
    """
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    across, up = svg.ticks(min(xs), max(xs)), svg.ticks(min(ys), max(ys))
    x = svg.Scale(across[0], across[-1], _LEFT, _WIDTH - _RIGHT)
    y = svg.Scale(up[0], up[-1], _HEIGHT - _BOTTOM, _TOP)
    body = [
        svg.rule(_LEFT, y(step), _WIDTH - _RIGHT, y(step), "grid")
        + svg.text(_LEFT - 8, y(step) + 4, compact(step), "tick end")
        for step in up
    ]
    body += [svg.text(x(step), _HEIGHT - 26, compact(step), "tick mid") for step in across]
    body.append(svg.text((_LEFT + _WIDTH) / 2, _HEIGHT - 6, names[0], "tick mid"))
    body.append(svg.text(_LEFT, _TOP - 3, names[1], "tick"))
    line = " ".join(f"{svg.px(x(p[0]))},{svg.px(y(p[1]))}" for p in points)
    body.append(f'<polyline class="line" points="{line}"/>')
    body += [
        f'<circle class="spot" cx="{svg.px(x(p[0]))}" cy="{svg.px(y(p[1]))}" r="5">'
        f"<title>{esc(p[2], 1000)}</title></circle>"
        for p in points
    ]
    return svg.frame(_WIDTH, _HEIGHT, title, "".join(body))
