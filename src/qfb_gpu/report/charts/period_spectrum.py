"""The power of a daily series by period, on a logarithmic scale of days."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qfb_gpu.report.charts import svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.report.markup import Html

_WIDTH, _HEIGHT = 760.0, 170.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 14.0, 26.0, 26.0
_TICKS = (2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 91, 122, 182, 365, 730, 1461)
_TICK_GAP = 32.0
_LABEL_WIDTH = 70.0


def period_spectrum(
    period_days: Sequence[float], power: Sequence[float], dominant: float | None, title: str
) -> Html:
    """Return the spectrum as an area, its dominant period marked.

    Parameters
    ----------
    period_days, power : sequence of float, shape (n_frequencies,)
        Ascending or descending in period; power of any scale, not negative.
    dominant : float, optional
        Days.
    title : str
        What the chart shows, for those who cannot see it.
    """
    highest = max(power, default=0.0) or 1.0
    low, high = math.log(min(period_days)), math.log(max(period_days))
    x = svg.Scale(low, high, _LEFT, _WIDTH - _RIGHT)
    y = svg.Scale(0.0, highest, _HEIGHT - _BOTTOM, _TOP)
    line = " ".join(
        f"{svg.px(x(math.log(days)))},{svg.px(y(value))}"
        for days, value in zip(period_days, power, strict=True)
    )
    ends = [svg.px(x(math.log(period_days[at]))) for at in (-1, 0)]
    base = svg.px(y(0))
    body = [svg.rule(_LEFT, y(0), _WIDTH - _RIGHT, y(0), "zero")]
    body.append(f'<polygon class="power" points="{line} {ends[0]},{base} {ends[1]},{base}"/>')
    free = -_TICK_GAP
    for days in _TICKS:
        place = x(math.log(days))
        if low <= math.log(days) <= high and place >= free:
            body.append(svg.rule(place, y(0), place, y(0) + 4, "zero"))
            body.append(svg.text(place, _HEIGHT - 6, str(days), "tick mid"))
            free = place + _TICK_GAP
    if dominant is not None:
        place = min(max(x(math.log(dominant)), _LEFT), _WIDTH - _RIGHT)
        side = "end" if place > _WIDTH - _RIGHT - _LABEL_WIDTH else ""
        body.append(svg.rule(place, _TOP - 8, place, y(0), "dominant"))
        shift = -5 if side else 5
        body.append(svg.text(place + shift, _TOP - 10, f"{dominant:.1f} days", f"strong {side}"))
    return svg.frame(_WIDTH, _HEIGHT, title, "".join(body), "spectrum")
