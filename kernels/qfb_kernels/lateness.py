"""How late or early a stream answers its due dates.

The offset of an answer is predicted from the stream's own offsets, shrunk towards the curve of
its fit. That says little of offsets beyond those seen: their chance falls with the square of the
payments, that of a skip with their number. It has no weight until a due date has passed: then an
answer later than any before and a skip are all that is left. So while one is overdue, half a
payment more is counted that was late, as half a break is; and half of all that is late is late by
a run of ticks whose chance to go on is not known either.
"""

from __future__ import annotations

from qfb_kernels.dues import due_day, position
from qfb_kernels.twin import twin

_SHRINK = 1.0  # payments' worth of the fitted curve
_LATE = 0.5  # payments' worth of a late one, of a stream that is overdue
_ANY_RUN = 0.5  # of what is late then: the share that may be late by any run of ticks
_LATEST = 3  # parts of the time to the next due date that an answer may come late by
MAX_REACH = 45
N_OFFSETS = 2 * MAX_REACH + 1


def _curve(fit, row):
    """Chances by the fit: of an answer on the day, of a late one of others, of a further tick."""
    hits, zeros = fit[row, 7], fit[row, 9]
    total, late = fit[row, 10], fit[row, 11]
    moved = hits - zeros
    return (
        (zeros + 1.0) / (hits + 1.5), (late + 0.5) / (moved + 1.0),
        (total - moved + 1.0) / (total + 2.0),
    )  # fmt: skip


curve = twin(_curve)


def _offset_chances(member, owner, offset, start, stop, fit, row, width, chance):
    """Write the chance of each offset from ``-width`` to ``width`` at ``MAX_REACH`` plus it.

    Returns their sum, from the earliest on.
    """
    for o in range(-width, width + 1):
        chance[row, MAX_REACH + o] = 0.0
    for i in range(start, stop):
        payment = member[i]
        if owner[payment] >= 0 and abs(offset[payment]) <= width:
            chance[row, MAX_REACH + offset[payment]] += 1.0
    zero, side, go_on = curve(fit, row)
    whole = fit[row, 7] + _SHRINK
    chance[row, MAX_REACH] = (chance[row, MAX_REACH] + _SHRINK * zero) / whole
    late = (1.0 - zero) * side * (1.0 - go_on)
    early = (1.0 - zero) * (1.0 - side) * (1.0 - go_on)
    for o in range(1, width + 1):
        further = go_on ** (o - 1)
        seen = chance[row, MAX_REACH + o]
        chance[row, MAX_REACH + o] = (seen + _SHRINK * (late * further)) / whole
        seen = chance[row, MAX_REACH - o]
        chance[row, MAX_REACH - o] = (seen + _SHRINK * (early * further)) / whole
    total = 0.0
    for o in range(-width, width + 1):
        total += chance[row, MAX_REACH + o]
    return total


offset_chances = twin(_offset_chances, curve)


def _late_chances(fit, row, width, chance):
    """Count half a payment that was late among the others; let half of what is late be any run.

    The chance of such a run to go on has, after the stream's own, a Beta distribution, of which
    ``go_on`` of the curve is the mean: longer runs than by the mean alone. Returns the sum of all.
    """
    whole = fit[row, 7] + _SHRINK
    kept = whole / (whole + _LATE)
    total, late = 0.0, 0.0
    for o in range(-width, width + 1):
        here = kept * chance[row, MAX_REACH + o]
        chance[row, MAX_REACH + o] = here
        total += here
        if o > 0:
            late += here
    total -= _ANY_RUN * late
    ends, ticks = fit[row, 7] - fit[row, 9] + 1.0, fit[row, 10] + 2.0
    run = (1.0 - kept + _ANY_RUN * late) * ends / ticks
    for o in range(1, width + 1):
        here = (1.0 - _ANY_RUN) * chance[row, MAX_REACH + o] + run
        chance[row, MAX_REACH + o] = here
        total += run
        run *= (ticks - ends + o - 1.0) / (ticks + o)
    return total


late_chances = twin(_late_chances)


def _overdue_reach(cal, fit, row, k, as_of, width):
    """Ticks by which the ``k``-th due date, the first without an answer, may be answered late.

    0 unless it has passed and an answer to it may still come.
    """
    kind, step, anchor = fit[row, 0], fit[row, 1], fit[row, 2]
    a, b, roll, clock = fit[row, 3], fit[row, 4], fit[row, 5], fit[row, 6]
    here = due_day(cal, kind, step, anchor, a, b, roll, k)
    if here > as_of:
        return k - k
    then = due_day(cal, kind, step, anchor, a, b, roll, k + 1)
    first = position(cal, clock, here)
    reach = min(max(width, (position(cal, clock, then) - first) // _LATEST), MAX_REACH)
    return reach if first + reach >= position(cal, clock, as_of + 1) else k - k


overdue_reach = twin(_overdue_reach, due_day, position)


def _answer_chances(member, owner, offset, start, stop, cal, fit, row, k, as_of, width, chance):
    """Write the chances of offsets of the due dates from the ``k``-th, the first unanswered, on.

    Returns how far they reach to either side, at least ``width`` ticks, and their sum.
    """
    reach = overdue_reach(cal, fit, row, k, as_of, width)
    width = max(width, reach)
    within = offset_chances(member, owner, offset, start, stop, fit, row, width, chance)
    if reach > 0:
        within = late_chances(fit, row, width, chance)
    return width, within


answer_chances = twin(_answer_chances, overdue_reach, offset_chances, late_chances)
