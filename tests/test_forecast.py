"""What comes next: expected payments against a loop, next dates by plain calendar arithmetic."""

import datetime as dt
import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from ledger_cases import CNY, build_ledger
from naive import dues as naive
from naive import forecast as naive_forecast
from simulate import simulated_backend
from strategies import EPOCH, holidays, make_calendar, rolls, schedules

from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.payments import decide, expected_payments, q_values, score_streams
from qfb_gpu.payments.cadence import SCHEDULE_COLUMNS
from qfb_gpu.payments.forecast import next_payments
from qfb_gpu.payments.tables import calendar_table
from qfb_gpu.schema import CADENCES, STATUSES

CPU = get_backend("cpu")
KINDS = ("days", "months", "pair", "nth", "workdays", "month_workday", "byday")
ROLLS = ("none", "preceding", "following", "modified")
CN = load_calendar("CN")


def number(date):
    return (date - EPOCH).days


def date_of(day):
    return EPOCH + dt.timedelta(days=int(day))


# Expected payments, from decided columns ---------------------------------------------------------


def columns_of(streams):
    """Return decided columns of (schedule, roll, first due date or None, regular, status)."""
    fit = np.zeros((len(streams), len(SCHEDULE_COLUMNS)), np.int32)
    for row, ((kind, *rest), roll, *_) in enumerate(streams):
        fit[row, :6] = KINDS.index(kind), *rest, ROLLS.index(roll)
    fit.flags.writeable = False
    columns = {name: fit[:, i] for i, name in enumerate(SCHEDULE_COLUMNS)}
    first = [NULL_DAY if due is None else number(due) for _, _, due, _, _ in streams]
    status = [STATUSES.index(name) if name else -1 for *_, name in streams]
    return columns | {
        "is_regular": np.array([regular for *_, regular, _ in streams], bool),
        "status": Labelled(np.array(status, np.int8), STATUSES),
        "next_due_date": np.array(first, np.int32),
        "next_amount": np.arange(len(streams)) * 10.5,
    }


def check_expected(streams, as_of, horizon, days_off, backend):
    columns = columns_of(streams)
    got = expected_payments(columns, make_calendar(*days_off), number(as_of), horizon, backend)
    want = []
    for row, (schedule, roll, first_due, regular, status) in enumerate(streams):
        if regular and status in ("early", "mature") and first_due is not None:
            dates = naive.expected(schedule, roll, first_due, as_of, horizon, *days_off)
            want += [(row, date, row * 10.5) for date in dates]
    dates = [date_of(day) for day in got["due_day"]]
    assert list(zip(got["stream"].tolist(), dates, got["amount"].tolist(), strict=True)) == want
    return len(want)


as_of_dates = st.dates(dt.date(2019, 1, 1), dt.date(2024, 6, 30))


@st.composite
def decided(draw, as_of, days_off):
    schedule, roll = draw(schedules), draw(rolls)
    k = 0
    while naive.due(schedule, roll, k, *days_off) <= as_of:
        k += 1
    while naive.due(schedule, roll, k, *days_off) > as_of:
        k -= 1
    first_due = naive.due(schedule, roll, k + draw(st.integers(0, 2)), *days_off)
    regular = draw(st.sampled_from([True, True, True, False]))
    status = draw(st.sampled_from([*STATUSES, "mature"])) if regular else None
    return schedule, roll, draw(st.sampled_from([first_due, first_due, None])), regular, status


@st.composite
def situations(draw):
    as_of, days_off = draw(as_of_dates), draw(holidays())
    streams = draw(st.lists(decided(as_of, days_off), max_size=4))
    return streams, as_of, draw(st.sampled_from([0, 1, 30, 90])), days_off


@given(situations())
@settings(max_examples=120)
def test_expected_payments_match_a_loop(situation):
    check_expected(*situation, CPU)


