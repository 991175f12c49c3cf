"""The table of ``payment_steps.py``, for the terminal and the README."""

from __future__ import annotations

import statistics
from typing import Any

GROUPS = {
    "spectra and their peaks": ("spectra",),
    "Fourier transform": ("rfft",),
    "series and peaks": ("series.", "rayleigh."),
    "calendar search": ("search.",),
    "which contract": (
        "amounts.",
        "streams.",
        "members.",
        "settle.",
        "pools.",
        "groups.",
        "fingerprints.",
    ),
    "forecast, amounts, gaps": ("forecast.", "prices.", "intervals.", "expected."),
}
"""What a reader calls it, and how the names of its kernels begin.

The first is the host's, which does the next two at once but for streams of few payments; what took
no time has no row.
"""


def steps_table(results: dict[str, Any]) -> str:
    """Return the Markdown of the newest results: a row a group of kernels."""
    runs = results["runs"]
    whole = statistics.median(run["seconds"] for run in runs)
    machine, n = results["hardware"], runs[0]["n_payments"]
    changed = " and changes" if results["dirty"] else ""
    head = (
        f"Scoring {n:,} generated payments ({runs[0]['n_relations']:,} relations) takes "
        f"{whole:.2f} s, {n / whole:,.0f} payments/s, median of {len(runs)} on "
        f"{machine['cores']} cores of {machine['processor']} ({results['date'][:10]}, commit "
        f"{results['commit'][:7]}{changed}); a plain copy moves "
        f"{runs[0]['copy_bytes_per_second'] / 2**30:.1f} GiB/s."
    )
    lines = [
        head,
        "",
        "| step | seconds | share | GiB/s | of a copy |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    known = 0.0
    for words, prefixes in GROUPS.items():
        seconds = statistics.median(_sum(run, prefixes, "seconds") for run in runs)
        if not seconds:
            continue
        rate = _sum(runs[0], prefixes, "bytes") / seconds
        share = rate / runs[0]["copy_bytes_per_second"]
        lines.append(
            f"| {words} | {seconds:.2f} | {seconds / whole:.0%} | {rate / 2**30:.2f} | "
            f"{share:.0%} |"
        )
        known += seconds
    lines.append(
        f"| array operations between | {whole - known:.2f} | {1 - known / whole:.0%} |  |  |"
    )
    return "\n".join(lines)


def _sum(run: dict[str, Any], prefixes: tuple[str, ...], what: str) -> float:
    rows = run["kernels"].items()
    return float(sum(row[what] for name, row in rows if name.startswith(prefixes)))
