"""When a stream pays next, if it still does.

The offset of an answer is predicted by :mod:`qfb_kernels.lateness`; a due date is answered with
the probability that the stream shows, after an answered one and within a break. Where a due date
falls on a closed day, the rolls other than the fitted one keep a chance that falls with the closed
days the stream has met. From the first due date that may still be answered onwards this gives a
distribution of the next payment's day, of which the median and the shortest range that holds 90%
are kept.
"""

from __future__ import annotations

from numba import cuda

from qfb_kernels.dues import (
    FOLLOWING,
    PRECEDING,
    due_day,
    due_index,
    n_working_before,
    nominal,
    position,
    rolled,
    working_day,
)
from qfb_kernels.lateness import MAX_REACH, answer_chances
from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_NULL_DAY = -(2**31)
_MAX_AHEAD = 6
_END_HAZARD = 0.01  # chance that a contract ends at any one due date
_LEAST_SKIP = 0.011  # more than that: one due date ends no stream, however many were answered
EARLY, MATURE, STOPPED = 0, 1, 2
_MATURE_HITS = 6
_LONGEST_BREAK = 5
N_TAILS = 11  # early tails of 0, 1, ... 10%
N_LEVELS = 2 * N_TAILS
_TAIL_STEP = 0.01
_ROUNDING = 1e-9
N_SHARES = 12  # due dates whose answers the next payment may be


def _index_after(cal, fit, row, last_due):
    """Index of the first due date after ``last_due``."""
    kind, step, anchor = fit[row, 0], fit[row, 1], fit[row, 2]
    a, b, roll = fit[row, 3], fit[row, 4], fit[row, 5]
    k = due_index(cal, kind, step, anchor, a, b, last_due) - 3
    while due_day(cal, kind, step, anchor, a, b, roll, k) <= last_due:
        k += 1
    return k


index_after = twin(_index_after, due_index, due_day)


def _answered_dues(member, owner, due, offset, start, stop):
    """Return the first and last due date that have an answer, and how far off to look, ticks."""
    size = start - start
    last_due = size + _NULL_DAY  # not a literal: helpers would be compiled twice
    first_due = last_due
    for i in range(start, stop):
        payment = member[i]
        if owner[payment] >= 0:
            here = due[payment]
            first_due = here if first_due == _NULL_DAY else min(first_due, here)
            last_due = max(last_due, here)
            size = max(size, abs(offset[payment]))
    return first_due, last_due, min(size + 3, MAX_REACH)


answered_dues = twin(_answered_dues)


def _pending_chance(cal, fit, row, closed, k, as_of, width, chance, within):
    """Chance that the answer to the ``k``-th due date, if there is one, is yet to come.

    ``within`` is the sum of all chances: that of a due date on an open day, all of it to come.
    """
    plain = nominal(cal, fit[row, 0], fit[row, 1], fit[row, 2], fit[row, 3], fit[row, 4], k)
    first = edge(cal, fit[row, 6], plain, PRECEDING, -width)
    if first > as_of and n_working_before(cal, plain + 1) > n_working_before(cal, plain):
        return min(1.0, within)
    first = max(as_of + 1, first)
    pending = 0.0
    for then in range(first, edge(cal, fit[row, 6], plain, FOLLOWING, width) + 1):
        pending += chance_on(cal, fit, row, closed, plain, then, width, chance)
    return min(1.0, pending)


def _spread(
    cal, fit, row, closed, k, n_kept, as_of, width, chance, share, level_day, quantile
):  # fmt: skip
    """Add up the chances of ``n_kept`` due dates from the ``k``-th on, day by day."""
    kind, step, anchor = fit[row, 0], fit[row, 1], fit[row, 2]
    a, b, clock = fit[row, 3], fit[row, 4], fit[row, 6]
    cumulative, done = 0.0, as_of + 1
    low, high = row - row, row - row
    for j in range(n_kept):
        plain = nominal(cal, kind, step, anchor, a, b, k + j)
        stop_day = edge(cal, clock, plain, FOLLOWING, width) + 1
        last = j + 1
        while last < n_kept and edge(
            cal, clock, nominal(cal, kind, step, anchor, a, b, k + last), PRECEDING, -width
        ) < stop_day:  # fmt: skip
            last += 1
        for then in range(max(done, edge(cal, clock, plain, PRECEDING, -width)), stop_day):
            for i in range(j, last):
                other = nominal(cal, kind, step, anchor, a, b, k + i)
                cumulative += share[row, i] * chance_on(
                    cal, fit, row, closed, other, then, width, chance
                )
            low, high = reached(level_day, quantile, row, cumulative, then, low, high)
            if high > 0 and then + 1 - level_day[row, N_TAILS - 1] >= (
                level_day[row, N_TAILS] - level_day[row, 0]
            ):
                return  # no range that ends later is shorter
        done = max(done, stop_day)


