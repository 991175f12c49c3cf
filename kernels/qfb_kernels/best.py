"""The largest values of each run of entries, in one pass over them.

Entries of run ``r`` are ``offsets[r]`` to ``offsets[r + 1]``. The best are kept in order as they
come, so a run of any length costs one look at each entry and a few moves.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_ROUNDING = 1e12  # values that differ in the 12th decimal only are equal


def _is_before(column, value, i, j):
    """Whether entry ``i`` comes before ``j``: the larger value, then the smaller column."""
    left, right = math.floor(value[i] * _ROUNDING + 0.5), math.floor(value[j] * _ROUNDING + 0.5)
    if left != right:
        return left > right
    return column[i] < column[j]


is_before = twin(_is_before)


def _best_row(column, value, start, stop, best, count, row):
    """Write the places of one run's best positive entries, the best first, and how many."""
    room = best.shape[1]
    n = start - start
    for i in range(start, stop):
        if not value[i] > 0.0:
            continue
        if n == room and not is_before(column, value, i, best[row, n - 1]):
            continue
        j = min(n, room - 1)
        while j > 0 and is_before(column, value, i, best[row, j - 1]):
            best[row, j] = best[row, j - 1]
            j -= 1
        best[row, j] = i
        n = min(n + 1, room)
    count[row] = n


best_row = twin(_best_row, is_before)
_best_row_cpu, _best_row_gpu = best_row.cpu, best_row.gpu


@rows_of("offsets", offsets=True)
def best_cpu(row_from, row_to, column, value, offsets, best, count):
    """Loop over runs on the host, on all its threads."""
    for row in range(row_from, row_to):
        _best_row_cpu(column, value, offsets[row], offsets[row + 1], best, count, row)


@cuda.jit
def best_gpu(column, value, offsets, best, count):
    """One thread per run; launch with ``.forall(n_runs)``."""
    row = cuda.grid(1)
    if row < offsets.shape[0] - 1:
        _best_row_gpu(column, value, offsets[row], offsets[row + 1], best, count, row)
