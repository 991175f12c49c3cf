"""The search for a schedule against an exhaustive one: every schedule there is, scored one by one.

What a schedule is worth is proved in ``test_evidence.py``; here the question is whether the search
looks at the right ones. It is a heuristic, so it may lose a little, now and then.
"""

import datetime as dt
import math

import numpy as np
import pytest
from naive.climb import climb as naive_climb
from strategies import EPOCH, make_calendar

from qfb_gpu.payments.due_tables import due_table
from qfb_gpu.payments.tables import calendar_table, lgamma_table
from qfb_kernels import dues
from qfb_kernels.abreast import MORE_DUES, WORK_ROWS
from qfb_kernels.cadence import (
    N_KNOWN,
    climb,
    costs_of,
    forget,
    known_score,
    moved,
    score,
)
from qfb_kernels.due_places import SETS, inverse_of, phase_of
from qfb_kernels.evidence import KNOWN, answers, is_same
from qfb_kernels.matching import MORE_TICKS, mark_payments
from qfb_kernels.phases import MOST_DAYS, count_phases, is_phase_worth
from qfb_kernels.search import clock_of, search_cpu

FIRST = (dt.date(2021, 1, 4) - EPOCH).days
CAL = calendar_table(make_calendar(), FIRST, FIRST + 1200)
DUE_AT = due_table(CAL)
LG = lgamma_table()
MONTHS_OF = (1, 2, 3, 6, 12)


def schedules(days):
    """Yield (kind, step, anchor, a, b) of every schedule that a search may name."""
    month = int(dues.month_of(CAL, days[0]))
    most = min(400, days[-1] - days[0])
    near = {round((days[-1] - days[0]) / k) for k in range(1, 2 * len(days) + 2)}
    for step in sorted({s + d for s in near for d in (-1, 0, 1) if 0 < s + d <= most}):
        for anchor in range(days[0] - 3, days[0] + min(step, 60)):
            yield dues.DAYS, step, anchor, 1, 0
    for step in MONTHS_OF:
        for anchor in range(month, month + step):
            for a in [*range(1, 32), *range(-9, 0)]:
                yield dues.MONTHS, step, anchor, a, 0
            for a in (1, 2, 3, 4, -1):
                for b in range(7):
                    yield dues.NTH, step, anchor, a, b
            for a in [*range(1, 11), *range(-9, 0)]:
                yield dues.MONTH_WORKDAY, step, anchor, a, 0
    for a in range(1, 27):
        for b in range(a + 5, 32):
            yield dues.PAIR, 1, month, a, b
    yield dues.WORKDAYS, 1, days[0], 1, 0
    for bits in SETS:
        yield dues.BYDAY, 7, 0, bits & 31, bits >> 5


def unit_of(days, clock):
    """Return the days as a unit that schedules are scored for."""
    at = np.array([dues.position(CAL, clock, d) for d in days])
    n = len(days)
    near = np.empty((1, days[-1] - days[0] + MORE_TICKS), np.int32)
    mark_payments(at, 0, n, near, 0)
    window = math.log(1 + (at[-1] - at[0]) * n / (n - 1))
    known = np.full((1, 3 * N_KNOWN), -1.0)
    month, worked = dues.month_of(CAL, days[0]), dues.n_working_before(CAL, days[0])
    work = np.empty((WORK_ROWS, days[-1] - days[0] + MORE_DUES), np.int32)
    return at, near, DUE_AT, LG, known, work, 0, 0, n, days[0], month, worked, clock, window


def clock_for(days):
    """Return the clock that the search counts on."""
    return int(clock_of(np.array([dues.mark_of(CAL, d) for d in days]), 0, len(days)))


def exhaustive(days, clock):
    """Return the evidence of the best schedule of all, and the schedule."""
    unit = unit_of(days, clock)
    rolls = (1, 2, 3) if clock else (0, 1, 2, 3)
    best = (0.0, None)
    for kind, step, anchor, a, b in schedules(days):
        fixed = kind in (dues.WORKDAYS, dues.MONTH_WORKDAY)
        for roll in rolls[1:2] if fixed and clock else rolls[:1] if fixed else rolls:
            gain, _ = score(unit, costs_of(kind, step, clock), kind, step, anchor, a, b, roll)
            best = max(best, (gain, (kind, step, anchor, a, b, roll)), key=lambda one: one[0])
    return best