def _n_breaks(cal, fit, row, member, owner, due, start, stop):
    """Count the due dates after which, though they were answered, the next one was not."""
    kind, step, anchor = fit[row, 0], fit[row, 1], fit[row, 2]
    a, b, roll = fit[row, 3], fit[row, 4], fit[row, 5]
    breaks = start - start
    k, last = breaks, breaks + _NULL_DAY
    for i in range(start, stop):
        payment = member[i]
        if owner[payment] < 0 or due[payment] <= last:
            continue
        if last == _NULL_DAY:
            k = index_after(cal, fit, row, due[payment])
        else:
            passed = 0
            while due_day(cal, kind, step, anchor, a, b, roll, k) < due[payment]:
                passed = 1
                k += 1
            breaks += passed
            while due_day(cal, kind, step, anchor, a, b, roll, k) <= due[payment]:
                k += 1
        last = due[payment]
    return breaks


n_breaks = twin(_n_breaks, index_after, due_day)


def _roll_chance(roll, other, closed):
    """Chance that ``other`` is the roll where ``closed`` closed days spoke for ``roll``."""
    prior = (0.2, 0.25, 0.4, 0.15)[other]
    return (prior + (closed if other == roll else 0)) / (1.0 + closed)


roll_chance = twin(_roll_chance)


def _chance_on(cal, fit, row, closed, plain, then, width, chance):
    """Chance that the due date ``plain``, if it is answered, is answered on day ``then``."""
    roll, clock = fit[row, 5], fit[row, 6]
    before = n_working_before(cal, plain)
    is_open = n_working_before(cal, plain + 1) > before
    if clock and working_day(cal, n_working_before(cal, then)) != then:
        return 0.0
    total = 0.0
    for other in range(4):
        if is_open and other != roll:
            continue
        weight = 1.0 if is_open else roll_chance(roll, other, closed)
        here = rolled(cal, other, plain)
        away = position(cal, clock, then) - position(cal, clock, here)
        if -width <= away <= width:
            total += weight * chance[row, MAX_REACH + away]
    return total


chance_on = twin(_chance_on, n_working_before, working_day, roll_chance, rolled, position)


def _edge(cal, clock, plain, roll, away):
    """Day that is ``away`` ticks from a due date rolled one way."""
    here = rolled(cal, roll, plain)
    if clock:
        return working_day(cal, n_working_before(cal, here) + away)
    return here + away


edge = twin(_edge, rolled, working_day, n_working_before, inline=True)


def _skip_chances(hits, misses, breaks):
    """Chance that a due date is skipped after one that was answered, and after a skipped one.

    A break counts for at most ``_LONGEST_BREAK`` due dates: one long one, such as before a
    stream that a stray payment seems to begin, says little of how long the next will be.
    """
    breaks = min(breaks, misses)
    counted = min(misses, _LONGEST_BREAK * breaks)
    first = (breaks + 0.5) / (max(hits - 1, 0) + 5.0)
    return first, (counted - breaks + 2.0 * first) / (counted + 2.0)


skip_chances = twin(_skip_chances)


def _reached(level_day, quantile, row, cumulative, then, low, high):
    """Note the day at which the distribution passes levels of a range, and its median.

    ``low`` early and ``high`` late levels, which ascend, were passed before; returns how many are.
    """
    while low < N_TAILS and cumulative > low * _TAIL_STEP + _ROUNDING:
        level_day[row, low] = then
        low += 1
    while high < N_TAILS and cumulative >= 0.9 + high * _TAIL_STEP - _ROUNDING:
        level_day[row, N_TAILS + high] = then
        high += 1
    if quantile[row, 1] == _NULL_DAY and cumulative >= 0.5 - _ROUNDING:
        quantile[row, 1] = then
    return low, high


reached = twin(_reached, inline=True)


