"""What a customer had done by a cut-off, by loops; how it stands beside all others."""

import math

import numpy as np
import pytest
from ledger_cases import AS_OF, CNY, EUR, build_ledger, on

from qfb_gpu.currencies import currency_code
from qfb_gpu.models import activity, histories, lifetime, yardstick

NO_PRODUCTS = tuple(np.empty(0, np.int32) for _ in range(3))
BACKS = (0, 90, 225)
JPY = currency_code("JPY")


def random_payments(n_customers, seed):
    """Return payments of two currencies, some of one day, some reversals."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(n_customers):
        for _ in range(rng.integers(1, 60)):
            day = AS_OF - int(rng.integers(0, 700))
            amount = int(rng.integers(1, 10_000)) * (-1 if rng.random() < 0.2 else 1)
            currency = EUR if rng.random() < 0.3 else CNY
            rows.append((customer, int(rng.integers(1, 4)), day % 2, currency, day, amount))
    return rows


def by_loops(payments, customer, cut):
    own = [(day, currency, money) for c, _, _, currency, day, money in payments if c == customer]
    seen = [one for one in own if one[0] <= cut]
    days = sorted({day for day, _, money in seen if money > 0})
    year = [one for one in seen if one[0] > cut - 360]
    n_of = {code: sum(one[1] == code for one in year) for code in sorted({CNY, EUR})}
    main = max(n_of, key=lambda code: (n_of[code], -code))
    return {
        "active_days": len(days),
        "active_days_year": sum(day > cut - 360 for day in days),
        "days_to_last": days[-1] - days[0] if days else 0,
        "days_observed": cut - days[0] if days else 0,
        "money": sum(money for _, currency, money in year if currency == main),
        "currency": main if year else -1,
    }


def test_histories_are_those_of_a_loop(backend):
    payments = random_payments(30, 2)
    ledger = on(build_ledger(payments), backend)
    tallies = activity.tally(ledger, {}, tuple(map(backend.asarray, NO_PRODUCTS)), AS_OF, backend)
    found = histories.histories_at(ledger, tallies, BACKS, backend)
    assert set(found) == set(histories.RAW)
    for at, back in enumerate(BACKS):
        for customer in range(30):
            for name, value in by_loops(payments, customer, AS_OF - back).items():
                got = int(backend.to_host(found[name])[at, customer])
                assert got == value, (customer, back, name)


ONE = (0, 1, 0, CNY)


@pytest.mark.parametrize(
    "payments",
    [
        [],
        [(*ONE, AS_OF, 5)],
        [(*ONE, AS_OF - 360, 5)],  # the year begins the day after
        [(*ONE, AS_OF - 359, 5), (*ONE, AS_OF - 359, 7)],
        [(*ONE, AS_OF - 9, -5)],  # nothing but a reversal
        [(*ONE, AS_OF - 9, 5), (1, 1, 0, EUR, AS_OF - 700, 3), (1, 2, 0, CNY, AS_OF - 700, 4)],
    ],
    ids=range(6),
)
def test_histories_of_few_payments_or_none(payments, cpu):
    ledger = build_ledger(payments)
    tallies = activity.tally(ledger, {}, NO_PRODUCTS, AS_OF, cpu)
    found = histories.histories_at(ledger, tallies, BACKS, cpu)
    n_customers = len({payment[0] for payment in payments})
    for at, back in enumerate(BACKS):
        for customer in range(n_customers):
            for name, value in by_loops(payments, customer, AS_OF - back).items():
                assert found[name][at, customer] == value, (customer, back, name)
    assert {values.shape for values in found.values()} == {(len(BACKS), n_customers)}


def drawn(n, seed, r=0.8, alpha=60.0, a=0.6, b=2.5, age=400, horizon=90):
    """Draw customers as BG/NBD says: x, t_x, T, and whether one buys in the horizon after T."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        rate, leaves = rng.gamma(r, 1 / alpha), rng.beta(a, b)
        day, times, is_there = 0.0, [], True
        while is_there:
            day += rng.exponential(1 / rate)
            if day > age + horizon:
                break
            times.append(day)
            is_there = rng.random() >= leaves
        seen = [one for one in times if one <= age]
        rows.append((len(seen), round(seen[-1]) if seen else 0, any(one > age for one in times)))
    x, t_x, comes = (np.array(values) for values in zip(*rows, strict=True))
    return np.where(t_x == 0, 0, x), t_x, np.full(n, age), comes


