"""Data quality: what became of every source row, and what is left out for want of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.counted import counted
from qfb_gpu.lake.quality import (
    CURRENCY,
    DAYS_OLD,
    DECOMPOSED,
    DUPLICATE_KEYS,
    NULLS,
    OUT_OF_RANGE,
    PARTS,
    UNUSED,
)
from qfb_gpu.report.data import Counts, Quality, Reason, SourceQuality
from qfb_gpu.report.figures.columns import column
from qfb_gpu.report.figures.reading import of_batches, read_or_none
from qfb_gpu.report.wording import count, percent, plural
from qfb_gpu.schema import SOURCE_NAMES

if TYPE_CHECKING:
    from qfb_gpu.report.figures.reading import Read

_REASONS = 20
_EXAMPLE = 400
_MOST = 8
_FILES = "files"
_ELSEWHERE = (
    "rows", "kept", _FILES, "rejected: ", "excluded: ", DUPLICATE_KEYS, NULLS, CURRENCY,
    OUT_OF_RANGE, DECOMPOSED, DAYS_OLD, UNUSED, "left out: ",
)  # fmt: skip
"""Measures that the page has in places of their own."""
_LEFT_OUT = "left out: "
_IN_TWO_FORMS = "the same id written in NFC is another one: write one form in all sources"
_REJECTS = ["source", "file", "row", "reason", "row_json"]


def collect(read: Read, extras: dict[str, Any], inputs: dict[str, Any]) -> Quality:
    """Return the sources' rows and the parts left out.

    ``extras["left_out"]``, a dictionary of part to reason, is shown where given; else what is
    left out follows from the sources that the run had.
    """
    table = read_or_none(read, "data_quality", ["source", "measure", "value"])
    rows = table.to_pylist() if table is not None else []
    by_source: dict[str, dict[str, int]] = {}
    for row in rows:
        by_source.setdefault(row["source"], {})[row["measure"]] = row["value"] or 0
    details = _details(read)
    examples = _examples(read)
    read_ones = [name for name in by_source if not _why_left_out(by_source[name])]
    sources = [
        _source(name, by_source[name], examples, details.get(name, {}))
        for name in sorted(read_ones, key=_schema_order)
    ]
    return Quality(sources, _left_out(extras, by_source, {*by_source, *inputs}))


def _why_left_out(measures: dict[str, int]) -> str | None:
    """Return why a source was not read at all; None where it was."""
    found = [m.removeprefix(_LEFT_OUT) for m in measures if m.startswith(_LEFT_OUT)]
    return found[0] if found and "rows" not in measures else None


def _schema_order(name: str) -> tuple[int, str]:
    return (SOURCE_NAMES.index(name) if name in SOURCE_NAMES else len(SOURCE_NAMES), name)


def _source(
    name: str,
    measures: dict[str, int],
    examples: dict[tuple[str, str], tuple[str, str]],
    details: dict[str, str],
) -> SourceQuality:
    rejected = _first_reasons(_with_prefix(measures, "rejected"))
    noted = {m: v for m, v in measures.items() if not m.startswith(_ELSEWHERE)}
    reasons = []
    for reason, n_rows in rejected:
        where, example = examples.get((name, reason), ("", ""))
        reasons.append(Reason(reason, n_rows, where, example))
    return SourceQuality(
        source=name,
        rows=measures.get("rows", 0),
        kept=measures.get("kept", 0),
        excluded=_first_reasons(_with_prefix(measures, "excluded")),
        rejected=reasons,
        measures=sorted(noted.items()),
        health=_health(measures, details),
    )


def _first_reasons(counts: Counts) -> Counts:
    """Return the most frequent reasons, and what the others come to as one."""
    rest = counts[_REASONS:]
    others = [(counted(len(rest), "other reason"), sum(n for _, n in rest))] if rest else []
    return [*counts[:_REASONS], *others]


def _details(read: Read) -> dict[str, dict[str, str]]:
    table = read_or_none(read, "data_quality", ["source", "measure", "detail"])
    found: dict[str, dict[str, str]] = {}
    for row in table.to_pylist() if table is not None else []:
        if row["detail"]:
            found.setdefault(row["source"], {})[row["measure"]] = row["detail"]
    return found


def _health(measures: dict[str, int], details: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return (what, in Chinese, in words) of what a source's rows are like."""
    kept = measures.get("kept", 0)
    found = [("Files", "文件数", count(measures[_FILES]))] if _FILES in measures else []
    found += [
        ("Freshness", "新鲜度", _age(days, details.get(DAYS_OLD + name, "")))
        for name, days in _with_prefix(measures, DAYS_OLD[:-2])
    ]
    mix = _with_prefix(measures, CURRENCY[:-2])
    if mix:
        found.append(("Currencies", "币种", _shares(mix, kept)))
    nulls = _with_prefix(measures, NULLS[:-2])
    if nulls:
        found.append(("Empty values", "空值", _shares(nulls, kept)))
    for name, n in _with_prefix(measures, OUT_OF_RANGE[:-2]):
        span = details.get(OUT_OF_RANGE + name, "")
        found.append((f"Dates of {name}", "日期", f"{span}; {plural(n, 'row')} out of range"))
    apart = [(name, n) for name, n in _with_prefix(measures, DECOMPOSED[:-2]) if n]
    if apart:
        listed = ", ".join(f"{name} {plural(n, 'row')}" for name, n in apart)
        found.append(("Ids not in NFC", "编号编码形式", f"{listed}; {_IN_TWO_FORMS}"))
    if DUPLICATE_KEYS in measures:
        found.append(("Duplicate keys", "重复键", count(measures[DUPLICATE_KEYS])))
    return found