def _shortest(level_day, quantile, row):
    """Write the shortest range of at least 90%, of several the one with the smaller early tail."""
    best = N_TAILS - N_TAILS - 1
    for j in range(N_TAILS):
        if level_day[row, N_TAILS + j] == _NULL_DAY:
            break
        length = level_day[row, N_TAILS + j] - level_day[row, j]
        if best < 0 or length < level_day[row, N_TAILS + best] - level_day[row, best]:
            best = j
    if best >= 0:
        quantile[row, 0] = level_day[row, best]
        quantile[row, 2] = level_day[row, N_TAILS + best]
    elif quantile[row, 1] != _NULL_DAY:  # too much lies beyond the due dates looked at
        quantile[row, 0] = level_day[row, N_TAILS // 2]
        quantile[row, 2] = quantile[row, 1]


shortest = twin(_shortest)


def _forecast_row(member, owner, due, offset, start, stop, cal, fit, as_of,
                  chance, share, level_day, quantile, next_due, closed, missed, status,
                  row):  # fmt: skip
    """Write one stream's range and median of the next day, due date, missed dues and status."""
    for j in range(3):
        quantile[row, j] = _NULL_DAY
    for j in range(N_LEVELS):
        level_day[row, j] = _NULL_DAY
    next_due[row] = _NULL_DAY
    closed[row] = 0
    missed[row] = 0
    status[row] = -1
    first_due, last_due, width = answered_dues(member, owner, due, offset, start, stop)
    if fit[row, 1] == 0 or last_due == _NULL_DAY:
        return
    kind, step, anchor = fit[row, 0], fit[row, 1], fit[row, 2]
    a, b = fit[row, 3], fit[row, 4]
    hits, misses = fit[row, 7], fit[row, 8]
    breaks = n_breaks(cal, fit, row, member, owner, due, start, stop)
    skip, skip_again = skip_chances(hits, misses, breaks)
    k = index_after(cal, fit, row, last_due)
    n_closed = closed_dues(cal, fit, row, index_after(cal, fit, row, first_due - 1), k)
    closed[row] = n_closed
    width, within = answer_chances(
        member, owner, offset, start, stop, cal, fit, row, k, as_of, width, chance
    )
    left, alive = 1.0, 1.0
    ahead, n_kept, again = 0, 0, 0
    while ahead < _MAX_AHEAD and n_kept < N_SHARES and left > _ROUNDING:
        pending = pending_chance(cal, fit, row, n_closed, k, as_of, width, chance, within)
        unseen = skip + (1.0 - skip) * pending
        answered = (1.0 - skip) * pending / unseen
        alive *= max(unseen, _LEAST_SKIP)
        if ahead == 0 and pending < 0.5 * unseen:  # the chance of an answer has halved
            missed[row] += 1
            here = due_day(cal, kind, step, anchor, a, b, fit[row, 5], k)
            again += 1 if here == last_due else 0  # two due dates may roll to one day
            last_due = here
        else:
            if ahead == 0:
                next_due[row] = due_day(cal, kind, step, anchor, a, b, fit[row, 5], k)
            ahead += 1
        if pending > 0.0 or n_kept > 0:
            share[row, n_kept] = left * answered / pending if pending > 0.0 else 0.0
            n_kept += 1
        left *= 1.0 - answered
        skip = skip_again
        k += 1
        if missed[row] > 60 + hits:
            break
    spread(
        cal, fit, row, n_closed, k - n_kept, n_kept, as_of, width, chance, share, level_day,
        quantile,
    )  # fmt: skip
    shortest(level_day, quantile, row)
    gone = missed[row] > 0 and alive < _END_HAZARD * missed[row]
    missed[row] += misses - again
    status[row] = STOPPED if gone else (MATURE if hits >= _MATURE_HITS else EARLY)


pending_chance = twin(_pending_chance, nominal, edge, chance_on, n_working_before)
spread = twin(_spread, nominal, edge, chance_on, reached)


def _closed_dues(cal, fit, row, first, stop):
    """Count the due dates from the ``first``-th to before another that fall on closed days."""
    kind, step, anchor, a, b = fit[row, 0], fit[row, 1], fit[row, 2], fit[row, 3], fit[row, 4]
    closed = stop - stop
    for k in range(first, stop):
        here = nominal(cal, kind, step, anchor, a, b, k)
        closed += 1 - (n_working_before(cal, here + 1) - n_working_before(cal, here))
    return closed


closed_dues = twin(_closed_dues, nominal, n_working_before)

forecast_row = twin(
    _forecast_row, answered_dues, pending_chance, spread, shortest, index_after, closed_dues,
    n_breaks, due_day, skip_chances, answer_chances,
)  # fmt: skip
_forecast_row_cpu, _forecast_row_gpu = forecast_row.cpu, forecast_row.gpu


@rows_of("stream_start")
def forecast_cpu(
    row_from, row_to,
    member, owner, due, offset, stream_start, stream_size, cal, fit, as_of,
    chance, share, level_day, quantile, next_due, closed, missed, status,
):  # fmt: skip
    """Loop over streams on the host, on all its threads."""
    for row in range(row_from, row_to):
        start = stream_start[row]
        _forecast_row_cpu(
            member, owner, due, offset, start, start + stream_size[row], cal, fit, as_of,
            chance, share, level_day, quantile, next_due, closed, missed, status, row,
        )  # fmt: skip


@cuda.jit
def forecast_gpu(member, owner, due, offset, stream_start, stream_size, cal, fit, as_of,
                 chance, share, level_day, quantile, next_due, closed, missed, status):  # fmt: skip
    """One thread per stream; launch with ``.forall(n_streams)``."""
    row = cuda.grid(1)
    if row < stream_start.shape[0]:
        start = stream_start[row]
        _forecast_row_gpu(
            member, owner, due, offset, start, start + stream_size[row], cal, fit, as_of,
            chance, share, level_day, quantile, next_due, closed, missed, status, row,
        )  # fmt: skip