def test_the_chance_of_silence_is_what_comes():
    x, t_x, age, comes = drawn(6_000, 5)
    model = lifetime.fit_beta_geometric(x, t_x, age)
    silent = lifetime.p_silent(model, x, t_x, age, 90)
    for low, high in ((0, 0.3), (0.3, 0.6), (0.6, 0.8), (0.8, 1.01)):
        own = (silent >= low) & (silent < high)
        error = 3 * math.sqrt(0.25 / own.sum())
        assert silent[own].mean() == pytest.approx(1 - comes[own].mean(), abs=error)
    forever = lifetime.p_silent(model, x, t_x, age, 1e9)
    there = lifetime.p_alive(model, x, t_x, age)
    assert forever == pytest.approx(1 - there, abs=0.02)
    assert lifetime.p_silent(model, x, t_x, age, 0.0) == pytest.approx(1.0)


def columns_of(n, seed):
    rng = np.random.default_rng(seed)
    x, t_x, age, _ = drawn(n, seed)
    currency = np.where(rng.random(n) < 0.4, EUR, CNY).astype(np.int16)
    money = np.exp(rng.normal(9, 1, n)) * np.where(currency == EUR, 100, 1)
    return {
        "active_days": x + 1, "days_to_last": t_x, "days_observed": age, "active_days_year": x + 1,
        "money": money.astype(np.int64), "currency": currency,
        "payments_days_since": (age - t_x).astype(float), "n_before": x + 1,
    }  # fmt: skip


