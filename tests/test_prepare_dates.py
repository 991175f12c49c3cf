"""Dates: golden examples, and a day-by-day reference on drawn columns."""

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

import chinese_calendar
import holidays
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from naive import prepare as naive

from qfb_gpu import prepare
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.prepare.columns import read_days

D = dt.date
DATES = st.none() | st.dates(D(2010, 1, 1), D(2026, 12, 31))
PAIRS = st.lists(st.tuples(DATES, DATES), max_size=12)
GERMANY = holidays.country_holidays("DE")


def column(dates):
    return pa.array(dates, pa.date32())


@cache
def works_in(name):
    if name == "CN":
        return chinese_calendar.is_workday
    return GERMANY.is_working_day if name == "DE" else lambda date: date.weekday() < 5


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "America/New_York", "Asia/Shanghai"])
def test_a_timestamp_is_of_its_day_up_to_the_ends_of_its_unit(unit, zone):
    """Arrow's floor to days wrapped on the first day of nanoseconds, 1677-09-21."""
    per_day = 86_400 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    ends = [-(2**63) + 1, 2**63 - 1] if unit == "ns" else [-141_427 * per_day, 2_000_000 * per_day]
    ticks = [*ends, ends[0] + per_day, -1, 0, 1, per_day - 1, None]
    values = pa.array(ticks, pa.int64()).cast(pa.timestamp(unit, zone))
    days, unreadable = read_days(values)
    assert not unreadable.any()
    for tick, day in zip(ticks, days.tolist(), strict=True):
        if tick is None:
            assert day == NULL_DAY
            continue
        seconds = tick * 86_400 // per_day
        if zone is not None:
            instant = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
            seconds += instant.astimezone(ZoneInfo(zone)).utcoffset() // dt.timedelta(seconds=1)
        assert day == seconds // 86_400, tick


# Working days --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "settings", "expected"),
    [
        ("2024-02-09", "2024-02-18", {}, 2),  # 9th worked, new year 10th-17th, 18th made up
        ("2024-02-18", "2024-02-09", {}, -2),
        ("2024-02-09", "2024-02-18", {"closed": "left"}, 1),
        ("2024-02-18", "2024-02-09", {"closed": "left"}, -1),
        ("2024-02-18", "2024-02-18", {}, 1),  # a Sunday, worked
        ("2024-02-18", "2024-02-18", {"closed": "left"}, 0),
        ("2024-02-18", "2024-02-18", {"calendar": "weekends"}, 0),
        ("2024-05-01", "2024-05-31", {"calendar": "DE"}, 20),
        ("2024-05-01", "2024-05-31", {"calendar": "weekends"}, 23),
        ("2024-05-01", "2024-05-31", {"calendar": "weekends", "weekend": ["fri", "sat"]}, 22),
        ("2024-05-01", "2024-05-03", {"calendar": "weekends", "holidays": [D(2024, 5, 1)]}, 2),
        ("2024-05-04", "2024-05-04", {"calendar": "weekends", "workdays": [D(2024, 5, 4)]}, 1),
        ("1900-01-01", "1900-01-07", {"calendar": "weekends"}, 5),
        (None, "2024-05-31", {}, None),
        ("2024-05-31", None, {}, None),
    ],
)
def test_working_days_by_example(start, end, settings, expected):
    texts = [pa.array([text], pa.string()) for text in (start, end)]
    found = prepare.working_days(*texts, **settings)
    assert found.type == pa.int32()
    assert found.to_pylist() == [expected]


@given(PAIRS, st.sampled_from(["CN", "DE", "weekends"]), st.sampled_from(["both", "left"]))
@example([(D(2024, 12, 31), D(2024, 1, 1)), (None, D(2024, 1, 1))], "CN", "left")
def test_working_days_are_counted_day_by_day(pairs, calendar, closed):
    pairs = [(a, b and min(b, a + 90 * naive.DAY) if a else b) for a, b in pairs]
    pairs = [(a, b and max(b, a - 90 * naive.DAY) if a else b) for a, b in pairs]
    start, end = column([a for a, _ in pairs]), column([b for _, b in pairs])
    found = prepare.working_days(start, end, calendar=calendar, closed=closed)
    expected = [naive.working_days(a, b, works_in(calendar), closed) for a, b in pairs]
    assert found.to_pylist() == expected


@given(PAIRS)
def test_working_days_without_holidays_are_those_of_numpy(pairs):
    pairs = [(a, b) for a, b in pairs if a and b and a <= b]
    start, end = [np.array([p[i] for p in pairs], "datetime64[D]") for i in (0, 1)]
    found = prepare.working_days(pa.array(start), pa.array(end), calendar="weekends", closed="left")
    assert found.to_pylist() == np.busday_count(start, end).tolist()


