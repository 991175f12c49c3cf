"""The four risks: their parts against loops, how little data is drawn to peers, alerts, nights."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import CNY, EUR, build_ledger, on
from naive import risks as naive
from risk_figures import demand_of, volatility_of
from simulate import simulated_backend

from qfb_gpu import profile
from qfb_gpu._config.risks import HALVES, WEIGHTS, Risks
from qfb_gpu.backend import get_backend
from qfb_gpu.finance import (
    concentration,
    demand,
    months,
    performance,
    risks,
    risks_peers,
)
from qfb_gpu.finance.levels import level_of
from qfb_gpu.finance.risks_history import ALERT_MONTHS, fell, held_levels, held_since
from qfb_gpu.finance.risks_reasons import NO_INCOME, REASONS, _rounded, in_words
from qfb_gpu.lake.work import Workspace
from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.parts import risks as part
from qfb_gpu.parts.part import PROFILE, Given, Saved

DAY = 20_088  # 2024-12-31
CPU = get_backend("cpu")
amounts = st.lists(st.integers(0, 10**7), min_size=14, max_size=30)
payment = st.tuples(
    st.integers(0, 1), st.integers(1, 6), st.integers(0, 1), st.sampled_from([CNY, CNY, EUR]),
    st.integers(DAY - 700, DAY), st.integers(-(10**6), 10**8).filter(bool),
)  # fmt: skip


def explain(risk, row, point, weights):
    """Return codes, English and Chinese of one customer's risk."""
    points = {name: np.array([point[name]]) for name in risks.PARTS[risk]}
    facts = {name: np.array([value]) for name, value in row.items()}
    return tuple(texts.to_pylist()[0] for texts in in_words(risk, points, facts, weights))


def one_by_one(risk, row, point, weights):
    """Return the same by loops, of what each part says of this customer alone."""
    told = [n for n in risks.PARTS[risk] if round(point[n], 6) >= 30 and weights[n] > 0]
    names = sorted(told, key=lambda name: (round(-weights[name] * point[name], 6), name))
    if risk == "channel" and math.isnan(row["n_channels"]):
        names = ["no_income"] * ("top_1" in names) + [n for n in names if n == "supplier_top_1"]
    words = [NO_INCOME if name == "no_income" else REASONS[name] for name in names[:3]]
    return (
        ",".join(names[:3]),
        "; ".join(one.english(row) for one in words),
        "；".join(one.chinese(row) for one in words),
    )


def table(*customers):
    """Return incomes as a table, missing months 0 at the front, and each history's length."""
    n = max(map(len, customers))
    rows = np.array([[0] * (n - len(one)) + list(one) for one in customers], dtype=float)
    return rows, np.array([len(one) for one in customers])


@settings(max_examples=40)
@given(amounts, amounts)
def test_volatility_is_what_loops_say(one, other):
    income, length = table(one, other)
    found = volatility_of(income, length, CPU)
    for at, mine in enumerate((one, other)):
        for name, value in naive.volatility(mine).items():
            assert found[name][at] == pytest.approx(value, abs=1e-9), name


@settings(max_examples=40)
@given(amounts.filter(lambda x: sum(v > 0 for v in x[-24:]) > 1))
def test_demand_is_what_loops_say(one):
    income, length = table(one)
    found = demand_of(income, income, income, length, CPU)
    for name, value in naive.demand(one).items():
        assert found[name][0] == pytest.approx(value, rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("seed", range(8))
def test_months_with_gaps_refunds_and_bursts_are_what_loops_say(seed):
    """Few of the drawn lists have a month without income, and none of them many."""
    rng = np.random.default_rng(seed)
    lists = [
        (np.round(rng.lognormal(8, rng.choice([0.05, 0.4, 1.0]), n)) * (rng.random(n) < share)
         - 500 * (rng.random(n) < 0.05)).tolist()
        for n, share in zip(rng.integers(3, 40, 30), rng.choice([1.0, 0.8, 0.3], 30), strict=True)
    ]  # fmt: skip
    lists = [one for one in lists if sum(v > 0 for v in one[-24:]) > 1]
    others = [(rng.integers(-500, 10_000, (2, len(one))) * (rng.random(len(one)) < 0.9)).tolist()
              for one in lists]  # fmt: skip
    income, length = table(*lists)
    spend, season = (table(*(both[i] for both in others))[0] for i in (0, 1))
    unsteady = volatility_of(income, length, CPU)
    wanted = demand_of(income, spend, season, length, CPU)
    for at, (one, (bought, year)) in enumerate(zip(lists, others, strict=True)):
        for name, value in (naive.volatility(one) | naive.trend(one)).items():
            assert unsteady[name][at] == pytest.approx(value, abs=1e-9, nan_ok=True), name
        more = naive.demand_change(one) | naive.demand_of_others(one, bought, year)
        for name, value in (naive.demand(one) | more).items():
            of = pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True)
            assert wanted[name][at] == of, name
    assert len({*wanted["class_code"].tolist()}) == 4
    for found in (unsteady["idle"], unsteady["drawdown"], unsteady["trend_break"],
                  wanted["interval"], wanted["bullwhip"], wanted["scaled_error"]):  # fmt: skip
        assert len({*found[~np.isnan(found)].tolist()} - {0.0, 1.0}) > 5


@pytest.mark.parametrize("times", [1, 3])
def test_purchases_that_follow_the_seasons_of_sales_are_no_bullwhip(times):
    """Sales were taken without their seasons and purchases with them: a ratio of 78 was said."""
    season = np.array([6, 1, 1, 1, 1, 1, 1, 1, 1, 6, 6, 6] * 2, float)[None]
    flat, length = np.full_like(season, season.mean()), np.array([24])
    found = demand_of(flat, (times * season).astype(np.int64), season.astype(np.int64), length, CPU)
    assert found["bullwhip"].tolist() == [pytest.approx(0.0, abs=1e-12)]


def test_of_months_as_far_from_the_line_the_first_is_where_demand_broke():
    """A device adds up in another order: what differs by rounding only is the same."""
    one = np.array([0.0, 0.0, 0.7, 0.0, 0.0]) + 0.1  # as far below after two months as above after
    table = np.stack([one, *(one * (1 + k * 2.3e-16) for k in range(1, 9))])
    table[5:, 2] += 1e-15
    found = demand_of(table, table, table, np.full(9, 5), CPU)
    change, since = found["change"], found["change_months"]
    assert since.tolist() == [3.0] * 9
    np.testing.assert_allclose(change, change[0], atol=1e-12)


def test_demand_tells_the_four_classes_and_where_it_broke():
    steady, lumps = [100.0] * 24, [0, 0, 500.0, 0, 0, 30.0] * 4
    gaps, wild = [0, 0, 100.0] * 8, [20.0, 400.0, 60.0] * 8
    broke = [100.0] * 16 + [30.0] * 8
    income, length = table(steady, gaps, wild, lumps, broke)
    found = demand_of(income, np.roll(income, 1, axis=1) * 0 + 5, income, length, CPU)
    assert [demand.CLASSES[c] for c in found["class_code"][:4]] == list(demand.CLASSES)
    assert found["change"][4] == found["change"].max() > 0.4
    assert found["change_months"][4] == 8
    assert found["change"][0] == found["error"][0] == 0


def test_a_break_in_trend_is_a_fall_that_is_sure():
    quiet = [100.0] * 18
    fell_, noisy, rose = quiet + [40.0] * 6, [10, 190.0] * 9 + [80.0] * 6, quiet + [200.0] * 6
    income, length = table(fell_, noisy, rose)
    found = volatility_of(income, length, CPU)["trend_break"]
    assert found[0] == pytest.approx(0.6)
    assert found[1] < 0.1
    assert found[2] == 0


