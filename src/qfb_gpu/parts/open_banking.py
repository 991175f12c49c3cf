"""Declared schedules of open-banking documents beside the streams that were found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import to_date
from qfb_gpu.counted import counted
from qfb_gpu.currencies import EXPONENT, currency_name
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR, Labelled
from qfb_gpu.parts.part import PROFILE, Part
from qfb_gpu.payments import declared
from qfb_gpu.schema import CADENCES, DIRECTIONS

if TYPE_CHECKING:
    from qfb_gpu.parts.part import Columns, Given, Saved

SCHEDULES = ("standing_order", "direct_debit")
_INACTIVE = {
    "inactive", "inac", "cancelled", "canc", "suspended", "susp", "expired", "expi",
}  # fmt: skip
"""Statuses of v3.1, and of v4: the code set ExternalMandateStatus1Code."""
_TEXTS = ("declaration_id", "customer_id", "counterparty_id", "counterparty_name", "reference")
_LABELS = ("kind", "status", "frequency")
_DAYS = ("date", "first_date", "next_date", "final_date")


def score(given: Given) -> dict[str, Columns]:
    """Keep what was declared and known on the day; the streams are decided later."""
    rows = given.sources["open_banking"]
    numbers = ("amount_minor", "currency", "n_payments")
    values = {name: rows.columns[name] for name in (*_LABELS, *_DAYS, *numbers)}
    texts = {name: rows.texts.column(name).combine_chunks() for name in _TEXTS}
    keys = {"counterparty_key": rows.keys["counterparty_key"], "customer": rows.customer}
    return {"declared": {**values, **texts, **keys}}


def publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    """Compare each schedule with the streams of its customer."""
    rows = saved.scored("declared", bucket)
    streams, relations = saved.streams(bucket), saved.relations(bucket)
    kind = _texts(rows["kind"])
    shown = np.isin(kind, [*SCHEDULES, "scheduled_payment"])
    amount = _units(rows["amount_minor"], rows["currency"])
    frequencies = {text: declared.parse_frequency(text) for text in rows["frequency"].labels}
    found = [frequencies.get(text) for text in _texts(rows["frequency"])]
    status = _texts(rows["status"])
    is_active = np.array([str(text or "").casefold() not in _INACTIVE for text in status], bool)
    final = np.where(rows["final_date"] == NULL_DAY, _by_count(rows, found), rows["final_date"])
    ended = (final != NULL_DAY) & (final < saved.as_of_day)
    ours = {
        **{n: rows[n] for n in ("customer", "counterparty_key", "first_date", "n_payments")},
        "currency": np.where(np.isnan(amount), -1, rows["currency"]),  # of the amount
        "amount": amount,
        "cadence": np.array([-1 if f is None else CADENCES.index(f.cadence) for f in found], int),
        "period_days": np.array([np.nan if f is None else f.period_days for f in found], float),
        "next_day": rows["next_date"],
        "is_past": rows["next_date"] <= saved.as_of_day,
        "is_active": is_active & ~ended,
        "until_day": np.where(is_active & ended, final, np.int32(NULL_DAY)),
        "is_counted": is_active & ended & (rows["final_date"] == NULL_DAY),
        "is_schedule": np.isin(kind, SCHEDULES),
    }
    theirs = _streams(streams, relations)
    made = declared.match_streams(ours, theirs, get_backend("cpu"))
    table = _table(rows, ours, theirs, made, found, streams)
    profile = _profile(saved, bucket, ours, table["agrees"])
    return {"declared_schedules": _pick(table, np.flatnonzero(shown)), PROFILE: profile}


def _by_count(rows: Columns, found: list[declared.Frequency | None]) -> Any:
    """Return the last day in force of orders of so many payments; null where it is not known.

    No order ends before a payment that its bank says was made, or will be.
    """
    last = np.full(len(found), NULL_DAY, np.int32)
    has_count = np.isfinite(rows["n_payments"]) & (rows["first_date"] != NULL_DAY)
    for row in np.flatnonzero(has_count).tolist():
        first, n_payments = int(rows["first_date"][row]), float(rows["n_payments"][row])
        day = declared.last_in_force(first, n_payments, found[row])
        if day is not None:
            last[row] = max(day, int(rows["date"][row]), int(rows["next_date"][row]))
    return last


def _streams(streams: Columns, relations: Columns) -> Columns:
    at = streams["relation"]
    out = DIRECTIONS.index("out")
    status = streams["status"]
    stopped = [name == "stopped" for name in status.labels]
    return {
        "customer": relations["customer"][at],
        "counterparty_key": relations["counterparty_key"][at],
        "currency": relations["currency"][at],
        "is_out": relations["direction"][at] == out,
        "amount": streams["amount_typical"],
        "cadence": streams["cadence"].codes,
        "period_days": streams["period_days"],
        "next_day": streams["next_date"],
        "stream_id": streams["stream_id"],
        "is_regular": streams["is_regular"],
        "is_stopped": np.array([*stopped, False], bool)[status.codes],
        "n_payments": streams["n_payments"],
        "last_day": streams["last_date"],
    }


def _table(
    rows: Columns, ours: Columns, theirs: Columns, made: Columns, found: list[Any], streams: Columns
) -> Columns:
    stream, there = made["stream"], made["stream"] >= 0
    at = np.maximum(stream, 0)

    def of_stream(values: Any, null: Any) -> Any:
        return np.where(there, values[at], null) if values.shape[0] else np.full(at.shape, null)

    few = of_stream(theirs["n_payments"], 0) < declared.MIN_PAYMENTS
    agrees = pa.array(made["difference"] == 0, mask=~there | few)
    codes = [None if f is None or not f.code else f.code for f in found]
    cadence = np.where(there, streams["cadence"].codes[at], -1) if len(theirs["amount"]) else -there
    return {
        **{name: rows[name] for name in (*_TEXTS, *_LABELS, *_DAYS)},
        "amount": ours["amount"],
        "currency": _currency(
            np.where(
                (ours["currency"] < 0) & there, of_stream(theirs["currency"], -1), ours["currency"]
            )
        ),
        "cadence": Labelled(ours["cadence"].astype(np.int32), CADENCES),
        "period_days": ours["period_days"],
        "schedule_code": pa.array(codes, pa.string()),
        "stream_id": of_stream(theirs["stream_id"], NULL_MINOR),
        "found_cadence": Labelled(np.asarray(cadence, np.int32), CADENCES),
        "found_amount": of_stream(theirs["amount"], np.nan),
        "found_next_date": of_stream(theirs["next_day"], np.int32(NULL_DAY)).astype(np.int32),
        "agrees": agrees,
        "difference": pa.array(_words(ours, theirs, made, few), pa.string()),
    }


def _words(ours: Columns, theirs: Columns, made: Columns, few: Any) -> list[str | None]:
    """Return how each schedule differs from its stream, in words."""
    return [
        _difference(ours, theirs, row, int(stream), int(bits), few=bool(is_few))
        for row, (stream, bits, is_few) in enumerate(
            zip(made["stream"], made["difference"], few, strict=True)
        )
    ]


def _difference(
    ours: Columns, theirs: Columns, row: int, stream: int, bits: int, *, few: bool
) -> str | None:
    if not ours["is_schedule"][row]:
        return "one payment: nothing to compare"
    if stream < 0:
        return "no payments found"
    said = []
    if few:
        said.append("too few payments to tell")
    if bits & declared.NOT_REGULAR:
        said.append("its payments were not found to be regular")
    if bits & declared.OTHER_CADENCE:
        one, other = CADENCES[ours["cadence"][row]], CADENCES[theirs["cadence"][stream]]
        said.append(f"{one} declared, {other} found")
    if bits & declared.OTHER_AMOUNT:
        n = EXPONENT[currency_name(int(ours["currency"][row]))]
        one, other = f"{ours['amount'][row]:,.{n}f}", f"{theirs['amount'][stream]:,.{n}f}"
        said.append(f"{one} declared, {other} found")
    if bits & declared.OTHER_NEXT:
        due, next_due = to_date(ours["next_day"][row]), to_date(theirs["next_day"][stream])
        said.append(f"next {due} declared, {next_due} expected")
    if bits & declared.STOPPED:
        said.append("in force, but its payments stopped")
    if bits & declared.NOT_ACTIVE:
        said.append(f"{_ended(ours, row)}, but it is still paid")
    return "; ".join(said) or None


def _ended(ours: Columns, row: int) -> str:
    if not ours["is_counted"][row]:
        return "not in force"
    n_payments = counted(int(ours["n_payments"][row]), "payment")
    return f"declared for {n_payments} from {to_date(ours['first_date'][row])} on"


def _profile(saved: Saved, bucket: int, ours: Columns, agrees: pa.Array) -> Columns:
    n_customers = len(saved.customers(bucket)["customer_id"])
    mine = (ours["customer"] >= 0) & ours["is_schedule"] & ours["is_active"]
    is_kept = np.asarray(pc.fill_null(agrees, fill_value=False))

    def count(rows: Any) -> Any:
        return np.bincount(ours["customer"][rows], minlength=n_customers).astype(np.int64)

    return {
        "declared_n_schedules": count(mine),
        "declared_n_agreeing": count(mine & is_kept),
    }


def _texts(values: Labelled) -> Any:
    labels = np.array([*values.labels, None], dtype=object)
    return labels[values.codes]


def _units(minor: Any, currency: Any) -> Any:
    names = {int(code): currency_name(int(code)) for code in np.unique(currency) if code >= 0}
    digits = np.array([EXPONENT[names[c]] if c in names else 0 for c in currency.tolist()], float)
    return np.where(minor == NULL_MINOR, np.nan, minor / 10.0**digits)


def _currency(codes: Any) -> Labelled:
    distinct, place = np.unique(codes, return_inverse=True)
    n_null = int((distinct < 0).sum())
    names = tuple(currency_name(int(code)) for code in distinct[n_null:])
    return Labelled((place - n_null).astype(np.int32), names)


def _pick(columns: Columns, rows: Any) -> Columns:
    picked: Columns = {}
    for name, values in columns.items():
        if isinstance(values, Labelled):
            picked[name] = Labelled(values.codes[rows], values.labels)
        else:
            at = pa.array(rows) if isinstance(values, pa.Array) else rows
            picked[name] = values.take(at) if isinstance(values, pa.Array) else values[at]
    return picked


OPEN_BANKING = Part(
    name="open_banking",
    what="declared schedules 开放银行",
    needs=("open_banking",),
    tables=("declared_schedules",),
    score=score,
    publish=publish,
)
