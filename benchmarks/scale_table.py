"""The table of ``scale_model.py``, for the terminal and the docs."""

from __future__ import annotations

from typing import Any


def scale_table(results: dict[str, Any]) -> str:
    """Return the Markdown of all cases."""
    heads = ("hosts x GPUs", "a GPU is as fast as", "lake on", "night", "of it serial",
             "GPU busy", "PCIe busy", "lake busy", "first to run out")  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|" + " ---: |" * len(heads)]
    for run in results["runs"]:
        busy = run["busy"]
        first = max(busy, key=lambda name: busy[name])
        lines.append(
            f"| {run['hosts']} x {run['gpus']} | {run['speed']:g} x 2 cores | {run['lake']} | "
            f"{run['seconds']:,.0f} s | {run['serial_seconds']:,.0f} s | {busy['GPU']:.0%} | "
            f"{busy['PCIe']:.0%} | {busy['lake']:.0%} | {first} |"
        )
    return "\n".join(lines)
