"""The schedule that explains a unit's payments best.

A unit is some payments of one relation in day order: ``day[member[start:start + size]]``. For
every family of schedules a few starts are read off the payments, spectral peaks and gaps, scored
by :mod:`qfb_kernels.evidence`, and the best start of each family is climbed: one step to either
side in each coordinate, then the other rolls. What a schedule costs to name (its family, phase
and roll, in nats) is taken off, so that families compare by Bayes.

Rows of ``fit_int``: kind, step, anchor, a, b, roll, clock, hits, misses, zeros, total, late,
and the places in the unit of the first and the last hit of its life.
Rows of ``fit_float``: evidence (nats), code length of the hits with the schedule's cost.
"""

from __future__ import annotations

import math

from numba import cuda, njit, prange

from qfb_kernels.dues import (
    DAYS,
    FOLLOWING,
    MODIFIED,
    MONTH_WORKDAY,
    MONTHS,
    NONE,
    NTH,
    PAIR,
    WORKDAYS,
    month_of,
    month_start,
    n_working_before,
    position,
)
from qfb_kernels.evidence import (
    IMPOSSIBLE,
    answers,
    code_length,
    evidence,
    scatter_length,
)
from qfb_kernels.pairs import pair_is_two
from qfb_kernels.twin import twin

N_FIT_INT = 14
N_PEAKS = 3
_MONTH = 30.436875
_WEEK = 7
_TINY = 1e-7
_CLOSED_SHARE = 20  # one payment in 20 on a closed day still makes a working-day payer
_ROUNDS = 6
_NEAR = 0.12  # of the median gap: periods to try first


def _schedule_cost(kind, step, a, roll, clock):
    """Nats to name a schedule: family, period, phase, roll."""
    at_end = (kind == MONTHS and (a > 28 or a < 0)) or (kind == NTH and a < 0)
    usual = MODIFIED if at_end else FOLLOWING
    cost = 0.0 if roll in (usual, NONE) else 0.3
    share = 5.0 / 7.0 if clock else 1.0
    if kind == DAYS:
        cost += math.log(1.0 + (step - 1) * share)
        if step in (1, _WEEK, 2 * _WEEK):
            return cost + 2.0
        return cost + 3.5 + math.log(1.0 * step)
    if kind == WORKDAYS:
        return cost + 2.0
    cost += math.log(_MONTH * step * share)
    if kind == PAIR:
        return cost + 3.0 + math.log(5.0)
    cost += 1.2 if step == 1 else 2.7
    if kind == MONTHS:
        return cost + (1.5 if a < 0 else 0.0)
    return cost + 2.5


schedule_cost = twin(_schedule_cost)


def _score(at, start, stop, opened, cal, lg, clock, log_window, kind, step, anchor, a, b, roll):
    """Evidence for a schedule with its cost taken off, and the mean offset of the hits."""
    gain, mean = evidence(
        at, start, stop, opened, cal, lg, clock, log_window, kind, step, anchor, a, b, roll
    )
    return gain - schedule_cost(kind, step, a, roll, clock), mean


score = twin(_score, evidence, schedule_cost)


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
    return anchor, a, b


moved = twin(_moved)


