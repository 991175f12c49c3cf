"""Data quality: what became of every source row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.markup import Html, card, empty, esc, join, legend, section, table
from qfb_gpu.report.wording import count, percent, plural

if TYPE_CHECKING:
    from qfb_gpu.report.data import Quality, SourceQuality


_SUMMED, _ROUNDED, _PREPARED, _MADE = "summed: ", "rounded: ", "prepare: ", "made: "
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
    made = sum(_noted(one, _MADE) for one in data.sources)
    changed = _changed(data)
    if not read:
        return "No row was read."
    if not rejected and not excluded:
        return f"{_all(read)} could be used. {changed}"
    more = f" and {plural(made, 'row')} made of them" if made else ""
    share = percent(rejected, read + made)
    return (
        f"Of {plural(read, 'row')} read{more}, {count(rejected)} ({share}) could not "
        f"be used and {plural(excluded, 'was', 'were')} left out on purpose. {changed} "
        "Every rejected row is in the rejects table as it came."
    )


def _all(n_rows: int) -> str:
    one = "The one row that was read"
    return one if n_rows == 1 else f"All {count(n_rows)} rows that were read"


def _changed(data: Quality) -> str:
    """Return what was done to rows that were kept."""
    summed = sum(_noted(one, _SUMMED) for one in data.sources)
    rounded = sum(_noted(one, _ROUNDED) for one in data.sources)
    prepared = [
        one.source.replace("_", " ")
        for one in data.sources
        if any(measure.startswith(_PREPARED) for measure, _ in one.measures)
    ]
    done = []
    if summed:
        lines = plural(summed, "further line was", "further lines were")
        done.append(f"{lines} added to the payment of the same number")
    if rounded:
        amounts = plural(rounded, "amount was", "amounts were")
        done.append(f"{amounts} rounded to what the currency has of decimals")
    if prepared:
        done.append(f"{', '.join(prepared)} went through the steps of the config's prepare")
    said = "; ".join(done)
    return f"{said[0].upper()}{said[1:]}." if said else "No row was changed."


def _noted(one: SourceQuality, kind: str) -> int:
    return sum(n for measure, n in one.measures if measure.startswith(kind))


def _source(one: SourceQuality) -> Html:
    excluded = sum(n for _, n in one.excluded)
    rejected = sum(reason.n_rows for reason in one.rejected)
    became = [("mature", "kept", "保留", one.kept), ("early", "left out", "排除", excluded),
              ("bad", "rejected", "拒绝", rejected)]  # fmt: skip
    summed = _noted(one, _SUMMED)
    if summed:
        became.append(("plain", "added to another", "合并", summed))
    parts = [(kind, float(n), f"{words}: {count(n)}") for kind, words, _, n in became]
    made = _noted(one, _MADE)
    label = f"{plural(one.rows, 'row')} read" + (
        f", {count(made)} more made of them" if made else ""
    )
    bar = rows([(label, parts, percent(one.kept, one.rows + made))],
               longest=float(max(one.rows, sum(n for *_, n in became), 1)))  # fmt: skip
    key = legend(*((kind, f"{words} {zh}: {count(n)}") for kind, words, zh, n in became))
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
    lines += [(*_kind(measure), count(n), "") for measure, n in one.measures]
    heads = [("", ""), ("Reason 原因", ""), ("Number 数量", "n"), ("First such row 示例", "wide")]
    return table(heads, lines, f"What became of the rows of {one.source}, and why")


def _kind(measure: str) -> tuple[str, str]:
    """Return ``rounded: amount ...`` as what was done and to what."""
    kind, colon, rest = measure.partition(": ")
    return (kind, rest) if colon else ("noted", measure)


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
