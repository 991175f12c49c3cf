"""Working days between two dates: two look-ups in a running count, for many calendars at once.

Calendar ``c`` is ``before[offsets[c]:offsets[c + 1]]``: entry ``i`` is the number of working days
before the day ``first[c] + i``; its days are published from ``known[c, 0]`` to ``known[c, 1]``.
The host launcher is serial and lets other threads run: callers give each its batch.
"""

from __future__ import annotations

from numba import cuda, njit

from qfb_kernels.twin import twin

OK, NULL, OUTSIDE = 0, 1, 2
NULL_DAY = -(2**31)


def _working_days_row(
    start, end, calendar, first, known, offsets, before, closed, row, out, status
):
    """Count one row; from a later to an earlier date it is minus the count the other way round."""
    begin, stop, number = int(start[row]), int(end[row]), int(calendar[row])
    out[row] = 0
    status[row] = NULL
    if min(begin, stop) > NULL_DAY and number >= 0:
        low, high = min(begin, stop), max(begin, stop)
        status[row] = OUTSIDE
        if low >= known[number, 0] and high <= known[number, 1]:
            status[row] = OK
            at = offsets[number] - first[number]
            n_days = before[at + high + closed] - before[at + low]
            out[row] = -n_days if stop < begin else n_days


_working_days_row_cpu, _working_days_row_gpu = twin(_working_days_row)


@njit(nogil=True, cache=True)
def working_days_cpu(start, end, calendar, first, known, offsets, before, closed, out, status):
    """Count every row; ``closed`` is 1 where both dates count, else 0."""
    for row in range(out.shape[0]):
        _working_days_row_cpu(
            start, end, calendar, first, known, offsets, before, closed, row, out, status
        )


@cuda.jit
def working_days_gpu(start, end, calendar, first, known, offsets, before, closed, out, status):
    """One thread per row."""
    row = cuda.grid(1)
    if row < out.shape[0]:
        _working_days_row_gpu(
            start, end, calendar, first, known, offsets, before, closed, row, out, status
        )
