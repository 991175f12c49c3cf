"""Which payments become one stream: contracts apart, price steps together."""

import datetime as dt

import pandas as pd
import pytest

import qfb_gpu as qfb
from qfb_gpu.calendars import load_calendar
from qfb_gpu.payments.tables import calendar_table
from qfb_kernels import dues

AS_OF = dt.date(2024, 12, 31)


def monthly(day, amounts, start=(2023, 1)):
    year, month = start
    dates = [
        dt.date(year + (month - 1 + i) // 12, (month - 1 + i) % 12 + 1, day)
        for i in range(len(amounts))
    ]
    return pd.DataFrame({"date": dates, "amount": amounts})


def regular(*contracts):
    payments = pd.concat(contracts, ignore_index=True)
    payments = payments.assign(customer_id="a", counterparty_id="b", direction="out")
    streams = qfb.find_streams(payments, as_of=AS_OF, device="cpu", calendar="weekends")
    found = streams[streams.is_regular].sort_values("amount_typical")
    return found.reset_index(drop=True)


@pytest.mark.parametrize("ratio", [1.06, 1.3, 0.8])
def test_a_price_step_stays_in_one_stream(ratio):
    found = regular(monthly(15, [1000.0] * 14 + [1000.0 * ratio] * 10))
    assert found.n_payments.tolist() == [24]
    assert found.amount_kind.tolist() == ["stepped"]
    assert found.amount_step_date.tolist() == [pd.Timestamp(2024, 3, 15)]
    assert found.amount_step_ratio[0] == pytest.approx(ratio - 1)
    assert found.next_amount[0] == pytest.approx(1000 * ratio)


def test_a_rent_that_rose_two_januaries_is_foretold_to_rise_or_stay():
    rent = [1000.0] * 12 + [1030.0] * 12 + [1060.9] * 12
    found = regular(monthly(15, rent, start=(2022, 1)))
    assert found.amount_kind.tolist() == ["stepped"]
    assert found.next_date.tolist() == [pd.Timestamp(2025, 1, 15)]
    assert found.next_amount_low[0] == 1060.9
    assert found.next_amount[0] == pytest.approx(1060.9 * 1.03)
    assert found.next_amount_high[0] == pytest.approx(1060.9 * 1.03**2)


def test_two_contracts_with_one_counterparty_are_two_streams():
    found = regular(monthly(5, [800.0] * 24), monthly(20, [95.0] * 24))
    assert found.n_payments.tolist() == [24, 24]
    assert found.amount_typical.tolist() == [95, 800]
    assert found.cadence.tolist() == ["monthly", "monthly"]
    assert found.next_date.tolist() == [pd.Timestamp(2025, 1, 20), pd.Timestamp(2025, 1, 5)]


def test_three_policies_of_one_insurer_are_three_streams():
    quarterly = monthly(10, [600.0] * 24)[::3]
    found = regular(monthly(1, [40.0] * 24), monthly(1, [310.0] * 24), quarterly)
    assert found.amount_typical.tolist() == [40, 310, 600]
    assert found.cadence.tolist() == ["monthly", "monthly", "quarterly"]


@pytest.mark.parametrize("small", [0.0, 0.01])
def test_a_rent_stands_apart_from_a_crowd_of_payments_of_nothing(small):
    dates = [dt.date(2023, 1, 1) + dt.timedelta(days=37 * i * i % 701) for i in range(150)]
    crowd = pd.DataFrame({"date": dates, "amount": small})
    found = regular(monthly(15, [1000.0] * 24), crowd)
    assert found.cadence.tolist() == ["monthly"]
    assert found.n_payments.tolist() == [24]
    assert found.amount_typical.tolist() == [1000]


def test_a_payment_twice_a_month_is_one_stream():
    found = regular(monthly(5, [500.0] * 24), monthly(20, [500.0] * 24))
    assert found.cadence.tolist() == ["semimonthly"]
    assert found.n_payments.tolist() == [48]


def test_amounts_that_vary_stay_in_one_stream():
    amounts = [100.0 + 37 * (i * i % 11) for i in range(24)]
    found = regular(monthly(8, amounts))
    assert found.n_payments.tolist() == [24]
    assert found.amount_kind.tolist() == ["variable"]


def test_refunds_and_extras_leave_the_schedule_alone():
    extras = pd.DataFrame(
        {"date": [dt.date(2023, 4, 3), dt.date(2024, 8, 27)], "amount": [77.0, 1.5]}
    )
    refund = pd.DataFrame({"date": [dt.date(2023, 6, 20)], "amount": [-450.0]})
    found = regular(monthly(15, [450.0] * 24), extras, refund)
    assert found.cadence.tolist() == ["monthly"]
    assert found.n_payments[0] in (23, 24)
    assert found.next_date.tolist() == [pd.Timestamp(2025, 1, 15)]


@pytest.mark.parametrize(("kind", "step"), [(dues.DAYS, 400), (dues.MONTHS, 12), (dues.NTH, 12)])
def test_the_calendar_table_holds_every_due_date_that_is_looked_for(kind, step):
    """Kernels read three dues before the one at hand, and six ahead, without a check."""
    first, last = 19358, 20088
    cal = calendar_table(load_calendar("CN"), first, last)
    first_day, n_days, first_month, n_months = cal[:4].tolist()
    for anchor in range(step):
        start = anchor + (19000 if kind == dues.DAYS else 620)
        early = dues.due_index(cal, kind, step, start, 1, 0, first - 160) - 3
        late = dues.due_index(cal, kind, step, start, 1, 0, last + 160) + 7
        for k in (early, late):
            place = start + k * step
            low, high = (first_day, n_days) if kind == dues.DAYS else (first_month, n_months)
            assert low < place < low + high - 2, (anchor, k)


@pytest.mark.parametrize("n", [10, 44, 45, 60, 200])
def test_one_due_date_ends_no_stream(n):
    """Of 45 payments and more a payer was said to have stopped when it was some days late."""
    last = pd.Timestamp(2023, 12, 29)
    dates = [last - pd.Timedelta(weeks=i) for i in range(n)]
    table = pd.DataFrame({"customer_id": "C", "counterparty_id": "P", "date": dates,
                          "amount": 100.0, "direction": "out"})  # fmt: skip
    late = [last + pd.Timedelta(days=days) for days in (10, 12, 13, 21)]
    found = [qfb.find_streams(table, as_of=day, device="cpu").iloc[0] for day in late]
    assert [one.status for one in found] == ["mature"] * 3 + ["stopped"]
    assert found[2].next_date == last + pd.Timedelta(weeks=2)
