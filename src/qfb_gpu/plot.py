"""Pictures for notebooks: :func:`plot_stream` shows one stream as :func:`find_streams` found it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu import payments
from qfb_gpu.api import Scored, scored
from qfb_gpu.calendars import load_calendar
from qfb_gpu.config import Config
from qfb_gpu.errors import InputError
from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.payments.spectrum import day_spectrum
from qfb_gpu.report.stream_picture import StreamPicture, StreamView, draw
from qfb_gpu.report.wording import to_units
from qfb_gpu.schema import ROLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCH = dt.date(1970, 1, 1)
_EXTRA, _RETURNED = ROLES.index("extra"), ROLES.index("returned")
_SHORTEST_PERIOD = 2.0


def plot_stream(
    transactions: Any,
    stream_id: int | None = None,
    *,
    as_of: dt.date,
    customer_id: str | None = None,
    columns: dict[str, Any] | None = None,
    device: str = "auto",
    **settings: Any,
) -> StreamPicture:
    """Draw one stream: its payments in the calendar, its spectrum, the payment expected next.

    Parameters
    ----------
    transactions : pandas.DataFrame, cudf.DataFrame, polars.DataFrame or pyarrow.Table
        As for :func:`qfb_gpu.find_streams`; all of it is scored, as a stream is regular or not
        among all streams of its table.
    stream_id : int, optional
        As :func:`qfb_gpu.find_streams` gives it. Without one: the regular stream with most
        payments.
    as_of : datetime.date
        The day of the view.
    customer_id : str, optional
        Look at the streams of this customer only.
    columns, device, **settings
        As for :func:`qfb_gpu.find_streams`.

    Returns
    -------
    StreamPicture
        Shown by a notebook; ``save(path)`` writes it as an HTML page of its own.

    Raises
    ------
    InputError
        There is no such stream or customer, a required column is missing, or no row can be read.
    """
    found = scored(transactions, as_of=as_of, columns=columns, device=device, **settings)
    table = found.table()
    row = _row_of(table, stream_id, customer_id)
    calendar = settings.get("calendar", Config.model_fields["calendar"].default)
    return draw(_view(found, table, row, calendar))


def _row_of(table: pa.Table, stream_id: int | None, customer_id: str | None) -> int:
    rows = np.arange(table.num_rows)
    whose = ""
    if customer_id is not None:
        customers = table.column("customer_id").cast(pa.string())
        rows = np.flatnonzero(pc.equal(customers, str(customer_id)).to_numpy())
        whose = f" of customer {customer_id!r}"
        if not rows.size:
            some = ", ".join(repr(name) for name in customers.unique().slice(0, 3).to_pylist())
            msg = f"no customer {customer_id!r} has a payment up to as_of; there are e.g. {some}"
            raise InputError(msg)
    ids = table.column("stream_id").to_numpy()[rows]
    if stream_id is not None:
        hit = rows[ids == _number(stream_id)]
        if not hit.size:
            some = ", ".join(str(one) for one in ids[:3].tolist())
            msg = (
                f"no stream {stream_id}{whose}; there are {rows.size:,}, e.g. {some}: "
                "take a stream_id of find_streams(...) with the same table, as_of and settings"
            )
            raise InputError(msg)
        return int(hit[0])
    if not rows.size:
        msg = f"no stream to draw{whose}: expected at least one payment up to as_of, got none"
        raise InputError(msg)
    regular = table.column("is_regular").to_numpy()[rows]
    most = np.lexsort([ids, -table.column("n_payments").to_numpy()[rows], ~regular])
    return int(rows[most[0]])


def _number(stream_id: Any) -> int:
    try:
        return int(stream_id)
    except (TypeError, ValueError) as error:
        got = " ".join(repr(stream_id).split())[:60]
        msg = f"stream_id: expected a number such as streams.stream_id.iloc[0], got {got}"
        raise InputError(msg) from error


def _view(found: Scored, table: pa.Table, row: int, calendar: str) -> StreamView:
    ledger, streams, backend = found.ledger, found.streams, found.backend
    stream = table.slice(row, 1).to_pylist()[0]
    member = backend.xp.flatnonzero(streams.stream_of_payment == row)
    day, minor, role, due = (
        backend.to_host(values[member])
        for values in (ledger.day, ledger.amount_minor, streams.role, streams.due_day)
    )
    if not stream["is_regular"]:
        role = np.where(role == _RETURNED, role, _EXTRA)
    texts = pa.array(backend.to_host(ledger.text_row[member]))
    ids = ledger.texts.column("txn_id").take(texts).to_pylist()
    seen = [
        (_date(d), to_units(m, stream["currency"]), ROLES[r], txn)
        for d, m, r, txn in zip(day.tolist(), minor.tolist(), role.tolist(), ids, strict=True)
    ]
    paid = ledger.day[member][ledger.amount_minor[member] >= 0].astype("int64")
    frequency, power = (backend.to_host(values) for values in day_spectrum(paid, backend))
    span = int(day.max() - day.min()) + 1
    with np.errstate(divide="ignore"):
        period = np.where(frequency > 0, 1 / frequency, np.inf)
    drawn = np.flatnonzero((period >= _SHORTEST_PERIOD) & (period <= span / 2))
    return StreamView(
        stream,
        seen,
        _missed(found, row, due, calendar) if stream["is_regular"] else [],
        period[drawn].tolist(),
        power[drawn].tolist(),
        found.as_of,
    )


def _missed(found: Scored, row: int, answered: NDArray[np.int32], calendar: str) -> list[dt.date]:
    """Return the due dates before the one expected next that no payment answers."""
    answered = answered[answered != NULL_DAY]
    xp = found.backend.xp
    columns = {
        name: values[row : row + 1]
        for name, values in found.streams.columns.items()
        if not isinstance(values, Labelled)
    }
    until = int(columns["next_due_date"][0])
    if not answered.size or until == NULL_DAY:
        return []
    first = int(answered.min())
    columns["next_due_date"] = xp.full(1, first, dtype="int32")
    columns["is_regular"] = xp.ones(1, dtype=bool)
    columns["status"] = Labelled(xp.zeros(1, dtype="int8"), ("going", "stopped"))
    due = payments.expected_payments(
        columns, load_calendar(calendar), first - 1, until - first, found.backend
    )
    days = np.setdiff1d(found.backend.to_host(due["due_day"]), answered)
    return [_date(d) for d in days.tolist() if d < until]


def _date(day: int) -> dt.date:
    return _EPOCH + dt.timedelta(days=day)
