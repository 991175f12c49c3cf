"""When a stream pays next, if it still does.

The offset of an answer is predicted from the stream's own offsets, shrunk towards the curve of
its fit; a due date is answered with the probability that the stream shows. From the first due
date that may still be answered onwards this gives a distribution of the next payment's day,
of which the 5, 50 and 95% quantiles are kept.
"""

from __future__ import annotations

from numba import cuda, njit, prange

from qfb_kernels.dues import due_day, due_index, n_working_before, nominal, working_day
from qfb_kernels.twin import twin

_NULL_DAY = -(2**31)
_SHRINK = 1.0  # payments' worth of the fitted curve
_MAX_REACH = 45
_MAX_AHEAD = 6
_END_HAZARD = 0.01  # chance that a contract ends at any one due date
EARLY, MATURE, STOPPED = 0, 1, 2
_MATURE_HITS = 6


def _offset_chance(member, owner, offset, start, stop, fit, row, o):
    """Chance that an answer comes ``o`` ticks after its due date."""
    hits, zeros = fit[row, 7], fit[row, 9]
    total, late = fit[row, 10], fit[row, 11]
    moved = hits - zeros
    zero = (zeros + 1.0) / (hits + 1.5)
    if o == 0:
        prior = zero
    else:
        side = (late + 0.5) / (moved + 1.0)
        go_on = (total - moved + 1.0) / (total + 2.0)
        prior = (1.0 - zero) * (side if o > 0 else 1.0 - side) * (1.0 - go_on)
        prior *= go_on ** (abs(o) - 1)
    seen = 0
    for i in range(start, stop):
        payment = member[i]
        if owner[payment] >= 0 and offset[payment] == o:
            seen += 1
    return (seen + _SHRINK * prior) / (hits + _SHRINK)


offset_chance = twin(_offset_chance)


def _day_at(cal, clock, due, o):
    """Day that is ``o`` ticks after a due date."""
    if clock:
        return working_day(cal, n_working_before(cal, due) + o)
    return due + o


day_at = twin(_day_at, working_day, n_working_before)


def _reach(member, owner, offset, start, stop):
    """Return how many ticks to either side of a due date to look."""
    size = 0
    for i in range(start, stop):
        if owner[member[i]] >= 0:
            size = max(size, abs(offset[member[i]]))
    return min(size + 3, _MAX_REACH)


reach = twin(_reach)


def _index_after(cal, fit, row, last_due):
    """Index of the first due date after ``last_due``."""
    kind, step, anchor = fit[row, 0], fit[row, 1], fit[row, 2]
    a, b, roll = fit[row, 3], fit[row, 4], fit[row, 5]
    k = due_index(cal, kind, step, anchor, last_due) - 3
    while due_day(cal, kind, step, anchor, a, b, roll, k) <= last_due:
        k += 1
    return k


index_after = twin(_index_after, due_index, due_day)


def _latest_due(member, owner, due, start, stop):
    """Return the latest due date that has an answer."""
    last_due = start - start + _NULL_DAY  # not a literal: helpers would be compiled twice
    for i in range(start, stop):
        if owner[member[i]] >= 0:
            last_due = max(last_due, due[member[i]])
    return last_due


latest_due = twin(_latest_due)


