"""Points of the parts of several risks, and each risk's weighted mean of those that are known."""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin
from qfb_kernels.whole import nearest

SCALE = 10_000
"""Scores are whole numbers of such parts of a point; -1 where no part is known."""


def _weighed_row(parts, halves, weights, spans, points, scores, row):
    """Write the points of a row's parts, of 100 that many as the value is of it and its half."""
    for risk in range(spans.shape[0]):
        total, weight = 0.0, 0.0
        for part in range(spans[risk, 0], spans[risk, 1]):
            value = parts[row, part]
            if math.isnan(value):
                points[row, part] = math.nan
                continue
            value = max(value, 0.0)
            points[row, part] = 100 * value / (value + halves[part])
            if not math.isnan(points[row, part]):
                total += weights[part] * points[row, part]
                weight += weights[part]
        scores[row, risk] = nearest(total / weight * SCALE) if weight > 0 else -1


_weighed_row_cpu, _weighed_row_gpu = twin(_weighed_row, nearest)


@rows_of("scores")
def weighed_cpu(row_from, row_to, parts, halves, weights, spans, points, scores):
    """Loop over rows on the host, on all its threads.

    Parameters
    ----------
    parts : float64, shape (n_rows, n_columns), the parts of a risk side by side
    halves, weights : float64, shape (n_columns,)
        Of each part the value that is worth 50 of 100 points, and its weight.
    spans : int64, shape (n_risks, 2)
        Each risk's columns: the first, and the one after the last.
    points : float64, shape (n_rows, n_columns)
    scores : int32, shape (n_rows, n_risks)
    """
    for row in range(row_from, row_to):
        _weighed_row_cpu(parts, halves, weights, spans, points, scores, row)


@cuda.jit
def weighed_gpu(parts, halves, weights, spans, points, scores):
    """One thread per row; launch with ``.forall(scores.shape[0])``."""
    row = cuda.grid(1)
    if row < scores.shape[0]:
        _weighed_row_gpu(parts, halves, weights, spans, points, scores, row)
