"""Means of table rows, their products with weights, and the best of each row of scores.

Sums run in one order, whatever the batch and the number of threads: over features, then over
dimensions. So a text has the same scores to the bit whichever texts stand beside it.
"""

from __future__ import annotations

from numba import cuda, float32

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin


@rows_of("out")
def means_cpu(row_from, row_to, table, feature, first, count, out):
    """Write the sum of ``count[row, 0]`` table rows over ``count[row, 1]``; 0 where none."""
    dim = out.shape[1]
    for row in range(row_from, row_to):
        for d in range(dim):
            out[row, d] = float32(0)
        for k in range(first[row], first[row] + count[row, 0]):
            place = feature[k]
            for d in range(dim):
                out[row, d] += table[place, d]
        scale = float32(1.0 / max(count[row, 1], 1))
        for d in range(dim):
            out[row, d] *= scale


@cuda.jit
def means_gpu(table, feature, first, count, out):
    """One thread per text and dimension, so neighbours read neighbouring numbers."""
    at = cuda.grid(1)
    row = at // out.shape[1]
    if row < out.shape[0]:
        d = at % out.shape[1]
        total = float32(0)
        for k in range(first[row], first[row] + count[row, 0]):
            total += table[feature[k], d]
        out[row, d] = total * float32(1.0 / max(count[row, 1], 1))


@rows_of("out")
def products_cpu(row_from, row_to, hidden, weight, out):
    """Write ``hidden @ weight``, summed from the first dimension to the last."""
    n_out = out.shape[1]
    for row in range(row_from, row_to):
        for j in range(n_out):
            out[row, j] = float32(0)
        for d in range(hidden.shape[1]):
            value = hidden[row, d]
            for j in range(n_out):
                out[row, j] += value * weight[d, j]


@cuda.jit
def products_gpu(hidden, weight, out):
    """One thread per text and column of the weights."""
    at = cuda.grid(1)
    row = at // out.shape[1]
    if row < out.shape[0]:
        j = at % out.shape[1]
        total = float32(0)
        for d in range(hidden.shape[1]):
            total += hidden[row, d] * weight[d, j]
        out[row, j] = total


def _shares_row(value, row):
    """Divide each value of a row by the row's sum, added up from the first to the last."""
    total = float32(0)
    for j in range(value.shape[1]):
        total += value[row, j]
    for j in range(value.shape[1]):
        value[row, j] /= total


_shares_row_cpu, _shares_row_gpu = twin(_shares_row)


@rows_of("value")
def shares_cpu(row_from, row_to, value):
    """Turn each row of positive values into shares of its sum, in place."""
    for row in range(row_from, row_to):
        _shares_row_cpu(value, row)


@cuda.jit
def shares_gpu(value):
    """One thread per text."""
    row = cuda.grid(1)
    if row < value.shape[0]:
        _shares_row_gpu(value, row)


def _best_row(score, row, column, value):
    """Insert each score into the ``column.shape[1]`` best; of equals the later comes first."""
    n_best = column.shape[1]
    n_kept = row - row
    for j in range(score.shape[1]):
        x = score[row, j]
        if n_kept == n_best and x < value[row, n_best - 1]:
            continue
        place = min(n_kept, n_best - 1)
        while place > 0 and x >= value[row, place - 1]:
            value[row, place] = value[row, place - 1]
            column[row, place] = column[row, place - 1]
            place -= 1
        value[row, place] = x
        column[row, place] = j
        n_kept = min(n_kept + 1, n_best)


_best_row_cpu, _best_row_gpu = twin(_best_row)


@rows_of("score")
def best_cpu(row_from, row_to, score, column, value):
    """Write the columns of each row's best scores, best first, and the scores."""
    for row in range(row_from, row_to):
        _best_row_cpu(score, row, column, value)


@cuda.jit
def best_gpu(score, column, value):
    """One thread per text."""
    row = cuda.grid(1)
    if row < score.shape[0]:
        _best_row_gpu(score, row, column, value)
