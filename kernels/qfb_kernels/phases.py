"""Payments by their day of a period: which phases of a schedule by days are worth a score.

And which weekdays a unit's payments fall on, for a schedule of several of them.
"""

from __future__ import annotations

from numba import uint64

from qfb_kernels.due_places import SIX_DAYS, inverse_of, phase_of
from qfb_kernels.dues import DAYS, MONDAY_SHIFT, WORKING
from qfb_kernels.twin import twin

DAY_BIT = 24  # of a mark: from there on the day itself
MOST_DAYS = 400  # between due dates of the longest schedule by days
_WEEK = 7
_SHARE = 10  # a weekday of a set has one payment in ten


def _count_phases(mark, start, stop, opened, step, inverse, near, lane):
    """Count the payments of each day of a period, in the last places of the lane's row."""
    places = near.shape[1] - MOST_DAYS
    for phase in range(step):
        near[uint64(lane), uint64(places + phase)] = 0
    for i in range(start, stop):
        phase = phase_of(DAYS, step, inverse, mark[uint64(i)] >> DAY_BIT, opened, opened)
        near[uint64(lane), uint64(places + phase)] += 1


count_phases = twin(_count_phases, phase_of, inline=True)


def _weekdays_of(mark, start, stop, near, lane):
    """Return the weekdays with a tenth of the payments each, as bits from Monday; 0: no set."""
    opened = mark[uint64(start)] >> DAY_BIT
    monday = opened - (opened + MONDAY_SHIFT) % _WEEK
    count_phases(mark, start, stop, monday, _WEEK, inverse_of(_WEEK), near, lane)
    bits, place = start - start, near.shape[1] - MOST_DAYS + _WEEK
    for _ in range(_WEEK):
        place -= 1
        bits += bits + int(_SHARE * near[uint64(lane), uint64(place)] >= stop - start)
    is_set = bits & (bits - 1) != 0 and (bits <= WORKING or bits == SIX_DAYS)
    return bits if is_set else bits - bits


weekdays_of = twin(_weekdays_of, count_phases, inverse_of)


def _is_phase_worth(n, phase, step, near, lane):
    """Whether half of the payments are within some days of the due dates of a phase."""
    places = near.shape[1] - MOST_DAYS
    slack = (min(step, 20) + 2) // 5
    need = (n + 1) // 2
    phase -= slack
    phase += step if phase < 0 else 0
    for _ in range(2 * slack + 1):
        need -= near[uint64(lane), uint64(places + phase)]
        phase = phase + 1 if phase + 1 < step else phase - phase
    return need <= 0


is_phase_worth = twin(_is_phase_worth, inline=True)
