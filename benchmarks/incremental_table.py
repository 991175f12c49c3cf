"""The table of the nights in which few customers changed."""

from __future__ import annotations

from typing import Any

WORDS = {
    "first": "from nothing, before the change",
    "full": "from nothing, after it",
    "later": "whole, over the lake of the night before",
    "everyone": "update, as if all were touched",
    "update": "update (`qfb run --update`)",
}


_HOW = {"add": "", "replace": ", in a new extract of everything", "day": ", a day later"}


def incremental_table(results: dict[str, Any]) -> str:
    """Return the Markdown of the newest run of each size and way of change."""
    newest = {(run["size"], run.get("change", "add")): run for run in results["runs"]}
    nights = [run[name] for run in newest.values() for name in WORDS if name in run]
    stages = list(dict.fromkeys(stage for night in nights for stage in night["seconds"]))
    lines = [
        "| payments | customers changed | night | " + " | ".join(stages) + " | total |",
        "| ---: | ---: | --- | " + "---: | " * (len(stages) + 1),
    ]
    for (_, change), run in newest.items():
        how = _HOW[change]
        for name, words in WORDS.items():
            if name not in run:
                continue
            night = run[name]
            cells = [_cell(night["seconds"].get(stage)) for stage in stages]
            share = night["wall_seconds"] / run["first"]["wall_seconds"]
            total = f"{night['wall_seconds']:.1f} s ({share:.1%})"
            lines.append(
                f"| {run['n_payments']:,} | {run['n_changed_customers']:,} of "
                f"{run['n_customers']:,}{how} | {words} | " + " | ".join([*cells, total]) + " |"
            )
    return "\n".join(lines)


def _cell(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"
