"""Customer features against their formulas in plain Python, block by block."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import AS_OF, CNY, EUR, JPY, build_ledger, on
from naive import features as naive
from simulate import simulated_backend
from strategies import in_small_batches, ledgers

from qfb_gpu.backend import get_backend
from qfb_gpu.currencies import currency_name
from qfb_gpu.profile import (
    FEATURES,
    LIFECYCLES,
    TIERS,
    add_monthly,
    customer_features,
    merge_monthly,
    monthly_totals,
    standing,
)

CPU = get_backend("cpu")
PAYMENTS = [feature for feature in FEATURES if feature.compute is not None]


def by_customer(payments):
    found = {}
    for row in payments:
        found.setdefault(row[0], []).append(row)
    return [found[customer] for customer in sorted(found)]


def compare(got, want, name, tolerance=1e-12):
    if want is None:
        assert np.isnan(got), (name, got)
    elif isinstance(want, int):
        assert got == want, name
    else:
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance, err_msg=name)


def check(columns, payments, as_of):
    customers = by_customer(payments)
    for row, own in enumerate(customers):
        want = naive.customer(own, as_of)
        for name, value in want.items():
            tolerance = 1e-12
            if "hhi" in name:
                tolerance = 1e-8  # shares are in steps of 2 ** -30
            elif name.endswith(("_slope", "_variation")):
                worst = naive.months_worst(own, want["main_currency"], as_of, name.split("_")[1])
                if worst > 1e6:  # huge sums that cancel: nothing is left of a float
                    continue
                tolerance = 1e-8
            compare(columns[name][row].item(), value, f"{name} of {row}", tolerance)


@given(ledgers())
@settings(max_examples=80)
def test_features_match_naive(payments):
    columns = customer_features(build_ledger(payments), AS_OF, CPU)
    check(columns, payments, AS_OF)


@given(ledgers(max_size=20), st.integers(0, 400))
@settings(max_examples=40)
def test_features_match_naive_as_of_any_day(payments, later):
    columns = customer_features(build_ledger(payments), AS_OF + later, CPU)
    check(columns, payments, AS_OF + later)


def busy_payments(seed):
    """Return payments of seven customers, some 40 each: most have all that there is to measure."""
    rng = np.random.default_rng(seed)
    n, currencies = 280, [CNY, CNY, CNY, EUR] if seed % 2 else [CNY, EUR, JPY]
    return [
        tuple(int(value) for value in row)
        for row in zip(
            rng.integers(0, 7, n), rng.geometric(0.2, n) - 1, rng.integers(0, 2, n),
            rng.choice(currencies, n), AS_OF - rng.integers(0, rng.choice([95, 460], n)),
            rng.choice([-40, 0, 7, 100, 250, 1_000, 99_999], n), strict=True,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_features_of_busy_customers_match_naive(seed):
    payments = busy_payments(seed)
    columns = customer_features(build_ledger(payments), AS_OF, CPU)
    check(columns, payments, AS_OF)
    for row, own in enumerate(by_customer(payments)):
        for name, value in naive.spectrum(own, AS_OF).items():
            compare(columns[name][row].item(), value, f"{name} of {row}", 1e-4)
    for feature in PAYMENTS:
        if feature.unit in {"share", "score"}:
            known = columns[feature.name][~np.isnan(columns[feature.name])]
            assert {*known.tolist()} - {-1.0, 0.0, 1.0}, feature.name


def test_the_reference_knows_every_feature_of_payments():
    rows = [(0, 1, 0, CNY, AS_OF, 5)]
    known = {*naive.customer(rows, AS_OF), *naive.spectrum(rows, AS_OF)}
    assert known == {"main_currency", *(feature.name for feature in PAYMENTS)}


def rhythms():
    """Return customers of many rhythms: weekly, monthly, every other day, bursts, at random."""
    rng = np.random.default_rng(1)
    lists = [
        range(0, 360, 7), range(3, 360, 30), range(0, 364, 2), range(0, 300, 2), [1, 2, 3],
        [0, 1, 2, 3, 300], range(0, 364, 3), range(364),
        [i for i in range(364) if i % 7 < 5], [i for i in range(360) if i % 30 in (0, 1)],
    ]  # fmt: skip
    lists += [rng.integers(0, 400, n).tolist() for n in (5, 9, 30, 200, 900)]
    return [
        (customer, 1, 0, CNY, AS_OF - int(age), 100)
        for customer, ages in enumerate(lists)
        for age in ages
    ]


def test_the_spectrum_block_matches_naive():
    payments = rhythms()
    columns = customer_features(build_ledger(payments), AS_OF, CPU)
    for row, own in enumerate(by_customer(payments)):
        if {payment[4] for payment in own} >= set(range(AS_OF - 363, AS_OF + 1)) and len(
            own
        ) == 364:
            continue  # every day alike has no rhythm: below
        for name, value in naive.spectrum(own, AS_OF).items():
            compare(columns[name][row].item(), value, f"{name} of {row}", 1e-4)


def test_known_rhythms():
    columns = customer_features(build_ledger(rhythms()), AS_OF, CPU)
    weekly, monthly, other_day, _, three, *_ = range(15)
    every_day = 7
    assert columns["spectrum_weekly_share"][weekly] > 0.85
    assert columns["spectrum_monthly_share"][monthly] > 0.3
    assert columns["spectrum_period_days"][weekly] == pytest.approx(7.0, rel=0.01)
    assert columns["spectrum_period_days"][other_day] == 2.0
    assert columns["spectrum_strength"][other_day] == pytest.approx(1.0)
    for customer in (three, every_day):
        assert np.isnan(columns["spectrum_entropy"][customer])
    for name in ("weekly_share", "monthly_share", "entropy", "strength"):
        known = columns[f"spectrum_{name}"]
        known = known[~np.isnan(known)]
        assert np.all(known >= 0.0), name
        assert np.all(known <= 1.0 + 1e-6), name


def test_the_balance_is_followed_from_the_first_to_the_last_of_364_days():
    rows = [
        (0, 1, 1, CNY, AS_OF - 364, 10_000),  # the day before
        (0, 1, 1, CNY, AS_OF - 363, 300), (0, 1, 0, CNY, AS_OF - 362, 500),
        (1, 1, 0, CNY, AS_OF - 1, 500), (1, 1, 1, CNY, AS_OF, 900),
        (2, 1, 1, CNY, AS_OF, 900), (2, 1, 0, CNY, AS_OF, 800),  # one day nets
    ]  # fmt: skip
    columns = customer_features(build_ledger(rows), AS_OF, CPU)
    assert columns["balance_low_minor_364d"].tolist() == [-300, -400, -100]
    check(columns, rows, AS_OF)


@given(ledgers(), st.sampled_from([1, 20_000, 100_000]))
@settings(max_examples=20)
def test_batches_change_no_bit(payments, budget_bytes):
    ledger = build_ledger(payments)
    whole = customer_features(ledger, AS_OF, CPU)
    parts = customer_features(ledger, AS_OF, in_small_batches(CPU, budget_bytes))
    for name, values in whole.items():
        np.testing.assert_array_equal(parts[name], values, err_msg=name)


@given(ledgers())
@settings(max_examples=20)
def test_columns_have_the_declared_types_and_integers_are_never_null(payments):
    columns = customer_features(build_ledger(payments), AS_OF, CPU)
    assert columns["main_currency"].dtype == np.int16
    for feature in PAYMENTS:
        assert columns[feature.name].dtype == np.dtype(feature.dtype), feature.name
        known = columns[feature.name][~np.isnan(columns[feature.name])]
        if feature.unit == "share":
            assert np.all(known >= 0.0), feature.name
            assert np.all(known <= 1.0 + 1e-6), feature.name


def test_a_payment_after_as_of_is_refused(backend):
    ledger = on(build_ledger([(0, 1, 0, CNY, AS_OF + 1, 5)]), backend)
    with pytest.raises(ValueError, match=f"got day {AS_OF + 1}"):
        customer_features(ledger, AS_OF, backend)


def test_no_customer_has_no_features(backend):
    columns = customer_features(on(build_ledger([]), backend), AS_OF, backend)
    assert {values.shape for values in columns.values()} == {(0,)}


@given(ledgers())
@settings(max_examples=40)
def test_lifecycle_and_tier_match_naive(payments):
    check_standing(payments)


@pytest.mark.parametrize("seed", range(4))
def test_customers_of_every_stage_and_tier_match_naive(seed):
    """Of the drawn customers hardly any has payments enough to grow, decline or fall asleep."""
    rng, payments = np.random.default_rng(seed), []
    for customer in range(60):
        newest = rng.choice([0, 5, 60, 89, 90, 91, 120, 180, 364, 365, 400])
        oldest = newest + rng.choice([0, 3, 30, 89, 200, 400])
        ages = [newest, oldest, *rng.integers(newest, oldest + 1, rng.integers(0, 12))]
        currency = int(rng.choice([CNY, CNY, EUR]))
        payments += [
            (customer, 1, int(rng.integers(2)), currency, AS_OF - int(age),
             int(rng.lognormal(8, 2)) * int(rng.choice([1, 1, 1, -1])))
            for age in ages
        ]  # fmt: skip
    stages, tiers = check_standing(payments)
    assert {*stages} == {*LIFECYCLES}
    assert {*tiers} == {*TIERS}


def check_standing(payments):
    columns = customer_features(build_ledger(payments), AS_OF, CPU)
    found = standing(columns, AS_OF, CPU)
    wanted = [naive.customer(own, AS_OF) for own in by_customer(payments)]
    stages = [LIFECYCLES[code] for code in found["lifecycle"].codes]
    assert stages == [naive.lifecycle(want) for want in wanted]
    tiers = [TIERS[code] for code in found["tier"].codes]
    for currency in {want["main_currency"] for want in wanted}:
        rows = [i for i, want in enumerate(wanted) if want["main_currency"] == currency]
        turnovers = [wanted[i]["money_turnover_minor_365d"] for i in rows]
        assert [tiers[i] for i in rows] == naive.tiers(turnovers)
    return stages, tiers


def test_tiers_are_cut_at_80_and_95_percent():
    turnovers = [50, 30, 10, 5, 3, 2, 0, -4]
    rows = [(c, 1, 0, CNY, AS_OF, amount) for c, amount in enumerate(turnovers)]
    rows.append((8, 1, 0, EUR, AS_OF, 1))  # alone in its currency
    found = standing(customer_features(build_ledger(rows), AS_OF, CPU), AS_OF, CPU)["tier"]
    assert "".join(TIERS[code] for code in found.codes) == "AABBCCDDA"
    assert naive.tiers(turnovers) == list("AABBCCDD")


@given(st.lists(ledgers(max_size=15), max_size=3))
@settings(max_examples=60)
def test_monthly_totals_match_naive(buckets):
    check_monthly(buckets)


def test_monthly_totals_of_busy_customers_match_naive():
    """Of the drawn payments few months have two of one kind, let alone in two buckets."""
    check_monthly([busy_payments(seed) for seed in range(3)])


def check_monthly(buckets):
    merged = merge_monthly([monthly_totals(build_ledger(payments), CPU) for payments in buckets])
    got = {
        (row["month"], row["direction"], row["currency"]): (row["n_payments"], row["amount_minor"])
        for row in merged
    }
    want = naive.monthly([row for payments in buckets for row in payments])
    assert got == {(m, d, currency_name(c)): total for (m, d, c), total in want.items()}
    assert [row["month"] for row in merged] == sorted(row["month"] for row in merged)


@given(st.lists(ledgers(max_size=15), min_size=1, max_size=3))
@settings(max_examples=60)
def test_totals_added_up_are_those_of_all_payments(buckets):
    totals = [monthly_totals(build_ledger(payments), CPU) for payments in buckets]
    added = add_monthly(totals)
    assert merge_monthly([added]) == merge_monthly(totals)
    assert {name: values.dtype for name, values in added.items()} == {
        name: values.dtype for name, values in totals[0].items()
    }
    kinds = list(
        zip(*(added[name].tolist() for name in ("month", "direction", "currency")), strict=True)
    )
    assert len({*kinds}) == len(kinds)


@pytest.mark.cudasim
def test_features_in_the_simulator_match_naive():
    rng = np.random.default_rng(3)
    payments = [
        (int(c), int(p), int(s), (CNY, EUR)[int(e)], AS_OF - int(age), int(amount))
        for c, p, s, e, age, amount in zip(
            [0, 1, 1, 2, 3, 3, *rng.integers(0, 4, 24)],
            rng.integers(0, 3, 30),
            rng.integers(0, 2, 30),
            rng.integers(0, 2, 30),
            rng.integers(0, 460, 30),
            rng.integers(-50, 900, 30),
            strict=True,
        )
    ]
    check(customer_features(build_ledger(payments), AS_OF, simulated_backend()), payments, AS_OF)
