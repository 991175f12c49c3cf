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

from numba import cuda

from qfb_kernels.cadence import (
    TINY,
    climb,
    costs_of,
    family,
    forget,
    known_score,
    marks,
    schedule_cost,
)  # fmt: skip
from qfb_kernels.dues import (
    DAYS,
    MONTH_WORKDAY,
    MONTHS,
    NTH,
    PAIR,
    WORKDAYS,
    n_working_before,
    position,
)
from qfb_kernels.evidence import (
    IMPOSSIBLE,
    answers,
    code_length,
    log_beta_ratio,
    mark_payments,
    scatter_length,
)
from qfb_kernels.pairs import pair_is_two
from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

N_FIT_INT = 14
_MONTH = 30.436875
_WEEK = 7
_CLOSED_SHARE = 20  # one payment in 20 on a closed day still makes a working-day payer
_NEAR = 0.12  # of the median gap: periods to try first
_FEW = 12
_NTH_WINS, _WORKDAY_WINS = 0.85, 0.95  # of the perfect fit's evidence


def _months_of(option):
    """Return the ``option``-th of 1, 2, 3, 6 and 12 months."""
    return option + 1 if option < 3 else 6 * (option - 2)


months_of = twin(_months_of, inline=True)


def _option_of(option, n, span, gap, peaks, row):
    """Kind, step and period (days) of the ``option``-th family; step 0: not worth trying."""
    most = 2.0 * n + 1.5 if n < 6 else 4.0 * n
    if option < 15:
        kind = MONTHS if option % 3 == 0 else (NTH if option % 3 == 1 else MONTH_WORKDAY)
        step = months_of(option // 3)
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


option_of = twin(_option_of, months_of, inline=True)
N_OPTIONS = 23


def _clock_of(day, member, start, stop, cal):
    """1: the payments fall on working days (but for one in twenty); 0: on any day."""
    closed = 0
    for i in range(start, stop):
        here = day[member[i]]
        closed += 1 - (n_working_before(cal, here + 1) - n_working_before(cal, here))
    return 1 if closed * _CLOSED_SHARE <= stop - start else 0


clock_of = twin(_clock_of, n_working_before)


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


def _best_of_all(day, member, mark, unit, span, gap, peaks, row):
    """Evidence and coordinates of the best schedule; step 0: none beats chance."""
    _, _, _, start, stop, _, _, lg, clock, log_window, _ = unit
    n = stop - start
    best = 0.0
    nothing = n - n  # not a literal, for which every helper would be compiled once more
    kind, step, anchor, a, b, roll = nothing, nothing, nothing, nothing, nothing, nothing
    tried, tried_before = nothing, nothing
    months, perfect = IMPOSSIBLE, 0.0
    far = nothing  # a bit for each option left to the second turn
    for turn in range(2):
        for option in range(N_OPTIONS):
            if turn == 1 and (far >> option) & 1 == 0:
                continue
            to_kind, to_step, period = option_of(option, n, span, gap[row], peaks, row)
            if to_step == 0 or (n == 2 and to_step != 12):
                continue
            if turn == 0 and not abs(period - gap[row]) < _NEAR * gap[row]:
                far |= 1 << option
                continue
            if to_kind == DAYS and to_step in (tried, tried_before):
                continue
            if to_kind in (NTH, MONTH_WORKDAY) and is_hopeless(to_kind, n, months, perfect):
                continue
            costs = costs_of(to_kind, to_step, clock)
            bound = bound_of(lg, log_window, n, span, period, costs[0])
            if to_kind == MONTHS:
                months, perfect = IMPOSSIBLE, bound
            if bound <= best:
                continue
            if to_kind == DAYS:
                tried_before, tried = tried, to_step
            gain, to_anchor, to_a, to_b, to_roll = family(
                day, member, mark, unit, costs, to_kind, to_step, best, bound
            )
            if to_kind == MONTHS:
                months = gain
            if gain > best + TINY:
                best = gain
                kind, step, anchor = to_kind, to_step, to_anchor
                a, b, roll = to_a, to_b, to_roll
    return best, kind, step, anchor, a, b, roll


best_of_all = twin(_best_of_all, option_of, is_hopeless, costs_of, bound_of, family, inline=True)


def _slot_of(at, start, tick):
    """Return the first payment that is not before a tick."""
    slot = start
    while at[slot] < tick:
        slot += 1
    return slot


slot_of = twin(_slot_of)


def _search(
    day, amount, member, start, stop, cal, lg, gap, peaks, at, mark, near, known, lane,
    fit_int, fit_float, row,
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
    clock = clock_of(day, member, start, stop, cal)
    for i in range(start, stop):
        at[i] = position(cal, clock, day[member[i]])
        mark[i] = marks(cal, day[member[i]])
    mark_payments(at, start, stop, near, lane)
    log_window = math.log(1.0 + (at[stop - 1] - at[start]) * n / (n - 1.0))
    unit = (at, near, lane, start, stop, opened, cal, lg, clock, log_window, known)
    best, kind, step, anchor, a, b, roll = best_of_all(
        day, member, mark, unit, span, gap, peaks, row
    )
    if step == 0:
        return
    hits, misses, zeros, total, late, _, first, last = answers(unit, kind, step, anchor, a, b, roll)
    if kind == PAIR:
        which = pair_is_two(day, amount, member, start, stop, cal, lg, a, b, hits, misses)
        if which > 0:
            kind, a, b = kind - PAIR + MONTHS, (a if which == 1 else b), b - b
            costs = costs_of(kind, step, clock)
            forget(known, lane)
            best, mean = known_score(unit, costs, kind, step, anchor, a, b, roll)
            best, anchor, a, b, roll = climb(
                unit, costs, kind, step, anchor, a, b, roll, best, mean
            )
            hits, misses, zeros, total, late, _, first, last = answers(
                unit, kind, step, anchor, a, b, roll
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
    marks,
    mark_payments,
    best_of_all,
    answers,
    slot_of,
    pair_is_two,
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
    day, amount, member, unit_start, unit_size, cal, lg, gap, peaks, at, mark, near, known,
    fit_int, fit_float,
):  # fmt: skip
    """Loop over lanes of units on the host, on all its threads.

    A lane has a row of ``near`` and of ``known`` for its units, one after another.
    """
    n_lanes, n_rows = near.shape[0], unit_start.shape[0]
    for lane in range(row_from, row_to):
        for row in range(lane * n_rows // n_lanes, (lane + 1) * n_rows // n_lanes):
            start = unit_start[row]
            _search_cpu(
                day, amount, member, start, start + unit_size[row], cal, lg, gap, peaks, at, mark,
                near, known, lane, fit_int, fit_float, row,
            )  # fmt: skip


@cuda.jit
def search_gpu(
    day, amount, member, unit_start, unit_size, cal, lg, gap, peaks, at, mark, near, known,
    fit_int, fit_float,
):  # fmt: skip
    """One thread per lane of units, a row of ``near``; launch with ``.forall(n_lanes)``."""
    lane = cuda.grid(1)
    n_lanes = near.shape[0]
    if lane < n_lanes:
        for row in range(lane, unit_start.shape[0], n_lanes):
            start = unit_start[row]
            _search_gpu(
                day, amount, member, start, start + unit_size[row], cal, lg, gap, peaks, at, mark,
                near, known, lane, fit_int, fit_float, row,
            )  # fmt: skip