def _forecast_row(day, member, owner, due, offset, start, stop, cal, fit, as_of,
                  quantile, next_due, closed, missed, status, row):  # fmt: skip
    """Write one stream's next day (5, 50, 95%), due index, missed dues and status."""
    for j in range(3):
        quantile[row, j] = _NULL_DAY
    next_due[row] = _NULL_DAY
    closed[row] = 0
    missed[row] = 0
    status[row] = -1
    last_due = latest_due(member, owner, due, start, stop)
    if fit[row, 1] == 0 or last_due == _NULL_DAY:
        return
    kind, step, anchor = fit[row, 0], fit[row, 1], fit[row, 2]
    a, b, roll, clock = fit[row, 3], fit[row, 4], fit[row, 5], fit[row, 6]
    hits, misses = fit[row, 7], fit[row, 8]
    skip = (misses + 0.5) / (hits + misses + 5.0)
    k = index_after(cal, fit, row, last_due)
    closed[row] = closed_dues(cal, fit, row, day[member[start]], day[member[stop - 1]])
    width = reach(member, owner, offset, start, stop)
    left, alive, cumulative = 1.0, 1.0, 0.0
    ahead, level = 0, 0
    while ahead < _MAX_AHEAD and level < 3:
        here = due_day(cal, kind, step, anchor, a, b, roll, k)
        pending = 0.0
        for o in range(-width, width + 1):
            if day_at(cal, clock, here, o) > as_of:
                pending += offset_chance(member, owner, offset, start, stop, fit, row, o)
        pending = min(1.0, pending)
        unseen = skip + (1.0 - skip) * pending
        answered = (1.0 - skip) * pending / unseen
        alive *= unseen
        if ahead == 0 and answered < 0.5:
            missed[row] += 1
        else:
            if ahead == 0:
                next_due[row] = here
            ahead += 1
        if pending > 0.0:
            for o in range(-width, width + 1):
                then = day_at(cal, clock, here, o)
                if then <= as_of:
                    continue
                chance = offset_chance(member, owner, offset, start, stop, fit, row, o)
                cumulative += left * answered * chance / pending
                while level < 3 and cumulative >= (0.05, 0.5, 0.95)[level]:
                    quantile[row, level] = then
                    level += 1
        left *= 1.0 - answered
        k += 1
        if missed[row] > 60 + hits:
            break
    while 0 < level < 3:
        quantile[row, level] = quantile[row, level - 1]
        level += 1
    gone = missed[row] > 0 and alive < _END_HAZARD * missed[row]
    missed[row] += misses
    status[row] = STOPPED if gone else (MATURE if hits >= _MATURE_HITS else EARLY)


def _closed_dues(cal, fit, row, first, last):
    """Count the due dates of a span that fall on closed days before they are rolled."""
    kind, step, anchor, a, b = fit[row, 0], fit[row, 1], fit[row, 2], fit[row, 3], fit[row, 4]
    k = due_index(cal, kind, step, anchor, first) - 1
    closed = 0
    here = nominal(cal, kind, step, anchor, a, b, k)
    while here <= last:
        if here >= first:
            closed += 1 - (n_working_before(cal, here + 1) - n_working_before(cal, here))
        k += 1
        here = nominal(cal, kind, step, anchor, a, b, k)
    return closed


closed_dues = twin(_closed_dues, due_index, nominal, n_working_before)

forecast_row = twin(
    _forecast_row, latest_due, offset_chance, day_at, reach, index_after, closed_dues, due_day
)
_forecast_row_cpu, _forecast_row_gpu = forecast_row.cpu, forecast_row.gpu


@njit(parallel=True, cache=True)
def forecast_cpu(day, member, owner, due, offset, stream_start, stream_size, cal, fit, as_of,
                 quantile, next_due, closed, missed, status):  # fmt: skip
    """Loop over streams on the host, on all its threads."""
    n_rows = stream_start.shape[0]
    for row in prange(n_rows - n_rows, n_rows):
        start = stream_start[row]
        _forecast_row_cpu(
            day, member, owner, due, offset, start, start + stream_size[row], cal, fit, as_of,
            quantile, next_due, closed, missed, status, row,
        )  # fmt: skip


@cuda.jit
def forecast_gpu(day, member, owner, due, offset, stream_start, stream_size, cal, fit, as_of,
                 quantile, next_due, closed, missed, status):  # fmt: skip
    """One thread per stream; launch with ``.forall(n_streams)``."""
    row = cuda.grid(1)
    if row < stream_start.shape[0]:
        start = stream_start[row]
        _forecast_row_gpu(
            day, member, owner, due, offset, start, start + stream_size[row], cal, fit, as_of,
            quantile, next_due, closed, missed, status, row,
        )  # fmt: skip


def _expected_row(cal, schedule, first_due, as_of, horizon, begin, day_out, stream_out, row):
    """List (or count, where ``begin`` is negative) one stream's due dates to come."""
    kind, step, anchor = schedule[row, 0], schedule[row, 1], schedule[row, 2]
    a, b, roll = schedule[row, 3], schedule[row, 4], schedule[row, 5]
    n = 0
    if step == 0 or first_due[row] == _NULL_DAY:
        return 0
    k = due_index(cal, kind, step, anchor, first_due[row]) - 3
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


@njit(parallel=True, cache=True)
def expected_cpu(cal, schedule, first_due, as_of, horizon, begin, day_out, stream_out, count):
    """Loop over streams on the host, on all its threads."""
    n_rows = schedule.shape[0]
    for row in prange(n_rows - n_rows, n_rows):
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
