"""The part of a unit's payments that a schedule is looked for in, where they paused for long.

A family of schedules is tried only where its due dates are few for the payments. So a payment or
two years before the others keep out every family that the others follow; and beside payments
anywhere within all these years, any that are close together are a surprise. Where families near the
median gap would be left out, the search therefore looks at the most payments in a row without a
long pause, as if there were no others, which are left for another round.
"""

from __future__ import annotations

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_PAUSE = 6  # median gaps: what is longer is a pause
_ENOUGH = 4  # payments of a part, and one in as many of its unit's
_NEARLY = 0.97  # a month is as much shorter than a gap of 31 days


def _most_dues(n):
    """How many due dates a schedule of ``n`` payments has to stay below."""
    return 2.0 * n + 1.5 if n < 6 else 4.0 * n


most_dues = twin(_most_dues, inline=True)


def _parts_row(day, member, start, stop, gap, part_start, part_size, row):
    """Write the most payments in a row without a pause, of equal parts the last.

    All of them where due dates at the median gap (days) are few enough, or no part has enough.
    """
    n = stop - start
    part_start[row], part_size[row] = start, n
    if n < 2:
        return
    span = day[member[stop - 1]] - day[member[start]]
    if span + gap[row] < _NEARLY * most_dues(n) * gap[row] or gap[row] <= 0.0:
        return
    begin, first, size = start, start, start - start
    for i in range(start + 1, stop + 1):
        if i == stop or day[member[i]] - day[member[i - 1]] > _PAUSE * gap[row]:
            if i - begin >= size:
                first, size = begin, i - begin
            begin = i
    if size >= _ENOUGH and _ENOUGH * size >= n:
        part_start[row], part_size[row] = first, size


parts_row = twin(_parts_row, most_dues)
_parts_row_cpu, _parts_row_gpu = parts_row.cpu, parts_row.gpu


@rows_of("unit_start")
def parts_cpu(row_from, row_to, day, member, unit_start, unit_size, gap, part_start, part_size):
    """Loop over units on the host, on all its threads."""
    for row in range(row_from, row_to):
        start = unit_start[row]
        _parts_row_cpu(
            day, member, start, start + unit_size[row], gap, part_start, part_size, row
        )  # fmt: skip


@cuda.jit
def parts_gpu(day, member, unit_start, unit_size, gap, part_start, part_size):
    """One thread per unit; launch with ``.forall(n_units)``."""
    row = cuda.grid(1)
    if row < unit_start.shape[0]:
        start = unit_start[row]
        _parts_row_gpu(
            day, member, start, start + unit_size[row], gap, part_start, part_size, row
        )  # fmt: skip
