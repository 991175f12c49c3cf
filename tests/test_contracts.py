"""Contract payments: measures, links, nodes, due dates, recurring shares, averages, joins."""

from dataclasses import replace

import deals_case
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import CNY, EUR, build_ledger
from naive import contracts as naive

from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.finance import averages, nodes, recurring, timing
from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance import contracts as con
from qfb_gpu.finance.clause_table import clause_nodes
from qfb_gpu.finance.joins import find, mix, pairs, rank, total
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR
from qfb_gpu.schema import DIRECTIONS

OUT, IN = DIRECTIONS.index("out"), DIRECTIONS.index("in")
START = 19_000
CPU = get_backend("cpu")


def contracts(*rows):
    """Return Contracts of (start, end, total) rows of customer 0 with counterparty 7."""
    n = len(rows)
    start, end, whole = (np.array([row[i] for row in rows]) for i in range(3))
    return con.Contracts(
        key=np.arange(1, n + 1), counterparty_key=np.full(n, 7),
        customer=np.zeros(n, np.int32), start_day=start.astype(np.int32),
        end_day=end.astype(np.int32), total_minor=whole.astype(np.int64),
        currency=np.full(n, CNY, np.int16), category=np.zeros(n, np.int32),
    )  # fmt: skip


def paid(*rows):
    """Return Paid of (contract, day, amount) rows, in order."""
    rows = sorted(rows)
    contract, day, amount = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    n = len(rows)
    return con.Paid(contract, np.arange(n), day.astype(np.int32), amount,
                    np.zeros(n, np.int8), np.ones(n))  # fmt: skip


def assigned(text, amounts, total_minor=100_000):
    """Return the node of each payment (in days 1, 2, ...) of one contract with a clause."""
    one = contracts((START, START + 300, total_minor))
    promised = nodes.promised(one, np.zeros(1, np.int64), clause_nodes([text]), CPU)
    rows = paid(*((0, START + i, amount) for i, amount in enumerate(amounts, 1)))
    counts = np.ones(rows.n, bool)
    node = nodes.assign(promised, rows, counts, one, CPU)
    return node.tolist(), nodes.settled(promised, rows, node, one, CPU), promised


@given(
    st.lists(st.tuples(st.integers(-400, 900), st.integers(-500, 9_000)), min_size=1, max_size=8),
    st.integers(1, 10_000),
)
@settings(max_examples=60)
def test_measures_are_those_of_loops(payments, total_minor):
    calendar = load_calendar("CN")
    one = contracts((START, NULL_DAY, total_minor))
    rows = paid(*((0, START + day, amount) for day, amount in payments))
    found = con.measures(rows, np.ones(rows.n, bool), one, calendar, CPU)
    wanted = naive.measures(
        (START, total_minor), [(START + d, a) for d, a in payments],
        calendar.is_working, calendar.first_day,
    )  # fmt: skip
    for name in wanted[0]:
        np.testing.assert_allclose(found[name], [row[name] for row in wanted], rtol=1e-12)


@pytest.mark.parametrize("sizes", [(1, 1, 3), (2, 1, 1), (1, 4), (3, 0, 2)], ids=str)
def test_measures_of_several_contracts_are_those_of_each_alone(sizes):
    calendar = load_calendar("CN")
    deals = [(START + 40 * at, 1_000 * (at + 1)) for at in range(len(sizes))]
    rows = [
        (at, deals[at][0] + 9 * k, 100 + 30 * k) for at, n in enumerate(sizes) for k in range(n)
    ]
    several = contracts(*((start, NULL_DAY, whole) for start, whole in deals))
    found = con.measures(paid(*rows), np.ones(len(rows), bool), several, calendar, CPU)
    wanted = [
        row
        for at, deal in enumerate(deals)
        for row in naive.measures(deal, [(day, amount) for c, day, amount in rows if c == at],
                                  calendar.is_working, calendar.first_day)
    ]  # fmt: skip
    for name in wanted[0]:
        np.testing.assert_allclose(found[name], [row[name] for row in wanted], rtol=1e-12)


def test_measures_do_not_cross_contracts_or_count_another_currency():
    two = contracts((START, NULL_DAY, 1000), (START + 5, NULL_DAY, NULL_MINOR))
    rows = paid((0, START + 1, 400), (0, START + 9, 300), (1, START + 2, 50))
    found = con.measures(rows, np.array([True, False, True]), two, load_calendar("CN"), CPU)
    np.testing.assert_array_equal(found["ratio"], [0.4, np.nan, np.nan])
    np.testing.assert_array_equal(found["gap_days"], [np.nan, 8, np.nan])
    assert found["is_before_start"].tolist() == [False, False, True]
    assert found["number"].tolist() == [1, 2, 1]


