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
_RESOLUTION = 1e-3  # of the logarithm: amounts closer than this are written down alike
_MIN_UNIT, _LARGE_UNIT = 3, 8
_NULL_DAY = -(2**31)
_YEAR, _YEAR_SLACK = 365, 12


def _cut(amount, order, start, stop, at, ratio):
    """Whether the sorted amounts are cut before slot ``at``."""
    if at in (start, stop):
        return True
    return amount[order[at]] > ratio * amount[order[at - 1]]


cut = twin(_cut)


def _stands_apart(amount, order, start, stop, begin, end):
    """Whether a small group is further from its neighbours than its own payments are."""
    if end - begin >= _LARGE_UNIT:
        return True
    inside = 1.0
    for i in range(begin + 1, end):
        inside = max(inside, (1.0 + amount[order[i]]) / (1.0 + amount[order[i - 1]]))
    outside = inside * inside
    if begin > start and (1.0 + amount[order[begin]]) < outside * (1.0 + amount[order[begin - 1]]):
        return False
    return end == stop or (1.0 + amount[order[end]]) >= outside * (1.0 + amount[order[end - 1]])


stands_apart = twin(_stands_apart)


def _is_year_apart(day, order, begin):
    """Whether two payments of one amount may be yearly ones."""
    return abs(abs(day[order[begin + 1]] - day[order[begin]]) - _YEAR) <= _YEAR_SLACK


is_year_apart = twin(_is_year_apart)


def _levels_row(day, amount, pool, start, stop, ratios, order, size):
    """Write the groups of one pool: members in day order, and their number at the first slot."""
    for i in range(start, stop):
        order[0, i] = pool[i]
        order[1, i] = pool[i]
    size[0, start] = stop - start
    if stop - start < _MIN_UNIT:
        return
    sort(order[1], start, stop, amount, True)
    for level in range(2, N_LEVELS):
        for i in range(start, stop):
            order[level, i] = order[1, i]
    for level in range(1, N_LEVELS):
        last = N_LEVELS - 1  # sorted in days last, so that it is there to read amounts from
        begin = start
        for at in range(start + 1, stop + 1):
            if not cut(amount, order[last], start, stop, at, ratios[level]):
                continue
            same = cut(amount, order[last], start, stop, begin, ratios[level - 1]) and cut(
                amount, order[last], start, stop, at, ratios[level - 1]
            )
            whole = begin == start and at == stop
            if at - begin >= _MIN_UNIT and not same and not whole:
                if stands_apart(amount, order[last], start, stop, begin, at):
                    size[level, begin] = at - begin
            elif level == last and at - begin == 2 and is_year_apart(day, order[last], begin):
                size[level, begin] = 2
            begin = at
    for level in range(1, N_LEVELS):
        for begin in range(start, stop):
            if size[level, begin] > 0:
                sort(order[level], begin, begin + size[level, begin], amount, False)


levels_row = twin(_levels_row, sort, cut, is_year_apart, stands_apart)
_levels_row_cpu, _levels_row_gpu = levels_row.cpu, levels_row.gpu


@rows_of("pool_offsets", offsets=True)
def levels_cpu(row_from, row_to, day, amount, pool, pool_offsets, ratios, order, size):
    """Loop over pools on the host, on all its threads."""
    for row in range(row_from, row_to):
        _levels_row_cpu(
            day, amount, pool, pool_offsets[row], pool_offsets[row + 1], ratios, order, size
        )


@cuda.jit
def levels_gpu(day, amount, pool, pool_offsets, ratios, order, size):
    """One thread per pool; launch with ``.forall(n_pools)``."""
    row = cuda.grid(1)
    if row < pool_offsets.shape[0] - 1:
        _levels_row_gpu(
            day, amount, pool, pool_offsets[row], pool_offsets[row + 1], ratios, order, size
        )


def _amount_length(amount, member, start, stop, due, hits_only):
    """Nats to write down a unit's amounts (or its hits'), each after the one before.

    A change to an amount that stays, from one that stayed, is a step: it costs its place.
    """
    n, equal, steps, other = -1, 0, 0, 0
    total, waiting, last = 0.0, 0.0, 0.0
    stayed = False
    for i in range(start, stop):
        if hits_only and due[i] == _NULL_DAY:
            continue
        now = math.log(1.0 + amount[member[i]])
        n += 1
        size = abs(now - last)
        if n > 0 and size <= _RESOLUTION:
            equal += 1
            steps += 1 if waiting > 0.0 else 0
            waiting = 0.0
            stayed = True
        elif n > 0:
            other += 1 if waiting > 0.0 else 0
            total += waiting
            waiting = size if stayed else 0.0
            other += 0 if stayed else 1
            total += 0.0 if stayed else size
            stayed = False
        last = now
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
    nats[row, 0] = amount_length(amount, member, start, stop, due, False) / (stop - start)
    nats[row, 1] = amount_length(amount, member, start, stop, due, True)


lengths_row = twin(_lengths_row, amount_length)
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
