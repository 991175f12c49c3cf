"""How the segments held: the numbers that were tried, who moved, whether customers are alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qfb_gpu.report.figures.reading import read_or_none
from qfb_gpu.report.markup import Html, card, cards, empty, section, table
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import count, plural

if TYPE_CHECKING:
    from qfb_gpu.report.figures.reading import Read

_SHOWN = 12
_INDEX = "index_"


def draw(read: Read) -> Html | None:
    """Return the section; None where the run knows nothing of segments."""
    choice = _rows(read, "segment_choice", ["n_segments", "silhouette", "stability", "is_chosen"])
    drift = _rows(read, "segment_drift", ["measure", "value", "alarm_above", "is_alarm"])
    moves = _rows(read, "segment_moves", ["from_segment_id", "to_segment_id"])
    if choice is None or drift is None or moves is None:
        return None
    parts = [_choice(choice), _moves(moves), _drift(drift)]
    return section(
        "segment-moves", "Segments over time", "分群变化", _lead(moves, drift), cards(*parts)
    )


def _rows(read: Read, name: str, columns: list[str]) -> list[dict[str, Any]] | None:
    found = read_or_none(read, name, columns)
    return None if found is None else found.to_pylist()


def _lead(moves: list[dict[str, Any]], drift: list[dict[str, Any]]) -> str:
    if not drift:
        return "This is the first night of these segments; the next one says who moved."
    alarms = sum(row["is_alarm"] for row in drift)
    values = {row["measure"]: row["value"] for row in drift}
    share = values.get("share_moved")
    moved = "" if share is None else f" ({share:.1%} of those of both nights)"
    calm = "no alarm" if not alarms else plural(alarms, "alarm")
    was, now = values.get("n_segments_before"), values.get("n_segments")
    other = ""
    if was != now:
        other = (
            f" There are {now:.0f} segments, and were {was:.0f}: with another number customers "
            "change their group, whatever they do."
        )
    return f"{plural(len(moves), 'customer')} moved to another segment{moved}; {calm}.{other}"


def _choice(rows: list[dict[str, Any]]) -> Html:
    if not rows:
        body = empty("The number of segments was given, or found by density.")
    else:
        heads = [("Segments 群数", "n"), ("Silhouette 轮廓系数", "n"), ("Stability 稳定性", "n"),
                 ("", "")]  # fmt: skip
        body = table(
            heads,
            [
                (row["n_segments"], _number(row["silhouette"]), _number(row["stability"]),
                 "chosen 选用" if row["is_chosen"] else "")
                for row in rows
            ],
            "Numbers of segments that were tried",
        )  # fmt: skip
    note = "Stability: adjusted Rand index between the groups and those of bootstrap samples."
    return card("How many segments", "群数选择", body, note=note)


def _moves(rows: list[dict[str, Any]]) -> Html:
    pairs: dict[tuple[int, int], int] = {}
    for row in rows:
        pair = (row["from_segment_id"], row["to_segment_id"])
        pairs[pair] = pairs.get(pair, 0) + 1
    if not pairs:
        return card("Who moved", "分群迁移", empty("Nobody."))
    ranked = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    heads = [("From 从", "n"), ("To 到", "n"), ("Customers 客户数", "n")]
    lines = [(old, new, count(n)) for (old, new), n in ranked[:_SHOWN]]
    note = "" if len(ranked) <= _SHOWN else f"The {_SHOWN} most frequent of {len(ranked)} moves."
    return card("Who moved", "分群迁移", table(heads, lines, "Moves between segments"), note=note)


def _drift(rows: list[dict[str, Any]]) -> Html:
    indices = [row for row in rows if row["measure"].startswith(_INDEX)]
    if not indices:
        return card("Are they alike", "漂移监测", empty("Nothing to compare with yet."))
    indices.sort(key=lambda row: (-_known(row["value"]), row["measure"]))
    heads = [("Feature 特征", ""), ("Stability index PSI", "n"), ("", "")]
    lines = [
        (row["measure"].removeprefix(_INDEX).replace("_", " "), _number(row["value"]),
         "alarm 报警" if row["is_alarm"]
         else "by weekday 随星期变动" if _known(row["alarm_above"]) < 0 else "")
        for row in indices[:_SHOWN]
    ]  # fmt: skip
    note = "Below 0.1 alike, above 0.25 another population (Siddiqi 2006)."
    return card(
        "Are they alike", "漂移监测", table(heads, lines, "Drift of the features"), note=note
    )


def _known(value: float | None) -> float:
    return -1.0 if value is None or math.isnan(value) else value


def _number(value: float | None) -> str:
    return "not known" if value is None or math.isnan(value) else f"{value:.2f}"


SEGMENT_MOVES = Section("segment-moves", "Segments over time", "分群变化", draw)
