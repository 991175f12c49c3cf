"""The four risks: how many customers are where, who is newly there and why, were scores right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.figures.columns import added, column, kinds, numbers
from qfb_gpu.report.figures.reading import of_parts, read_or_none
from qfb_gpu.report.markup import (
    Html,
    card,
    cards,
    chinese,
    empty,
    esc,
    legend,
    name,
    section,
    table,
)
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import count, day, percent, plural

if TYPE_CHECKING:
    import datetime as dt
    from collections import Counter

    from qfb_gpu.report.figures.reading import Read

_RISKS = {
    "contract": ("contract performance", "合同履约"),
    "volatility": ("income volatility", "收入波动"),
    "demand": ("market demand", "市场需求"),
    "channel": ("channel dependency", "渠道依赖"),
}
_LEVELS = (("low", "mature"), ("watch", "early"), ("high", "out"), ("severe", "bad"))
_NOT_MEASURED = "not measured"
_SCORED = ["risk", "level", "month_end", "raw_score", "n_observations"]
_ALERTS = [
    "customer_id", "risk", "level", "raised_date", "is_new", "score", "previous_score", "reasons",
    "reasons_zh",
]  # fmt: skip
_TESTS = [
    "risk", "date", "n_customers", "n_fell", "auc", "auc_small", "fell_top", "stability", "covered",
]  # fmt: skip
_SHOWN = 20


def draw(read: Read) -> Html | None:
    """Return the section; None where the run has no risks."""
    found = of_parts(read, "customer_risks", _SCORED, _summed)
    if found is None:
        return None
    if not any(part.n for part in found):
        why = "There is no customer to score."
        return section("risks", "Four risks", "风险管理", why, empty("Nothing to show."))
    alerts = of_parts(read, "risk_alerts", _ALERTS, _alerts) or []
    tested = read_or_none(read, "risk_backtest", _TESTS)
    parts = cards(_levels(found), _test([] if tested is None else tested.to_pylist()))
    lead = _lead(found, alerts)
    return section("risks", "Four risks", "风险管理", lead, parts, _table(alerts))


@dataclass(frozen=True, slots=True)
class _Sums:
    """Rows of a part of the risks, the month they are of, and how many by (risk, level)."""

    n: int
    month_end: dt.date | None
    levels: Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Alerts:
    """Customers of a part that have an alert, new alerts, and those that come first."""

    n_customers: int
    n_new: int
    first: pa.Table


def _summed(found: pa.Table) -> _Sums:
    when = found.column("month_end")[0].as_py() if found.num_rows else None
    is_seen = pc.greater(column(found, "n_observations"), 0)  # else the score is the peers'
    is_known = pc.and_(pc.is_valid(column(found, "raw_score")), is_seen)
    level = pc.if_else(is_known, column(found, "level").cast(pa.string()), _NOT_MEASURED)
    told = pa.table({"risk": column(found, "risk"), "level": level})
    return _Sums(found.num_rows, when, kinds(told, ["risk", "level"]))


def _alerts(found: pa.Table) -> _Alerts:
    n_customers = len(column(found, "customer_id").unique())
    return _Alerts(n_customers, int(numbers(found, "is_new").sum()), _first(found))


def _first(alerts: pa.Table) -> pa.Table:
    by = [("is_new", "descending"), ("score", "descending"), ("customer_id", "ascending")]
    return alerts.sort_by(by).slice(0, _SHOWN)


def _lead(found: list[_Sums], alerts: list[_Alerts]) -> str:
    customers = sum(part.n for part in found) // len(_RISKS)
    held = sum(part.n_customers for part in alerts)
    new = sum(part.n_new for part in alerts)
    when = day(next(part.month_end for part in found if part.n))
    return (
        f"{plural(customers, 'customer')} scored from 0 to 100 as of {when}, the last month that "
        f"had ended; {count(held)} of them {'has' if held == 1 else 'have'} an alert in "
        "some risk, and "
        f"{plural(new, 'alert')} {'is' if new == 1 else 'are'} new since the month before."
    )


def _levels(found: list[_Sums]) -> Html:
    number = added(part.levels for part in found)
    items = []
    for risk, (words, zh) in _RISKS.items():
        levels = (*_LEVELS, (_NOT_MEASURED, "plain"))
        counts = [(level, kind, number.get((risk, level), 0)) for level, kind in levels]
        parts = [(kind, float(n), f"{count(n)} {level}") for level, kind, n in counts]
        bad = number.get((risk, "high"), 0) + number.get((risk, "severe"), 0)
        items.append((f"{words} {zh}", parts, f"{count(bad)} high or severe"))
    keys = legend(*((kind, level) for level, kind in (*_LEVELS, (_NOT_MEASURED, "plain"))))
    return card(
        "Customers by level", "风险等级分布", keys, rows(items),
        note="A score is drawn towards customers of the same size where little is known; its range "
        "is in the customer_risks table. Not measured: nothing is known of the customer itself.",
    )  # fmt: skip


def _test(tests: list[dict[str, Any]]) -> Html:
    title, zh = "Were past scores right?", "回测"
    if not tests:
        return card(title, zh, empty("History is too short to test scores of past months."))
    heads = [("Risk", ""), ("As of", ""), ("Fell", "n"), ("AUC", "n"), ("By size", "n min"),
             ("Worst fifth", "n"), ("Stable", "n min"), ("In range", "n min")]  # fmt: skip
    lines = [
        [
            _RISKS[one["risk"]][0], day(one["date"]),
            f"{count(one['n_fell'])} of {count(one['n_customers'])}", _number(one["auc"]),
            _number(one["auc_small"]), percent(one["fell_top"]), _number(one["stability"]),
            percent(one["covered"]),
        ]
        for one in tests
        if one["risk"] in _RISKS
    ]  # fmt: skip
    note = (
        "Fell: income of the next half-year under that of the same months a year before by the "
        "share of the setting finance.risks.fall (half, where it is not set) or more. AUC: the "
        "chance that one who fell had the higher score; by size: that it was the smaller. Worst "
        "fifth: share that fell of those with the highest scores. Stable: rank correlation with "
        "half a year later; in range: scores of half a year later inside the 90% range. Only "
        "income is tested: contract risk is about kept promises, not about sales."
    )
    return card(title, zh, table(heads, lines, "Back-test of the four risks"), note=note, wide=True)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _table(alerts: list[_Alerts]) -> Html:
    if not any(part.n_customers for part in alerts):
        return empty("No customer has an alert.")
    order = _first(pa.concat_tables([part.first for part in alerts])).to_pylist()
    heads = [("Customer", ""), ("Risk", ""), ("Score", "n"), ("Before", "n min"), ("Since", ""),
             ("Why", "")]  # fmt: skip
    lines = [
        [
            name(one["customer_id"]), _what(one), f"{one['score']:.0f}",
            _points(one["previous_score"]),
            ("new, " if one["is_new"] else "") + day(one["raised_date"]), _why(one),
        ]
        for one in order
    ]  # fmt: skip
    return card(
        "Alerts, new ones first", "风险预警", table(heads, lines, "Risk alerts"), wide=True,
        note="Since: the month end at which the level was reached and has held; at most a year "
        "back. An alert ends where the score is below its level by more than the setting "
        "finance.risks.alert_margin (3 points, where it is not set). All alerts are in the "
        "risk_alerts table.",
    )  # fmt: skip


def _points(score: float | None) -> str:
    return "–" if score is None else f"{score:.0f}"


def _what(one: dict[str, Any]) -> Html:
    words, zh = _RISKS.get(one["risk"], (one["risk"], ""))
    return Html(f"{esc(words)} {chinese(zh)}<br>{esc(one['level'])}")


def _why(one: dict[str, Any]) -> Html:
    if not one["reasons"]:
        return Html("–")
    return Html(f"{esc(one['reasons'], 400)}<br>{chinese(one['reasons_zh'])}")


RISKS = Section("risks", "Four risks", "风险", draw)