def any_schedule(rng):
    """Return a schedule of any kind and the index of a due date of its first year, 2019."""
    kind = str(rng.choice(["days", "months", "pair", "nth", "month_workday", "byday"]))
    month, step = int(rng.integers(12 * 49, 12 * 50)), int(rng.choice([1, 1, 1, 2, 3, 6, 12]))
    bits = int(rng.choice([0b100_1001, 0b001_0100, 0b110_0000, 0b000_1000]))
    made = {
        "days": (int(rng.choice([5, 7, 10, 14, 28, 30, 91])), int(rng.integers(17_900, 18_200)), 1,
                 0),
        "months": (step, month, int(rng.choice([1, 15, 28, 31, -1, -5])), 0),
        "pair": (1, month, 5, 20),
        "nth": (step, month, int(rng.choice([1, 2, 3, 4, -1])), int(rng.integers(7))),
        "month_workday": (step, month, int(rng.choice([1, 3, 9, -1, -4])), 0),
        "byday": (7, 0, bits & 31, bits >> 5),
    }  # fmt: skip
    return (kind, *made[kind]), 2_560 * bits.bit_count() if kind == "byday" else 0


def closed_and_worked(rng):
    """Return three long holidays of 2019 to 2021, with a weekend worked before each."""
    first = [dt.date(2019, 1, 1) + dt.timedelta(days=int(n)) for n in rng.integers(0, 1_000, 3)]
    closed = {day + dt.timedelta(days=i) for day in first for i in range(7)}
    opened = {day - dt.timedelta(days=day.weekday() + 2) for day in first}
    return frozenset(closed - opened), frozenset(opened)


@pytest.mark.parametrize("seed", range(8))
def test_expected_payments_of_every_kind_of_schedule_match_a_loop(seed):
    """Of the drawn streams most expect nothing, and the others a single payment."""
    rng = np.random.default_rng(seed)
    days_off, streams = closed_and_worked(rng), []
    as_of = dt.date(2020, 3, 1) + dt.timedelta(days=int(rng.integers(400)))
    for _ in range(8):
        (schedule, k), roll = any_schedule(rng), str(rng.choice(ROLLS))
        while naive.due(schedule, roll, k, *days_off) <= as_of:
            k += 1
        first_due = naive.due(schedule, roll, k + int(rng.integers(-1, 2)), *days_off)
        status = str(rng.choice(["early", "mature", "mature", "stopped"]))
        streams.append((schedule, roll, first_due, True, status))
    n_expected = check_expected(streams, as_of, 90, days_off, CPU)
    assert n_expected > 8


def test_a_late_payment_is_expected_tomorrow_and_no_day_twice():
    weekly = ("days", 7, number(dt.date(2024, 3, 1)), 1, 0)
    daily = ("days", 1, number(dt.date(2024, 3, 1)), 1, 0)
    as_of = dt.date(2024, 3, 7)
    streams = [
        (weekly, "none", dt.date(2024, 3, 1), True, "mature"),
        (daily, "following", dt.date(2024, 3, 4), True, "early"),  # weekends roll to one Monday
    ]
    got = expected_payments(columns_of(streams), make_calendar(), number(as_of), 8, CPU)
    listed = [(s, str(date_of(d))) for s, d in zip(got["stream"], got["due_day"], strict=True)]
    assert listed == [
        (0, "2024-03-08"), (0, "2024-03-15"), (1, "2024-03-08"), (1, "2024-03-11"),
        (1, "2024-03-12"), (1, "2024-03-13"), (1, "2024-03-14"), (1, "2024-03-15"),
    ]  # fmt: skip
    check_expected(streams, as_of, 8, ((), ()), CPU)


def test_nothing_is_expected_of_no_streams(backend):
    columns = {
        name: Labelled(backend.asarray(values.codes), values.labels)
        if isinstance(values, Labelled)
        else backend.asarray(values)
        for name, values in columns_of([]).items()
    }
    got = expected_payments(columns, make_calendar(), 20_000, 90, backend)
    assert {values.shape for values in got.values()} == {(0,)}


