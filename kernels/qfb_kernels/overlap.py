"""What two rows of a sparse matrix have in common, pair by pair.

Row ``r`` has the entries ``start[r]`` to ``start[r + 1]``: ``column``, ascending, and ``weight``.
Both rows of a pair are gone through side by side, so nothing is looked up.
"""

from __future__ import annotations

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin


def _overlap_row(start, column, weight, left, right, shared, low, pair):
    """Count the columns that both rows of a pair have, and add up the lower of their weights."""
    at, end = start[left[pair]], start[left[pair] + 1]
    other, other_end = start[right[pair]], start[right[pair] + 1]
    n, total = at - at, 0.0
    while at < end and other < other_end:
        if column[at] == column[other]:
            n += 1
            total += min(weight[at], weight[other])
            at += 1
            other += 1
        elif column[at] < column[other]:
            at += 1
        else:
            other += 1
    shared[pair] = n
    low[pair] = total


overlap_row = twin(_overlap_row)
_overlap_row_cpu, _overlap_row_gpu = overlap_row.cpu, overlap_row.gpu


@rows_of("left")
def overlap_cpu(row_from, row_to, start, column, weight, left, right, shared, low):
    """Loop over pairs of rows on the host, on all its threads."""
    for pair in range(row_from, row_to):
        _overlap_row_cpu(start, column, weight, left, right, shared, low, pair)


@cuda.jit
def overlap_gpu(start, column, weight, left, right, shared, low):
    """One thread per pair of rows; launch with ``.forall(n_pairs)``."""
    pair = cuda.grid(1)
    if pair < left.shape[0]:
        _overlap_row_gpu(start, column, weight, left, right, shared, low, pair)
