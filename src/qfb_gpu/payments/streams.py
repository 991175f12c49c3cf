"""Payments in, streams out: split each relation into contracts and describe each of them.

Round by round, what is left of a relation is a pool: its groups by amount are units, each unit
gets its best schedule, and those worth most leave the pool as streams. What remains at the end
is one more stream, the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qfb_gpu.ledger import NULL_DAY, Ledger, Streams
from qfb_gpu.payments.cadence import fit_schedules
from qfb_gpu.payments.columns import stream_columns
from qfb_gpu.payments.intervals import gap_stats
from qfb_gpu.payments.spectrum import spectra
from qfb_gpu.payments.tables import calendar_table, lgamma_table
from qfb_gpu.payments.units import Units, amount_lengths, make_units, offsets_of, ragged_slots
from qfb_gpu.schema import ROLES
from qfb_kernels.members import number_cpu, number_gpu, place_cpu, place_gpu
from qfb_kernels.search import N_FIT_INT
from qfb_kernels.settle import recount_cpu, recount_gpu, settle_cpu, settle_gpu
from qfb_kernels.streams import (
    answer_cpu,
    answer_gpu,
    choose_cpu,
    choose_gpu,
    reversals_cpu,
    reversals_gpu,
)

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Calendar

N_ROUNDS = 6
MIN_POOL = 3
LATE_TICKS = 2
_REGULAR, _LATE, _EARLY, _EXTRA, _RETURNED = (
    ROLES.index(role) for role in ("regular", "late", "early", "extra", "returned")
)


@dataclass(slots=True)
class _Work:
    """What is known of each payment and relation while rounds go on."""

    owner: Any
    due: Any
    offset: Any
    rest_row: Any
    fit_int: list[Any]
    fit_float: list[Any]
    n_owned: int = 0


def score_streams(
    ledger: Ledger,
    calendar: Calendar,
    as_of_day: int,
    backend: Backend,
    horizon_days: int = 90,
) -> Streams:
    """Split every relation into streams and describe each as if it were regular.

    Parameters
    ----------
    ledger : Ledger
        Payments up to ``as_of_day``.
    calendar : Calendar
        Working days, for rolls and for the clock that offsets are counted on.
    as_of_day : int
        Days since 1970-01-01; nothing later is in ``ledger``.
    backend : Backend
    horizon_days : int
        How far ahead expected payments will be listed.

    Returns
    -------
    Streams
        ``columns`` holds the numeric and labelled columns of ``payment_streams`` but
        ``is_regular``, ``q_value`` and ``confidence``, and ``p_value`` (NaN: cannot be tested).
    """
    xp = backend.xp
    first = int(ledger.day.min()) if ledger.n_payments else as_of_day
    cal = backend.asarray(calendar_table(calendar, min(first, as_of_day), as_of_day + horizon_days))
    tables = (cal, backend.asarray(lgamma_table()))
    ledger = replace(ledger, day=ledger.day.astype("int64"))  # one integer type in all kernels
    cancelled_by = xp.empty(ledger.n_payments, dtype="int32")
    backend.launch(
        reversals_cpu, reversals_gpu, ledger.n_relations, ledger.amount_minor,
        ledger.relation_offsets, cancelled_by,
    )  # fmt: skip
    work = _split(ledger, tables, backend)
    _settle(ledger, work, cal, backend)
    return _describe(ledger, work, cancelled_by, cal, as_of_day, backend)


def _split(ledger: Ledger, tables: tuple[Any, Any], backend: Backend) -> _Work:
    xp = backend.xp
    n_payments, n_relations = ledger.n_payments, ledger.n_relations
    work = _Work(
        owner=xp.full(n_payments, -1, dtype="int32"),
        due=xp.full(n_payments, NULL_DAY, dtype="int32"),
        offset=xp.zeros(n_payments, dtype="int32"),
        rest_row=xp.full(n_relations, -1, dtype="int32"),
        fit_int=[],
        fit_float=[],
    )
    counts = ledger.relation_offsets[1:] - ledger.relation_offsets[:-1]
    relation = backend.repeat(xp.arange(n_relations, dtype="int32"), counts)
    open_relation = xp.ones(n_relations, dtype=bool)
    for _ in range(N_ROUNDS):
        free = (work.owner < 0) & (ledger.amount_minor >= 0)
        free &= open_relation[relation]
        size = xp.bincount(relation[free], minlength=n_relations)
        open_relation = size >= MIN_POOL - 1
        free &= open_relation[relation]
        pool = xp.flatnonzero(free).astype("int32")
        if pool.shape[0] == 0:
            break
        pools = xp.flatnonzero(open_relation)
        units = make_units(
            ledger.day, ledger.amount_minor, pool, offsets_of(size[pools], xp), backend
        )
        open_relation = _take_round(ledger, work, units, pools, tables, backend)
    return work


def _take_round(
    ledger: Ledger, work: _Work, units: Units, pools: Any, tables: tuple[Any, Any],
    backend: Backend,
) -> Any:  # fmt: skip
    """Take the best units of each pool; return which relations are worth another round."""
    xp = backend.xp
    n_units = units.start.shape[0]
    _, _, gap = gap_stats(ledger.day, units.member, units.start, units.size, backend)
    peaks, _, _ = spectra(
        ledger.day, units.member, units.start, units.size, backend, with_shape=False
    )
    fit_int, fit_float = fit_schedules(
        ledger.day, ledger.amount_minor, units, gap, peaks, tables, backend
    )
    slot_due, slot_offset = (xp.empty(units.member.shape[0], dtype="int32") for _ in range(2))
    backend.launch(
        answer_cpu, answer_gpu, n_units, ledger.day, units.member, units.start, units.size,
        tables[0], fit_int, slot_due, slot_offset,
    )  # fmt: skip
    nats = amount_lengths(ledger.amount_minor, units, slot_due, backend)
    value, chosen = xp.zeros(n_units), xp.zeros(n_units, dtype="int8")
    backend.launch(
        choose_cpu, choose_gpu, pools.shape[0], ledger.day, units.member, units.start,
        units.size, units.pool_offsets, units.n_slots, fit_int, fit_float, nats, value, chosen,
    )  # fmt: skip
    tested = (units.pool_offsets[1:] - units.pool_offsets[:-1]).astype("float64")
    fit_float[:, 0] -= xp.log(tested)[units.pool]
    taken = xp.flatnonzero(chosen)
    first_id = work.n_owned
    schedule = fit_int[taken]
    slot = ragged_slots(units.start[taken], units.size[taken], backend)
    group = backend.repeat(xp.arange(taken.shape[0], dtype="int32"), units.size[taken])
    hit = slot_due[slot] != NULL_DAY
    slot = slot[hit]
    payment = units.member[slot]
    work.owner[payment] = first_id + group[hit]
    work.due[payment] = slot_due[slot]
    work.offset[payment] = slot_offset[slot]
    open_relation = xp.zeros(ledger.n_relations, dtype=bool)
    open_relation[pools[units.pool[taken]]] = True
    whole = units.pool_offsets[:-1]
    closed = xp.flatnonzero(~open_relation[pools])
    work.rest_row[pools] = -1
    work.rest_row[pools[closed]] = (
        first_id + taken.shape[0] + xp.arange(closed.shape[0], dtype="int32")
    )
    work.fit_int += [schedule, fit_int[whole[closed]]]
    work.fit_float += [fit_float[taken], fit_float[whole[closed]]]
    work.n_owned = first_id + taken.shape[0] + closed.shape[0]
    return open_relation


def _describe(
    ledger: Ledger, work: _Work, cancelled_by: Any, cal: Any, as_of_day: int, backend: Backend
) -> Streams:
    xp = backend.xp
    n_payments, n_relations = ledger.n_payments, ledger.n_relations
    low, high = (xp.zeros(work.n_owned, dtype="int64") for _ in range(2))
    count, link = (xp.zeros(work.n_owned, dtype="int32") for _ in range(2))
    rank = xp.full(work.n_owned, -1, dtype="int32")
    local = xp.empty(n_payments, dtype="int32")
    n_streams = xp.zeros(n_relations, dtype="int32")
    backend.launch(
        number_cpu, number_gpu, n_relations, ledger.amount_minor, work.owner, cancelled_by,
        ledger.relation_offsets, low, high, count, rank, local, link, n_streams,
    )  # fmt: skip
    offsets = offsets_of(n_streams, xp)
    total = int(offsets[-1])
    stream, member = (xp.zeros(n_payments, dtype="int32") for _ in range(2))
    size, unit = (xp.zeros(total, dtype="int32") for _ in range(2))
    start = xp.zeros(total, dtype="int64")
    backend.launch(
        place_cpu, place_gpu, n_relations, ledger.amount_minor, work.owner, local,
        ledger.relation_offsets, offsets, work.rest_row, stream, member, start, size, unit,
    )  # fmt: skip
    fit_int = xp.concatenate([*work.fit_int, xp.zeros((1, N_FIT_INT), dtype="int64")])[unit]
    fit_float = xp.concatenate([*work.fit_float, xp.full((1, 2), -xp.inf)])[unit]
    relation = backend.repeat(xp.arange(n_relations, dtype="int32"), n_streams)
    _answer_rest(ledger, work, (member, start, size), fit_int, unit, cal, backend)
    backend.launch(
        recount_cpu, recount_gpu, total, member, work.owner, work.due, work.offset, start, size,
        cal, fit_int,
    )  # fmt: skip
    columns = stream_columns(
        ledger, relation, offsets, (member, start, size), (work.owner, work.due, work.offset),
        fit_int, fit_float, cal, as_of_day, backend,
    )  # fmt: skip
    role = xp.full(n_payments, _EXTRA, dtype="int8")
    hit = work.owner >= 0
    role[hit] = _REGULAR
    role[hit & (work.offset > LATE_TICKS)] = _LATE
    role[hit & (work.offset < -LATE_TICKS)] = _EARLY
    role[ledger.amount_minor < 0] = _RETURNED
    due = xp.where(hit, work.due, NULL_DAY).astype("int32")
    return Streams(columns, relation, stream, role, due)


def _answer_rest(
    ledger: Ledger, work: _Work, members: tuple[Any, Any, Any], fit_int: Any, unit: Any,
    cal: Any, backend: Backend,
) -> None:  # fmt: skip
    """Match the payments of rests to their schedules, as if they were regular."""
    xp = backend.xp
    member, start, size = members
    is_rest = xp.ones(work.n_owned + 1, dtype=bool)
    is_rest[work.owner[work.owner >= 0]] = False
    rows = xp.flatnonzero((fit_int[:, 1] > 0) & is_rest[unit])
    slot_due = xp.full(member.shape[0], NULL_DAY, dtype="int32")
    slot_offset = xp.zeros(member.shape[0], dtype="int32")
    backend.launch(
        answer_cpu, answer_gpu, rows.shape[0], ledger.day, member, start[rows], size[rows],
        cal, fit_int[rows], slot_due, slot_offset,
    )  # fmt: skip
    hit = slot_due != NULL_DAY
    payment = member[hit]
    work.owner[payment] = work.n_owned
    work.due[payment] = slot_due[hit]
    work.offset[payment] = slot_offset[hit]


def _settle(ledger: Ledger, work: _Work, cal: Any, backend: Backend) -> None:
    """Join groups and leftovers that are one contract."""
    xp = backend.xp
    n = work.n_owned
    low, high = (xp.zeros(n, dtype="int64") for _ in range(2))
    count, head, reach, link = (xp.zeros(n, dtype="int32") for _ in range(4))
    if n:
        backend.launch(
            settle_cpu, settle_gpu, ledger.n_relations, ledger.day, ledger.amount_minor,
            work.owner, work.due, work.offset, ledger.relation_offsets, cal,
            xp.concatenate(work.fit_int), low, high, count, head, reach, link,
        )  # fmt: skip
