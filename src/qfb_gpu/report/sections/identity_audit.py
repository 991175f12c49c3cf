"""By who customers are: how far groups and scores differ, which are made of behaviour only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.report.figures.reading import read_or_none
from qfb_gpu.report.markup import Html, card, section, table
from qfb_gpu.report.sections.section import Section

if TYPE_CHECKING:
    from qfb_gpu.report.figures.reading import Read

_COLUMNS = [
    "attribute", "outcome", "measure", "value", "q_value", "label", "lowest_group", "lowest",
    "highest_group", "highest",
]  # fmt: skip
_SURE, _NOTABLE = 0.05, 0.1
_ATTRIBUTES = {"industry": "industry 行业", "region": "region 地区", "size": "size 规模"}


def draw(read: Read) -> Html | None:
    """Return the section; None where there is no audit."""
    found = read_or_none(read, "identity_audit", _COLUMNS)
    if found is None or not found.num_rows:
        return None
    rows = sorted(found.to_pylist(), key=lambda row: (-row["value"], row["outcome"]))
    notable = [row for row in rows if _is_notable(row)]
    lead = (
        "Groups and scores are made of behaviour; industry, region and size are not among what "
        f"they see. {len(notable)} of {len(rows)} comparisons differ by {_NOTABLE} or more, "
        "surely (q under 0.05): those are worth a reason."
    )
    shown = card("By industry, region, size", "按行业、地区、规模", _table(rows), wide=True,
                 note="0: alike; 1: decided by it. Cramér's V of labels, epsilon squared of "
                      "numbers. Groups under 30 customers are left out.")  # fmt: skip
    return section("identity", "Who customers are", "身份差异审计", lead, shown)


def _is_notable(row: dict[str, Any]) -> bool:
    return row["value"] >= _NOTABLE and row["q_value"] is not None and row["q_value"] < _SURE


def _table(rows: list[dict[str, Any]]) -> Html:
    heads = [
        ("What 结果", ""), ("By 属性", ""), ("Difference 差异", "n"), ("q", "n"),
        ("Lowest 最低", "wide"), ("Highest 最高", "wide"),
    ]  # fmt: skip
    lines: list[tuple[object, ...]] = [
        (
            f"{row['outcome']} {row['label']}" if row["label"] else row["outcome"],
            _ATTRIBUTES.get(row["attribute"], row["attribute"]),
            f"{row['value']:.2f}" + (" ●" if _is_notable(row) else ""),
            "·" if row["q_value"] is None else f"{row['q_value']:.3f}",
            f"{row['lowest_group']}: {_number(row, 'lowest')}",
            f"{row['highest_group']}: {_number(row, 'highest')}",
        )
        for row in rows
    ]
    return table(heads, lines, "How far groups and scores differ by who customers are")


def _number(row: dict[str, Any], name: str) -> str:
    return f"{row[name]:.0%}" if row["label"] else f"{row[name]:.3g}"


IDENTITY = Section("identity", "Who customers are", "身份差异", draw)
