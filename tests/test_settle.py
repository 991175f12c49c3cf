"""Groups of a relation that are one contract are joined: the kernel against plain searches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import splits as naive
from simulate import launch
from strategies import CALENDAR_FIRST, EPOCH, make_calendar
from test_choices import fit_of
from test_dues import number, table_of

from qfb_gpu.backend import get_backend
from qfb_gpu.payments.units import offsets_of
from qfb_kernels import settle

CPU = get_backend("cpu")
NULL_DAY = -(2**31)
CAL = table_of()
_FIRST = number(CALENDAR_FIRST)
_WORKED = np.cumsum([0, *make_calendar().is_working])
BEGIN = 17_897  # 2019-01-01
N_DUE = 18
SCHEDULES = [
    ("days", 7, BEGIN - 3, 1, 0), ("days", 14, BEGIN, 1, 0), ("days", 30, BEGIN + 5, 1, 0),
    ("months", 1, 12 * 49, 5, 0), ("months", 1, 12 * 49, 20, 0), ("months", 3, 12 * 49, 5, 0),
]  # fmt: skip


def dates_of(schedule):
    """Return the due dates from before the first to after the last payment, as day numbers."""
    kind, step, anchor, a, _ = schedule
    ks = range(-40, 400) if kind == "days" else range(-6, 120 // step)
    if kind == "days":
        return [anchor + k * step for k in ks]
    months = [anchor + k * step for k in ks]
    return [number(EPOCH.replace(1970 + m // 12, m % 12 + 1, a)) for m in months]


def tick_of(clock):
    return (lambda day: int(_WORKED[day - _FIRST])) if clock else int


def period_of(schedule):
    """Return a function: days from the due date of a day's period to the next one."""
    kind, step, anchor, *_ = schedule
    if kind == "days":
        return lambda _day: step

    def period(day):
        date = EPOCH + np.timedelta64(day, "D").astype(object)
        dates = dates_of(schedule)
        k = ((date.year - 1970) * 12 + date.month - 1 - anchor) // step + 6
        return dates[k + 1] - dates[k]

    return period


@st.composite
def relations(draw):
    """Draw payments of a schedule torn apart into groups 0 and 1, of another one, and leftovers.

    [(day, amount, group or -1, due date, offset) of each], the groups' schedules, their clock.
    """
    base = draw(st.sampled_from(SCHEDULES))
    schedules = [
        base,
        draw(st.sampled_from([base, base, *SCHEDULES])),
        draw(st.sampled_from(SCHEDULES)),
    ]
    clock = draw(st.sampled_from([0, 0, 1]))
    amount = draw(st.sampled_from([100, 1000]))
    ratio = draw(st.sampled_from([1.0, 1.04, 1.3, 3.9, 4.1]))
    amounts = [amount, int(amount * ratio), draw(st.sampled_from([amount, 5 * amount]))]
    pattern = draw(st.sampled_from(["step", "mixed", "gap"]))
    turn = draw(st.integers(1, N_DUE - 1))
    gap = draw(st.integers(2, 7)) if pattern == "gap" else 0
    rows = []
    dues = [d for d in dates_of(base) if d >= BEGIN]
    for k in range(draw(st.sampled_from([5, 8, N_DUE]))):
        fate = draw(st.integers(0, 9))
        owner = fate % 2 if pattern == "mixed" else int(k >= turn)
        if fate == 9:
            owner = draw(st.sampled_from([-1, -1, -2]))  # a leftover, or no payment at all
        rows.append((dues[k + (gap if k >= turn else 0)], owner))
    elsewhere = [d for d in dates_of(schedules[2]) if d >= BEGIN]
    rows += [(due, 2) for due in elsewhere[: draw(st.integers(0, 6))]]
    rows += [(dues[draw(st.integers(0, N_DUE + 5))], -1) for _ in range(draw(st.integers(0, 3)))]
    payments = []
    for due, owner in rows:
        off = draw(st.sampled_from([0, 0, 0, 0, 1, -1, 2]))
        about = draw(st.sampled_from([1.0, 1.0, 1.0, 0.9, 1.06, 1.3]))
        price = round(amounts[owner] * about) if owner >= 0 else draw(
            st.sampled_from([*amounts, int(1.1 * amount), int(1.45 * amount), 9 * amount]))  # fmt: skip
        if owner >= -1:
            payments.append((due + off, price, owner, due))
    payments.sort(key=lambda row: row[0])
    tick, seen, columns = tick_of(clock), set(), []
    for day, price, owner, due in payments:
        if owner < 0 or (owner, due) in seen:  # a due date has one answer
            columns.append((day, price, -1, None, 0))
        else:
            columns.append((day, price, owner, due, tick(day) - tick(due)))
        seen.add((owner, due))
    return columns, schedules, clock


