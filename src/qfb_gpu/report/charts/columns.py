"""Upright bars over time or over bins: stacked, positive up and negative down, with a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qfb_gpu.report.charts import svg
from qfb_gpu.report.wording import compact, count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qfb_gpu.report.markup import Html

_WIDTH, _HEIGHT = 560.0, 250.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 8.0, 12.0, 30.0
_LABELS = 7
_PHONE_LABELS = 4
_GAP = 0.22


class Series(NamedTuple):
    """One colour of the bars: its class and its signed values, one for each label."""

    kind: str
    values: Sequence[float]


def columns(
    labels: Sequence[str],
    series: Sequence[Series],
    tips: Sequence[str],
    title: str,
    *,
    line: Sequence[float] | None = None,
    write: Callable[[float], str] = compact,
    height: float = _HEIGHT,
) -> Html:
    """Return stacked bars.

    Parameters
    ----------
    labels : sequence of str, shape (n_bars,)
        Below the bars; as many are written as fit.
    series : sequence of Series
        Positive values stack upwards, negative ones downwards.
    tips : sequence of str, shape (n_bars,)
        Tooltip of each bar.
    title : str
        What the chart shows, for those who cannot see it.
    line : sequence of float, optional
        Drawn over the bars on the same scale.
    """
    up, down = _reach(series, line)
    steps = svg.ticks(min(down, 0.0), max(up, 0.0), whole=write is count)
    y = svg.Scale(steps[0], steps[-1], height - _BOTTOM, _TOP)
    band = (_WIDTH - _LEFT - _RIGHT) / max(len(labels), 1)
    body = [_grid(steps, y, write)]
    for at, tip in enumerate(tips):
        left = _LEFT + at * band
        body.append(f'<g class="bar">{_stack(series, at, left, band, y)}')
        body.append(svg.rect(left, _TOP, band, height - _TOP - _BOTTOM, "hit", tip) + "</g>")
    body.append(svg.rule(_LEFT, y(0), _WIDTH - _RIGHT, y(0), "zero"))
    if line is not None:
        points = " ".join(
            f"{svg.px(_LEFT + (at + 0.5) * band)},{svg.px(y(v))}" for at, v in enumerate(line)
        )
        body.append(f'<polyline class="line" points="{points}"/>')
    body.append(_x_labels(labels, band, height))
    return svg.frame(_WIDTH, height, title, "".join(body))


def _reach(series: Sequence[Series], line: Sequence[float] | None) -> tuple[float, float]:
    bars = list(zip(*(one.values for one in series), strict=True))
    ups = [sum(v for v in bar if v > 0) for bar in bars] + list(line or [])
    downs = [sum(v for v in bar if v < 0) for bar in bars] + list(line or [])
    return max(ups, default=0.0), min(downs, default=0.0)


def _stack(series: Sequence[Series], at: int, left: float, band: float, y: svg.Scale) -> str:
    above = below = 0.0
    parts = []
    for kind, values in series:
        value = values[at]
        if not value:
            continue
        base = above if value > 0 else below
        top, bottom = sorted((y(base), y(base + value)))
        inset = band * _GAP / 2
        parts.append(svg.rect(left + inset, top, band - 2 * inset, bottom - top, kind))
        above, below = (base + value, below) if value > 0 else (above, base + value)
    return "".join(parts)


def _grid(steps: Sequence[float], y: svg.Scale, write: Callable[[float], str]) -> str:
    return "".join(
        svg.rule(_LEFT, y(step), _WIDTH - _RIGHT, y(step), "grid")
        + svg.text(_LEFT - 8, y(step) + 4, write(step), "tick end")
        for step in steps
    )


def _x_labels(labels: Sequence[str], band: float, height: float) -> str:
    every = max(1, -(-len(labels) // _LABELS))
    sparse = every * max(1, -(-len(labels[::every]) // _PHONE_LABELS))
    return "".join(
        svg.text(
            _LEFT + (at + 0.5) * band,
            height - 10,
            label,
            "tick mid" if at % sparse == 0 else "tick mid more",
        )
        for at, label in enumerate(labels)
        if at % every == 0
    )
