"""The tables of a GPU round, for README and docs; until there is one they say so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

NOT_YET = (
    "**Not yet verified on a GPU**: no round has been run on one. "
    "[How to run it](docs/scale.md#the-first-gpu-round)."
)
_BY_HOST = "a device had too little memory"
"""What a stage warns of (``qfb_gpu._cluster.short_device``) where its seconds are no device's."""
_MOST_STEPS, _MOST_KERNELS = 12, 12
"""Lines of a table: the steps and kernels that take longest."""


def newest_round(folder: Path) -> dict[str, Any] | None:
    """Return the newest round on a real device; None where there is none."""
    rounds = [
        json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("gpu_round-*.json")
    ]
    real = [found for found in rounds if not found["dry_run"] and found["parts"]]
    return max(real, key=lambda found: found["date"], default=None)


def gpu_tables(found: dict[str, Any] | None) -> str:
    """Return the Markdown of a round: parity, steps, kernels, scale."""
    if found is None:
        return NOT_YET
    parts = found["parts"]
    steps = {**_steps(parts, "stages"), **_steps(parts, "parts")}
    tables = (
        _introduction(found, steps),
        _step_table(steps),
        _kernel_table(steps, parts.get("bandwidth", {})),
        _scale_table(parts.get("scale", [])),
    )
    return "\n\n".join(table for table in tables if table)


def _steps(parts: dict[str, Any], name: str) -> dict[str, Any]:
    found = parts.get(name, {})
    return {} if "error" in found else found


def _introduction(found: dict[str, Any], steps: dict[str, Any]) -> str:
    wrong = [n for n, row in steps.items() if row.get("differences") or "error" in row]
    skipped = [n for n, row in steps.items() if "skipped" in row]
    night = found["parts"].get("night", {})
    lines = [
        f"On {found['device']} ({found['date'][:10]}, commit {found['commit'][:7]}): "
        f"{len(steps) - len(wrong) - len(skipped)} of {len(steps)} steps give the CPU's answer"
        + (f"; not {', '.join(sorted(wrong))}" if wrong else "")
        + (f"; no time for {', '.join(sorted(skipped))}" if skipped else "")
        + "."
    ]
    lines += _faults(found)
    if "equal" in night:
        differ = sorted({*night["differences"], *night["of_groups"]})
        lines.append(
            f"A whole night of all sources: {len(night['equal'])} gold tables equal"
            + (f", not {', '.join(differ)}" if differ else "")
            + f"; {night['cpu']['seconds']:.1f} s on the CPU, {night['gpu']['seconds']:.1f} s here."
        )
    return " ".join(lines)


def _faults(found: dict[str, Any]) -> list[str]:
    """Return what went wrong beside the steps, a sentence each."""
    parts, warnings = found["parts"], found.get("warnings", {})
    scale = parts.get("scale", [])
    uncompiled = parts.get("before", {}).get("kernels", {}).get("errors", {})
    updated = parts.get("night", {}).get("update", {}).get("differences", {})
    prepared = parts.get("prepare", {}).get("differences", [])
    nights = [row for row in scale if "error" in row.get("whole_night", {})]
    by_host = [part for part, said in warnings.items() if any(_BY_HOST in one for one in said)]
    told = (
        ("Parts that failed", found.get("errors", {})),
        ("Kernels that did not compile", uncompiled),
        ("Preparation that gives another answer", {one["operation"] for one in prepared}),
        ("Tables that an update gives otherwise than its night", updated),
        ("Payments of a lake whose whole night failed", [f"{r['n_payments']:,}" for r in nights]),
        ("For want of the device's memory the host did some of", by_host),
    )
    return [f"{words}: {', '.join(sorted(names))}." for words, names in told if names]


def _step_table(steps: dict[str, Any]) -> str:
    timed = {name: row for name, row in steps.items() if "seconds" in row}
    slowest = sorted(timed, key=lambda name: -timed[name]["cpu_seconds"])[:_MOST_STEPS]
    if not slowest:
        return ""
    lines = ["| step | CPU s | GPU s | times | peak MiB |", "| --- | ---: | ---: | ---: | ---: |"]
    for name in slowest:
        row = timed[name]
        peak = "" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 2**20:,.0f}"
        ratio = row["cpu_seconds"] / row["seconds"] if row["seconds"] else 0.0
        lines.append(
            f"| {name} | {row['cpu_seconds']:.3f} | {row['seconds']:.4f} | {ratio:,.1f} | {peak} |"
        )
    return "\n".join(lines)


def _kernel_table(steps: dict[str, Any], rates: dict[str, float]) -> str:
    total: dict[str, dict[str, float]] = {}
    for row in steps.values():
        for name, kernel in row.get("kernels", {}).items():
            one = total.setdefault(name, {"bytes": 0.0, "seconds": 0.0})
            one["bytes"] += kernel["bytes"]
            one["seconds"] += kernel["seconds"]
    slowest = sorted(total, key=lambda name: -total[name]["seconds"])[:_MOST_KERNELS]
    if not slowest or "copy" not in rates:
        return ""
    lines = [
        f"A copy moves {rates['copy'] / 1e9:,.0f} GB/s; bytes are those a kernel cannot avoid.",
        "",
        "| kernel | ms | GB/s | of a copy |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name in slowest:
        seconds, n_bytes = total[name]["seconds"], total[name]["bytes"]
        rate = n_bytes / seconds if seconds else 0.0
        lines.append(
            f"| {name} | {seconds * 1e3:,.2f} | {rate / 1e9:,.1f} | {rate / rates['copy']:.0%} |"
        )
    return "\n".join(lines)


def _scale_table(rows: Any) -> str:
    if not isinstance(rows, list) or not rows:
        return ""
    heads = ("payments", "buckets", "made in", "rescored in", "one by one", "payments/s", "read",
             "write", "peak GiB", "lake GiB")  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|" + " ---: |" * len(heads)]
    for row in rows:
        one_by_one = row.get("rescore_seconds_in_turn")
        peak = row["peak_device_bytes"] or row["peak_rss_bytes"]
        lines.append(
            f"| {row['n_payments']:,} | {row['n_buckets']:,} | {row['generate_seconds']:.1f} s | "
            f"{row['rescore_seconds']:.1f} s | {f'{one_by_one:.1f} s' if one_by_one else '–'} | "
            f"{row['payments_per_second']:,.0f} | "
            f"{row['read_seconds']:.1f} s | {row['write_seconds']:.1f} s | "
            f"{peak / 2**30:.1f} | {row['lake_bytes'] / 2**30:.1f} |"
        )
    return "\n".join(lines)
