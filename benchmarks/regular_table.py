"""The tables of ``regular_payments.py``, for the terminal and the README."""

from __future__ import annotations

from typing import Any

import numpy as np

DETECTORS = ("qfb", "CV < 0.3", "8-period FFT", "Lomb-Scargle", "Autoperiod", "CFD-Autoperiod")
_SHARES = ("f1", "recall", "precision", "cadence", "next_within_3_days",
           "schedule_within_3_days", "date_coverage", "amount_coverage")  # fmt: skip
_HEADS = ("hardness", "detector", "F1", "recall", "precision", "cadence right",
          "next date within 3 days", "the true schedule's",
          "90% date range holds", "90% amount range holds",
          "random called regular", "relations/s", "seeds")  # fmt: skip


def regular_tables(results: dict[str, Any]) -> str:
    """Return the Markdown of the benchmark: what was measured, then a row per detector."""
    machine, runs = results["hardware"], results["runs"]
    seeds = len({run["seed"] for run in runs})
    changed = " and changes" if results["dirty"] else ""
    payments = max(run["n_payments"] for run in runs)
    return (
        f"Generated portfolios of {results['customers']} customers (about {payments:,} payments), "
        f"{seeds} seeds, {machine['cores']} cores of {machine['processor']} "
        f"({results['date'][:10]}, commit {results['commit'][:7]}{changed}). Hardness 1 is meant "
        "to be as in a bank, 0 is clean, 2 hard.\n\n" + accuracy_table(runs)
    )


def accuracy_table(runs: list[dict[str, Any]]) -> str:
    """Return a Markdown table of means over seeds, a row per hardness and detector."""
    lines = [f"| {' | '.join(_HEADS)} |", "|---" * len(_HEADS) + "|"]
    for hardness in sorted({run["hardness"] for run in runs}):
        for name in DETECTORS:
            rows = [r for r in runs if r["detector"] == name and r["hardness"] == hardness]
            if not rows:
                continue
            shares = [_percent(np.mean([row[column] for row in rows])) for column in _SHARES]
            called = sum(r["n_random_called"] for r in rows) / sum(r["n_random"] for r in rows)
            speed = sum(r["n_relations"] for r in rows) / sum(r["seconds"] for r in rows)
            cells = [f"{hardness:g}", name, *shares, _percent(called), f"{speed:,.0f}"]
            cells.append(str(len(rows)))
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f}%"
