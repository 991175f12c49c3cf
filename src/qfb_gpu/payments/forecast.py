"""The next payment of each stream, and the payments of the coming days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.payments.cadence import SCHEDULE_COLUMNS
from qfb_gpu.payments.tables import calendar_table
from qfb_gpu.payments.units import offsets_of
from qfb_kernels.expected import expected_cpu, expected_gpu
from qfb_kernels.forecast import N_LEVELS, N_SHARES, forecast_cpu, forecast_gpu
from qfb_kernels.lateness import N_OFFSETS

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Calendar


def next_payments(
    answers: tuple[Any, Any, Any], members: tuple[Any, Any, Any], cal: Any, fit: Any,
    as_of_day: int, backend: Backend,
) -> tuple[Any, Any, Any, Any, Any]:  # fmt: skip
    """Return when each stream pays next, as if it were regular.

    Parameters
    ----------
    answers : owner, due day, offset of each payment; an owner below 0 answers no due date
    members : member, start, size of each stream
    cal : calendar table
    fit : int64, shape (n_streams, 14), see :mod:`qfb_kernels.search`

    Returns
    -------
    quantile : int32, shape (n_streams, 3), the shortest range of days that holds the next payment
        with 90%, around the median: earliest, median, latest; ``NULL_DAY`` for none
    next_due : int32, the due date it answers
    closed : int32, due dates from the first answered to the last that fell on closed days
    missed : int32
    status : int8, index into ``STATUSES``, -1 where there is no schedule
    """
    xp = backend.xp
    n_streams = fit.shape[0]
    quantile = xp.empty((n_streams, 3), dtype="int32")
    chance, share = xp.empty((n_streams, N_OFFSETS)), xp.empty((n_streams, N_SHARES))
    level_day = xp.empty((n_streams, N_LEVELS), dtype="int32")
    next_due, closed, missed = (xp.empty(n_streams, dtype="int32") for _ in range(3))
    status = xp.empty(n_streams, dtype="int8")
    owner, due, offset = answers
    member, start, size = members
    backend.launch(
        forecast_cpu, forecast_gpu, n_streams, member, owner, due, offset, start, size,
        cal, fit, as_of_day, chance, share, level_day, quantile, next_due, closed, missed, status,
    )  # fmt: skip
    return quantile, next_due, closed, missed, status


def expected_payments(
    columns: dict[str, Any],
    calendar: Calendar,
    as_of_day: int,
    horizon_days: int,
    backend: Backend,
) -> dict[str, Any]:
    """List the payments that regular streams are expected to make.

    Parameters
    ----------
    columns : dict
        Decided columns of streams: see :func:`qfb_gpu.payments.decide`.
    calendar : Calendar
    as_of_day, horizon_days : int
        Days after ``as_of_day`` up to ``as_of_day + horizon_days`` are listed.

    Returns
    -------
    dict of arrays, one row per expected payment, ascending by stream, then day
        ``stream`` (int32, row of ``columns``), ``due_day`` (int32), ``amount`` (float64).
        A payment that is late is expected the day after ``as_of_day``; no day twice a stream.
    """
    xp = backend.xp
    schedule = xp.stack([columns[name].astype("int64") for name in SCHEDULE_COLUMNS], axis=1)
    status = columns["status"]
    open_now = columns["is_regular"] & (status.codes >= 0)
    open_now &= status.codes != status.labels.index("stopped")
    rows = xp.flatnonzero(open_now)
    schedule = xp.ascontiguousarray(schedule[rows])
    first_due = columns["next_due_date"][rows]
    cal = backend.asarray(calendar_table(calendar, as_of_day - 800, as_of_day + horizon_days + 800))
    count = xp.zeros(rows.shape[0], dtype="int64")
    empty = xp.zeros(0, dtype="int32")
    begin = xp.full(rows.shape[0], -1, dtype="int64")
    fixed = (cal, schedule, first_due, as_of_day, horizon_days)
    backend.launch(expected_cpu, expected_gpu, rows.shape[0], *fixed, begin, empty, empty, count)
    offsets = offsets_of(count, xp)
    day_out, stream_out = (xp.empty(int(offsets[-1]), dtype="int32") for _ in range(2))
    backend.launch(
        expected_cpu, expected_gpu, rows.shape[0], *fixed, offsets[:-1], day_out, stream_out, count
    )
    stream = rows[stream_out].astype("int32")
    return {"stream": stream, "due_day": day_out, "amount": columns["next_amount"][stream]}
