"""Payments and money over time, and who the customers are."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.report.data import Counts, Periods, Portfolio
from qfb_gpu.report.figures.columns import (
    UNKNOWN,
    binned,
    column,
    day_numbers,
    label_counts,
    read_or_none,
)

if TYPE_CHECKING:
    from qfb_gpu.report.figures.columns import Read

_MOST_PERIODS = 48
_MOST_GROUPS = 10
_NEVER = -(10**6)
_PAYMENTS = (
    ("1", 1), ("2–5", 2), ("6–20", 6), ("21–100", 21), ("101–500", 101),
    ("501–2,000", 501), ("more", 2001),
)  # fmt: skip
_RECENCY = (
    ("last 30 days", 0), ("31–90 days ago", 31), ("91–180 days ago", 91),
    ("181–365 days ago", 181), ("more than a year", 366),
)  # fmt: skip
_STANDING = {"lifecycle": "Life cycle 生命周期", "tier": "Tier 客户分层"}
_ORDER = ("new", "growing", "active", "declining", "dormant", "lost", "A", "B", "C", "D")
"""From the best to the worst; what is not among them follows, most first."""
_GROUPS = {"industry": "Industry 行业", "region": "Region 地区", "size": "Size 规模"}


def collect(read: Read, extras: dict[str, Any], as_of: dt.date | None) -> Portfolio:
    """Return the portfolio's figures.

    Parameters
    ----------
    read : callable
    extras : dict
        ``monthly``: dictionaries of month (``2024-03``), direction, currency, n_payments,
        amount_minor. ``customers``, where that source exists: an Arrow table with any of the
        text columns industry, region and size.
    as_of : date
    """
    by_payments, by_recency = _activity(read, as_of)
    return Portfolio(
        periods=periods(extras.get("monthly") or []),
        by_payments=by_payments,
        by_recency=by_recency,
        groups={**_standing(read), **_groups(read, extras.get("customers"))},
    )


def periods(monthly: list[dict[str, Any]]) -> dict[str, Periods]:
    """Return each currency's payments by month, or by quarter or year where there are many.

    Months without a payment are there with zeros; the currency with most payments is first.
    """
    by_currency: dict[str, list[dict[str, Any]]] = {}
    for row in monthly:
        by_currency.setdefault(str(row["currency"]), []).append(row)
    size = {name: sum(int(r["n_payments"]) for r in rows) for name, rows in by_currency.items()}
    first = [name for name, _ in sorted(size.items(), key=lambda item: (-item[1], item[0]))]
    return {name: _one_currency(by_currency[name]) for name in first}


def _one_currency(rows: list[dict[str, Any]]) -> Periods:
    months = sorted({str(row["month"]) for row in rows})
    steps = {"month": _months(months[0], months[-1])}
    steps["quarter"] = list(dict.fromkeys(_quarter(month) for month in steps["month"]))
    steps["year"] = list(dict.fromkeys(month[:4] for month in steps["month"]))
    step = next((name for name, all_ in steps.items() if len(all_) <= _MOST_PERIODS), "year")
    labels = steps[step]
    place = {label: row for row, label in enumerate(labels)}
    totals = {key: [0] * len(labels) for key in ("in", "out", "n_in", "n_out")}
    for row in rows:
        at, direction = place[_label(str(row["month"]), step)], str(row["direction"])
        totals[direction][at] += int(row["amount_minor"])
        totals[f"n_{direction}"][at] += int(row["n_payments"])
    return Periods(step, labels, totals["in"], totals["out"], totals["n_in"], totals["n_out"])


def _months(first: str, last: str) -> list[str]:
    start, stop = (int(text[:4]) * 12 + int(text[5:7]) - 1 for text in (first, last))
    return [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(start, stop + 1)]


def _label(month: str, step: str) -> str:
    return month if step == "month" else _quarter(month) if step == "quarter" else month[:4]


def _quarter(month: str) -> str:
    return f"{month[:4]} Q{(int(month[5:7]) + 2) // 3}"


def _activity(read: Read, as_of: dt.date | None) -> tuple[Counts, Counts]:
    table = read_or_none(read, "payment_streams", ["customer_id", "n_payments", "last_date"])
    if table is None or not table.num_rows:
        return [], []
    grouped = (
        pa.table({name: column(table, name) for name in table.column_names})
        .group_by("customer_id")
        .aggregate([("n_payments", "sum"), ("last_date", "max")])
    )
    numbers = np.asarray(grouped.column("n_payments_sum"))
    payments = _by_steps(numbers, _PAYMENTS)
    if as_of is None:
        return payments, []
    last = day_numbers(grouped.column("last_date_max"), _NEVER)
    ago = (as_of - dt.date(1970, 1, 1)).days - last[last != _NEVER]
    return payments, _by_steps(np.maximum(ago, 0), _RECENCY)


def _by_steps(values: np.ndarray[Any, Any], steps: tuple[tuple[str, int], ...]) -> Counts:
    edges = [float(start) for _, start in steps]
    counts = binned(values, [*edges, float("inf")])
    return [(label, n) for (label, _), n in zip(steps, counts, strict=True)]


def _standing(read: Read) -> dict[str, Counts]:
    groups: dict[str, Counts] = {}
    for name, title in _STANDING.items():
        table = read_or_none(read, "customer_profiles", [name])
        counts = label_counts(column(table, name)) if table is not None else []
        if any(label != UNKNOWN for label, _ in counts):
            groups[title] = _folded(sorted(counts, key=_place))
    return groups


def _place(item: tuple[str, int]) -> int:
    return _ORDER.index(item[0]) if item[0] in _ORDER else len(_ORDER)


def _groups(read: Read, customers: pa.Table | None) -> dict[str, Counts]:
    groups: dict[str, Counts] = {}
    for name, title in _GROUPS.items():
        table = customers
        if table is None or name not in table.column_names:
            table = read_or_none(read, "customer_profiles", [name])
        counts = label_counts(column(table, name)) if table is not None else []
        if any(label != UNKNOWN for label, _ in counts):
            groups[title] = _folded(counts)
    return groups


def _folded(counts: Counts) -> Counts:
    if len(counts) <= _MOST_GROUPS:
        return counts
    kept, rest = counts[: _MOST_GROUPS - 1], counts[_MOST_GROUPS - 1 :]
    return [*kept, (f"{len(rest)} others", sum(n for _, n in rest))]
