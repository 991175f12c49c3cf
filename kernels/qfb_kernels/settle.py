"""Put together what amounts have torn apart, and count what each stream answered.

A group of payments that answers only due dates another group of its relation missed is the same
contract: after a step of its price, or a part of its varying amounts. Single leftovers that
answer a missed due date join too.

The groups of a relation are a linked list (``link``), in the order of their first payments, so
that work grows with payments times groups; answers to a due date are looked for around it.
"""

from __future__ import annotations

from numba import cuda

from qfb_kernels.dues import due_day, due_index, position
from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_NULL_DAY = -(2**31)
_FACTOR = 4.0  # of amount between groups that may be one contract
_MAX_MISSED = 4  # due dates between groups that may be one contract
_HOLIDAYS = 20  # days: longer than any run of closed days, with room


def _nearest_due(cal, fit, group, day):
    """Return the due date nearest to a day, and the day's offset from it in ticks."""
    kind, step, anchor = fit[group, 0], fit[group, 1], fit[group, 2]
    a, b, roll, clock = fit[group, 3], fit[group, 4], fit[group, 5], fit[group, 6]
    k = due_index(cal, kind, step, anchor, a, b, day) - 2
    x = position(cal, clock, day)
    here = due_day(cal, kind, step, anchor, a, b, roll, k)
    while True:
        ahead = due_day(cal, kind, step, anchor, a, b, roll, k + 1)
        if 2 * x <= position(cal, clock, here) + position(cal, clock, ahead):
            return here, x - position(cal, clock, here)
        here = ahead
        k += 1


nearest_due = twin(_nearest_due, due_day, due_index, position)


def _tally(amount, owner, offset, start, stop, low, high, count, head, reach, link):
    """Link groups; write bounds of amount, size, first payment, largest offset; return the first.

    -1: there is no group.
    """
    first, last = start - start - 1, start - start - 1
    for i in range(start, stop):
        group = owner[i]
        if group < 0:
            continue
        if count[group] == 0:
            low[group] = amount[i]
            high[group] = amount[i]
            head[group] = i
            reach[group] = 1
            link[group] = -1
            if last >= 0:
                link[last] = group
            else:
                first = group
            last = group
        low[group] = min(low[group], amount[i])
        high[group] = max(high[group], amount[i])
        reach[group] = max(reach[group], abs(offset[i]))
        count[group] += 1
    return first


tally = twin(_tally)


def _is_answered(day, owner, due, start, stop, at, group, date, ticks):
    """Whether a group answers a due date: one of its payments at most so many ticks from it.

    ``at`` is a payment near the date; so many ticks are at most ``2 * ticks + _HOLIDAYS`` days.
    """
    window = 2 * ticks + _HOLIDAYS
    i = at
    while i >= start and day[i] >= date - window:
        if owner[i] == group and due[i] == date:
            return True
        i -= 1
    i = at + 1
    while i < stop and day[i] <= date + window:
        if owner[i] == group and due[i] == date:
            return True
        i += 1
    return False


is_answered = twin(_is_answered)


def _could_join(day, owner, due, start, stop, cal, fit, group, other, reach):
    """Count the payments of ``other`` that answer what ``group`` missed."""
    n = 0
    for i in range(start, stop):
        if owner[i] == other:
            date, off = nearest_due(cal, fit, group, day[i])
            if abs(off) <= reach[group] and not is_answered(
                day, owner, due, start, stop, i, group, date, reach[group]
            ):
                n += 1
    return n


could_join = twin(_could_join, nearest_due, is_answered)


def _join(day, amount, owner, due, offset, start, stop, cal, fit, group, other,
          low, high, count, head, reach):  # fmt: skip
    """Move what answers a missed due date from ``other`` to ``group``; drop the rest."""
    for i in range(start, stop):
        if owner[i] != other:
            continue
        date, off = nearest_due(cal, fit, group, day[i])
        fits = abs(off) <= reach[group]
        if fits and not is_answered(day, owner, due, start, stop, i, group, date, reach[group]):
            owner[i] = group
            due[i] = date
            offset[i] = off
            low[group] = min(low[group], amount[i])
            high[group] = max(high[group], amount[i])
            count[group] += 1
        else:
            owner[i] = -1
            due[i] = _NULL_DAY
    head[other] = -1
    count[other] = 0