@pytest.mark.cudasim
def test_expected_payments_in_the_simulator_match_a_loop():
    closed, as_of = {dt.date(2024, 5, day) for day in range(1, 6)}, dt.date(2024, 4, 20)
    streams = [
        (("days", 30, number(dt.date(2024, 4, 1)), 1, 0), "following", as_of, True, "mature"),
        (("months", 1, 600, 31, 0), "modified", as_of, True, "early"),
        (("pair", 1, 600, 5, 20), "preceding", as_of, True, "mature"),
        (("nth", 1, 600, -1, 4), "none", as_of, True, "stopped"),
        (("month_workday", 1, 600, 2, 0), "none", as_of, True, "mature"),
    ]
    check_expected(streams, as_of, 60, (closed, ()), simulated_backend())


# The distribution of the next payment ------------------------------------------------------------


def forecast_of(schedule, roll, clock, ks, offsets, as_of, days_off, backend):
    """Return what the kernel says of one stream: range and median, next due, missed, status."""
    due = [naive.due(schedule, roll, k, *days_off) for k in ks]
    paid = [
        number(naive_forecast.ticks_after(date, o, clock, days_off))
        for date, o in zip(due, offsets, strict=True)
    ]
    kind, step, anchor, a, b = schedule
    moved = [o for o in offsets if o]
    fit = np.zeros((1, 14), np.int64)
    fit[0, :7] = KINDS.index(kind), step, anchor, a, b, ROLLS.index(roll), clock
    fit[0, 7:12] = (
        len(ks), ks[-1] - ks[0] + 1 - len(ks), len(ks) - len(moved), sum(map(abs, moved)),
        sum(o > 0 for o in moved),
    )  # fmt: skip
    order = np.argsort(paid, kind="stable")
    # the last payment of the stream answers no due date
    answers = (
        np.array([*[0] * len(ks), -1], np.int32),
        np.array([*[number(due[i]) for i in order], NULL_DAY], np.int32),
        np.array([*[offsets[i] for i in order], 0], np.int32),
    )
    members = (np.arange(len(ks) + 1, dtype=np.int32), np.zeros(1, np.int64),
               np.array([len(ks) + 1], np.int32))  # fmt: skip
    cal = calendar_table(make_calendar(*days_off), min(paid), number(as_of))
    found = next_payments(answers, members, cal, fit, number(as_of), backend)
    quantile, next_due, _, missed, status = (values[0] for values in found)
    dates = None if quantile[1] == NULL_DAY else tuple(date_of(day) for day in quantile)
    return dates, date_of(next_due), int(missed), STATUSES[status]


@st.composite
def histories(draw):
    """Draw a schedule of different due dates, which of them are answered, and how late."""
    schedule, roll = draw(schedules), draw(rolls)
    assume(schedule[0] != "days" or schedule[1] > 4)
    ks = sorted(draw(st.sets(st.integers(0, 12), min_size=2, max_size=10)))
    most = min(5, schedule[1] // 3) if schedule[0] == "days" else 5
    offsets = draw(st.lists(st.sampled_from([0, 0, 0, 0, 1, 2, -1, most]),
                            min_size=len(ks), max_size=len(ks)))  # fmt: skip
    days_off, clock = draw(holidays()), draw(st.booleans())
    due = [naive.due(schedule, roll, k, *days_off) for k in range(ks[-1] + 6)]
    assume(len(set(due)) == len(due))
    paid = [
        naive_forecast.ticks_after(due[k], o, clock, days_off)
        for k, o in zip(ks, offsets, strict=True)
    ]
    assume(paid == sorted(paid))
    wait = draw(st.integers(0, (due[ks[-1] + 3] - due[ks[-1]]).days))
    return schedule, roll, int(clock), ks, offsets, paid[-1] + dt.timedelta(days=wait), days_off


@given(histories())
@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much])
def test_the_next_payment_is_distributed_as_by_loops(history):
    assert forecast_of(*history, CPU) == naive_forecast.forecast(*history)