def test_a_yardstick_compares_no_two_currencies():
    columns = columns_of(2_000, 7)
    stick = yardstick.yardstick(columns)
    assert yardstick.Yardstick.from_text(stick.to_text()) == stick
    found = yardstick.measured(stick, columns, 90)
    euro = columns["currency"] == EUR
    assert np.median(found["level_money"][euro]) == pytest.approx(
        np.median(found["level_money"][~euro]), abs=1e-4
    )
    dearer = {**columns, "money": columns["money"] * np.where(euro, 7, 1)}
    again = yardstick.measured(yardstick.yardstick(dearer), dearer, 90)
    for name, values in found.items():
        np.testing.assert_allclose(again[name], values, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("n_yen", [1, 29, 30])
def test_money_of_a_currency_of_few_is_compared_with_no_other(n_yen):
    """A yen has no smaller unit: beside others' it is a hundred times less."""
    columns = columns_of(400, 11)
    yen = np.arange(400) < n_yen
    columns["currency"] = np.where(yen, JPY, columns["currency"]).astype(np.int16)
    found = []
    for per_unit in (1, 100):
        money = columns["money"] * np.where(yen, per_unit, 1)
        now = {**columns, "money": money}
        stick = yardstick.yardstick(now)
        assert (JPY in stick.median_money) == (n_yen >= 30)
        found.append((stick, yardstick.measured(stick, now, 90)))
        assert (np.isnan(found[-1][1]["level_money"]) == (yen & (n_yen < 30))).all()
    (stick, levels), (again, times) = found
    exactly = n_yen < 30
    for name in yardstick.RFM, "level_money":
        np.testing.assert_allclose(levels[name], times[name], atol=0 if exactly else 1e-3)
    assert not exactly or stick.quartiles == again.quartiles
    apart = {name: values[~yen] for name, values in columns.items()}
    without = yardstick.measured(yardstick.yardstick(apart), apart, 90)["level_money"]
    np.testing.assert_array_equal(levels["level_money"][~yen], without)
    if exactly:
        place = levels[yardstick.RFM][yen] + 1.5
        np.testing.assert_array_equal(place, np.rint(place))
        lost = {**columns, "currency": np.full(400, -1, np.int16), "money": np.zeros(400, int)}
        of_none = yardstick.measured(stick, lost, 90)["level_money"]  # nothing is nothing
        np.testing.assert_allclose(of_none, np.log(0.01))


def test_a_yardstick_is_the_same_in_any_order():
    columns = columns_of(800, 9)
    order = np.random.default_rng(0).permutation(800)
    shuffled = {name: values[order] for name, values in columns.items()}
    assert yardstick.yardstick(shuffled) == yardstick.yardstick(columns)


def test_rfm_rises_with_recency_and_falls_with_frequency_and_money():
    columns = columns_of(400, 3)
    stick = yardstick.yardstick(columns)
    one = {name: values[:1] for name, values in columns.items()}
    base = {**one, "payments_days_since": np.array([30.0]), "n_before": np.array([5])}
    score = float(yardstick.measured(stick, base, 90)[yardstick.RFM][0])
    for name, value in (("payments_days_since", 9_000.0), ("n_before", 0), ("money", 0)):
        worse = {**base, name: np.array([value])}
        assert yardstick.measured(stick, worse, 90)[yardstick.RFM][0] >= score
    best = {**base, "payments_days_since": np.zeros(1), "n_before": np.array([10**6])}
    assert yardstick.measured(stick, {**best, "money": np.array([10**12])}, 90)[yardstick.RFM] == -6


def test_rfm_by_quartiles_of_money_over_the_median_of_its_currency():
    """A currency that fewer than thirty have has no median."""
    n = 40
    columns = columns_of(n, 5)
    columns |= {
        "money": np.array([100, 200, 300, 400] * 10), "n_before": np.array([1, 2, 3, 4] * 10),
        "payments_days_since": np.array([0.0, 10.0, 20.0, 30.0] * 10),
        "currency": np.full(n, CNY, np.int16),
    }  # fmt: skip
    stick = yardstick.yardstick(columns)
    assert stick.median_money == {-1: 250.0, CNY: 250.0}
    few = {**columns, "currency": np.where(np.arange(n) < 10, EUR, CNY).astype(np.int16)}
    assert set(yardstick.yardstick(few).median_money) == {-1, CNY}  # thirty of a currency, no less
    few["currency"][10] = EUR
    assert set(yardstick.yardstick(few).median_money) == {-1}
    who = {name: values[:3].copy() for name, values in columns.items()}
    who["money"] = np.array([-500, 0, 250])  # more came back than was paid: as if nothing was
    found = yardstick.measured(stick, who, 90)
    level = np.log((np.array([0.0, 0.0, 250.0]) + 2.5) / 250.0)
    np.testing.assert_allclose(found["level_money"], level)
    quarters = {name: np.quantile(columns[name], (0.25, 0.5, 0.75))
                for name in ("payments_days_since", "n_before")}  # fmt: skip
    place = {name: (who[name][:, None] >= edges).sum(1) for name, edges in quarters.items()}
    edges = np.quantile(np.log((columns["money"] + 2.5) / 250.0), (0.25, 0.5, 0.75))
    wanted = place["payments_days_since"] - place["n_before"] - (level[:, None] >= edges).sum(1)
    np.testing.assert_array_equal(found[yardstick.RFM], wanted)
    on_edge = {**who, "n_before": np.full(3, quarters["n_before"][1])}
    score = yardstick.measured(stick, on_edge, 90)[yardstick.RFM]  # at an edge is above it
    wanted = place["payments_days_since"] - 2 - (level[:, None] >= edges).sum(1)
    np.testing.assert_array_equal(score, wanted)


def test_nobody_came_twice_and_nobody_is_there():
    columns = {name: values[:5] for name, values in columns_of(50, 1).items()}
    columns |= {"active_days": np.ones(5, int), "days_to_last": np.zeros(5, int)}
    stick = yardstick.yardstick(columns)
    assert stick.buying is None
    found = yardstick.measured(stick, columns, 90)
    assert np.isnan(found["level_silent"]).all()
    none = {name: values[:0] for name, values in columns.items()}
    empty = yardstick.yardstick(none)
    assert yardstick.measured(empty, none, 90)["level_money"].size == 0
