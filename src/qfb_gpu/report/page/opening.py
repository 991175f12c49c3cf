"""The head of the page: what the night found, in one paragraph and a row of figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.markup import Html, chinese, esc, join, table
from qfb_gpu.report.page.currency import blocks
from qfb_gpu.report.wording import (
    count,
    day,
    duration,
    money,
    money_exact,
    percent,
    plural,
    to_units,
)

if TYPE_CHECKING:
    from qfb_gpu.report.data import CurrencyLine, Headline, ReportData

_DRAWN = 5


def opening(data: ReportData) -> Html:
    """Return the title, the summary in words, the headline figures and where they are from."""
    head = data.headline
    drawn = [line.currency for line in head.currencies[:_DRAWN]]
    lines = {line.currency: line for line in head.currencies}
    tiles = [_tile("Payments", "交易笔数", count(head.n_payments), "read and scored"),
             _tile("Customers", "客户数", count(head.n_customers), "each with a profile"),
             _tile("Regular payments", "规律性支付", count(head.n_regular),
                   f"of {plural(head.n_streams, 'payment stream')}")]  # fmt: skip
    by_money = blocks(drawn, lambda name: _money_tiles(lines[name], head)) if drawn else ""
    return Html(
        f'<header><p class="kicker">量化帮 · qfb_gpu · nightly run</p>'
        f"<h1>Customer payments {chinese('客户支付画像')}</h1>"
        f'<p class="asof">As of <b>{day(head.as_of)}</b></p>{_words(data)}'
        f'<div class="tiles">{join(tiles)}</div>{by_money}{_all_currencies(head)}{_origin(head)}'
        "</header>"
    )


def _tile(title: str, zh: str, figure: str, below: str, tip: str = "") -> Html:
    tooltip = f' title="{esc(tip)}"' if tip else ""
    return Html(
        f'<div class="tile"><p class="label">{esc(title)} {chinese(zh)}</p>'
        f'<p class="figure"{tooltip}>{esc(figure)}</p><p class="below">{esc(below)}</p></div>'
    )


def _money_tiles(line: CurrencyLine, head: Headline) -> Html:
    name, ahead = line.currency, f"next {plural(head.horizon_days, 'day')}"
    tiles = [
        _minor_tile("Money in", "流入", line.in_minor, name),
        _minor_tile("Money out", "流出", line.out_minor, name),
        _tile("Regular share", "规律性占比", percent(line.regular_minor, line.stream_minor),
              "of the money that moved"),
        _tile("Expected in", "预计流入", money(line.expected_in, name), ahead),
        _tile("Expected out", "预计流出", money(line.expected_out, name), ahead),
    ]  # fmt: skip
    return Html(f'<div class="tiles money">{join(tiles)}</div>')


def _minor_tile(title: str, zh: str, minor: int, currency: str) -> Html:
    exact = money_exact(minor, currency)
    return _tile(title, zh, money(to_units(minor, currency), currency), exact)


def _words(data: ReportData) -> Html:
    head = data.headline
    if not head.n_payments:
        return Html('<p class="summary">No payment was found up to this date.</p>')
    who = plural(head.n_customers, "customer")
    parts = [f"{who} made and received {plural(head.n_payments, 'payment')}."]
    main = head.currencies[0] if head.currencies else None
    if not head.n_regular:
        parts.append("None of their payment streams is regular at the chosen error rate.")
    elif main is not None:
        name = main.currency
        parts.append(
            f"{plural(head.n_regular, 'stream of payments is', 'streams of payments are')} regular "
            f"and {'carries' if head.n_regular == 1 else 'carry'} "
            f"{percent(main.regular_minor, main.stream_minor)} of the {name} that moved; in the "
            f"next {plural(head.horizon_days, 'day')} {money(main.expected_in, name)} should come "
            f"in by such streams and {money(main.expected_out, name)} go out."
        )
    if data.segments:
        parts.append(f"The customers fall into {plural(len(data.segments), 'segment')}.")
    if head.updated:
        parts.append(_update(head))
    rejected = sum(reason.n_rows for s in data.quality.sources for reason in s.rejected)
    parts.append(
        f"{plural(rejected, 'source row')} could not be used; see data quality."
        if rejected
        else "Every source row could be used."
    )
    return Html(f'<p class="summary">{esc(" ".join(parts), 10**6)}</p>')


def _update(head: Headline) -> str:
    """Say what of the page is as old as the last whole night."""
    return (
        f"This is an update of night {head.updated}: "
        f"{plural(head.n_updated, 'customer')} with changed rows scored anew. What is found over "
        "all customers (segments, the payment network, open orders, models) is as that "
        "night found it, and may name customers who have left since."
    )


def _all_currencies(head: Headline) -> Html:
    if len(head.currencies) <= 1:
        return Html("")
    ahead = plural(head.horizon_days, "day")
    columns = [("Currency", ""), ("Payments", "n"), ("Money in", "n"), ("Money out", "n"),
               ("Regular share", "n"), (f"Expected in, {ahead}", "n min"),
               (f"Expected out, {ahead}", "n min")]  # fmt: skip
    rows = [
        (
            line.currency, count(line.n_payments), money_exact(line.in_minor, line.currency),
            money_exact(line.out_minor, line.currency),
            percent(line.regular_minor, line.stream_minor),
            money(line.expected_in, line.currency), money(line.expected_out, line.currency),
        )
        for line in head.currencies
    ]  # fmt: skip
    shown = table(columns, rows, "Every currency; they are never added together")
    return Html(f"<details><summary>All {len(rows)} currencies</summary>{shown}</details>")


def _origin(head: Headline) -> Html:
    facts = [("Run 运行", head.run_id or "not given"), ("Device 设备", head.device or "not given"),
             ("Duration 用时", duration(head.seconds))]  # fmt: skip
    shown = join(f"<div><dt>{esc(what)}</dt><dd>{esc(value)}</dd></div>" for what, value in facts)
    return Html(f'<dl class="origin">{shown}</dl>')
