"""What a stream pays next: the kernel against lists, and ranges against what then came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import prices as naive
from simulate import simulated_backend

from qfb_gpu.backend import get_backend
from qfb_gpu.schema import AMOUNT_KINDS
from qfb_kernels.prices import prices_cpu, prices_gpu

CPU = get_backend("cpu")
NULL_DAY = -(2**31)


def prices_of(streams, backend):
    """Return the kernel's answers for streams of (days, amounts, next day)."""
    day = np.array([d for days, _, _ in streams for d in days], np.int32)
    amount = np.array([a for _, amounts, _ in streams for a in amounts], np.int64)
    size = np.array([len(days) for days, _, _ in streams], np.int32)
    start = (np.cumsum(size) - size).astype(np.int64)
    kind, step_day = np.empty(len(streams), np.int8), np.empty(len(streams), np.int32)
    value = np.empty((len(streams), 6))
    next_day = np.array([n for _, _, n in streams], np.int32)
    scratch = np.empty(len(day), np.int32)
    member = np.arange(len(day), dtype=np.int32)
    backend.launch(prices_cpu, prices_gpu, len(streams), day, amount, member, start, size,
                   next_day, scratch, kind, value, step_day)  # fmt: skip
    return kind, value, step_day


def check(streams, backend):
    kinds, values, step_days = prices_of(streams, backend)
    for (days, amounts, next_day), kind, value, step_day in zip(
        streams, kinds, values, step_days, strict=True
    ):
        if not days:
            assert (kind, step_day) == (-1, NULL_DAY)
            assert np.isnan(value).all()
            continue
        name, *numbers, at, ratio = naive.price(days, amounts, next_day)
        assert AMOUNT_KINDS[kind] == name, (days, amounts)
        np.testing.assert_allclose(value[:4], numbers, rtol=1e-9, atol=1e-6)
        assert step_day == (NULL_DAY if at is None else at)
        np.testing.assert_allclose(value[5], np.nan if ratio is None else ratio, rtol=1e-12)


base = st.integers(1, 10**9)
factors = st.one_of(
    st.just([1.0]),
    st.tuples(st.integers(1, 12), st.sampled_from([1.1, 0.5, 2.0])).map(
        lambda step: [1.0] * step[0] + [step[1]] * 20
    ),
    st.lists(st.floats(0.5, 2.0), min_size=30, max_size=30),
    st.floats(0.95, 1.08).map(lambda rate: [rate**i for i in range(30)]),
)


@st.composite
def streams(draw):
    n = draw(st.integers(0, 24))
    days = sorted(draw(st.lists(st.integers(17_000, 19_000), min_size=n, max_size=n)))
    amount, shape = draw(base), draw(factors)
    amounts = [max(0, round(amount * shape[i % len(shape)])) for i in range(n)]
    if n and draw(st.booleans()):
        amounts[draw(st.integers(0, n - 1))] += draw(base)  # one odd payment
    return days, amounts, draw(st.sampled_from([NULL_DAY, 19_001, 19_030]))


@st.composite
def rents(draw):
    """Payments of one rhythm whose amount changes about once a year, now and then at other times."""
    period = draw(st.sampled_from([7, 14, 30.4375, 91.3125]))
    n = round(1_600 / period)
    late = draw(st.lists(st.integers(0, 4), min_size=n + 1, max_size=n + 1))
    days = sorted(18_000 + round(i * period) + late[i] for i in range(n + 1))
    first = draw(st.integers(18_000, 18_370))
    yearly = draw(st.sampled_from([[1.03], [1.03, 1.05], [0.97], [1, 1.03], [1.03, 1.3, 0.97]]))
    ratio = {first + 365 * k: draw(st.sampled_from(yearly)) for k in range(5)}
    ratio[draw(st.integers(18_000, 19_600))] = draw(st.sampled_from([1, 1.0005, 1.1, 0.5]))
    amount, amounts = draw(base), []
    for i, day in enumerate(days):
        for at, by in ratio.items():
            amount *= by if i and days[i - 1] < at <= day else 1
        amounts.append(round(amount))
    again = first + 365 * draw(st.integers(2, 4)) + draw(st.integers(-20, 30))
    n = max(1, draw(st.sampled_from([n, sum(day < again for day in days[:n])])))
    return days[:n], amounts[:n], draw(st.sampled_from([NULL_DAY, days[n], days[n] + 3]))


