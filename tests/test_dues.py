"""Due dates: the kernel's calendar arithmetic against ``datetime``, date by date."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import dues as naive
from strategies import (
    CALENDAR_FIRST,
    CALENDAR_LAST,
    EPOCH,
    holidays,
    make_calendar,
    rolls,
    schedules,
)

from qfb_gpu.payments.due_tables import due_table
from qfb_gpu.payments.tables import calendar_table
from qfb_kernels import due_places, dues

KINDS = {
    "days": dues.DAYS,
    "months": dues.MONTHS,
    "pair": dues.PAIR,
    "nth": dues.NTH,
    "month_workday": dues.MONTH_WORKDAY,
    "byday": dues.BYDAY,
}
ROLLS = {
    "none": dues.NONE,
    "preceding": dues.PRECEDING,
    "following": dues.FOLLOWING,
    "modified": dues.MODIFIED,
}
FIRST, LAST = dt.date(2018, 1, 1), dt.date(2024, 12, 31)


def number(date):
    return (date - EPOCH).days


def date_of(day):
    return EPOCH + dt.timedelta(days=int(day))


def table_of(closed=(), opened=()):
    cal = calendar_table(
        make_calendar(closed, opened), number(CALENDAR_FIRST), number(CALENDAR_LAST)
    ).copy()  # that one is the engine's own
    cal.flags.writeable = False
    return cal


def due(cal, schedule, roll, k):
    kind, *rest = schedule
    return date_of(dues.due_day(cal, KINDS[kind], *rest, ROLLS[roll], k))


@given(schedules, rolls, holidays(), st.lists(st.integers(-3, 6), min_size=1, max_size=4))
@settings(max_examples=150)
def test_due_dates_match_naive(schedule, roll, days_off, indices):
    cal = table_of(*days_off)
    for k in indices:
        assert due(cal, schedule, roll, k) == naive.due(schedule, roll, k, *days_off), k


@given(schedules, rolls, holidays(), st.dates(FIRST, LAST))
@settings(max_examples=200)
def test_due_index_is_near_the_dues_of_a_day(schedule, roll, days_off, date):
    """Three before it no due is later; two after it (of a pair three) the due is: before rolling.

    A roll may go on to a day after the date, where all days between are closed.
    """
    cal = table_of(*days_off)
    kind, step, anchor, a, b = schedule
    k = int(dues.due_index(cal, KINDS[kind], step, anchor, a, b, number(date)))
    assert naive.due(schedule, "none", k - 3, *days_off) <= date
    assert naive.due(schedule, roll, k - 3, *days_off) <= naive.rolled(date, roll, *days_off)
    ahead = 3 if kind == "pair" else 2
    assert naive.due(schedule, "none", k + ahead, *days_off) > date


@given(schedules, rolls, holidays())
@settings(max_examples=60)
def test_due_dates_never_go_back(schedule, roll, days_off):
    cal = table_of(*days_off)
    dates = [due(cal, schedule, roll, k) for k in range(-3, 7)]
    assert dates == sorted(dates)


@given(holidays())
@settings(max_examples=25)
def test_working_days_are_counted_from_the_first_day_of_the_table(days_off):
    cal = table_of(*days_off)
    dates = [date_of(cal[0] + i) for i in range(cal[1])]
    working = [date for date in dates if naive.is_open(date, *days_off)]
    assert [date_of(d) for d in cal[cal[7] : cal[7] + len(working)]] == working
    for i in range(0, len(working), 97):
        assert due(cal, ("days", 1, number(working[i]), 1, 0), "none", 0) == working[i]
        assert date_of(dues.due_day(cal, dues.WORKDAYS, 1, 0, 0, 0, dues.NONE, i)) == working[i]
        assert dues.due_index(cal, dues.WORKDAYS, 1, 0, 1, 0, number(working[i])) == i


@given(holidays(), st.dates(FIRST, LAST))
@settings(max_examples=60)
def test_positions_tick_once_a_day_of_their_clock(days_off, date):
    cal = table_of(*days_off)
    day = number(date)
    assert dues.position(cal, 0, day + 1) - dues.position(cal, 0, day) == 1
    ticks = dues.position(cal, 1, day + 1) - dues.position(cal, 1, day)
    assert ticks == naive.is_open(date, *days_off)


@pytest.mark.parametrize(
    ("schedule", "roll", "k", "want"),
    [
        (("months", 1, 600, 31, 0), "none", 1, "2020-02-29"),
        (("months", 1, 600, -1, 0), "none", 1, "2020-02-29"),
        (("months", 1, 600, -2, 0), "none", 1, "2020-02-28"),
        (("months", 12, 601, 29, 0), "none", 1, "2021-02-28"),
        (("months", 1, 600, 31, 0), "following", 4, "2020-06-01"),  # 31 May 2020 is a Sunday
        (("months", 1, 600, 31, 0), "modified", 4, "2020-05-29"),
        (("months", 1, 600, 31, 0), "preceding", 4, "2020-05-29"),
        (("nth", 1, 600, -1, 4), "none", 0, "2020-01-31"),
        (("nth", 1, 600, 2, 0), "none", 5, "2020-06-08"),
        (("pair", 1, 600, 15, 31), "none", 3, "2020-02-29"),
        (("pair", 1, 600, 15, 31), "none", -1, "2019-12-31"),
        (("days", 14, 18_262, 1, 0), "none", -1, "2019-12-18"),
        (("month_workday", 1, 600, -1, 0), "none", 4, "2020-05-29"),
        (("month_workday", 1, 600, 1, 0), "none", 1, "2020-02-03"),
    ],
)
def test_known_due_dates(schedule, roll, k, want):
    assert due(table_of(), schedule, roll, k) == dt.date.fromisoformat(want)
    assert naive.due(schedule, roll, k) == dt.date.fromisoformat(want)


def test_table_holds_the_month_and_the_working_days_before_each_day():
    closed, opened = {dt.date(2020, 5, 1)}, {dt.date(2020, 4, 26)}
    cal = table_of(closed, opened)
    first, n_days, first_month, n_months = (int(x) for x in cal[:4])
    dates = [date_of(first + i) for i in range(n_days)]
    assert dates[0].day == 1
    assert (dates[-1] + naive.DAY).day == 1
    assert dates[0] <= CALENDAR_FIRST - dt.timedelta(days=1_200)
    assert dates[-1] >= CALENDAR_LAST + dt.timedelta(days=1_200)
    assert cal[cal[4] : cal[4] + n_days].tolist() == [naive.month_of(d) for d in dates]
    worked = np.cumsum([0] + [naive.is_open(d, closed, opened) for d in dates])
    assert cal[cal[5] : cal[5] + n_days + 1].tolist() == worked.tolist()
    starts = [number(d) for d in dates if d.day == 1]
    assert len(starts) == n_months
    assert first_month == naive.month_of(dates[0])
    assert cal[cal[6] : cal[6] + n_months].tolist() == starts
    assert cal.shape[0] == cal[7] + worked[-1] + 9 * n_days


def test_marks_say_where_a_day_is_in_its_month():
    closed, opened = {dt.date(2020, 5, 1)}, {dt.date(2020, 4, 26)}
    cal = table_of(closed, opened)
    for year, month in ((2020, 2), (2020, 4), (2020, 5), (1969, 12)):
        first = dt.date(year, month, 1)
        if number(first) < cal[0]:
            continue
        after = (first + 31 * naive.DAY).replace(day=1)
        dates = [first + i * naive.DAY for i in range((after - first).days)]
        is_open = [naive.is_open(d, closed, opened) for d in dates]
        for i, date in enumerate(dates):
            mark = int(dues.mark_of(cal, number(date)))
            parts = [(mark >> bit) & 31 for bit in (0, 5, 13, 18)]
            assert parts == [i, len(dates), sum(is_open[:i]) + 1, sum(is_open[i:])]
            assert [(mark >> 10) & 7, (mark >> 23) & 1] == [date.weekday(), is_open[i]]
            assert mark >> 24 == number(date)


@given(
    schedules, rolls, holidays(), st.sampled_from([0, 1]), st.lists(st.integers(-3, 6), max_size=4)
)
@settings(max_examples=150)
def test_a_due_date_is_at_its_place_in_the_table(schedule, roll, off, clock, indices):
    cal = table_of(*off)
    due_at = due_table(cal)
    due_at.flags.writeable = False
    kind, *rest = schedule
    first = date_of(cal[0])

    def wanted(k):
        date = naive.due(schedule, roll, k, *off)
        if clock == 0:
            return number(date)
        return sum(naive.is_open(first + i * naive.DAY, *off) for i in range((date - first).days))

    for k in indices:
        place, way, both = due_places.due_place(due_at, clock, KINDS[kind], *rest, ROLLS[roll], k)
        assert due_at[place] == wanted(k)
        assert due_at[place + way] == wanted(k + 1)
        assert due_at[place + both] == wanted(k + 2)


@pytest.mark.parametrize("clock", [0, 1])
def test_the_table_holds_the_working_days_and_every_working_day_of_a_month(clock):
    cal = table_of()
    due_at = due_table(cal)
    worked, month = 200, int(cal[2]) + 30
    place, way, both = due_places.due_place(due_at, clock, dues.WORKDAYS, 1, 0, 1, 0, 2, worked)
    day = int(dues.working_day(cal, worked))
    assert due_at[place] == dues.position(cal, clock, day)
    assert (way, both) == (1, 2)
    for a in [*range(1, 32), *range(-31, 0)]:
        schedule = (dues.MONTH_WORKDAY, 1, month, a, 0, dues.FOLLOWING)
        place, *_ = due_places.due_place(due_at, clock, *schedule, 0)
        assert due_at[place] == dues.position(cal, clock, dues.due_day(cal, *schedule, 0))


@pytest.mark.parametrize("step", [1, 2, 3, 6, 7, 12, 14, 30, 365, 399, 400])
def test_a_phase_is_what_a_division_leaves(step):
    inverse = due_places.inverse_of(step)
    since = np.r_[-1024 * step, -1000:1000, 40_000:41_000, 365_000 : 365_000 + 2 * step]
    for days in since.tolist():
        assert due_places.phase_of(dues.DAYS, step, inverse, 500 + days, 500, 7) == days % step
        assert due_places.phase_of(dues.MONTHS, step, inverse, 7 + days, 500, 7) == days % step


SETS = st.sampled_from(due_places.SETS)


@given(SETS, rolls, holidays(), st.dates(FIRST, LAST), st.integers(0, 1))
@settings(max_examples=200)
def test_weekdays_of_every_week_match_naive(bits, roll, days_off, date, clock):
    """The index of a day, its due date, and the same in the table the search reads."""
    cal = table_of(*days_off)
    due_at = due_table(cal)
    schedule = ("byday", 7, 0, bits % 32, bits // 32)
    k = int(dues.due_index(cal, dues.BYDAY, *schedule[1:], number(date)))
    assert naive.nominal(schedule, k - 1) < date <= naive.nominal(schedule, k)
    for i in range(k - 3, k + 4):
        want = naive.due(schedule, roll, i, *days_off)
        assert due(cal, schedule, roll, i) == want
        place, way, both = due_places.due_place(
            due_at, clock, dues.BYDAY, *schedule[1:], ROLLS[roll], i
        )
        assert due_at[place] == dues.position(cal, clock, number(want))
        assert (way, both) == (1, 2)
    opened = number(date)
    month, worked = dues.month_of(cal, opened), dues.n_working_before(cal, opened)
    near, *_ = due_places.place_near(
        due_at, clock, dues.BYDAY, 7, 0, *schedule[3:], ROLLS[roll], (opened, month, worked), -1
    )
    monday = date - dt.timedelta(days=date.weekday())
    before = int(dues.due_index(cal, dues.BYDAY, *schedule[1:], number(monday))) - 1
    want = naive.due(schedule, roll, before, *days_off)
    assert due_at[near] == dues.position(cal, clock, number(want))