def check(drawn, run):
    flat = [row for columns, _, _ in drawn for row in columns]
    day, amount = (np.array([row[i] for row in flat], np.int64) for i in (0, 1))
    n = len(drawn)
    offsets = offsets_of(np.array([len(columns) for columns, _, _ in drawn], np.int64), np)
    relation = np.repeat(np.arange(n), np.diff(offsets))
    owner = np.array([g + 3 * r if g >= 0 else -1 for r, (*_, g, _, _) in
                      zip(relation, flat, strict=True)], np.int32)  # fmt: skip
    due = np.array([NULL_DAY if row[3] is None else row[3] for row in flat], np.int32)
    offset = np.array([row[4] for row in flat], np.int32)
    fit = np.concatenate([fit_of(s, "none", clock) for _, all_, clock in drawn for s in all_])
    low, high = (np.zeros(3 * n, np.int64) for _ in range(2))
    count, head, reach, link = (np.zeros(3 * n, np.int32) for _ in range(4))
    run(n, day, amount, owner, due, offset, offsets, CAL, fit, low, high, count, head, reach, link)
    n_joined = 0
    for r, (columns, schedules, clock) in enumerate(drawn):
        groups = {g: (dates_of(s), tick_of(clock), period_of(s)) for g, s in enumerate(schedules)}
        want = naive.Settled(*zip(*columns, strict=True), groups)
        here = slice(offsets[r], offsets[r + 1])
        assert [g - 3 * r if g >= 0 else -1 for g in owner[here].tolist()] == want.owners
        assert [None if d == NULL_DAY else d for d in due[here].tolist()] == want.dues
        hits = [i for i, g in enumerate(want.owners) if g >= 0]
        assert offset[here][hits].tolist() == [want.offsets[i] for i in hits]
        n_joined += want.owners != [row[2] for row in columns]
    return n_joined


def on_host(n_rows, *arrays):
    CPU.launch(settle.settle_cpu, None, n_rows, *arrays)


@given(st.lists(relations().filter(lambda drawn: drawn[0]), min_size=1, max_size=3))
@settings(max_examples=400)
def test_groups_and_leftovers_of_one_contract_are_joined_as_by_plain_searches(drawn):
    check(drawn, on_host)


def torn(prices, group_of, *, leftover=None):
    """Return owners after a monthly contract of these prices, torn into groups, was settled."""
    dates = [d for d in dates_of(SCHEDULES[3]) if d >= BEGIN]
    columns = [(d, p, g, d, 0) for d, p, g in zip(dates, prices, group_of, strict=False)]
    if leftover:
        at, price = leftover
        columns[at] = (dates[at], price, -1, None, 0)
    day, amount = (np.array([row[i] for row in columns], np.int64) for i in (0, 1))
    owner = np.array([row[2] for row in columns], np.int32)
    due = np.array([NULL_DAY if row[3] is None else row[3] for row in columns], np.int32)
    fit = np.concatenate([fit_of(SCHEDULES[3], "none", 0)] * 2)
    low, high = (np.zeros(2, np.int64) for _ in range(2))
    count, head, reach, link = (np.zeros(2, np.int32) for _ in range(4))
    on_host(1, day, amount, owner, due, np.zeros(day.size, np.int32), np.array([0, day.size]),
            CAL, fit, low, high, count, head, reach, link)  # fmt: skip
    return owner.tolist()


@pytest.mark.parametrize(("ratio", "is_one"), [(1.1, True), (3.9, True), (4.5, False)])
def test_a_rent_after_its_step_is_the_same_contract_up_to_four_times_as_dear(ratio, is_one):
    prices = [1_000] * 8 + [round(1_000 * ratio)] * 6
    owners = torn(prices, [0] * 8 + [1] * 6)
    assert owners == ([0] * 14 if is_one else [0] * 8 + [1] * 6)


@pytest.mark.parametrize(("n", "n_later", "is_one"), [(2, 2, False), (3, 1, True), (3, 3, True)])
def test_three_payments_are_a_contract_that_goes_on_at_another_price(n, n_later, is_one):
    owners = torn([1_000] * n + [1_100] * n_later, [0] * n + [1] * n_later)
    assert owners == [0] * n + [0 if is_one else 1] * n_later


@pytest.mark.parametrize(
    ("n_own", "n_more", "is_one"),
    [(5, 0, True), (5, 1, True), (5, 2, False), (4, 1, False), (8, 2, True)],
)
def test_a_group_of_five_joins_though_one_in_five_more_has_no_due_date_left(n_own, n_more, is_one):
    """Those that have none leave it: the due date that they answer is answered already."""
    dates = [d for d in dates_of(SCHEDULES[3]) if d >= BEGIN][:18]
    of_other = range(9, 9 + n_own)
    columns = [(d, 1_000, int(k in of_other), d, 0) for k, d in enumerate(dates)]
    columns += [(dates[k] + 1, 1_000, 1, dates[k], 1) for k in range(3, 3 + n_more)]
    columns.sort()
    assert check([(columns, [SCHEDULES[3]] * 3, 0)], on_host) == is_one
    found = naive.Settled(
        *zip(*columns, strict=True),
        {g: (dates_of(SCHEDULES[3]), tick_of(0), period_of(SCHEDULES[3])) for g in range(2)},
    )
    if is_one:
        assert sorted(found.owners) == [-1] * n_more + [0] * 18


@pytest.mark.parametrize(
    ("price", "is_taken"), [(1_090, True), (1_110, False), (920, True), (900, False)]
)
def test_a_single_payment_for_a_missed_month_is_the_contracts_if_its_amount_is_near(
    price, is_taken
):
    owners = torn([1_000] * 10, [0] * 10, leftover=(4, price))
    assert owners[4] == (0 if is_taken else -1)


@pytest.mark.cudasim
def test_a_step_in_the_simulator():
    def simulated(n_rows, *arrays):
        launch(settle.settle_gpu, n_rows, *arrays)

    dates = [d for d in dates_of(SCHEDULES[3]) if d >= BEGIN]
    columns = [(dates[k], 100 + 30 * (k > 4), int(k > 4), dates[k], 0) for k in range(8)]
    columns[2] = (dates[2] + 1, 105, -1, None, 0)
    assert check([(columns, [SCHEDULES[3]] * 3, 0)], simulated) == 1