def test_each_row_may_have_a_calendar():
    day = pa.array(["2024-10-01"] * 4)  # a holiday in China alone
    names = pa.array(["CN", "DE", None, "weekends"])
    assert prepare.working_days(day, day, calendar=names).to_pylist() == [0, 1, None, 1]


@pytest.mark.parametrize(
    ("start", "settings", "error", "words"),
    [
        ("2027-01-04", {}, InputError, "outside 2004-2026.*'CN'.*2027-01-04"),
        ("2003-12-31", {}, InputError, "outside 2004-2026"),
        ("someday", {}, InputError, "'someday'"),
        ("2024-02-30", {}, InputError, "no date"),
        ("01/02/24", {}, InputError, "no date.*01/02/24"),
        ("０１／０２／２４", {}, InputError, "no date"),
        ("2024-01-01", {"closed": "right"}, ConfigError, "'both' or 'left'"),
        ("2024-01-01", {"calendar": "XX"}, ConfigError, "'XX'"),
        ("2024-01-01", {"weekend": ["fri"]}, ConfigError, "own weekend"),
        ("2024-01-01", {"calendar": "weekends", "weekend": ["Fr"]}, ConfigError, "mon, tue"),
        (
            "2024-01-01",
            {"holidays": [D(2024, 1, 1)], "workdays": [D(2024, 1, 1)]},
            ConfigError,
            "both holidays and workdays",
        ),
        ("2024-01-01", {"holidays": [D(2124, 1, 1)]}, ConfigError, "2124-01-01 is outside"),
        ("2024-01-01", {"calendar": pa.array(["CN", "CN"])}, InputError, "2 rows"),
    ],
)
def test_working_days_refuses(start, settings, error, words):
    with pytest.raises(error, match=words):
        prepare.working_days(pa.array([start]), pa.array([start]), **settings)


def test_columns_of_two_lengths_are_refused():
    two, one = pa.array(["2024-01-01"] * 2), pa.array(["2024-01-01"])
    with pytest.raises(InputError, match="2 rows, end 1"):
        prepare.working_days(two, one)
    with pytest.raises(InputError, match="2 and 1 row;"):
        prepare.pick_date(two, one)


# Month ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "months", "expected"),
    [
        ("2024-02-10", 0, D(2024, 2, 29)),
        ("2023-02-10", 0, D(2023, 2, 28)),
        ("2024-01-31", 1, D(2024, 2, 29)),
        ("2024-12-31", 2, D(2025, 2, 28)),
        ("2024-03-31", -1, D(2024, 2, 29)),
        ("1969-12-31", 0, D(1969, 12, 31)),
        (None, 1, None),
    ],
)
def test_month_end_by_example(date, months, expected):
    found = prepare.month_end(pa.array([date], pa.string()), months=months)
    assert found.to_pylist() == [expected]


@given(st.lists(st.none() | st.dates(D(1900, 1, 1), D(2200, 1, 1))), st.integers(-600, 600))
def test_month_end_is_the_calendars(dates, months):
    found = prepare.month_end(column(dates), months=months)
    assert found.to_pylist() == [naive.month_end(date, months) for date in dates]


def test_month_end_of_a_thousand_years_is_refused():
    with pytest.raises(ConfigError, match="12000"):
        prepare.month_end(column([D(2024, 1, 1)]), months=12_001)


# Intervals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        ("both", [0, 1, 1, 1, 0, None]),
        ("left", [0, 1, 1, 0, 0, None]),
        ("right", [0, 0, 1, 1, 0, None]),
        ("neither", [0, 0, 1, 0, 0, None]),
    ],
)
def test_in_intervals_by_example(closed, expected):
    dates = ["2023-12-31", "2024-01-01", "2024-02-01", "2024-03-31 23:59", "2024-04-01", None]
    found = prepare.in_intervals(
        pa.array(dates), intervals=[(D(2024, 1, 1), D(2024, 3, 31))], closed=closed
    )
    assert found.to_pylist() == expected


ENDS = st.none() | st.dates(D(2024, 1, 1), D(2024, 1, 20))


