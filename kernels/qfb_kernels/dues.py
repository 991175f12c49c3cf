"""Due dates of a schedule in calendar coordinates.

A schedule is six integers: ``kind, step, anchor, a, b, roll``. Its ``k``-th due date is

- DAYS: every ``step`` days from day ``anchor``;
- MONTHS: day ``a`` (1..31, cut to the month's end; -1 last, -2 last but one ...) of every
  ``step``-th month from month ``anchor`` (months since 1970-01);
- PAIR: days ``a`` and ``b`` of every month;
- NTH: the ``a``-th (-1: last) weekday ``b`` (0 Monday) of every ``step``-th month;
- WORKDAYS: every working day;
- MONTH_WORKDAY: the ``a``-th working day (negative: from the end) of every ``step``-th month;
- BYDAY: several weekdays of every week (``step`` 7) from that of 1970-01-05: bits of ``a`` are
  Monday to Friday, those of ``b`` Saturday and Sunday.

``cal`` is one int64 array: a header of seventeen entries (first day, days, first month, months,
then where thirteen tables begin), the month of each day, the number of working days before each
day, the first day of each month, the working days, for each clock and roll where a due date on
each day goes, and the marks of each day (:func:`mark_of`). It is read by unsigned places, of which
none has to be asked whether it counts from the end.
Offsets are counted on a clock: working days (``clock`` 1) or calendar days (0).
"""

from __future__ import annotations

from numba import uint64

from qfb_kernels.twin import twin

DAYS, MONTHS, PAIR, NTH, WORKDAYS, MONTH_WORKDAY, BYDAY = range(7)
NONE, PRECEDING, FOLLOWING, MODIFIED = range(4)
_WEEK = 7
MONDAY_SHIFT = 3  # 1970-01-01 was a Thursday
MONDAY = _WEEK - MONDAY_SHIFT
WORKING, WEEKEND_BIT = 31, 5  # of a set of weekdays: bits of Monday to Friday; Saturday's
_ROLLED, _N_ROLLS = 8, 4  # the first of the tables of rolls in the header, and rolls of a clock
_MARKS = _ROLLED + 2 * _N_ROLLS


def _month_of(cal, day):
    """Month (since 1970-01) of a day."""
    return cal[uint64(cal[4] + day - cal[0])]


def _month_start(cal, month):
    """First day of a month."""
    return cal[uint64(cal[6] + month - cal[2])]


def _n_working_before(cal, day):
    """Working days of the table before ``day``."""
    return cal[uint64(cal[5] + day - cal[0])]


def _working_day(cal, index):
    """Return the working day that has ``index`` working days before it."""
    return cal[uint64(cal[7] + index)]


month_of = twin(_month_of, inline=True)
month_start = twin(_month_start, inline=True)
n_working_before = twin(_n_working_before, inline=True)
working_day = twin(_working_day, inline=True)


def _mark_of(cal, day):
    """Return a day and where it is in its month, packed.

    Bits 0-4: day of the month from 0; 5-9: days of the month; 10-12: weekday from Monday;
    13-17: working days of the month up to it, 18-22: from it to the month's end; 23: whether it
    is a working day; from 24: day.
    """
    return cal[uint64(cal[_MARKS] + day - cal[0])]


mark_of = twin(_mark_of, inline=True)


def _month_day(cal, month, a):
    """Day ``a`` of a month, cut to its length; negative counts from its end."""
    first = month_start(cal, month)
    length = month_start(cal, month + 1) - first
    if a < 0:
        return first + length + a
    return first + min(a, length) - 1


month_day = twin(_month_day, month_start, inline=True)


def _nth_weekday(cal, month, nth, weekday):
    """Return the ``nth`` (-1: last) ``weekday`` of a month."""
    if nth > 0:
        first = month_start(cal, month)
        return first + (weekday - first - MONDAY_SHIFT) % _WEEK + _WEEK * (nth - 1)
    last = month_start(cal, month + 1) - 1
    return last - (last + MONDAY_SHIFT - weekday) % _WEEK


nth_weekday = twin(_nth_weekday, month_start, inline=True)


def _set_of(a, b):
    """Return a set of weekdays as bits from Monday."""
    return a | b << WEEKEND_BIT


set_of = twin(_set_of, inline=True)


def _weekdays_before(a, b, weekday):
    """How many days of a set of weekdays are before a weekday, 7 for the whole week."""
    n = a - a
    for i in range(weekday):
        n += (set_of(a, b) >> i) & 1
    return n


weekdays_before = twin(_weekdays_before, set_of, inline=True)


def _byday(a, b, k):
    """Return the ``k``-th day of a set of weekdays since 1970-01-05."""
    size = weekdays_before(a, b, _WEEK)
    week = k // size
    left = k - week * size
    weekday = left - left
    while (set_of(a, b) >> weekday) & 1 == 0 or left > 0:
        left -= (set_of(a, b) >> weekday) & 1
        weekday += 1
    return MONDAY + _WEEK * week + weekday


byday = twin(_byday, set_of, weekdays_before)


def _index_byday(a, b, day):
    """Return how many days of a set of weekdays are from 1970-01-05 to before ``day``."""
    week = (day - MONDAY) // _WEEK
    size = weekdays_before(a, b, _WEEK)
    return week * size + weekdays_before(a, b, day - MONDAY - _WEEK * week)


index_byday = twin(_index_byday, weekdays_before)


def _nominal(cal, kind, step, anchor, a, b, k):
    """Return the ``k``-th due date before it is rolled."""
    if kind == DAYS:
        return anchor + k * step
    if kind == BYDAY:
        return byday(a, b, k)
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


nominal = twin(
    _nominal, byday, month_day, nth_weekday, working_day, n_working_before, month_start,
    inline=True,
)  # fmt: skip


def _rolled(cal, roll, day):
    """Return where a due date goes when it falls on a closed day."""
    return cal[uint64(cal[_ROLLED + roll] + day - cal[0])]


rolled = twin(_rolled, inline=True)


def _due_day(cal, kind, step, anchor, a, b, roll, k):
    """Return the ``k``-th due date, rolled."""
    return rolled(cal, roll, nominal(cal, kind, step, anchor, a, b, k))


due_day = twin(_due_day, rolled, nominal, inline=True)


def _position(cal, clock, day):
    """Position of a day on the clock."""
    if clock:
        return n_working_before(cal, day)
    return day


position = twin(_position, n_working_before, inline=True)


def _due_index(cal, kind, step, anchor, a, b, day):
    """Return a ``k`` whose due date is near ``day``; never more than two dues after it."""
    if kind == DAYS:
        return (day - anchor) // step
    if kind == BYDAY:
        return index_byday(a, b, day)
    if kind == WORKDAYS:
        return n_working_before(cal, day)
    if kind == PAIR:
        return 2 * (month_of(cal, day) - anchor)
    return (month_of(cal, day) - anchor) // step


due_index = twin(_due_index, index_byday, month_of, n_working_before, inline=True)
