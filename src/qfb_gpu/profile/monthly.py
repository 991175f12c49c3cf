"""Payments and money per month, direction and currency: the first chart of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.calendars import month_index
from qfb_gpu.currencies import currency_name
from qfb_gpu.keys import first_in_run
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

_MONTHS = 12
_ADDED = ("n_payments", "amount_minor")


def monthly_totals(ledger: Ledger, backend: Backend) -> dict[str, Any]:
    """Sum one bucket's payments by month, direction and currency.

    Returns
    -------
    dict of arrays, shape (n_groups,)
        ``month`` (int32, year * 12 + month - 1), ``direction`` (int8), ``currency`` (int16),
        ``n_payments`` and ``amount_minor`` (int64; reversals count against the sum).
    """
    xp = backend.xp
    if ledger.n_payments == 0:
        return _empty(xp)
    relation = _relation_of_payment(ledger, xp)
    of = (ledger.direction[relation], ledger.currency[relation])
    return monthly_of(ledger.day, ledger.amount_minor, *of, backend)


def monthly_of(
    day: Any, amount_minor: Any, direction: Any, currency: Any, backend: Backend
) -> dict[str, Any]:
    """Sum payments in any order by month, direction and currency; see :func:`monthly_totals`.

    Parameters
    ----------
    day, amount_minor, direction, currency : integer arrays, shape (n_payments,)
        As in a ledger, but a direction and a currency each payment.
    """
    xp = backend.xp
    if day.shape[0] == 0:
        return _empty(xp)
    first_day, last_day = int(day.min()), int(day.max())
    month_of_day = month_index(xp.arange(first_day, last_day + 1, dtype="int64"), xp)
    first_month = int(month_of_day[0])
    n_months = int(month_of_day[-1]) - first_month + 1
    kinds = currency.astype("int64") * len(DIRECTIONS) + direction
    is_there = xp.zeros(int(kinds.max()) + 1, dtype=bool)
    is_there[kinds] = True
    distinct = xp.flatnonzero(is_there)
    kind = (xp.cumsum(is_there.astype("int64")) - 1)[kinds]
    group = kind * n_months + month_of_day[day - first_day] - first_month
    n_groups = int(distinct.shape[0]) * n_months
    counts = xp.bincount(group, minlength=n_groups)
    sums = xp.zeros(n_groups, dtype="uint64")  # add.at knows no int64 on a GPU; the sum wraps alike
    xp.add.at(sums, group, amount_minor.view("uint64"))
    seen = xp.nonzero(counts)[0]
    kind_seen = distinct[seen // n_months]
    return {
        "month": (seen % n_months + first_month).astype("int32"),
        "direction": (kind_seen % len(DIRECTIONS)).astype("int8"),
        "currency": (kind_seen // len(DIRECTIONS)).astype("int16"),
        "n_payments": counts[seen].astype("int64"),
        "amount_minor": sums[seen].view("int64"),
    }


def add_monthly(totals: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up the totals of different payments (on the host); see :func:`monthly_totals`."""
    table = {name: np.concatenate([one[name] for one in totals]) for name in totals[0]}
    kinds = [table[name] for name in ("month", "direction", "currency")]
    order = np.lexsort(kinds)
    first = np.flatnonzero(first_in_run(np.stack(kinds, axis=1)[order], np))
    if first.size:  # else there is nothing to add up
        added = {name: np.add.reduceat(table[name][order], first) for name in _ADDED}
        table = {name: values[order][first] for name, values in table.items()} | added
    return table


def merge_monthly(totals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add up the buckets' totals (on the host); rows in order of month, direction, currency."""
    merged: dict[tuple[int, int, int], list[int]] = {}
    for table in totals:
        names = ("month", "direction", "currency", "n_payments", "amount_minor")
        for month, direction, currency, n, amount in zip(
            *(table[name].tolist() for name in names), strict=True
        ):
            row = merged.setdefault((month, direction, currency), [0, 0])
            row[0] += n
            row[1] += amount
    return [
        {
            "month": f"{month // _MONTHS:04d}-{month % _MONTHS + 1:02d}",
            "direction": DIRECTIONS[direction],
            "currency": currency_name(currency),
            "n_payments": n,
            "amount_minor": amount,
        }
        for (month, direction, currency), (n, amount) in sorted(merged.items())
    ]


def _relation_of_payment(ledger: Ledger, xp: Any) -> Any:
    starts = xp.zeros(ledger.n_payments, dtype="int32")
    starts[ledger.relation_offsets[1:-1]] = 1
    return xp.cumsum(starts)


def _empty(xp: Any) -> dict[str, Any]:
    return {
        "month": xp.empty(0, dtype="int32"),
        "direction": xp.empty(0, dtype="int8"),
        "currency": xp.empty(0, dtype="int16"),
        "n_payments": xp.empty(0, dtype="int64"),
        "amount_minor": xp.empty(0, dtype="int64"),
    }
