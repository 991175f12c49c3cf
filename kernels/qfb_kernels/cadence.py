"""The best schedule of one family and period for a unit's payments.

A unit is some payments of one relation in day order: ``day[member[start:start + size]]``. A few
starts are read off the payments, scored by :mod:`qfb_kernels.evidence`, and the best of them is
climbed: one step to either side in each coordinate, then the other rolls. What a schedule costs
to name (its family, phase and roll, in nats) is taken off, so that families compare by Bayes.
"""

from __future__ import annotations

import math

from numba import uint64

from qfb_kernels.due_places import SETS, inverse_of, phase_of
from qfb_kernels.dues import (
    BYDAY,
    DAYS,
    FOLLOWING,
    MODIFIED,
    MONTH_WORKDAY,
    MONTHS,
    NONE,
    NTH,
    PAIR,
    WEEKEND_BIT,
    WORKDAYS,
    WORKING,
    month_of,
)
from qfb_kernels.evidence import (
    CLOCK,
    IMPOSSIBLE,
    KNOWN,
    LANE,
    MONTH,
    NEAR,
    OPENED,
    START,
    STOP,
    evidence,
    is_same,
)
from qfb_kernels.phases import DAY_BIT, count_phases, is_phase_worth, weekdays_of
from qfb_kernels.twin import twin

_MONTH = 30.436875
_WEEK = 7
TINY = 1e-7
N_KNOWN = 16  # schedules of a family whose scores are remembered
_ROUNDS, _MOVES = 6, 8
INVERSE = 2  # in what :func:`costs_of` returns
_UNUSUAL = 0.3  # nats to name a roll that few have
_LOG_SETS = math.log(len(SETS))
_DAYS_NEAR = 3  # of a month: a start is scored if half of the payments are as near
_AT_ONCE = 16  # payments that are counted before asking whether they are enough
_SHORT = 12  # payments: up to here three starts are read off, five beyond


def _costs_of(kind, step, clock):
    """Nats to name a schedule of a family and period: by a usual roll, and by another one.

    For its phase, its family, and its period.
    """
    share = 5.0 / 7.0 if clock else 1.0
    phase, family, period = 0.0, 2.0, 0.0
    if kind == DAYS:
        phase = math.log(1.0 + (step - 1) * share)
        if step not in (1, _WEEK, 2 * _WEEK):
            family, period = 3.5, math.log(1.0 * step)
    elif kind == BYDAY:
        family, period = 3.5, _LOG_SETS
    elif kind != WORKDAYS:
        phase = math.log(_MONTH * step * share)
        if kind == PAIR:
            family, period = 3.0, math.log(5.0)
        else:
            family, period = 1.2 if step == 1 else 2.7, 0.0 if kind == MONTHS else 2.5
    return phase + family + period, _UNUSUAL + phase + family + period, inverse_of(step)


costs_of = twin(_costs_of, inverse_of, inline=True)


def _schedule_cost(costs, kind, a, roll):
    """Nats to name a schedule: family, period, phase, roll."""
    at_end = (kind == MONTHS and (a > 28 or a < 0)) or (kind == NTH and a < 0)
    usual = MODIFIED if at_end else FOLLOWING
    cost = costs[0] if roll in (usual, NONE) else costs[1]
    return cost + (1.5 if kind == MONTHS and a < 0 else 0.0)


schedule_cost = twin(_schedule_cost, inline=True)


def _score(unit, costs, kind, step, anchor, a, b, roll):
    """Evidence for a schedule with its cost taken off, and the mean offset of the hits.

    ``unit`` is that of :func:`qfb_kernels.evidence.evidence`, ``costs`` that of
    :func:`costs_of`.
    """
    phase = phase_of(kind, step, costs[INVERSE], anchor, unit[OPENED], unit[MONTH])
    gain, mean = evidence(unit, kind, step, phase, a, b, roll)
    return gain - schedule_cost(costs, kind, a, roll), mean


score = twin(_score, phase_of, evidence, schedule_cost, inline=True)


def _forget(known, lane):
    """Forget the scores of another family or unit."""
    for i in range(N_KNOWN):
        known[uint64(lane), uint64(3 * i)] = -1.0


forget = twin(_forget, inline=True)


def _known_score(unit, costs, kind, step, anchor, a, b, roll):
    """:func:`score`, or what is remembered of it: one in ten schedules is met again.

    ``known`` of the unit has places for some schedules of one family: a number for the phase and
    the roll, evidence, mean offset.
    """
    known, lane = unit[KNOWN], uint64(unit[LANE])
    phase = phase_of(kind, step, costs[INVERSE], anchor, unit[OPENED], unit[MONTH])
    key = 1.0 * (((phase * 128 + a + 64) * 32 + b) * 4 + roll)
    place = uint64(3 * ((phase + 3 * a + 5 * b + 7 * roll) & (N_KNOWN - 1)))
    if known[lane, place] != key:
        gain, mean = score(unit, costs, kind, step, anchor, a, b, roll)
        known[lane, place] = key
        known[lane, place + uint64(1)] = gain
        known[lane, place + uint64(2)] = mean
    return known[lane, place + uint64(1)], known[lane, place + uint64(2)]