def found(units):
    """Return what the search finds for each unit: evidence and schedule."""
    size = np.array([len(days) for days in units], np.int32)
    start = (np.cumsum(size) - size).astype(np.int64)
    day = np.array([d for days in units for d in days], np.int32)
    gap = np.array([np.median(np.diff(days)) for days in units], float)
    peaks = np.stack([gap, gap, gap], axis=1)
    fit, value = np.zeros((len(units), 14), np.int64), np.zeros((len(units), 2))
    at, mark = np.empty(len(day), np.int64), np.empty(len(day), np.int64)
    longest = max(days[-1] - days[0] for days in units)
    work = np.empty((2 * WORK_ROWS, longest + MORE_DUES), np.int32)
    near = np.empty((2, max(days[-1] - days[0] for days in units) + 1 + MOST_DAYS), np.int32)
    search_cpu(day, np.full(len(day), 1000, np.int64), np.arange(len(day), dtype=np.int32), start,
               size, CAL, DUE_AT, LG, gap, peaks, at, mark, near, np.empty((2, 3 * N_KNOWN)), work, fit, value)  # fmt: skip
    return value[:, 0], fit[:, :6]


def payers(n_each, jitter, seed):
    """Return payers of every family: some payments missing, some late or early."""
    rng = np.random.default_rng(seed)
    month = int(dues.month_of(CAL, FIRST)) + 1
    drawn = []
    for _ in range(n_each):
        drawn += [
            (dues.DAYS, int(rng.choice([7, 10, 14, 30])), FIRST + int(rng.integers(7)), 1, 0),
            (dues.MONTHS, int(rng.choice([1, 1, 3])), month, int(rng.integers(1, 32)), 0),
            (dues.NTH, 1, month, int(rng.choice([1, 2, 3, -1])), int(rng.integers(5))),
            (dues.PAIR, 1, month, int(rng.integers(1, 10)), int(rng.integers(16, 29))),
        ]
    units = []
    for schedule in drawn:
        roll = int(rng.choice([1, 2, 2]))
        days = [dues.due_day(CAL, *schedule, roll, k) for k in range(int(rng.integers(6, 14)))]
        late = rng.choice([-1, 1, 2], len(days)) * (rng.random(len(days)) < jitter)
        kept = rng.random(len(days)) > jitter / 2
        kept[[0, -1]] = True
        units.append(sorted({int(d + x) for d, x, k in zip(days, late, kept, strict=True) if k}))
    return units


@pytest.mark.parametrize(("jitter", "seed"), [(0.0, 5), (0.2, 6)])
def test_the_search_finds_what_looking_at_every_schedule_finds(jitter, seed):
    units = payers(3, jitter, seed)
    gains, schedule = found(units)
    lost = []
    for days, gain, got in zip(units, gains, schedule, strict=True):
        clock = clock_for(days)
        best, at = exhaustive(days, clock)
        assert gain <= best + 1e-6, (days, got, at)
        lost.append(best - max(0.0, gain))
    assert np.mean(np.array(lost) < 1e-6) >= 0.9, np.round(lost, 2)


@pytest.mark.parametrize("bits", SETS)
@pytest.mark.parametrize("jitter", [0.0, 0.1])
def test_a_set_of_weekdays_is_found_whatever_its_days(bits, jitter):
    """Payments by weekday were one, two or no weekly streams, or daily ones half of which missed."""
    rng = np.random.default_rng(bits)
    days = [FIRST + i for i in range(200) if bits >> (FIRST + i + 3) % 7 & 1]
    days = [day for day in days if rng.random() >= jitter]
    gains, schedule = found([days])
    best, at = exhaustive(days, clock_for(days))
    assert gains[0] == pytest.approx(best, abs=1e-6), (schedule, at)
    kind, *_, a, b, _ = schedule[0].tolist()
    five = bits == 31
    assert (kind, a + 32 * b) == (dues.BYDAY, bits) or (five and kind == dues.WORKDAYS)