@settings(max_examples=40)
@given(st.lists(payment, min_size=1, max_size=40))
def test_concentration_is_what_loops_say(payments):
    check_concentration(payments)


@pytest.mark.parametrize("seed", range(5))
def test_concentration_on_many_channels_is_what_loops_say(seed):
    """Of the drawn payments no customer has more than three payers in a year."""
    rng = np.random.default_rng(seed)
    n = 160
    columns = (
        rng.integers(0, 2, n), rng.geometric(0.1, n), rng.integers(0, 2, n),
        rng.choice([CNY, CNY, EUR], n), DAY - rng.integers(0, 700, n),
        rng.integers(-(10**5), 10**6, n),
    )  # fmt: skip
    tops = check_concentration([tuple(map(int, row)) for row in zip(*columns, strict=True)])
    assert min(tops) < 0.95


def check_concentration(payments):
    """Return the shares of the five largest of whom there are any."""
    tops = []
    payments = [(0, 9, 0, CNY, DAY, 1), (1, 9, 0, CNY, DAY, 1), *payments]
    ledger = build_ledger(payments)
    main = profile.main_currency(ledger, CPU)
    for end in (DAY + 1, DAY - 200):
        found = concentration.dependence(ledger, main, [(end - 365, end)], CPU)
        for at in range(2):
            for way, names in ((0, concentration.NAMES[:5]), (1, concentration.NAMES[5:])):
                mine = [(p[1], p[4], p[3], p[5]) for p in payments if p[0] == at and p[2] == way]
                expected = naive.concentration(mine, end, main[at])
                for name in names:
                    value = found[name][at, 0]
                    if expected is None:
                        assert np.isnan(value)
                    else:
                        assert value == expected[name.removeprefix("supplier_")], name
                tops += [expected["top_5"]] if expected else []
    return tops


@pytest.mark.cudasim
def test_concentration_in_the_simulator_is_that_of_the_host():
    draw = np.random.default_rng(4).integers
    payments = [
        (int(draw(3)), int(draw(1, 9)), int(draw(2)), CNY, DAY - int(draw(700)),
         int(draw(-(10**6), 10**8)))
        for _ in range(60)
    ]  # fmt: skip
    ledger = build_ledger(payments)
    main, ends = profile.main_currency(ledger, CPU), [DAY + 1, DAY - 200]
    years = [(end - 365, end) for end in ends]
    want = concentration.dependence(ledger, main, years, CPU)
    found = concentration.dependence(ledger, main, years, simulated_backend())
    for name in concentration.NAMES:
        np.testing.assert_array_equal(found[name], want[name], err_msg=name)


@settings(max_examples=20)
@given(st.lists(payment, min_size=1, max_size=40))
def test_dates_are_measured_together_as_each_alone(payments):
    ledger = build_ledger([(0, 9, 0, CNY, DAY, 1), (1, 9, 0, CNY, DAY, 1), *payments])
    main = profile.main_currency(ledger, CPU)
    ends = [DAY + 1, DAY - 364, DAY - 30, DAY - 364, DAY - 2000]  # one twice, one before all
    together = concentration.dependence(ledger, main, [(end - 365, end) for end in ends], CPU)
    for at, end in enumerate(ends):
        alone = concentration.dependence(ledger, main, [(end - 365, end)], CPU)
        for name in concentration.NAMES:
            np.testing.assert_array_equal(together[name][:, at], alone[name][:, 0])


@settings(max_examples=40)
@given(st.lists(payment, min_size=1, max_size=40))
def test_months_add_up_to_the_payments(payments):
    payments = [(0, 9, 0, CNY, DAY, 1), *payments]
    ledger = build_ledger(payments, n_customers=2) if payments[-1][0] else build_ledger(payments)
    if ledger.n_customers == 2 and not (ledger.relation_customer == 1).any():
        return
    main = profile.main_currency(ledger, CPU)
    ends = months.month_ends(DAY, 36, CPU)
    assert ends.start_day[-1] == DAY + 1
    found = months.by_month(ledger, main, ends, CPU)
    for at in range(ledger.n_customers):
        mine = [p for p in payments if p[0] == at and p[3] == main[at]]
        for month in range(36):
            first, last = ends.start_day[month], ends.start_day[month + 1]
            here = [(p[2], p[5]) for p in mine if first <= p[4] < last]
            expected = {
                "income": sum(amount for way, amount in here if way == 0),
                "returned": -sum(amount for way, amount in here if way == 0 and amount < 0),
                "n_in": sum(way == 0 and amount > 0 for way, amount in here),
                "n_returned": sum(way == 0 and amount < 0 for way, amount in here),
                "spend": sum(amount for way, amount in here if way == 1),
                "n_out": sum(way == 1 and amount > 0 for way, amount in here),
            }
            assert {name: values[at, month] for name, values in found.items()} == expected
        assert found["n_returned"][at].sum() == sum(p[5] < 0 and p[2] == 0 for p in mine)


def test_a_month_counts_once_it_has_ended(backend):
    ledger = on(build_ledger([(0, 1, 0, CNY, d, 10) for d in (DAY - 31, DAY - 3, DAY)]), backend)
    main = profile.main_currency(ledger, backend)
    middle = months.month_ends(DAY - 1, 24, backend)
    found = months.by_month(ledger, main, middle, backend)
    assert int(found["income"].sum()) == 10
    whole = months.by_month(ledger, main, months.month_ends(DAY, 24, backend), backend)
    assert int(whole["income"][0, -1]) == 20


def test_seasons_of_peers_are_found_and_taken_out():
    factor = np.array([0.5, 0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1.5, 1.5])
    rng = np.random.default_rng(0)
    level = rng.integers(10**4, 10**6, (50, 1))
    income = np.rint(level * np.tile(factor, 3)).astype(np.int64)
    income = np.hstack([income[:, -2:], income])  # begins in November
    first = 2022 * 12 + 10
    years = months.year_sums(income, CPU)
    sums, before = (months.season_sums(years, first, stop, np) for stop in (38, 31))
    assert sums.sum() == pytest.approx(150 * 12 * 10**6, abs=150 * 12)  # of 150 full years
    assert before.sum() == pytest.approx(100 * 12 * 10**6, abs=100 * 12)
    peers = months.peer_seasons(sums, np)
    np.testing.assert_allclose(peers, factor / factor.mean(), atol=0.01)
    steady, _ = months.steady(income, first, np.array([[0, 38]]), peers[None], CPU)
    assert (steady.std(axis=1) / steady.mean(axis=1)).max() < 0.02
    some, others = months.year_sums(income[:20], CPU), months.year_sums(income[20:], CPU)
    np.testing.assert_array_equal(years, some + others)


