"""A line over time with the range around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.charts import svg
from qfb_gpu.report.wording import compact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.report.markup import Html

_WIDTH, _HEIGHT = 560.0, 250.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 10.0, 12.0, 30.0


def band(
    labels: Sequence[str],
    values: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    tips: Sequence[str],
    title: str,
) -> Html:
    """Return a line that starts at zero before the first label, and its range.

    Parameters
    ----------
    labels : sequence of str, shape (n_points,)
    values, low, high : sequence of float, shape (n_points,)
        ``low <= values <= high``.
    tips : sequence of str, shape (n_points,)
    title : str
        What the chart shows, for those who cannot see it.
    """
    lows, mids, highs = ([0.0, *some] for some in (low, values, high))
    steps = svg.ticks(min(lows), max(highs))
    y = svg.Scale(steps[0], steps[-1], _HEIGHT - _BOTTOM, _TOP)
    x = svg.Scale(0, max(len(values), 1), _LEFT, _WIDTH - _RIGHT)
    body = [
        svg.rule(_LEFT, y(s), _WIDTH - _RIGHT, y(s), "grid")
        + svg.text(_LEFT - 8, y(s) + 4, compact(s), "tick end")
        for s in steps
    ]
    there = [f"{svg.px(x(at))},{svg.px(y(v))}" for at, v in enumerate(highs)]
    back = [f"{svg.px(x(at))},{svg.px(y(v))}" for at, v in enumerate(lows)][::-1]
    line = " ".join(f"{svg.px(x(at))},{svg.px(y(v))}" for at, v in enumerate(mids))
    body.append(f'<polygon class="range" points="{" ".join(there + back)}"/>')
    body.append(svg.rule(_LEFT, y(0), _WIDTH - _RIGHT, y(0), "zero"))
    body.append(f'<polyline class="line" points="{line}"/>')
    body += [
        _point(x(at + 1), y(v), tip) for at, (v, tip) in enumerate(zip(values, tips, strict=True))
    ]
    every = max(1, -(-len(labels) // 7))
    body += [
        svg.text(x(at + 1), _HEIGHT - 10, label, f"tick mid{' more' if at % (2 * every) else ''}")
        for at, label in enumerate(labels)
        if at % every == 0
    ]  # fmt: skip
    return svg.frame(_WIDTH, _HEIGHT, title, "".join(body))


def _point(x: float, y: float, tip: str) -> str:
    place = f'cx="{svg.px(x)}" cy="{svg.px(y)}"'
    return f'<g class="bar"><circle {place} r="3" class="dot"/>' + (
        svg.rect(x - 18, _TOP, 36, _HEIGHT - _TOP - _BOTTOM, "hit", tip) + "</g>"
    )