known_score = twin(_known_score, phase_of, score, inline=True)


def _moved(kind, anchor, a, b, which, by):
    """Return (anchor, a, b) one step away; coordinate 1 is the second day of a pair."""
    if kind == DAYS:
        return anchor + by, a, b
    if kind == PAIR and which == 1:
        return anchor, a, min(31, max(a + 5, b + by))
    if kind == PAIR:
        return anchor, min(b - 5, max(1, a + by)), b
    if kind == MONTHS and a > 0:
        if a + by < 1:
            return anchor - 1, 31, b
        if a + by > 31:
            return anchor + 1, 1, b
        return anchor, a + by, b
    if kind == MONTHS and -10 < a + by < 0:
        return anchor, a + by, b
    if kind == MONTH_WORKDAY and a + by != 0:
        return anchor, a + by, b
    if kind == NTH:  # first to fourth, then last
        if a == -1 or (a == 4 and by > 0):
            return anchor, (4 if by < 0 else -1), b
        return anchor, max(1, a + by), b
    return anchor, a, b


moved = twin(_moved, inline=True)


def _climb(unit, costs, kind, step, anchor, a, b, roll, best, mean):
    """Climb to the best schedule near by; return its evidence and coordinates."""
    clock = unit[CLOCK]
    still = step - step  # moves since one that helped: after all eight there is none
    for turn in range(_ROUNDS * _MOVES):
        if still == _MOVES:
            break
        still += 1
        move = turn % _MOVES
        to_anchor, to_a, to_b, to_roll = anchor, a, b, roll
        if move == 0:
            shift = int(math.floor(mean + 0.5)) if kind in (DAYS, MONTHS) else 0
            if shift in (-1, 0, 1) or abs(shift) > 15:
                continue
            to_anchor, to_a, to_b = moved(kind, anchor, a, b, 0, shift)
        elif move < 5:
            if (move > 2 and kind != PAIR) or kind in (WORKDAYS, BYDAY):
                continue
            by = 1 if move % 2 else -1
            to_anchor, to_a, to_b = moved(kind, anchor, a, b, (move - 1) // 2, by)
        else:
            to_roll = (roll + move - 4) % 4
            if kind in (WORKDAYS, MONTH_WORKDAY) or (clock and to_roll == NONE):
                continue
        gain, at_mean = best, mean
        phase = phase_of(kind, step, costs[INVERSE], anchor, unit[OPENED], unit[MONTH])
        is_no_other = (  # a roll that changes no due date is no better
            move > 4
            and schedule_cost(costs, kind, a, roll) <= schedule_cost(costs, kind, a, to_roll)
            and is_same(unit, kind, step, phase, a, b, roll, to_roll)
        )
        for second in range(2):
            if second or not is_no_other:
                gain, at_mean = known_score(unit, costs, kind, step, to_anchor, to_a, to_b, to_roll)
            if second or move < 5 or gain > best + TINY or kind == NTH:
                break
            away = int(math.floor(at_mean + 0.5))
            if away == 0 or abs(away) > 3:
                break
            # another roll often goes with another day: the one its answers are nearer to
            to_anchor, to_a, to_b = moved(kind, anchor, a, b, 0, away)
            if kind == PAIR:
                to_anchor, to_a, to_b = moved(kind, to_anchor, to_a, to_b, 1, away)
        if gain > best + TINY:
            best, mean, still = gain, at_mean, step - step
            anchor, a, b, roll = to_anchor, to_a, to_b, to_roll
    return best, anchor, a, b, roll


climb = twin(_climb, phase_of, known_score, is_same, schedule_cost, moved)


def _sample(start, stop, i, last):
    """Slot of the ``i``-th payment of those spread over a unit, the ``last``-th its last one.

    ``last`` is 1, 2 or 4, so that what divides by it is a shift.
    """
    return start + ((stop - 1 - start) * i >> (last >> 1))


sample = twin(_sample, inline=True)


def _start_of(mark, start, stop, cal, kind, i, last, days):
    """Read the ``i``-th start of a family off the payments: (anchor, a, b); a = 0: none."""
    slot = sample(start, stop, i, last)
    here = mark[uint64(slot)]
    if kind in (DAYS, WORKDAYS):
        return here >> DAY_BIT, 1, 0
    if kind == BYDAY:
        return days - days, days & WORKING, days >> WEEKEND_BIT
    month = month_of(cal, here >> DAY_BIT)
    of_month = (here & 31) + 1
    to_end = ((here >> 5) & 31) - of_month
    if kind == MONTHS:
        if to_end == 0:
            return month, (31 if i % 2 else of_month), 0  # 31 is the last of any month
        return month, (-1 - to_end if i % 2 and to_end < 5 else of_month), 0
    if kind == NTH:
        nth = -1 if to_end < _WEEK and i % 2 else (of_month + _WEEK - 1) // _WEEK
        return month, (-1 if nth > 4 else nth), (here >> 10) & 7
    if kind == MONTH_WORKDAY:
        nth = (here >> 13) & 31
        return month, (nth if nth <= 10 else -((here >> 18) & 31)), 0
    # a pair: this payment's day and the next one's, about half a month apart
    for j in range(slot + 1, min(stop, slot + 4)):
        after = mark[uint64(j)]
        if 8 <= (after >> DAY_BIT) - (here >> DAY_BIT) <= 22:
            then = (after & 31) + 1
            if abs(then - of_month) > 5:
                return month, min(of_month, then), max(of_month, then)
    return month, 0, 0


start_of = twin(_start_of, sample, month_of, inline=True)


def _off_month_day(mark, a):
    """Days between a marked day and day ``a`` of its month, around the month's end."""
    length = (mark >> 5) & 31
    due = length + a if a < 0 else min(a, length) - 1
    off = abs((mark & 31) - due)
    return min(off, length - off)


off_month_day = twin(_off_month_day, inline=True)


def _is_worth(mark, start, stop, kind, a, b):
    """Whether enough payments are near a start's due dates: half, or a third of many.

    They are counted some at a time, without a branch each that a processor would guess wrong.
    """
    n = stop - start
    need = (n + 1) // 2 if n <= _SHORT else n // 3 + 1
    while start < stop:
        last = min(start + _AT_ONCE, stop)
        for i in range(start, last):
            need -= is_near(mark[uint64(i)], kind, a, b)
        start = last
        if need <= 0 or stop - start < need:
            break
    return need <= 0


def _is_near(mark, kind, a, b):
    """Whether a payment is within some days of a due date of a month that is not rolled."""
    if kind == NTH:
        return ((mark >> 10) & 7) == b
    if kind == MONTH_WORKDAY:
        return abs(((mark >> 13) & 31) - a if a > 0 else ((mark >> 18) & 31) + a) <= _DAYS_NEAR
    off = off_month_day(mark, a)
    if kind == PAIR:
        off = min(off, off_month_day(mark, b))
    return off <= _DAYS_NEAR


is_near = twin(_is_near, off_month_day, inline=True)
is_worth = twin(_is_worth, is_near, inline=True)


def _family(mark, cal, unit, costs, kind, step, floor, bound):
    """Best schedule of one family and period; climbs only if a start is near ``floor``.

    Of what beat the floor on generated portfolios none had climbed more than a nat a payment
    from a start below 12 payments, one in a thousand beyond.
    """
    start, stop, opened, clock = unit[START], unit[STOP], unit[OPENED], unit[CLOCK]
    roll = clock * FOLLOWING + (1 - clock) * NONE
    best, mean = IMPOSSIBLE, 0.0
    nothing = stop - stop  # not a literal, for which helpers would be compiled once more
    best_anchor, best_phase, best_a, best_b = nothing, nothing, nothing, nothing
    forget(unit[KNOWN], unit[LANE])
    n = stop - start
    if kind == DAYS:
        count_phases(mark, start, stop, opened, step, costs[INVERSE], unit[NEAR], unit[LANE])
    days = nothing
    if kind == BYDAY:
        days = weekdays_of(mark, start, stop, unit[NEAR], unit[LANE])
    last = min(4 if n > _SHORT else 2, n - 1)
    for i in range(last + 1):
        anchor, a, b = start_of(mark, start, stop, cal, kind, i, last, days)
        phase = phase_of(kind, step, costs[INVERSE], anchor, opened, unit[MONTH])
        if a == 0 or (a == best_a and b == best_b and phase == best_phase):
            continue
        if kind == DAYS:
            if not is_phase_worth(n, phase, step, unit[NEAR], unit[LANE]):
                continue
        elif kind not in (WORKDAYS, BYDAY) and not is_worth(mark, start, stop, kind, a, b):
            continue
        gain, at_mean = known_score(unit, costs, kind, step, anchor, a, b, roll)
        if gain > best + TINY:
            best, mean = gain, at_mean
            best_anchor, best_phase, best_a, best_b = anchor, phase, a, b
        if kind in (WORKDAYS, BYDAY) or best >= bound - TINY:
            break
    if best >= bound - TINY or best < floor - 0.6 * n - 2.0:
        return best, best_anchor, best_a, best_b, roll
    return climb(unit, costs, kind, step, best_anchor, best_a, best_b, roll, best, mean)


family = twin(
    _family, forget, weekdays_of, start_of, phase_of, count_phases, is_phase_worth, is_worth,
    known_score, climb, inline=True,
)  # fmt: skip
