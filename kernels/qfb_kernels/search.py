"""The schedule that explains a unit's payments best, of all families and periods.

Families are tried in two turns, those near the median gap first; a family whose bound (the
evidence of a perfect fit) does not beat the best so far is left out, so that clear units are
settled by one fit.

Rows of ``fit_int``: kind, step, anchor, a, b, roll, clock, hits, misses, zeros, total, late,
and the places in the unit of the first and the last hit of its life.
Rows of ``fit_float``: evidence (nats), code length of the hits with the schedule's cost.
"""

from __future__ import annotations

import math

from numba import cuda, uint64

from qfb_kernels.cadence import (
    TINY,
    climb,
    costs_of,
    family,
    forget,
    known_score,
    schedule_cost,
)  # fmt: skip
from qfb_kernels.due_places import inverse_of, phase_of
from qfb_kernels.dues import (
    BYDAY,
    DAYS,
    MONDAY_SHIFT,
    MONTH_WORKDAY,
    MONTHS,
    NTH,
    PAIR,
    WORKDAYS,
    mark_of,
    month_of,
    n_working_before,
    position,
)
from qfb_kernels.evidence import (
    IMPOSSIBLE,
    answers,
    code_length,
    log_beta_ratio,
    scatter_length,
)
from qfb_kernels.matching import mark_payments
from qfb_kernels.pairs import by_itself, pair_is_two
from qfb_kernels.pauses import most_dues
from qfb_kernels.phases import DAY_BIT, MOST_DAYS
from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

FIRST_SLOT, N_FIT_INT = 12, 14
_MONTH = 30.436875
_WEEK = 7
_CLOSED_SHARE = 20  # one payment in 20 on a closed day still makes a working-day payer
_NEAR = 0.12  # of the median gap: periods to try first
_FEW = 12
_BY_DAYS, _SET, N_OPTIONS = 17, 23, 24  # the first option by days, that of weekdays, how many
_SET_PAYMENTS = 8  # least payments of a set of weekdays
_STEP_BITS, _STEP = 9, 511
_NTH_WINS, _WORKDAY_WINS = 0.85, 0.95  # of the perfect fit's evidence


def _months_of(option):
    """Return the ``option``-th of 1, 2, 3, 6 and 12 months."""
    return option + 1 if option < 3 else 6 * (option - 2)


months_of = twin(_months_of, inline=True)


def _step_of(i, n, span, gap, peaks, row):
    """Days of the ``i``-th schedule by days: the median gap, in weeks, by the peaks, the mean."""
    if i == 1:
        period = _WEEK * math.floor(gap / _WEEK + 0.5)
    else:
        period = gap if i == 0 else (peaks[row, i - 2] if i < 5 else span / (n - 1.0))
    if period < 1.0:
        return n - n
    if i != 1:
        period = span / max(1.0, math.floor(span / period + 0.5))
    return int(math.floor(period + 0.5))


step_of = twin(_step_of, inline=True)


