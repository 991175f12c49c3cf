"""The cash that regular payments are expected to move after the as-of date.

The range of the cumulative net takes the streams as independent of one another, and the error
of one stream's amount as the same in each of its payments: a stream that has k payments so far
and whose amount may be d lower adds (k d)^2 under the root. Dates are taken as expected.

A bucket's part of ``expected_payments`` is summed up beside its streams by :func:`summed`, what all
parts say by :func:`collect`. Floats are summed without rounding (:mod:`.exact`), so neither the
number of parts nor their order is in the answer.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.keys import find
from qfb_gpu.report.data import Cash, ExpectedLine, Weeks
from qfb_gpu.report.figures.columns import codes, column, day_numbers, exchange, numbers, top_rows
from qfb_gpu.report.figures.exact import Exact, exact, rounded
from qfb_gpu.report.figures.largest import KEPT, LISTED, NONE, Largest, by_key, exchange_largest
from qfb_gpu.report.figures.reading import of_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qfb_gpu.report.figures.largest import Place
    from qfb_gpu.report.figures.reading import Read

_EPOCH = dt.date(1970, 1, 1)
_NEVER = -(2**31)
_WEEK = 7
_STREAMS = 1 << 12
"""Streams whose squares are summed at a time: their weeks fit a cache."""
COLUMNS = ["customer_id", "stream_id", "due_date", "direction", "currency", "amount"]
OF_STREAM = ["stream_id", "counterparty_id", "next_amount", "next_amount_low", "next_amount_high"]
_RANGE = OF_STREAM[2:]


@dataclass(frozen=True, slots=True)
class Ahead:
    """The days that are looked at.

    Attributes
    ----------
    first_day : date or None
        None where nothing says what day the run was of, and nothing is expected.
    horizon_days : int
    is_given : bool
        The run's own day is known; else all that is expected counts in the totals.
    """

    first_day: dt.date | None
    horizon_days: int
    is_given: bool

    @property
    def n_weeks(self) -> int:
        """Weeks, the last one begun."""
        return -(-self.horizon_days // _WEEK)


@dataclass(frozen=True, slots=True)
class WeekSums:
    """One currency's weeks in a part: floats by week, to be rounded once."""

    money_in: Exact
    money_out: Exact
    n_in: np.ndarray[Any, Any]
    n_out: np.ndarray[Any, Any]
    below: Exact
    above: Exact


@dataclass(frozen=True, slots=True)
class Sums:
    """What the expected payments of a part come to.

    Attributes
    ----------
    per_day : int array, shape (horizon_days,)
    totals : dict of (currency, direction) to the money over the horizon
    weeks : dict of currency to WeekSums
    largest : dict of currency to rows
        The largest expected payments, with ``size`` and ``counterparty_id``, largest first; more
        than are listed.
    """

    per_day: np.ndarray[Any, Any]
    totals: dict[tuple[str, str], Exact]
    weeks: dict[str, WeekSums]
    largest: dict[str, Largest]


def ahead(read: Read, as_of: dt.date | None, horizon_days: int) -> Ahead:
    """Return the days after ``as_of``; where that is not known, from the first expected payment."""
    is_given = as_of is not None
    if as_of is None:
        due = of_parts(read, "expected_payments", ["due_date"], _first_due) or []
        known = [day for day in due if day is not None]
        as_of = _EPOCH + dt.timedelta(days=min(known) - 1) if known else None
    return Ahead(None if as_of is None else as_of + dt.timedelta(days=1), horizon_days, is_given)


def _first_due(table: pa.Table) -> int | None:
    due = day_numbers(column(table, "due_date"), _NEVER)
    return int(due.min()) if due.size else None


def summed(streams: pa.Table, expected: pa.Table, asked: Ahead) -> Sums:
    """Return what is expected of a part of the streams.

    Parameters
    ----------
    streams : Table
        ``OF_STREAM`` of a part of ``payment_streams``.
    expected : Table
        ``COLUMNS`` of the same streams' expected payments.
    asked : Ahead
    """
    first = asked.first_day or _EPOCH
    days = day_numbers(column(expected, "due_date"), _NEVER) - (first - _EPOCH).days
    inside = (days >= 0) & (days < asked.horizon_days)
    if asked.first_day is None:
        inside = np.zeros(expected.num_rows, dtype=bool)
    spread = _spread(streams)
    amount, stream = numbers(expected, "amount").astype(float), numbers(expected, "stream_id")
    currency, names = codes(expected, "currency")
    direction, ways = codes(expected, "direction")
    is_in = direction == (ways.index("in") if "in" in ways else len(ways))
    counted = inside if asked.is_given else np.ones_like(inside)
    weeks, largest, totals = {}, {}, {}
    for number, name in enumerate(names):
        own = currency == number
        for at, way in enumerate(ways):
            mine = counted & own & (direction == at)
            if mine.any():
                totals[name, way] = exact(amount[mine])
        mine = np.flatnonzero(inside & own)
        columns = amount[mine], stream[mine], is_in[mine], days[mine] // _WEEK
        weeks[name] = _weeks(*columns, asked.n_weeks, spread)
        largest[name] = _largest(expected, mine, np.abs(amount), streams)
    return Sums(np.bincount(days[inside], minlength=asked.horizon_days), totals, weeks, largest)