@pytest.mark.parametrize(("n_payments", "is_tried"), [(7, False), (8, True)])
def test_a_set_of_weekdays_takes_eight_payments(n_payments, is_tried):
    days = [FIRST + 7 * (i // 2) + 3 * (i % 2) for i in range(n_payments)]
    _, schedule = found([days])
    assert (schedule[0, 0] == dues.BYDAY) == is_tried


def test_a_score_that_is_remembered_is_the_score():
    """Every schedule near by, each asked for three times in another order, for two families."""
    days = payers(1, 0.3, 11)[1]
    unit = unit_of(days, 0)
    rng = np.random.default_rng(1)
    for kind, step, anchor in ((dues.MONTHS, 3, int(dues.month_of(CAL, days[0]))), (0, 7, days[0])):
        forget(unit[KNOWN], 0)
        family = (unit, costs_of(kind, step, 0), kind, step)
        schedules = [
            (anchor + shift, a, 0, roll)
            for shift in range(-3, 4) for a in (-2, 1, 15, 31) for roll in range(4)
        ] * 3  # fmt: skip
        for at in rng.permutation(len(schedules)):
            assert known_score(*family, *schedules[at]) == score(*family, *schedules[at])


def test_a_roll_that_moves_no_due_date_has_the_same_answers():
    rng = np.random.default_rng(2)
    seen = {True: 0, False: 0}
    for days in payers(3, 0.3, 9):
        clock = clock_for(days)
        unit = unit_of(days, clock)
        every = list(schedules(days))
        for at in rng.integers(0, len(every), 40):
            roll, other = rng.permutation([1, 2, 3] if clock else 4)[:2]
            kind, step, anchor, *rest = every[at]
            month = dues.month_of(CAL, days[0])
            phase = phase_of(kind, step, inverse_of(step), anchor, days[0], month)
            schedule = (kind, step, phase, *rest)
            same = bool(is_same(unit, *schedule, roll, other))
            seen[same] += 1
            if same:
                assert answers(unit, *schedule, roll) == answers(unit, *schedule, other)
    assert min(seen.values()) > 50


@pytest.mark.parametrize("step", [1, 2, 3, 4, 7, 8, 14, 30, 400])
def test_a_start_by_days_is_worth_it_where_half_of_the_payments_are_near(step):
    rng = np.random.default_rng(step)
    seen = set()
    for n, spread in ((3, step), (8, 4), (25, step), (26, 12)):
        days = FIRST + np.sort(step * rng.integers(0, 3, n) + rng.integers(0, spread, n))
        mark = np.array([dues.mark_of(CAL, day) for day in days])
        near = np.full((1, 10 + MOST_DAYS), 99, np.int32)
        count_phases(mark, 0, n, days[0], step, inverse_of(step), near, 0)
        for day in days:
            away = np.minimum((days - day) % step, (day - days) % step)
            want = 2 * np.sum(5 * away <= min(step, 20) + 2) >= n
            seen.add(bool(want))
            assert is_phase_worth(n, (day - days[0]) % step, step, near, 0) == want
    assert step < 7 or len(seen) == 2


@pytest.mark.parametrize("jitter", [0.1, 0.5])
def test_a_climb_ends_where_whole_rounds_of_moves_end(jitter):
    climbed = 0
    for days in payers(4, jitter, 7):
        clock = clock_for(days)
        unit = unit_of(days, clock)
        month = int(dues.month_of(CAL, days[0]))
        roll = dues.FOLLOWING if clock else dues.NONE
        for kind, step, *start in (
            (dues.DAYS, 7, days[0] + 2, 1, 0), (dues.DAYS, 30, days[0] + 1, 1, 0),
            (dues.MONTHS, 1, month, 12, 0), (dues.NTH, 1, month, 2, 3),
            (dues.PAIR, 1, month, 4, 19), (dues.MONTH_WORKDAY, 1, month, 5, 0),
            (dues.BYDAY, 7, 0, 0b10100, 0),
        ):  # fmt: skip
            family = (unit, costs_of(kind, step, clock), kind, step)
            begin = score(*family, *start, roll)
            unit[KNOWN].fill(-1.0)
            got = climb(*family, *start, roll, *begin)
            want = naive_climb(
                lambda anchor, a, b, roll, family=family: score(*family, anchor, a, b, roll),
                moved, clock, kind, (*start, roll),
            )  # fmt: skip
            assert tuple(got) == tuple(want), (days, kind)
            climbed += got[0] > begin[0]
    assert climbed > 20
