"""Regular payments: how many, how sure, how much of the money."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from qfb_gpu.report.charts.columns import Series, columns
from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.markup import (
    Html,
    card,
    cards,
    chinese,
    empty,
    esc,
    legend,
    name,
    party,
    section,
    table,
)
from qfb_gpu.report.page.currency import blocks
from qfb_gpu.report.wording import (
    NOTHING,
    amount,
    compact,
    count,
    day,
    money_exact,
    percent,
    plural,
    short_day,
)

if TYPE_CHECKING:
    from qfb_gpu.report.data import Regular, StreamLine

CADENCE_ZH = {
    "daily": "每日", "weekly": "每周", "biweekly": "每两周", "semimonthly": "每半月",
    "monthly": "每月", "bimonthly": "每两月", "quarterly": "每季", "semiannual": "每半年",
    "annual": "每年", "every_n_days": "每若干天", "irregular": "不定期",
}  # fmt: skip
_STATUS = {"mature": "mature 稳定", "early": "early 初现", "stopped": "stopped 已停"}
_KINDS = {
    "fixed": "fixed: always the same 固定", "stepped": "stepped: changes at times 阶梯",
    "variable": "variable: differs each time 浮动", "trend": "trend: grows or falls 趋势",
}  # fmt: skip


def regular(data: Regular) -> Html:
    """Return the section."""
    if not data.n_streams:
        body: list[str] = [empty("There is no payment stream: no payment was found.")]
    elif not data.n_regular:
        body = [empty(
            "No stream of payments is regular at the chosen error rate. Short histories are the "
            "usual cause: at least three payments are needed (two for a yearly one)."
        ), cards(_confidence(data), _share(data))]  # fmt: skip
    else:
        largest = blocks(list(data.largest), lambda currency: _largest(data, currency))
        body = [
            cards(_cadences(data), _share(data)),
            cards(_confidence(data), _kinds(data)),
            largest,
        ]
    return section("regular", "Regular payments", "规律性支付", _lead(data), *body)


def _lead(data: Regular) -> str:
    if not data.n_regular:
        return f"{plural(data.n_streams, 'stream')} of payments were looked at."
    top = max(data.by_cadence.items(), key=lambda item: sum(item[1].values()))
    stopped = sum(statuses.get("stopped", 0) for statuses in data.by_cadence.values())
    follow = "follows" if data.n_regular == 1 else "follow"
    return (
        f"{count(data.n_regular)} of {plural(data.n_streams, 'stream')} "
        f"({percent(data.n_regular, data.n_streams)}) {follow} a schedule; most often "
        f"{top[0].replace('_', ' ')} ({percent(sum(top[1].values()), data.n_regular)} of them). "
        f"{count(stopped)} of them {'has' if stopped == 1 else 'have'} stopped."
    )


def _cadences(data: Regular) -> Html:
    items = []
    for cadence, statuses in data.by_cadence.items():
        parts = [
            (status, float(n), f"{cadence}, {status}: {count(n)}")
            for status, n in ((s, statuses.get(s, 0)) for s in _STATUS)
        ]
        label = f"{cadence.replace('_', ' ')} {CADENCE_ZH.get(cadence, '')}"
        items.append((label, parts, count(sum(statuses.values()))))
    return card(
        "Streams by cadence and status", "周期与状态", legend(*_STATUS.items()), rows(items),
        note="Mature: seen often enough to rely on. Early: the first few payments fit a schedule. "
        "Stopped: payments that were due did not come.",
    )  # fmt: skip


def _share(data: Regular) -> Html:
    items = []
    for (currency, direction), (part, whole) in sorted(data.share.items()):
        if currency not in data.largest or whole <= 0:
            continue
        words = "received 收款" if direction == "in" else "paid 付款"
        tip = f"{money_exact(part, currency)} of {money_exact(whole, currency)}"
        bar = [(direction, max(part, 0) / whole, tip)]
        items.append((f"{currency} {words}", bar, percent(part, whole)))
    shown = rows(items, longest=1.0) if items else empty("No money moved.")
    return card(
        "Share of the money that is regular", "规律性资金占比", shown,
        note="Money in regular streams beside the money in all streams of that currency, before "
        "returns (negative amounts).",
    )  # fmt: skip


def _confidence(data: Regular) -> Html:
    edges = data.confidence_edges
    pairs = list(pairwise(edges))
    tips = [
        f"confidence {low:.2f} to {high:.2f}\nregular: {count(data.confidence_regular[at])}\n"
        f"not regular: {count(data.confidence_other[at])}"
        for at, (low, high) in enumerate(pairs)
    ]
    chart = columns(
        [f"{low:.2f}" for low, _ in pairs],
        [Series("mature", data.confidence_regular), Series("plain", data.confidence_other)],
        tips,
        "Streams by confidence that they are not random",
        write=count,
    )
    return card(
        "How sure", "置信度分布",
        legend(("mature", "regular 规律"), ("plain", "not regular 非规律")), chart,
        note="Confidence 0.98: of all streams of this run that look at least as regular, 98% or "
        "more should not be payments at random; of those just above it alone, fewer. Which count "
        "as regular is decided over the whole run at once, so that the share of false ones among "
        "them stays below the configured rate.",
    )  # fmt: skip


def _kinds(data: Regular) -> Html:
    items = [
        (_KINDS.get(kind, kind), [("plain", float(n), f"{kind}: {count(n)}")],
         f"{count(n)} · {percent(n, data.n_regular)}")
        for kind, n in data.by_amount_kind
    ]  # fmt: skip
    width = _date_range(data.range_days)
    return card(
        "How the amount behaves", "金额形态", rows(items),
        note="What the 90% range means: of a hundred next payments, about ninety should fall "
        "between the two dates, and as many between the two amounts; about five come before "
        f"and five after.{width}",
    )  # fmt: skip


def _date_range(days: float | None) -> str:
    if days is None:
        return ""
    if round(days) == 0:
        return " Half of the date ranges are a single day."
    return f" Half of the date ranges span at most {plural(round(days), 'day')}."


def _largest(data: Regular, currency: str) -> Html:
    lines = data.largest[currency]
    if not lines:
        return card(
            f"Largest regular streams, {currency}", "最大规律性支付",
            empty(f"No regular stream in {currency} is still going."), wide=True,
        )  # fmt: skip
    columns_ = [("Customer 客户", ""), ("Counterparty 对手方", ""), ("", ""), ("Cadence 周期", ""),
                ("Payments", "n min"), ("Typical amount", "n"), ("Next date 下次日期", "n"),
                ("90% range", "n min"), ("Next amount", "n min"), ("90% range", "n min"),
                ("Confidence", "n min")]  # fmt: skip
    shown = table(columns_, [_row(line, currency) for line in lines],
                  f"Largest regular {currency} streams that are still going")  # fmt: skip
    return card(f"Largest regular streams, {currency}", "最大规律性支付", shown, wide=True)


def _row(line: StreamLine, currency: str) -> tuple[object, ...]:
    sure = NOTHING if line.confidence is None else f"{line.confidence:.4f}"
    return (
        party(line.customer, line.called),
        name(line.counterparty),
        arrow(line.direction),
        _cadence(line),
        count(line.n_payments),
        amount(line.amount_typical, currency),
        day(line.next_date),
        f"{short_day(line.next_earliest)} – {short_day(line.next_latest)}"
        if line.next_earliest and line.next_latest else NOTHING,
        amount(line.next_amount, currency),
        f"{compact(line.next_low)} – {compact(line.next_high)}"
        if line.next_low is not None and line.next_high is not None else NOTHING,
        sure,
    )  # fmt: skip


def _cadence(line: StreamLine) -> Html:
    words, zh = line.cadence.replace("_", " "), CADENCE_ZH.get(line.cadence, "")
    if line.cadence == "every_n_days" and line.period_days is not None:
        days = f"{line.period_days:.0f}"
        words, zh = f"every {days} days", f"每{days}天"
    return Html(f"{esc(words)} {chinese(zh)}")


def arrow(direction: str) -> Html:
    """Return the direction as a small coloured word."""
    word = "in 收" if direction == "in" else "out 付"
    return Html(f'<span class="way {"in" if direction == "in" else "out"}">{word}</span>')
