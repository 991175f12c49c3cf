"""Data quality: what became of every source row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.markup import Html, card, empty, esc, join, legend, section, table
from qfb_gpu.report.wording import count, percent, plural

if TYPE_CHECKING:
    from qfb_gpu.report.data import Quality, SourceQuality


_NO_ROWS = "The source is there and has no rows: what is made of it is empty."


def quality(data: Quality) -> Html:
    """Return the section."""
    shown = [_source(one) for one in data.sources]
    if not shown:
        shown = [empty("No source was read in this run.")]
    return section("quality", "Data quality", "数据质量", _lead(data), *shown, _left_out(data))


def _lead(data: Quality) -> str:
    read = sum(one.rows for one in data.sources)
    rejected = sum(reason.n_rows for one in data.sources for reason in one.rejected)
    excluded = sum(n for one in data.sources for _, n in one.excluded)
    if not rejected and not excluded:
        return f"All {plural(read, 'row')} that were read could be used. No row was changed."
    return (
        f"Of {plural(read, 'row')} read, {count(rejected)} ({percent(rejected, read)}) could not "
        f"be used and {count(excluded)} were left out on purpose. Nothing was changed silently: "
        "every rejected row is in the rejects table as it came."
    )


def _source(one: SourceQuality) -> Html:
    excluded = sum(n for _, n in one.excluded)
    rejected = sum(reason.n_rows for reason in one.rejected)
    parts = [("mature", float(one.kept), f"kept: {count(one.kept)}"),
             ("early", float(excluded), f"left out: {count(excluded)}"),
             ("bad", float(rejected), f"rejected: {count(rejected)}")]  # fmt: skip
    bar = rows([(f"{plural(one.rows, 'row')} read", parts, percent(one.kept, one.rows))],
               longest=float(max(one.rows, one.kept + excluded + rejected, 1)))  # fmt: skip
    key = legend(
        ("mature", f"kept 保留: {count(one.kept)}"), ("early", f"left out 排除: {count(excluded)}"),
        ("bad", f"rejected 拒绝: {count(rejected)}"),
    )  # fmt: skip
    reasons = _reasons(one) if one.rejected or one.excluded or one.measures else ""
    note = "" if one.rejected else "No row was rejected."
    if not one.rows:
        note = _NO_ROWS
    return card(
        one.source.replace("_", " ").capitalize(), "", key, bar, reasons, _health(one),
        note=note, wide=True,
    )  # fmt: skip


def _health(one: SourceQuality) -> Html:
    """Return what the rows are like: freshness, currencies, empty values, dates, keys."""
    if not one.health:
        return Html("")
    lines: list[tuple[object, ...]] = [(f"{what} {zh}", said) for what, zh, said in one.health]
    heads = [("What 项目", ""), ("Found 情况", "wide")]
    return table(heads, lines, f"What the rows of {one.source} are like")


def _reasons(one: SourceQuality) -> Html:
    lines: list[tuple[object, ...]] = [
        ("rejected", reason.reason, count(reason.n_rows), _example(reason.where, reason.example))
        for reason in one.rejected
    ]
    lines += [("left out", reason, count(n), "") for reason, n in one.excluded]
    lines += [("noted", measure, count(n), "") for measure, n in one.measures]
    heads = [("", ""), ("Reason 原因", ""), ("Rows 行数", "n"), ("First such row 示例", "wide")]
    return table(heads, lines, f"Rows of {one.source} that were not used, by reason")


def _example(where: str, example: str) -> Html:
    if not where and not example:
        return Html("")
    return Html(f'<span class="where">{esc(where)}</span> <code>{esc(example, 240)}</code>')


def _left_out(data: Quality) -> Html:
    if not data.left_out:
        return Html("")
    items = join(f"<li>{esc(part)} <span>{esc(why)}</span></li>" for part, why in data.left_out)
    return card(
        "Not in this report", "未包含的部分", Html(f'<ul class="left-out">{items}</ul>'),
        note="A part appears when its source is in the config and this version can use it.",
        wide=True,
    )  # fmt: skip
