"""Contracts: how far they are paid, what comes next, what is overdue and what disagrees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.figures.columns import added, kinds
from qfb_gpu.report.figures.reading import of_parts, read_or_none
from qfb_gpu.report.markup import Html, card, cards, empty, legend, name, section, table
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import (
    NOTHING,
    amount,
    count,
    day,
    money,
    percent,
    plural,
    to_units,
)

if TYPE_CHECKING:
    from collections import Counter

    import pyarrow as pa

    from qfb_gpu.report.figures.reading import Read

_SUMMARY = [
    "customer_id", "contract_id", "counterparty_id", "category", "currency", "total_minor",
    "n_payments", "n_linked", "n_matched", "paid_ratio", "n_nodes_overdue", "clause_problem",
    "agreement", "disagreement", "is_finished", "next_kind", "next_percent", "next_amount",
    "next_date", "next_date_earliest", "next_date_latest", "next_chance",
]  # fmt: skip
_NODES = ["kind", "status"]
_GROUPS = [
    "group_by", "group", "n_contracts", "payments_mean", "payments_median",
    "first_payment_days_median", "gap_days_median", "recurring_percents",
]  # fmt: skip
_KINDS = ("预付款", "进度款", "到货款", "验收款", "结算款", "质保金", "其他")
_ENGLISH = dict(
    zip(
        _KINDS,
        ("advance", "progress", "delivery", "acceptance", "settlement", "retention", "other"),
        strict=True,
    )
)
_SHOWN = 12


def draw(read: Read) -> Html | None:
    """Return the section; None where the run has no contracts."""
    found = of_parts(read, "contract_summary", _SUMMARY, _summed)
    if found is None:
        return None
    if not any(part.n for part in found):
        why = "The contracts source has no contract in force by the as-of date."
        return section("contracts", "Contract payments", "合同支付", why, empty("Nothing to show."))
    nodes = of_parts(read, "contract_nodes", _NODES, partial(kinds, names=_NODES)) or []
    groups = read_or_none(read, "contract_groups", _GROUPS)
    return section(
        "contracts", "Contract payments", "合同支付", _lead(found),
        cards(_nodes(added(nodes)), _groups([] if groups is None else groups.to_pylist())),
        _coming([one for part in found for one in part.coming]),
        _differing([one for part in found for one in part.odd], sum(part.n_odd for part in found)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the contracts of a part come to.

    Attributes
    ----------
    n, n_finished, n_payments, n_linked, n_matched, n_overdue : int
    coming : list of dict
        Whose next payment comes first.
    n_odd : int
        Whose clause and payments do not fit.
    odd : list of dict
        The largest of those.
    """

    n: int
    n_finished: int
    n_payments: int
    n_linked: int
    n_matched: int
    n_overdue: int
    coming: list[dict[str, Any]]
    n_odd: int
    odd: list[dict[str, Any]]


def _summed(found: pa.Table) -> _Sums:
    contracts = found.to_pylist()
    odd = [one for one in contracts if one["disagreement"] or one["clause_problem"]]
    return _Sums(
        n=len(contracts),
        n_finished=sum(bool(one["is_finished"]) for one in contracts),
        n_payments=sum(one["n_payments"] for one in contracts),
        n_linked=sum(one["n_linked"] for one in contracts),
        n_matched=sum(one["n_matched"] for one in contracts),
        n_overdue=sum(one["n_nodes_overdue"] > 0 for one in contracts),
        coming=_soonest([one for one in contracts if one["next_date"] is not None]),
        n_odd=len(odd),
        odd=_largest(odd),
    )


