"""Amounts: where they fall into groups, how they go on, and how costly they are to write down.

Groups of a pool come in levels: level 0 is the whole pool, at level ``l`` its amounts in
ascending order are cut wherever one is more than ``ratios[l]`` times the one before.
"""

from __future__ import annotations

import math

from numba import cuda, njit, prange

from qfb_kernels.sorting import sort
from qfb_kernels.twin import twin

N_LEVELS = 6
_RESOLUTION = 1e-3  # of the logarithm: amounts closer than this are written down alike
_MIN_UNIT = 3
_YEAR, _YEAR_SLACK = 365, 12


def _cut(amount, order, start, stop, at, ratio):
    """Whether the sorted amounts are cut before slot ``at``."""
    if at == start or at == stop:
        return True
    return amount[order[at]] > ratio * amount[order[at - 1]]


cut = twin(_cut)


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
                size[level, begin] = at - begin
            elif level == last and at - begin == 2 and is_year_apart(day, order[last], begin):
                size[level, begin] = 2
            begin = at
    for level in range(1, N_LEVELS):
        for begin in range(start, stop):
            if size[level, begin] > 0:
                sort(order[level], begin, begin + size[level, begin], amount, False)


levels_row = twin(_levels_row, sort, cut, is_year_apart)
_levels_row_cpu, _levels_row_gpu = levels_row.cpu, levels_row.gpu


@njit(parallel=True, cache=True)
def levels_cpu(day, amount, pool, pool_offsets, ratios, order, size):
    """Loop over pools on the host, on all its threads."""
    for row in prange(pool_offsets.shape[0] - 1):
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


def _same_amount(amount, member, i, j):
    """Whether two payments are of one amount, to the resolution."""
    here, there = amount[member[i]], amount[member[j]]
    return abs(here - there) <= _RESOLUTION * max(here, there)


same_amount = twin(_same_amount)


def _amount_length_row(amount, member, start, stop):
    """Nats per payment to write down a unit's amounts, each after the one before.

    A change to an amount that stays, from one that stayed, is a step: it costs its place.
    """
    equal = 0
    steps = 0
    total = 0.0
    for i in range(start + 1, stop):
        if same_amount(amount, member, i, i - 1):
            equal += 1
            continue
        stayed = i - 1 > start and same_amount(amount, member, i - 1, i - 2)
        if stayed and (i + 1 == stop or same_amount(amount, member, i, i + 1)):
            steps += 1
            continue
        now = math.log(1.0 + amount[member[i]])
        total += abs(now - math.log(1.0 + amount[member[i - 1]]))
    n = stop - start - 1
    if n < 1:
        return 0.0
    other = n - equal - steps
    share = (n - other + 0.5) / (n + 1.0)
    nats = steps * (2.0 + math.log(1.0 * n)) - (n - other) * math.log(share)
    if other > 0:
        scale = max(total / other, _RESOLUTION)
        nats += other * (math.log(2.0 * math.e * scale / _RESOLUTION) - math.log(1.0 - share))
    return nats / n


amount_length_row = twin(_amount_length_row, same_amount)
_amount_length_cpu, _amount_length_gpu = amount_length_row.cpu, amount_length_row.gpu


@njit(parallel=True, cache=True)
def amount_length_cpu(amount, member, unit_start, unit_size, nats):
    """Loop over units on the host, on all its threads."""
    for row in prange(unit_start.shape[0]):
        start = unit_start[row]
        nats[row] = _amount_length_cpu(amount, member, start, start + unit_size[row])


@cuda.jit
def amount_length_gpu(amount, member, unit_start, unit_size, nats):
    """One thread per unit; launch with ``.forall(n_units)``."""
    row = cuda.grid(1)
    if row < unit_start.shape[0]:
        start = unit_start[row]
        nats[row] = _amount_length_gpu(amount, member, start, start + unit_size[row])
