"""Regular payments: how many, how sure, how much of the money, the largest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.report.data import Regular, StreamLine
from qfb_gpu.report.figures.columns import (
    called,
    column,
    day_numbers,
    equal,
    label_counts,
    numbers,
    sums,
    top_rows,
)
from qfb_gpu.schema import CADENCES, STATUSES

if TYPE_CHECKING:
    from qfb_gpu.report.figures.columns import Read

_BINS = 20
_LISTED = 10
_UNKNOWN_DAY = -(2**31)
_OVERVIEW = [
    "direction", "currency", "is_regular", "cadence", "status", "confidence", "amount_kind",
    "amount_total_minor",
]  # fmt: skip
_DATES = ["next_date_earliest", "next_date_latest"]
_LISTING = [
    "customer_id", "counterparty_id", "direction", "currency", "is_regular", "status", "cadence",
    "period_days", "n_payments", "confidence", "amount_typical", "amount_total_minor", "next_date",
    "next_date_earliest", "next_date_latest", "next_amount", "next_amount_low",
    "next_amount_high",
]  # fmt: skip


def collect(read: Read, currencies: list[str]) -> Regular:
    """Return the figures of the streams; ``currencies`` are those whose largest are listed."""
    table = read("payment_streams", _OVERVIEW).select(_OVERVIEW)
    regular = table.filter(_true(column(table, "is_regular")))
    edges = [float(edge) for edge in np.linspace(0.0, 1.0, _BINS + 1)]
    all_bins, regular_bins = (_histogram(part, edges) for part in (table, regular))
    kinds = label_counts(column(regular, "amount_kind")) if regular.num_rows else []
    largest, range_days = _largest(read, currencies)
    return Regular(
        n_streams=table.num_rows,
        n_regular=regular.num_rows,
        by_cadence=_by_cadence(regular),
        confidence_edges=edges,
        confidence_regular=regular_bins,
        confidence_other=[a - r for a, r in zip(all_bins, regular_bins, strict=True)],
        share=_share(table),
        by_amount_kind=kinds,
        range_days=range_days,
        largest=largest,
    )


def _true(flags: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(flags, False)  # noqa: FBT003


def _histogram(table: pa.Table, edges: list[float]) -> list[int]:
    confidence = numbers(table, "confidence", float("nan"))
    return [int(n) for n in np.histogram(confidence[~np.isnan(confidence)], edges)[0]]


def _by_cadence(regular: pa.Table) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in sums(regular, ["cadence", "status"], []):
        cadence, status = row["cadence"] or "irregular", row["status"] or "mature"
        statuses = found.setdefault(cadence, dict.fromkeys(STATUSES, 0))
        statuses[status] = statuses.get(status, 0) + row["n"]
    order = [name for name in CADENCES if name in found]
    return {name: found[name] for name in [*order, *sorted(set(found) - set(order))]}


def _share(table: pa.Table) -> dict[tuple[str, str], tuple[int, int]]:
    share: dict[tuple[str, str], tuple[int, int]] = {}
    for row in sums(table, ["currency", "direction", "is_regular"], ["amount_total_minor"]):
        key, money = (row["currency"], row["direction"]), int(row["amount_total_minor"])
        regular, whole = share.get(key, (0, 0))
        share[key] = (regular + (money if row["is_regular"] else 0), whole + money)
    return share


def _largest(read: Read, currencies: list[str]) -> tuple[dict[str, list[StreamLine]], float | None]:
    table = read("payment_streams", _LISTING).select(_LISTING)
    going = pc.and_(
        _true(column(table, "is_regular")),
        pc.fill_null(pc.not_equal(column(table, "status"), "stopped"), True),  # noqa: FBT003
    )
    money, listed = numbers(table, "amount_total_minor"), np.asarray(going)
    largest: dict[str, list[StreamLine]] = {}
    for currency in currencies:
        mine = np.flatnonzero(listed & equal(table, "currency", currency))
        rows = mine[top_rows(money[mine], _LISTED)]
        lines = table.take(pa.array(rows)).to_pylist()
        names = called(read, [row["customer_id"] for row in lines])
        largest[currency] = [_line(row, names) for row in lines]
    return largest, _range_days(table.select(_DATES).filter(going))


def _range_days(going: pa.Table) -> float | None:
    ends = [day_numbers(column(going, name), _UNKNOWN_DAY) for name in _DATES]
    known = (ends[0] != _UNKNOWN_DAY) & (ends[1] != _UNKNOWN_DAY)
    return float(np.median(ends[1][known] - ends[0][known])) if known.any() else None


def _line(row: dict[str, Any], names: dict[str, str]) -> StreamLine:
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