def _soonest(waiting: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(waiting, key=lambda one: (one["next_date"], one["contract_id"]))[:_SHOWN]


def _largest(odd: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(odd, key=lambda one: (-abs(one["total_minor"] or 0), one["contract_id"]))[:_SHOWN]


def _lead(found: list[_Sums]) -> str:
    n, finished, linked, matched, overdue, paid = (
        sum(getattr(part, name_) for part in found)
        for name_ in ("n", "n_finished", "n_linked", "n_matched", "n_overdue", "n_payments")
    )
    mean = paid / n
    return (
        f"{plural(n, 'contract')}, {count(finished)} of them paid in full; {mean:.2f} payments a "
        f"contract on average, those without a payment among them. {plural(linked, 'payment')} "
        f"came with the contract's number, {count(matched)} more were matched. "
        f"{plural(overdue, 'contract has', 'contracts have')} a node overdue by its own dates."
    )


def _nodes(counts: Counter[tuple[str, str]]) -> Html:
    items = []
    for kind in _KINDS:
        of = {s: counts[kind, s] for s in ("paid", "part", "overdue", "open")}
        whole = sum(of.values())
        if whole:
            parts = [
                ("mature", float(of["paid"]), f"{of['paid']} paid"),
                ("out", float(of["part"]), f"{of['part']} paid in part"),
                ("bad", float(of["overdue"]), f"{of['overdue']} overdue"),
                ("early", float(of["open"]), f"{of['open']} open"),
            ]
            label = f"{kind} {_ENGLISH[kind]}"
            items.append((label, parts, f"{count(of['paid'])} of {count(whole)}"))
    keys = legend(("mature", "paid 已付"), ("out", "in part 部分"), ("bad", "overdue 逾期"),
                  ("early", "open 未付"))  # fmt: skip
    shown = rows(items) if items else empty("No node is known.")
    return card(
        "Payment nodes", "付款节点", keys, shown,
        note="Overdue is said only where the clause and the contract's dates give a due date: "
        "payments at signature and after the warranty.",
    )  # fmt: skip


def _groups(groups: list[dict[str, Any]]) -> Html:
    chosen = [one for one in groups if one["group_by"] in ("all", "category")]
    heads = [("Category 类别", ""), ("Contracts", "n"), ("Payments 平均支付次数", "n"),
             ("median", "n min"), ("First after 首付间隔", "n"), ("Gap 付款间隔", "n")]  # fmt: skip
    lines = [
        (one["group"], count(one["n_contracts"]), f"{one['payments_mean']:.2f}",
         f"{one['payments_median']:g}", _days(one["first_payment_days_median"]),
         _days(one["gap_days_median"]))
        for one in chosen
    ]  # fmt: skip
    return card(
        "Number and gaps of payments", "支付次数与间隔", table(heads, lines, "By category"),
        note="Means over all contracts; days are medians. By supplier: table contract_groups.",
    )  # fmt: skip


def _days(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f} d"


def _coming(waiting: list[dict[str, Any]]) -> Html:
    heads = [("Contract 合同", ""), ("Payer", ""), ("Payee", "min"), ("Node 节点", ""),
             ("Share", "n"), ("Amount 金额", "n"), ("Expected 预计", "n"), ("5% to 95%", "n min"),
             ("Paid so far", "n min")]  # fmt: skip
    lines = [
        (name(one["contract_id"]), name(one["customer_id"]), name(one["counterparty_id"]),
         one["next_kind"], f"{one['next_percent']:g}%",
         f"{one['currency']} {amount(one['next_amount'], one['currency'])}", day(one["next_date"]),
         f"{day(one['next_date_earliest'])} – {day(one['next_date_latest'])}",
         percent(one["paid_ratio"] or 0.0))
        for one in _soonest(waiting)
    ]  # fmt: skip
    shown = table(heads, lines, "Next payments of contracts") if lines else empty("None expected.")
    return card(
        "Next payments of contracts", "下一笔合同款", shown, wide=True,
        note="By how long such nodes took in other contracts, given that this one is not paid yet "
        "(Kaplan-Meier). No latest date: so many of such nodes are still unpaid.",
    )  # fmt: skip


def _differing(odd: list[dict[str, Any]], n_odd: int) -> Html:
    heads = [("Contract 合同", ""), ("Payer", "min"), ("Total 总价", "n"), ("Clause 条款", ""),
             ("Payments 付款", "")]  # fmt: skip
    lines = [
        (name(one["contract_id"]), name(one["customer_id"]), _total(one),
         one["clause_problem"] or NOTHING, one["disagreement"] or NOTHING)
        for one in _largest(odd)
    ]  # fmt: skip
    shown = (
        table(heads, lines, "Disagreements")
        if lines
        else empty("Every clause that was read adds up to 100%, and payments fit theirs.")
    )
    return card(
        "Where clause and payments do not fit", "条款与付款不一致", shown, wide=True,
        note=f"{plural(n_odd, 'contract')}; the largest first." if lines else "",
    )  # fmt: skip


def _total(one: dict[str, Any]) -> str:
    if one["total_minor"] is None:
        return NOTHING
    currency = one["currency"] or ""
    return money(to_units(one["total_minor"], currency), currency)


CONTRACTS = Section("contracts", "Contract payments", "合同支付", draw)
