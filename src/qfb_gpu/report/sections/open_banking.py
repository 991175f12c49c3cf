"""Declared schedules: what the bank says is paid, beside what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from qfb_gpu.report.figures.reading import of_parts
from qfb_gpu.report.markup import Html, card, section, table
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import amount, count, percent, plural

if TYPE_CHECKING:
    import pyarrow as pa

    from qfb_gpu.report.figures.reading import Read

_MOST = 20
_COLUMNS = [
    "customer_id", "kind", "counterparty_id", "counterparty_name", "frequency", "amount",
    "currency", "stream_id", "agrees", "difference",
]  # fmt: skip
_KINDS = {"standing_order": "standing order 定期付款", "direct_debit": "direct debit 代扣"}


def draw(read: Read) -> Html | None:
    """Return the section; None where nothing was declared."""
    parts = of_parts(read, "declared_schedules", _COLUMNS, _summed) or []
    n, n_seen, n_judged, n_agree, n_told = (
        sum(getattr(part, name) for part in parts)
        for name in ("n", "n_seen", "n_judged", "n_agree", "n_told")
    )
    if not n:
        return None
    judged = "none can be judged"
    if n_judged:
        are = "is" if n_agree == 1 else "are"
        judged = f"{count(n_agree)} of {count(n_judged)} that can be judged {are} paid as declared"
    lead = (
        f"Of {plural(n, 'schedule')} declared in open-banking documents, {count(n_seen)} "
        f"({percent(n_seen, n)}) {'has' if n_seen == 1 else 'have'} payments here; {judged}."
    )
    differ = sorted((row for part in parts for row in part.differ), key=_order)
    shown = card("As declared or not", "与约定是否一致", _table(differ[:_MOST]),
                 note=_shown(n_judged - n_agree, n_told),
                 wide=True) if differ else Html("")  # fmt: skip
    return section("declared", "Declared schedules", "开放银行约定付款", lead, shown)


def _shown(n_differ: int, n_told: int) -> str:
    """Say how many differ and, of the others in the table, how many cannot be judged."""
    said = plural(n_differ, "schedule differs", "schedules differ")
    if n_told > n_differ:
        said += f", {count(n_told - n_differ)} cannot be judged"
    return f"{said}; the first {_MOST} are shown." if n_told > _MOST else f"{said}."


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the schedules of a part come to; ``differ`` are the first of which something is said.

    ``n_told`` are all of these: those that differ, and those without payments enough to be judged.
    """

    n: int
    n_seen: int
    n_judged: int
    n_agree: int
    n_told: int
    differ: list[dict[str, Any]]


def _summed(found: pa.Table) -> _Sums:
    rows = found.filter(pc.not_equal(found.column("kind"), "scheduled_payment")).to_pylist()
    judged = [row["agrees"] for row in rows if row["agrees"] is not None]
    differ = sorted((row for row in rows if row["difference"]), key=_order)
    return _Sums(
        n=len(rows),
        n_seen=sum(row["stream_id"] is not None for row in rows),
        n_judged=len(judged),
        n_agree=sum(judged),
        n_told=len(differ),
        differ=differ[:_MOST],
    )


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
            f"{amount(row['amount'], row['currency'] or '')} {row['currency'] or ''}",
            row["difference"],
        )
        for row in rows
    ]
    return table(heads, lines, "Declared schedules that are not paid as declared")


DECLARED = Section("declared", "Declared schedules", "开放银行", draw)
