"""How a relation's payments are dealt to streams: kernels against lists, sets and all choices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import dues as naive_dues
from naive import evidence as naive_evidence
from naive import splits as naive
from simulate import launch
from strategies import CALENDAR_FIRST, CALENDAR_LAST, holidays, rolls, schedules
from test_dues import KINDS, ROLLS, date_of, number, table_of

from qfb_gpu.backend import get_backend
from qfb_gpu.payments.units import make_units, offsets_of
from qfb_kernels import members, settle, streams

CPU = get_backend("cpu")
NULL_DAY = -(2**31)
DAY = naive_dues.DAY
N_FIT = 14


def on_host(name, module, n_rows, *arrays):
    CPU.launch(getattr(module, f"{name}_cpu"), None, n_rows, *arrays)


def simulated(name, module, n_rows, *arrays):
    launch(getattr(module, f"{name}_gpu"), n_rows, *arrays)


# Reversals -----------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(-3, 3), max_size=14), max_size=5))
def test_a_reversal_cancels_the_last_open_payment_of_its_size(drawn):
    amount = np.array([a for amounts in drawn for a in amounts], np.int64)
    offsets = offsets_of(np.array([len(amounts) for amounts in drawn], np.int64), np)
    cancelled_by = np.full(amount.size, -7, np.int32)
    on_host("reversals", streams, len(drawn), amount, offsets, cancelled_by)
    for start, amounts in zip(offsets.tolist(), drawn, strict=False):
        want = [other + start if other >= 0 else -1 for other in naive.reversals(amounts)]
        assert cancelled_by[start : start + len(amounts)].tolist() == want


# Answers -------------------------------------------------------------------------------------


def ticks(clock, days_off):
    """Return the position of each day of the calendar on a clock, from its first on."""
    days = [CALENDAR_FIRST + i * DAY for i in range((CALENDAR_LAST - CALENDAR_FIRST).days)]
    steps = [not clock or naive_dues.is_open(day, *days_off) for day in days]
    return dict(zip(days, np.cumsum([0, *steps])[:-1].tolist(), strict=True))


@st.composite
def units(draw):
    """Draw a schedule, a calendar, a clock and payments near some due dates, or elsewhere."""
    schedule, roll, days_off = draw(schedules), draw(rolls), draw(holidays())
    ks = draw(st.lists(st.integers(-2, 4), min_size=2, max_size=12).map(sorted))
    off = st.sampled_from([0, 0, 0, 1, -1, 2, -2, 3, -3, 5, -7, 12])
    dates = sorted(
        naive_dues.due(schedule, roll, k, *days_off) + draw(off) * DAY for k in ks
    )  # fmt: skip
    first = draw(st.sampled_from([0, 0, 0, 1]))
    last = draw(st.sampled_from([len(dates) - 1] * 3 + [len(dates) - 2]))
    return schedule, roll, days_off, draw(st.sampled_from([0, 1])), dates, first, last


def fit_of(schedule, roll, clock, first=0, last=0):
    kind, step, anchor, a, b = schedule
    fit = np.zeros((1, N_FIT), np.int64)
    fit[0, :7] = KINDS[kind], step, anchor, a, b, ROLLS[roll], clock
    fit[0, 12:] = first, last
    return fit


def due_dates(schedule, roll, days_off):
    """Return {k: date} of the due dates that the calendar holds, among them those drawn."""
    dates = {k: naive_dues.due(schedule, roll, k, *days_off) for k in range(-4, 7)}
    for k in (*range(-5, -25, -1), *range(7, 30)):
        year = naive_dues.nominal(schedule, k).year
        if CALENDAR_FIRST.year < year < CALENDAR_LAST.year:
            dates[k] = naive_dues.due(schedule, roll, k, *days_off)
    return dict(sorted(dates.items()))


@given(units())
@settings(max_examples=300)
def test_each_due_date_is_answered_by_the_nearest_payment_that_is_near(drawn):
    schedule, roll, days_off, clock, dates, first, last = drawn
    day = np.array([number(date) for date in dates], np.int64)
    order = np.random.default_rng(day.size).permutation(day.size)
    at_row = np.empty_like(day)
    at_row[order] = day
    due, offset = np.full(day.size, 5, np.int32), np.full(day.size, 5, np.int32)
    on_host("answer", streams, 1, at_row, order.astype(np.int32), np.zeros(1, np.int64),
            np.array([day.size], np.int32), table_of(*days_off),
            fit_of(schedule, roll, clock, first, last), due, offset)  # fmt: skip
    position = ticks(clock, days_off)
    dues = list(due_dates(schedule, roll, days_off).values())
    living = [position[date] for date in dates[first : last + 1]]
    want = [(None, None)] * len(dates)
    for k, (slot, off) in naive_evidence.answers(living, [position[d] for d in dues]).items():
        want[first + slot] = (dues[k], off)
    got = [
        (None, None) if d == NULL_DAY else (date_of(d), o)
        for d, o in zip(due.tolist(), offset.tolist(), strict=True)
    ]
    assert got == want


def test_nothing_answers_no_schedule():
    due, offset = np.zeros(3, np.int32), np.ones(3, np.int32)
    on_host("answer", streams, 1, np.array([1, 2, 3]), np.arange(3, dtype=np.int32),
            np.zeros(1, np.int64), np.array([3], np.int32), table_of(),
            np.zeros((1, N_FIT), np.int64), due, offset)  # fmt: skip
    assert due.tolist() == [NULL_DAY] * 3
    assert offset.tolist() == [0] * 3


@given(units(), st.data())
@settings(max_examples=200)
def test_answers_are_counted_between_the_first_and_the_last(drawn, data):
    schedule, roll, days_off, clock, _, _, _ = drawn
    dues = due_dates(schedule, roll, days_off)
    flags = st.sampled_from([0, 0, 0, -1])
    answers = data.draw(
        st.lists(st.tuples(st.integers(-2, 4), st.integers(-3, 3), flags), min_size=1, max_size=9)
    )
    answers.sort(key=lambda answer: dues[answer[0]])  # a stream's payments answer them in order
    due = np.array([number(dues[k]) for k, _, _ in answers], np.int32)
    offset = np.array([off for _, off, _ in answers], np.int32)
    owner = np.array([group for _, _, group in answers], np.int32)
    fit = fit_of(schedule, roll, clock)
    fit[0, 7:12] = -5
    on_host("recount", settle, 1, np.arange(owner.size, dtype=np.int32), owner, due, offset,
            np.zeros(1, np.int64), np.array([owner.size], np.int32), table_of(*days_off),
            fit)  # fmt: skip
    hits = [(dues[k], off) for k, off, group in answers if group >= 0]
    assert fit[0, 7:12].tolist() == ([*naive.counts(dues.values(), hits)] if hits else [-5] * 5)


# Choices -------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 6), min_size=3, max_size=5).map(sorted), st.data())
@settings(max_examples=300)
def test_a_life_costs_nothing_to_say_where_it_is_its_pools(grid, data):
    days = [30 * at for at in grid]  # so that some begin just one and a half periods later
    first = data.draw(st.integers(0, len(days) - 2))
    stop = data.draw(st.integers(first + 2, len(days)))
    day, member = np.array(days, np.int64), np.arange(len(days), dtype=np.int32)
    cost = streams.life_cost(day, member, first, stop, days[0], days[-1])
    assert cost == pytest.approx(naive.life_cost(days[first:stop], days), abs=1e-12)


def a_choice(seed):
    """Return a pool's units, made by amount, with schedules of random quality."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 26))
    day = np.sort(rng.integers(0, rng.choice([60, 900]), n))
    day = day // 90 * 90 if rng.random() < 0.3 else day
    levels = rng.choice([100, 104, 115, 150, 300, 900], n)
    amount = levels + rng.choice([0, 0, 1], n)
    made = make_units(day, amount, np.arange(n, dtype=np.int32), np.array([0, n]), CPU)
    n_units = made.start.size
    fit_int, fit_float = np.zeros((n_units, N_FIT), np.int64), np.zeros((n_units, 2))
    nats = rng.uniform(0, 6, (n_units, 2))
    fit_int[:, 1] = rng.random(n_units) < 0.9
    fit_int[:, 6] = rng.random(n_units) < 0.5
    fit_int[:, 7] = np.maximum(1, made.size - rng.integers(0, 4, n_units))
    fit_int[:, 8] = rng.integers(0, 3, n_units)
    fit_float[:, 0] = rng.uniform(-1, 9, n_units)
    fit_float[:, 1] = rng.uniform(0, 4 * made.size)
    nats[:, 1] *= made.size
    return day, made, fit_int, fit_float, nats


