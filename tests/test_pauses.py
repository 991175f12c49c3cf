"""Payments before and after a long pause: the part that is searched, and what is said of them."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from naive import pauses as naive
from simulate import launch

from qfb_gpu.api import find_streams
from qfb_gpu.backend import get_backend
from qfb_kernels import pauses

CPU = get_backend("cpu")
AS_OF = dt.date(2024, 12, 31)


def on_host(n_rows, *arrays):
    CPU.launch(pauses.parts_cpu, None, n_rows, *arrays)


def simulated(n_rows, *arrays):
    launch(pauses.parts_gpu, n_rows, *arrays)


def units(seed):
    """Return units of none to thirty payments, most of them in some short spells over years."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(60):
        n, n_spells = int(rng.integers(0, 30)), int(rng.integers(1, 6))
        spells = np.sort(rng.integers(0, 4000, n_spells))
        width = int(rng.choice([1, 30, 300]))
        drawn.append(np.sort(rng.choice(spells, n) + rng.integers(0, width, n)))
    for n_spells in range(2, 8):  # alike, so that from five on none has a quarter of the payments
        spell = np.sort(rng.choice(30, 5, replace=False))
        drawn.append(np.concatenate([spell + 900 * i for i in range(n_spells)]))
    drawn += [  # about as many gaps as five payments may have due dates
        np.array([0, 30, 60, 90, 90 + 30 * pause]) for pause in range(5, 13)
    ]
    return drawn


def check_parts(run, seed):
    drawn = units(seed)
    size = np.array([len(days) for days in drawn], np.int32)
    start = (np.cumsum(size) - size).astype(np.int64)
    order = np.random.default_rng(seed).permutation(size.sum())
    day, member = np.empty(len(order), np.int64), order.astype(np.int32)
    day[member] = np.concatenate(drawn)
    gap = np.array([np.median(np.diff(days)) if len(days) > 1 else np.nan for days in drawn])
    begin, kept = np.full(len(size), -1, np.int64), np.full(len(size), -1, np.int32)
    run(len(size), day, member, start, size, gap, begin, kept)
    want = np.array([naive.part(days.tolist(), at) for days, at in zip(drawn, gap, strict=True)])
    np.testing.assert_array_equal(begin - start, want[:, 0])
    np.testing.assert_array_equal(kept, want[:, 1])
    assert 0 < np.sum(kept < size) < len(size)


@pytest.mark.parametrize("seed", range(6))
def test_the_part_is_that_of_plain_lists(seed):
    check_parts(on_host, seed)


@pytest.mark.cudasim
@pytest.mark.parametrize("seed", range(2))
def test_the_part_is_the_same_in_the_simulator(seed):
    check_parts(simulated, seed)


