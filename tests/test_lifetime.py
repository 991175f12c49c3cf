"""BG/NBD and Gamma-Gamma: published fits, published expectations, truth, real customers.

``cdnow/cdnow_summary.csv`` among the real data is the 1/10 sample of CDNOW customers of Fader, Hardie
and Lee (2005), brucehardie.com/datasets: columns x, days_to_last, days_observed, mean_cents, n.
"""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import check_grad
from scipy.special import betaincinv

from qfb_gpu.models import lifetime

PUBLISHED = lifetime.BetaGeometric(0.243, 4.414 * 7, 0.793, 2.426, 0.0, 0)
"""Fader, Hardie, Lee (2005), table 2; weeks there, days here."""
PUBLISHED_SPEND = lifetime.GammaGamma(6.25, 3.74, 15.44, 0.0, 0, 3.4)
"""Fader and Hardie (2013), section 4."""


@pytest.fixture(scope="module")
def cdnow(real_data):
    path = real_data / "cdnow" / "cdnow_summary.csv"
    if not path.is_file():
        pytest.skip(f"real data set cdnow is not in {real_data}; set QFB_DATA")
    table = pd.read_csv(path)
    table = table.loc[np.repeat(table.index, table.n)].reset_index(drop=True)
    assert len(table) == 2357
    return table


@pytest.fixture(scope="module")
def drawn():
    """Return customers drawn from the published models: 39 weeks of them, with what they spent."""
    x, t_x, age, _ = simulated(2400, 6, 0.243, 4.414 * 7, 0.793, 2.426, until=273)
    rng = np.random.default_rng(9)
    spend = (
        rng.gamma(6.25 * np.maximum(x, 1)) / np.maximum(x, 1) / rng.gamma(3.74, 1 / 15.44, len(x))
    )
    last = np.where(x > 0, np.maximum(np.rint(t_x), 1), 0).astype(int)
    return pd.DataFrame({"x": x, "days_to_last": last, "days_observed": age,
                         "mean_cents": np.rint(100 * spend)})  # fmt: skip


@pytest.fixture(scope="module")
def fitted(drawn):
    return lifetime.fit_beta_geometric(*history_of(drawn))


def history_of(table):
    return tuple(table[name].to_numpy() for name in ("x", "days_to_last", "days_observed"))


def test_the_published_fit_of_cdnow_is_found(cdnow):
    fitted = lifetime.fit_beta_geometric(*history_of(cdnow))
    assert fitted.r == pytest.approx(0.243, abs=0.0005)
    assert fitted.alpha_days / 7 == pytest.approx(4.414, abs=0.0005)
    assert fitted.a == pytest.approx(0.793, abs=0.0005)
    assert fitted.b == pytest.approx(2.426, abs=0.0005)
    assert fitted.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    assert fitted.n_customers == 2357


def test_the_published_spend_of_cdnow_is_found(cdnow):
    found = lifetime.fit_gamma_gamma(cdnow.x.to_numpy(), cdnow.mean_cents.to_numpy() / 100)
    assert found.p == pytest.approx(6.25, abs=0.01)
    assert found.q == pytest.approx(3.74, abs=0.01)
    assert found.v == pytest.approx(15.44, abs=0.02)
    assert found.n_customers == 946


def test_expectations_are_those_of_the_published_sheet():
    """Hardie, "Implementing the BG/NBD model in Excel": of a new customer, and of customer 1."""
    days = np.array([0.1429, 1.0, 3.0, 31.8571, 32.0, 78.0]) * 7
    published = [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576]
    np.testing.assert_allclose(
        lifetime.expected_of_new(PUBLISHED, days), published, rtol=3e-3, atol=1e-4
    )
    first = np.array([2]), np.array([30.43 * 7]), np.array([38.86 * 7])
    assert lifetime.expected_purchases(PUBLISHED, *first, 39 * 7)[0] == pytest.approx(
        1.226, abs=1e-3
    )


def test_values_are_those_published():
    """Customers 1, 2, 3 and 6 of CDNOW, to the rounding of the published parameters."""
    got = lifetime.expected_value(
        PUBLISHED_SPEND, np.array([2, 1, 0, 7]), np.array([22.35, 11.77, 0.0, 73.74])
    )
    np.testing.assert_allclose(got, [24.65, 18.91, 35.17, 71.46], rtol=2e-3)


