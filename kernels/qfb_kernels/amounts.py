"""Amounts: where they fall into groups, how they go on, and how costly they are to write down.

Groups of a pool come in levels: level 0 is the whole pool, at level ``l`` its amounts in
ascending order are cut wherever one is more than ``ratios[l]`` times the one before.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.sorting import sort
from qfb_kernels.twin import twin

N_LEVELS = 6
N_SLOTS = 5  # numbers a slot that the levels are made with
_RESOLUTION = 1e-3  # of the logarithm: amounts closer than this are written down alike
_MIN_UNIT, _LARGE_UNIT = 3, 8
_NULL_DAY = -(2**31)
_YEAR, _YEAR_SLACK = 365, 12


def _depth_of(before, now, ratios):
    """Return the first level at which two amounts next to each other are cut apart.

    1 at least: the whole pool is not cut, not even where any amount is many times one of 0.
    """
    level = 1
    while level < N_LEVELS and not now > ratios[level] * before:
        level += 1
    return level


depth_of = twin(_depth_of, inline=True)


def _stands_apart(key, by, start, stop, begin, end):
    """Whether a small group is further from its neighbours than its own payments are."""
    if end - begin >= _LARGE_UNIT:
        return True
    inside = 1.0
    for i in range(begin + 1, end):
        inside = max(inside, (1.0 + key[by[i]]) / (1.0 + key[by[i - 1]]))
    outside = inside * inside
    if begin > start and (1.0 + key[by[begin]]) < outside * (1.0 + key[by[begin - 1]]):
        return False
    return end == stop or (1.0 + key[by[end]]) >= outside * (1.0 + key[by[end - 1]])


stands_apart = twin(_stands_apart)


def _is_year_apart(day, pool, by, begin):
    """Whether two payments of one amount may be yearly ones."""
    return abs(abs(day[pool[by[begin + 1]]] - day[pool[by[begin]]]) - _YEAR) <= _YEAR_SLACK


is_year_apart = twin(_is_year_apart)


def _groups_of(day, pool, start, stop, level, key, slots, size):
    """Write how many payments the groups of a level have, and the group of each place by amount."""
    by, depth, head, filled = slots[0], slots[2], slots[3], slots[4]
    n_groups = start - start
    begin = start
    for at in range(start + 1, stop + 1):
        after = depth[at] if at < stop else 0
        if after > level:
            continue
        same = depth[begin] < level and after < level  # as at the level before
        whole = begin == start and at == stop
        n = start - start
        if at - begin >= _MIN_UNIT and not same and not whole:
            n = at - begin if stands_apart(key, by, start, stop, begin, at) else n
        elif level == N_LEVELS - 1 and at - begin == 2 and is_year_apart(day, pool, by, begin):
            n = at - begin
        for i in range(begin, at):
            head[i] = begin if n > 0 else -1
        if n > 0:
            size[level, begin] = n
            filled[begin] = begin
            n_groups += 1
        begin = at
    return n_groups


groups_of = twin(_groups_of, is_year_apart, stands_apart)


def _levels_row(day, amount, pool, start, stop, ratios, key, slots, order, size, n_units, row):
    """Write the groups of one pool: members in day order, and their size at the first slot.

    And how many groups there are on all levels, the whole pool among them.

    Sorted by amount once: ``slots`` has the slots by amount, for each slot its place among them,
    the level at which a place is cut from the one before, its group, and how far that is filled.
    """
    by, rank, depth, head, filled = slots[0], slots[1], slots[2], slots[3], slots[4]
    for i in range(start, stop):
        order[0, i] = pool[i]
        key[i] = amount[pool[i]]
        by[i] = i
    size[0, start] = stop - start
    n_units[row] = 1
    if stop - start < _MIN_UNIT:
        return
    sort(by, start, stop, key, True)
    before = key[by[start]]
    for at in range(start, stop):
        now = key[by[at]]
        rank[by[at]] = at
        depth[at] = depth_of(before, now, ratios) if at > start else 0
        before = now
    for level in range(1, N_LEVELS):
        n_groups = groups_of(day, pool, start, stop, level, key, slots, size)
        if n_groups == 0:
            continue
        n_units[row] += n_groups
        for i in range(start, stop):
            group = head[rank[i]]
            if group >= 0:
                order[level, filled[group]] = pool[i]
                filled[group] += 1


levels_row = twin(_levels_row, sort, depth_of, groups_of)
_levels_row_cpu, _levels_row_gpu = levels_row.cpu, levels_row.gpu


@rows_of("pool_offsets", offsets=True)
def levels_cpu(
    row_from, row_to, day, amount, pool, pool_offsets, ratios, key, slots, order, size, n_units
):
    """Loop over pools on the host, on all its threads."""
    for row in range(row_from, row_to):
        _levels_row_cpu(
            day, amount, pool, pool_offsets[row], pool_offsets[row + 1], ratios, key, slots,
            order, size, n_units, row,
        )  # fmt: skip


@cuda.jit
def levels_gpu(day, amount, pool, pool_offsets, ratios, key, slots, order, size, n_units):
    """One thread per pool; launch with ``.forall(n_pools)``."""
    row = cuda.grid(1)
    if row < pool_offsets.shape[0] - 1:
        _levels_row_gpu(
            day, amount, pool, pool_offsets[row], pool_offsets[row + 1], ratios, key, slots,
            order, size, n_units, row,
        )  # fmt: skip


def _units_row(
    day, order, size, start, stop, first, after, row, unit_start, unit_size, unit_span, unit_pool
):
    """List the groups of one pool, from the whole pool to the finest."""
    unit, n_slots = first, size.shape[1]
    for level in range(N_LEVELS):
        at = start
        while at < stop and unit < after:
            n = size[level, at]
            if n > 0:
                unit_start[unit] = level * n_slots + at
                unit_size[unit] = n
                unit_span[unit] = day[order[level, at + n - 1]] - day[order[level, at]] + 1
                unit_pool[unit] = row
                unit += 1
            at += max(n, 1)


units_row = twin(_units_row)
_units_row_cpu, _units_row_gpu = units_row.cpu, units_row.gpu


@rows_of("pool_offsets", offsets=True)
def units_cpu(
    row_from, row_to,
    day, order, size, pool_offsets, unit_offsets, unit_start, unit_size, unit_span, unit_pool,
):  # fmt: skip
    """Loop over pools on the host, on all its threads."""
    for row in range(row_from, row_to):
        _units_row_cpu(
            day, order, size, pool_offsets[row], pool_offsets[row + 1], unit_offsets[row],
            unit_offsets[row + 1], row, unit_start, unit_size, unit_span, unit_pool,
        )  # fmt: skip


@cuda.jit
def units_gpu(
    day, order, size, pool_offsets, unit_offsets, unit_start, unit_size, unit_span, unit_pool
):
    """One thread per pool; launch with ``.forall(n_pools)``."""
    row = cuda.grid(1)
    if row < pool_offsets.shape[0] - 1:
        _units_row_gpu(
            day, order, size, pool_offsets[row], pool_offsets[row + 1], unit_offsets[row],
            unit_offsets[row + 1], row, unit_start, unit_size, unit_span, unit_pool,
        )  # fmt: skip


def _gone_on(n, steps, other, total, waiting, last, stayed, now):
    """Return what is known of amounts after one more, as a logarithm.

    A change to an amount that stays, from one that stayed, is a step: it costs its place. Before
    the first one ``n`` is -1.
    """
    size = abs(now - last)
    if n >= 0 and size <= _RESOLUTION:
        return n + 1, steps + (1 if waiting > 0.0 else 0), other, total, 0.0, now, True
    if n >= 0:
        other += (1 if waiting > 0.0 else 0) + (0 if stayed else 1)
        total = total + waiting + (0.0 if stayed else size)
        return n + 1, steps, other, total, (size if stayed else 0.0), now, False
    return n + 1, steps, other, total, waiting, now, stayed


gone_on = twin(_gone_on, inline=True)


def _amount_length(n, steps, other, total, waiting):
    """Nats to write down amounts, each after the one before."""
    steps += 1 if waiting > 0.0 else 0
    if n < 1:
        return 0.0
    share = (n - other + 0.5) / (n + 1.0)
    nats = steps * (2.0 + math.log(1.0 * n)) - (n - other) * math.log(share)
    if other > 0:
        scale = max(total / other, _RESOLUTION)
        nats += other * (math.log(2.0 * math.e * scale / _RESOLUTION) - math.log(1.0 - share))
    return nats


amount_length = twin(_amount_length)


def _lengths_row(amount, member, start, stop, due, nats, row):
    """Write the nats of all amounts per payment, and of the hits' amounts together."""
    nothing = start - start
    n, steps, other, total, waiting, last, stayed = (
        nothing - 1,
        nothing,
        nothing,
        0.0,
        0.0,
        0.0,
        False,
    )
    m, hit_steps, hit_other, hit_total, hit_waiting, hit_last, hit_stayed = (
        n, steps, other, total, waiting, last, stayed,
    )  # fmt: skip
    for i in range(start, stop):
        now = math.log(1.0 + amount[member[i]])
        n, steps, other, total, waiting, last, stayed = gone_on(
            n, steps, other, total, waiting, last, stayed, now
        )
        if due[i] != _NULL_DAY:
            m, hit_steps, hit_other, hit_total, hit_waiting, hit_last, hit_stayed = gone_on(
                m, hit_steps, hit_other, hit_total, hit_waiting, hit_last, hit_stayed, now
            )
    nats[row, 0] = amount_length(n, steps, other, total, waiting) / (stop - start)
    nats[row, 1] = amount_length(m, hit_steps, hit_other, hit_total, hit_waiting)


lengths_row = twin(_lengths_row, gone_on, amount_length)
_lengths_row_cpu, _lengths_row_gpu = lengths_row.cpu, lengths_row.gpu


@rows_of("unit_start")
def amount_lengths_cpu(row_from, row_to, amount, member, unit_start, unit_size, due, nats):
    """Loop over units on the host, on all its threads."""
    for row in range(row_from, row_to):
        start = unit_start[row]
        _lengths_row_cpu(amount, member, start, start + unit_size[row], due, nats, row)


@cuda.jit
def amount_lengths_gpu(amount, member, unit_start, unit_size, due, nats):
    """One thread per unit; launch with ``.forall(n_units)``."""
    row = cuda.grid(1)
    if row < unit_start.shape[0]:
        start = unit_start[row]
        _lengths_row_gpu(amount, member, start, start + unit_size[row], due, nats, row)
