"""Due dates of every schedule as positions on a clock, in one table: a due date is one read.

``due_at`` is one int32 array: a header (:data:`HEADER`), for each clock and roll the positions of
all days, rolled, for each clock and roll :data:`N_ROWS` rows of months, for each clock the
positions of the working days, and for each clock and roll those of the days of each set of weekdays
(:data:`SETS`). A row of months has the due date of each month by one day of the
month, weekday or working day (:func:`row_of`). Header: for each clock and roll (four a clock) the
place of day 0; the place of month 0 in the first row; months of a row; for each
clock the place of the first working day; the places of a clock and roll in the sets; for each set
(by its bits) the place of its first day since 1970-01-05, and how many days it has.

Due dates of a schedule are ``step`` places apart, those on weekdays one; those of a pair lie in two
rows in turn, so that every second distance is another one, and both together are ``both``.
"""

from __future__ import annotations

from numba import uint64

from qfb_kernels.dues import (
    BYDAY,
    DAYS,
    MONDAY,
    MONTH_WORKDAY,
    NTH,
    PAIR,
    WEEKEND_BIT,
    WORKDAYS,
    WORKING,
    set_of,
)
from qfb_kernels.twin import twin

MONTH_DAYS, END_DAYS, MOST_WORKDAYS, _WEEK = 31, 9, 31, 7
NTH_ROW = MONTH_DAYS + END_DAYS
WORKDAY_ROW = NTH_ROW + 5 * _WEEK
N_ROWS = WORKDAY_ROW + 2 * MOST_WORKDAYS
MONTHS_AT, N_MONTHS, WORKDAYS_AT, SETS_STEP, SETS_AT = 8, 9, 10, 12, 13
SIX_DAYS = WORKING | 1 << WEEKEND_BIT
SETS = (*(days for days in range(WORKING + 1) if days.bit_count() > 1), SIX_DAYS)
"""Weekdays a schedule may have, as bits from Monday: two to five of Monday to Friday, or six."""
SIZES_AT = SETS_AT + SIX_DAYS + 1
HEADER = SIZES_AT + SIX_DAYS + 1
_SHIFT = 40


def _row_of(kind, a, b):
    """Return the row of months of day ``a`` (1 to 31, -1 to -9), weekday or working day.

    A climb begins on a working day of at most 10, or of the month's end from there on, and moves
    it by one at most six times, so that it stays within 31 of either end.
    """
    if kind == NTH:
        return NTH_ROW + _WEEK * max(a, a - a) + b  # the last one stands first
    if kind == MONTH_WORKDAY:
        return WORKDAY_ROW + (a - 1 if a > 0 else MOST_WORKDAYS - 1 - a)
    return a - 1 if a > 0 else MONTH_DAYS - 1 - a


row_of = twin(_row_of, inline=True)


def _due_place(due_at, clock, kind, step, anchor, a, b, roll, k):
    """Place of the ``k``-th due date, places to the one after, and places to that after next."""
    table = 4 * clock + roll
    if kind == DAYS:
        return due_at[uint64(table)] + anchor + k * step, step, 2 * step
    if kind == WORKDAYS:
        return due_at[uint64(WORKDAYS_AT + clock)] + k, step, 2 * step
    if kind == BYDAY:
        place = due_at[uint64(SETS_AT + set_of(a, b))] + k
        return place + table * due_at[uint64(SETS_STEP)], k - k + 1, k - k + 2
    n_months = due_at[uint64(N_MONTHS)] + k - k
    row = table * N_ROWS + (a - 1 if kind == PAIR else row_of(kind, a, b))
    place = due_at[uint64(MONTHS_AT)] + row * n_months + anchor
    if kind == PAIR:
        apart = (b - a) * n_months
        odd = k & 1
        return place + (k >> 1) + odd * apart, (1 - apart if odd else apart), step
    return place + k * step, step, 2 * step


due_place = twin(_due_place, row_of, set_of, inline=True)


def _inverse_of(step):
    """Return a factor by which :func:`phase_of` divides by ``step``, at most 400."""
    return int((1 << _SHIFT) / (1.0 * step)) + 1


def _phase_of(kind, step, inverse, anchor, opened, month):
    """Return days (months) from ``opened`` (its ``month``) to the first due date not before it.

    A product and a shift, where a division takes a host as long as ten products: exact for what
    is below 2 ** 31 / ``step``. ``anchor`` may be up to 1024 periods before.
    """
    since = anchor - (opened if kind == DAYS else month) + (step << 10)
    return since - ((since * inverse) >> _SHIFT) * step


inverse_of = twin(_inverse_of, inline=True)
phase_of = twin(_phase_of, inline=True)


def _place_near(due_at, clock, kind, step, phase, a, b, roll, unit_day, k):
    """Return :func:`due_place` of the ``k``-th due date after the last one up to a day.

    ``phase`` is that of :func:`phase_of`; ``unit_day`` the day, its month, and the number of
    working days before it.
    """
    opened, month, worked = unit_day
    anchor = (opened if kind == DAYS else month) + phase - (step if phase > 0 else phase)
    k += worked if kind == WORKDAYS else worked - worked
    if kind == BYDAY:  # from the week's first one
        k += (opened - MONDAY) // _WEEK * due_at[uint64(SIZES_AT + set_of(a, b))]
    return due_place(due_at, clock, kind, step, anchor, a, b, roll, k)


place_near = twin(_place_near, due_place, set_of, inline=True)
