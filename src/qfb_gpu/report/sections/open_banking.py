"""Declared schedules: what the bank says is paid, beside what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from qfb_gpu.report.figures.columns import read_or_none
from qfb_gpu.report.markup import Html, card, section, table
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import count, percent, plural

if TYPE_CHECKING:
    from qfb_gpu.report.figures.columns import Read

_MOST = 20
_COLUMNS = [
    "customer_id", "kind", "counterparty_id", "counterparty_name", "frequency", "amount",
    "currency", "stream_id", "agrees", "difference",
]  # fmt: skip
_KINDS = {"standing_order": "standing order 定期付款", "direct_debit": "direct debit 代扣"}


def draw(read: Read) -> Html | None:
    """Return the section; None where nothing was declared."""
    found = read_or_none(read, "declared_schedules", _COLUMNS)
    if found is None:
        return None
    found = found.filter(pc.not_equal(found.column("kind"), "scheduled_payment"))
    if not found.num_rows:
        return None
    rows = sorted(found.to_pylist(), key=_order)
    n_seen = sum(row["stream_id"] is not None for row in rows)
    judged = [row["agrees"] for row in rows if row["agrees"] is not None]
    lead = (
        f"Of {plural(len(rows), 'schedule')} declared in open-banking documents, {count(n_seen)} "
        f"({percent(n_seen, len(rows))}) have payments here; {count(sum(judged))} of "
        f"{count(len(judged))} that can be judged are paid as declared."
    )
    differ = [row for row in rows if row["difference"]]
    shown = card("As declared or not", "与约定是否一致", _table(differ[:_MOST]),
                 note=f"{plural(len(differ), 'schedule')} differ; the first {_MOST} are shown.",
                 wide=True) if differ else Html("")  # fmt: skip
    return section("declared", "Declared schedules", "开放银行约定付款", lead, shown)


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    """Put what differs first, then what has no payments, by amount."""
    size = -(row["amount"] or 0.0)
    return (row["agrees"] is not False, row["stream_id"] is None, size, row["customer_id"])


def _table(rows: list[dict[str, Any]]) -> Html:
    heads = [
        ("Customer 客户", ""),
        ("Schedule 约定", ""),
        ("To 收款方", ""),
        ("Frequency 频率", ""),
        ("Amount 金额", "n"),
        ("How it differs 差异", "wide"),
    ]
    lines: list[tuple[object, ...]] = [
        (
            row["customer_id"],
            _KINDS.get(row["kind"], row["kind"]),
            row["counterparty_name"] or row["counterparty_id"] or "·",
            row["frequency"] or "·",
            "·" if row["amount"] is None else f"{row['amount']:,.2f} {row['currency'] or ''}",
            row["difference"],
        )
        for row in rows
    ]
    return table(heads, lines, "Declared schedules that are not paid as declared")


DECLARED = Section("declared", "Declared schedules", "开放银行", draw)