def months(year, month, n, day, step=1):
    """Return ``n`` days, ``step`` months apart."""
    at = [year * 12 + month - 1 + i * step for i in range(n)]
    return [dt.date(m // 12, m % 12 + 1, day) for m in at]


def every(first, step, n):
    """Return ``n`` days, ``step`` days apart."""
    return [first + dt.timedelta(days=step * i) for i in range(n)]


YEARS_BEFORE = {  # who is paid: the days, and the cadence and next date of what goes on
    "four months after one in January": (
        [dt.date(2024, 1, 15), *months(2024, 9, 4, 15)], "monthly", dt.date(2025, 1, 15)),
    "another day of the month before": (
        [dt.date(2024, 1, 20), *months(2024, 9, 4, 5)], "monthly", dt.date(2025, 1, 5)),
    "five months after two years": (
        [dt.date(2022, 1, 15), *months(2024, 8, 5, 15)], "monthly", dt.date(2025, 1, 15)),
    "36 months after twelve years": (
        [dt.date(2010, 3, 15), *months(2022, 1, 36, 15)], "monthly", dt.date(2025, 1, 15)),
    "12 months after nine years": (
        [dt.date(2015, 3, 7), *months(2024, 1, 12, 28)], "monthly", dt.date(2025, 1, 28)),
    "24 months after two of 2012": (
        [*months(2012, 5, 2, 7), *months(2023, 1, 24, 22)], "monthly", dt.date(2025, 1, 22)),
    "20 weeks": (
        [dt.date(2016, 3, 7), *every(dt.date(2024, 8, 19), 7, 20)], "weekly", dt.date(2025, 1, 6)),
    "26 fortnights": (
        [dt.date(2012, 5, 7), *every(dt.date(2024, 1, 5), 14, 26)], "biweekly",
        dt.date(2025, 1, 3)),
    "30 times ten days": (
        [dt.date(2012, 4, 3), *every(dt.date(2024, 3, 11), 10, 30)], "every_n_days",
        dt.date(2025, 1, 6)),
    "12 quarters": (
        [dt.date(1995, 5, 7), *months(2022, 1, 12, 12, 3)], "quarterly", dt.date(2025, 1, 13)),
    "12 months twice a month": (
        [dt.date(2014, 4, 3), *sorted(months(2024, 1, 12, 5) + months(2024, 1, 12, 20))],
        "semimonthly", dt.date(2025, 1, 5)),
    "four years": (
        [dt.date(1990, 6, 15), *months(2021, 6, 4, 15, 12)], "annual", dt.date(2025, 6, 16)),
}  # fmt: skip
TWICE = {  # the parts, each a stream of months or weeks
    "2012 and 2024": [months(2012, 1, 12, 10), months(2024, 1, 12, 10)],
    "a pause of five years": [months(2016, 1, 30, 15), months(2024, 1, 12, 15)],
    "three summers": [every(dt.date(year, 6, 7), 7, 12) for year in (2010, 2017, 2024)],
}


@pytest.fixture(scope="module")
def found():
    """Return the regular streams of all cases, found at once."""
    days = {name: case[0] for name, case in YEARS_BEFORE.items()}
    days |= {name: [day for part in parts for day in part] for name, parts in TWICE.items()}
    days["36 months, one ten years later"] = [*months(2012, 1, 36, 15), dt.date(2024, 10, 9)]
    rows = [(name, "p", day, 100.0, "out") for name, dates in days.items() for day in dates]
    table = pd.DataFrame(rows, columns="customer_id counterparty_id date amount direction".split())
    table["date"] = pd.to_datetime(table.date)
    streams = find_streams(table, as_of=AS_OF, device="cpu", calendar="CN", currency="CNY")
    return streams[streams.is_regular].groupby("customer_id")


@pytest.mark.parametrize("name", YEARS_BEFORE)
def test_payments_years_before_do_not_hide_a_schedule(found, name):
    _, cadence, next_date = YEARS_BEFORE[name]
    stream = found.get_group(name)
    assert stream.cadence.tolist() == [cadence]
    assert abs(stream.next_date.iloc[0] - pd.Timestamp(next_date)) <= pd.Timedelta(days=3)


@pytest.mark.parametrize("name", TWICE)
def test_a_schedule_that_begins_again_is_a_stream_each_time(found, name):
    streams = found.get_group(name).sort_values("first_date")
    assert streams.n_payments.tolist() == [len(part) for part in TWICE[name]]
    assert streams.first_date.dt.date.tolist() == [part[0] for part in TWICE[name]]
    assert len(set(streams.cadence)) == 1
    assert streams.status.iloc[0] == "stopped"


def test_a_payment_years_later_does_not_tear_a_schedule(found):
    stream = found.get_group("36 months, one ten years later")
    assert stream.cadence.tolist() == ["monthly"]
    assert stream.status.tolist() == ["stopped"]


def test_payments_close_together_at_random_years_after_one_are_not_regular():
    """Beside payments anywhere in all the years they would be a surprise."""
    rng = np.random.default_rng(3)
    last = (AS_OF - dt.date(1970, 1, 1)).days
    rows = [
        (f"{i}", "p", day)
        for i in range(60)
        for day in [last - 2000, *np.sort(last - rng.integers(0, 365, 59))]
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "counterparty_id", "date"])
    table["date"] = pd.to_datetime(table.date, unit="D")
    table["amount"], table["direction"] = 100.0, "out"
    streams = find_streams(table, as_of=AS_OF, device="cpu", calendar="CN", currency="CNY")
    assert streams.is_regular.sum() == 0
