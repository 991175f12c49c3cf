"""How long it is from one day of payment of a relation to the next, and how that changes.

Payments of one day are one; reversals do not count. Quantiles are linear between order statistics.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.sorting import sort
from qfb_kernels.twin import twin

MEDIAN, SPREAD, DRIFT = range(3)
"""Columns of the figures: median, interquartile range, median of the later half less the first."""
N_FIGURES = 3


def _quantile(gaps, start, size, share):
    """Return a quantile of ``gaps[start:start + size]``, which ascend; ``size`` is at least 1."""
    place = share * (size - 1)
    low = int(math.floor(place))
    high = min(low + 1, size - 1)
    rest = place - low
    return gaps[start + low] * (1.0 - rest) + gaps[start + high] * rest


quantile = twin(_quantile)


def _cycles_row(day, amount, start, stop, least, since, gaps, n_days, money, figures, row):
    """Write a relation's days of payment, its money after ``since`` and, of enough days, figures.

    ``gaps`` is scratch, a number a payment.
    """
    seen, last, total = start - start, start - start, start - start
    for i in range(start, stop):
        if day[i] > since:
            total += amount[i]
        if amount[i] <= 0 or (seen > 0 and day[i] == last):
            continue
        if seen > 0:
            gaps[start + seen - 1] = day[i] - last
        last = int(day[i])
        seen += 1
    n_days[row], money[row] = seen, total
    if seen < least:
        return
    n_gaps = seen - 1
    n_first = (n_gaps + 1) // 2
    middle, end = start + n_first, start + n_gaps
    sort(gaps, start, middle, gaps, False)
    sort(gaps, middle, end, gaps, False)
    early = quantile(gaps, start, n_first, 0.5)
    drift = early - early
    if end > middle:
        drift = quantile(gaps, middle, end - middle, 0.5) - early
    sort(gaps, start, end, gaps, False)
    figures[MEDIAN, row] = quantile(gaps, start, n_gaps, 0.5)
    figures[SPREAD, row] = quantile(gaps, start, n_gaps, 0.75) - quantile(gaps, start, n_gaps, 0.25)
    figures[DRIFT, row] = drift


cycles_row = twin(_cycles_row, sort, quantile)
_cycles_row_cpu, _cycles_row_gpu = cycles_row.cpu, cycles_row.gpu


@rows_of("relation_offsets", offsets=True)
def pay_cycles_cpu(
    row_from, row_to,
    day, amount, relation_offsets, least, since, gaps, n_days, money, figures,
):  # fmt: skip
    """Loop over relations on the host, on all its threads."""
    for row in range(row_from, row_to):
        _cycles_row_cpu(
            day, amount, relation_offsets[row], relation_offsets[row + 1], least, since, gaps,
            n_days, money, figures, row,
        )  # fmt: skip


@cuda.jit
def pay_cycles_gpu(day, amount, relation_offsets, least, since, gaps, n_days, money, figures):
    """One thread per relation; launch with ``.forall(n_relations)``."""
    row = cuda.grid(1)
    if row < relation_offsets.shape[0] - 1:
        _cycles_row_gpu(
            day, amount, relation_offsets[row], relation_offsets[row + 1], least, since, gaps,
            n_days, money, figures, row,
        )  # fmt: skip
