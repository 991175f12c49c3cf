"""Payments in, streams out: split each relation into contracts and describe each of them.

The groups of :mod:`qfb_gpu.payments.rounds` become streams; what no group took is one more
stream, the rest. What an earlier night split is not split again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qfb_gpu.ledger import NULL_DAY, Ledger, Streams
from qfb_gpu.payments.columns import stream_columns
from qfb_gpu.payments.described import Described, describe
from qfb_gpu.payments.due_tables import due_table
from qfb_gpu.payments.rounds import split
from qfb_gpu.payments.splits import Splits, fingerprints, merged, of_work, places_of
from qfb_gpu.payments.tables import calendar_table, lgamma_table
from qfb_gpu.payments.units import offsets_of
from qfb_gpu.schema import ROLES
from qfb_kernels.groups import over_all_cpu, over_all_gpu
from qfb_kernels.members import number_cpu, number_gpu, place_cpu, place_gpu
from qfb_kernels.phases import MOST_DAYS
from qfb_kernels.pools import take_cpu, take_gpu
from qfb_kernels.search import N_FIT_INT
from qfb_kernels.settle import recount_cpu, recount_gpu
from qfb_kernels.streams import answer_cpu, answer_gpu, reversals_cpu, reversals_gpu

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Calendar

LATE_TICKS = 2
_REGULAR, _LATE, _EARLY, _EXTRA, _RETURNED = (
    ROLES.index(role) for role in ("regular", "late", "early", "extra", "returned")
)


def score_streams(
    ledger: Ledger,
    calendar: Calendar,
    as_of_day: int,
    backend: Backend,
    horizon_days: int = 90,
    *,
    known: Splits | None = None,
    described: Described | None = None,
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
    known : Splits, optional
        Of an earlier night under the same calendar, from :attr:`Streams.splits`: relations with
        the same payments are not split again. The answer is the same to the bit.
    described : Described, optional
        Of the same streams as ``known``, from :attr:`Streams.described`: their streams are not
        measured again, but for what depends on the day where ``as_of_day`` is another one.

    Returns
    -------
    Streams
        ``columns`` holds the numeric and labelled columns of ``payment_streams`` but
        ``is_regular``, ``q_value`` and ``confidence``, and ``p_value`` (NaN: cannot be tested).
    """
    xp = backend.xp
    first = int(ledger.day.min()) if ledger.n_payments else as_of_day
    table = calendar_table(calendar, min(first, as_of_day), as_of_day + horizon_days)
    cal = backend.asarray(table)
    longest = as_of_day - first + 2 * MOST_DAYS  # due dates, and days off them, reach a bit further
    lgamma = lgamma_table(max(longest, _most_payments(ledger)))
    tables = (cal, backend.asarray(lgamma), backend.asarray(due_table(table)))
    ledger = replace(ledger, day=ledger.day.astype("int64"))  # one integer type in all kernels
    cancelled_by = xp.empty(ledger.n_payments, dtype="int32")
    backend.launch(
        reversals_cpu, reversals_gpu, ledger.n_relations, ledger.amount_minor,
        ledger.relation_offsets, cancelled_by,
    )  # fmt: skip
    splits, place = _splits(ledger, known, tables, backend)
    earlier = None if described is None else (described, place)
    return _describe(ledger, splits, cancelled_by, cal, as_of_day, earlier, backend)


def _most_payments(ledger: Ledger) -> int:
    """Return the payments of the largest relation."""
    offsets = ledger.relation_offsets
    return int((offsets[1:] - offsets[:-1]).max()) if ledger.n_relations else 0


def _splits(
    ledger: Ledger, known: Splits | None, tables: tuple[Any, Any, Any], backend: Backend
) -> tuple[Splits, Any]:
    """Return the splits, and the row among the known ones of each relation (-1: none)."""
    xp = backend.xp
    fingerprint = fingerprints(ledger, backend)
    place = xp.full(ledger.n_relations, -1, dtype="int64")
    if known is not None:
        sizes = ledger.relation_offsets[1:] - ledger.relation_offsets[:-1]
        place = places_of(fingerprint, sizes, known, xp)
    found = of_work(split(ledger, place < 0, tables, backend), ledger, fingerprint, backend)
    return (found if known is None else merged(found, known, place, backend)), place


