"""Payment terms: the cheapest cycle in closed form and by trying all days, caps, statistics."""

import itertools
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import deals_case
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import CNY, build_ledger
from naive import terms as naive
from simulate import simulated_backend

from qfb_gpu.api import ledger_of
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import to_day
from qfb_gpu.finance import cycle, cycles, legal_caps
from qfb_gpu.finance.terms import GRID, Invoices, statistics
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.parts import payment_terms_learning, payment_terms_tables
from qfb_gpu.parts.contracts import CONTRACTS
from qfb_gpu.parts.payment_terms import PAYMENT_TERMS
from qfb_gpu.schema import DIRECTIONS

CPU = get_backend("cpu")
OUT = DIRECTIONS.index("out")
FREE = cycle.Costs(
    capital=0.0, financing=0.0, failure=0.0, discount=0.0, discount_days=10, late=0.0
)
DECREE = 0.0005


def best(costs, terms=60.0, cap=60.0, dependency=0.0):
    one = (np.array([terms]), np.array([cap]), np.array([dependency]))
    return float(cycle.best_days(*one, costs, CPU)[0])


def why(costs, days, terms=60.0, cap=60.0, *, is_legal=True):
    one = (np.array([days]), np.array([terms]), np.array([cap]), np.array([is_legal]))
    return cycle.BINDINGS[cycle.binding(*one, costs, CPU)[0]]


def test_money_that_costs_and_nothing_else_is_paid_at_the_cap():
    costs = replace(FREE, capital=0.05)
    assert best(costs) == 60
    assert why(costs, 60.0) == "legal cap"
    assert why(costs, 60.0, is_legal=False) == "policy cap"


def test_late_interest_dearer_than_money_keeps_the_agreed_terms():
    costs = replace(FREE, capital=0.05, late=DECREE)  # 18% a year against 5%
    assert best(costs, terms=30.0) == 30
    assert why(costs, 30.0, terms=30.0) == "agreed terms"
    assert best(replace(costs, capital=0.25), terms=30.0) == 60  # money dearer than the interest


def test_a_discount_worth_more_than_waiting_is_taken():
    costs = replace(FREE, capital=0.05, discount=0.02)  # 2/10 net 60 is 15% a year
    assert best(costs) == 10
    assert why(costs, 10.0) == "discount date"
    # 50 days of waiting are worth k * 50 / 365: more than 2% from k = 14.6% on
    assert best(replace(costs, capital=0.145)) == 10
    assert best(replace(costs, capital=0.147)) == 60


def test_distress_gives_the_closed_form():
    costs = replace(FREE, capital=0.06, financing=0.02, failure=0.003)
    inner = (0.06 - 0.02) / 365 * 60**2 / (2 * 0.003)  # 65.75 days
    assert best(costs, cap=90.0, terms=90.0) == round(inner)
    assert best(costs, cap=90.0, terms=90.0, dependency=1.0) == round(inner / 2)
    assert why(costs, 66.0, cap=90.0, terms=90.0) == "supplier distress"


@pytest.mark.parametrize(
    ("days", "terms", "cap", "discount", "wanted"),
    [
        (0, 30, 60, 0.0, "none"),
        (10, 30, 60, 0.0, "supplier distress"),  # the tenth day without a discount to lose on it
        (10, 30, 60, 0.02, "discount date"),
        (11, 30, 60, 0.02, "supplier distress"),
        (0, 30, 60, 0.02, "none"),
        (30, 30, 60, 0.02, "agreed terms"),
        (10, 10, 60, 0.02, "agreed terms"),  # the discount's day is that of the terms
        (30, 30, 30, 0.02, "legal cap"),
        (10, 30, 10, 0.02, "legal cap"),
        (0, 0, 0, 0.0, "legal cap"),
        (29, 30, 60, 0.02, "supplier distress"),
        (29, 29.5, 60, 0.02, "agreed terms"),
        (28, 29.5, 60, 0.02, "supplier distress"),
    ],
)
def test_what_keeps_the_days_from_being_more(days, terms, cap, discount, wanted):
    costs = replace(FREE, capital=0.05, discount=discount)
    assert why(costs, float(days), terms=float(terms), cap=float(cap)) == wanted


def test_nothing_gained_by_waiting_is_paid_at_once():
    assert best(replace(FREE, financing=0.02)) == 0
    assert best(FREE) == 0  # of equal ones the fewest
    assert why(FREE, 0.0) == "none"


RATES = st.floats(0, 0.3)


