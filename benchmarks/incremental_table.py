"""The table of the nights in which few customers changed."""

from __future__ import annotations

from typing import Any


def incremental_table(results: dict[str, Any]) -> str:
    """Return the Markdown of the newest run of each size."""
    newest = {run["size"]: run for run in results["runs"]}
    stages = list(next(iter(newest.values()))["full"]["seconds"])
    lines = [
        "| payments | customers changed | night | " + " | ".join(stages) + " | total |",
        "| ---: | ---: | --- | " + "---: | " * (len(stages) + 1),
    ]
    for run in newest.values():
        for name, words in (("full", "full"), ("later", "over the lake of the one before")):
            night = run[name]
            cells = [f"{night['seconds'][stage]:.1f}" for stage in stages]
            share = night["wall_seconds"] / run["full"]["wall_seconds"]
            total = f"{night['wall_seconds']:.1f} s ({share:.0%})"
            lines.append(
                f"| {run['n_payments']:,} | {run['n_changed_customers']:,} of "
                f"{run['n_customers']:,} | {words} | " + " | ".join([*cells, total]) + " |"
            )
    return "\n".join(lines)