def check_choice(run, seed):
    day, made, fit_int, fit_float, nats = a_choice(seed)
    n_units = made.start.size
    value, chosen = np.zeros(n_units), np.full(n_units, 9, np.int8)
    run("choose", streams, 1, day, made.member, made.start, made.size,
        made.pool_offsets, made.n_slots, fit_int, fit_float, nats, value, chosen)  # fmt: skip
    units = []
    for u in range(n_units):
        begin = int(made.start[u]) % made.n_slots
        rows = made.member[made.start[u] : made.start[u] + made.size[u]]
        units.append({
            "days": day[rows].tolist(), "places": range(begin, begin + int(made.size[u])),
            "has_schedule": fit_int[u, 1], "on_working_days": fit_int[u, 6],
            "hits": fit_int[u, 7], "misses": fit_int[u, 8], "evidence": fit_float[u, 0],
            "schedule_nats": fit_float[u, 1], "hit_nats": nats[u, 1],
        })  # fmt: skip
    want = naive.best_choice(units, day.tolist(), nats[0, 0])
    assert np.flatnonzero(chosen).tolist() == sorted(want)
    return len(want)


def test_the_units_that_are_chosen_save_most_of_all_choices():
    n_chosen = [check_choice(on_host, seed) for seed in range(500)]
    assert {0, 1, 2} <= set(n_chosen)