def test_links_find_their_payment_and_unseen_ones_are_counted():
    ledger = build_ledger([(0, 7, OUT, CNY, START + 1, 100), (0, 7, OUT, EUR, START + 2, 200)])
    ids = {"customer_key": np.full(4, 5), "contract_key": np.full(4, 1)}
    key = mix((ids["customer_key"], ids["contract_key"]), CPU)[:1]
    one = replace(contracts((START, NULL_DAY, 300)), key=key)
    links = deals_case.namespace(
        customer=np.zeros(4, np.int32), keys={"txn_key": np.array([0, 1, 99, 0]), **ids}
    )
    rows, n_unseen = con.linked_payments(one, links, ledger, CPU)
    assert sorted(rows.amount_minor.tolist()) == [100, 200]  # a repeated link counts once
    assert n_unseen.tolist() == [1]
    counts = con.only_countable(rows, one, ledger, CPU)
    assert con.paid_minor(rows, counts, one, CPU).tolist() == [100]  # euros are no yuan
    other = {**links.keys, "customer_key": np.full(4, 6)}
    rows, n_unseen = con.linked_payments(
        one, deals_case.namespace(customer=links.customer, keys=other), ledger, CPU
    )
    assert (rows.n, n_unseen.tolist()) == (0, [0])  # another payer's contract, in whatever bucket


def test_a_refund_is_taken_off():
    ledger = build_ledger([(0, 7, OUT, CNY, START + 1, 100), (0, 7, IN, CNY, START + 2, 30)])
    rows = con.Paid(np.zeros(2, np.int64), np.arange(2), ledger.day, ledger.amount_minor,
                    np.zeros(2, np.int8), np.ones(2))  # fmt: skip
    signs = dict(zip(ledger.day.tolist(), con.signed(rows, ledger, CPU).amount_minor, strict=True))
    assert signs == {START + 1: 100, START + 2: -30}


TERSE = "预付30%，到货40%，验收25%，质保金5%"


def test_payments_go_to_nodes_by_share_then_day():
    node, settled, _ = assigned(TERSE, [30_000, 25_000, 40_000])
    assert node == [0, 2, 1]  # out of order, yet each by its share
    assert (settled["paid_day"] != NULL_DAY).tolist() == [True, True, True, False]
    node, _, _ = assigned("预付20%，进度款60%（分3期），验收款20%", [20_000] * 4)
    assert sorted(node) == [0, 1, 2, 3]


def test_a_node_paid_in_parts_and_one_payment_that_is_none():
    node, settled, _ = assigned(TERSE, [30_000, 15_000, 25_000 - 1_000, 26_000])
    assert node[0] == 0
    assert node[1:] == [1, 1, 2]  # 15 + 24 points fill the 40; 26 is near no other than 25
    assert settled["n_payments"].tolist() == [1, 2, 1, 0]
    node, settled, _ = assigned("预付30%，验收70%", [30_000, 70_000, 70_000])
    assert node == [0, 1, -1]  # paid twice: the second is no node's
    assert settled["paid_minor"].tolist() == [30_000, 70_000]


@pytest.mark.parametrize(
    ("amounts", "in_nodes", "days", "n_payments"),
    [
        ([70_000], [30, 40, 0, 0], [1, 1, None, None], [1, 1, 0, 0]),  # two nodes at once
        ([95_000], [30, 40, 25, 0], [1, 1, 1, None], [1, 1, 1, 0]),
        ([65_000, 30_000], [30, 40, 25, 0], [2, 1, 1, None], [1, 1, 1, 0]),
        ([60_000, 35_000, 5_000], [30, 40, 25, 5], [1, 2, 2, 3], [1, 2, 1, 1]),
        ([50_000], [30, 20, 0, 0], [1, None, None, None], [1, 1, 0, 0]),
        ([40_000, 55_000], [30, 40, 25, 0], [2, 1, 2, None], [1, 1, 1, 0]),
        ([130_000], [30, 40, 25, 35], [1, 1, 1, 1], [1, 1, 1, 1]),
        ([31_500], [31.5, 0, 0, 0], [1, None, None, None], [1, 0, 0, 0]),  # a little too much
        ([70_000, 5_000], [30, 40, 0, 5], [1, 1, None, 2], [1, 1, 0, 1]),
    ],
)
def test_a_payment_of_several_nodes_pays_each_of_them(amounts, in_nodes, days, n_payments):
    """Of 30, 40, 25 and 5% one payment of 70 was said to pay the second, and the first to be open."""
    _, found, _ = assigned(TERSE, amounts)
    assert found["paid_minor"].tolist() == [1_000 * share for share in in_nodes]
    paid_days = [None if day == NULL_DAY else day - START for day in found["paid_day"].tolist()]
    assert paid_days == days
    assert found["n_payments"].tolist() == n_payments