def _options_of(n, span, gap, peaks, row):
    """Bits of the options near the median gap and of the others, and the steps of those by days.

    Options: for 1, 2, 3, 6, 12 months by day, by weekday, by working day; pairs; working days;
    by days, of each step once, nine bits a step; a set of weekdays. The last is tried last.
    """
    nothing = n - n  # not a literal, for which every helper would be compiled once more
    most = most_dues(n)
    close, far, steps = nothing, nothing, nothing
    for option in range(N_OPTIONS):
        bits = nothing
        if option < _BY_DAYS - 2:
            if option % 3 == 0:
                period = _MONTH * months_of(option // 3)
                n_due = span / period + 1.0
                if n_due < most and n_due > 1.8 and n_due * 4 > n:
                    bits = 7 if n > 2 else (1 if option == 12 else nothing)
        elif option == _BY_DAYS - 2:
            period = 0.5 * _MONTH
            n_due = 2.0 * span / _MONTH + 1.0
            bits = 1 if n > 3 and n_due < most and n_due * 4 > n else nothing
        elif option == _BY_DAYS - 1:
            period = 1.0
            bits = 1 if n > 4 and span * 5.0 / 7.0 < most else nothing
        elif option == _SET:  # more than half of at least two due dates a week are answered
            period = 1.0
            bits = 1 if n >= _SET_PAYMENTS and span < _WEEK * n else nothing
        elif n > 2:
            step = step_of(option - _BY_DAYS, n, span, gap, peaks, row)
            period = 1.0 * step
            fits = 0 < step <= MOST_DAYS and span / step + 1.0 <= most
            for i in range(option - _BY_DAYS):
                fits &= (steps >> (_STEP_BITS * i)) & _STEP != step
            if fits:
                steps |= step << (_STEP_BITS * (option - _BY_DAYS))
                bits = nothing + 1
        if bits and abs(period - gap) < _NEAR * gap:
            close |= bits << option
        else:
            far |= bits << option
    return close, far, steps


options_of = twin(_options_of, most_dues, months_of, step_of, inline=True)


def _option_of(option, steps):
    """Kind, step and period (days) of the ``option``-th family."""
    if option < _BY_DAYS - 2:
        kind = MONTHS if option % 3 == 0 else (NTH if option % 3 == 1 else MONTH_WORKDAY)
        step = months_of(option // 3)
        return kind, step, _MONTH * step
    if option == _BY_DAYS - 2:
        return PAIR, 1, 0.5 * _MONTH
    if option == _BY_DAYS - 1:
        return WORKDAYS, 1, 1.0
    if option == _SET:
        return BYDAY, _WEEK, 1.0
    step = (steps >> (_STEP_BITS * (option - _BY_DAYS))) & _STEP
    return DAYS, step, 1.0 * step


option_of = twin(_option_of, months_of, inline=True)


def _clock_of(mark, start, stop):
    """1: the payments fall on working days (but for one in twenty); 0: on any day."""
    closed = stop - start
    for i in range(start, stop):
        closed -= (mark[uint64(i)] >> 23) & 1
    return 1 if closed * _CLOSED_SHARE <= stop - start else 0


clock_of = twin(_clock_of)


def _bound_of(lg, log_window, n, span, period, cost):
    """Evidence that no schedule of a family and period exceeds: every due date met on the day."""
    nothing = n - n  # not a literal, for which every helper would be compiled once more
    n_most = min(n, 2 + int(span / period))
    most = scatter_length(lg, n, log_window) - scatter_length(lg, n - n_most, log_window)
    most += log_beta_ratio(lg, 24, 2, n_most, nothing) + log_beta_ratio(lg, 2, 1, n_most, nothing)
    return most - cost


bound_of = twin(_bound_of, scatter_length, log_beta_ratio, inline=True)


def _is_hopeless(kind, n, months, perfect):
    """Whether weekdays or working days of a month need not be tried after days of a month.

    Days of the month that fit hardly worse than chance lead on to the others, and those that
    fit next to perfectly leave them nothing. On generated portfolios this lost one in a
    hundred of the streams that pay on a weekday of a month with up to five payments, else none.
    """
    if months < (-1.0 if n < _FEW else -0.5) * n:
        return True
    return months > (_NTH_WINS if kind == NTH else _WORKDAY_WINS) * perfect


is_hopeless = twin(_is_hopeless, inline=True)


def _best_of_all(mark, cal, unit, span, gap, peaks, row):
    """Evidence and coordinates of the best schedule; step 0: none beats chance."""
    _, _, _, lg, _, _, _, start, stop, _, _, _, clock, log_window = unit
    n = stop - start
    best = 0.0
    nothing = n - n  # not a literal, for which every helper would be compiled once more
    kind, step, anchor, a, b, roll = nothing, nothing, nothing, nothing, nothing, nothing
    months, perfect = IMPOSSIBLE, 0.0
    close, far, steps = options_of(n, span, gap[row], peaks, row)
    for turn in range(2):
        bits = far if turn else close
        for option in range(N_OPTIONS):
            if (bits >> option) & 1 == 0:
                continue
            to_kind, to_step, period = option_of(option, steps)
            if to_kind in (NTH, MONTH_WORKDAY) and is_hopeless(to_kind, n, months, perfect):
                continue
            costs = costs_of(to_kind, to_step, clock)
            bound = bound_of(lg, log_window, n, span, period, costs[0])
            if to_kind == MONTHS:
                months, perfect = IMPOSSIBLE, bound
            if bound <= best:
                continue
            gain, to_anchor, to_a, to_b, to_roll = family(
                mark, cal, unit, costs, to_kind, to_step, best, bound
            )
            if to_kind == MONTHS:
                months = gain
            if gain > best + TINY:
                best = gain
                kind, step, anchor = to_kind, to_step, to_anchor
                a, b, roll = to_a, to_b, to_roll
    return best, kind, step, anchor, a, b, roll


best_of_all = twin(
    _best_of_all, options_of, option_of, is_hopeless, costs_of, bound_of, family, inline=True
)


def _one_of_several(day, amount, member, cal, unit, kind, step, anchor, a, b, hits, misses):
    """Whether days of a month or weekdays are contracts of their own; the schedule, of one then."""
    _, _, _, lg, _, _, _, start, stop, opened, _, _, _, _ = unit
    if kind == PAIR:
        which = pair_is_two(day, amount, member, start, stop, cal, lg, a, b, hits, misses)
        if which > 0:
            return True, kind - PAIR + MONTHS, step, anchor, (a if which == 1 else b), b - b
    elif kind == BYDAY:
        weekday = by_itself(day, amount, member, start, stop, lg, a, b, hits, misses)
        if weekday >= 0:
            first = opened + (weekday - opened - MONDAY_SHIFT) % _WEEK
            return True, kind - BYDAY + DAYS, step, first, b - b + 1, b - b
    return False, kind, step, anchor, a, b


one_of_several = twin(_one_of_several, pair_is_two, by_itself)


def _slot_of(at, start, tick):
    """Return the first payment that is not before a tick."""
    slot = start
    while at[slot] < tick:
        slot += 1
    return slot


slot_of = twin(_slot_of)


def _search(
    day, amount, member, start, stop, cal, due_at, lg, gap, peaks, at, mark, near, known, work,
    lane, fit_int, fit_float, row,
):  # fmt: skip
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
    for i in range(start, stop):
        mark[uint64(i)] = mark_of(cal, day[uint64(member[uint64(i)])])
    clock = clock_of(mark, start, stop)
    for i in range(start, stop):
        at[uint64(i)] = position(cal, clock, mark[uint64(i)] >> DAY_BIT)
    mark_payments(at, start, stop, near, lane)
    log_window = math.log(1.0 + (at[stop - 1] - at[start]) * n / (n - 1.0))
    month, worked = month_of(cal, opened), n_working_before(cal, opened)
    unit = (
        at, near, due_at, lg, known, work, lane, start, stop, opened, month, worked, clock,
        log_window,
    )  # fmt: skip
    best, kind, step, anchor, a, b, roll = best_of_all(mark, cal, unit, span, gap, peaks, row)
    if step == 0:
        return
    phase = phase_of(kind, step, inverse_of(step), anchor, opened, month)
    hits, misses, zeros, total, late, _, first, last = answers(unit, kind, step, phase, a, b, roll)
    is_several, kind, step, anchor, a, b = one_of_several(
        day, amount, member, cal, unit, kind, step, anchor, a, b, hits, misses
    )
    if is_several:
        costs = costs_of(kind, step, clock)
        forget(known, lane)
        best, mean = known_score(unit, costs, kind, step, anchor, a, b, roll)
        best, anchor, a, b, roll = climb(unit, costs, kind, step, anchor, a, b, roll, best, mean)
        phase = phase_of(kind, step, inverse_of(step), anchor, opened, month)
        hits, misses, zeros, total, late, _, first, last = answers(
            unit, kind, step, phase, a, b, roll
        )
    values = (
        kind, step, anchor, a, b, roll, clock, hits, misses, zeros, total, late,
        slot_of(at, start, first) - start, slot_of(at, start, last) - start,
    )  # fmt: skip
    for i in range(N_FIT_INT):
        fit_int[row, i] = values[i]
    cost = schedule_cost(costs_of(kind, step, clock), kind, a, roll)
    fit_float[row, 0] = best
    fit_float[row, 1] = code_length(lg, hits, misses, zeros, total, late) + cost


search = twin(
    _search,
    clock_of,
    position,
    mark_of,
    month_of,
    n_working_before,
    mark_payments,
    best_of_all,
    inverse_of,
    phase_of,
    answers,
    slot_of,
    one_of_several,
    costs_of,
    forget,
    known_score,
    climb,
    schedule_cost,
    code_length,
)
_search_cpu, _search_gpu = search.cpu, search.gpu


@rows_of("near")
def search_cpu(
    row_from, row_to,
    day, amount, member, unit_start, unit_size, cal, due_at, lg, gap, peaks, at, mark, near,
    known, work, fit_int, fit_float,
):  # fmt: skip
    """Loop over lanes of units on the host, on all its threads.

    A lane has a row of ``near`` and of ``known`` for its units, one after another.
    """
    n_lanes, n_rows = near.shape[0], unit_start.shape[0]
    for lane in range(row_from, row_to):
        for row in range(lane * n_rows // n_lanes, (lane + 1) * n_rows // n_lanes):
            start = unit_start[row]
            _search_cpu(
                day, amount, member, start, start + unit_size[row], cal, due_at, lg, gap, peaks, at,
                mark, near, known, work, lane, fit_int, fit_float, row,
            )  # fmt: skip


@cuda.jit
def search_gpu(
    day, amount, member, unit_start, unit_size, cal, due_at, lg, gap, peaks, at, mark, near,
    known, work, fit_int, fit_float,
):  # fmt: skip
    """One thread per lane of units, a row of ``near``; launch with ``.forall(n_lanes)``."""
    lane = cuda.grid(1)
    n_lanes = near.shape[0]
    if lane < n_lanes:
        for row in range(lane, unit_start.shape[0], n_lanes):
            start = unit_start[row]
            _search_gpu(
                day, amount, member, start, start + unit_size[row], cal, due_at, lg, gap, peaks, at,
                mark, near, known, work, lane, fit_int, fit_float, row,
            )  # fmt: skip
