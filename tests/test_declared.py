"""Declared frequencies; schedules and the streams that stand for them, against loops over pairs."""

import calendar
import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import declared as naive

from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import to_day
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.payments import declared
from qfb_gpu.schema import CADENCES

CPU = get_backend("cpu")
NAN = float("nan")
MONTH = 365.25 / 12

common = {
    "counterparty_key": st.sampled_from([5, 5, 5, 5, 0, 0, -6]),
    "currency": st.sampled_from([1, 1, 1, 1, 1, 2]),
    "cadence": st.sampled_from([3, 3, 4, -1]),
    "next_day": st.sampled_from([100, 100, 105, 106, None, None, 300]),
}
periods = st.sampled_from([30.0, 30.0, 30.0, 30.0, 31.5, 31.6, 28.5, 28.4, 90.0, NAN])
amounts = st.sampled_from([100.0, 100.0, 100.0, 100.0, 99.0, 98.9, 90.0, 89.9, -100.0, 0.0])
declarations = st.fixed_dictionaries(
    {
        **common, "customer": st.sampled_from([0, 0, 0, 0, 1, -1]), "amount": amounts | st.just(NAN),
        "currency": st.sampled_from([1, 1, 1, 1, 1, 2, -1]),
        "period_days": periods, "is_active": st.booleans(),
        "is_past": st.booleans(), "until_day": st.sampled_from([None, None, 94, 95]),
        "is_schedule": st.sampled_from([True, True, True, False]),
    }
)  # fmt: skip
found = st.fixed_dictionaries(
    {
        **common, "customer": st.sampled_from([0, 0, 0, 0, 1, 3]), "amount": amounts,
        "period_days": periods, "is_out": st.sampled_from([True, True, True, False]),
        "is_regular": st.booleans(), "is_stopped": st.booleans(),
        "n_payments": st.sampled_from([1, 2, 3, 9]), "last_day": st.sampled_from([94, 95, 96, 30]),
    }
)  # fmt: skip


def arrays(rows, names):
    """Return the rows as a dict of arrays; an unknown day is null."""
    columns = {name: [row[name] for row in rows] for name in names}
    days = ("next_day", "until_day", "last_day")
    for name in set(days) & set(columns):
        columns[name] = [NULL_DAY if d is None else d for d in columns[name]]
    kinds = {"amount": float, "period_days": float, **dict.fromkeys(days, np.int32)}
    return {
        name: np.array(v, bool if name.startswith("is_") else kinds.get(name, np.int64))
        for name, v in columns.items()
    }


@given(st.lists(declarations, max_size=5), st.lists(found, max_size=8), st.randoms())
@settings(max_examples=400)
def test_a_schedules_stream_and_its_differences_are_those_of_loops(ours, theirs, random):
    ids = random.sample(range(1000), len(theirs))
    theirs = [{**row, "stream_id": number} for row, number in zip(theirs, ids, strict=True)]
    one = {**common, "customer": 0, "amount": 0, "period_days": 0}
    made = declared.match_streams(
        arrays(ours, [*one, "is_active", "is_schedule", "is_past", "until_day"]),
        arrays(
            theirs,
            [*one, "stream_id", "is_out", "is_regular", "is_stopped", "n_payments", "last_day"],
        ),
        CPU,
    )
    for row, at, difference in zip(ours, made["stream"], made["difference"], strict=True):
        want = naive.stream_of(row, theirs)
        assert (None if at < 0 else theirs[at]) == want
        names = set() if want is None else naive.differences(row, want)
        assert difference == sum(getattr(declared, name) for name in names)