def _shares(counts: Counts, kept: int) -> str:
    shares = [f"{name} {percent(n, kept)}" for name, n in counts[:_MOST]]
    rest = len(counts) - _MOST
    return ", ".join([*shares, f"{rest} more"] if rest > 0 else shares)


def _age(days: int, date: str) -> str:
    if not days:
        return f"latest {date}, the as-of date"
    if days < 0:
        return f"latest {date}, {plural(-days, 'day')} after the as-of date"
    return f"latest {date}, {plural(days, 'day')} before the as-of date"


def _with_prefix(measures: dict[str, int], prefix: str) -> Counts:
    start = prefix + ": "
    found = [(m[len(start) :], v) for m, v in measures.items() if m.startswith(start)]
    return sorted(found, key=lambda item: (-item[1], item[0]))


def _examples(read: Read) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the first row of each source's reasons: where it was and what it held."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for table in of_batches(read, "rejects", _REJECTS) or ():
        found = _first_rows(table) | found
    return found


def _first_rows(table: pa.Table) -> dict[tuple[str, str], tuple[str, str]]:
    keys = pa.table({name: column(table, name) for name in ("source", "reason")})
    keys = keys.append_column("at", pa.array(np.arange(table.num_rows)))
    first = keys.group_by(["source", "reason"]).aggregate([("at", "min")]).column("at_min")
    return {
        (row["source"], row["reason"]): (_where(row), (row["row_json"] or "")[:_EXAMPLE])
        for row in table.take(first).to_pylist()
    }


def _where(row: dict[str, Any]) -> str:
    name = str(row["file"] or "").replace("\\", "/").rsplit("/", 1)[-1]
    return f"{name}, row {row['row']} (from 0)" if row["row"] is not None else name


def _left_out(
    extras: dict[str, Any], by_source: dict[str, dict[str, int]], there: set[str]
) -> list[tuple[str, str]]:
    given = extras.get("left_out")
    if given is not None:
        return [(str(part), str(reason)) for part, reason in dict(given).items()]
    parts: list[tuple[str, str]] = []
    for name in SOURCE_NAMES:
        measures = by_source.get(name, {})
        why = _why_left_out(measures)
        if name in PARTS and (name not in there or why is not None):
            missing = why is None or "no such source" in why
            reason = f"no source “{name}” in the config" if missing else f"“{name}”: {why}"
            parts.append((PARTS[name], reason))
        parts += [
            (m.removeprefix(UNUSED), f"“{name}” was read and kept; a later version uses it")
            for m in measures
            if m.startswith(UNUSED)
        ]
    return parts
