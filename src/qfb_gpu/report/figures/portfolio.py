"""Payments and money over time, and who the customers are.

How active they are is summed up by part of ``payment_streams`` (:func:`activity`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.report.data import Counts, Periods, Portfolio
from qfb_gpu.report.figures.columns import (
    UNKNOWN,
    binned,
    column,
    day_numbers,
    labels,
    most_first,
)
from qfb_gpu.report.figures.reading import columns_there, of_parts

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from qfb_gpu.report.figures.reading import Read

_MOST_PERIODS = 48
_MOST_GROUPS = 10
_NEVER = -(10**6)
_RETURNED = "all returned"
_PAYMENTS = (
    (_RETURNED, 0), ("1", 1), ("2–5", 2), ("6–20", 6), ("21–100", 21), ("101–500", 101),
    ("501–2,000", 501), ("more", 2001),
)  # fmt: skip
_RECENCY = (
    (_RETURNED, -1), ("last 30 days", 0), ("31–90 days ago", 31), ("91–180 days ago", 91),
    ("181–365 days ago", 181), ("more than a year", 366),
)  # fmt: skip
_STANDING = {"lifecycle": "Life cycle 生命周期", "tier": "Tier 客户分层"}
_ORDER = ("new", "growing", "active", "declining", "dormant", "lost", "A", "B", "C", "D")
"""From the best to the worst; what is not among them follows, most first."""
_GROUPS = {"industry": "Industry 行业", "region": "Region 地区", "size": "Size 规模"}


OF_STREAM = ["customer_id", "n_payments", "last_date"]


@dataclass(frozen=True, slots=True)
class Activity:
    """How many customers there are by their payments, and by their last one, step by step.

    Payments that were returned do not count. Whoever has no others stands in a step of its own.
    """

    by_payments: list[int]
    by_recency: list[int]

    def __post_init__(self) -> None:
        """Refuse what an earlier version wrote down, of other steps."""
        steps = (len(self.by_payments), len(self.by_recency))
        if steps not in ((len(_PAYMENTS), len(_RECENCY)), (len(_PAYMENTS), 0)):
            msg = f"expected {len(_PAYMENTS)} and {len(_RECENCY)} or 0 steps, got {steps}"
            raise ValueError(msg)


def collect(
    read: Read, extras: dict[str, Any], as_of: dt.date | None, parts: Sequence[Activity]
) -> Portfolio:
    """Return the portfolio's figures.

    Parameters
    ----------
    read : callable
    extras : dict
        ``monthly``: dictionaries of month (``2024-03``), direction, currency, n_payments,
        amount_minor. ``customers``, where that source exists: an Arrow table with any of the
        text columns industry, region and size.
    as_of : date
    parts : sequence of Activity
    """
    by_payments = _steps([part.by_payments for part in parts], _PAYMENTS)
    by_recency = _steps([part.by_recency for part in parts], _RECENCY)
    is_empty = not sum(n for _, n in by_payments)
    return Portfolio(
        periods=periods(extras.get("monthly") or []),
        by_payments=[] if is_empty else by_payments,
        by_recency=[] if is_empty or as_of is None else by_recency,
        groups=_groups(read, extras.get("customers")),
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


def activity(table: pa.Table, as_of: dt.date | None) -> Activity:
    """Return how active the customers of a part of ``payment_streams`` are (``OF_STREAM``)."""
    grouped = (
        pa.table({name: column(table, name) for name in OF_STREAM})
        .group_by("customer_id")
        .aggregate([("n_payments", "sum"), ("last_date", "max")])
    )
    payments = _by_steps(np.asarray(grouped.column("n_payments_sum")), _PAYMENTS)
    if as_of is None:
        return Activity(payments, [])
    last = day_numbers(grouped.column("last_date_max"), _NEVER)
    ago = np.maximum((as_of - dt.date(1970, 1, 1)).days - last, 0)
    return Activity(payments, _by_steps(np.where(last == _NEVER, -1, ago), _RECENCY))


def nothing(*, is_dated: bool) -> Activity:
    """Return how active no customers are, where the day of the run is known and where not."""
    return Activity([0] * len(_PAYMENTS), [0] * len(_RECENCY) if is_dated else [])


def exchanged(known: Activity, gone: Activity, come: Activity) -> Activity:
    """Return how active the customers of a part are, some of whom have other rows."""
    payments, recency = (
        [was - less + more for was, less, more in zip(*counts, strict=True)]
        for counts in (
            (known.by_payments, gone.by_payments, come.by_payments),
            (known.by_recency, gone.by_recency, come.by_recency),
        )
    )
    return Activity(payments, recency)


def _by_steps(values: np.ndarray[Any, Any], steps: tuple[tuple[str, int], ...]) -> list[int]:
    return binned(values, [*(float(start) for _, start in steps), float("inf")])


def _steps(parts: list[list[int]], steps: tuple[tuple[str, int], ...]) -> Counts:
    counts = [sum(ns) for ns in zip(*parts, strict=True)] or [0] * len(steps)
    shown = [(label, n) for (label, _), n in zip(steps, counts, strict=True)]
    return [(label, n) for label, n in shown if n or label != _RETURNED]


def _place(item: tuple[str, int]) -> int:
    return _ORDER.index(item[0]) if item[0] in _ORDER else len(_ORDER)


def _groups(read: Read, customers: pa.Table | None) -> dict[str, Counts]:
    """Return customers by standing, then by what the customers source says of them."""
    given = [] if customers is None else [n for n in _GROUPS if n in customers.column_names]
    wanted = [name for name in (*_STANDING, *_GROUPS) if name not in given]
    there = columns_there(read, "customer_profiles", wanted)
    parts = (of_parts(read, "customer_profiles", there, _labels) if there else None) or []
    if customers is not None:
        parts.append(_labels(customers.select(given)))
    groups: dict[str, Counts] = {}
    for name, title in (_STANDING | _GROUPS).items():
        counts = most_first(part[name] for part in parts if name in part)
        if any(label != UNKNOWN for label, _ in counts):
            groups[title] = _folded(sorted(counts, key=_place) if name in _STANDING else counts)
    return groups


def _labels(table: pa.Table) -> dict[str, Counter[str]]:
    return {name: labels(column(table, name)) for name in table.column_names}


def _folded(counts: Counts) -> Counts:
    if len(counts) <= _MOST_GROUPS:
        return counts
    kept, rest = counts[: _MOST_GROUPS - 1], counts[_MOST_GROUPS - 1 :]
    return [*kept, (f"{len(rest)} others", sum(n for _, n in rest))]
