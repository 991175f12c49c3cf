"""What a schedule is called: its RRULE, as another library reads it, has its due dates."""

import datetime as dt
from calendar import monthrange

import pandas as pd
import pytest
from naive import dues as naive
from test_dues import KINDS

import qfb_gpu as qfb
from qfb_gpu.backend import get_backend
from qfb_gpu.payments.cadence import name_schedules
from qfb_kernels import dues
from qfb_kernels.due_places import SETS

FIRST, LAST = dt.datetime(2023, 1, 1), dt.datetime(2024, 12, 31)  # noqa: DTZ001  no zone
CPU = get_backend("cpu")


def names_of(*schedule):
    """Return the names of a schedule: kind, step, anchor, a and b."""
    xp = CPU.xp
    fit = xp.zeros((1, 7), dtype="int64")
    fit[0, :5] = xp.asarray(schedule)
    return name_schedules(fit, xp.zeros(1, dtype=bool), CPU)


def text_of(labelled):
    return labelled.labels[labelled.codes[0]] if labelled.codes[0] >= 0 else None


def named(kind, a, b, step=1, anchor=0):
    """Return the rule and the code of a schedule."""
    found = names_of(kind, step, anchor, a, b)
    return [text_of(found[name]) for name in ("rrule", "schedule_code")]


def months():
    return [(year, month) for year in (2023, 2024) for month in range(1, 13)]


def of_month(year, month, day):
    return dt.datetime(year, month, min(day, monthrange(year, month)[1]))  # noqa: DTZ001


@pytest.mark.parametrize("b", [*range(6, 32), None])
@pytest.mark.parametrize("a", [1, 2, 15, 24, 26, 28, 29, 30, 31])
def test_the_days_of_a_rule_are_the_days_of_its_months(a, b):
    """Two days of which a month lacks one had a rule that left the month's last day out."""
    rrule = pytest.importorskip("dateutil.rrule")
    if b is not None and b < a + 5:
        return
    rule, code = named(dues.MONTHS if b is None else dues.PAIR, a, b or 0)
    days = [a] if b is None else [a, b]
    want = sorted({of_month(*month, day) for month in months() for day in days})
    assert rrule.rrulestr(f"RRULE:{rule}", dtstart=FIRST).between(FIRST, LAST, inc=True) == want
    texts = ["-01" if day == 31 else f"{day:02d}" for day in days]
    assert code == ",".join(f"IntrvlMnthDay:01:{text}" for text in texts)


EVERY = [
    *[("days", step, 18_262 + day, 1, 0) for step in (1, 2, 7, 14, 21, 28, 30, 63, 70) for day in range(7)],
    *[("months", step, month, a, 0) for step, month in ((2, 601), (3, 602), (6, 600), (12, 611))
      for a in (1, 28, 29, 31, -1, -4)],
    *[("nth", step, 601, a, b) for step in (1, 3) for a in (1, 4, -1) for b in (0, 4, 6)],
    *[("month_workday", step, 601, a, 0) for step in (1, 2) for a in (1, 9, -1, -3)],
]  # fmt: skip
"""Schedules by (kind, step, anchor, a, b) that begin in 2020."""


@pytest.mark.parametrize("schedule", EVERY)
def test_the_days_of_a_rule_of_another_step_are_its_due_dates(schedule):
    rrule = pytest.importorskip("dateutil.rrule")
    kind, step, anchor, a, b = schedule
    rule, _ = named(KINDS[kind], a, b, step, anchor)
    due = [naive.nominal(schedule, k) for k in range(14)]
    first = due[0] if kind == "days" else due[0].replace(day=1)  # the month that months count from
    start = dt.datetime.combine(first, dt.time())
    assert [day.date() for day in rrule.rrulestr(f"RRULE:{rule}", dtstart=start)[:14]] == due