def by_quadrature(model, x, age, horizon):
    """Integrate the purchases of a living customer over its probability to leave."""

    def given(u):
        p = max(betaincinv(model.a, model.b + x, u), 1e-12)
        reach = model.alpha_days + age
        return -np.expm1((model.r + x) * np.log(reach / (reach + p * horizon))) / p

    return quad(given, 0.0, 1.0, limit=400)[0]


parameters = st.builds(
    lifetime.BetaGeometric, st.floats(0.1, 5.0), st.floats(1.0, 300.0), st.floats(1.05, 4.0),
    st.floats(0.2, 20.0), st.just(0.0), st.just(0),
)  # fmt: skip


@given(parameters, st.integers(0, 800), st.integers(1, 1500), st.sampled_from([7, 90, 365]))
@settings(max_examples=60, deadline=None)
def test_expected_purchases_are_the_integral(model, x, age, horizon):
    at = np.array([x]), np.array([age if x else 0]), np.array([age])
    alive = lifetime.expected_purchases(model, *at, horizon) / lifetime.p_alive(model, *at)
    np.testing.assert_allclose(alive[0], by_quadrature(model, x, age, horizon), rtol=1e-5)


@given(parameters, st.lists(st.integers(0, 900), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_expectations_are_bounded_and_grow(model, counts):
    x = np.array(counts)
    age = x + 1
    t_x = np.where(x > 0, age - 1, 0)
    chance = lifetime.p_alive(model, x, t_x, age)
    assert np.all((chance > 0) & (chance <= 1))
    assert np.all(chance[x == 0] == 1)
    short, long = (lifetime.expected_purchases(model, x, t_x, age, n) for n in (90, 365))
    assert np.all((short >= 0) & (short <= long * (1 + 1e-9)))
    most = (model.r + x) * 90 / (model.alpha_days + age)  # nobody ever leaves
    assert np.all(short <= most * (1 + 1e-9))


def test_where_a_is_one_the_expectation_is_the_limit():
    rows = np.array([3]), np.array([50]), np.array([80])
    near = [
        lifetime.expected_purchases(lifetime.BetaGeometric(0.8, 20.0, a, 2.0, 0.0, 0), *rows, 90)[0]
        for a in (0.999, 1.0, 1.001)
    ]
    assert near[0] > near[1] > near[2]
    assert near[1] == pytest.approx((near[0] + near[2]) / 2, rel=1e-5)


def test_customers_who_leave_alike_are_expected_by_the_limit():
    """Near the switch both formulas agree; far beyond it, where the first overflows, simulation."""
    rows = np.array([0, 3, 40]), np.array([0.0, 90.0, 380.0]), np.array([200, 200, 400])
    below, above = (
        lifetime.expected_purchases(lifetime.BetaGeometric(0.8, 20.0, a, 99 * a, 0, 0), *rows, 90)
        for a in (19.9, 20.1)
    )
    np.testing.assert_allclose(below, above, rtol=2e-3)
    alike = lifetime.BetaGeometric(25.4, 164.8, 2502.0, 162_755.0, 0.0, 0)
    got = lifetime.expected_purchases(alike, np.array([74]), np.array([990]), np.array([1000]), 365)
    rng = np.random.default_rng(3)
    rate = rng.gamma(25.4 + 74, 1 / (164.8 + 1000), 200_000)
    leave = 2502.0 / (2502.0 + 162_755.0 + 74)
    until = np.minimum(rng.poisson(rate * 365), rng.geometric(leave, rate.size))
    alive = lifetime.p_alive(alike, np.array([74]), np.array([990]), np.array([1000]))
    assert got[0] == pytest.approx(until.mean() * alive[0], rel=0.01)


@pytest.mark.parametrize("logs", [[0.0, 1.0, -0.5, 0.3], [-1.4, 1.5, -0.2, 0.9]])
def test_gradients_are_right(drawn, logs):
    x, t_x, age = (values[::9] for values in history_of(drawn))
    distinct, place = np.unique(x, return_inverse=True)
    data = lifetime._History(distinct.astype(float), place, np.ones(len(x)), t_x / 7, age / 7)

    def value(theta):
        return lifetime._bg_likelihood(np.exp(theta), data)[0]

    def slope(theta):
        return lifetime._bg_likelihood(np.exp(theta), data)[1]

    assert check_grad(value, slope, np.array(logs)) < 1e-3 * np.abs(slope(logs)).max()
    there = drawn[(drawn.x > 0) & (drawn.mean_cents > 0)]
    spent = lifetime._Spent.of(there.x.to_numpy(float), there.mean_cents.to_numpy() / 1000)
    error = check_grad(
        lambda theta: lifetime._gg_likelihood(np.exp(theta), spent)[0],
        lambda theta: lifetime._gg_likelihood(np.exp(theta), spent)[1],
        np.array(logs[1:]),
    )
    assert error < 1e-2


def simulated(n, seed, r=0.9, alpha_days=25.0, a=0.8, b=2.5, until=730, more=365):
    """Draw customers one purchase at a time; return their history and what they bought after."""
    rng = np.random.default_rng(seed)
    rows, later = [], []
    for _ in range(n):
        age = int(rng.integers(100, until))
        rate, leave = rng.gamma(r, 1 / alpha_days), rng.beta(a, b)
        times, now = [], 0.0
        while True:
            now += rng.exponential(1 / rate) if rate > 0 else np.inf
            if now > age + more:
                break
            times.append(now)
            if rng.random() < leave:
                break
        before = [t for t in times if t <= age]
        rows.append((len(before), before[-1] if before else 0.0, age))
        later.append(len(times) - len(before))
    x, t_x, age = np.array(rows).T
    return x.astype(int), t_x, age.astype(int), np.array(later)


def test_parameters_and_the_future_of_simulated_customers():
    x, t_x, age, later = simulated(8_000, seed=2)
    found = lifetime.fit_beta_geometric(x, np.where(x > 0, np.maximum(np.rint(t_x), 1), 0), age)
    assert found.r == pytest.approx(0.9, rel=0.12)
    assert found.alpha_days == pytest.approx(25.0, rel=0.15)
    assert found.a / (found.a + found.b) == pytest.approx(0.8 / 3.3, rel=0.1)
    expected = lifetime.expected_purchases(found, x, t_x, age, 365)
    assert expected.sum() == pytest.approx(later.sum(), rel=0.06)
    order = np.argsort(expected)
    for tenth in np.array_split(order, 10)[5:]:
        assert expected[tenth].sum() == pytest.approx(later[tenth].sum(), rel=0.3)
    chance = lifetime.p_alive(found, x, t_x, age)
    assert np.corrcoef(chance, later > 0)[0, 1] > 0.3


def test_spend_of_simulated_customers_is_found_again():
    rng = np.random.default_rng(4)
    n = rng.integers(1, 12, 20_000)
    nu = rng.gamma(4.0, 1 / 500.0, n.size)
    mean = np.array([rng.gamma(3.0, 1 / rate, k).mean() for k, rate in zip(n, nu, strict=True)])
    found = lifetime.fit_gamma_gamma(n, mean)
    assert found.p == pytest.approx(3.0, rel=0.05)
    assert found.q == pytest.approx(4.0, rel=0.05)
    assert found.v == pytest.approx(500.0, rel=0.1)
    scaled = lifetime.fit_gamma_gamma(n, mean * 1000)  # another unit of money
    assert scaled.v == pytest.approx(found.v * 1000, rel=1e-3)
    assert scaled.p == pytest.approx(found.p, rel=1e-3)


def drawn_spend(q, n_customers, seed):
    """Return purchases and mean values of customers whose mean is 6 * 500 / (q - 1)."""
    rng = np.random.default_rng([seed, n_customers])
    n = rng.integers(1, 8, n_customers)
    return n, rng.gamma(6.0 * n, 1 / rng.gamma(q, 1 / 500.0, n_customers)) / n


def test_a_mean_that_might_be_anything_is_not_told():
    said = []
    for seed in range(8):
        n, mean = drawn_spend(1.04, 1000, seed)
        model = lifetime.fit_gamma_gamma(n, mean)
        assert model.q_low < model.q
        nobody = float(lifetime.expected_value(model, 0, 0.0))
        assert np.isnan(nobody) == (model.q_low <= 1)
        said.append(nobody)
        of_own = lifetime.expected_value(model, n, mean)  # what a customer spends is known of it
        assert np.isfinite(of_own).all()
    assert np.isnan(said).sum() >= 5
    assert not (np.array(said) > 2 * 6 * 500 / 0.04).any()


def test_the_range_of_q_holds_and_a_usual_mean_is_told():
    held = 0
    for seed in range(40):
        n, mean = drawn_spend(2.0, 1000, 100 + seed)
        model = lifetime.fit_gamma_gamma(n, mean)
        held += model.q_low <= 2.0
        told = float(lifetime.expected_value(model, 0, 0.0))
        assert told == pytest.approx(6 * 500, rel=0.4)
        assert told == model.p * model.v / (model.q - 1)
    assert held >= 34  # 38 of 40 are asked


def test_order_changes_no_bit_and_weights_are_rows(drawn, fitted):
    order = np.random.default_rng(1).permutation(len(drawn))
    shuffled = drawn.iloc[order]
    assert lifetime.fit_beta_geometric(*history_of(shuffled)) == fitted
    spend = [
        lifetime.fit_gamma_gamma(t.x.to_numpy(), t.mean_cents.to_numpy() / 100)
        for t in (drawn, shuffled)
    ]
    assert spend[0] == spend[1]


def test_a_sample_is_near_the_whole(drawn, fitted):
    table = history_of(drawn)
    sample = lifetime.fit_beta_geometric(*table, sample_rows=900)
    assert sample.n_customers < len(drawn)
    assert sample.a / (sample.a + sample.b) == pytest.approx(
        fitted.a / (fitted.a + fitted.b), rel=0.5
    )


def test_too_few_customers_are_not_fitted_and_a_wrong_history_is_refused():
    few = np.arange(1, 20)
    assert lifetime.fit_beta_geometric(few, few, few + 5) is None
    assert lifetime.fit_gamma_gamma(few, few * 1.0) is None
    with pytest.raises(ValueError, match="customer 1 has x=2, t_x=9, T=5"):
        lifetime.fit_beta_geometric(np.array([0, 2]), np.array([0, 9]), np.array([4, 5]))


@pytest.fixture(scope="module")
def retail(real_data):
    path = real_data / "online_retail" / "online_retail.parquet"
    if not path.is_file():
        pytest.skip(f"real data set online_retail is not in {real_data}; set QFB_DATA")
    lines = pd.read_parquet(path).dropna(subset=["CustomerID"])
    lines = lines[(pd.to_numeric(lines.Quantity) > 0) & (pd.to_numeric(lines.UnitPrice) > 0)]
    day = pd.to_datetime(lines.InvoiceDate).dt.normalize()
    return pd.DataFrame({"customer": lines.CustomerID, "day": day}).drop_duplicates()


def test_online_retail_is_forecast_better_than_by_the_naive_rate(retail):
    """Fit on the months before 2011-06, count the days with a purchase in the 191 after."""
    split = pd.Timestamp(dt.date(2011, 6, 1))
    before = retail[retail.day < split].groupby("customer").day
    first, last = before.min(), before.max()
    x = before.count().to_numpy() - 1
    t_x, age = (last - first).dt.days.to_numpy(), (split - first).dt.days.to_numpy() - 1
    after = retail[retail.day >= split].groupby("customer").day.count()
    bought = after.reindex(first.index).fillna(0).to_numpy()
    horizon = (retail.day.max() - split).days + 1
    model = lifetime.fit_beta_geometric(x, t_x, age)
    expected = lifetime.expected_purchases(model, x, t_x, age, horizon)
    naive = x / np.maximum(age, 1) * horizon

    def worse(guess):
        return np.abs(guess - bought).mean()

    assert worse(expected) < 0.97 * worse(naive)
    assert np.corrcoef(expected, bought)[0, 1] > np.corrcoef(naive, bought)[0, 1] + 0.03
    assert expected.sum() == pytest.approx(bought.sum(), rel=0.15)
    for few in range(3):  # by past purchases the mean is right, too
        own = x == few
        assert expected[own].mean() == pytest.approx(bought[own].mean(), rel=0.1)
