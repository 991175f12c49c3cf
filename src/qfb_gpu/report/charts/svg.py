"""What every SVG chart shares: the frame, the scale, the ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qfb_gpu.report.markup import Html, esc

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from values to pixels."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        span = (self.high - self.low) or 1.0
        return self.start + (value - self.low) / span * (self.stop - self.start)


def ticks(low: float, high: float, about: int = 4, *, whole: bool = False) -> list[float]:
    """Return round values that enclose ``low`` to ``high``, about so many; whole ones of counts."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return [0.0, 1.0]
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in _STEPS if s * power >= rough * 0.999)
    if whole and step != int(step):
        step = float(math.ceil(step))  # 2.5 is the one beyond 1
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * i, 12) for i in range(first, last + 1)]


def px(value: float) -> str:
    """Return a coordinate with one decimal at most."""
    return f"{value:.1f}".removesuffix(".0").replace("-0.0", "0")


def frame(width: float, height: float, title: str, body: str, kind: str = "") -> Html:
    """Return an SVG that fills its place and says what it shows to those who cannot see it."""
    return Html(
        f'<svg class="chart {kind}" viewBox="0 0 {px(width)} {px(height)}" role="img" '
        f'aria-label="{esc(title, 1000)}" preserveAspectRatio="xMidYMid meet">{body}</svg>'
    )


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return a text; its class sets anchor and size."""
    return f'<text x="{px(x)}" y="{px(y)}" class="{kind}">{esc(words)}</text>'


def rect(x: float, y: float, width: float, height: float, kind: str, tip: str = "") -> str:
    """Return a rectangle, with its tooltip if any."""
    place = f'x="{px(x)}" y="{px(y)}" width="{px(max(width, 0))}" height="{px(max(height, 0))}"'
    if not tip:
        return f'<rect {place} class="{kind}"/>'
    return f'<rect {place} class="{kind}"><title>{esc(tip, 1000)}</title></rect>'


def rule(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line."""
    return f'<line x1="{px(x1)}" y1="{px(y1)}" x2="{px(x2)}" y2="{px(y2)}" class="{kind}"/>'
