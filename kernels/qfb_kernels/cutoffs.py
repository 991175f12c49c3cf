"""What relations look like at some cut-off days: payments seen, and the least of a customer's."""

from __future__ import annotations

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin


def _seen_row(day, start, stop, cuts, seen, row):
    """Write how many payments of one relation each of some days sees; the days ascend."""
    i = start
    for at in range(cuts.shape[0]):
        while i < stop and day[i] <= cuts[at]:
            i += 1
        seen[at, row] = i - start


def _least_row(values, first, last, cut, least, row):
    """Write the least of the values of ``first`` to ``last`` at one cut-off; there is one."""
    found = values[cut, first]
    for relation in range(first + 1, last):
        found = min(found, values[cut, relation])
    least[cut, row] = found


_seen_row_cpu, _seen_row_gpu = twin(_seen_row)
_least_row_cpu, _least_row_gpu = twin(_least_row)


@rows_of("relation_offsets", offsets=True)
def seen_cpu(row_from, row_to, day, relation_offsets, cuts, seen):
    """Loop over relations on the host, on all its threads."""
    for row in range(row_from, row_to):
        _seen_row_cpu(day, relation_offsets[row], relation_offsets[row + 1], cuts, seen, row)


@cuda.jit
def seen_gpu(day, relation_offsets, cuts, seen):
    """One thread per relation; launch with ``.forall(n_relations)``."""
    row = cuda.grid(1)
    if row < relation_offsets.shape[0] - 1:
        _seen_row_gpu(day, relation_offsets[row], relation_offsets[row + 1], cuts, seen, row)


@rows_of("customer_offsets", offsets=True)
def least_cpu(row_from, row_to, values, customer_offsets, least):
    """Loop over customers on the host, on all its threads."""
    for row in range(row_from, row_to):
        for cut in range(least.shape[0]):
            _least_row_cpu(
                values, customer_offsets[row], customer_offsets[row + 1], cut, least, row
            )


@cuda.jit
def least_gpu(values, customer_offsets, least):
    """One thread per customer; launch with ``.forall(n_customers)``."""
    row = cuda.grid(1)
    if row < customer_offsets.shape[0] - 1:
        for cut in range(least.shape[0]):
            _least_row_gpu(
                values, customer_offsets[row], customer_offsets[row + 1], cut, least, row
            )