def history_of(rng):
    """Return a history as :func:`histories` does: some due dates skipped, many answered off."""
    while True:
        (schedule, k), roll = any_schedule(rng), str(rng.choice(ROLLS))
        kept, cut, away = rng.choice([0.5, 0.85, 1.0]), rng.integers(4, 30), rng.integers(2, 9)
        ks = [k + i + int(away * (i >= cut)) for i in range(rng.integers(4, 15))
              if rng.random() < kept]  # fmt: skip
        clock, days_off = int(rng.integers(2)), closed_and_worked(rng)
        if len(ks) < 2:
            continue
        ahead = int(rng.integers(3, 9))
        due = [naive.due(schedule, roll, i, *days_off) for i in range(ks[0], ks[-1] + ahead)]
        near = min((after - before).days for before, after in itertools.pairwise(due)) // 3
        far = int(rng.choice([0, 1, 8]))
        offsets = [int(o) for o in rng.integers(-min(near, far) // 2, min(near, far) + 1, len(ks))]
        paid = [naive_forecast.ticks_after(due[i - ks[0]], o, clock, days_off)
                for i, o in zip(ks, offsets, strict=True)]  # fmt: skip
        if len(set(due)) < len(due) or paid != sorted(paid):
            continue
        next_due, after = due[ks[-1] - ks[0] + 1 : ks[-1] - ks[0] + 3]
        as_of = next_due + dt.timedelta(
            days=int(rng.integers(-2, (after - next_due).days // 2 + 2))
        )
        if rng.random() < 0.3:
            as_of = due[-1] - dt.timedelta(days=int(rng.integers(9)))
        if as_of >= paid[-1]:
            return schedule, roll, clock, ks, offsets, as_of, days_off


@pytest.mark.parametrize("seed", range(6))
def test_the_next_payment_of_every_kind_of_schedule_is_distributed_as_by_loops(seed):
    """Of the drawn histories few are late, hardly any is off by more than a day, none stopped."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(25):
        history = history_of(rng)
        found.append(forecast_of(*history, CPU))
        assert found[-1] == naive_forecast.forecast(*history), history
    assert {status for *_, status in found} == {"early", "mature", "stopped"}


@pytest.mark.cudasim
@pytest.mark.parametrize("day", [3, 20])  # before the next due date, and when it is overdue
def test_the_next_payment_in_the_simulator_is_distributed_as_by_loops(day):
    history = (
        ("months", 1, 600, 15, 0), "following", 1, [0, 1, 3, 4, 6], [0, 1, 0, 0, -1],
        dt.date(2020, 8, day), ({dt.date(2020, 8, 17)}, {dt.date(2020, 8, 15)}),
    )  # fmt: skip
    assert forecast_of(*history, simulated_backend()) == naive_forecast.forecast(*history)


def test_a_due_date_on_a_closed_day_may_roll_either_way_until_the_stream_has_shown_how():
    schedule, days_off = ("months", 1, 560, 15, 0), (frozenset(), frozenset())
    few, many = list(range(46, 50)), list(range(50))
    as_of = dt.date(2020, 10, 20)  # the next is due on a Sunday, 15 November
    one, *_ = forecast_of(schedule, "following", 0, few, [0] * len(few), as_of, days_off, CPU)
    all_, *_ = forecast_of(schedule, "following", 0, many, [0] * len(many), as_of, days_off, CPU)
    assert one[0] < dt.date(2020, 11, 15)
    assert one[1] == dt.date(2020, 11, 16)
    assert all_ == (dt.date(2020, 11, 16),) * 3


def test_a_long_break_before_a_faultless_run_does_not_make_the_next_one_doubtful():
    schedule, days_off = ("days", 7, 18_000, 1, 0), (frozenset(), frozenset())
    ks = [0, *range(60, 80)]
    as_of = naive.due(schedule, "none", 79, *days_off)
    dates, next_due, missed, status = forecast_of(
        schedule, "none", 0, ks, [0] * len(ks), as_of, days_off, CPU
    )
    assert dates[1] == next_due == as_of + dt.timedelta(days=7)
    assert (missed, status) == (59, "mature")


@pytest.mark.parametrize(("n_passed", "status"), [(1, "mature"), (2, "stopped"), (3, "stopped")])
def test_one_due_date_without_an_answer_ends_no_stream_however_many_were_answered(n_passed, status):
    schedule, days_off = ("days", 30, 15_000, 1, 0), (frozenset(), frozenset())
    as_of = naive.due(schedule, "none", 99 + n_passed, *days_off) + dt.timedelta(days=12)
    history = (schedule, "none", 0, list(range(100)), [0] * 100, as_of, days_off)
    found = forecast_of(*history, CPU)
    assert found == naive_forecast.forecast(*history)
    assert found[2:] == (n_passed, status)


def test_the_first_payment_that_is_ever_late_may_come_soon_or_be_skipped():
    schedule, days_off = ("months", 1, 560, 15, 0), (frozenset(), frozenset())
    due = naive.due(schedule, "none", 23, *days_off)
    following = naive.due(schedule, "none", 24, *days_off)

    def ahead(days_late):
        as_of = due + dt.timedelta(days=days_late)
        dates, *_ = forecast_of(
            schedule, "none", 0, list(range(23)), [0] * 23, as_of, days_off, CPU
        )
        return tuple((date - as_of).days for date in dates), (following - as_of).days

    (earliest, _, latest), next_due = ahead(1)
    assert earliest <= 2
    assert latest >= next_due
    assert ahead(-1)[0] == (1, 1, 1)
    (earliest, *_), next_due = ahead(14)  # nearer the next due date than this one
    assert earliest >= next_due - 3


@pytest.mark.parametrize("wait", [-1, 0, 1, 2])
def test_a_late_payment_is_in_its_range(wait):
    """One due date in ten is answered late and one is skipped; 85% of 400 leave three sigma."""
    rng = np.random.default_rng(wait + 7)
    schedule, days_off = ("days", 30, 18_000, 1, 0), (frozenset(), frozenset())
    as_of = 18_000 + 30 * 20 + wait
    held = []
    while len(held) < 400:
        fate = rng.choice(["paid", "late", "skipped"], p=[0.8, 0.1, 0.1], size=30)
        offset = np.where(fate == "late", rng.geometric(0.3, 30), 0).clip(max=9)
        answered = np.flatnonzero(fate != "skipped")
        ks = [int(k) for k in answered if k < 20]
        coming = answered[answered >= 20][0]
        next_day = 18_000 + 30 * coming + offset[coming]
        if next_day <= as_of or ks[-1] < 19:
            continue
        own = [int(offset[k]) for k in ks]
        dates, *_ = forecast_of(schedule, "none", 0, ks, own, date_of(as_of), days_off, CPU)
        held.append(number(dates[0]) <= next_day <= number(dates[2]))
    assert np.mean(held) > 0.85, np.mean(held)


# Next payments, from payments ---------------------------------------------------------------------


def closed_in_china():
    """Return (closed, opened) of the calendar of China."""
    dates = [date_of(CN.first_day + i) for i in range(len(CN.is_working))]
    working = CN.is_working.tolist()
    opened = {d for d, is_open in zip(dates, working, strict=True) if is_open and d.weekday() > 4}
    closed = {
        d for d, is_open in zip(dates, working, strict=True) if not is_open and d.weekday() < 5
    }
    return closed, opened


CHINA = closed_in_china()


def payer(schedule, roll, n_payments, *, late_days=0):
    """Return the dates of a payer on schedule from January 2023, and the next date due."""
    dates = [naive.due(schedule, roll, k, *CHINA) for k in range(n_payments + 1)]
    late = [date + dt.timedelta(days=late_days) for date in dates]
    return late[:-1], dates[-1]


def streams_of(payers, as_of):
    rows = [
        (customer, 1, 1, CNY, number(date), 250_000)
        for customer, dates in enumerate(payers)
        for date in dates
    ]
    found = score_streams(build_ledger(rows), CN, number(as_of), CPU).columns
    decided = decide(found, q_values(found["p_value"], np), 0.05, np)
    assert decided["is_regular"].shape == (len(payers),)
    return decided


JANUARY_2023 = 12 * 53
PAYERS = [
    (("months", 1, JANUARY_2023, day, 0), roll)
    for day, roll in [
        (1, "following"), (5, "following"), (10, "none"), (15, "following"), (20, "following"),
        (28, "following"), (31, "modified"), (-1, "modified"),
    ]
]  # fmt: skip


@pytest.mark.parametrize("n_payments", [12, 18])
def test_a_clean_monthly_payer_pays_next_when_the_calendar_says(n_payments):
    made = [payer(schedule, roll, n_payments) for schedule, roll in PAYERS]
    as_of = max(dates[-1] for dates, _ in made)
    payers = [dates for dates, next_due in made if next_due > as_of]
    wanted = [next_due for _, next_due in made if next_due > as_of]
    assert len(payers) >= 3
    found = streams_of(payers, as_of)
    assert found["is_regular"].all()
    assert {CADENCES[code] for code in found["cadence"].codes} == {"monthly"}
    assert [str(date_of(day)) for day in found["next_due_date"]] == [str(day) for day in wanted]
    assert found["next_date"].tolist() == found["next_due_date"].tolist()
    assert found["n_missed"].tolist() == [0] * len(payers)
    assert [STATUSES[code] for code in found["status"].codes] == ["mature"] * len(payers)
    np.testing.assert_array_equal(found["next_amount"], 2_500.0)


@pytest.mark.parametrize(
    ("schedule", "cadence"),
    [
        (("days", 7, number(dt.date(2023, 1, 6)), 1, 0), "weekly"),
        (("days", 14, number(dt.date(2023, 1, 6)), 1, 0), "biweekly"),
        (("days", 10, number(dt.date(2023, 1, 6)), 1, 0), "every_n_days"),
        (("months", 3, JANUARY_2023, 15, 0), "quarterly"),
        (("pair", 1, JANUARY_2023, 10, 25), "semimonthly"),
        (("nth", 1, JANUARY_2023, 2, 1), "monthly"),
    ],
)
def test_a_clean_payer_of_another_kind_pays_next_when_due(schedule, cadence):
    is_weekly = schedule[0] == "days" and schedule[1] % 7 == 0
    dates, next_due = payer(schedule, "following" if is_weekly else "none", 12)
    found = streams_of([dates], dates[-1])
    assert CADENCES[found["cadence"].codes[0]] == cadence
    assert date_of(found["next_date"][0]) == next_due
    assert date_of(found["next_date_earliest"][0]) <= next_due
    assert date_of(found["next_date_latest"][0]) >= next_due


def test_quantiles_are_in_order_and_after_as_of():
    rng = np.random.default_rng(2)
    payers = []
    for day in range(1, 29):
        dates, _ = payer(("months", 1, JANUARY_2023, day, 0), "following", 14)
        payers.append(sorted(d + dt.timedelta(days=int(rng.integers(-1, 4))) for d in dates))
    as_of = max(dates[-1] for dates in payers)
    found = streams_of(payers, as_of)
    known = found["next_date"] != NULL_DAY
    assert known.sum() > 20
    early, middle, late = (
        found[name][known] for name in ("next_date_earliest", "next_date", "next_date_latest")
    )
    assert np.all(early > number(as_of))
    assert np.all(early <= middle)
    assert np.all(middle <= late)


def test_a_payer_who_stopped_expects_nothing_and_one_who_missed_once_does():
    schedule = ("months", 1, JANUARY_2023, 15, 0)
    stopped, _ = payer(schedule, "following", 10)
    going, _ = payer(schedule, "following", 19)
    missed = going[:11] + going[12:]
    as_of = dt.date(2024, 7, 31)
    found = streams_of([stopped, going, missed], as_of)
    assert [STATUSES[code] for code in found["status"].codes] == ["stopped", "mature", "mature"]
    assert found["next_date"][0] == NULL_DAY
    assert found["n_missed"].tolist()[1:] == [0, 1]
    assert found["n_missed"][0] >= 8
    got = expected_payments(found, CN, number(as_of), 90, CPU)
    dates = [dt.date(2024, 8, 15), dt.date(2024, 9, 18), dt.date(2024, 10, 15)]  # 15-17 September
    assert [date_of(day) for day in got["due_day"]] == dates * 2  # is the Mid-Autumn holiday
    assert got["stream"].tolist() == [1] * 3 + [2] * 3
