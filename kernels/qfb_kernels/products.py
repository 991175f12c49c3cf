"""The largest values of each row of a product of sparse matrices, row by row; for the host only.

A matrix is ``start`` (int64, shape (n_rows + 1,)), ``column`` (int32, ascending within a row) and
``value`` (float64, positive). A lane adds a row of the product up in a table, in the order in which
SciPy does, and keeps the best: no product is ever written to memory. The table is hashed and as
large as the row asks for, so what few parties lead to stays in the core's cache, however many
columns there are.
"""

from __future__ import annotations

from qfb_kernels.best import best_row
from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_ODD = 0x9E3779B1
_BITS = 32
_LOW = (1 << _BITS) - 1


def _emptied(key, n_most):
    """Return the bits of a table that so many columns fill to half at most, and make it empty."""
    bits = n_most - n_most + 1
    while (1 << bits) < 2 * n_most and (2 << bits) <= key.shape[0]:
        bits += 1
    for slot in range(1 << bits):
        key[slot] = -1
    return bits


def _slot_of(key, bits, column):
    """Return where a column is in the table, or the free place where it belongs."""
    slot = ((column * _ODD) & _LOW) >> (_BITS - bits)
    while key[slot] >= 0 and key[slot] != column:
        slot = (slot + 1) & ((1 << bits) - 1)
    return slot


slot_of = twin(_slot_of, inline=True).cpu
emptied = twin(_emptied).cpu


def _add(key, total, bits, seen, n, column, value):
    """Add a value to a column's total; return how many columns the table has."""
    slot = slot_of(key, bits, column)
    if key[slot] < 0:
        key[slot] = column
        total[slot] = 0.0
        seen[n] = slot
        n += 1
    total[slot] += value
    return n


_best_row_cpu = best_row.cpu
add = twin(_add, inline=True).cpu


@rows_of("total")
def alike_cpu(
    row_from, row_to, start, column, value, start_t, column_t, value_t,
    key, total, seen, columns, values, place, count, best, score,
):  # fmt: skip
    """For each row of a matrix times its transpose, write the best other rows.

    A row of the loop is a lane with a table (``key``, ``total``), ``seen``, ``columns``, ``values``
    and ``place`` of its own; it does every so many rows. ``best`` (int32) and ``score`` have a row
    a row of the matrix.
    """
    n_rows, n_lanes = start.shape[0] - 1, total.shape[0]
    for lane in range(row_from, row_to):
        for row in range(lane, n_rows, n_lanes):
            n_most, n = lane - lane, lane - lane
            for entry in range(start[row], start[row + 1]):
                n_most += start_t[column[entry] + 1] - start_t[column[entry]]
            bits = emptied(key[lane], n_most)
            for entry in range(start[row], start[row + 1]):
                factor = value[entry]
                for other in range(start_t[column[entry]], start_t[column[entry] + 1]):
                    n = add(
                        key[lane], total[lane], bits, seen[lane], n, column_t[other],
                        factor * value_t[other],
                    )  # fmt: skip
            for at in range(n):
                slot = seen[lane, at]
                columns[lane, at] = key[lane, slot]
                values[lane, at] = 0.0 if key[lane, slot] == row else total[lane, slot]
            _best_row_cpu(columns[lane], values[lane], lane - lane, n, place, count, lane)
            for rank in range(count[lane]):
                at = place[lane, rank]
                best[row, rank] = columns[lane, at]
                score[row, rank] = values[lane, at]
            count[lane] = 0


def _two_steps(start, column, weight, me, key, total, seen):
    """Add up what paths of two from a node weigh, by their ends; return bits and how many ends."""
    n_most, n = me - me, me - me
    for entry in range(start[me], start[me + 1]):
        if weight[column[entry]] > 0.0:
            n_most += start[column[entry] + 1] - start[column[entry]]
    bits = emptied(key, n_most)
    for entry in range(start[me], start[me + 1]):
        middle = column[entry]
        factor = weight[middle]
        if factor > 0.0:
            for other in range(start[middle], start[middle + 1]):
                node = column[other]
                if weight[node] > 0.0:
                    n = add(key, total, bits, seen, n, node, factor * weight[node])
    return bits, n


two_steps = twin(_two_steps).cpu


def _third_step(start, column, me, may_be, two, key, total, seen, columns, values):
    """Add up what paths of three weigh by ends that may be new partners; return how many.

    ``two`` is (keys, totals, slots seen, how many) of the first two steps.
    """
    key_two, total_two, seen_two, n_two = two
    n_most, n = me - me, me - me
    for at in range(n_two):
        node = key_two[seen_two[at]]
        n_most += start[node + 1] - start[node]
    bits = emptied(key, n_most)
    for at in range(n_two - 1, -1, -1):  # SciPy's rows begin with what came last
        node = key_two[seen_two[at]]
        factor = total_two[seen_two[at]]
        for entry in range(start[node], start[node + 1]):
            n = add(key, total, bits, seen, n, column[entry], factor)
    for entry in range(start[me], start[me + 1]):
        total[slot_of(key, bits, column[entry])] = 0.0
    total[slot_of(key, bits, me)] = 0.0
    n_new = me - me
    for at in range(n):
        slot = seen[at]
        if total[slot] > 0.0 and may_be[key[slot]]:
            columns[n_new] = key[slot]
            values[n_new] = total[slot]
            n_new += 1
    return n_new


third_step = twin(_third_step).cpu


@rows_of("total")
def ends_of_three_cpu(
    row_from, row_to, mine, start, column, weight, may_be, key, total, seen, columns, values,
    key_two, total_two, seen_two, place, count, first, best, score, via,
):  # fmt: skip
    """For some nodes, write the best ends of paths of three, and the node most come by.

    Rows of the matrix are links; a path weighs what its two middle nodes weigh, multiplied, and
    none goes by a node of no weight. No node is an end whose ``may_be`` is false, nor one that is
    linked already. ``best`` and ``via`` (int32) and ``score`` have a row a node of ``mine``; lanes
    are as in :func:`alike_cpu`; ``key_two``, ``total_two`` and ``seen_two`` are their tables of the
    first two steps.
    """
    n_lanes = total.shape[0]
    for lane in range(row_from, row_to):
        for row in range(lane, mine.shape[0], n_lanes):
            me = mine[row]
            bits_two, n_two = two_steps(
                start, column, weight, me, key_two[lane], total_two[lane], seen_two[lane]
            )
            n = third_step(
                start, column, me, may_be,
                (key_two[lane], total_two[lane], seen_two[lane], n_two),
                key[lane], total[lane], seen[lane], columns[lane], values[lane],
            )  # fmt: skip
            _best_row_cpu(columns[lane], values[lane], lane - lane, n, place, count, lane)
            n_best = count[lane]
            for rank in range(n_best):
                at = place[lane, rank]
                best[row, rank] = columns[lane, at]
                score[row, rank] = values[lane, at]
            for rank in range(n_best):
                partner = best[row, rank]
                begin, n = start[partner], start[partner + 1] - start[partner]
                for at in range(n):
                    slot = slot_of(key_two[lane], bits_two, column[begin + at])
                    is_there = key_two[lane, slot] >= 0
                    values[lane, at] = total_two[lane, slot] if is_there else 0.0
                _best_row_cpu(
                    column[begin : begin + n], values[lane], lane - lane, n, first, count, lane
                )
                via[row, rank] = column[begin + first[lane, 0]] if count[lane] > 0 else 0
            count[lane] = 0
