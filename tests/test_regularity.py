"""Features of regular streams against a loop, on the host and simulated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import AS_OF, CNY, EUR, JPY
from naive import regularity as naive
from simulate import simulated_backend

from qfb_gpu.backend import get_backend
from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.profile import FEATURES, regularity_features
from qfb_gpu.schema import STATUSES

CPU = get_backend("cpu")
DECLARED = [feature for feature in FEATURES if feature.source == "streams"]
N_CUSTOMERS = 3
MINOR = {CNY: 100, EUR: 100, JPY: 1}


@st.composite
def streams(draw):
    """Draw a decided stream: only regular ones that go on expect something."""
    regular = draw(st.booleans())
    status = draw(st.sampled_from(STATUSES)) if regular else None
    expects = regular and status != "stopped"
    periods = st.sampled_from([1.0, 1.4, 7.0, 30.436875, 365.2425]) | st.floats(1.0, 400.0)
    return {
        "customer": draw(st.integers(0, N_CUSTOMERS - 1)),
        "direction": draw(st.integers(0, 1)),
        "currency": draw(st.sampled_from([CNY, CNY, EUR, JPY])),
        "n_payments": draw(st.integers(0, 50)),
        "total_minor": draw(st.integers(-500, 10**6) | st.sampled_from([10**16, -(10**16)])),
        "is_regular": regular,
        "status": status,
        "next_day": draw(st.integers(AS_OF - 20, AS_OF + 120)) if expects else None,
        "next_minor": draw(st.integers(0, 10**7)) if expects else 0,
        "period_days": draw(periods | st.just(None)) if regular else None,
    }


some_streams = st.lists(streams(), max_size=12).map(
    lambda found: sorted(found, key=lambda stream: stream["customer"])
)
mains = st.tuples(*[st.sampled_from([CNY, EUR, JPY])] * N_CUSTOMERS)


def columns_of(found):
    """Return the columns, their customers: read-only arrays."""

    def column(values, dtype):
        array = np.array(list(values), dtype)
        array.flags.writeable = False
        return array

    nan, expected = float("nan"), [s["next_day"] is not None for s in found]
    codes = [STATUSES.index(s["status"]) if s["status"] else -1 for s in found]
    amounts = [
        s["next_minor"] / MINOR[s["currency"]] if known else nan
        for s, known in zip(found, expected, strict=True)
    ]
    days = [s["next_day"] if s["next_day"] is not None else NULL_DAY for s in found]
    columns = {
        "is_regular": column((s["is_regular"] for s in found), bool),
        "n_payments": column((s["n_payments"] for s in found), np.int32),
        "amount_total_minor": column((s["total_minor"] for s in found), np.int64),
        "direction": column((s["direction"] for s in found), np.int8),
        "currency": column((s["currency"] for s in found), np.int16),
        "next_date": column(days, np.int32),
        "next_amount": column(amounts, float),
        "period_days": column((s["period_days"] or nan for s in found), float),
        "status": Labelled(column(codes, np.int8), STATUSES),
    }
    return columns, column((s["customer"] for s in found), np.int32)


def check(found, main, backend):
    columns, customer = columns_of(found)
    got = regularity_features(columns, customer, np.array(main, np.int16), AS_OF, backend)
    assert set(got) == {feature.name for feature in DECLARED}
    for row in range(N_CUSTOMERS):
        own = [s for s in found if s["customer"] == row]
        for name, value in naive.features(own, main[row], AS_OF).items():
            np.testing.assert_allclose(got[name][row], value, rtol=1e-15, err_msg=name)
    for feature in DECLARED:
        assert got[feature.name].dtype == np.dtype(feature.dtype), feature.name


@given(some_streams, mains)
@settings(max_examples=80)
def test_regularity_matches_naive(found, main):
    check(found, main, CPU)


@pytest.mark.parametrize("seed", range(6))
def test_regularity_of_many_streams_matches_naive(seed):
    """Of the drawn streams a customer has one or two in a direction, and few are expected soon."""
    rng = np.random.default_rng(seed)
    found = []
    for customer in np.sort(rng.integers(0, N_CUSTOMERS, 120)).tolist():
        status = str(rng.choice(STATUSES)) if rng.random() < 0.7 else None
        expects = status is not None and status != "stopped"
        found.append({
            "customer": customer, "direction": int(rng.integers(2)), "status": status,
            "currency": int(rng.choice([CNY, CNY, EUR, JPY])), "is_regular": status is not None,
            "n_payments": int(rng.integers(0, 50)), "total_minor": int(rng.integers(-500, 10**6)),
            "next_day": AS_OF + int(rng.integers(-20, 120)) if expects else None,
            "next_minor": int(rng.integers(0, 10**7)) if expects else 0,
            "period_days": [None, 1.0, 1.4, 7.0, 15.2, 30.436875, 365.2425][rng.integers(7)]
            if status else None,
        })  # fmt: skip
    check(found, (CNY, CNY, EUR), CPU)
    columns, customer = columns_of(found)
    got = regularity_features(columns, customer, np.array((CNY, CNY, EUR)), AS_OF, CPU)
    for name in ("in_share", "out_share", "payment_share"):
        assert {*got[f"regularity_{name}"].tolist()} - {0.0, 1.0}, name


def one(**changes):
    stream = {
        "customer": 0, "direction": 1, "currency": CNY, "n_payments": 9, "total_minor": 90_000,
        "is_regular": True, "status": "mature", "next_day": AS_OF + 30, "next_minor": 10_000,
        "period_days": 30.0,
    }  # fmt: skip
    return {**stream, **changes}


@pytest.mark.parametrize(
    ("changes", "within_30", "within_90"),
    [
        ({}, 1, 3),
        ({"next_day": AS_OF + 31}, 0, 2),
        ({"next_day": AS_OF - 5}, 1, 3),  # overdue: tomorrow, then in 30 and 60 days from there
        ({"period_days": None}, 1, 1),
        ({"currency": EUR}, 0, 0),
        ({"status": "stopped", "next_day": None}, 0, 0),
    ],
)
def test_committed_money_is_amount_times_due_dates(changes, within_30, within_90):
    columns, customer = columns_of([one(**changes)])
    got = regularity_features(columns, customer, np.array([CNY], np.int16), AS_OF, CPU)
    assert got["regularity_committed_out_minor_30d"].tolist() == [within_30 * 10_000]
    assert got["regularity_committed_out_minor_90d"].tolist() == [within_90 * 10_000]
    assert got["regularity_committed_in_minor_90d"].tolist() == [0]


def test_streams_out_of_order_are_refused():
    columns, customer = columns_of([one(customer=1), one(customer=0)])
    with pytest.raises(ValueError, match="order of their customers"):
        regularity_features(columns, customer, np.array([CNY, CNY], np.int16), AS_OF, CPU)


@pytest.mark.cudasim
def test_regularity_in_the_simulator_matches_naive():
    found = [
        one(), one(direction=0, next_day=AS_OF), one(customer=1, is_regular=False, next_day=None),
        one(customer=1, currency=JPY, period_days=7.0), one(customer=2, status="stopped"),
    ]  # fmt: skip
    found[-1]["next_day"] = None
    check(found, (CNY, JPY, EUR), simulated_backend())