@given(
    st.lists(ENDS),
    st.lists(st.tuples(ENDS, ENDS).filter(lambda p: None in p or p[0] <= p[1]), min_size=1),
    st.sampled_from(["both", "left", "right", "neither"]),
)
def test_in_intervals_is_the_comparison(dates, intervals, closed):
    found = prepare.in_intervals(column(dates), intervals=intervals, closed=closed)
    assert found.to_pylist() == [naive.in_intervals(date, intervals, closed) for date in dates]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"intervals": []}, "empty"),
        ({"intervals": [(D(2024, 2, 1), D(2024, 1, 1))]}, "exchange its ends"),
        ({"intervals": [(None, None)], "closed": "open"}, "both, left, right, neither"),
    ],
)
def test_in_intervals_refuses(settings, words):
    with pytest.raises(ConfigError, match=words):
        prepare.in_intervals(column([D(2024, 1, 1)]), **settings)


# One of two dates ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("first", [D(2024, 1, 2), D(2024, 1, 1), D(2024, 1, 2), None]),
        ("earliest", [D(2024, 1, 1), D(2024, 1, 1), D(2024, 1, 2), None]),
        ("latest", [D(2024, 1, 2), D(2024, 1, 1), D(2024, 1, 2), None]),
    ],
)
def test_pick_date_by_example(rule, expected):
    first = pa.array(["2024-01-02", None, "2024-01-02", None])
    second = pa.array(["2024-01-01", "2024-01-01", None, None])
    assert prepare.pick_date(first, second, rule=rule).to_pylist() == expected


@pytest.mark.parametrize("zone", [None, "Asia/Shanghai"])
def test_pick_date_of_instants_keeps_their_zone_and_time(zone):
    kind = pa.timestamp("us", zone)
    first, second = pa.array([5, None, 7], kind), pa.array([6, 3, 1], kind)
    for rule, expected in (("latest", [6, 3, 7]), ("earliest", [5, 3, 1]), ("first", [5, 3, 7])):
        found = prepare.pick_date(first, second, rule=rule)
        assert found.type == kind
        assert found.cast(pa.int64()).to_pylist() == expected


def test_pick_date_by_condition():
    first, second = column([D(2024, 1, 1)] * 4), column([D(2024, 2, 2)] * 4)
    status = pa.array(["paid", "open", None, "settled"])
    found = prepare.pick_date(first, second, status, rule="condition", values=["paid", "settled"])
    assert found.to_pylist() == [D(2024, 1, 1), D(2024, 2, 2), None, D(2024, 1, 1)]


@given(PAIRS, st.sampled_from(["first", "earliest", "latest"]))
def test_pick_date_is_the_comparison(pairs, rule):
    found = prepare.pick_date(
        column([a for a, _ in pairs]), column([b for _, b in pairs]), rule=rule
    )
    assert found.to_pylist() == [naive.pick_date(a, b, rule) for a, b in pairs]


def test_timestamps_keep_their_time_of_day():
    times = ["2024-01-01 09:00", None], ["2024-01-01 08:00", None]
    first, second = (pd.Series(pd.to_datetime(side)) for side in times)
    found = prepare.pick_date(first, second, rule="earliest")
    assert found[0] == pd.Timestamp(2024, 1, 1, 8)
    assert found.isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "settings",
    [{"rule": "newest"}, {"rule": "condition"}, {"rule": "first", "values": ["a"]}],
)
def test_pick_date_refuses(settings):
    with pytest.raises(ConfigError, match="pick_date: rule"):
        prepare.pick_date(column([None]), column([None]), **settings)


# Kinds of column -----------------------------------------------------------------------------


def test_a_day_is_that_of_the_columns_own_clock():
    night = pd.Series(pd.to_datetime(["2024-02-29 23:30"])).dt.tz_localize("Asia/Shanghai")
    assert prepare.month_end(night)[0] == pd.Timestamp(2024, 2, 29)


def test_a_series_gives_a_series_with_its_index():
    start = pd.Series(["2024-01-01", None], index=[7, 3], name="booked")
    found = prepare.working_days(start, start, calendar="weekends")
    expected = pd.Series([1, None], index=[7, 3], name="booked", dtype="Int32")
    pd.testing.assert_series_equal(found, expected)


def test_chunks_and_dictionaries_are_the_same_column():
    texts = ["2024-01-31", None, "2024-01-31"]
    expected = prepare.month_end(pa.array(texts)).to_pylist()
    assert prepare.month_end(pa.chunked_array([texts[:1], texts[1:]])).to_pylist() == expected
    assert prepare.month_end(pa.array(texts).dictionary_encode()).to_pylist() == expected


def test_what_is_no_column_is_refused():
    with pytest.raises(InputError, match="expected a column"):
        prepare.month_end(["2024-01-01", 3])