def rent(prices, n, step=1):
    """Return n payments every so many months, their price from each January on, and the next day."""
    due = np.arange("2020-01", "2030-01", step, dtype="datetime64[M]").astype("datetime64[D]")
    days = due.astype(int).tolist()
    return days[:n], [prices[i * step // 12] for i in range(n)], days[n]


@given(st.lists(st.one_of(streams(), rents()), max_size=5))
def test_prices_match_lists(several):
    check(several, CPU)


@pytest.mark.parametrize(
    ("amounts", "kind"),
    [
        ([900] + [1000] * 9, "fixed"), ([900] + [1000] * 8, "stepped"),  # one change in ten
        ([1000] * 9 + [900] + [1000] * 10, "fixed"), ([1000] * 9 + [900] + [1000] * 9, "stepped"),
        ([900] + [1000] * 20 + [900] + [1000] * 18, "stepped"),  # three are no odd payment
        ([1000] * 4 + [1100], "stepped"), ([1000] * 3 + [1100], "variable"),  # one in four
        ([1000, 1001] * 5, "fixed"), ([1000, 1002] * 5, "variable"),  # a thousandth is no change
    ],
)  # fmt: skip
def test_the_kind_of_amount_at_the_borders_of_its_rules(amounts, kind):
    days = [18_000 + 30 * i for i in range(len(amounts))]
    kinds, _, _ = prices_of([(days, amounts, 20_000)], CPU)
    assert AMOUNT_KINDS[kinds[0]] == kind
    check([(days, amounts, 20_000)], CPU)


def test_amounts_that_vary_within_one_day_have_no_trend():
    check([([18_000] * 8, [100, 220, 90, 400, 130, 60, 210, 180], 20_000)], CPU)


@pytest.mark.cudasim
def test_prices_in_the_simulator_match_lists():
    days = list(range(18_000, 18_300, 30))
    check(
        [
            ([], [], NULL_DAY),
            (days, [500] * 10, 18_300),
            (days, [500] * 6 + [600] * 4, 18_300),
            (days, [100, 220, 90, 400, 130, 60, 210, 180, 95, 333], 18_300),
            (days, [round(1000 * 1.1**i) for i in range(10)], 18_330),
            rent([1000, 1030, 1061], 36),
            rent([1000, 1030, 1030, 1061], 48),
        ],
        simulated_backend(),
    )


@pytest.mark.parametrize(
    ("amounts", "kind"),
    [
        ([100_033, 100_033, 100_034] * 4, "fixed"),
        ([50_000] * 12 + [99_990, 100_060] * 5, "stepped"),
    ],
)
def test_an_amount_that_wobbles_within_a_thousandth_has_a_range_that_holds_it(amounts, kind):
    *past, to_come = amounts
    days = [18_000 + 30 * i for i in range(len(past))]
    kinds, value, _ = prices_of([(days, past, 20_000)], CPU)
    assert AMOUNT_KINDS[kinds[0]] == kind
    assert value[0, 2] <= to_come <= value[0, 3]
    assert value[0, 3] - value[0, 2] == pytest.approx(0.002 * past[-1])


def test_one_odd_payment_leaves_the_next_amount_what_it_was_to_the_cent():
    amounts = [45_000] * 7 + [61_234] + [45_000] * 12
    kinds, value, _ = prices_of([([18_000 + 30 * i for i in range(20)], amounts, 20_000)], CPU)
    assert AMOUNT_KINDS[kinds[0]] == "fixed"
    assert value[0, :4].tolist() == [45_000] * 4


def test_no_amount_below_nothing_is_expected():
    """Of 96.00 and 828.00 euros a year apart the range began at minus half a cent."""
    fall = [round(10**7 * 0.2**i) for i in range(10)]
    streams = [([0, 366], [9_600, 82_800], 731), (list(range(0, 300, 30)), fall, 900)]
    kinds, value, _ = prices_of(streams, CPU)
    assert [AMOUNT_KINDS[kind] for kind in kinds] == ["variable", "trend"]
    assert value[:, 2].tolist() == [0, 0]
    assert value[1, 1] == 0
    assert value[0, 1] > 0


@pytest.mark.parametrize("n", [2, 3, 4, 5, 12, 40])
def test_nine_of_ten_variable_amounts_fall_into_their_range(n):
    rng = np.random.default_rng(n)
    days = list(range(18_000, 18_000 + 30 * n, 30))
    drawn = np.round(10_000 * np.exp(0.3 * rng.standard_normal((4_000, n + 1)))).astype(int)
    _, value, _ = prices_of([(days, row[:n].tolist(), 20_000) for row in drawn], CPU)
    held = np.mean((value[:, 2] <= drawn[:, n]) & (drawn[:, n] <= value[:, 3]))
    assert 0.88 < held < 0.94


@pytest.mark.parametrize(
    ("prices", "expected", "low", "high"),
    [
        ([1000, 1030, 1060.9], 1060.9 * 1.03, 1060.9, 1060.9 * 1.03**2),
        ([1000, 1020, 1071], 1071 * (1.02 * 1.05) ** 0.5, 1071, 1071 * 1.05**2),
        ([1000, 1000, 1030, 1030, 1060.9], 1060.9 * 1.03, 1060.9, 1060.9 * 1.03**2),
        ([1000, 1030, 1060.9, 1060.9], 1060.9 * 1.03, 1060.9, 1060.9 * 1.03**2),
        ([1000, 1000, 1030], 1030, 1030, 1030),  # seen once
        ([1000, 1030, 1061, 1093, 1093, 1093], 1093, 1093, 1093),  # not for two years
        ([1000, 1030, 988.8], 988.8, 988.8, 988.8),  # once up, once down
        ([1000, 970, 940.9], 940.9, 940.9, 940.9),  # falls are not foretold
        ([1000, 1020, 1300], 1300, 1300, 1300),  # of no like size
    ],
)
@pytest.mark.parametrize("step", [1, 3])
def test_a_price_that_rose_in_two_of_three_januaries_may_rise_next_january(
    prices, expected, low, high, step
):
    prices = [round(1_000_000 * price) for price in prices]
    stream = rent(prices, 12 // step * len(prices), step)
    kinds, value, _ = prices_of([stream], CPU)
    assert AMOUNT_KINDS[kinds[0]] == "stepped"
    wanted = [prices[-1], expected * 1e6, low * 1e6, high * 1e6]
    np.testing.assert_allclose(value[0, :4], wanted, rtol=1e-6)
    check([stream], CPU)


@pytest.mark.parametrize("n", [25, 28, 35, 37, 40, 47])
def test_a_price_that_rises_every_january_stays_in_the_months_between(n):
    _, value, _ = prices_of([rent([100_000, 103_000, 106_090, 109_273], n)], CPU)
    assert len(set(value[0, :4])) == 1


def test_nine_of_ten_yearly_rises_fall_into_their_range():
    rng = np.random.default_rng(0)
    rises = 1 + 0.03 * np.exp(0.5 * rng.standard_normal((4_000, 3)))
    drawn = np.round(1_000_000 * np.cumprod(np.c_[np.ones(4_000), rises], axis=1)).astype(int)
    _, value, _ = prices_of([rent(row[:3].tolist(), 36) for row in drawn], CPU)
    held = np.mean((value[:, 2] <= drawn[:, 3]) & (drawn[:, 3] <= value[:, 3]))
    assert 0.9 < held < 0.96
    assert (value[:, 3] > value[:, 2]).mean() > 0.97


def test_one_odd_payment_a_year_is_no_rise():
    days, amounts, next_day = rent([1000] * 3, 36)
    amounts[12] = amounts[24] = 1030
    kinds, value, _ = prices_of([(days, amounts, next_day)], CPU)
    assert AMOUNT_KINDS[kinds[0]] == "stepped"
    assert value[0, :4].tolist() == [1000] * 4
