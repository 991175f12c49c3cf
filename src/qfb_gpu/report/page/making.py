"""How the run was made: enough to make it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.markup import Html, card, cards, details, empty, esc, section, table
from qfb_gpu.report.wording import count, duration, percent, plural, size

if TYPE_CHECKING:
    from qfb_gpu.report.data import Headline, Making

_LONGEST = 12_000


def making(data: Making, head: Headline) -> Html:
    """Return the section."""
    lead = (
        f"Nothing later than the as-of date was seen. The same code, settings and inputs give "
        f"the same answer again; this run is {head.run_id or 'not named'}."
    )
    return section(
        "making", "How this was made", "运行说明", lead,
        cards(_stages(data), _versions(data)), _json_card("Inputs", "输入数据", data.inputs),
        _json_card("Settings", "运行参数", data.settings),
    )  # fmt: skip


def _stages(data: Making) -> Html:
    if not data.stages:
        return card("Stages", "各阶段用时", empty("The run kept no times."))
    whole = sum(stage.seconds for stage in data.stages)
    bars = rows([
        (stage.name, [("plain", stage.seconds, duration(stage.seconds))],
         f"{duration(stage.seconds)} · {percent(stage.seconds, whole)}")
        for stage in data.stages
    ])  # fmt: skip
    heads = [
        ("Stage", ""),
        ("Seconds", "n"),
        ("Rows", "n"),
        ("Rows a second", "n"),
        ("Bytes", "n min"),
    ]
    lines = [
        (stage.name, f"{stage.seconds:,.2f}", "" if stage.rows is None else count(stage.rows),
         count(stage.rows / stage.seconds) if stage.rows and stage.seconds > 0 else "",
         "" if stage.n_bytes is None else size(stage.n_bytes))
        for stage in data.stages
    ]  # fmt: skip
    return card("Stages", "各阶段用时", bars, table(heads, lines, "Stages of the run"),
                note=f"{duration(whole)} in all.")  # fmt: skip


def _versions(data: Making) -> Html:
    if not data.versions:
        return card("Versions", "软件版本", empty("The run kept no versions."))
    heads = [("Package", ""), ("Version", "n")]
    return card("Versions", "软件版本", table(heads, data.versions.items(), "Versions"))


def _json_card(title: str, zh: str, values: dict[str, Any]) -> Html:
    if not values:
        return card(title, zh, empty(f"The run kept no {title.lower()}."), wide=True)
    words = json.dumps(values, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    shown = (
        words if len(words) <= _LONGEST else words[:_LONGEST] + "\n… cut here; see the runs table"
    )
    summary = f"{plural(len(values), 'entry', 'entries')}: {', '.join(sorted(values))}"
    pre = "\n".join(esc(line, _LONGEST) for line in shown.split("\n"))
    return card(title, zh, details(summary, Html(f"<pre>{pre}</pre>")), wide=True)