def _climb(at, start, stop, opened, cal, lg, clock, log_window, kind, step, anchor, a, b, roll):
    """Climb to the best schedule near by; return its evidence and coordinates."""
    best, mean = score(
        at, start, stop, opened, cal, lg, clock, log_window, kind, step, anchor, a, b, roll
    )
    for _ in range(_ROUNDS):
        found = False
        shift = int(math.floor(mean + 0.5)) if kind in (DAYS, MONTHS) else 0
        for move in range(8):
            to_anchor, to_a, to_b, to_roll = anchor, a, b, roll
            if move == 0:
                if shift in (-1, 0, 1) or abs(shift) > 15:
                    continue
                to_anchor, to_a, to_b = moved(kind, anchor, a, b, 0, shift)
            elif move < 5:
                if (move > 2 and kind != PAIR) or kind in (NTH, WORKDAYS):
                    continue
                by = 1 if move % 2 else -1
                to_anchor, to_a, to_b = moved(kind, anchor, a, b, (move - 1) // 2, by)
            else:
                to_roll = (roll + move - 4) % 4
                if kind in (WORKDAYS, MONTH_WORKDAY) or (clock and to_roll == NONE):
                    continue
            gain, at_mean = score(
                at, start, stop, opened, cal, lg, clock, log_window,
                kind, step, to_anchor, to_a, to_b, to_roll,
            )  # fmt: skip
            if gain > best + _TINY:
                best, mean, found = gain, at_mean, True
                anchor, a, b, roll = to_anchor, to_a, to_b, to_roll
        if not found:
            break
    return best, anchor, a, b, roll


climb = twin(_climb, score, moved)


def _sample(start, stop, i, n_samples):
    """Slot of the ``i``-th of ``n_samples`` payments spread over a unit."""
    return start + (stop - 1 - start) * i // (n_samples - 1)


sample = twin(_sample)


def _start_of(day, member, start, stop, cal, kind, i, last):
    """Read the ``i``-th start of a family off the payments: (anchor, a, b); a = 0: none."""
    slot = sample(start, stop, i, last + 1)
    here = day[member[slot]]
    month = month_of(cal, here)
    first = month_start(cal, month)
    if kind == DAYS:
        return here, 1, 0
    to_end = month_start(cal, month + 1) - 1 - here
    if kind == MONTHS:
        return month, (-1 - to_end if i % 2 and to_end < 5 else here - first + 1), 0
    if kind == NTH:
        nth = -1 if to_end < _WEEK and i % 2 else (here - first) // _WEEK + 1
        return month, (-1 if nth > 4 else nth), (here + 3) % _WEEK
    if kind == MONTH_WORKDAY:
        nth = n_working_before(cal, here) - n_working_before(cal, first) + 1
        if nth > 10:
            nth = n_working_before(cal, here) - n_working_before(cal, month_start(cal, month + 1))
        return month, nth, 0
    # a pair: this payment's day and the next one's, about half a month apart
    for j in range(slot + 1, min(stop, slot + 4)):
        after = day[member[j]]
        if 8 <= after - here <= 22:
            then = after - month_start(cal, month_of(cal, after)) + 1
            now = here - first + 1
            if abs(then - now) > 5:
                return month, min(now, then), max(now, then)
    return month, 0, 0


start_of = twin(_start_of, sample, month_of, month_start, n_working_before)


def _family(
    day, member, at, start, stop, opened, cal, lg, clock, log_window, kind, step, floor, bound
):
    """Best schedule of one family and period; climbs only if a start is near ``floor``."""
    roll = clock * FOLLOWING + (1 - clock) * NONE
    best = IMPOSSIBLE
    nothing = stop - stop  # not a literal, for which helpers would be compiled once more
    best_anchor, best_a, best_b = nothing, nothing, nothing
    last = min(4, stop - start - 1)
    for i in range(last + 1):
        anchor, a, b = start_of(day, member, start, stop, cal, kind, i, last)
        if a == 0:
            continue
        gain, _ = score(
            at, start, stop, opened, cal, lg, clock, log_window, kind, step, anchor, a, b, roll
        )
        if gain > best + _TINY:
            best, best_anchor, best_a, best_b = gain, anchor, a, b
        if kind == WORKDAYS or best >= bound - _TINY:
            break
    n = stop - start
    if best >= bound - _TINY or best < max(floor - 1.2 * n - 8.0, -0.5 * n - 8.0):
        return best, best_anchor, best_a, best_b, roll
    return climb(
        at, start, stop, opened, cal, lg, clock, log_window,
        kind, step, best_anchor, best_a, best_b, roll,
    )  # fmt: skip


family = twin(_family, start_of, score, climb)


def _months_of(option):
    """Return the ``option``-th of 1, 2, 3, 6 and 12 months."""
    return option + 1 if option < 3 else 6 * (option - 2)


months_of = twin(_months_of)


def _option_of(option, n, span, gap, peaks, row):
    """Kind, step and period (days) of the ``option``-th family; step 0: not worth trying."""
    most = 2.0 * n + 1.5 if n < 6 else 4.0 * n
    if option < 15:
        kind = MONTHS if option < 5 else (NTH if option < 10 else MONTH_WORKDAY)
        step = months_of(option % 5)
        n_due = span / (_MONTH * step) + 1.0
        fits = n_due < most and n_due > 1.8 and n_due * 4 > n
        return kind, (step if fits and (kind == MONTHS or n > 2) else 0), _MONTH * step
    n_due = 2.0 * span / _MONTH + 1.0
    if option == 15:
        return PAIR, (1 if n > 3 and n_due < most and n_due * 4 > n else 0), 0.5 * _MONTH
    if option == 16:
        return WORKDAYS, (1 if n > 4 and span * 5.0 / 7.0 < most else 0), 1.0
    if option == 17:
        period = gap
    elif option == 18:
        period = _WEEK * math.floor(gap / _WEEK + 0.5)
    elif option < 22:
        period = peaks[row, option - 19]
    else:
        period = span / (n - 1.0)
    if period < 1.0 or n < 3:
        return DAYS, 0, 1.0
    if option != 18:
        period = span / max(1.0, math.floor(span / period + 0.5))
    step = int(math.floor(period + 0.5))
    if step < 1 or step > 400 or span / step + 1.0 > most:
        return DAYS, 0, 1.0
    return DAYS, step, 1.0 * step


option_of = twin(_option_of, months_of)
N_OPTIONS = 23


def _clock_of(day, member, start, stop, cal):
    """1: the payments fall on working days (but for one in twenty); 0: on any day."""
    closed = 0
    for i in range(start, stop):
        here = day[member[i]]
        closed += 1 - (n_working_before(cal, here + 1) - n_working_before(cal, here))
    return 1 if closed * _CLOSED_SHARE <= stop - start else 0


clock_of = twin(_clock_of, n_working_before)


def _search(day, amount, member, start, stop, cal, lg, gap, peaks, at, fit_int, fit_float, row):
    """Write the best schedule of one unit."""
    n = stop - start
    fit_float[row, 0] = IMPOSSIBLE
    fit_float[row, 1] = 0.0
    fit_int[row, 1] = 0
    if n < 2:
        return
    opened = day[member[start]]
    span = day[member[stop - 1]] - opened
    if span < 3 or (n == 2 and abs(span - 365) > 12):
        return
    clock = clock_of(day, member, start, stop, cal)
    for i in range(start, stop):
        at[i] = position(cal, clock, day[member[i]])
    ticks = at[stop - 1] - at[start]
    log_window = math.log(1.0 + ticks * n / (n - 1.0))
    best = IMPOSSIBLE
    nothing = n - n  # not a literal, for which every helper would be compiled once more
    kind, step, anchor, a, b, roll = nothing, nothing, nothing, nothing, nothing, nothing
    tried = nothing
    most = scatter_length(lg, n, log_window)
    for turn in range(2):
        for option in range(N_OPTIONS):
            to_kind, to_step, period = option_of(option, n, span, gap[row], peaks, row)
            if to_step == 0 or (n == 2 and to_step != 12):
                continue
            is_near = abs(period - gap[row]) < _NEAR * gap[row]
            if is_near != (turn == 0):
                continue
            if to_kind == DAYS and to_step == tried:
                continue
            n_most = min(n, 2 + int(span / period))
            bound = most - scatter_length(lg, n - n_most, log_window)
            bound -= code_length(lg, n_most, nothing, n_most, nothing, nothing)
            bound -= schedule_cost(to_kind, to_step, n, nothing, clock)
            if bound <= best:
                continue
            if to_kind == DAYS:
                tried = to_step
            gain, to_anchor, to_a, to_b, to_roll = family(
                day, member, at, start, stop, opened, cal, lg, clock, log_window,
                to_kind, to_step, best, bound,
            )  # fmt: skip
            if gain > best + _TINY:
                best = gain
                kind, step, anchor = to_kind, to_step, to_anchor
                a, b, roll = to_a, to_b, to_roll
    if step == 0 or best <= IMPOSSIBLE:
        return
    hits, misses, zeros, total, late, _, first, last = answers(
        at, start, stop, opened, cal, clock, kind, step, anchor, a, b, roll
    )
    if kind == PAIR:
        which = pair_is_two(day, amount, member, start, stop, cal, lg, a, b, hits, misses)
        if which > 0:
            kind, a, b = kind - PAIR + MONTHS, (a if which == 1 else b), b - b
            best, anchor, a, b, roll = climb(
                at, start, stop, opened, cal, lg, clock, log_window,
                kind, step, anchor, a, b, roll,
            )  # fmt: skip
            hits, misses, zeros, total, late, _, first, last = answers(
                at, start, stop, opened, cal, clock, kind, step, anchor, a, b, roll
            )
    values = (
        kind, step, anchor, a, b, roll, clock, hits, misses, zeros, total, late,
        first - start, last - start,
    )  # fmt: skip
    for i in range(N_FIT_INT):
        fit_int[row, i] = values[i]
    fit_float[row, 0] = best
    fit_float[row, 1] = code_length(lg, hits, misses, zeros, total, late) + schedule_cost(
        kind, step, a, roll, clock
    )


search = twin(
    _search,
    clock_of,
    position,
    option_of,
    family,
    answers,
    code_length,
    schedule_cost,
    pair_is_two,
    climb,
    scatter_length,
)
_search_cpu, _search_gpu = search.cpu, search.gpu


@njit(parallel=True, cache=True)
def search_cpu(
    day, amount, member, unit_start, unit_size, cal, lg, gap, peaks, at, fit_int, fit_float
):
    """Loop over units on the host, on all its threads."""
    n_rows = unit_start.shape[0]
    for row in prange(n_rows - n_rows, n_rows):
        start = unit_start[row]
        _search_cpu(
            day, amount, member, start, start + unit_size[row], cal, lg, gap, peaks, at,
            fit_int, fit_float, row,
        )  # fmt: skip


@cuda.jit
def search_gpu(
    day, amount, member, unit_start, unit_size, cal, lg, gap, peaks, at, fit_int, fit_float
):
    """One thread per unit; launch with ``.forall(n_units)``."""
    row = cuda.grid(1)
    if row < unit_start.shape[0]:
        start = unit_start[row]
        _search_gpu(
            day, amount, member, start, start + unit_size[row], cal, lg, gap, peaks, at,
            fit_int, fit_float, row,
        )  # fmt: skip
