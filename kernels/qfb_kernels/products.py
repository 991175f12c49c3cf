"""The largest values of each row of a product of sparse matrices, row by row; for the host only.

A matrix is ``start`` (int64, shape (n_rows + 1,)), ``column`` (int32, ascending within a row) and
``value`` (float64, positive). A lane adds a row of the product up in a table with a place a
column, in the order in which SciPy does, and keeps the best: no product is ever written to memory.
"""

from __future__ import annotations

from qfb_kernels.best import best_row
from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin


def _add_row(start, column, value, row, factor, total, seen, n):
    """Add a row times a factor to the table; return how many columns it has seen."""
    for entry in range(start[row], start[row + 1]):
        place = column[entry]
        if total[place] == 0.0:
            seen[n] = place
            n += 1
        total[place] += factor * value[entry]
    return n


def _take_out(total, seen, values, n):
    """Move the table's values to ``values``, in the order of their columns in ``seen``."""
    for at in range(n):
        place = seen[at]
        values[at] = total[place]
        total[place] = 0.0


_best_row_cpu = best_row.cpu
add_row = twin(_add_row, inline=True).cpu
take_out = twin(_take_out, inline=True).cpu


@rows_of("total")
def alike_cpu(
    row_from, row_to, start, column, value, start_t, column_t, value_t,
    total, seen, values, place, count, best, score,
):  # fmt: skip
    """For each row of a matrix times its transpose, write the best other rows.

    A row of the loop is a lane with ``total`` (zeros), ``seen``, ``values`` and ``place`` of its
    own; it does every so many rows. ``best`` (int64) and ``score`` have a row a row of the matrix.
    """
    n_rows, n_lanes = start.shape[0] - 1, total.shape[0]
    for lane in range(row_from, row_to):
        for row in range(lane, n_rows, n_lanes):
            n = lane - lane
            for entry in range(start[row], start[row + 1]):
                n = add_row(
                    start_t, column_t, value_t, column[entry], value[entry],
                    total[lane], seen[lane], n,
                )  # fmt: skip
            total[lane, row] = 0.0
            take_out(total[lane], seen[lane], values[lane], n)
            _best_row_cpu(seen[lane], values[lane], lane - lane, n, place, count, lane)
            for rank in range(count[lane]):
                at = place[lane, rank]
                best[row, rank] = seen[lane, at]
                score[row, rank] = values[lane, at]
            count[lane] = 0


@rows_of("total")
def ends_of_three_cpu(
    row_from, row_to, mine, start_r, column_r, value_r, start, column, value, may_be,
    total, seen, values, two, seen_two, place, count, first, best, score, via,
):  # fmt: skip
    """For some nodes, write the best ends of paths of three, and the node most come by.

    The first two steps go by the matrix ``_r``, the last by the other, whose rows are links. No
    node is an end whose ``may_be`` is false, nor one that is linked already. ``best`` and ``via``
    (int64) and ``score`` have a row a node of ``mine``; lanes are as in :func:`alike_cpu`, and
    ``two`` (zeros) and ``seen_two`` are their tables of the first two steps.
    """
    n_lanes = total.shape[0]
    for lane in range(row_from, row_to):
        for row in range(lane, mine.shape[0], n_lanes):
            me = mine[row]
            n_two, n = lane - lane, lane - lane
            for entry in range(start_r[me], start_r[me + 1]):
                n_two = add_row(
                    start_r, column_r, value_r, column_r[entry], value_r[entry],
                    two[lane], seen_two[lane], n_two,
                )  # fmt: skip
            for at in range(n_two - 1, -1, -1):  # SciPy's rows begin with what came last
                node = seen_two[lane, at]
                n = add_row(start, column, value, node, two[lane, node], total[lane], seen[lane], n)
            for entry in range(start[me], start[me + 1]):
                total[lane, column[entry]] = 0.0
            total[lane, me] = 0.0
            take_out(total[lane], seen[lane], values[lane], n)
            for at in range(n):
                if not may_be[seen[lane, at]]:
                    values[lane, at] = 0.0
            _best_row_cpu(seen[lane], values[lane], lane - lane, n, place, count, lane)
            n_best = count[lane]
            for rank in range(n_best):
                at = place[lane, rank]
                best[row, rank] = seen[lane, at]
                score[row, rank] = values[lane, at]
            for rank in range(n_best):
                partner = best[row, rank]
                begin, n = start[partner], start[partner + 1] - start[partner]
                for at in range(n):
                    values[lane, at] = two[lane, column[begin + at]]
                _best_row_cpu(
                    column[begin : begin + n], values[lane], lane - lane, n, first, count, lane
                )
                via[row, rank] = column[begin + first[lane, 0]] if count[lane] > 0 else 0
            for at in range(n_two):
                two[lane, seen_two[lane, at]] = 0.0
            count[lane] = 0
