"""How late or early a stream answers its due dates.

The offset of an answer is predicted from the stream's own offsets, shrunk towards the curve of
its fit. That says little of answers far beyond those seen, which is of no weight until a due date
has passed without one: then they, or a skip, are all that is left. So while a due date is overdue
half a payment more is counted that was late, as in the rule of Krichevsky and Trofimov (1981,
doi:10.1109/TIT.1981.1056331), by a number of ticks whose chance to go on is not known either.
"""

from __future__ import annotations

from qfb_kernels.dues import due_day, position
from qfb_kernels.twin import twin

_SHRINK = 1.0  # payments' worth of the fitted curve
_LATE = 0.5  # payments' worth of a late one, of a stream that is overdue
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
    """Count half a payment that was late among the others, and return the sum of all chances.

    Its ticks are as many as a run whose chance to go on has, after the stream's own, a Beta
    distribution, of which ``go_on`` of the curve is the mean: longer runs than by the mean alone.
    """
    whole = fit[row, 7] + _SHRINK
    total = 0.0
    for o in range(-width, width + 1):
        chance[row, MAX_REACH + o] *= whole / (whole + _LATE)
        total += chance[row, MAX_REACH + o]
    ends = fit[row, 7] - fit[row, 9] + 1.0
    goes_on = fit[row, 10] + 2.0 - ends
    here = _LATE / (whole + _LATE) * ends / (ends + goes_on)
    for o in range(1, width + 1):
        chance[row, MAX_REACH + o] += here
        total += here
        here *= (goes_on + o - 1.0) / (ends + goes_on + o)
    return total


late_chances = twin(_late_chances)


def _answer_chances(member, owner, offset, start, stop, cal, fit, row, k, as_of, width, chance):
    """Write the chances of offsets of the due dates from the ``k``-th, the first unanswered, on.

    Returns how far they reach to either side, at least ``width`` ticks, and their sum.
    """
    kind, step, anchor = fit[row, 0], fit[row, 1], fit[row, 2]
    a, b, roll, clock = fit[row, 3], fit[row, 4], fit[row, 5], fit[row, 6]
    here = due_day(cal, kind, step, anchor, a, b, roll, k)
    if here <= as_of:
        then = due_day(cal, kind, step, anchor, a, b, roll, k + 1)
        gap = position(cal, clock, then) - position(cal, clock, here)
        width = min(max(width, gap // _LATEST), MAX_REACH)
    within = offset_chances(member, owner, offset, start, stop, fit, row, width, chance)
    if here <= as_of:
        within = late_chances(fit, row, width, chance)
    return width, within


answer_chances = twin(_answer_chances, due_day, position, offset_chances, late_chances)