def _describe(
    ledger: Ledger, splits: Splits, cancelled_by: Any, cal: Any, as_of_day: int,
    earlier: tuple[Described, Any] | None, backend: Backend,
) -> Streams:  # fmt: skip
    xp = backend.xp
    n_payments, n_relations = ledger.n_payments, ledger.n_relations
    n_groups = splits.fit_int.shape[0]
    owner, rest_row = _over_all_relations(splits, backend)
    due, offset = splits.due.copy(), splits.offset.copy()
    low, high = (xp.zeros(n_groups, dtype="int64") for _ in range(2))
    count, link = (xp.zeros(n_groups, dtype="int32") for _ in range(2))
    rank = xp.full(n_groups, -1, dtype="int32")
    local = xp.empty(n_payments, dtype="int32")
    n_streams = xp.zeros(n_relations, dtype="int32")
    backend.launch(
        number_cpu, number_gpu, n_relations, ledger.amount_minor, owner, cancelled_by,
        ledger.relation_offsets, low, high, count, rank, local, link, n_streams,
    )  # fmt: skip
    offsets = offsets_of(n_streams, xp)
    total = int(offsets[-1])
    stream, member = (xp.zeros(n_payments, dtype="int32") for _ in range(2))
    size, unit = (xp.zeros(total, dtype="int32") for _ in range(2))
    start = xp.zeros(total, dtype="int64")
    backend.launch(
        place_cpu, place_gpu, n_relations, ledger.amount_minor, owner, local,
        ledger.relation_offsets, offsets, rest_row, stream, member, start, size, unit,
    )  # fmt: skip
    fit_int = xp.concatenate([splits.fit_int, xp.zeros((1, N_FIT_INT), dtype="int64")])[unit]
    fit_float = xp.concatenate([splits.fit_float, xp.full((1, 2), -xp.inf)])[unit]
    relation = backend.repeat(xp.arange(n_relations, dtype="int32"), n_streams)
    answers = (owner, due, offset)
    is_rest = xp.concatenate([count == 0, xp.ones(1, dtype=bool)])  # the last entry: no group
    rests = xp.flatnonzero((fit_int[:, 1] > 0) & is_rest[unit])
    _answer_rests(ledger, answers, (member, start, size), (fit_int, rests), n_groups, cal, backend)
    backend.launch(
        recount_cpu, recount_gpu, total, member, owner, due, offset, start, size,
        cal, fit_int,
    )  # fmt: skip
    members = (member, start, size)
    measures = describe(
        ledger, offsets, members, answers, fit_int, cal, as_of_day, earlier, backend
    )
    columns = stream_columns(ledger, relation, members, fit_int, fit_float, measures, backend)
    role = xp.full(n_payments, _EXTRA, dtype="int8")
    hit = owner >= 0
    role[hit] = _REGULAR
    role[hit & (offset > LATE_TICKS)] = _LATE
    role[hit & (offset < -LATE_TICKS)] = _EARLY
    role[ledger.amount_minor < 0] = _RETURNED
    due = xp.where(hit, due, NULL_DAY).astype("int32")
    return Streams(columns, relation, stream, role, due, splits, measures)


def _over_all_relations(splits: Splits, backend: Backend) -> tuple[Any, Any]:
    """Return the group of each payment and of each rest, numbered over all relations."""
    xp = backend.xp
    owner = xp.empty(splits.owner.shape[0], dtype="int32")
    backend.launch(
        over_all_cpu, over_all_gpu, splits.rest.shape[0], splits.owner, splits.payment_offsets,
        splits.group_offsets, owner,
    )  # fmt: skip
    rest = xp.where(splits.rest >= 0, splits.rest + splits.group_offsets[:-1], -1)
    return owner, rest.astype("int32")


def _answer_rests(
    ledger: Ledger, answers: tuple[Any, Any, Any], members: tuple[Any, Any, Any],
    fits: tuple[Any, Any], n_groups: int, cal: Any, backend: Backend,
) -> None:  # fmt: skip
    """Match the payments of rests to their schedules, as if they were regular."""
    xp = backend.xp
    fit_int, rows = fits
    member, start, size = members[0], members[1][rows], members[2][rows]
    slot_due, slot_offset = (xp.empty(member.shape[0], dtype="int32") for _ in range(2))
    backend.launch(
        answer_cpu, answer_gpu, rows.shape[0], ledger.day, member, start, size, cal,
        fit_int[rows], slot_due, slot_offset,
    )  # fmt: skip
    group = xp.full(rows.shape[0], n_groups, dtype="int32")
    backend.launch(
        take_cpu, take_gpu, rows.shape[0], member, start, size, group, slot_due, slot_offset,
        *answers,
    )  # fmt: skip