@pytest.mark.parametrize(
    ("text", "cadence", "period", "code"),
    [
        ("EvryDay", "daily", 1, "EvryDay"),
        ("EvryWorkgDay", "daily", 1.4, "EvryWorkgDay"),
        ("IntrvlDay:10", "every_n_days", 10, "IntrvlDay:10"),
        ("IntrvlDay:07", "weekly", 7, "IntrvlDay:07"),
        ("IntrvlWkDay:01:03", "weekly", 7, "IntrvlWkDay:01:03"),
        ("IntrvlWkDay:02:03", "biweekly", 14, "IntrvlWkDay:02:03"),
        ("IntrvlWkDay:03:07", "every_n_days", 21, "IntrvlWkDay:03:07"),
        ("WkInMnthDay:02:03", "monthly", MONTH, "WkInMnthDay:02:03"),
        ("IntrvlMnthDay:01:15", "monthly", MONTH, "IntrvlMnthDay:01:15"),
        ("IntrvlMnthDay:01:-01", "monthly", MONTH, "IntrvlMnthDay:01:-01"),
        ("IntrvlMnthDay:06:15", "semiannual", 6 * MONTH, "IntrvlMnthDay:06:15"),
        ("IntrvlMnthDay:12:31", "annual", 12 * MONTH, "IntrvlMnthDay:12:31"),
        ("IntrvlMnthDay:24:01", "every_n_days", 24 * MONTH, "IntrvlMnthDay:24:01"),
        ("QtrDay:ENGLISH", "quarterly", 3 * MONTH, "QtrDay:ENGLISH"),
        ("QtrDay:SCOTTISH", "quarterly", 3 * MONTH, "QtrDay:SCOTTISH"),
        ("UK.OBIE.Fortnightly", "biweekly", 14, ""),
        ("UK.OBIE.HalfYearly", "semiannual", 6 * MONTH, ""),
        ("UK.OBIE.Daily", "daily", 1, ""),
        ("UK.OBIE.Weekly", "weekly", 7, ""),
        ("UK.OBIE.Monthly", "monthly", MONTH, ""),
        ("UK.OBIE.Quarterly", "quarterly", 3 * MONTH, ""),
        ("UK.OBIE.Annual", "annual", 12 * MONTH, ""),
        ("UK.OBIE.Yearly", "annual", 12 * MONTH, ""),
        ("WEEK", "weekly", 7, ""),
        ("FRTN", "biweekly", 14, ""),
        ("QURT:3", "monthly", MONTH, ""),
        ("MNTH:1:31", "monthly", MONTH, "IntrvlMnthDay:01:31"),
        ("MNTH:1:32", "monthly", MONTH, ""),
        ("WEEK:1:07", "weekly", 7, "IntrvlWkDay:01:07"),
        ("WEEK:1:08", "weekly", 7, ""),
        ("MNTH", "monthly", MONTH, ""),
        ("MNTH:1:15", "monthly", MONTH, "IntrvlMnthDay:01:15"),
        ("MNTH:2", "semimonthly", MONTH / 2, ""),
        ("WEEK:1:03", "weekly", 7, "IntrvlWkDay:01:03"),
        ("FRTN:1:05", "biweekly", 14, "IntrvlWkDay:02:05"),
        ("QURT", "quarterly", 3 * MONTH, ""),
        ("MIAN", "semiannual", 6 * MONTH, ""),
        ("YEAR", "annual", 12 * MONTH, ""),
        ("DAIL", "daily", 1, ""),
        ("WODL", "daily", 1.4, "EvryWorkgDay"),
        ("FOWK", "every_n_days", 28, ""),
        ("TWMH", "bimonthly", 2 * MONTH, ""),
        ("ALMH", "bimonthly", 2 * MONTH, ""),
        ("FOMH", "every_n_days", 4 * MONTH, ""),
        ("FIMH", "every_n_days", 5 * MONTH, ""),
        ("MNTH::15", "monthly", MONTH, "IntrvlMnthDay:01:15"),  # v4 gives a count or a point
        ("MNTH:2.0", "semimonthly", MONTH / 2, ""),  # as JSON may write a number
        ("MNTH:1.0:15", "monthly", MONTH, "IntrvlMnthDay:01:15"),
        ("MNTH:4", "every_n_days", MONTH / 4, ""),
        ("YEAR:24", "semimonthly", MONTH / 2, ""),
        ("YEAR:12", "monthly", MONTH, ""),
        ("YEAR:6", "bimonthly", 2 * MONTH, ""),
        ("YEAR:4", "quarterly", 3 * MONTH, ""),
        ("MIAN:2", "quarterly", 3 * MONTH, ""),
        ("FRTN:2", "weekly", 7, ""),
        ("WEEK:7", "daily", 1, ""),
        ("WEEK:2", "every_n_days", 3.5, ""),
    ],
)
def test_every_frequency_code_is_read(text, cadence, period, code):
    found = declared.parse_frequency(text)
    assert (found.cadence, found.code) == (cadence, code)
    assert found.period_days == pytest.approx(period)


@pytest.mark.parametrize("text", ["ADHO", "INDA"])
def test_ad_hoc_has_no_period(text):
    found = declared.parse_frequency(text)
    assert found.cadence == "irregular"
    assert np.isnan(found.period_days)


