"""How late or early a stream answers its due dates.

Offsets are counted once. Whether the next answer is on the day follows from those that were and
a Beta prior, as in :mod:`qfb_kernels.evidence`; how far off it is otherwise from the stream's own
offsets that were not 0, among which some payments' worth of a curve is mixed. Of the curve's
sides and sizes the chances are Beta distributed, not known: a size is longer now and then than by
their means. A stream that is overdue has half a payment more that was late, as half a break.
"""

from __future__ import annotations

from qfb_kernels.dues import due_day, position
from qfb_kernels.twin import twin

_SHRINK = 8.0  # payments' worth of the curve, among those that were not on the day
_LATE = 0.5  # payments' worth of a late one, of a stream that is overdue
_LATEST = 3  # parts of the time to the next due date that an answer may come late by
MAX_REACH = 45
N_OFFSETS = 2 * MAX_REACH + 1


def _offset_chances(member, owner, offset, start, stop, fit, row, width, more, chance):
    """Write the chance of each offset from ``-width`` to ``width`` at ``MAX_REACH`` plus it.

    ``more`` payments that were late are counted besides those of the stream. Returns their sum,
    from the earliest on.
    """
    for o in range(-width, width + 1):
        chance[row, MAX_REACH + o] = 0.0
    for i in range(start, stop):
        payment = member[i]
        if owner[payment] >= 0 and abs(offset[payment]) <= width:
            chance[row, MAX_REACH + offset[payment]] += 1.0
    hits, zeros, total, late = fit[row, 7], fit[row, 9], fit[row, 10], fit[row, 11]
    moved = hits - zeros
    whole = hits + 1.5 + more
    each = (moved + 0.5) / (whole * (moved + _SHRINK))
    side = (late + 0.5) / (moved + 1.0)
    ends, ticks = moved + 1.0, total + 2.0  # of the Beta distribution of a run's chance to end
    run = ends / ticks
    chance[row, MAX_REACH] = (zeros + 1.0) / whole
    for o in range(1, width + 1):
        curve = _SHRINK * run
        seen = chance[row, MAX_REACH + o]
        chance[row, MAX_REACH + o] = each * (seen + side * curve) + more / whole * run
        seen = chance[row, MAX_REACH - o]
        chance[row, MAX_REACH - o] = each * (seen + (1.0 - side) * curve)
        run *= (ticks - ends + o - 1.0) / (ticks + o)
    within = 0.0
    for o in range(-width, width + 1):
        within += chance[row, MAX_REACH + o]
    return within


offset_chances = twin(_offset_chances)


def _answer_chances(member, owner, offset, start, stop, cal, fit, row, k, as_of, width, chance):
    """Write the chances of offsets of the due dates from the ``k``-th, the first unanswered, on.

    They reach further where that one has passed and its answer may still come. Returns how far
    they reach to either side, at least ``width`` ticks, and their sum.
    """
    kind, step, anchor = fit[row, 0], fit[row, 1], fit[row, 2]
    a, b, roll, clock = fit[row, 3], fit[row, 4], fit[row, 5], fit[row, 6]
    more = 0.0
    here = due_day(cal, kind, step, anchor, a, b, roll, k)
    if here <= as_of:
        more = _LATE
        then = due_day(cal, kind, step, anchor, a, b, roll, k + 1)
        first = position(cal, clock, here)
        reach = min(max(width, (position(cal, clock, then) - first) // _LATEST), MAX_REACH)
        if first + reach >= position(cal, clock, as_of + 1):
            width = reach
    within = offset_chances(member, owner, offset, start, stop, fit, row, width, more, chance)
    return width, within


answer_chances = twin(_answer_chances, offset_chances, due_day, position)
