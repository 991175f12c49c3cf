"""Due dates of a schedule in calendar coordinates.

A schedule is six integers: ``kind, step, anchor, a, b, roll``. Its ``k``-th due date is

- DAYS: every ``step`` days from day ``anchor``;
- MONTHS: day ``a`` (1..31, cut to the month's end; -1 last, -2 last but one ...) of every
  ``step``-th month from month ``anchor`` (months since 1970-01);
- PAIR: days ``a`` and ``b`` of every month;
- NTH: the ``a``-th (-1: last) weekday ``b`` (0 Monday) of every ``step``-th month;
- WORKDAYS: every working day;
- MONTH_WORKDAY: the ``a``-th working day (negative: from the end) of every ``step``-th month.

``cal`` is one int32 array: a header of eight entries (first day, days, first month, months, then
where four tables begin), the month of each day, the number of working days before each day, the
first day of each month, the working days. Offsets are counted on a clock: working days
(``clock`` 1) or calendar days (0).
"""

from __future__ import annotations

from qfb_kernels.twin import twin

DAYS, MONTHS, PAIR, NTH, WORKDAYS, MONTH_WORKDAY = range(6)
NONE, PRECEDING, FOLLOWING, MODIFIED = range(4)
_WEEK = 7
_MONDAY_SHIFT = 3  # 1970-01-01 was a Thursday


def _month_of(cal, day):
    """Month (since 1970-01) of a day."""
    return cal[cal[4] + day - cal[0]]


def _month_start(cal, month):
    """First day of a month."""
    return cal[cal[6] + month - cal[2]]


def _n_working_before(cal, day):
    """Working days of the table before ``day``."""
    return cal[cal[5] + day - cal[0]]


def _working_day(cal, index):
    """Return the working day that has ``index`` working days before it."""
    return cal[cal[7] + index]


month_of = twin(_month_of)
month_start = twin(_month_start)
n_working_before = twin(_n_working_before)
working_day = twin(_working_day)


def _month_day(cal, month, a):
    """Day ``a`` of a month, cut to its length; negative counts from its end."""
    first = month_start(cal, month)
    length = month_start(cal, month + 1) - first
    if a < 0:
        return first + length + a
    return first + min(a, length) - 1


month_day = twin(_month_day, month_start)


def _nth_weekday(cal, month, nth, weekday):
    """Return the ``nth`` (-1: last) ``weekday`` of a month."""
    if nth > 0:
        first = month_start(cal, month)
        return first + (weekday - first - _MONDAY_SHIFT) % _WEEK + _WEEK * (nth - 1)
    last = month_start(cal, month + 1) - 1
    return last - (last + _MONDAY_SHIFT - weekday) % _WEEK


nth_weekday = twin(_nth_weekday, month_start)


def _nominal(cal, kind, step, anchor, a, b, k):
    """Return the ``k``-th due date before it is rolled."""
    if kind == DAYS:
        return anchor + k * step
    if kind == MONTHS:
        return month_day(cal, anchor + k * step, a)
    if kind == PAIR:
        return month_day(cal, anchor + k // 2, b if k % 2 else a)
    if kind == NTH:
        return nth_weekday(cal, anchor + k * step, a, b)
    if kind == WORKDAYS:
        return working_day(cal, k)
    month = anchor + k * step
    if a > 0:
        return working_day(cal, n_working_before(cal, month_start(cal, month)) + a - 1)
    return working_day(cal, n_working_before(cal, month_start(cal, month + 1)) + a)


nominal = twin(_nominal, month_day, nth_weekday, working_day, n_working_before, month_start)


def _rolled(cal, roll, day):
    """Return where a due date goes when it falls on a closed day."""
    index = n_working_before(cal, day)
    after = working_day(cal, index)
    if roll == NONE or after == day:
        return day
    if roll == PRECEDING:
        return working_day(cal, index - 1)
    if roll == MODIFIED and month_of(cal, after) != month_of(cal, day):
        return working_day(cal, index - 1)
    return after


rolled = twin(_rolled, n_working_before, working_day, month_of)


def _due_day(cal, kind, step, anchor, a, b, roll, k):
    """Return the ``k``-th due date, rolled."""
    return rolled(cal, roll, nominal(cal, kind, step, anchor, a, b, k))


due_day = twin(_due_day, rolled, nominal)


def _position(cal, clock, day):
    """Position of a day on the clock."""
    if clock:
        return n_working_before(cal, day)
    return day


position = twin(_position, n_working_before)


def _due_position(cal, clock, kind, step, anchor, a, b, roll, k):
    """Position of the ``k``-th due date on the clock, rolled: one or two reads where it can be."""
    day = nominal(cal, kind, step, anchor, a, b, k)
    if clock == 0:
        return rolled(cal, roll, day) if roll != NONE else day
    index = n_working_before(cal, day)
    if roll in (NONE, FOLLOWING) or n_working_before(cal, day + 1) > index:
        return index
    if roll == MODIFIED and month_of(cal, working_day(cal, index)) == month_of(cal, day):
        return index
    return index - 1


due_position = twin(_due_position, nominal, rolled, n_working_before, working_day, month_of)


def _due_index(cal, kind, step, anchor, day):
    """Return a ``k`` whose due date is near ``day``; never more than two dues after it."""
    if kind == DAYS:
        return (day - anchor) // step
    if kind == WORKDAYS:
        return n_working_before(cal, day)
    if kind == PAIR:
        return 2 * (month_of(cal, day) - anchor)
    return (month_of(cal, day) - anchor) // step


due_index = twin(_due_index, month_of, n_working_before)