@pytest.mark.parametrize(
    ("schedule", "cadence", "period", "code"),
    [
        (("days", 1, 18_262, 1, 0), "daily", 1, "EvryDay"),
        (("days", 7, 18_262, 1, 0), "weekly", 7, "IntrvlWkDay:01:03"),  # 2020-01-01, a Wednesday
        (("days", 14, 18_266, 1, 0), "biweekly", 14, "IntrvlWkDay:02:07"),
        (("days", 63, 18_260, 1, 0), "every_n_days", 63, "IntrvlWkDay:09:01"),
        (("days", 70, 18_262, 1, 0), "every_n_days", 70, "IntrvlDay:70"),
        (("days", 5, 18_262, 1, 0), "every_n_days", 5, "IntrvlDay:05"),
        (("months", 1, 600, 15, 0), "monthly", 365.2425 / 12, "IntrvlMnthDay:01:15"),
        (("months", 2, 600, 31, 0), "bimonthly", 365.2425 / 6, "IntrvlMnthDay:02:-01"),
        (("months", 3, 600, -2, 0), "quarterly", 365.2425 / 4, "IntrvlMnthDay:03:-02"),
        (("months", 6, 600, 1, 0), "semiannual", 365.2425 / 2, "IntrvlMnthDay:06:01"),
        (("months", 12, 600, 1, 0), "annual", 365.2425, "IntrvlMnthDay:12:01"),
        (("pair", 1, 600, 1, 16), "semimonthly", 365.2425 / 24, "IntrvlMnthDay:01:01,IntrvlMnthDay:01:16"),
        (("nth", 1, 600, 2, 0), "monthly", 365.2425 / 12, "WkInMnthDay:02:01"),
        (("nth", 1, 600, -1, 4), "monthly", 365.2425 / 12, "WkInMnthDay:-01:05"),
        (("nth", 3, 600, 2, 0), "quarterly", 365.2425 / 4, "NotKnown"),
        (("month_workday", 1, 600, 1, 0), "monthly", 365.2425 / 12, "NotKnown"),
        (("byday", 7, 0, 0b00101, 0), "weekly", 7 / 2, "IntrvlWkDay:01:01,IntrvlWkDay:01:03"),
        (("byday", 7, 0, 0b01111, 0), "weekly", 7 / 4,
         "IntrvlWkDay:01:01,IntrvlWkDay:01:02,IntrvlWkDay:01:03,IntrvlWkDay:01:04"),
        (("byday", 7, 0, 0b11111, 1), "daily", 7 / 6,
         ",".join(f"IntrvlWkDay:01:0{day}" for day in range(1, 7))),
    ],
)  # fmt: skip
def test_a_schedule_has_its_cadence_period_and_code(schedule, cadence, period, code):
    kind, *rest = schedule
    found = names_of(KINDS[kind], *rest)
    assert text_of(found["cadence"]) == cadence
    assert found["period_days"][0] == pytest.approx(period)
    assert text_of(found["schedule_code"]) == code


def test_every_working_day_is_daily_and_no_schedule_irregular():
    found = names_of(dues.WORKDAYS, 1, 0, 1, 0)
    assert [text_of(found[name]) for name in ("cadence", "schedule_code")] == [
        "daily",
        "EvryWorkgDay",
    ]
    assert text_of(found["rrule"]) == "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    assert found["period_days"][0] == pytest.approx(7 / 5)
    found = names_of(0, 0, 0, 0, 0)
    assert text_of(found["cadence"]) == "irregular"
    assert [text_of(found[name]) for name in ("schedule_code", "rrule")] == [None, None]
    assert found["period_days"][0] != found["period_days"][0]  # not a number


@pytest.mark.parametrize("bits", SETS)
def test_the_days_of_a_rule_are_its_weekdays(bits):
    rrule = pytest.importorskip("dateutil.rrule")
    rule, code = named(dues.BYDAY, bits % 32, bits // 32)
    weekdays = [day for day in range(7) if bits & 2**day]
    want = [day for day in pd.date_range(FIRST, LAST) if day.weekday() in weekdays]
    assert rrule.rrulestr(f"RRULE:{rule}", dtstart=FIRST).between(FIRST, LAST, inc=True) == want
    assert code == ",".join(f"IntrvlWkDay:01:{day + 1:02d}" for day in weekdays)


@pytest.mark.parametrize(
    ("dates", "roll"),
    [
        (["2024-07-31", "2024-09-30", "2024-11-29"], "modified_following"),  # 30 Nov: a Saturday
        (["2024-06-03", "2024-07-01", "2024-08-01"], "following"),  # 1 June: another
        (["2024-09-11", "2024-10-11", "2024-11-11"], "none"),
    ],
)
def test_a_roll_is_seen_at_either_end(dates, roll):
    """A first or last due date that had moved off a closed day was outside the payments' days."""
    table = pd.DataFrame({"customer_id": "C", "counterparty_id": "P", "direction": "out",
                          "date": pd.to_datetime(dates), "amount": 100.0})  # fmt: skip
    found = qfb.find_streams(table, as_of=dates[-1], device="cpu", calendar="weekends")
    assert found.is_regular.tolist() == [True]
    assert found["roll"].tolist() == [roll]
