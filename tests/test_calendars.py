"""Working days: weekends, public holidays, make-up days, against their sources and known dates."""

import datetime as dt

import chinese_calendar
import numpy as np
import pytest
from strategies import EPOCH

from qfb_gpu.calendars import FIRST_YEAR, LAST_YEAR, load_calendar, to_date, to_day
from qfb_gpu.errors import ConfigError


def is_working(name, *date):
    calendar = load_calendar(name)
    return bool(calendar.is_working[to_day(dt.date(*date)) - calendar.first_day])


def dates_of(calendar):
    return [
        EPOCH + dt.timedelta(days=calendar.first_day + i) for i in range(len(calendar.is_working))
    ]


def test_days_and_dates_are_each_other_s_inverse():
    assert to_day(dt.date(1970, 1, 1)) == 0
    assert to_day(dt.date(2000, 3, 1)) == 11_017
    for day in (-1, 0, 59, 11_016, 20_000, np.int32(20_000)):
        assert to_day(to_date(day)) == day
        assert (to_date(day) - dt.date(1970, 1, 1)).days == day


def test_weekends_only_knows_monday_to_friday():
    calendar = load_calendar("weekends")
    dates = dates_of(calendar)
    assert dates[0] == dt.date(FIRST_YEAR, 1, 1)
    assert dates[-1] == dt.date(LAST_YEAR, 12, 31)
    assert calendar.is_working.tolist() == [date.weekday() < 5 for date in dates]
    assert calendar.known_until == to_day(dates[-1])


def test_china_is_what_the_state_council_published():
    calendar = load_calendar("CN")
    last_known = to_date(calendar.known_until)
    for date, got in zip(dates_of(calendar), calendar.is_working.tolist(), strict=True):
        known = 2004 <= date.year <= last_known.year
        want = chinese_calendar.is_workday(date) if known else date.weekday() < 5
        assert got == want, date
    assert last_known.year >= 2024


@pytest.mark.parametrize(
    ("name", "date", "want"),
    [
        ("CN", (2024, 10, 1), False),
        ("CN", (2024, 9, 29), True),  # a Sunday, worked for the National Day holiday
        ("CN", (2024, 2, 4), True),
        ("CN", (2024, 2, 12), False),
        ("DE", (2024, 10, 3), False),
        ("DE", (2024, 10, 4), True),
        ("GB-ENG", (2024, 8, 26), False),
        ("GB-SCT", (2024, 8, 26), True),
        ("GB-SCT", (2024, 12, 2), False),  # St Andrew's Day, kept on Monday
        ("US", (2024, 7, 4), False),
        ("US", (2021, 7, 5), False),  # Independence Day on a Sunday, kept on Monday
        ("SA", (2024, 3, 1), False),  # the weekend is Friday and Saturday
        ("SA", (2024, 3, 3), True),
        ("AE", (2021, 12, 10), False),  # Friday and Saturday until 2021
        ("AE", (2022, 12, 9), True),
        ("AE", (2022, 12, 11), False),
        ("HU", (2024, 8, 3), True),  # a Saturday, worked for 19 August
        ("HU", (2024, 8, 19), False),
    ],
)
def test_known_dates(name, date, want):
    assert is_working(name, *date) is want


def test_a_calendar_cannot_be_changed_and_is_loaded_once():
    calendar = load_calendar("DE")
    assert calendar is load_calendar("DE")
    with pytest.raises(ValueError, match="read-only"):
        calendar.is_working[0] = True


def test_a_calendar_says_until_when_it_is_known():
    assert load_calendar("DE").known_until == to_day(dt.date(LAST_YEAR, 12, 31))
    lanka = load_calendar("LK")  # by the moon: published a few years ahead
    last = to_date(lanka.known_until)
    after = lanka.is_working[lanka.known_until + 1 - lanka.first_day :]
    assert 2025 < last.year < LAST_YEAR
    assert after.tolist() == [d.weekday() < 5 for d in dates_of(lanka) if d > last]


@pytest.mark.parametrize("name", ["XX", "GB-XX", "", "cn", "Klingon"])
def test_an_unknown_calendar_is_refused(name):
    with pytest.raises(ConfigError, match="expected 'weekends' or an ISO 3166 code"):
        load_calendar(name)
