"""The cash that regular payments will move."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from qfb_gpu.report.charts.band import band
from qfb_gpu.report.charts.calendar import calendar
from qfb_gpu.report.charts.columns import Series, columns
from qfb_gpu.report.markup import (
    Html,
    card,
    cards,
    details,
    empty,
    legend,
    name,
    party,
    section,
    table,
)
from qfb_gpu.report.page.currency import blocks
from qfb_gpu.report.page.regular import arrow
from qfb_gpu.report.wording import amount, count, day, money, plural, short_day

if TYPE_CHECKING:
    from qfb_gpu.report.data import Cash, Weeks

_TITLE = ("Cash in the next {}", "未来现金流预测")


def cash(data: Cash) -> Html:
    """Return the section."""
    title = _TITLE[0].format("day" if data.horizon_days == 1 else f"{data.horizon_days} days")
    if not data.n_expected or data.first_day is None:
        why = "No regular payment is expected in this time, so no cash can be foreseen."
        return section("cash", title, _TITLE[1], why, empty("Nothing to show."))
    by_currency = blocks(list(data.weeks), lambda currency: _currency(data, currency))
    days = card(
        "When payments are due", "到期日历",
        calendar(data.first_day, data.per_day, "payment", "Expected payments by day"),
        note="Number of expected payments each day, in all currencies; the stronger the colour, "
        "the more.",
        wide=True,
    )  # fmt: skip
    return section("cash", title, _TITLE[1], _lead(data), by_currency, days)


def _lead(data: Cash) -> str:
    currency, weeks = next(iter(data.weeks.items()))
    net = weeks.net[-1] if weeks.net else 0.0
    end = data.first_day + dt.timedelta(days=data.horizon_days - 1) if data.first_day else None
    return (
        f"{plural(data.n_expected, 'regular payment')} should fall due by {day(end)}. In "
        f"{currency}: {money(sum(weeks.money_in), currency)} in, "
        f"{money(sum(weeks.money_out), currency)} out, {money(net, currency)} net "
        f"(90% range {money(weeks.low[-1], currency)} to {money(weeks.high[-1], currency)}). "
        "Only regular payments are counted; other business comes on top."
    )


def _currency(data: Cash, currency: str) -> Html:
    weeks = data.weeks[currency]
    if not sum(weeks.n_in) + sum(weeks.n_out):
        return empty(f"No regular payment in {currency} is expected in this time.")
    return Html(
        cards(_weekly(weeks, currency), _cumulative(weeks, currency)) + _largest(data, currency)
    )


def _weekly(weeks: Weeks, currency: str) -> Html:
    tips = [
        f"week from {day(start)}\nin {money(weeks.money_in[at], currency)} "
        f"({plural(weeks.n_in[at], 'payment')})\nout {money(weeks.money_out[at], currency)} "
        f"({plural(weeks.n_out[at], 'payment')})"
        for at, start in enumerate(weeks.starts)
    ]
    chart = columns(
        [short_day(start) for start in weeks.starts],
        [Series("in", weeks.money_in), Series("out", [-v for v in weeks.money_out])],
        tips,
        f"Expected {currency} in and out by week",
    )
    rows = [
        (day(start), count(weeks.n_in[at]), amount(weeks.money_in[at], currency),
         count(weeks.n_out[at]), amount(weeks.money_out[at], currency),
         amount(weeks.net[at], currency))
        for at, start in enumerate(weeks.starts)
    ]  # fmt: skip
    heads = [("Week from", ""), ("In", "n"), ("Money in", "n"), ("Out", "n"), ("Money out", "n"),
             ("Net so far", "n")]  # fmt: skip
    return card(
        f"In and out by week, {currency}", "按周流入流出",
        legend(("in", "in 流入"), ("out", "out 流出")), chart,
        details("The figures as a table", table(heads, rows, f"Expected {currency} by week")),
    )  # fmt: skip


def _cumulative(weeks: Weeks, currency: str) -> Html:
    tips = [
        f"by the end of the week from {day(start)}\nnet {money(weeks.net[at], currency)}\n"
        f"90% range {money(weeks.low[at], currency)} to {money(weeks.high[at], currency)}"
        for at, start in enumerate(weeks.starts)
    ]
    chart = band(
        [short_day(start) for start in weeks.starts], weeks.net, weeks.low, weeks.high, tips,
        f"Cumulative net expected {currency}, with its 90% range",
    )  # fmt: skip
    return card(
        f"Net so far, {currency}", "累计净额",
        legend(("line-key", "in minus out 净额"), ("range-key", "90% range 区间")), chart,
        note="The range is that of the amounts: streams are taken as independent of one another, "
        "a stream's error as the same each time, and payments as coming on their date.",
    )  # fmt: skip


def _largest(data: Cash, currency: str) -> Html:
    rows = [
        (day(line.due_date), party(line.customer, line.called), name(line.counterparty),
         arrow(line.direction), amount(line.amount, currency))
        for line in data.largest.get(currency, [])
    ]  # fmt: skip
    heads = [("Due 到期", ""), ("Customer 客户", ""), ("Counterparty 对手方", ""), ("", ""),
             (f"Amount, {currency}", "n")]  # fmt: skip
    shown = table(heads, rows, f"Largest expected {currency} payments")
    return card(f"Largest expected payments, {currency}", "最大预计收付", shown, wide=True)