join = twin(_join, nearest_due, is_answered)


def _distance(low, high, group, other):
    """Ratio between the nearest amounts of two groups; 1 where their ranges meet."""
    return max(1.0, low[other] / (1.0 + high[group]), low[group] / (1.0 + high[other]))


distance = twin(_distance)


def _is_near(day, owner, head, start, stop, group, other, slack):
    """Whether two groups overlap in time or follow each other within ``slack`` days."""
    last_group, last_other = 0, 0
    for i in range(start, stop):
        if owner[i] == group:
            last_group = day[i]
        if owner[i] == other:
            last_other = day[i]
    apart = max(day[head[other]] - last_group, day[head[group]] - last_other)
    return apart <= slack


is_near = twin(_is_near)


def _period(cal, fit, group, date):
    """Days from the due date near a date to the one after it."""
    kind, step, anchor = fit[group, 0], fit[group, 1], fit[group, 2]
    a, b, roll = fit[group, 3], fit[group, 4], fit[group, 5]
    k = due_index(cal, kind, step, anchor, a, b, date)
    ahead = due_day(cal, kind, step, anchor, a, b, roll, k + 1)
    return ahead - due_day(cal, kind, step, anchor, a, b, roll, k)


period = twin(_period, due_index, due_day)


def _join_groups(day, amount, owner, due, offset, start, stop, cal, fit,
                 low, high, count, head, reach, link, first):  # fmt: skip
    """Join the two groups nearest in amount that may be one contract; return whether any."""
    best, best_other, nearest = start - start - 1, start - start - 1, _FACTOR
    group = first
    while group >= 0:
        other = first if count[group] >= 3 else start - start - 1
        while other >= 0:
            apart = distance(low, high, group, other)
            may = other != group and 0 < count[other] <= count[group] and apart < nearest
            if may and is_near(
                day, owner, head, start, stop, group, other,
                _MAX_MISSED * period(cal, fit, group, day[head[group]]),
            ):  # fmt: skip
                n = could_join(day, owner, due, start, stop, cal, fit, group, other, reach)
                if n == count[other] or (n > 4 and 5 * n >= 4 * count[other]):
                    best, best_other, nearest = group, other, apart
            other = link[other]
        group = link[group]
    if best < 0:
        return False
    join(day, amount, owner, due, offset, start, stop, cal, fit, best, best_other,
         low, high, count, head, reach)  # fmt: skip
    head[best] = stop
    for i in range(start, stop):
        if owner[i] == best:
            head[best] = min(head[best], i)
    return True


join_groups = twin(_join_groups, period, distance, is_near, could_join, join)


def _join_leftovers(day, amount, owner, due, offset, start, stop, cal, fit,
                    low, high, count, reach, link, first):  # fmt: skip
    """Let single payments answer due dates that a group with such amounts missed."""
    for i in range(start, stop):
        if owner[i] >= 0 or amount[i] < 0:
            continue
        best, nearest = i - i - 1, i - i
        best_due, best_offset = i - i, i - i
        group = first
        while group >= 0:
            wide = 1.5 if high[group] > 1.05 * low[group] else 1.1
            if count[group] >= 3 and low[group] <= amount[i] * wide <= wide * wide * high[group]:
                date, off = nearest_due(cal, fit, group, day[i])
                closer = abs(off) <= reach[group] and (best < 0 or abs(off) < nearest)
                if closer and not is_answered(
                    day, owner, due, start, stop, i, group, date, reach[group]
                ):
                    best, nearest = group, abs(off)
                    best_due, best_offset = date, off
            group = link[group]
        if best >= 0:
            owner[i] = best
            due[i] = best_due
            offset[i] = best_offset


join_leftovers = twin(_join_leftovers, nearest_due, is_answered)