@pytest.mark.parametrize(
    "text",
    [None, "", "MNTH:0", "MNTH:0.5", "MNTH:1.5", "MNTH:x", "MNTH:-1", "NONE", "NotKnown",
     "UK.OBIE.NotKnown", "IntrvlMnthDay:00:15", "IntrvlMnthDay:01:32",
     "IntrvlWkDay:01:08", "QtrDay:IRISH", "every day", "IntrvlDay:00"],
)  # fmt: skip
def test_what_is_no_code_is_not_guessed(text):
    assert declared.parse_frequency(text) is None


def columns_of(**columns):
    kinds = {"amount": float, "period_days": float}
    flags = ("is_active", "is_schedule", "is_past", "is_out", "is_regular", "is_stopped")
    return {
        name: np.array(values, bool if name in flags else kinds.get(name, np.int64))
        for name, values in columns.items()
    }


def test_of_two_orders_to_one_payee_each_finds_its_own_stream():
    monthly = CADENCES.index("monthly")
    common = {"customer": [0, 0], "counterparty_key": [7, 7], "currency": [1, 1],
              "cadence": [monthly] * 2, "period_days": [MONTH] * 2, "next_day": [10, 10]}  # fmt: skip
    ours = columns_of(
        **common,
        amount=[50.0, 80.0],
        is_active=[1, 0],
        is_schedule=[1, 1],
        is_past=[0, 0],
        until_day=[NULL_DAY] * 2,
    )
    theirs = columns_of(**common, amount=[80.0, 50.0], stream_id=[3, 4], is_out=[1, 1],
                    is_regular=[1, 1], is_stopped=[0, 0], n_payments=[9, 9], last_day=[3, 3])  # fmt: skip
    made = declared.match_streams(ours, theirs, CPU)
    assert made["stream"].tolist() == [1, 0]
    assert made["difference"].tolist() == [0, declared.NOT_ACTIVE]
    theirs["currency"][:] = 2
    assert declared.match_streams(ours, theirs, CPU)["stream"].tolist() == [-1, -1]


def test_every_difference_is_a_bit_of_its_own():
    names = ("OTHER_CADENCE", "OTHER_AMOUNT", "OTHER_NEXT", "NOT_REGULAR", "STOPPED", "NOT_ACTIVE")
    assert [getattr(declared, name) for name in names] == [1, 2, 4, 8, 16, 32]


def due_by_calendar(first, n, months=0, days=0):
    """Return the day of the last of n payments, stepping through the calendar."""
    if days:
        return first + dt.timedelta(days=days * (n - 1))
    month = first.month - 1 + months * (n - 1)
    year, month = first.year + month // 12, month % 12 + 1
    return dt.date(year, month, min(first.day, calendar.monthrange(year, month)[1]))


@given(
    st.sampled_from([
        ("EvryDay", 0, 1), ("IntrvlWkDay:01:03", 0, 7), ("IntrvlWkDay:02:03", 0, 14),
        ("IntrvlMnthDay:01:15", 1, 0), ("IntrvlMnthDay:03:31", 3, 0), ("QtrDay:ENGLISH", 3, 0),
        ("IntrvlMnthDay:12:01", 12, 0), ("MNTH:1:15", 1, 0), ("YEAR:4", 3, 0), ("FOWK", 0, 28),
    ]),
    st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1)), st.integers(1, 60),
)  # fmt: skip
def test_an_order_of_so_many_payments_ends_after_the_last_and_before_another(code, first, n):
    frequency = declared.parse_frequency(code[0])
    end = declared.last_in_force(to_day(first), float(n), frequency)
    last = to_day(due_by_calendar(first, n, *code[1:]))
    assert end >= last + 4  # a weekend, a holiday
    assert frequency.period_days < 10 or end < to_day(due_by_calendar(first, n + 1, *code[1:]))


@pytest.mark.parametrize(
    ("n_payments", "code"),
    [
        (NAN, "EvryDay"), (0.0, "EvryDay"), (-3.0, "EvryDay"), (1.5, "EvryDay"), (1e300, "EvryDay"),
        (math.inf, "EvryDay"), (12.0, "EvryWorkgDay"), (12.0, "WODL"), (12.0, "ADHO"), (12.0, "?"),
    ],
)  # fmt: skip
def test_a_count_that_tells_no_end(n_payments, code):
    assert declared.last_in_force(0, n_payments, declared.parse_frequency(code)) is None
