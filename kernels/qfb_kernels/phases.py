"""Payments by their day of a period: which phases of a schedule by days are worth a score.

And which weekdays a unit's payments fall on, for a schedule of several of them.
"""

from __future__ import annotations

from numba import uint64

from qfb_kernels.due_places import SIX_DAYS, WORKING, inverse_of, phase_of
from qfb_kernels.dues import DAYS
from qfb_kernels.twin import twin

DAY_BIT = 24  # of a mark: from there on the day itself
MOST_DAYS = 400  # between due dates of the longest schedule by days
_WEEK = 7
_MONDAY_SHIFT = 3  # 1970-01-01 was a Thursday
_OFTEN = 2  # a weekday with half as many payments as the most frequent one is of the set


def _count_phases(mark, start, stop, opened, step, inverse, near, lane):
    """Count the payments of each day of a period, in the last places of the lane's row."""
    places = near.shape[1] - MOST_DAYS
    for phase in range(step):
        near[uint64(lane), uint64(places + phase)] = 0
    for i in range(start, stop):
        phase = phase_of(DAYS, step, inverse, mark[uint64(i)] >> DAY_BIT, opened, opened)
        near[uint64(lane), uint64(places + phase)] += 1


count_phases = twin(_count_phases, phase_of, inline=True)


def _weekdays_of(mark, start, stop, opened, near, lane):
    """Return the weekdays on which payments often fall, as bits from Monday; 0: no set of them.

    Writes how many fall on each weekday since ``opened`` where :func:`count_phases` does.
    """
    count_phases(mark, start, stop, opened, _WEEK, inverse_of(_WEEK), near, lane)
    places = near.shape[1] - MOST_DAYS
    most = near[uint64(lane), uint64(places)]
    for phase in range(1, _WEEK):
        most = max(most, near[uint64(lane), uint64(places + phase)])
    bits, size = start - start, start - start
    for phase in range(_WEEK):
        if _OFTEN * near[uint64(lane), uint64(places + phase)] >= most:
            bits |= 1 << ((opened + phase + _MONDAY_SHIFT) % _WEEK)
            size += 1
    is_set = size > 1 and (bits <= WORKING or bits == SIX_DAYS)
    return bits if is_set else start - start


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
