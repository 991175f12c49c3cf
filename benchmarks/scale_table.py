"""The table of ``scale_model.py``, for the terminal and the docs."""

from __future__ import annotations

from typing import Any


def scale_table(results: dict[str, Any]) -> str:
    """Return the Markdown of all cases."""
    heads = ["hosts x GPUs", "a GPU is as fast as", "lake on", "night", "of it serial",
             "GPU busy", "PCIe busy", "lake busy", "first to run out"]  # fmt: skip
    has_cores = any("cores" in run["busy"] for run in results["runs"])  # newer models know them
    if has_cores:
        heads[5:5] = ["with fits as on 2 cores"]
        heads[-1:-1] = ["cores busy"]
    has_fits = any("fit_seconds" in run for run in results["runs"])  # so do these of fits beside it
    if has_fits:
        heads[5:5] = ["fits on it", "beside it"]
    lines = [f"| {' | '.join(heads)} |", "|" + " ---: |" * len(heads)]
    for run in results["runs"]:
        busy = run["busy"]
        first = max(busy, key=lambda name: busy[name])
        fits = "".join(f"{s:,.0f} s | " for s in run["fit_seconds"].values()) if has_fits else ""
        on_host = f"{run['seconds_fit_on_host']:,.0f} s | " if has_cores else ""
        cores = f"{busy['cores']:.0%} | " if has_cores else ""
        lines.append(
            f"| {run['hosts']} x {run['gpus']} | {run['speed']:g} x 2 cores | {run['lake']} | "
            f"{run['seconds']:,.0f} s | {run['serial_seconds']:,.0f} s | {fits}{on_host}"
            f"{busy['GPU']:.0%} | {busy['PCIe']:.0%} | {busy['lake']:.0%} | {cores}{first} |"
        )
    return "\n".join(lines)