@pytest.mark.parametrize(
    ("units", "kept"),
    [
        ([(10, 1, 10), (9, 1, 9)], [0]),  # a miss in ten answered due dates, no more
        ([(20, 2, 20), (19, 2, 19)], [0]),
        ([(4, 0, 5), (3, 0, 4), (8, 0, 10), (7, 0, 9)], [0, 2]),  # an extra in five payments
        ([(3, 1, 3), (3, 2, 3), (3, 1, 3)], [2]),  # none is clean: the one worth most
        ([(3, 0, 3)], [0]),
        ([], []),
    ],
)
def test_units_with_few_misses_and_extras_leave_the_pool_first(units, kept):
    """Units are (answered due dates, missed ones, payments), each worth more than the one before.

    The first and the last of the pool were not chosen, though the last is worth most.
    """
    units = [(9, 0, 9), *units, (9, 0, 9)]
    n = len(units)
    fit = np.zeros((n, N_FIT), np.int64)
    fit[:, 7:9] = [unit[:2] for unit in units]
    size = np.array([unit[2] for unit in units], np.int32)
    chosen = np.array([0, *[1] * (n - 2), 0], np.int8)
    streams.keep_clean(fit, size, 0, n, np.arange(n, dtype=float), chosen)
    assert (np.flatnonzero(chosen) - 1).tolist() == kept


@pytest.mark.cudasim
def test_choices_in_the_simulator_save_most():
    for seed in range(4):
        check_choice(simulated, seed)


# Streams -------------------------------------------------------------------------------------


