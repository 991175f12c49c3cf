"""Number the streams of each relation and list their payments.

A relation's streams are numbered by their first payment, so that a name, the order of rows or
a later payment does not renumber them. ``owner`` is the group that took a payment (-1: none);
payments that none took form one more stream, the rest, unless they join a group as extras.
"""

from __future__ import annotations

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_JOIN_DIVISOR = 3  # leftovers join a group they resemble when three times fewer than it
_WIDER = 1.02


def _bounds_row(amount, owner, start, stop, low, high, count, link):
    """Link the groups of a relation, with bounds of amount and size; return the first or -1."""
    first, last = start - start - 1, start - start - 1
    for i in range(start, stop):
        group = owner[i]
        if group >= 0:
            if count[group] == 0:
                link[group] = -1
                if last >= 0:
                    link[last] = group
                else:
                    first = group
                last = group
            if count[group] == 0 or amount[i] < low[group]:
                low[group] = amount[i]
            if count[group] == 0 or amount[i] > high[group]:
                high[group] = amount[i]
            count[group] += 1
    return first


bounds_row = twin(_bounds_row)


def _leftovers_row(amount, owner, start, stop, low, high, count, link, first):
    """Let a few leftovers join the largest group whose amounts they have."""
    left = start - start
    for i in range(start, stop):
        left += 1 if owner[i] < 0 and amount[i] >= 0 else 0
    if left == 0:
        return
    for i in range(start, stop):
        if owner[i] >= 0 or amount[i] < 0:
            continue
        best = start - start - 1
        group = first
        while group >= 0:
            fits = amount[i] * _WIDER >= low[group] and amount[i] <= high[group] * _WIDER
            enough = _JOIN_DIVISOR * left <= count[group]
            if enough and fits and (best < 0 or count[group] > count[best]):
                best = group
            group = link[group]
        if best >= 0:
            owner[i] = -2 - best  # joined: read back below, so that it is not taken for a hit


leftovers_row = twin(_leftovers_row)


def _number_row(amount, owner, cancelled_by, start, stop, low, high, count, rank, local, link):
    """Write each payment's stream number in its relation; return the number of streams."""
    first = bounds_row(amount, owner, start, stop, low, high, count, link)
    if stop - start > _JOIN_DIVISOR and first >= 0:
        leftovers_row(amount, owner, start, stop, low, high, count, link, first)
    n_streams = 0
    rest = -1
    for i in range(start, stop):
        if amount[i] < 0:
            continue
        group = owner[i]
        if group < -1:
            continue
        if group == -1:
            if rest < 0:
                rest = n_streams
                n_streams += 1
            local[i] = rest
        else:
            if rank[group] < 0:
                rank[group] = n_streams
                n_streams += 1
            local[i] = rank[group]
    for i in range(start, stop):
        if owner[i] < -1 and amount[i] >= 0:
            local[i] = rank[-2 - owner[i]]
    if n_streams == 0:
        n_streams = 1
    for i in range(start, stop):
        if amount[i] < 0:
            other = cancelled_by[i]
            local[i] = local[other] if other >= 0 else max(rest, 0)
    return n_streams


number_row = twin(_number_row, bounds_row, leftovers_row)
_number_row_cpu, _number_row_gpu = number_row.cpu, number_row.gpu


@rows_of("relation_offsets", offsets=True)
def number_cpu(
    row_from, row_to,
    amount, owner, cancelled_by, relation_offsets, low, high, count, rank,
    local, link, n_streams,
):  # fmt: skip
    """Loop over relations on the host, on all its threads."""
    for row in range(row_from, row_to):
        n_streams[row] = _number_row_cpu(
            amount, owner, cancelled_by, relation_offsets[row], relation_offsets[row + 1],
            low, high, count, rank, local, link,
        )  # fmt: skip


@cuda.jit
def number_gpu(amount, owner, cancelled_by, relation_offsets, low, high, count, rank,
               local, link, n_streams):  # fmt: skip
    """One thread per relation; launch with ``.forall(n_relations)``."""
    row = cuda.grid(1)
    if row < relation_offsets.shape[0] - 1:
        n_streams[row] = _number_row_gpu(
            amount, owner, cancelled_by, relation_offsets[row], relation_offsets[row + 1],
            low, high, count, rank, local, link,
        )  # fmt: skip


def _place_row(amount, owner, local, start, stop, first, n_streams, unit_of_rest,
               stream, member, begins, size, unit):  # fmt: skip
    """List a relation's payments by stream, reversals left out, and each stream's fit."""
    slot = start
    for i in range(start, stop):
        stream[i] = first + local[i]
    for s in range(n_streams):
        begins[first + s] = slot
        unit[first + s] = -1
        for i in range(start, stop):
            if local[i] == s and amount[i] >= 0:
                member[slot] = i
                slot += 1
                if owner[i] >= 0:
                    unit[first + s] = owner[i]
                elif owner[i] == -1:
                    unit[first + s] = unit_of_rest
        size[first + s] = slot - begins[first + s]


_place_row_cpu, _place_row_gpu = twin(_place_row)


@rows_of("relation_offsets", offsets=True)
def place_cpu(
    row_from, row_to,
    amount, owner, local, relation_offsets, stream_offsets, unit_of_rest,
    stream, member, begins, size, unit,
):  # fmt: skip
    """Loop over relations on the host, on all its threads."""
    for row in range(row_from, row_to):
        first = stream_offsets[row]
        _place_row_cpu(
            amount, owner, local, relation_offsets[row], relation_offsets[row + 1], first,
            stream_offsets[row + 1] - first, unit_of_rest[row], stream, member, begins, size, unit,
        )  # fmt: skip


@cuda.jit
def place_gpu(amount, owner, local, relation_offsets, stream_offsets, unit_of_rest,
              stream, member, begins, size, unit):  # fmt: skip
    """One thread per relation; launch with ``.forall(n_relations)``."""
    row = cuda.grid(1)
    if row < relation_offsets.shape[0] - 1:
        first = stream_offsets[row]
        _place_row_gpu(
            amount, owner, local, relation_offsets[row], relation_offsets[row + 1], first,
            stream_offsets[row + 1] - first, unit_of_rest[row], stream, member, begins, size, unit,
        )  # fmt: skip