def _settle_row(day, amount, owner, due, offset, start, stop, cal, fit,
                low, high, count, head, reach, link):  # fmt: skip
    """Settle one relation."""
    first = tally(amount, owner, offset, start, stop, low, high, count, head, reach, link)
    if first < 0:
        return
    while join_groups(day, amount, owner, due, offset, start, stop, cal, fit,
                      low, high, count, head, reach, link, first):  # fmt: skip
        pass
    join_leftovers(day, amount, owner, due, offset, start, stop, cal, fit,
                   low, high, count, reach, link, first)  # fmt: skip


settle_row = twin(_settle_row, tally, join_groups, join_leftovers)
_settle_row_cpu, _settle_row_gpu = settle_row.cpu, settle_row.gpu


@rows_of("relation_offsets", offsets=True)
def settle_cpu(
    row_from, row_to,
    day, amount, owner, due, offset, relation_offsets, cal, fit,
    low, high, count, head, reach, link,
):  # fmt: skip
    """Loop over relations on the host, on all its threads."""
    for row in range(row_from, row_to):
        _settle_row_cpu(
            day, amount, owner, due, offset, relation_offsets[row], relation_offsets[row + 1],
            cal, fit, low, high, count, head, reach, link,
        )  # fmt: skip


@cuda.jit
def settle_gpu(day, amount, owner, due, offset, relation_offsets, cal, fit,
               low, high, count, head, reach, link):  # fmt: skip
    """One thread per relation; launch with ``.forall(n_relations)``."""
    row = cuda.grid(1)
    if row < relation_offsets.shape[0] - 1:
        _settle_row_gpu(
            day, amount, owner, due, offset, relation_offsets[row], relation_offsets[row + 1],
            cal, fit, low, high, count, head, reach, link,
        )  # fmt: skip


def _recount_row(member, owner, due, offset, start, stop, cal, fit, row):
    """Count a stream's hits, misses, and offsets anew.

    Two due dates that roll to one day are one, and two where both are answered.
    """
    if fit[row, 1] == 0:
        return
    kind, step, anchor = fit[row, 0], fit[row, 1], fit[row, 2]
    a, b, roll = fit[row, 3], fit[row, 4], fit[row, 5]
    hits, zeros, total, late, n_due = 0, 0, 0, 0, 0
    first, last = start - start, start - start + _NULL_DAY
    for i in range(start, stop):
        payment = member[i]
        if owner[payment] < 0:
            continue
        if hits == 0:
            first = due[payment]
        hits += 1
        n_due += 1 if due[payment] == last else 0
        first = min(first, due[payment])
        last = max(last, due[payment])
        total += abs(offset[payment])
        zeros += 1 if offset[payment] == 0 else 0
        late += 1 if offset[payment] > 0 else 0
    if hits == 0:
        return
    k = due_index(cal, kind, step, anchor, a, b, first) - 3
    here = due_day(cal, kind, step, anchor, a, b, roll, k)
    while here <= last:
        ahead = due_day(cal, kind, step, anchor, a, b, roll, k + 1)
        n_due += 1 if here >= first and ahead > here else 0
        here = ahead
        k += 1
    fit[row, 7] = hits
    fit[row, 8] = max(0, n_due - hits)
    fit[row, 9] = zeros
    fit[row, 10] = total
    fit[row, 11] = late


recount_row = twin(_recount_row, due_index, due_day)
_recount_row_cpu, _recount_row_gpu = recount_row.cpu, recount_row.gpu


@rows_of("stream_start")
def recount_cpu(row_from, row_to, member, owner, due, offset, stream_start, stream_size, cal, fit):
    """Loop over streams on the host, on all its threads."""
    for row in range(row_from, row_to):
        start = stream_start[row]
        _recount_row_cpu(member, owner, due, offset, start, start + stream_size[row], cal, fit, row)


@cuda.jit
def recount_gpu(member, owner, due, offset, stream_start, stream_size, cal, fit):
    """One thread per stream; launch with ``.forall(n_streams)``."""
    row = cuda.grid(1)
    if row < stream_start.shape[0]:
        start = stream_start[row]
        _recount_row_gpu(member, owner, due, offset, start, start + stream_size[row], cal, fit, row)