@given(
    st.builds(cycle.Costs, capital=RATES, financing=RATES, failure=st.floats(0, 0.05),
              discount=st.sampled_from([0.0, 0.01, 0.02]), discount_days=st.integers(0, 100),
              late=st.floats(0, 0.001)),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 120), st.floats(0, 1)),
             min_size=1, max_size=6),
)  # fmt: skip
@settings(max_examples=150)
def test_the_best_days_are_those_of_trying_all_and_never_above_the_cap(costs, pairs):
    cap = np.array([c for _, c, _ in pairs], float)
    terms = np.array([t for t, _, _ in pairs], float) / 2  # a median of two may be half a day
    dependency = np.array([d for _, _, d in pairs])
    days = cycle.best_days(terms, cap, dependency, costs, CPU)
    assert (days <= cap).all()
    assert (days >= 0).all()
    found = cycle.yearly_cost(days, terms, cap, dependency, costs, CPU)
    for i, (t, c, d) in enumerate(zip(terms, cap, dependency, strict=True)):
        assert days[i] == int(days[i])
        assert found[i] == pytest.approx(naive.cost(days[i], t, c, d, costs), abs=1e-12)
        least = naive.cost(naive.best(t, c, d, costs)[0], t, c, d, costs)
        assert found[i] <= least + 1e-9


def test_a_dearer_capital_never_shortens_the_cycle():
    rates = np.linspace(0, 0.3, 31)
    costs = replace(FREE, financing=0.02, failure=0.002, discount=0.01, late=DECREE)
    days = [best(replace(costs, capital=float(rate)), terms=45.0) for rate in rates]
    assert days == sorted(days)


def test_the_caps_of_the_law():
    assert legal_caps.legal_cap("CN", "large").cap_days == 60
    assert legal_caps.legal_cap("CN", "public").cap_days == 30
    assert legal_caps.legal_cap("CN", "public_agreed").cap_days == 60
    assert legal_caps.legal_cap("CN", "large").late_rate_a_day(0.5) == DECREE
    assert legal_caps.legal_cap("EU", "public").late_rate_a_day(0.02) == pytest.approx(0.1 / 365)
    for rule in legal_caps.LEGAL_CAPS:
        assert rule.buyer_kind in legal_caps.BUYER_KINDS
        assert rule.source
    with pytest.raises(KeyError, match="no legal cap for 'US'"):
        legal_caps.legal_cap("US", "large")


@pytest.mark.parametrize(
    ("jurisdiction", "caps", "late_a_day"),
    [
        # Article 9, and 0.05% a day for who is late; small buyers are outside of it
        ("CN", {"large": 60, "public": 30, "public_agreed": 60, "other": None}, 0.0005),
        # Directive 2011/7/EU, Articles 3(5), 4(3), 4(4), 4(6), and 8 points over the bank's rate
        ("EU", {"large": 60, "public": 30, "public_agreed": 60, "other": 60}, 0.12 / 365),
        ("GB", {"large": 60, "public": 30, "public_agreed": 30, "other": 60}, 0.12 / 365),
    ],
)
def test_every_cap_is_what_the_law_says(jurisdiction, caps, late_a_day):
    assert tuple(caps) == legal_caps.BUYER_KINDS
    for kind, cap_days in caps.items():
        rule = legal_caps.legal_cap(jurisdiction, kind)
        assert rule.cap_days == cap_days
        assert rule.late_rate_a_day(0.04) == pytest.approx(late_a_day)
    with pytest.raises(KeyError, match=r"there are \[\('CN', 'large'\), \('CN', 'other'\)"):
        legal_caps.legal_cap("CN", "small")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_the_front_is_what_no_point_beats(points):
    cash, risk = (np.array([p[i] for p in points], float) for i in (0, 1))
    assert cycle.pareto(cash, risk, CPU).tolist() == naive.front(cash.tolist(), risk.tolist())


def invoices(*rows):
    """Return Invoices of (pair, begin, paid or None, amount[, terms]) rows."""
    rows = [(*row, -1) if len(row) == 4 else row for row in rows]
    paid = [NULL_DAY if row[2] is None else row[2] for row in rows]
    columns = [np.array([row[i] for row in rows], np.int64) for i in (0, 1, 3, 4)]
    return Invoices(columns[0], columns[1].astype(np.int32), np.array(paid, np.int32), *columns[2:])


WAIT = st.none() | st.integers(0, 120)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 800), WAIT, st.integers(1, 999)),
                min_size=1, max_size=20))  # fmt: skip
