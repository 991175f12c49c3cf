"""Which groups of a relation's payments become streams, and which due date each one answers.

Units of a pool are nested intervals of its payments in ascending order of amount, listed from
the whole pool to the finest groups. A unit is worth the nats that its schedule saves over
leaving its payments in the pool; the best set of units that do not overlap is taken.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.dues import due_day, due_index, position
from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

PROMISING = 0.0  # nats of evidence, i.e. p < 0.1: below it a pool stays one stream
_NULL_DAY = -(2**31)
_LOOK_BACK = 4096
_LOG_BUSINESS = math.log(5.0 / 7.0)


def _reversals_row(amount, start, stop, cancelled_by):
    """Pair each reversal with the latest open payment of its size before it; -1: none.

    At most ``_LOOK_BACK`` payments back, so that work stays in bounds in a relation of millions.
    """
    for i in range(start, stop):
        cancelled_by[i] = -1
    for i in range(start, stop):
        if amount[i] >= 0:
            continue
        for j in range(i - 1, max(start, i - _LOOK_BACK) - 1, -1):
            if amount[j] == -amount[i] and cancelled_by[j] < 0:
                cancelled_by[j] = i
                cancelled_by[i] = j
                break


_reversals_row_cpu, _reversals_row_gpu = twin(_reversals_row)


@rows_of("relation_offsets", offsets=True)
def reversals_cpu(row_from, row_to, amount, relation_offsets, cancelled_by):
    """Loop over relations on the host, on all its threads."""
    for row in range(row_from, row_to):
        _reversals_row_cpu(amount, relation_offsets[row], relation_offsets[row + 1], cancelled_by)


@cuda.jit
def reversals_gpu(amount, relation_offsets, cancelled_by):
    """One thread per relation; launch with ``.forall(n_relations)``."""
    row = cuda.grid(1)
    if row < relation_offsets.shape[0] - 1:
        _reversals_row_gpu(amount, relation_offsets[row], relation_offsets[row + 1], cancelled_by)


def _worth(fit_int, fit_float, nats, n_pool, span, pool_nats, n_units, life, unit):
    """Nats that a unit's schedule saves; 0 where it is not promising."""
    evidence = fit_float[unit, 0] - math.log(1.0 * n_units)
    if fit_int[unit, 1] == 0 or evidence < PROMISING:
        return 0.0
    rate = math.log((1.0 + span) / n_pool) + 1.0
    if fit_int[unit, 6]:
        rate += _LOG_BUSINESS
    hits = fit_int[unit, 7]
    return hits * (rate + pool_nats) - nats[unit, 1] - fit_float[unit, 1] - life


worth = twin(_worth)


def _life_cost(day, member, start, stop, low, high):
    """Nats to say when a unit begins and ends, where that is not when its pool does."""
    n = stop - start
    first, last = day[member[start]], day[member[stop - 1]]
    period = max(1.0, (last - first) / (n - 1.0))
    places = math.log(1.0 + (high - low) / period)
    cost = places if first - low > 1.5 * period else 0.0
    return cost + (places if high - last > 1.5 * period else 0.0)


life_cost = twin(_life_cost)


def _keep_clean(fit_int, unit_size, first, last, value, chosen):
    """Of the chosen units keep those without many misses or extras; if none is, the best.

    What they leave is a cleaner pool for the next round.
    """
    best = -1
    n_clean = 0
    for unit in range(first, last):
        if not chosen[unit]:
            continue
        hits, misses = fit_int[unit, 7], fit_int[unit, 8]
        if 10 * misses <= hits and 10 * (unit_size[unit] - hits) <= 2 * unit_size[unit]:
            n_clean += 1
            chosen[unit] = 2
        if best < 0 or value[unit] > value[best]:
            best = unit
    for unit in range(first, last):
        if n_clean > 0:
            chosen[unit] = 1 if chosen[unit] == 2 else 0
        else:
            chosen[unit] = 1 if unit == best else 0


keep_clean = twin(_keep_clean)


