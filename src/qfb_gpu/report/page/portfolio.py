"""The portfolio: payments and money over time, and who the customers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.charts.columns import Series, columns
from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.markup import Html, card, cards, details, empty, legend, section, table
from qfb_gpu.report.page.currency import blocks
from qfb_gpu.report.wording import count, money_exact, percent, period, plural, to_units

if TYPE_CHECKING:
    from qfb_gpu.report.data import Counts, Periods, Portfolio

_DRAWN = 5


def portfolio(data: Portfolio) -> Html:
    """Return the section."""
    drawn = list(data.periods)[:_DRAWN]
    over_time = blocks(drawn, lambda name: _over_time(data.periods[name], name)) if drawn else (
        empty("No payment was found, so there is nothing to show over time.")
    )  # fmt: skip
    return section(
        "portfolio", "The portfolio", "客户与交易总览", _lead(data), over_time, _customers(data)
    )


def _lead(data: Portfolio) -> str:
    if not data.periods:
        return "What the customers paid and received, month by month."
    name, periods = next(iter(data.periods.items()))
    total = [i + o for i, o in zip(periods.n_in, periods.n_out, strict=True)]
    busiest = max(range(len(total)), key=total.__getitem__)
    others = len(data.periods) - 1
    more = f" {plural(others, 'other currency', 'other currencies')} beside it." if others else ""
    return (
        f"{name} payments run from {period(periods.labels[0])} to {period(periods.labels[-1])}; "
        f"the busiest {periods.step} was {period(periods.labels[busiest])} with "
        f"{plural(total[busiest], 'payment')}.{more}"
    )


def _over_time(periods: Periods, currency: str) -> Html:
    labels = [period(label) for label in periods.labels]
    money = [
        [to_units(minor, currency) * sign for minor in side]
        for side, sign in ((periods.in_minor, 1), (periods.out_minor, -1))
    ]
    tips = [
        f"{label}\nreceived {money_exact(periods.in_minor[at], currency)} "
        f"({plural(periods.n_in[at], 'payment')})\npaid "
        f"{money_exact(periods.out_minor[at], currency)} ({plural(periods.n_out[at], 'payment')})"
        for at, label in enumerate(labels)
    ]
    key = legend(("in", "received 收款"), ("out", "paid 付款"))
    money_chart = columns(
        labels, [Series("in", money[0]), Series("out", money[1])], tips,
        f"{currency} received and paid by {periods.step}",
    )  # fmt: skip
    count_chart = columns(
        labels, [Series("in", periods.n_in), Series("out", periods.n_out)], tips,
        f"Number of {currency} payments by {periods.step}", write=count,
    )  # fmt: skip
    every = f"by {periods.step}"
    return cards(
        card(f"Money {every}, {currency}", "资金流入流出", key, money_chart,
             note="Received above the line, paid below it."),
        card(f"Payments {every}, {currency}", "交易笔数", key, count_chart,
             _as_table(periods, currency)),
    )  # fmt: skip


def _as_table(periods: Periods, currency: str) -> Html:
    lines = [
        (
            period(label), count(periods.n_in[at]), money_exact(periods.in_minor[at], currency),
            count(periods.n_out[at]), money_exact(periods.out_minor[at], currency),
        )
        for at, label in enumerate(periods.labels)
    ]  # fmt: skip
    heads = [(periods.step.capitalize(), ""), ("Received", "n"), ("Money in", "n"),
             ("Paid", "n"), ("Money out", "n")]  # fmt: skip
    return details("The figures as a table", table(heads, lines, f"{currency} by {periods.step}"))


def _customers(data: Portfolio) -> Html:
    groups = {
        "Customers by number of payments 按交易笔数": data.by_payments,
        "Customers by last payment 按最近交易": data.by_recency,
        **{f"Customers by {title[0].lower()}{title[1:]}": c for title, c in data.groups.items()},
    }
    shown = [_counted(title, counts) for title, counts in groups.items() if counts]
    return cards(*shown) if shown else empty("No customer has a payment yet.")


def _counted(title: str, counts: Counts) -> Html:
    whole = sum(n for _, n in counts)
    bars = rows(
        [
            (label, [("plain", n, f"{label}: {count(n)}")], f"{count(n)} · {percent(n, whole)}")
            for label, n in counts
        ]
    )
    english, _, zh = title.rpartition(" ")
    return card(english, zh, bars)
