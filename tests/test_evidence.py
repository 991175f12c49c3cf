"""Evidence: the Bayes factor by exact fractions, and its p-values among payments at random."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import AS_OF, CNY, build_ledger
from naive import evidence as naive
from strategies import CALENDAR_FIRST, CALENDAR_LAST, EPOCH, make_calendar

from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.payments import decide, q_values, score_streams
from qfb_gpu.payments.due_tables import due_table
from qfb_gpu.payments.tables import calendar_table, lgamma_table
from qfb_kernels import dues, evidence
from qfb_kernels.abreast import MORE_DUES, WORK_ROWS
from qfb_kernels.due_places import SETS, inverse_of, phase_of
from qfb_kernels.matching import MORE_TICKS, mark_payments

CPU = get_backend("cpu")
LG = lgamma_table()
CAL = calendar_table(make_calendar(), (CALENDAR_FIRST - EPOCH).days, (CALENDAR_LAST - EPOCH).days)
DUE_AT = due_table(CAL)
LG, CAL, DUE_AT = (table.copy() for table in (LG, CAL, DUE_AT))  # those are the engine's own
for table in (LG, CAL, DUE_AT):
    table.flags.writeable = False
FIRST = (CALENDAR_FIRST - EPOCH).days + 1_000

halves = st.integers(1, 30)
few = st.integers(0, 12)


@given(halves, halves, few, few)
@settings(max_examples=150)
def test_beta_ratio_is_the_chance_of_one_sequence(a, b, yes, no):
    want = math.log(naive.urn(yes, no, Fraction(a, 2), Fraction(b, 2)))
    assert evidence.log_beta_ratio(LG, a, b, yes, no) == pytest.approx(want, rel=1e-9, abs=1e-10)


@given(st.integers(2, 6_000))
@settings(max_examples=20)
def test_the_table_of_log_gamma_reaches_what_a_score_asks_for(n_most):
    table = lgamma_table(n_most)
    for twice in (2, n_most, 2 * n_most, 26 + 2 * n_most):
        assert evidence.lgamma_half(table, twice) == pytest.approx(
            math.lgamma(twice / 2), rel=1e-12
        )


@given(few, few, few, few, few)
def test_code_length_matches_the_chance_of_the_answers(zeros, late, early, more, misses):
    hits, moved = zeros + late + early, late + early
    total = moved + (more if moved else 0)
    got = evidence.code_length(LG, hits, misses, zeros, total, late)
    want = -math.log(naive.chance(hits, misses, zeros, total, late))
    assert got == pytest.approx(want, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("n_due", [1, 2, 3])
def test_all_answers_together_have_a_chance_of_one(n_due):
    """Kraft: every way to miss, meet or move each due date, offsets cut at 12 ticks."""
    whole = 0.0
    for answer in itertools.product([None, *range(-12, 13)], repeat=n_due):
        offsets = [o for o in answer if o is not None]
        stats = (
            len(offsets), n_due - len(offsets), offsets.count(0), sum(map(abs, offsets)),
            sum(o > 0 for o in offsets),
        )  # fmt: skip
        whole += math.exp(-evidence.code_length(LG, *stats))
    assert whole <= 1 + 1e-9
    assert whole > 0.9


@given(st.integers(0, 30), st.integers(1, 500))
def test_scatter_length_is_that_of_an_unordered_draw(n, window):
    want = n * math.log(window) - math.log(math.factorial(n))
    assert evidence.scatter_length(LG, n, math.log(window)) == pytest.approx(want, abs=1e-9)


def unit_of(days, at, near, clock, log_window):
    """Return the days as a unit that schedules are scored for."""
    month, worked = dues.month_of(CAL, days[0]), dues.n_working_before(CAL, days[0])
    stop = len(days)
    work = np.empty((WORK_ROWS, days[-1] - days[0] + MORE_DUES), np.int32)
    return at, near, DUE_AT, LG, None, work, 0, 0, stop, days[0], month, worked, clock, log_window


def by_phase(days, kind, step, anchor, *rest):
    """Return the schedule with its phase since the first day in place of its anchor."""
    month = dues.month_of(CAL, days[0])
    return kind, step, phase_of(kind, step, inverse_of(step), anchor, days[0], month), *rest


def kernel(days, clock, step, anchor, roll):
    """Return the kernel's answers, its evidence, and the dues and positions it saw."""
    at = np.array([dues.position(CAL, clock, day) for day in days])
    at.flags.writeable = False
    schedule = (dues.DAYS, step, anchor, 1, 0, roll)
    n = len(days)
    window = 1 + Fraction(int(at[-1] - at[0]) * n, n - 1)
    near = np.empty((1, days[-1] - days[0] + MORE_TICKS), np.int32)
    mark_payments(at, 0, n, near, 0)
    unit = unit_of(days, at, near, clock, math.log(window))
    found = evidence.answers(unit, *by_phase(days, *schedule))
    gain, mean = evidence.evidence(unit, *by_phase(days, *schedule))
    first = (days[0] - anchor) // step - 4
    indices = range(first, first + (days[-1] - days[0]) // step + 12)
    dates = [dues.due_day(CAL, *schedule, k) for k in indices]
    positions = [int(dues.position(CAL, clock, date)) for date in dates]
    return found, gain, mean, positions, at.tolist(), window


@given(
    st.lists(st.integers(0, 90), min_size=2, max_size=7).map(sorted),
    st.sampled_from([0, 1]),
    st.integers(2, 31),
    st.integers(0, 30),
)
@settings(max_examples=300)
def test_evidence_matches_brute_force(days, clock, step, anchor):
    days = [FIRST + day for day in days]
    roll = dues.FOLLOWING if clock else dues.NONE
    found, gain, mean, positions, at, window = kernel(days, clock, step, FIRST + anchor, roll)
    hits, misses, *rest = naive.counts(at, positions)
    assert list(found[:2]) == [hits, misses]
    if hits == 0:
        return
    assert list(found[2:6]) == rest[:4]
    assert list(found[6:]) == [at[slot] for slot in rest[4:]]
    want = naive.evidence(at, positions, window)
    if want is None:
        assert gain == evidence.IMPOSSIBLE
        return
    assert gain == pytest.approx(want, rel=1e-9, abs=1e-8)
    assert mean == pytest.approx(rest[3] / hits)


SCHEDULES = st.one_of(
    st.tuples(st.just(dues.DAYS), st.integers(1, 40), st.integers(-20, 40), st.just(1), st.just(0)),
    st.tuples(
        st.just(dues.MONTHS), st.sampled_from([1, 2, 3]), st.integers(-2, 2),
        st.integers(-9, 31).filter(bool), st.just(0),
    ),
    st.tuples(st.just(dues.PAIR), st.just(1), st.just(0), st.integers(1, 26), st.integers(5, 20)),
    st.tuples(
        st.just(dues.NTH), st.sampled_from([1, 2]), st.integers(-2, 2),
        st.sampled_from([1, 2, 3, 4, -1]), st.integers(0, 6),
    ),
    st.tuples(st.just(dues.WORKDAYS), st.just(1), st.just(0), st.just(1), st.just(0)),
    st.sampled_from(SETS).map(lambda days: (dues.BYDAY, 7, 0, days & 31, days >> 5)),
    st.tuples(
        st.just(dues.MONTH_WORKDAY), st.sampled_from([1, 3]), st.integers(-2, 2),
        st.integers(-9, 9).filter(bool), st.just(0),
    ),
)  # fmt: skip


@given(
    st.lists(st.integers(0, 200), min_size=2, max_size=12).map(sorted),
    st.sampled_from([0, 1]),
    SCHEDULES,
    st.integers(0, 3),
)
@settings(max_examples=400)
def test_a_due_date_that_looks_its_payment_up_finds_what_all_payments_find(
    days, clock, drawn, roll
):
    days = [FIRST + day for day in days]
    kind, step, anchor, a, b = drawn
    anchor += FIRST if kind == dues.DAYS else int(dues.month_of(CAL, FIRST))
    b = min(31, a + b) if kind == dues.PAIR else b
    schedule = (kind, step, anchor, a, b, roll if clock == 0 or roll else dues.FOLLOWING)
    first = int(dues.due_index(CAL, *schedule[:5], days[0])) - 2
    positions = []
    at = [int(dues.position(CAL, clock, day)) for day in days]
    while len(positions) < 3 or positions[-2] <= at[-1]:
        due = dues.due_day(CAL, *schedule, first + len(positions))
        positions.append(int(dues.position(CAL, clock, due)))
    want = naive.counts(at, positions)
    near = np.empty((1, days[-1] - days[0] + MORE_TICKS), np.int32)
    mark_payments(np.array(at), 0, len(at), near, 0)
    unit = unit_of(days, np.array(at), near, clock, 1.0)
    schedule = by_phase(days, *schedule)
    found = evidence.answers(unit, *schedule)
    assert tuple(evidence.one_by_one(unit, *schedule)) == tuple(found)  # the body of the device
    assert tuple(found[:6]) == want[:6]
    if want[0]:
        assert list(found[6:]) == [at[slot] for slot in want[6:]]


def test_a_clean_payer_has_much_evidence_and_a_lucky_one_little():
    clean = [FIRST + 30 * i for i in range(8)]
    _, gain, mean, *_ = kernel(clean, 0, 30, FIRST, dues.NONE)
    assert gain > 25
    assert mean == 0.0
    _, lucky, *_ = kernel([FIRST, FIRST + 30, FIRST + 47], 0, 30, FIRST, dues.NONE)
    assert lucky < 5


def at_random(n_relations, n_payments, seed, *, n_amounts):
    """Return a ledger of payments at random on working days, a relation a customer."""
    rng = np.random.default_rng(seed)
    open_days = np.flatnonzero(load_calendar("CN").is_working) + load_calendar("CN").first_day
    open_days = open_days[(open_days > AS_OF - 730) & (open_days <= AS_OF)]
    rows = []
    for customer in range(n_relations):
        days = rng.choice(open_days, n_payments)
        amounts = rng.integers(1, n_amounts + 1, n_payments) * 10_000
        rows += [
            (customer, 1, 1, CNY, int(day), int(amount))
            for day, amount in zip(days, amounts, strict=True)
        ]
    return build_ledger(rows)


@pytest.mark.parametrize("n_payments", [3, 4, 6, 12])
@pytest.mark.parametrize("n_amounts", [1, 40])
def test_p_values_of_payments_at_random_are_no_smaller_than_chance(n_payments, n_amounts):
    n_relations = 1_200
    ledger = at_random(n_relations, n_payments, n_payments + n_amounts, n_amounts=n_amounts)
    streams = score_streams(ledger, load_calendar("CN"), AS_OF, CPU)
    p_value = streams.columns["p_value"]
    tested = ~np.isnan(p_value)
    smallest = np.ones(n_relations)  # of all streams of a relation
    np.minimum.at(smallest, streams.relation[tested], p_value[tested])
    for level in (0.01, 0.05, 0.1):
        assert np.mean(smallest <= level) <= level, level
    decided = decide(streams.columns, q_values(p_value, np), 0.05, np)
    assert decided["is_regular"].sum() <= 1


@pytest.mark.parametrize("n_payments", [6, 12])
def test_p_values_of_clean_payers_are_small(n_payments):
    rows = [
        (customer, 1, 1, CNY, AS_OF - 7 * customer - 30 * i, 10_000)
        for customer in range(20)
        for i in range(n_payments)
    ]
    p_value = score_streams(build_ledger(rows), load_calendar("CN"), AS_OF, CPU).columns["p_value"]
    assert p_value.shape == (20,)
    assert np.all(p_value < 1e-3)
