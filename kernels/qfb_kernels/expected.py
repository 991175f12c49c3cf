"""The payments of the coming days: the due dates of a schedule from its next one on."""

from __future__ import annotations

from numba import cuda

from qfb_kernels.dues import due_day, due_index
from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_NULL_DAY = -(2**31)


def _expected_row(cal, schedule, first_due, as_of, horizon, begin, day_out, stream_out, row):
    """List (or count, where ``begin`` is negative) one stream's due dates to come."""
    kind, step, anchor = schedule[row, 0], schedule[row, 1], schedule[row, 2]
    a, b, roll = schedule[row, 3], schedule[row, 4], schedule[row, 5]
    n = 0
    if step == 0 or first_due[row] == _NULL_DAY:
        return 0
    k = due_index(cal, kind, step, anchor, a, b, first_due[row]) - 3
    while due_day(cal, kind, step, anchor, a, b, roll, k) < first_due[row]:
        k += 1
    last = _NULL_DAY
    here = due_day(cal, kind, step, anchor, a, b, roll, k)
    while here <= as_of + horizon:
        here = max(here, as_of + 1)
        if here > last:
            if begin >= 0:
                day_out[begin + n] = here
                stream_out[begin + n] = row
            n += 1
            last = here
        k += 1
        here = due_day(cal, kind, step, anchor, a, b, roll, k)
    return n


expected_row = twin(_expected_row, due_day, due_index)
_expected_row_cpu, _expected_row_gpu = expected_row.cpu, expected_row.gpu


@rows_of("schedule")
def expected_cpu(
    row_from, row_to,
    cal, schedule, first_due, as_of, horizon, begin, day_out, stream_out, count,
):  # fmt: skip
    """Loop over streams on the host, on all its threads."""
    for row in range(row_from, row_to):
        count[row] = _expected_row_cpu(
            cal, schedule, first_due, as_of, horizon, begin[row], day_out, stream_out, row
        )


@cuda.jit
def expected_gpu(cal, schedule, first_due, as_of, horizon, begin, day_out, stream_out, count):
    """One thread per stream; launch with ``.forall(n_streams)``."""
    row = cuda.grid(1)
    if row < schedule.shape[0]:
        count[row] = _expected_row_gpu(
            cal, schedule, first_due, as_of, horizon, begin[row], day_out, stream_out, row
        )
