"""The cash that regular payments are expected to move after the as-of date.

The range of the cumulative net takes the streams as independent of one another, and the error
of one stream's amount as the same in each of its payments: a stream that has k payments so far
and whose amount may be d lower adds (k d)^2 under the root. Dates are taken as expected.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.keys import find
from qfb_gpu.report.data import Cash, ExpectedLine, Weeks
from qfb_gpu.report.figures.columns import (
    called,
    column,
    day_numbers,
    equal,
    numbers,
    read_or_none,
    top_rows,
)

if TYPE_CHECKING:
    from qfb_gpu.report.figures.columns import Read

_EPOCH = dt.date(1970, 1, 1)
_WEEK = 7
_LISTED = 10
_COLUMNS = ["stream_id", "due_date", "direction", "currency", "amount"]
_RANGE = ["stream_id", "next_amount", "next_amount_low", "next_amount_high"]


def collect(read: Read, currencies: list[str], as_of: dt.date | None, horizon_days: int) -> Cash:
    """Return expected money by week and by day; only days after ``as_of`` in the horizon."""
    table = read("expected_payments", _COLUMNS).select(_COLUMNS)
    due = day_numbers(column(table, "due_date"), -(2**31))
    if as_of is None and due.size:
        as_of = _EPOCH + dt.timedelta(days=int(due.min()) - 1)
    if as_of is None:
        return Cash(horizon_days, 0, None, [], {}, {})
    ahead = due - (as_of - _EPOCH).days - 1
    inside = (ahead >= 0) & (ahead < horizon_days)
    n_weeks = -(-horizon_days // _WEEK)
    first_day = as_of + dt.timedelta(days=1)
    weeks = {}
    spread = _spread(read) if table.num_rows else None
    for currency in currencies:
        mine = inside & equal(table, "currency", currency)
        part = table.filter(pa.array(mine))
        weeks[currency] = _weeks(part, ahead[mine] // _WEEK, first_day, n_weeks, spread)
    return Cash(
        horizon_days=horizon_days,
        n_expected=int(inside.sum()),
        first_day=first_day,
        per_day=[int(n) for n in np.bincount(ahead[inside], minlength=horizon_days)],
        weeks=weeks,
        largest=_largest(read, currencies, inside),
    )


def expected_totals(read: Read, as_of: dt.date | None, horizon_days: int) -> dict[Any, float]:
    """Return the expected money by (currency, direction), in units, over the horizon."""
    table = read("expected_payments", _COLUMNS[1:]).select(_COLUMNS[1:])
    if as_of is not None:
        due = day_numbers(column(table, "due_date"), -(2**31)) - (as_of - _EPOCH).days
        table = table.filter(pa.array((due >= 1) & (due <= horizon_days)))
    keys = pa.table({name: column(table, name) for name in ("currency", "direction", "amount")})
    grouped = keys.group_by(["currency", "direction"]).aggregate([("amount", "sum")])
    return {
        (row["currency"], row["direction"]): float(row["amount_sum"] or 0)
        for row in grouped.to_pylist()
    }


def _spread(read: Read) -> tuple[np.ndarray[Any, Any], ...] | None:
    """Return the streams that have a range, by ascending id, and how far it goes each way."""
    table = read_or_none(read, "payment_streams", _RANGE)
    if table is None:
        return None
    amount, low, high = (numbers(table, name, float("nan")) for name in _RANGE[1:])
    known = ~(np.isnan(amount) | np.isnan(low) | np.isnan(high))
    stream = numbers(table, "stream_id")[known]
    order = np.argsort(stream, kind="stable")
    below = np.maximum(amount - low, 0.0)[known][order]
    above = np.maximum(high - amount, 0.0)[known][order]
    return stream[order], below, above


def _weeks(
    part: pa.Table,
    week: np.ndarray[Any, Any],
    first_day: dt.date,
    n_weeks: int,
    spread: tuple[np.ndarray[Any, Any], ...] | None,
) -> Weeks:
    amount = numbers(part, "amount").astype(float)
    is_in = equal(part, "direction", "in")
    money = [np.bincount(week[s], amount[s], n_weeks) for s in (is_in, ~is_in)]
    number = [np.bincount(week[s], minlength=n_weeks) for s in (is_in, ~is_in)]
    net = np.cumsum(money[0] - money[1])
    below, above = _range(numbers(part, "stream_id"), week, is_in, n_weeks, spread)
    return Weeks(
        starts=[first_day + dt.timedelta(days=_WEEK * w) for w in range(n_weeks)],
        money_in=money[0].tolist(),
        money_out=money[1].tolist(),
        n_in=[int(n) for n in number[0]],
        n_out=[int(n) for n in number[1]],
        net=net.tolist(),
        low=(net - below).tolist(),
        high=(net + above).tolist(),
    )


def _range(
    stream: np.ndarray[Any, Any],
    week: np.ndarray[Any, Any],
    is_in: np.ndarray[Any, Any],
    n_weeks: int,
    spread: tuple[np.ndarray[Any, Any], ...] | None,
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    below, above = np.zeros(n_weeks), np.zeros(n_weeks)
    if spread is None or not spread[0].size or not stream.size:
        return below, above
    ids, lower, higher = spread
    at, known = find(ids, stream, np)
    at, week = at[known], week[known]
    distinct = np.flatnonzero(np.bincount(at, minlength=ids.shape[0]))
    row = np.empty(ids.shape[0], dtype=np.int64)
    row[distinct] = np.arange(distinct.shape[0])
    row = row[at]
    incoming = np.zeros(distinct.shape[0], dtype=bool)
    incoming[row] = is_in[known]
    down = np.where(incoming, lower[distinct], higher[distinct])
    up = np.where(incoming, higher[distinct], lower[distinct])
    so_far = np.zeros(distinct.shape[0])
    for w in range(n_weeks):
        so_far += np.bincount(row[week == w], minlength=distinct.shape[0])
        below[w] = np.sqrt(np.sum((so_far * down) ** 2))
        above[w] = np.sqrt(np.sum((so_far * up) ** 2))
    return below, above


def _largest(
    read: Read, currencies: list[str], inside: np.ndarray[Any, Any]
) -> dict[str, list[ExpectedLine]]:
    wanted = ["customer_id", *_COLUMNS]
    table = read("expected_payments", wanted).select(wanted)
    size = np.abs(numbers(table, "amount").astype(float))
    picked = {}
    for currency in currencies:
        mine = np.flatnonzero(inside & equal(table, "currency", currency))
        rows = mine[top_rows(size[mine], _LISTED)]
        picked[currency] = table.take(pa.array(rows)).to_pylist()
    streams = sorted({row["stream_id"] for rows in picked.values() for row in rows})
    names = _counterparties(read, streams)
    who = called(read, [row["customer_id"] for rows in picked.values() for row in rows])
    return {
        currency: [
            ExpectedLine(
                row["due_date"], row["customer_id"], names.get(row["stream_id"]),
                row["direction"], row["amount"], who.get(row["customer_id"]),
            )
            for row in rows
        ]
        for currency, rows in picked.items()
    }  # fmt: skip


def _counterparties(read: Read, streams: list[int]) -> dict[int, str | None]:
    table = read_or_none(read, "payment_streams", ["stream_id", "counterparty_id"])
    if table is None or not streams:
        return {}
    known = table.filter(pc.is_in(column(table, "stream_id"), pa.array(streams, pa.int64())))
    return {row["stream_id"]: row["counterparty_id"] for row in known.to_pylist()}
