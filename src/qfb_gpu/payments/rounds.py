"""Split relations into groups of payments that have a schedule each, round by round.

What is left of a relation is a pool: its groups by amount are units, each unit gets its best
schedule, and those worth most leave the pool. What remains at the end is the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.ledger import NULL_DAY, Ledger
from qfb_gpu.payments.cadence import fit_schedules
from qfb_gpu.payments.intervals import gap_stats
from qfb_gpu.payments.spectrum import spectra
from qfb_gpu.payments.units import Units, amount_lengths, make_units, offsets_of
from qfb_kernels.pools import left_cpu, left_gpu, list_cpu, list_gpu, take_cpu, take_gpu
from qfb_kernels.settle import settle_cpu, settle_gpu
from qfb_kernels.streams import answer_cpu, answer_gpu, choose_cpu, choose_gpu

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

N_ROUNDS = 6
MIN_POOL = 3


@dataclass(slots=True)
class Work:
    """What is known of each payment and relation while rounds go on."""

    owner: Any
    due: Any
    offset: Any
    rest_row: Any
    fit_int: list[Any]
    fit_float: list[Any]
    n_owned: int = 0


def split(ledger: Ledger, is_open: Any, tables: tuple[Any, Any, Any], backend: Backend) -> Work:
    """Split the relations that are open; the payments of the others stay without an owner.

    Parameters
    ----------
    ledger : Ledger
        Days as int64.
    is_open : bool, shape (n_relations,)
    tables : calendar table, table of lgamma and of due dates, see :mod:`qfb_gpu.payments.tables`
    """
    xp = backend.xp
    n_payments, n_relations = ledger.n_payments, ledger.n_relations
    work = Work(
        owner=xp.full(n_payments, -1, dtype="int32"),
        due=xp.full(n_payments, NULL_DAY, dtype="int32"),
        offset=xp.zeros(n_payments, dtype="int32"),
        rest_row=xp.full(n_relations, -1, dtype="int32"),
        fit_int=[],
        fit_float=[],
    )
    pools = xp.flatnonzero(is_open)
    for _ in range(N_ROUNDS):  # each looks at what the one before has left
        pools, pool, offsets = _pools(ledger, work.owner, pools, backend)
        if pools.shape[0] == 0:
            break
        units = make_units(ledger.day, ledger.amount_minor, pool, offsets, backend)
        pools = _take_round(ledger, work, units, pools, tables, backend)
    _settle(ledger, work, tables[0], backend)
    return work


def _pools(ledger: Ledger, owner: Any, relations: Any, backend: Backend) -> tuple[Any, Any, Any]:
    """Return which of some relations have payments enough left, these payments, their offsets."""
    xp = backend.xp
    fixed = (ledger.amount_minor, owner, ledger.relation_offsets)
    count = xp.empty(relations.shape[0], dtype="int64")
    backend.launch(left_cpu, left_gpu, relations.shape[0], *fixed, relations, count)
    enough = xp.flatnonzero(count >= MIN_POOL - 1)
    pools, offsets = relations[enough], offsets_of(count[enough], xp)
    pool = xp.empty(int(offsets[-1]), dtype="int32")
    backend.launch(list_cpu, list_gpu, pools.shape[0], *fixed, pools, offsets, pool)
    return pools, pool, offsets


def _take_round(
    ledger: Ledger, work: Work, units: Units, pools: Any, tables: tuple[Any, Any, Any],
    backend: Backend,
) -> Any:  # fmt: skip
    """Take the best units of each pool; return the relations that are worth another round."""
    xp = backend.xp
    n_units = units.start.shape[0]
    _, _, gap = gap_stats(ledger.day, units.member, units.start, units.size, backend)
    peaks, _, _ = spectra(
        ledger.day, units.member, units.start, units.size, backend, with_shape=False,
        span=units.span,
    )  # fmt: skip
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
    group = xp.arange(first_id, first_id + taken.shape[0], dtype="int32")
    backend.launch(
        take_cpu, take_gpu, taken.shape[0], units.member, units.start[taken], units.size[taken],
        group, slot_due, slot_offset, work.owner, work.due, work.offset,
    )  # fmt: skip
    is_open = xp.zeros(pools.shape[0], dtype=bool)
    is_open[units.pool[taken]] = True
    whole = units.pool_offsets[:-1]
    closed = xp.flatnonzero(~is_open)
    work.rest_row[pools[closed]] = (
        first_id + taken.shape[0] + xp.arange(closed.shape[0], dtype="int32")
    )
    work.fit_int += [fit_int[taken], fit_int[whole[closed]]]
    work.fit_float += [fit_float[taken], fit_float[whole[closed]]]
    work.n_owned = first_id + taken.shape[0] + closed.shape[0]
    return pools[xp.flatnonzero(is_open)]


def _settle(ledger: Ledger, work: Work, cal: Any, backend: Backend) -> None:
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