@settings(max_examples=60)
def test_statistics_are_those_of_loops(rows):
    check_statistics(rows)


@pytest.mark.parametrize("seed", range(5))
def test_statistics_of_many_invoices_are_those_of_loops(seed):
    """Of the drawn invoices few pairs have two of the last year, or two that are paid."""
    rng, n = np.random.default_rng(seed), 80
    waits = np.where(rng.random(n) < 0.3, -1, rng.integers(0, 120, n))
    begin = 999 - rng.integers(0, rng.choice([370, 900], n))
    rows = zip(rng.integers(0, 2, n), begin, waits, rng.integers(1, 999, n), strict=True)
    wanted = check_statistics(
        [(int(p), int(b), None if w < 0 else int(w), int(a)) for p, b, w, a in rows]
    )
    assert all(one["days_mean"] != one["days_weighted"] for one in wanted)
    assert all(0 < one["dpo_days"] < 365 for one in wanted)


def check_statistics(rows):
    as_of, every = 1_000, []
    rows = [(pair, b, None if w is None else b + w, a) for pair, b, w, a in rows]
    found = statistics(invoices(*rows), 2, as_of, CPU)
    for pair in (0, 1):
        wanted = naive.summary([row[1:] for row in rows if row[0] == pair], as_of)
        every.append(wanted)
        for name, value in wanted.items():
            if value is None:
                assert np.isnan(found[name][pair])
            else:
                assert found[name][pair] == pytest.approx(value)
    return every


DAYS = st.sampled_from([0, 7, 30, 45, 60]).flatmap(lambda day: st.integers(day - 4, day + 7))
WRITTEN = st.none() | st.sampled_from([30, 45])


@given(
    st.lists(st.tuples(st.integers(500, 900), st.none() | DAYS, WRITTEN), min_size=1, max_size=14),
    st.booleans(),
)
@settings(max_examples=150)
def test_lateness_quantiles_and_drift_are_those_of_loops(rows, is_written):
    """Paid early, at once, late or not yet; terms written of some, or seen in what was paid."""
    as_of = 1_000
    own = [(b, None if w is None else b + w, t if is_written else None) for b, w, t in rows]
    found = statistics(
        invoices(*((0, b, p, 1, -1 if t is None else t) for b, p, t in own)), 1, as_of, CPU
    )
    terms = None if np.isnan(found["terms_days"][0]) else found["terms_days"][0]
    written = [t for *_, t in own if t is not None]
    if written:
        assert terms == np.median(written)
    wanted = naive.lateness(own, as_of, terms) | {"drift_days": naive.drift(own)}
    for name, share in (("days_p10", 0.1), ("days_median", 0.5), ("days_p90", 0.9)):
        wanted[name] = naive.paid_by(own, as_of, Fraction(str(share)))
    for name, value in wanted.items():
        if value is None:
            assert np.isnan(found[name][0]), name
        else:
            assert found[name][0] == pytest.approx(float(value)), name


def test_terms_are_the_usual_ones_that_payments_keep_to():
    rows = [(0, day, day + 30 + day % 3, 100) for day in range(0, 90, 10)]
    rows += [(0, 100, 190, 100)]  # one is late
    rows += [(1, 0, 13, 5), (1, 10, 100, 5), (1, 20, 60, 5)]  # no terms to be seen
    rows += [(2, 0, 44, 5, 45)]  # written in a contract
    found = statistics(invoices(*rows), 3, 400, CPU)
    np.testing.assert_array_equal(found["terms_days"], [30, np.nan, 45])
    assert found["terms_known"].tolist() == [False, False, True]
    assert found["terms_share"][0] == pytest.approx(0.9)
    assert found["late_share"][0] == pytest.approx(0.1)
    assert found["late_days"][0] == 60
    assert set(found["terms_days"][[0, 2]]) <= set(GRID)


def test_two_payments_show_no_terms():
    rows = [(0, 0, 30, 5), (0, 10, 41, 5), (0, 20, 90, 5)]  # two keep 30 days, one does not
    rows += [(1, 0, 30, 5), (1, 10, 41, 5)]
    rows += [(2, 0, 30, 5), (2, 10, 41, 5), (2, 20, 52, 5)]
    found = statistics(invoices(*rows), 3, 400, CPU)
    np.testing.assert_array_equal(found["terms_days"], [np.nan, np.nan, 30])


