"""Payments where they fall in the calendar: a regular one is a straight line.

Months across and days of the month down; or, for payers that are weekly or so, weeks across and
Monday to Sunday down.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from qfb_gpu.report.charts import svg
from qfb_gpu.report.markup import esc
from qfb_gpu.report.wording import day as written

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qfb_gpu.report.markup import Html

_WIDTH = 760.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 14.0, 12.0, 24.0
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
_MONTH_LABELS = (1, 5, 10, 15, 20, 25, 31)
_LABEL_WIDTH, _WIDEST, _LEAST_RADIUS, _MOST_RADIUS = 34.0, 46.0, 2.0, 6.5
_YEAR = 12


class Mark(NamedTuple):
    """A payment, or one that was or is due: its class, its size from 0 to 1, its tooltip."""

    date: dt.date
    kind: str
    size: float
    tip: str


class Grid(NamedTuple):
    """Where days are: one column a month or a week."""

    first: dt.date
    last: dt.date
    by_week: bool

    @property
    def n_columns(self) -> int:
        """Columns from the first day to the last."""
        return self.column(self.last) + 1

    @property
    def n_rows(self) -> int:
        """Rows of a column."""
        return len(_WEEKDAYS) if self.by_week else _MONTH_LABELS[-1]

    @property
    def width(self) -> float:
        """Width of a column in pixels."""
        return min(_WIDEST, (_WIDTH - _LEFT - _RIGHT) / self.n_columns)

    @property
    def height(self) -> float:
        """Height of a row in pixels."""
        return 22.0 if self.by_week else 8.0

    def column(self, date: dt.date) -> int:
        """Return the column of a day."""
        if self.by_week:
            monday = self.first - dt.timedelta(days=self.first.weekday())
            return (date - monday).days // len(_WEEKDAYS)
        return (date.year - self.first.year) * _YEAR + date.month - self.first.month

    def corner(self, date: dt.date) -> tuple[float, float]:
        """Return the left upper corner of a day's cell."""
        row = date.weekday() if self.by_week else date.day - 1
        return _LEFT + self.column(date) * self.width, _TOP + row * self.height


def payment_calendar(
    grid: Grid, marks: Sequence[Mark], expected: tuple[dt.date, dt.date] | None, title: str
) -> Html:
    """Return the calendar.

    Parameters
    ----------
    grid : Grid
    marks : sequence of Mark
        Later ones lie on top; days outside of the grid are left out.
    expected : (date, date), optional
        The range in which the next payment is expected.
    title : str
        What the chart shows, for those who cannot see it.
    """
    body = [*_lines(grid), *_months(grid)]
    if expected is not None:
        tip = f"expected {written(expected[0])} to {written(expected[1])} (90%)"
        body += [
            svg.rect(*grid.corner(date), grid.width, grid.height, "expected", tip)
            for date in _days(*expected)
            if grid.first <= date <= grid.last
        ]
    body += [_circle(grid, mark) for mark in marks if grid.first <= mark.date <= grid.last]
    height = _TOP + grid.n_rows * grid.height + _BOTTOM
    return svg.frame(_WIDTH, height, title, "".join(body), "payments")


def _days(first: dt.date, last: dt.date) -> Iterable[dt.date]:
    return (first + dt.timedelta(days=i) for i in range((last - first).days + 1))


def _lines(grid: Grid) -> Iterable[str]:
    """Draw a thin line a row that has a label."""
    right = _LEFT + grid.n_columns * grid.width
    labels = (
        list(enumerate(_WEEKDAYS))
        if grid.by_week
        else [(number - 1, str(number)) for number in _MONTH_LABELS]
    )
    for row, label in labels:
        y = _TOP + (row + 0.5) * grid.height
        yield svg.rule(_LEFT, y, right, y, "grid")
        yield svg.text(_LEFT - 9, y + 4, label, "tick end")


def _months(grid: Grid) -> Iterable[str]:
    """Write the months, a year where one begins, as many as there is room for."""
    bottom = _TOP + grid.n_rows * grid.height
    first = grid.first.replace(day=1)
    free = -_LABEL_WIDTH
    for ahead in range((grid.last.year - first.year + 1) * _YEAR):
        years, month = divmod(first.month - 1 + ahead, _YEAR)
        date = dt.date(first.year + years, month + 1, 1)
        if date > grid.last:
            return
        x, _ = grid.corner(max(date, grid.first))
        if month == 0 and ahead:
            yield svg.rule(x, _TOP - 4, x, bottom + 4, "year")
        months_wide = grid.width if not grid.by_week else grid.width * 4.35
        if not ahead or month % _step(months_wide) == 0:
            if x < free:
                continue
            label = str(date.year) if month == 0 else _MONTHS[month]
            label = f"{label} {date.year}" if month and not ahead else label
            yield svg.text(x + 1, bottom + 17, label, "tick")
            free = x + _LABEL_WIDTH * (2 if " " in label else 1)


def _step(month_width: float) -> int:
    """Return every how many months there is room for a label."""
    return next((n for n in (1, 2, 3, 6) if n * month_width >= _LABEL_WIDTH), _YEAR)


def _circle(grid: Grid, mark: Mark) -> str:
    x, y = grid.corner(mark.date)
    most = min(_MOST_RADIUS, max(grid.width * 0.55, _LEAST_RADIUS + 1))
    radius = max(_LEAST_RADIUS, most * mark.size**0.5)
    place = f'cx="{svg.px(x + grid.width / 2)}" cy="{svg.px(y + grid.height / 2)}"'
    return (
        f'<circle {place} r="{svg.px(radius)}" class="mark {mark.kind}">'
        f"<title>{esc(mark.tip, 1000)}</title></circle>"
    )