def test_a_month_of_almost_all_that_64_bits_hold_has_a_share(backend):
    """Twelve times a month above 7.7e17 minor units wrapped: shares below 0, seasons of nonsense."""
    busy = [10**17] * 11
    rows = [[6 * 10**18, *busy], [8 * 10**17] * 11 + [4 * 10**17], [2**63 - 12, *[1] * 11]]
    income = backend.asarray(np.array(rows, np.int64))
    sums = backend.to_host(months.year_sums(income, backend))
    want = [sum(round(min(12 * row[at] / sum(row), 3) * 10**6) for row in rows) for at in range(12)]
    np.testing.assert_allclose(sums[0], want, atol=3)
    windows = backend.asarray(np.array([[0, 12]]))
    steady, factor = months.steady(income, 0, windows, backend.xp.ones((1, 12)), backend)
    steady, factor = backend.to_host(steady), backend.to_host(factor)
    for at, row in enumerate(rows):
        share = np.array([(min(12 * one / sum(row), 3) + 3) / 4 for one in row])
        np.testing.assert_allclose(factor[at], np.maximum(share / share.mean(), 0.2))
        np.testing.assert_allclose(steady[at], np.array(row, float) / factor[at])


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(-500, 20), st.none() | st.integers(-40, 200)), max_size=8))
def test_contract_nodes_are_what_loops_say(rows):
    rows = [(DAY + due, None if late is None else DAY + due + late) for due, late in rows]
    due = np.array([r[0] for r in rows], np.int32)
    paid = np.array([NULL_DAY if r[1] is None else r[1] for r in rows], np.int32)
    found = performance.node_delays(
        np.zeros(len(rows), np.int32), due, paid, np.full(len(rows), 100), DAY, 2, CPU
    )
    expected = naive.nodes(rows, DAY)
    assert np.isnan(found["behind_days"][1])
    if expected is None:
        assert np.isnan(found["behind_days"][0])
        return
    for name, value in expected.items():
        assert found[name][0] == pytest.approx(value), name


@pytest.mark.parametrize("seed", range(4))
def test_nodes_and_contracts_of_several_customers_are_what_loops_say(seed):
    rng, n = np.random.default_rng(seed), 60
    customer = rng.integers(-1, 4, n)
    due = DAY - rng.choice([0, 1, 60, 61, 200, 364, 365, 366], n)
    due[rng.random(n) < 0.1] = NULL_DAY
    paid = np.where(rng.random(n) < 0.3, NULL_DAY, DAY + rng.integers(-400, 30, n))
    amount = rng.integers(-500, 1_000, n)
    found = performance.node_delays(customer, due, paid, amount, DAY, 5, CPU)
    start = DAY - rng.choice([0, 1, 100, 400, 900], n)
    end = np.where(rng.random(n) < 0.1, NULL_DAY, start + rng.choice([0, 1, 35, 36, 400, 700], n))
    total = rng.integers(-100, 2_000, n)
    of = rng.integers(0, n, 90)
    when, money = DAY - rng.integers(-20, 300, 90), rng.integers(-300, 1_200, 90)
    gap = performance.paid_gaps(
        {"customer": customer, "start": start, "end": end, "total": total},
        {"contract": of, "day": when, "amount": money}, DAY, 5, CPU,
    )  # fmt: skip

    def nothing(day):
        return None if day == NULL_DAY else day

    for who in range(5):
        own = [i for i in range(n) if customer[i] == who]
        rows = [(due[i], nothing(paid[i]), amount[i]) for i in own if due[i] != NULL_DAY]
        want = naive.nodes([row[:2] for row in rows], DAY) or dict.fromkeys(
            ("behind_days", "unpaid_share", "hazard"), math.nan
        )
        want["paid_ratio"] = naive.paid_ratio(rows, DAY)
        for name, value in want.items():
            assert found[name][who] == pytest.approx(value, nan_ok=True), name
        contracts = [
            (start[i], nothing(end[i]), total[i],
             [(when[j], money[j]) for j in range(90) if of[j] == i])
            for i in own
        ]  # fmt: skip
        want = naive.paid_gap(contracts, DAY)
        assert gap[who] == pytest.approx(want, abs=1e-6, nan_ok=True)


def test_a_contract_is_behind_by_the_time_gone_less_what_was_paid(backend):
    contracts = {
        "customer": np.array([0, 0, 1, 2, -1], np.int32),
        "start": np.array([DAY - 100, DAY - 300, DAY - 900, DAY - 50, DAY - 50], np.int32),
        "end": np.array([DAY + 100, DAY - 100, DAY - 500, NULL_DAY, DAY], np.int32),
        "total": np.array([1000, 1000, 1000, 1000, 1000]),
    }
    payments = {"contract": np.array([0, 1, 1, 0]), "amount": np.array([300, 600, 300, 500]),
                "day": np.array([DAY - 50, DAY - 200, DAY - 150, DAY], np.int32)}  # fmt: skip
    on_device = [{n: backend.asarray(v) for n, v in one.items()} for one in (contracts, payments)]
    found = backend.to_host(performance.paid_gaps(*on_device, DAY, 3, backend))
    assert found[0] == pytest.approx((0.2 + 0.1) / 2, abs=1e-5)  # not what comes on the day
    assert np.isnan(found[1:]).all()  # ended over a year ago; no end


DATES = risks.Dates((36, 30, 18), ((0, 1), (1, -1), (2, -1)), (DAY, DAY - 180, DAY - 560))


def drawn_months(n, rng, contracts=None):
    """Return months of ``n`` customers as they come."""
    tables = {name: rng.integers(1, 10**9, (n, 36)) for name in ("income", "spend")}
    counts = {name: rng.integers(0, 99, (n, 36), np.int32) for name in ("n_in", "n_returned")}
    channels = {name: rng.random((n, 3)) for name in ("top_1", "n_channels", "supplier_top_1")}
    return risks.Months(
        **tables, **counts, n_cancelled=None, first=rng.integers(0, 37, n, np.int32),
        first_month=2022 * 12, hhi=rng.random((n, 3)), channels=channels, **contracts or {},
    )  # fmt: skip


def all_measured(months_, peers, backend=CPU):
    """Return figures, evidence and points of all customers, put together from their blocks."""
    found = [one for _, _, one in risks.measured(months_, DATES, peers, backend)]
    figures = np.concatenate([one.figures for one in found])
    table = figures.reshape(-1, figures.shape[2])
    evidence = {risk: np.concatenate([one.evidence[risk] for one in found]) for risk in risks.RISKS}
    parts = {name: figures[:, :, at] for at, name in enumerate(risks.COLUMNS)}
    return parts, evidence, risks.weighed(table, HALVES, WEIGHTS, backend)[1]


def test_a_block_of_customers_sees_its_own_contracts(monkeypatch):
    rng = np.random.default_rng(0)
    of = np.arange(60) % 31 - 1
    nodes = {"customer": of, "due": DAY - rng.integers(0, 300, 60), "amount": np.full(60, 5),
             "paid": np.where(rng.random(60) < 0.3, NULL_DAY, DAY - rng.integers(0, 200, 60))}  # fmt: skip
    contracts = {"customer": of, "start": np.full(60, DAY - 200), "total": np.full(60, 100),
                 "end": np.full(60, DAY + 200)}  # fmt: skip
    payments = {"contract": rng.integers(0, 60, 90), "amount": rng.integers(1, 50, 90),
                "day": DAY - rng.integers(-50, 200, 90)}  # fmt: skip
    of_contracts = {"nodes": nodes, "contracts": contracts, "payments": payments}
    whole, peers = drawn_months(30, rng, of_contracts), np.ones((3, 12))
    want, of_all, scores = all_measured(whole, peers)
    assert not np.isnan(want["paid_gap"][:, 0]).all()
    monkeypatch.setattr(type(CPU), "memory_budget_bytes", lambda _: 10**4)
    assert len(list(risks.measured(whole, DATES, peers, CPU))) > 5
    got, evidence, again = all_measured(whole, peers)
    for name, values in want.items():
        np.testing.assert_array_equal(got[name], values, err_msg=name)
    for name, values in of_all.items():
        np.testing.assert_array_equal(evidence[name], values, err_msg=name)
    np.testing.assert_array_equal(again, scores)