def test_what_is_shared_out_is_each_contracts_own_and_no_refund_is():
    """Of 30, 40, 25 and 5%: 70 in one; 30 and 130 more, 25 of it back; 40 and 55 of another one."""
    three = contracts(*((START, START + 300, 100_000),) * 3)
    text = clause_nodes([TERSE])
    promised = nodes.promised(three, np.zeros(3, np.int64), text, CPU)
    of = {0: [70_000], 1: [30_000, 130_000, -25_000], 2: [40_000, 55_000]}
    rows = paid(*((at, START + i, a) for at, own in of.items() for i, a in enumerate(own, 1)))
    counts = np.ones(rows.n, bool)
    node = nodes.assign(promised, rows, counts, three, CPU)
    assert node[3] == -1
    found = nodes.settled(promised, rows, node, three, CPU)
    wanted = [[30, 40, 0, 0], [30, 40, 25, 65], [30, 40, 25, 0]]
    assert (found["paid_minor"].reshape(3, 4) // 1_000).tolist() == wanted
    for at, own in of.items():
        _, alone, _ = assigned(TERSE, own)
        for name, values in alone.items():
            np.testing.assert_array_equal(found[name].reshape(3, 4)[at], values, err_msg=name)


@given(st.lists(st.integers(1, 150), min_size=1, max_size=6), st.integers(1, 4))
@settings(max_examples=150)
def test_nodes_got_what_payments_of_nodes_were(points, times):
    """No cent is lost or made, and no node but the last got too much while a later one is open."""
    amounts = [1_000 * p // times for p in points]
    node, found, promised = assigned(TERSE, amounts)
    got, due = found["paid_minor"], promised.amount_minor
    assert got.sum() == sum(a for a, n in zip(amounts, node, strict=True) if n >= 0)
    assert found["given_minor"].sum() == got.sum()
    over = got - due > 2_500
    assert not over[:-1].any() or (found["n_payments"][-1] == 1 and not over[-1])
    last = found["paid_day"] != NULL_DAY
    np.testing.assert_array_equal(
        last, (got > 0) & (got >= due - nodes.share_of(due, np.full(1, 250)))
    )


def test_thirds_are_paid_in_order_of_day():
    """Of 33.34%, 33.33% and 33.33% the first was the last to be paid."""
    node, done, _ = assigned("分3期等额支付", [33_333, 33_333, 33_334])
    assert node == [0, 1, 2]
    assert (done["paid_day"] - START).tolist() == [1, 2, 3]


def test_shares_are_exact_and_do_not_overflow():
    whole = np.array([10**17, 3, 9_999])
    points = np.array([3_333, 5_000, 1])
    exact = [(int(w) * int(p) + 5_000) // 10_000 for w, p in zip(whole, points, strict=True)]
    assert nodes.share_of(whole, points).tolist() == exact


def test_contracts_without_a_clause_have_the_nodes_that_were_paid():
    two = contracts((START, NULL_DAY, 1_000), (START, NULL_DAY, NULL_MINOR))
    none = nodes.promised(two, np.full(2, -1), clause_nodes([]), CPU)
    rows = paid((0, START + 1, 300), (0, START + 9, 650), (1, START + 2, 50))
    memo = np.array([words.ADVANCE, -1, -1], np.int8)
    found, is_bare = nodes.from_payments(rows, np.ones(3, bool), memo, two, none, CPU)
    assert found.basis_points.tolist() == [3_000, 6_500]
    assert found.kind.tolist() == [words.ADVANCE, words.OTHER]
    assert is_bare.all()


def test_what_came_back_or_was_nothing_is_no_node_and_the_least_payment_is():
    one = contracts((START, NULL_DAY, 1_000))
    none = nodes.promised(one, np.full(1, -1), clause_nodes([]), CPU)
    rows = paid((0, START + 1, 0), (0, START + 2, -5), (0, START + 3, 1), (0, START + 4, 300))
    memo = np.full(4, -1, np.int8)
    found, _ = nodes.from_payments(rows, np.ones(4, bool), memo, one, none, CPU)
    assert found.amount_minor.tolist() == [1, 300]
    assert found.number.tolist() == [0, 1]
    uncounted = np.array([True, True, True, False])  # in another currency
    found, _ = nodes.from_payments(rows, uncounted, memo, one, none, CPU)
    assert found.amount_minor.tolist() == [1]


@pytest.mark.parametrize(
    ("amount", "node"), [(24_500, 2), (25_500, 2), (24_499, 1), (25_501, 1)], ids=str
)
def test_a_payment_within_half_a_point_of_the_total_is_the_nodes(amount, node):
    """One farther off fills the first node that is left."""
    assert assigned(TERSE, [amount, 30_000])[0] == [node, 0]


@pytest.mark.parametrize(("amount", "node"), [(12, 2), (13, 2), (14, 2), (15, 0)], ids=str)
def test_of_a_total_of_cents_a_payment_within_a_cent_is_the_nodes(amount, node):
    assert assigned(TERSE, [amount, 15], total_minor=50)[0][0] == node


def test_due_dates_by_calendar_and_working_days():
    one = contracts((19_723, 20_000, 100_000))  # starts on Monday, 1 January 2024: a holiday
    text = "合同签订后5个工作日内付30%；验收后10日内付65%；质保金5%，质保期一年满后15日付清"
    promised = nodes.promised(one, np.zeros(1, np.int64), clause_nodes([text]), CPU)
    due = timing.due_days(promised, one, load_calendar("CN"), CPU, by_month=False)
    assert due.tolist() == [19_723 + 7, NULL_DAY, 20_000 + 365 + 15]  # 2..5 January, then the 8th


@given(st.integers(-4_000, 60_000), st.integers(0, 30), st.integers(-500, 500))
def test_working_days_outside_the_calendar_are_monday_to_friday(day, n, later):
    """Due dates of before 1990 were in January 1990, those of leases to 2045 in January 2041."""
    calendar = load_calendar("CN")
    first, end = calendar.first_day, calendar.first_day + len(calendar.is_working)

    def works(one):
        inside = first <= one < end
        return bool(calendar.is_working[one - first]) if inside else (one + 3) % 7 < 5

    due = day
    for _ in range(n):
        due = next(one for one in range(due + 1, due + 30) if works(one))
    if not any(day < edge <= due for edge in (first, end)):  # across an edge: within a fortnight
        assert timing._add_working(np.array([day]), np.array([n]), calendar, CPU)[0] == due
    low, high = sorted((day, day + later))
    count = sum(map(works, range(low + 1, high + 1)))
    span = (np.array([one], np.int32) for one in (day, day + later))
    assert con.business_days(*span, calendar, CPU)[0] == (count if later > 0 else -count)


@given(st.lists(st.integers(0, 700) | st.sampled_from([0, 500, 505, 510]), max_size=40))
@settings(max_examples=80)
def test_recurring_shares_are_those_of_loops(points):
    group = np.zeros(len(points), np.int64)
    found = recurring.recurring_shares(group, np.array(points, np.int64), CPU)
    wanted = naive.recurring(points, recurring.NARROW, 300)
    assert dict(zip(found["basis_points"], found["n_payments"], strict=True)) == wanted


def test_shares_recur_within_their_group_only():
    group = np.array([0, 0, 0, 1, 1, 2])
    points = np.array([3000, 3004, 2996, 3000, 3000, 3000])
    found = recurring.recurring_shares(group, points, CPU)
    assert found["group"].tolist() == [0]
    near = recurring.nearest_share(np.array([0, 0, 1]), np.array([3010, 3100, 3000]), found, CPU)
    assert near.tolist() == [found["basis_points"][0], -1, -1]


def test_means_count_contracts_without_a_payment():
    each = {"n_payments": np.array([3, 0, 0, 1]), "first_payment_days": np.array([5, np.nan, np.nan, 9.0]),
            "paid_ratio": np.array([1.0, 0.0, np.nan, 0.5])}  # fmt: skip
    gaps = {"contract": np.array([0, 0, 0, 3]), "gap_days": np.array([np.nan, 10, 20, np.nan])}
    found = averages.summary(np.array([0, 0, 0, 1]), 2, each, gaps)
    assert found["payments_mean"].tolist() == [1.0, 1.0]
    assert found["payments_median"].tolist() == [0.0, 1.0]
    assert found["n_unpaid"].tolist() == [2, 0]
    np.testing.assert_array_equal(found["gap_days_median"], [15, np.nan])
    assert found["paid_ratio_mean"].tolist() == [0.5, 0.5]


@given(st.lists(st.integers(0, 4), max_size=12), st.lists(st.integers(0, 4), max_size=12))
def test_joins_are_those_of_loops(left, right):
    a, b = np.array(left, np.int64), np.array(right, np.int64)
    rows = list(zip(*(r.tolist() for r in pairs(a, b, CPU)), strict=True))
    assert rows == [(i, j) for i, x in enumerate(left) for j, y in enumerate(right) if x == y]
    assert find(a, b, CPU).tolist() == [right.index(x) if x in right else -1 for x in left]
    assert rank((a,), 1, CPU).tolist() == [left[:i].count(x) for i, x in enumerate(left)]
    sums = total(a, np.arange(len(left)), 5, CPU).tolist()
    assert sums == [sum(i for i, x in enumerate(left) if x == g) for g in range(5)]
    assert len(set(mix((a, a + 1), CPU).tolist())) == len(set(left))
