"""Groups of payments by amount, and the cost of writing amounts down, against plain lists."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import amounts as naive
from simulate import simulated_backend

from qfb_gpu.backend import get_backend
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.payments.units import Units, amount_lengths, make_units, offsets_of

CPU = get_backend("cpu")

bases = st.sampled_from([0, 1, 4, 20, 100, 10_000, 250_000, 10**9])
ratios = st.sampled_from([1, 1, 1, 1.0004, 1.0006, 1.01, 1.02, 1.05, 1.08, 1.1, 1.25, 1.3, 1.6, 2])
"""Some are those at which groups are cut: an amount exactly so much larger is not yet cut off."""
gaps = st.sampled_from([0, 1, 7, 30, 31, 90, 352, 353, 365, 365, 377, 378])


@st.composite
def pools(draw):
    """Draw (days, amounts): amounts that climb by some ratios, dealt to days in order."""
    amount, amounts = draw(bases), []
    sizes = st.lists(ratios, min_size=1, max_size=3) | st.lists(ratios, min_size=1, max_size=24)
    for ratio in draw(sizes):
        amount = int(amount * ratio) + draw(st.sampled_from([0, 0, 0, 1]))
        amounts.append(amount)
    days = np.cumsum(draw(st.lists(gaps, min_size=len(amounts), max_size=len(amounts))))
    return (days - 400).tolist(), draw(st.permutations(amounts))


def check_units(drawn, backend):
    day = np.array([d for days, _ in drawn for d in days], np.int64)
    amount = np.array([a for _, amounts in drawn for a in amounts], np.int64)
    order = np.random.default_rng(day.size).permutation(day.size)  # rows of payments, by slot
    at_row, amount_of_row = np.empty_like(day), np.empty_like(amount)
    at_row[order], amount_of_row[order] = day, amount
    offsets = offsets_of(np.array([len(days) for days, _ in drawn]), np)
    made = make_units(at_row, amount_of_row, order.astype(np.int32), offsets, backend)
    want = []
    for number, (days, amounts) in enumerate(drawn):
        for level, place, rows in naive.units(days, amounts):
            begin = level * day.size + offsets[number] + place
            members = order[[offsets[number] + row for row in rows]].tolist()
            want.append((number, begin, members, days[rows[-1]] - days[rows[0]] + 1))
    slots = zip(made.start.tolist(), made.size.tolist(), strict=True)
    members = [made.member[start : start + size].tolist() for start, size in slots]
    got = zip(made.pool.tolist(), made.start.tolist(), members, made.span.tolist(), strict=True)
    assert list(got) == want
    assert np.diff(made.pool_offsets).tolist() == np.bincount(made.pool).tolist()


@given(st.lists(pools(), min_size=1, max_size=4))
@settings(max_examples=300)
def test_groups_by_amount_are_those_of_sets(drawn):
    check_units(drawn, CPU)


def by_level(days, amounts):
    """Return {level: amounts of each of its groups} of one pool."""
    everyone = np.arange(len(days), dtype=np.int32)
    made = make_units(np.array(days), np.array(amounts), everyone, offsets_of(
        np.array([len(days)]), np), CPU)  # fmt: skip
    found = {}
    for start, size in zip(made.start.tolist(), made.size.tolist(), strict=True):
        rows = made.member[start : start + size]
        found.setdefault(start // len(days), []).append([amounts[row] for row in rows])
    return found


def test_three_contracts_of_a_counterparty_are_a_group_each():
    amounts = [100, 100, 100, 130, 130, 130, 500, 500, 500]
    found = by_level(range(0, 270, 30), amounts)
    assert found[0] == [amounts]
    assert found[1] == [amounts[:6], amounts[6:]]  # 500 is more than 1.6 times 130
    assert found[2] == [amounts[:3], amounts[3:6]]  # 130 is more than 1.25 times 100
    assert found.keys() == {0, 1, 2}  # what is cut no further is listed once


@pytest.mark.parametrize(("days_apart", "is_group"), [(352, 0), (353, 1), (377, 1), (378, 0)])
def test_two_payments_of_an_amount_are_a_group_if_they_are_a_year_apart(days_apart, is_group):
    found = by_level([0, 30, 30 + days_apart, 900], [5_000, 700, 700, 90_000])
    assert found.get(5, []) == [[700, 700]] * is_group


histories = st.lists(
    st.tuples(st.sampled_from([0, 0, 0, 1, 1, 2, -1, 3]), st.booleans()), min_size=1, max_size=14
)


def lengths(units, backend):
    """Return the kernel's answers for units of (amount, whether it is a hit)."""
    amount = np.array([a for unit in units for a, _ in unit], np.int64)
    due = np.array([0 if hit else NULL_DAY for unit in units for _, hit in unit], np.int32)
    size = np.array([len(unit) for unit in units], np.int32)
    start = (np.cumsum(size) - size).astype(np.int64)
    member = np.arange(amount.size, dtype=np.int32)
    made = Units(member, start, size, None, None, None, amount.size)
    return amount_lengths(amount, made, due, backend)


def check_lengths(units, backend):
    want = [
        (naive.nats([a for a, _ in unit]) / len(unit), naive.nats([a for a, hit in unit if hit]))
        for unit in units
    ]
    np.testing.assert_allclose(lengths(units, backend), want, rtol=1e-12, atol=1e-12)


@given(st.lists(st.tuples(st.sampled_from([100, 5_000, 10**8]), histories), min_size=1, max_size=5))
@settings(max_examples=200)
def test_amounts_cost_what_their_changes_cost(drawn):
    kinds = {0: 1.0, 1: 1.1, 2: 0.7, -1: 1.0005, 3: 1.3}  # 1.0005: no change beside 1.0
    check_lengths([[(round(base * kinds[k]), hit) for k, hit in unit] for base, unit in drawn], CPU)


@pytest.mark.cudasim
def test_amounts_in_the_simulator_cost_what_their_changes_cost():
    rng = np.random.default_rng(3)
    sizes = (1, 2, 5, 9)
    drawn = [list(zip(rng.choice([100, 110, 300], n), rng.random(n) < 0.7, strict=True))
             for n in sizes]  # fmt: skip
    check_lengths(drawn, simulated_backend())


def test_a_step_is_cheaper_than_amounts_that_vary_and_dearer_than_one_that_stays():
    kept, stepped, varied = ([(amount, True) for amount in amounts] for amounts in (
        [100] * 12, [100] * 6 + [120] * 6, [100, 120, 90, 130, 101, 86, 119, 95, 140, 99, 78, 124],
    ))  # fmt: skip
    (plain, _), (step, _), (other, _) = lengths([kept, stepped, varied], CPU)
    assert plain < step < other
