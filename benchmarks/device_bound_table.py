"""The table of ``device_bound.py``: a bucket's seconds on a card by a model."""

from __future__ import annotations

from typing import Any

_PARTS = ("python", "waits", "launches", "memory", "kernels", "copies", "files")
_HEADS = ("Python", "waits", "launches", "memory", "kernels", "PCIe", "files")


def bound_table(results: dict[str, Any]) -> str:
    """Return the Markdown: what was counted, then a row for each size of bucket."""
    counted = results["counted"]
    return f"{_steps(counted)}\n\n{_sizes(results['runs'])}"


def _steps(counted: dict[str, Any]) -> str:
    heads = ("operations", "launches", "kernels", "waits", "bytes a payment to the device",
             "to the host", "moved")  # fmt: skip
    lines = [
        f"| of {counted['n_counted']:,} payments | {' | '.join(heads)} |",
        "| --- |" + " ---: |" * len(heads),
    ]
    n = counted["n_counted"]
    for name, found in counted["steps"].items():
        sizes = (f"{found[key] / n:,.0f}" for key in ("to_device", "to_host", "moved"))
        counts = (f"{found[key]:,}" for key in ("operations", "launches", "kernels", "waits"))
        lines.append(f"| {name} | {' | '.join((*counts, *sizes))} |")
    return "\n".join(lines)


def _sizes(runs: list[dict[str, Any]]) -> str:
    heads = ("payments a bucket", *_HEADS, "one alone", f"each of {runs[0]['under_way']}",
             "limit", "1e9 payments", "device memory")  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|" + " ---: |" * len(heads)]
    for run in runs:
        parts = (f"{1e3 * run['seconds'][name]:.0f}" for name in _PARTS)
        lines.append(
            f"| {run['n_payments'] / 1e6:.1f} million | {' | '.join(parts)} | "
            f"{1e3 * run['alone']:.0f} ms | {1e3 * run['bucket']:.0f} ms | {run['limit']} | "
            f"{run['billion']:.0f} s | {run['peak_bytes'] * run['under_way'] / 2**30:.0f} GiB |"
        )
    return "\n".join(lines)