def test_waits_at_random_seldom_show_terms():
    rng = np.random.default_rng(1)
    for n, most in ((3, 0.01), (4, 0.02), (5, 0.03)):
        waits = rng.integers(0, 121, (2_000, n))
        rows = [
            (pair, 20 * at, 20 * at + wait, 1)
            for pair, own in enumerate(waits.tolist())
            for at, wait in enumerate(own)
        ]
        found = statistics(invoices(*rows), 2_000, 10_000, CPU)
        assert (~np.isnan(found["terms_days"])).mean() < most


def test_drift_and_open_invoices():
    rows = [(0, day, day + (10 if day < 50 else 40), 1) for day in range(0, 100, 10)]
    found = statistics(invoices(*rows), 1, 400, CPU)
    assert found["drift_days"][0] == 30
    rows = [(0, 0, 10, 1), (0, 0, None, 1), (0, 0, None, 1)]
    found = statistics(invoices(*rows), 1, 300, CPU)
    assert np.isnan(found["days_median"][0])  # most wait still: no median can be told
    assert found["days_mean"][0] == 10
    assert found["late_share"][0] != found["late_share"][0]


def test_cycles_are_the_intervals_of_days_of_payment():
    days = [0, 10, 10, 20, 35, 50, 65]
    rows = [(0, 7, OUT, CNY, 19_800 + day, 100) for day in days]
    rows += [
        (0, 7, OUT, CNY, 19_805, -100),
        (0, 0, OUT, CNY, 19_900, 1),
        (0, 8, OUT, CNY, 19_900, 1),
    ]
    found = cycles.payment_cycles(build_ledger(rows), 20_000, 5, CPU)
    assert found["n_days"].tolist() == [6]
    assert found["interval_median_days"].tolist() == [15]
    assert found["interval_iqr_days"].tolist() == [5]
    assert found["interval_drift_days"].tolist() == [5]  # 10, 10, 15 and then 15, 15
    assert found["year_minor"].tolist() == [600]
    assert cycles.payment_cycles(build_ledger([]), 20_000, 5, CPU)["n_days"].shape == (0,)


def _relations_of(seed):
    draw = np.random.default_rng(seed).integers
    return [
        (0, party, int(draw(2)), CNY, 19_000 + int(draw(900)), int(draw(-20, 100)) or 1)
        for party in (1, 2, 3)
        for _ in range(int(draw(3, 90)))
    ]


@pytest.mark.parametrize("seed", range(6))
def test_cycles_are_what_loops_say(seed):
    rows = _relations_of(seed)
    ledger = build_ledger(rows)
    found = cycles.payment_cycles(ledger, 20_000, 3, CPU)
    assert found["relation"].size > 3
    offsets = ledger.relation_offsets
    n_days = [
        len({day for day, amount in zip(ledger.day[a:b], ledger.amount_minor[a:b], strict=True)
             if amount > 0})
        for a, b in itertools.pairwise(offsets.tolist())
    ]  # fmt: skip
    for least in (3, n_days[0]):  # as many as are asked for are enough
        kept = cycles.payment_cycles(ledger, 20_000, least, CPU)["relation"]
        assert kept.tolist() == [row for row, n in enumerate(n_days) if n >= least]
    for at, relation in enumerate(found["relation"]):
        mine = slice(offsets[relation], offsets[relation + 1])
        payments = list(zip(ledger.day[mine].tolist(), ledger.amount_minor[mine].tolist(),
                            strict=True))  # fmt: skip
        named = (found[f"interval_{name}_days"][at] for name in ("median", "iqr", "drift"))
        assert tuple(named) == naive.cycle(payments)
        assert found["n_days"][at] == len({day for day, amount in payments if amount > 0})
        assert found["n_payments"][at] == len(payments)
        assert found["year_minor"][at] == sum(m for day, m in payments if day > 20_000 - 365)


@pytest.mark.cudasim
def test_cycles_in_the_simulator_are_those_of_the_host():
    ledger = build_ledger(_relations_of(1))
    want = cycles.payment_cycles(ledger, 20_000, 3, CPU)
    found = cycles.payment_cycles(ledger, 20_000, 3, simulated_backend())
    for name, values in want.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    tables = deals_case.portfolio(90, 5)
    return tables, deals_case.Night(tmp_path_factory.mktemp("terms"), tables,
                                    [CONTRACTS, PAYMENT_TERMS])  # fmt: skip


