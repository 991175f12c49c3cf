"""What a schedule is called: its RRULE, as another library reads it, has its due dates."""

import datetime as dt
from calendar import monthrange

import pandas as pd
import pytest

import qfb_gpu as qfb
from qfb_gpu.backend import get_backend
from qfb_gpu.payments.cadence import name_schedules
from qfb_kernels import dues
from qfb_kernels.due_places import SETS

FIRST, LAST = dt.datetime(2023, 1, 1), dt.datetime(2024, 12, 31)  # noqa: DTZ001  no zone
CPU = get_backend("cpu")


def named(kind, a, b):
    """Return the rule and the code of a schedule of every month."""
    xp = CPU.xp
    fit = xp.zeros((1, 7), dtype="int64")
    fit[0, :5] = xp.asarray([kind, 1, 0, a, b])
    found = name_schedules(fit, xp.zeros(1, dtype=bool), CPU)
    return [found[name].labels[found[name].codes[0]] for name in ("rrule", "schedule_code")]


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
