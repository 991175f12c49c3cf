"""What rounds leave of relations, and what they take from them: lists of payments.

A pool is the payments of a relation that no group owns yet, reversals left out, in day order.
"""

from __future__ import annotations

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_NULL_DAY = -(2**31)


def _left_row(amount, owner, start, stop):
    """Count the payments of a relation's pool."""
    n = stop - stop
    for i in range(start, stop):
        n += owner[i] < 0 and amount[i] >= 0
    return n


left_row = twin(_left_row)
_left_row_cpu, _left_row_gpu = left_row.cpu, left_row.gpu


@rows_of("relation")
def left_cpu(row_from, row_to, amount, owner, relation_offsets, relation, count):
    """Loop over some relations on the host, on all its threads."""
    for row in range(row_from, row_to):
        start = relation_offsets[relation[row]]
        count[row] = _left_row_cpu(amount, owner, start, relation_offsets[relation[row] + 1])


@cuda.jit
def left_gpu(amount, owner, relation_offsets, relation, count):
    """One thread per relation of some; launch with ``.forall(n_relations)``."""
    row = cuda.grid(1)
    if row < relation.shape[0]:
        start = relation_offsets[relation[row]]
        count[row] = _left_row_gpu(amount, owner, start, relation_offsets[relation[row] + 1])


def _list_row(amount, owner, start, stop, at, pool):
    """Write the payments of a relation's pool from place ``at`` on."""
    for i in range(start, stop):
        if owner[i] < 0 and amount[i] >= 0:
            pool[at] = i
            at += 1


list_row = twin(_list_row)
_list_row_cpu, _list_row_gpu = list_row.cpu, list_row.gpu


@rows_of("relation")
def list_cpu(row_from, row_to, amount, owner, relation_offsets, relation, pool_offsets, pool):
    """Loop over some relations on the host, on all its threads."""
    for row in range(row_from, row_to):
        start, stop = relation_offsets[relation[row]], relation_offsets[relation[row] + 1]
        _list_row_cpu(amount, owner, start, stop, pool_offsets[row], pool)


@cuda.jit
def list_gpu(amount, owner, relation_offsets, relation, pool_offsets, pool):
    """One thread per relation of some; launch with ``.forall(n_relations)``."""
    row = cuda.grid(1)
    if row < relation.shape[0]:
        start, stop = relation_offsets[relation[row]], relation_offsets[relation[row] + 1]
        _list_row_gpu(amount, owner, start, stop, pool_offsets[row], pool)


def _take_row(member, start, stop, group, slot_due, slot_offset, owner, due, offset):
    """Give a group the payments of a unit that answer a due date."""
    for slot in range(start, stop):
        if slot_due[slot] != _NULL_DAY:
            payment = member[slot]
            owner[payment] = group
            due[payment] = slot_due[slot]
            offset[payment] = slot_offset[slot]


take_row = twin(_take_row)
_take_row_cpu, _take_row_gpu = take_row.cpu, take_row.gpu


@rows_of("unit_start")
def take_cpu(
    row_from, row_to,
    member, unit_start, unit_size, group, slot_due, slot_offset, owner, due, offset,
):  # fmt: skip
    """Loop over units on the host, on all its threads."""
    for row in range(row_from, row_to):
        start = unit_start[row]
        _take_row_cpu(
            member, start, start + unit_size[row], group[row], slot_due, slot_offset,
            owner, due, offset,
        )  # fmt: skip


@cuda.jit
def take_gpu(member, unit_start, unit_size, group, slot_due, slot_offset, owner, due, offset):
    """One thread per unit; launch with ``.forall(n_units)``."""
    row = cuda.grid(1)
    if row < unit_start.shape[0]:
        start = unit_start[row]
        _take_row_gpu(
            member, start, start + unit_size[row], group[row], slot_due, slot_offset,
            owner, due, offset,
        )  # fmt: skip