def _choose_row(day, member, unit_start, unit_size, first, last, n_slots,
                fit_int, fit_float, nats, value, chosen):  # fmt: skip
    """Choose among the units ``first`` to ``last`` of one pool."""
    for unit in range(first, last):
        chosen[unit] = 0
    if first == last:
        return
    start = unit_start[first]
    n_pool = unit_size[first]
    low = day[member[start]]
    span = day[member[start + n_pool - 1]] - low
    for unit in range(last - 1, first - 1, -1):
        life = life_cost(
            day, member, unit_start[unit], unit_start[unit] + unit_size[unit], low, low + span
        )
        gain = worth(
            fit_int, fit_float, nats, n_pool, span, nats[first, 0], last - first, life, unit
        )
        if gain <= 0.0:
            continue
        begin = unit_start[unit] % n_slots
        end = begin + unit_size[unit]
        inside = 0.0
        for other in range(unit + 1, last):
            at = unit_start[other] % n_slots
            if chosen[other] and at < end and at >= begin:
                inside += value[other]
        if gain <= inside:
            continue
        for other in range(unit + 1, last):
            at = unit_start[other] % n_slots
            if at < end and at >= begin:
                chosen[other] = 0
        chosen[unit] = 1
        value[unit] = gain
    keep_clean(fit_int, unit_size, first, last, value, chosen)


choose_row = twin(_choose_row, worth, life_cost, keep_clean)
_choose_row_cpu, _choose_row_gpu = choose_row.cpu, choose_row.gpu


@rows_of("pool_units", offsets=True)
def choose_cpu(
    row_from, row_to,
    day, member, unit_start, unit_size, pool_units, n_slots,
    fit_int, fit_float, nats, value, chosen,
):  # fmt: skip
    """Loop over pools on the host, on all its threads."""
    for row in range(row_from, row_to):
        _choose_row_cpu(
            day, member, unit_start, unit_size, pool_units[row], pool_units[row + 1], n_slots,
            fit_int, fit_float, nats, value, chosen,
        )  # fmt: skip


@cuda.jit
def choose_gpu(day, member, unit_start, unit_size, pool_units, n_slots,
               fit_int, fit_float, nats, value, chosen):  # fmt: skip
    """One thread per pool; launch with ``.forall(n_pools)``."""
    row = cuda.grid(1)
    if row < pool_units.shape[0] - 1:
        _choose_row_gpu(
            day, member, unit_start, unit_size, pool_units[row], pool_units[row + 1], n_slots,
            fit_int, fit_float, nats, value, chosen,
        )  # fmt: skip


def _answer_row(day, member, start, stop, cal, fit, row, due, offset):
    """Write, in the slots of a unit, the due date each hit answers, and by how much it is off."""
    for i in range(start, stop):
        due[i] = _NULL_DAY
        offset[i] = 0
    kind, step, anchor = fit[row, 0], fit[row, 1], fit[row, 2]
    a, b, roll, clock = fit[row, 3], fit[row, 4], fit[row, 5], fit[row, 6]
    if step == 0:
        return
    k = due_index(cal, kind, step, anchor, a, b, day[member[start]]) - 2
    here = position(cal, clock, due_day(cal, kind, step, anchor, a, b, roll, k))
    ahead = position(cal, clock, due_day(cal, kind, step, anchor, a, b, roll, k + 1))
    previous = here
    best, answer = -1, -1
    for i in range(start + fit[row, 12], min(stop, start + fit[row, 13] + 1)):
        x = position(cal, clock, day[member[i]])
        while 2 * x > here + ahead:
            best, answer = -1, -1
            k += 1
            previous = here
            here = ahead
            ahead = position(cal, clock, due_day(cal, kind, step, anchor, a, b, roll, k + 1))
        size = abs(x - here)
        room = ahead - here if x >= here else here - previous
        if 5 * size <= 2 * room and (best < 0 or size < best):
            if answer >= 0:
                due[answer] = _NULL_DAY
            best = size
            answer = i
            due[i] = due_day(cal, kind, step, anchor, a, b, roll, k)
            offset[i] = x - here


answer_row = twin(_answer_row, due_index, position, due_day)
_answer_row_cpu, _answer_row_gpu = answer_row.cpu, answer_row.gpu


@rows_of("unit_start")
def answer_cpu(row_from, row_to, day, member, unit_start, unit_size, cal, fit, due, offset):
    """Loop over units on the host, on all its threads."""
    for row in range(row_from, row_to):
        start = unit_start[row]
        _answer_row_cpu(day, member, start, start + unit_size[row], cal, fit, row, due, offset)


@cuda.jit
def answer_gpu(day, member, unit_start, unit_size, cal, fit, due, offset):
    """One thread per unit; launch with ``.forall(n_units)``."""
    row = cuda.grid(1)
    if row < unit_start.shape[0]:
        start = unit_start[row]
        _answer_row_gpu(day, member, start, start + unit_size[row], cal, fit, row, due, offset)