def test_a_night_recommends_no_more_than_the_cap(night):
    _, one = night
    terms = one.table("payment_terms")
    known = terms[terms.recommended_days.notna()]
    assert len(known) > 50
    for column in ("recommended_days", "negotiable_days", "recommended_days_double_rate"):
        assert (known[column] <= known.cap_days).all()
    assert (known.cap_days <= 60).all()
    assert (known.recommended_days_half_rate <= known.recommended_days).all()
    is_policy = (known.binding == "policy cap") & (known.days_weighted > known.cap_days)
    assert (known[~is_policy].yearly_gain_minor.dropna() >= 0).all()
    assert terms[terms.basis == "payments"].recommended_days.isna().all()
    sums = known.cash_released_minor - known.purchases_minor * (
        known.recommended_days - known.days_weighted) / 365  # fmt: skip
    assert (sums.dropna().abs() <= 1).all()


def test_orders_are_paid_by_the_payment_that_names_them(night):
    tables, one = night
    terms = one.table("payment_terms")
    orders = tables["orders"].to_pandas()
    old = pd.to_datetime(orders.delivered_date) < pd.Timestamp("2024-06-01")
    found = terms[terms.basis == "orders"]
    assert found.n_paid.sum() >= 0.9 * old.sum()
    assert found.terms_days.dropna().isin([0, 15, 30, 45, 60, 90]).mean() > 0.9  # what is drawn
    assert found.days_median.dropna().between(0, 200).all()


def test_the_front_trades_cash_for_risk(night):
    front = night[1].table("payment_terms_front")
    cny = front[front.currency == "CNY"].sort_values("distress_price")
    assert cny.supplier_risk_minor.is_monotonic_decreasing
    assert cny.cash_released_minor.is_monotonic_decreasing


def test_a_seller_of_two_equal_currencies_has_the_first_whatever_its_name():
    keys = np.arange(1, 41, dtype=np.int64)
    rows = {
        "counterparty_key": np.repeat(keys, 2),
        "currency": np.tile(np.array([CNY, CNY + 1], np.int16), keys.size),
        "begin_day": np.zeros(2 * keys.size, np.int32),
        "paid_day": np.tile(np.array([10, 50], np.int32), keys.size),
        "amount_minor": np.ones(2 * keys.size, np.int64),
        "part_minor": np.zeros(2 * keys.size, np.int64),
    }
    sellers = payment_terms_learning._sellers([rows], 100)
    saved = SimpleNamespace(fitted=lambda _name: sellers)
    none = {"customer": np.zeros(0, np.int64), **dict.fromkeys(("days_weighted", "dpo_days"),
                                                              np.zeros(0))}  # fmt: skip
    found = payment_terms_tables._profile(saved, none, {"customer_key": keys})
    assert set(found["terms_seller_weighted_days"].tolist()) == {10.0}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*rows are left out:UserWarning")
def test_terms_of_a_county_predict_the_years_after(real_data):
    """Intervals of 2011-2017 against those of 2018-2019, suppliers of Devon County Council."""
    file = real_data / "supplier_payments" / "devon_2011_2019.parquet"
    if not file.is_file():
        pytest.skip(f"real data set supplier_payments is not in {real_data}; set QFB_DATA")
    before, after = _halves(file)
    both = before.join(after, how="inner", rsuffix="_after")
    assert len(both) > 1_000
    median = both.interval_median_days
    assert _spearman(median, both.interval_median_days_after) > 0.6
    assert _spearman(both.interval_iqr_days, both.interval_iqr_days_after) > 0.4
    error = (median - both.interval_median_days_after).abs()
    same = (median.median() - both.interval_median_days_after).abs()
    assert error.median() < 0.6 * same.median()


def _halves(file):
    names = ["transaction_number", "supplier_id", "date", "amount"]
    table = pq.read_table(file, columns=names).to_pandas()
    table = table.groupby(
        ["transaction_number", "supplier_id", "date"], as_index=False
    ).amount.sum()
    table["amount"] = table.amount.round(2)
    table["counterparty_id"], table["direction"] = "council", "in"
    table = table.rename(columns={"transaction_number": "txn_id", "supplier_id": "customer_id"})
    is_early = pd.to_datetime(table.date) <= pd.Timestamp("2017-12-31")
    return _cycles(table[is_early], 2017), _cycles(table[~is_early], 2019)


def _cycles(payments, year):
    as_of = pd.Timestamp(year, 12, 31).date()
    ledger = ledger_of(payments, as_of=as_of, currency="GBP", device="cpu")
    found = cycles.payment_cycles(ledger, to_day(as_of), 6, CPU)
    customer = ledger.relation_customer[found.pop("relation")]
    return pd.DataFrame(found, index=ledger.customer_key[customer])


def _spearman(left, right):
    return left.corr(right, method="spearman")