def nothing(asked: Ahead) -> Sums:
    """Return what no expected payments come to."""
    return Sums(np.zeros(asked.horizon_days, np.int64), {}, {}, {})


def exchanged(
    known: Sums,
    gone: Sums,
    come: Sums,
    customers: np.ndarray[Any, Any],
    place: Place = by_key,
) -> Sums | None:
    """Return what is expected of a part in which some customers have other rows.

    Parameters as of :func:`qfb_gpu.report.figures.streams.exchanged`.
    """
    currencies = {**known.weeks, **come.weeks}
    largest = exchange_largest(known.largest, come.largest, currencies, customers, _size, place)
    if largest is None:
        return None
    none: Exact = Counter()
    return Sums(
        per_day=known.per_day - gone.per_day + come.per_day,
        totals={
            kind: exchange(*(part.totals.get(kind, none) for part in (known, gone, come)))
            for kind in {**known.totals, **come.totals}
        },
        weeks={name: _exchanged_weeks(name, known, gone, come) for name in currencies},
        largest=largest,
    )


def _exchanged_weeks(currency: str, known: Sums, gone: Sums, come: Sums) -> WeekSums:
    n_weeks = next(part.weeks[currency] for part in (known, come) if currency in part.weeks)
    zeros = np.zeros_like(n_weeks.n_in)
    nothing = WeekSums(Counter(), Counter(), zeros, zeros, Counter(), Counter())
    before, less, more = (part.weeks.get(currency, nothing) for part in (known, gone, come))
    floats = {
        name: exchange(*(getattr(part, name) for part in (before, less, more)))
        for name in ("money_in", "money_out", "below", "above")
    }
    return WeekSums(
        n_in=before.n_in - less.n_in + more.n_in,
        n_out=before.n_out - less.n_out + more.n_out,
        **floats,
    )


def _size(row: dict[str, Any]) -> float:
    size: float = row["size"]
    return size


def collect(
    parts: Sequence[Sums], currencies: list[str], asked: Ahead, names: Mapping[str, str]
) -> Cash:
    """Return expected money by week and by day; only days in the horizon.

    Parameters
    ----------
    parts : sequence of Sums
        In the order of the tables.
    currencies : list of str
        Those that are drawn.
    asked : Ahead
    names : mapping of str to str
        Of customers in :func:`listed`, where they have one.
    """
    if asked.first_day is None:
        return Cash(asked.horizon_days, 0, None, [], {}, {})
    per_day = sum((part.per_day for part in parts), np.zeros(asked.horizon_days, dtype=np.int64))
    return Cash(
        horizon_days=asked.horizon_days,
        n_expected=int(per_day.sum()),
        first_day=asked.first_day,
        per_day=[int(n) for n in per_day],
        weeks={currency: _all_weeks(parts, currency, asked) for currency in currencies},
        largest={
            currency: [_line(row, names) for row in _first(parts, currency)]
            for currency in currencies
        },
    )


def listed(parts: Sequence[Sums], currencies: list[str]) -> set[str]:
    """Return the customers whose expected payments are listed."""
    return {row["customer_id"] for name in currencies for row in _first(parts, name)}


def expected_totals(parts: Sequence[Sums]) -> dict[Any, float]:
    """Return the expected money by (currency, direction), in units, over the horizon."""
    keys = dict.fromkeys(key for part in parts for key in part.totals)
    return {key: float(rounded(p.totals[key] for p in parts if key in p.totals)[0]) for key in keys}


def _spread(streams: pa.Table) -> tuple[np.ndarray[Any, Any], ...]:
    """Return the streams that have a range, by ascending id, and how far it goes each way."""
    amount, low, high = (numbers(streams, name, float("nan")) for name in _RANGE)
    known = ~(np.isnan(amount) | np.isnan(low) | np.isnan(high))
    stream = numbers(streams, "stream_id")[known]
    order = np.argsort(stream, kind="stable")
    below = np.maximum(amount - low, 0.0)[known][order]
    above = np.maximum(high - amount, 0.0)[known][order]
    return stream[order], below, above