@pytest.mark.cudasim
def test_measures_in_the_simulator_are_those_of_the_host():
    rng = np.random.default_rng(1)
    whole, peers = drawn_months(7, rng), rng.random((3, 12)) + 0.5
    whole.income[1], whole.income[2, ::3], whole.spend[3] = 0, 0, 0
    whole.hhi[4, 0] = np.nan
    void = risks.Months(**{**whole._asdict(), "n_cancelled": whole.n_in // 3})
    simulated = simulated_backend()
    for case in (whole, void):
        (want, of_host, scores), found = (
            all_measured(case, peers),
            all_measured(case, peers, simulated),
        )
        for name, values in want.items():
            np.testing.assert_array_equal(found[0][name], values, err_msg=name)
        for name, values in of_host.items():
            np.testing.assert_array_equal(found[1][name], values, err_msg=name)
        np.testing.assert_array_equal(found[2], scores)
    years = months.year_sums(whole.income, simulated)
    np.testing.assert_array_equal(years, months.year_sums(whole.income, CPU))


def _draw(score, evidence, band, risk, backend):
    peers = risks_peers.peers_of(lambda: [risks_peers.Scored(score, evidence, band)], risk, backend)
    return risks_peers.draw(risks_peers.Scored(score, evidence, band), peers, risk, backend)


def _bands(income, backend):
    cuts = risks_peers.cuts_by_currency({0: [np.sort(backend.to_host(income))]})
    return risks_peers.size_bands(income, backend.xp.zeros_like(income), cuts, backend)


def test_little_data_is_drawn_to_its_peers_and_says_so(backend):
    xp = backend.xp
    rng = np.random.default_rng(0)
    score = xp.asarray(np.concatenate([[90.0, 90.0, np.nan], rng.normal(40, 8, 400)]))
    evidence = xp.asarray(np.concatenate([[1.0, 24.0, 0.0], np.full(400, 24.0)]))
    band = xp.zeros(403, dtype="int64")
    drawn = _draw(score, evidence, band, "volatility", backend)
    few, many, none = (float(drawn.score[at]) for at in range(3))
    peers = float(drawn.peers[0])
    assert peers < few < many < 90
    assert none == peers
    width = drawn.high - drawn.low
    assert float(width[1]) < float(width[0]) < float(width[2])
    known = backend.to_host(score[3:])
    assert np.corrcoef(backend.to_host(drawn.score[3:]), known)[0, 1] > 0.999


def test_a_range_holds_the_score_that_more_data_would_give():
    rng = np.random.default_rng(1)
    true, n = rng.normal(45, 12, 3000), rng.integers(1, 24, 3000).astype(float)
    seen = true + rng.normal(0, risks_peers.NOISE["volatility"] / np.sqrt(n))
    drawn = _draw(seen, n, np.zeros(3000, dtype=np.int64), "volatility", CPU)
    inside = (drawn.low <= true) & (true <= drawn.high)
    assert 0.88 < inside.mean() < 0.99
    assert np.abs(drawn.score - true).mean() < np.abs(seen - true).mean()


def test_bands_are_quarters_by_income(backend):
    income = backend.xp.asarray([5, 1, 9, 7, 3, 8, 2, 6])
    assert backend.to_host(_bands(income, backend)).tolist() == [1, 0, 3, 2, 1, 3, 0, 2]
    equal = backend.xp.asarray([4, 4, 4, 4])
    assert len(set(backend.to_host(_bands(equal, backend)).tolist())) == 1


def test_no_two_currencies_are_compared(backend):
    """Yen have no cents: a small firm in yen was in the quarter of large ones."""
    rng = np.random.default_rng(3)
    currency = rng.choice([0, 1, 2], 300, p=[0.6, 0.38, 0.02])
    income = rng.integers(1, 10**6, 300)
    scale = np.array([1, 10**4, 7])[currency]
    cuts, bands, sizes = [], [], []
    for money in (income, income * scale):
        ordered = {code: [np.sort(money[currency == code])] for code in range(3)}
        cuts.append(risks_peers.cuts_by_currency(ordered))
        given_ = (backend.asarray(money), backend.asarray(currency), cuts[-1], backend)
        bands.append(backend.to_host(risks_peers.size_bands(*given_)))
        sizes.append(backend.to_host(risks_peers.relative_sizes(*given_)))
    assert set(cuts[0]) == {0, 1}
    np.testing.assert_array_equal(bands[0], bands[1])
    np.testing.assert_allclose(sizes[0], sizes[1], rtol=1e-12)
    assert (bands[0][currency == 2] == risks_peers.ANY_SIZE).all()
    assert (sizes[0][currency == 2] == 1).all()
    for code in (0, 1):
        own = np.sort(income[currency == code])
        quarter = [np.searchsorted(own, value, side="right") * 4 // own.size
                   for value in income[currency == code]]  # fmt: skip
        assert np.abs(bands[0][currency == code] - np.minimum(quarter, 3)).max() <= 1
        assert np.bincount(bands[0][currency == code]).min() >= own.size // 4 - 1


def test_a_bank_of_few_customers_has_quarters_in_its_own_currency():
    ordered = {7: [np.array([1, 2, 3, 4])], 3: [np.array([5])]}
    assert set(risks_peers.cuts_by_currency(ordered)) == {7}
    assert risks_peers.cuts_by_currency({}) == {}


def test_peers_of_any_size_are_all_customers(backend):
    rng = np.random.default_rng(4)
    score, band = rng.normal(45, 12, 500), rng.integers(0, 5, 500)
    score[:9] = np.nan
    evidence = rng.integers(1, 24, 500).astype(float)
    one = risks_peers.Scored(*map(backend.asarray, (score, evidence, band)))
    found = risks_peers.peers_of(lambda: [one], "demand", backend)
    known = ~np.isnan(score)
    error = risks_peers.NOISE["demand"] ** 2 / evidence
    for at in range(5):
        rows = known & ((band == at) | (at == risks_peers.ANY_SIZE))
        mean = score[rows].mean()
        spread = np.maximum(((score[rows] - mean) ** 2 - error[rows]).mean(), 16)
        assert float(found.mean[at]) == pytest.approx(mean, abs=1e-4)
        assert float(found.spread[at]) == pytest.approx(spread, abs=0.6)


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(-(2**62), 2**62) | st.integers(-3, 3)), max_size=5))
def test_cuts_are_those_of_all_buckets_in_one(buckets):
    ordered = [np.sort(np.array(one, dtype=np.int64)) for one in buckets]
    every = np.sort(np.concatenate([*ordered, np.empty(0, np.int64)]))
    want = every[np.arange(1, 4) * every.size // 4] if every.size else np.zeros(3, np.int64)
    assert risks_peers.size_cuts(ordered).tolist() == want.tolist()
    with_none = [np.append(np.full(3, risks_peers.NOT_THERE), one) for one in ordered]
    assert risks_peers.size_cuts(with_none).tolist() == want.tolist()


def test_raw_scores_are_whole_ten_thousandths():
    part_ = np.random.default_rng(0).random((10**4, len(risks.COLUMNS)))
    part_[part_ < 0.2] = np.nan
    points, scores = risks.weighed(part_, HALVES, WEIGHTS, CPU)
    for at, (risk, names) in enumerate(risks.PARTS.items()):
        of = [risks.COLUMNS.index(name) for name in names]
        weight = np.where(np.isnan(points[:, of]), 0.0, [WEIGHTS[name] for name in names])
        total = (weight * np.nan_to_num(points[:, of])).sum(axis=1)
        some = weight.sum(axis=1) > 0
        want = np.where(some, total / np.where(some, weight.sum(axis=1), 1), np.nan)
        found = risks_peers.from_whole(scores[:, at], np)
        np.testing.assert_allclose(found, want, atol=5.1e-5, err_msg=risk)
        np.testing.assert_array_equal(scores[:, at] < 0, ~some)
    most = np.full((1, len(risks.COLUMNS)), 1e300)
    assert risks.weighed(most, HALVES, WEIGHTS, CPU)[1].tolist() == [[risks_peers.MOST] * 4]


def test_a_level_is_new_once():
    level = np.array([[2, 1, 1, 1], [2, 2, 1, 1], [2, 2, 2, 2], [2, 1, 2, 2], [3, 2, 2, 2]])
    assert held_since(level.astype(np.int8), np).tolist() == [0, 1, 3, 0, 0]


near_levels = st.floats(28, 70).map(lambda one: round(one, 1))
past = st.lists(
    st.tuples(near_levels, st.sampled_from([True] * 9 + [False])), min_size=13, max_size=13
)


@settings(max_examples=60)
@given(st.lists(past, min_size=1, max_size=4), st.sampled_from([0.0, 3.0, 12.0]))
def test_a_level_is_left_by_a_margin(customers, margin):
    of = Risks(alert_margin=margin)
    score, known = (np.array([[m[at] for m in one] for one in customers]) for at in (0, 1))
    held = held_levels(score, known, of.levels, of.alert_margin, np)
    for row, (scores, seen) in enumerate(zip(score.tolist(), known.tolist(), strict=True)):
        for month in range(13):
            want = naive.held_level(scores[month:], seen[month:], of.levels, margin)
            assert held[row, month] == want
    plain = np.where(known, level_of(score.ravel(), of.levels, np).reshape(score.shape), -1)
    assert (held >= plain).all()
    assert margin or (held == plain).all()


def test_an_alert_does_not_come_back_for_a_month_just_short_of_its_level():
    score = np.array(
        [[51.0, 48, 51, 49, 52, 20], [51, 46, 51, 49, 52, 20], [49, 49, 49, 49, 49, 52]]
    )
    held = held_levels(score, np.ones(score.shape, bool), [35, 50, 65], 3.0, np)
    assert held[:, 0].tolist() == [2, 2, 2]
    assert held_since(held, np).tolist() == [4, 0, 5]
    assert held_levels(score, np.ones(score.shape, bool), [35, 50, 65], 0.0, np)[2, 0] == 1


@settings(max_examples=40)
@given(st.lists(near_levels, min_size=26, max_size=26))
def test_an_alert_has_one_date_for_as_long_as_it_stands(scores):
    """Of thirteen month ends each: the level, since when, and the first month that is looked at."""
    known, nights = np.ones((1, ALERT_MONTHS + 1), bool), []
    for last in range(ALERT_MONTHS, len(scores)):
        window = np.array([scores[last - ALERT_MONTHS : last + 1][::-1]])
        held = held_levels(window, known, [35, 50, 65], 3.0, np)
        nights.append((held[0, 0], last - int(held_since(held, np)[0]), last - ALERT_MONTHS))
    for (before, since, first), (now, again, _) in itertools.pairwise(nights):
        assert again == since or now != before or since == first


def test_a_fall_is_of_the_same_half_of_the_year_before():
    down = [100] * 12 + [10] * 6
    season = [100] * 6 + [10] * 6 + [100] * 6
    young = [0] * 10 + [50] * 8
    low, told = fell(np.array([down, season, young]), 6, 0.5, CPU)
    assert low.tolist() == [True, False, False]
    assert told.tolist() == [True, True, False]


def test_every_part_has_words_a_half_and_a_weight():
    parts = {name for names in risks.PARTS.values() for name in names}
    assert parts == set(REASONS) == set(HALVES) == set(WEIGHTS)
    row = {**dict.fromkeys(parts, 0.5), "class_code": 3, "change_months": 4.0, "hazard": 0.1,
           "n_nodes": 7.0, "n_in_year": 3, "n_months_year": 12, "effective_channels": 2.0,
           "n_channels": 2.0, "change_fall": 0.5, "trend_fall": 0.5}  # fmt: skip
    for risk, names in risks.PARTS.items():
        point = {name: 40.0 + at for at, name in enumerate(names)}
        codes, english, chinese = explain(risk, row, point, WEIGHTS)
        assert 1 <= len(codes.split(",")) <= 3
        assert english.count("; ") == chinese.count("；") == len(codes.split(",")) - 1
    nothing = dict.fromkeys(parts, float("nan"))
    assert explain("contract", row, nothing, WEIGHTS) == ("", "", "")


SAID = [
    ("behind_days", {"behind_days": 12.4, "n_nodes": 3},
     ("contract nodes due in the last year are 12 days behind plan on average "
      "(3 nodes, unpaid ones up to now)"),
     "近一年到期的3个合同付款节点平均落后计划12天（未付的计至当前）"),
    ("unpaid_share", {"unpaid_share": 0.25, "hazard": 0.071},
     "25% of the nodes due are unpaid, 7% went over 60 days past due",
     "到期节点25%未付，7%逾期超过60天"),
    ("paid_gap", {"paid_gap": 0.3},
     "the paid share of its contracts is 30% behind the time gone", "合同支付比例落后履约时间进度30%"),
    ("returned_rate", {"returned_rate": 0.04},
     "about 4% of what it sold was taken back", "销售退回（红字）约占4%"),
    ("cancelled_rate", {"cancelled_rate": 0.02},
     "about 2% of what it invoiced was voided", "开票作废率约2%"),
    ("thin", {"n_in_year": 3, "n_months_year": 12},
     "little speaks for it: 3 payments received in 12 months", "近12个月收款仅3笔，履约记录少"),
    ("thin", {"n_in_year": 0, "n_months_year": 5},
     "little speaks for it: 0 payments received in 5 months", "近5个月收款仅0笔，履约记录少"),
    ("arc", {"arc": 1.2}, "monthly income moves by 120% of its level from month to month",
     "月收入环比（弧）波动120%"),
    ("downside", {"downside": 0.4},
     "months fall short of the mean by 40% (semideviation)", "收入下行半方差波动为均值的40%"),
    ("drawdown", {"drawdown": 0.6},
     "the last quarter's income is 60% below its peak", "最近一季收入较高点回落60%"),
    ("trend_break", {"trend_break": 0.2, "trend_fall": 0.5},
     "income broke its trend: 50% lower for half a year", "收入趋势拐点：近半年下降50%"),
    ("idle", {"idle": 0.25}, "no income in 25% of its months", "25%的月份没有收入"),
    ("interval", {"interval": 1.0, "class_code": 1},  # six months of twelve
     "sales come every 2.0 months on average (intermittent demand)",
     "平均2.0个月才有一次销售（间歇型需求）"),
    ("sizes", {"sizes": 0.814, "class_code": 2},
     ("sales of different size from month to month: squared coefficient of variation 0.81 "
      "(erratic demand)"), "各月销售额波动，变异系数平方0.81（波动型需求）"),
    ("error", {"error": 0.35}, "a month's sales are missed by 35% by a smoothed forecast",
     "平滑预测的月均误差为销售的35%"),
    ("change", {"change": 0.9, "change_fall": 0.45, "change_months": 5},
     "sales fell by 45% 5 months ago", "5个月前出现需求变点，下降45%"),
    ("bullwhip", {"bullwhip": 1.5},
     "purchases vary more than sales: bullwhip ratio 2.5 (of squared coefficients of variation)",
     "采购波动大于销售：牛鞭比2.5（变异系数平方之比）"),
    ("top_1", {"top_1": 0.499}, "50% of income comes from one channel, over the 30% line",
     "第一大渠道占收入50%，超过30%线"),
    ("top_1", {"top_1": 0.5}, "50% of income comes from one channel, over the 50% line",
     "第一大渠道占收入50%，超过50%线"),
    ("top_1", {"top_1": 0.05}, "5% of income comes from one channel", "第一大渠道占收入5%"),
    ("hhi", {"hhi": 0.4, "effective_channels": 2.5},
     "income rests on 2.5 channels in effect (HHI 0.40)", "有效渠道数2.5（HHI 0.40）"),
    ("few", {"few": 0.25}, "4 channels in the last year", "近一年仅4个渠道"),
    ("few", {"few": 1.0}, "1 channel in the last year", "近一年仅1个渠道"),
    ("growing", {"growing": 0.13},
     "concentration grew by 0.13 of HHI in a year", "集中度一年上升（HHI +0.13）"),
    ("supplier_top_1", {"supplier_top_1": 0.1},
     "10% of purchases come from one supplier, over the 10% line", "第一大供应商占采购10%，超过10%线"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "figures", "english", "chinese"), SAID)
def test_words_say_what_the_figures_are(part, figures, english, chinese):
    assert {part for part, *_ in SAID} == {*REASONS}
    risk = next(risk for risk, parts in risks.PARTS.items() if part in parts)
    point = {name: 60.0 if name == part else 29.9 for name in risks.PARTS[risk]}
    row = {"n_channels": 2.0, **figures}
    assert explain(risk, row, point, WEIGHTS) == (part, english, chinese)


@pytest.mark.parametrize("seed", range(4))
def test_words_of_all_customers_are_those_of_each_alone(seed):
    """Figures in the middle of two that are shown, below 0 and just beside, too."""
    rng, n = np.random.default_rng(seed), 700
    middle = rng.integers(0, 400, (40, n)) / 200 + rng.integers(-3, 3, (40, n)) * 2.0**-52
    values = np.where(rng.random((40, n)) < 0.5, middle, np.round(rng.random((40, n)), 3))
    values = np.where(rng.random((40, n)) < 0.05, -0.002, values)
    names = [*REASONS, "hazard", "effective_channels", "change_fall", "trend_fall"]
    facts = dict(zip(names, values, strict=False))
    facts["few"] = 1 / rng.integers(1, 9, n)
    facts["class_code"] = rng.integers(0, 4, n).astype(np.int8)
    facts["n_channels"] = np.where(rng.random(n) < 0.2, np.nan, 3.0)
    facts["change_months"], facts["n_nodes"] = rng.integers(0, 24, n), rng.integers(0, 9, n)
    facts["behind_days"] = rng.integers(0, 120, n) / 2
    facts["n_in_year"], facts["n_months_year"] = rng.integers(0, 9, n), rng.integers(3, 13, n)
    for risk, parts in risks.PARTS.items():
        points = {name: rng.choice([np.nan, 20, 30, 40, 40.0000001, 90], n) for name in parts}
        found = zip(*(t.to_pylist() for t in in_words(risk, points, facts, WEIGHTS)), strict=True)
        for at, told in enumerate(found):
            row = {name: column[at].item() for name, column in facts.items()}
            point = {name: column[at].item() for name, column in points.items()}
            assert told == one_by_one(risk, row, point, WEIGHTS), (risk, at)
    nobody = {name: values[:0] for name, values in facts.items()}
    assert [len(t) for t in in_words("channel", nobody, nobody, WEIGHTS)] == [0, 0, 0]


def test_a_firm_without_income_is_not_told_to_live_off_one_channel():
    weights = dict.fromkeys(WEIGHTS, 1.0)
    point = {"top_1": 66.7, "hhi": 74.1, "few": 83.3, "growing": 70.0, "supplier_top_1": 50.0}
    gone = {"n_channels": float("nan"), "top_1": 1.0, "hhi": 1.0, "few": 1.0, "growing": 0.5,
            "effective_channels": 1.0, "supplier_top_1": 0.5}  # fmt: skip
    codes, english, chinese = explain("channel", gone, point, weights)
    assert codes == "no_income,supplier_top_1"
    assert english.startswith("nothing came in during the last year")
    assert "one channel" not in english
    assert chinese.startswith("近一年没有收入")
    one = {**gone, "n_channels": 1.0}
    assert (
        "; 1 channel in the last year"
        in explain("channel", one, {**point, "few": 70.0}, weights)[1]
    )


def test_words_tell_the_fall_and_not_what_it_is_worth():
    """A clean halving is a halving, however little a few months can prove."""
    income, length = table([100.0] * 12 + [50.0] * 12)
    asked = demand_of(income, income, income, length, CPU)
    moved = volatility_of(table([100.0, 120.0] * 9 + [55.0] * 6)[0], np.array([24]), CPU)
    row = {name: float(values[0]) for name, values in {**asked, **moved}.items()}
    assert row["change"] < 0.4
    assert row["trend_break"] < row["trend_fall"] == 0.5
    assert "fell by 50% 12 months ago" in REASONS["change"].english(row)
    assert "下降50%" in REASONS["change"].chinese(row)
    assert "50% lower" in REASONS["trend_break"].english(row)


def test_what_was_called_off_is_what_the_firm_sold_in_its_main_currency():
    kind = Labelled(np.array([0, 1, 2, -1, 2], np.int32), ("Purchase", "purchase ", "sale"))
    void = SimpleNamespace(
        customer=np.array([0, 0, 0, 1, 1], np.int32),
        columns={"kind": kind, "currency": np.array([CNY, CNY, CNY, CNY, 5], np.int16)},
    )
    assert part._seller(void, np.array([CNY, CNY]), CPU).tolist() == [-1, -1, 0, 1, -1]


def test_what_was_called_off_where_nobody_was_paid_yet_is_nobodys():
    """A bucket all of whose payments come after the as-of date has no customers, but other rows."""
    kind = Labelled(np.zeros(2, np.int32), ("sale",))
    void = SimpleNamespace(
        customer=np.array([-1, -1]), columns={"kind": kind, "currency": np.full(2, CNY, np.int16)}
    )
    assert part._seller(void, np.empty(0, np.int64), CPU).tolist() == [-1, -1]


def test_the_year_of_a_concentration_is_the_twelve_months_of_the_income():
    """A year with a leap day has 366: a payment of its first day is in both or in none."""
    as_of = (np.datetime64("2024-11-30") - np.datetime64("1970-01-01")).astype(int)
    first = int((np.datetime64("2023-12-01") - np.datetime64("1970-01-01")).astype(int))
    assert months.years(int(as_of), 60, (0, 60, 61))[0] == (first, int(as_of) + 1)
    assert len(months.years(int(as_of), 60, (0, 60, 61))) == 2
    ledger = build_ledger([(0, 9, 0, CNY, first, 300), (0, 8, 0, CNY, first + 40, 100),
                           (1, 9, 0, CNY, first, 1)])  # fmt: skip
    main, ends = profile.main_currency(ledger, CPU), months.month_ends(int(as_of), 24, CPU)
    income = months.by_month(ledger, main, ends, CPU)["income"][0, -12:].sum()
    top = concentration.dependence(ledger, main, months.years(int(as_of), 24, (0,)), CPU)["top_1"]
    assert top[0, 0] * income == 300


def test_reasons_stand_by_their_weight_whatever_is_not_known():
    weights = dict.fromkeys(WEIGHTS, 1.0)
    point = dict.fromkeys(risks.PARTS["contract"], float("nan"))
    point |= {"returned_rate": 40.0, "thin": 90.0}  # what is not known stands between them
    row = {"returned_rate": 0.2, "n_in_year": 6, "n_months_year": 12}
    codes, _, _ = explain("contract", row, point, weights)
    assert codes == "thin,returned_rate"


def test_reasons_do_not_hang_on_the_last_bit_of_a_point():
    weights = dict.fromkeys(WEIGHTS, 1.0)
    nothing = dict.fromkeys(risks.PARTS["contract"], float("nan"))
    row = {"returned_rate": 0.2, "n_in_year": 6, "n_months_year": 12}
    parts = ("returned_rate", "thin")
    for points in (60.0, 30.0):
        exact = explain("contract", row, nothing | dict.fromkeys(parts, points), weights)
        assert exact[0] == "returned_rate,thin"
        for name in parts:
            other = dict.fromkeys(parts, points) | {name: np.nextafter(points, 0)}
            assert explain("contract", row, nothing | other, weights) == exact


def test_points_are_rounded_as_python_rounds():
    rng = np.random.default_rng(5)
    middle = np.round(rng.uniform(0, 100, 3_000), 6) + 5e-7
    values = np.concatenate([rng.uniform(-100, 100, 3_000), middle, np.nextafter(middle, 0)])
    values = values.reshape(-1, 3)
    assert _rounded(values).tolist() == [[round(v, 6) for v in row] for row in values.tolist()]


def test_worse_parts_never_give_a_better_score():
    base, of = np.full((1, len(risks.COLUMNS)), 0.2), Risks()
    _, before = risks.weighed(base, of.all_halves, of.all_weights, CPU)
    for risk, names in risks.PARTS.items():
        for name in names:
            worse = base.copy()
            worse[0, risks.COLUMNS.index(name)] = 0.4
            _, after = risks.weighed(worse, of.all_halves, of.all_weights, CPU)
            at = risks.RISKS.index(risk)
            assert after[0, at] > before[0, at]


def test_a_year_of_deals_and_channels_is_what_loops_say():
    rng = np.random.default_rng(2)
    whole = drawn_months(40, rng)
    whole.n_in[:5], whole.n_returned[:3] = 0, 0
    whole.first[::8] = DATES.stops[0] - 12  # a year to the day: not over a year without income
    n_channels = whole.channels["n_channels"]
    n_channels[:] = rng.integers(1, 9, n_channels.shape)
    whole.hhi[::4, 0], whole.hhi[1::4, 1], whole.channels["n_channels"][::4, 0] = (
        np.nan,
        np.nan,
        np.nan,
    )
    whole = whole._replace(n_cancelled=rng.integers(0, 9, (40, 36), np.int32))
    parts, evidence, _ = all_measured(whole, np.ones((3, 12)))
    for at in range(40):
        for date, (stop, (now, before)) in enumerate(zip(DATES.stops, DATES.years, strict=True)):
            year = slice(stop - 12, stop)
            tables = (whole.n_in, whole.n_returned, whole.n_cancelled)
            channel = {name: values[at, date] for name, values in whole.channels.items()}
            want = naive.dealings(
                *(table[at, year].tolist() for table in tables), max(stop - whole.first[at], 0),
                {**channel, "hhi": whole.hhi[at, now]}, whole.hhi[at, before] if before >= 0 else None,
            )  # fmt: skip
            for name, value in want.items():
                found = evidence["channel"] if name == "sold" else parts[name]
                assert found[at, date] == pytest.approx(value, nan_ok=True, rel=1e-12), name


def test_a_thin_record_tells_how_many_payments_came_in_how_many_months(tmp_path):
    """12 a year was said of who was paid 4 times in 4 months, 1 of who was paid nothing."""
    end = int(months.month_ends(DAY, 24, CPU).start_day[-1])
    paid = {"young": [end - 5 - 31 * ago for ago in range(4)], "gone": [end - 450],
            "rare": [end - 700, end - 200, end - 20]}  # fmt: skip
    rows = [(at, 7, 0, CNY, day, 10**5) for at, days in enumerate(paid.values()) for day in days]
    made = night(tmp_path, [(build_ledger(rows), list(paid))], DAY)
    said = {
        r["customer_id"]: r["reasons"] for r in made["customer_risks"] if r["risk"] == "contract"
    }
    assert said == {
        "young": "little speaks for it: 4 payments received in 4 months",
        "gone": "little speaks for it: 0 payments received in 12 months",
        "rare": "little speaks for it: 2 payments received in 12 months",
    }


def test_settings_are_checked():
    assert Risks(halves={"arc": 0.5}).all_halves["arc"] == 0.5
    with pytest.raises(ValueError, match="no part of a risk is called 'arcs'"):
        Risks(halves={"arcs": 0.5})
    with pytest.raises(ValueError, match="ascending"):
        Risks(levels=[50, 40, 60])


def firms(n=40, seed=0):
    """Return payments of firms: the last ten lose their income in the last five months."""
    rng = np.random.default_rng(seed)
    rows = []
    for firm in range(n):
        last = DAY - 150 if firm >= n - 10 else DAY
        days = np.arange(DAY - 1000, last + 1, 10 + firm % 7)
        for day in days:
            side = int(rng.random() < 0.3)
            amount = int(rng.integers(10**4, 10**6)) * (-1 if rng.random() < 0.03 else 1)
            rows.append((firm, int(rng.integers(1, 3 + firm % 5)), side, CNY, int(day), amount))
    return rows


def night(folder, buckets, day):
    """Run the part over ledgers by bucket; return its tables by name, rows by customer."""
    config = SimpleNamespace(finance=SimpleNamespace(risks=Risks()), sources={"transactions": []})
    work = Workspace(folder)
    none = SimpleNamespace(customer=np.empty(0, np.int32), columns={
        "date": np.empty(0, np.int32), "currency": np.empty(0, np.int16),
        "kind": Labelled(np.empty(0, np.int32), ()),
    })  # fmt: skip
    for bucket, (ledger, names) in enumerate(buckets):
        given_ = Given(
            bucket=bucket, as_of_day=day, config=config, calendar=None, ledger=ledger,
            streams=None, sources={"cancellations": none}, payment_texts=None, backend=CPU,
        )  # fmt: skip
        for name, columns in part.score(given_).items():
            work.save("score", bucket, f"risks.{name}", columns, CPU)
        who = {"customer_key": ledger.customer_key, "customer_id": pa.array(names, pa.string())}
        work.save("score", bucket, "customers", who, CPU)
    saved = Saved("risks", work, tuple(range(len(buckets))), day, config, "cpu", folder)
    for bucket in range(len(buckets)):
        for name, columns in part.measure(saved, bucket).items():
            work.save("measure", bucket, f"risks.{name}", columns, CPU)
    for name, columns in part.fit(saved).items():
        work.save("fit", -1, f"risks.{name}", columns, CPU)
    made = [part.publish(saved, bucket) for bucket in range(len(buckets))]
    tables = {name: [] for name in (*part.RISK.tables, PROFILE)}
    for (_, names), one in zip(buckets, made, strict=True):
        one[PROFILE]["customer_id"] = pa.array(names, pa.string())
        for name, columns in one.items():
            tables[name] += as_rows(columns)
    found = {name: sorted(rows, key=lambda r: (r["customer_id"], r.get("risk", "")))
             for name, rows in tables.items()}  # fmt: skip
    return {**found, **{n: as_rows(c) for n, c in part.whole(saved).items()}}


def as_rows(columns):
    lists = {}
    for name, values in columns.items():
        if hasattr(values, "labels"):
            lists[name] = [values.labels[c] if c >= 0 else None for c in values.codes]
        else:
            lists[name] = [str(v) if v != v else v for v in values.tolist()] if hasattr(
                values, "tolist") else values.to_pylist()  # fmt: skip
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


@pytest.fixture(scope="module")
def one_bucket(tmp_path_factory):
    names = [f"firm {at:02d}" for at in range(40)]
    return night(tmp_path_factory.mktemp("one"), [(build_ledger(firms()), names)], DAY)


def test_buckets_change_nothing(one_bucket, tmp_path):
    rows = firms()
    names = [f"firm {at:02d}" for at in range(40)]
    parts = []
    for bucket in range(3):
        mine = [at for at in range(40) if at % 3 == bucket]
        place = {at: new for new, at in enumerate(mine)}
        ledger = build_ledger([(place[r[0]], *r[1:]) for r in rows if r[0] in place])
        parts.append((ledger, [names[at] for at in mine]))
    assert night(tmp_path, parts[::-1], DAY) == one_bucket


def test_a_bucket_may_have_no_customers(one_bucket, tmp_path):
    names = [f"firm {at:02d}" for at in range(40)]
    nobody = build_ledger([], n_customers=0)
    assert night(tmp_path, [(build_ledger(firms()), names), (nobody, [])], DAY) == one_bucket


def test_who_loses_income_is_alerted_once_and_not_again_each_night(one_bucket, tmp_path):
    alerts = [a for a in one_bucket["risk_alerts"] if a["risk"] == "volatility"]
    lost = {f"firm {at:02d}" for at in range(30, 40)}
    assert lost <= {a["customer_id"] for a in alerts}
    raised = {a["raised_date"] for a in alerts if a["customer_id"] in lost}
    assert all(DAY - 160 < day <= DAY for day in raised)
    names = [f"firm {at:02d}" for at in range(40)]
    later = [*firms(), (0, 1, 0, CNY, DAY + 3, 5 * 10**7)]
    again = night(tmp_path, [(build_ledger(later), names)], DAY + 5)
    assert again["risk_alerts"] == one_bucket["risk_alerts"]  # until another month has ended


def test_customers_who_come_later_change_nothing_of_the_months_before(one_bucket, tmp_path):
    names = [f"firm {at:02d}" for at in range(60)]
    later = [*firms(), *((at, 1, 0, CNY, DAY + 3, 10**6) for at in range(40, 60))]
    again = night(tmp_path, [(build_ledger(later), names)], DAY + 5)
    old = [row for row in again["customer_risks"] if row["customer_id"] < "firm 40"]
    assert old == one_bucket["customer_risks"]
    assert again["risk_alerts"] == one_bucket["risk_alerts"]
    assert again["risk_backtest"] == one_bucket["risk_backtest"]


def test_the_back_test_sees_who_fell(one_bucket):
    tests = {(t["risk"], t["date"]): t for t in one_bucket["risk_backtest"]}
    last = tests["volatility", int(np.datetime64("2024-06-30", "D").astype(int))]
    assert last["n_fell"] >= 10
    assert 0 <= last["auc"] <= 1
    assert all(0 <= t["covered"] <= 1 for t in tests.values())


def test_scores_and_ranges_are_from_0_to_100(one_bucket):
    assert len(one_bucket["customer_risks"]) == 40 * 4
    for row in one_bucket["customer_risks"]:
        assert 0 <= row["score_low"] <= row["score"] <= row["score_high"] <= 100
        assert row["level"] in ("low", "watch", "high", "severe")
        assert bool(row["reasons"]) == bool(row["reasons_zh"])


def test_no_alert_is_older_than_what_is_known_nor_of_nobody(tmp_path):
    young = [row for row in firms() if row[4] > DAY - 30]  # a month has none to be compared with
    names = [f"firm {at:02d}" for at in range(30)]
    made = night(tmp_path, [(build_ledger(young), names)], DAY)
    unknown = {
        (r["customer_id"], r["risk"])
        for r in made["customer_risks"]
        if r["raw_score"] == "nan" or r["n_observations"] == 0
    }
    assert ("firm 00", "volatility") in unknown
    alerted = {(a["customer_id"], a["risk"]): a for a in made["risk_alerts"]}
    assert alerted
    assert not unknown & alerted.keys()
    first = {f"firm {at:02d}": min(r[4] for r in young if r[0] == at) for at in range(30)}
    assert all(a["raised_date"] >= first[who] for (who, _), a in alerted.items())
    new = [a for a in alerted.values() if a["is_new"]]
    assert new
    assert {a["previous_score"] for a in new} == {"nan"}  # a month ago it had what its peers had


@pytest.mark.parametrize("largest", [1_200_000, 7 * 10**15 + 61])
def test_what_is_exposed_is_what_the_largest_channel_brought(tmp_path, largest):
    """It was the channel's share of what all brought, times the income less what others took back."""
    days = range(DAY - 1500, DAY + 1, 30)
    in_year = sum(day > DAY - 365 for day in days)
    rows = [(0, 7, 0, CNY, day, largest // in_year) for day in days]
    rows += [(0, 8, 0, CNY, DAY - 100, -(largest // 2)), (0, 9, 0, CNY, DAY - 90, largest // 9)]
    made = night(tmp_path, [(build_ledger(rows), ["one"])], DAY)
    [alert] = [a for a in made["risk_alerts"] if a["risk"] == "channel"]
    first, end = months.years(DAY, 60, (0,))[0]
    assert alert["exposed"] == sum(r[5] for r in rows if r[1] == 7 and first <= r[4] < end)
    assert {a["exposed"] for a in made["risk_alerts"] if a["risk"] != "channel"} <= {"nan"}


def test_no_money_of_another_currency_and_no_refund_puts_a_contract_further_behind():
    """Of a contract in CNY dollars count nothing; more that came back than was paid counts 0."""
    day = DAY + 1
    deals = {"customer": [0, 0, -1], "start_day": [day - 100] * 3, "end_day": [day + 100] * 3,
             "total_minor": [1000] * 3, "currency": [CNY, EUR, CNY]}  # fmt: skip
    paid = {"contract": [0, 0, 1], "day": [day - 50] * 3, "amount_minor": [400, 10**9, -(10**9)],
            "counts": [True, False, True]}  # fmt: skip
    nodes = {"contract": [0, 1, 2], "due_day": [day - 10] * 3, "paid_day": [day - 5, NULL_DAY, day],
             "amount_minor": [300, 10**6, 7]}  # fmt: skip
    sets = {"contracts.nodes": nodes, "contracts.contracts": deals, "contracts.paid": paid}
    saved = SimpleNamespace(
        config=SimpleNamespace(sources=["contracts"]), backend=CPU,
        workspace=SimpleNamespace(
            load=lambda _step, _bucket, name: {n: np.array(v) for n, v in sets[name].items()}
        ),
        scored=lambda _name, _bucket: {"currency": np.array([CNY])},
    )  # fmt: skip
    given_ = part._contracts(saved, 0)
    gap = performance.paid_gaps(given_["contracts"], given_["payments"], day, 1, CPU)
    assert gap[0] == pytest.approx((0.1 + 0.5) / 2, abs=1e-5)
    node = given_["nodes"]
    found = performance.node_delays(*(node[n] for n in ("customer", "due", "paid", "amount")),
                                    day, 1, CPU)  # fmt: skip
    assert found["n_nodes"][0] == 2
    assert found["paid_ratio"][0] == 1


def test_risks_have_the_main_currency_of_the_profile_where_payments_tie():
    """One payment each on one day: that of more money, as everywhere; risks took the first code."""
    assert CNY < EUR
    ledger = build_ledger([(0, 9, 0, CNY, DAY, 5), (0, 9, 0, EUR, DAY, 900)])
    given_ = SimpleNamespace(
        ledger=ledger, backend=CPU, as_of_day=DAY,
        config=SimpleNamespace(finance=SimpleNamespace(risks=Risks()), sources=[]),
    )  # fmt: skip
    assert part.score(given_)["main"]["currency"].tolist() == [EUR]
