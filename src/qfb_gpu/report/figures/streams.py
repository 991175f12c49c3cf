"""Regular payments: how many, how sure, how much of the money, the largest.

A part of ``payment_streams`` is summed up by :func:`summed`, what all parts say by :func:`collect`.
Where some customers of a part have other rows, :func:`exchanged` needs no others.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.report.data import Regular, StreamLine
from qfb_gpu.report.figures.columns import (
    added,
    column,
    day_numbers,
    equal,
    exchange,
    labels,
    most_first,
    numbers,
    sums,
    top_rows,
)
from qfb_gpu.report.figures.largest import KEPT, LISTED, NONE, Largest, by_key, exchange_largest
from qfb_gpu.schema import CADENCES, STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qfb_gpu.report.figures.largest import Place

_BINS = 20
_EDGES = [float(edge) for edge in np.linspace(0.0, 1.0, _BINS + 1)]
_UNKNOWN_DAY = -(2**31)
_OF_REGULAR = ["confidence", "cadence", "status", "amount_kind"]
_DATES = ["next_date_earliest", "next_date_latest"]
COLUMNS = [
    "customer_id", "counterparty_id", "direction", "currency", "is_regular", "status", "cadence",
    "period_days", "n_payments", "confidence", "amount_kind", "amount_typical",
    "amount_total_minor", "next_date", "next_date_earliest", "next_date_latest", "next_amount",
    "next_amount_low", "next_amount_high",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sums:
    """What the streams of a part of the table come to.

    Attributes
    ----------
    n_streams : int
    bins, regular_bins : int arrays, shape (n_bins,)
        Streams, and regular ones, by confidence.
    cadences : Counter of (cadence, status)
        Of regular streams, as the next two.
    kinds : Counter of text
    range_days : Counter of int
        Days between the earliest and the latest next date of streams that are still going.
    kinds_of_money : Counter of (currency, direction, whether regular)
        Streams.
    money : Counter of the same
        Minor units.
    n_payments : Counter of currency
    largest : dict of currency to rows
        The largest regular streams that are still going, largest first; more than are listed.
    """

    n_streams: int
    bins: np.ndarray[Any, Any]
    regular_bins: np.ndarray[Any, Any]
    cadences: Counter[tuple[str, str]]
    kinds: Counter[str]
    range_days: Counter[int]
    kinds_of_money: Counter[tuple[str, str, bool]]
    money: Counter[tuple[str, str, bool]]
    n_payments: Counter[str]
    largest: dict[str, Largest]


_NO_BINS = np.zeros(_BINS, np.int64)
_NONE: Counter[Any] = Counter()
NOTHING = Sums(0, _NO_BINS, _NO_BINS, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, {})
"""What no streams come to."""


def summed(table: pa.Table) -> Sums:
    """Return what ``COLUMNS`` of a part of ``payment_streams`` come to."""
    regular = table.select(_OF_REGULAR).filter(_true(column(table, "is_regular")))
    going = pc.and_(
        _true(column(table, "is_regular")),
        pc.fill_null(pc.not_equal(column(table, "status"), "stopped"), True),  # noqa: FBT003
    )
    rows = sums(
        table, ["currency", "direction", "is_regular"], ["amount_total_minor", "n_payments"]
    )
    kinds: Counter[tuple[str, str, bool]] = Counter()
    money: Counter[tuple[str, str, bool]] = Counter()
    n_payments: Counter[str] = Counter()
    for row in rows:
        n_payments[row["currency"]] += int(row["n_payments"])
        key = (row["currency"], row["direction"], bool(row["is_regular"]))
        kinds[key] += row["n"]
        money[key] += int(row["amount_total_minor"])
    return Sums(
        n_streams=table.num_rows,
        bins=_histogram(table),
        regular_bins=_histogram(regular),
        cadences=_cadences(regular),
        kinds=labels(column(regular, "amount_kind")) if regular.num_rows else Counter(),
        range_days=_range_days(table.select(_DATES).filter(going)),
        kinds_of_money=kinds,
        money=money,
        n_payments=n_payments,
        largest=_largest(table, np.asarray(going), list(n_payments)),
    )


def exchanged(
    known: Sums,
    gone: Sums,
    come: Sums,
    customers: np.ndarray[Any, Any],
    place: Place = by_key,
) -> Sums | None:
    """Return what a part comes to in which some customers have other rows.

    Parameters
    ----------
    known, gone, come : Sums
        Of the part, of the customers' rows there, of those that they have now.
    customers : int64 array, ascending
        Keys of the customers.
    place : callable(keys) -> sequence
        See :func:`qfb_gpu.report.figures.largest.exchange_largest`.

    Returns
    -------
    Sums, or None where the largest streams cannot be told from these
    """
    kinds = exchange(known.kinds_of_money, gone.kinds_of_money, come.kinds_of_money)
    money = exchange(known.money, gone.money, come.money)  # what comes to nothing counts as 0
    n_payments = exchange(known.n_payments, gone.n_payments, come.n_payments)
    currencies = dict.fromkeys(currency for currency, _, _ in kinds)
    largest = exchange_largest(known.largest, come.largest, currencies, customers, _size, place)
    if largest is None:
        return None
    return replace(
        known,
        n_streams=known.n_streams - gone.n_streams + come.n_streams,
        bins=known.bins - gone.bins + come.bins,
        regular_bins=known.regular_bins - gone.regular_bins + come.regular_bins,
        cadences=exchange(known.cadences, gone.cadences, come.cadences),
        kinds=exchange(known.kinds, gone.kinds, come.kinds),
        range_days=exchange(known.range_days, gone.range_days, come.range_days),
        kinds_of_money=kinds,
        money=Counter({key: money[key] for key in kinds}),
        n_payments=Counter({currency: n_payments[currency] for currency in currencies}),
        largest=largest,
    )


def _size(row: dict[str, Any]) -> int:
    return row["amount_total_minor"] or 0


def collect(parts: Sequence[Sums], currencies: list[str], names: Mapping[str, str]) -> Regular:
    """Return the figures of the streams.

    Parameters
    ----------
    parts : sequence of Sums
        In the order of the table.
    currencies : list of str
        Those whose largest streams are listed.
    names : mapping of str to str
        Of customers in :func:`listed`, where they have one.
    """
    bins, regular_bins = (
        sum((getattr(part, name) for part in parts), np.zeros(_BINS, dtype=np.int64))
        for name in ("bins", "regular_bins")
    )
    cadences = added(part.cadences for part in parts)
    return Regular(
        n_streams=sum(part.n_streams for part in parts),
        n_regular=sum(cadences.values()),
        by_cadence=_by_cadence(cadences),
        confidence_edges=_EDGES,
        confidence_regular=[int(n) for n in regular_bins],
        confidence_other=[int(n) for n in bins - regular_bins],
        share=_share(added(part.money for part in parts)),
        by_amount_kind=most_first(part.kinds for part in parts),
        range_days=_median(added(part.range_days for part in parts)),
        largest={
            currency: [_line(row, names) for row in _first(parts, currency)]
            for currency in currencies
        },
    )


def listed(parts: Sequence[Sums], currencies: list[str]) -> set[str]:
    """Return the customers whose streams are listed."""
    return {row["customer_id"] for name in currencies for row in _first(parts, name)}


def _true(flags: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(flags, False)  # noqa: FBT003


def _histogram(table: pa.Table) -> np.ndarray[Any, Any]:
    confidence = numbers(table, "confidence", float("nan"))
    return np.histogram(confidence[~np.isnan(confidence)], _EDGES)[0]


def _cadences(regular: pa.Table) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for row in sums(regular, ["cadence", "status"], []):
        found[row["cadence"] or "irregular", row["status"] or "mature"] += row["n"]
    return found


def _by_cadence(cadences: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (cadence, status), n in cadences.items():
        statuses = found.setdefault(cadence, dict.fromkeys(STATUSES, 0))
        statuses[status] = statuses.get(status, 0) + n
    order = [name for name in CADENCES if name in found]
    return {name: found[name] for name in [*order, *sorted(set(found) - set(order))]}


def _share(
    money: Counter[tuple[str, str, bool]],
) -> dict[tuple[str, str], tuple[int, int]]:
    share: dict[tuple[str, str], tuple[int, int]] = {}
    for (currency, direction, is_regular), minor in money.items():
        regular, whole = share.get((currency, direction), (0, 0))
        share[currency, direction] = (regular + (minor if is_regular else 0), whole + minor)
    return share


def _largest(
    table: pa.Table, going: np.ndarray[Any, Any], currencies: list[str]
) -> dict[str, Largest]:
    """Return the largest streams of each currency that are still going, ties by row."""
    money = numbers(table, "amount_total_minor")
    largest = {}
    for currency in currencies:
        mine = np.flatnonzero(going & equal(table, "currency", currency))
        rows = mine[top_rows(money[mine], KEPT)]
        largest[currency] = Largest(table.take(pa.array(rows)).to_pylist(), mine.size <= KEPT)
    return largest


def _first(parts: Sequence[Sums], currency: str) -> list[dict[str, Any]]:
    """Return the largest of all parts, ties in the order of the table."""
    rows = [row for part in parts for row in part.largest.get(currency, NONE).rows]
    rows.sort(key=lambda row: -_size(row))
    return rows[:LISTED]


def _range_days(going: pa.Table) -> Counter[int]:
    ends = [day_numbers(column(going, name), _UNKNOWN_DAY) for name in _DATES]
    known = (ends[0] != _UNKNOWN_DAY) & (ends[1] != _UNKNOWN_DAY)
    days, n = np.unique(ends[1][known] - ends[0][known], return_counts=True)
    return Counter(dict(zip(days.tolist(), n.tolist(), strict=True)))


def _median(counts: Counter[int]) -> float | None:
    """Return the median of integers of which each is there so often."""
    total = sum(counts.values())
    if not total:
        return None
    values = sorted(counts)
    ends = np.cumsum([counts[value] for value in values])
    low, high = (values[int(np.searchsorted(ends, at, side="right"))]
                 for at in ((total - 1) // 2, total // 2))  # fmt: skip
    return (low + high) / 2


def _line(row: dict[str, Any], names: Mapping[str, str]) -> StreamLine:
    return StreamLine(
        customer=row["customer_id"],
        counterparty=row["counterparty_id"],
        direction=row["direction"],
        cadence=row["cadence"],
        period_days=row["period_days"],
        n_payments=row["n_payments"],
        amount_typical=row["amount_typical"],
        next_date=row["next_date"],
        next_earliest=row["next_date_earliest"],
        next_latest=row["next_date_latest"],
        next_amount=row["next_amount"],
        next_low=row["next_amount_low"],
        next_high=row["next_amount_high"],
        confidence=row["confidence"],
        called=names.get(row["customer_id"]),
    )