def _weeks(
    amount: np.ndarray[Any, Any],
    stream: np.ndarray[Any, Any],
    is_in: np.ndarray[Any, Any],
    week: np.ndarray[Any, Any],
    n_weeks: int,
    spread: tuple[np.ndarray[Any, Any], ...],
) -> WeekSums:
    below, above = _range(stream, week, is_in, n_weeks, spread)
    return WeekSums(
        money_in=exact(amount[is_in], week[is_in]),
        money_out=exact(amount[~is_in], week[~is_in]),
        n_in=np.bincount(week[is_in], minlength=n_weeks),
        n_out=np.bincount(week[~is_in], minlength=n_weeks),
        below=below,
        above=above,
    )


def _all_weeks(parts: Sequence[Sums], currency: str, asked: Ahead) -> Weeks:
    mine = [part.weeks[currency] for part in parts if currency in part.weeks]
    n_weeks = asked.n_weeks
    money_in, money_out, below, above = (
        rounded((getattr(part, name) for part in mine), n_weeks)
        for name in ("money_in", "money_out", "below", "above")
    )
    n_in, n_out = (
        sum((getattr(part, name) for part in mine), np.zeros(n_weeks, dtype=np.int64))
        for name in ("n_in", "n_out")
    )
    net = np.cumsum(money_in - money_out)
    assert asked.first_day is not None  # noqa: S101  else nothing is shown
    return Weeks(
        starts=[asked.first_day + dt.timedelta(days=_WEEK * w) for w in range(n_weeks)],
        money_in=money_in.tolist(),
        money_out=money_out.tolist(),
        n_in=[int(n) for n in n_in],
        n_out=[int(n) for n in n_out],
        net=net.tolist(),
        low=(net - np.sqrt(below)).tolist(),
        high=(net + np.sqrt(above)).tolist(),
    )


def _range(
    stream: np.ndarray[Any, Any],
    week: np.ndarray[Any, Any],
    is_in: np.ndarray[Any, Any],
    n_weeks: int,
    spread: tuple[np.ndarray[Any, Any], ...],
) -> tuple[Exact, Exact]:
    """Return by week the squares by which the net may be lower and higher, over the streams."""
    below: Exact = Counter()
    above: Exact = Counter()
    if not spread[0].size or not stream.size:
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
    each = np.bincount(row * n_weeks + week, minlength=distinct.shape[0] * n_weeks)
    so_far = np.cumsum(each.reshape(-1, n_weeks), axis=1).astype(np.float64)
    weeks = np.arange(n_weeks)
    for start in range(0, distinct.shape[0], _STREAMS):
        some = slice(start, start + _STREAMS)
        cells = np.broadcast_to(weeks, so_far[some].shape).ravel()
        below.update(exact(((so_far[some] * down[some, None]) ** 2).ravel(), cells))
        above.update(exact(((so_far[some] * up[some, None]) ** 2).ravel(), cells))
    return below, above


def _largest(
    expected: pa.Table, mine: np.ndarray[Any, Any], size: np.ndarray[Any, Any], streams: pa.Table
) -> Largest:
    """Return the largest of some expected payments, ties by row, with their counterparties."""
    rows = mine[top_rows(size[mine], KEPT)]
    picked = expected.take(pa.array(rows)).to_pylist()
    ids = pa.array([row["stream_id"] for row in picked], pa.int64())
    some = streams.select(["stream_id", "counterparty_id"])
    some = some.filter(pc.is_in(column(some, "stream_id"), ids))
    names = {row["stream_id"]: row["counterparty_id"] for row in some.to_pylist()}
    found = [
        {**row, "size": float(size[at]), "counterparty_id": names.get(row["stream_id"])}
        for at, row in zip(rows.tolist(), picked, strict=True)
    ]
    return Largest(found, mine.size <= KEPT)


def _first(parts: Sequence[Sums], currency: str) -> list[dict[str, Any]]:
    """Return the largest of all parts, ties in the order of the table."""
    rows = [row for part in parts for row in part.largest.get(currency, NONE).rows]
    rows.sort(key=lambda row: -_size(row))
    return rows[:LISTED]


def _line(row: dict[str, Any], names: Mapping[str, str]) -> ExpectedLine:
    return ExpectedLine(
        row["due_date"], row["customer_id"], row["counterparty_id"], row["direction"],
        row["amount"], names.get(row["customer_id"]),
    )  # fmt: skip