@st.composite
def relations(draw):
    """Draw (amounts, owners): two groups of an amount or two, leftovers near them, reversals."""
    kinds = [draw(st.sampled_from([(0,), (50,), (100,), (102,), (100, 103), (200,)])) for _ in "ab"]
    sizes = [draw(st.integers(0, 9)), draw(st.integers(0, 9))]
    rows = [(draw(st.sampled_from(kinds[g])), g) for g in (0, 1) for _ in range(sizes[g])]
    near = st.sampled_from([0, 1, 49, 50, 51, 52, 98, 99, 100, 102, 103, 104, 105, 106, 204, 205])
    rows += [(amount, -1) for amount in draw(st.lists(near, max_size=draw(st.integers(0, 5))))]
    backs = st.sampled_from([-50, -100, -102, -103, -7])
    rows += [(amount, -1) for amount in draw(st.lists(backs, max_size=2))]
    return draw(st.permutations(rows))


@given(st.lists(relations(), min_size=1, max_size=4))
@settings(max_examples=300)
def test_streams_are_numbered_by_their_first_payments_and_leftovers_join_who_resembles_them(drawn):
    check_streams(drawn)


@pytest.mark.parametrize("seed", range(20))
def test_of_groups_of_one_size_a_leftover_joins_the_one_that_began_first(seed):
    rng = np.random.default_rng(seed)
    rows = [(int(amount), int(group)) for amount, group in zip(
        rng.integers(98, 104, 12), rng.permutation([0, 1] * 6), strict=True)]  # fmt: skip
    rows += [(100, -1)] * int(rng.integers(1, 3))
    check_streams([[rows[i] for i in rng.permutation(len(rows))]])


def check_streams(drawn):
    amount = np.array([a for rows in drawn for a, _ in rows], np.int64)
    offsets = offsets_of(np.array([len(rows) for rows in drawn], np.int64), np)
    owner = np.array([2 * r + g if g >= 0 else -1 for r, rows in enumerate(drawn) for _, g in rows],
                     np.int32)  # fmt: skip
    before = owner.copy()
    n, n_groups = len(drawn), 2 * len(drawn)
    cancelled_by = np.full(amount.size, -1, np.int32)
    on_host("reversals", streams, n, amount, offsets, cancelled_by)
    low, high = (np.zeros(n_groups, np.int64) for _ in range(2))
    count, link = (np.zeros(n_groups, np.int32) for _ in range(2))
    rank, local = np.full(n_groups, -1, np.int32), np.full(amount.size, -7, np.int32)
    n_streams = np.zeros(n, np.int32)
    on_host("number", members, n, amount, owner, cancelled_by, offsets, low, high, count, rank,
            local, link, n_streams)  # fmt: skip
    begin = offsets_of(n_streams, np)
    stream, member = (np.full(amount.size, -7, np.int32) for _ in range(2))
    size, unit = (np.full(int(begin[-1]), -7, np.int32) for _ in range(2))
    starts, rest = np.full(int(begin[-1]), -7, np.int64), np.arange(n, dtype=np.int32) + 100
    on_host("place", members, n, amount, owner, local, offsets, begin, rest, stream, member,
            starts, size, unit)  # fmt: skip
    for r, rows in enumerate(drawn):
        here = slice(offsets[r], offsets[r + 1])
        amounts = amount[here].tolist()
        found, joined, names = naive.streams(
            amounts, before[here].tolist(), naive.reversals(amounts)
        )
        assert (stream[here] - begin[r]).tolist() == found
        assert np.flatnonzero(owner[here] < -1).tolist() == sorted(joined)
        want = [-1 if name is None else rest[r] if name == "rest" else name for name in names]
        assert unit[begin[r] : begin[r + 1]].tolist() == want
        for s in range(len(names)):
            at = begin[r] + s
            rows_of_stream = [i + int(offsets[r]) for i in range(len(rows))
                              if found[i] == s and amounts[i] >= 0]  # fmt: skip
            assert member[starts[at] : starts[at] + size[at]].tolist() == rows_of_stream
