"""Payments on several weekdays of a week are one stream, several contracts are several."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from strategies import EPOCH

import qfb_gpu as qfb
from qfb_gpu.calendars import load_calendar

AS_OF = dt.date(2024, 12, 31)
DAYS = pd.date_range("2023-01-02", AS_OF)
NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
SETS = [(0, 2, 4), (1, 3), (0, 3), (0, 1, 2), (1, 2, 3, 4), (0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 5)]


def payments(days, amount, name="C"):
    return pd.DataFrame({"customer_id": name, "counterparty_id": "P", "date": days,
                         "amount": amount, "direction": "out", "currency": "CNY"})  # fmt: skip


def on(weekdays):
    return DAYS[DAYS.weekday.isin(weekdays)]


def next_of(weekdays, calendar_days=14):
    later = pd.date_range(AS_OF + dt.timedelta(days=1), periods=calendar_days)
    return later[later.weekday.isin(weekdays)][0]


def streams(table, calendar="weekends"):
    found = qfb.find_streams(table, as_of=AS_OF, device="cpu", calendar=calendar)
    return found.sort_values("n_payments", ascending=False, ignore_index=True)


@pytest.mark.parametrize("weekdays", SETS)
@pytest.mark.parametrize("skipped", [0.0, 0.1])
@pytest.mark.parametrize("spread", [0.0, 0.5])
@pytest.mark.parametrize("n_days", [84, 731])
def test_payments_on_some_weekdays_are_one_stream(weekdays, skipped, spread, n_days):
    rng = np.random.default_rng(len(weekdays) + n_days)
    days = on(weekdays)
    days = days[days > DAYS[-1] - pd.Timedelta(days=n_days)]
    days = days[(rng.random(len(days)) >= skipped) | (days > DAYS[-1] - pd.Timedelta(days=14))]
    found = streams(payments(days, np.exp(rng.normal(7, spread, len(days))).round(2)))
    assert found.is_regular[0]
    assert found.rrule[0] == "FREQ=WEEKLY;BYDAY=" + ",".join(NAMES[day] for day in weekdays)
    assert found.cadence[0] == ("weekly" if len(weekdays) < 5 else "daily")
    assert found.period_days[0] == pytest.approx(7 / len(weekdays))
    assert found.n_payments[0] >= 0.95 * len(days)
    assert found.next_date[0] == next_of(weekdays)
    assert found.next_date_earliest[0] <= found.next_date[0] <= found.next_date_latest[0]


def test_payments_that_take_no_notice_of_holidays_are_not_daily():
    """Monday to Friday, Spring Festival included: every day, of which two of seven were missed."""
    found = streams(payments(on(range(5)), 100.0), calendar="CN")
    assert found.rrule.tolist() == ["FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"]
    assert found.n_missed.tolist() == [0]


@pytest.mark.parametrize("n_days", [40, 731])
def test_a_payer_of_every_working_day_is_no_payer_of_every_day(n_days):
    """The family was left out but where two payments happened to be half a month apart."""
    calendar = load_calendar("CN")
    place = (DAYS[-n_days:] - pd.Timestamp(EPOCH)).days - calendar.first_day
    days = DAYS[-n_days:][np.asarray(calendar.is_working)[place]]
    found = streams(payments(days, 100.0), calendar="CN")
    assert found.rrule.tolist() == ["FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"]
    assert found.schedule_code.tolist() == ["EvryWorkgDay"]
    assert found.n_missed.tolist() == [0]
    assert found.next_date.tolist() == [pd.Timestamp(2025, 1, 2)]


def test_a_payer_on_working_days_that_rolls_has_his_weekdays():
    """Monday and Thursday; on a holiday the next working day."""
    closed = {pd.Timestamp(day) for day in ("2024-04-04", "2024-05-01", "2024-05-02", "2024-10-03")}
    days = [day + pd.Timedelta(days=1) if day in closed else day for day in on([0, 3])]
    found = streams(payments(days, 100.0))
    assert found.rrule[0] == "FREQ=WEEKLY;BYDAY=MO,TH"
    assert found.n_payments[0] >= len(days) - 4


@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_two_contracts_of_other_amounts_stay_two(spread):
    rng = np.random.default_rng(3)
    days = on([0, 3])
    amount = np.where(days.weekday == 0, 100.0, 250.0) * np.exp(rng.normal(0, spread, len(days)))
    found = streams(payments(days, amount.round(2)))
    regular = found[found.is_regular]
    assert sorted(regular.rrule) == ["FREQ=WEEKLY;BYDAY=MO", "FREQ=WEEKLY;BYDAY=TH"]
    assert regular.n_payments.sum() >= 0.95 * len(days)


def test_a_contract_that_begins_later_stays_apart():
    days = on([0, 3])
    days = days[(days.weekday == 0) | (days > "2024-02-01")]
    found = streams(payments(days, 100.0))
    assert sorted(found.rrule) == ["FREQ=WEEKLY;BYDAY=MO", "FREQ=WEEKLY;BYDAY=TH"]


@pytest.mark.parametrize("weight", [1.0, 3.0])
@pytest.mark.parametrize("n_expected", [40, 150, 400])
def test_random_payments_that_like_some_weekdays_are_not_regular(weight, n_expected):
    rng = np.random.default_rng(n_expected)
    likely = np.where(DAYS.weekday.isin([0, 2, 4]), weight, 1.0) * (DAYS.weekday < 5)
    tables = [
        payments(DAYS[np.sort(rng.choice(len(DAYS), n, p=likely / likely.sum()))], 100.0, f"C{i}")
        for i, n in enumerate(rng.poisson(n_expected, 100))
    ]
    assert streams(pd.concat(tables)).is_regular.mean() <= 0.02
