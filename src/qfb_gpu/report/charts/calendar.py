"""A heat map of days: weeks across, Monday to Sunday down."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from qfb_gpu.report.charts import svg
from qfb_gpu.report.wording import day, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.report.markup import Html

_CELL, _GAP, _LEFT, _TOP = 32.0, 4.0, 44.0, 24.0
_WEEK = 7
_LEAST_WEEKS = 14
_NAMES = "Mon Tue Wed Thu Fri Sat Sun".split()
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def calendar(first_day: dt.date, per_day: Sequence[int], noun: str, title: str) -> Html:
    """Return days from ``first_day`` on, coloured the more there is (square-root shade)."""
    most = max(per_day, default=0) or 1
    lead = first_day.weekday()
    n_weeks = max(-(-(lead + len(per_day)) // _WEEK), _LEAST_WEEKS)
    body = [
        svg.text(_LEFT - 10, _TOP + row * _CELL + 20, name, "tick end")
        for row, name in enumerate(_NAMES)
    ]
    month = 0
    for ahead, number in enumerate(per_day):
        date = first_day + dt.timedelta(days=ahead)
        week, weekday = divmod(lead + ahead, _WEEK)
        x, y = _LEFT + week * _CELL, _TOP + weekday * _CELL
        if date.month != month and (weekday == 0 or ahead == 0):
            month = date.month
            body.append(svg.text(x, _TOP - 8, _MONTHS[month - 1], "tick"))
        side = _CELL - _GAP
        body.append(svg.rect(x, y, side, side, "cell"))
        shade = (number / most) ** 0.5
        tip = f"{_NAMES[weekday]} {day(date)}: {plural(number, noun)}"
        body.append(
            f'<rect x="{svg.px(x)}" y="{svg.px(y)}" width="{svg.px(side)}" '
            f'height="{svg.px(side)}" class="heat" style="fill-opacity:{shade:.2f}">'
            f"<title>{tip}</title></rect>"
        )
    return svg.frame(_LEFT + n_weeks * _CELL, _TOP + _WEEK * _CELL, title, "".join(body), "days")
