"""What is called regular: q-values against a loop and SciPy, and what is blanked."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import decision as naive
from scipy.stats import false_discovery_control

from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.payments import decide, q_values, q_values_known, q_values_of
from qfb_gpu.payments.columns import p_values as p_values_of
from qfb_gpu.schema import CADENCES, ROLLS, STATUSES
from qfb_kernels import dues

NAN = float("nan")
p_values = st.lists(
    st.floats(0.0, 1.0) | st.sampled_from([0.0, 0.01, 0.01, 0.05, 1.0, NAN]), max_size=40
)


def frozen(values, dtype=float):
    array = np.array(values, dtype)
    array.flags.writeable = False
    return array


@given(p_values)
@settings(max_examples=200)
def test_q_values_match_the_definition(p):
    np.testing.assert_allclose(q_values(frozen(p), np), naive.q_values(p), rtol=1e-12)


@given(p_values)
@settings(max_examples=100)
def test_q_values_match_scipy_and_leave_nan_out(p):
    q = q_values(frozen(p), np)
    tested = ~np.isnan(p)
    assert np.isnan(q[~tested]).all()
    if tested.any():
        want = false_discovery_control(np.array(p)[tested])
        np.testing.assert_allclose(q[tested], want, rtol=1e-12)


@given(p_values, st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_order_changes_no_bit_and_ties_share_a_q_value(p, random):
    q = q_values(frozen(p), np)
    order = list(range(len(p)))
    random.shuffle(order)
    np.testing.assert_array_equal(q_values(frozen([p[i] for i in order]), np), q[order])
    by_p = {}
    for one, other in zip(p, q.tolist(), strict=True):
        if one == one:
            assert by_p.setdefault(one, other) == other


@given(p_values)
@settings(max_examples=100)
def test_q_values_are_at_least_p_values_and_in_their_order(p):
    q = q_values(frozen(p), np)
    known = ~np.isnan(q)
    tested, q = np.array(p)[known], q[known]
    assert np.all(q >= tested * (1 - 1e-12))
    assert np.all(q <= 1.0)
    assert np.all(np.diff(q[np.argsort(tested, kind="stable")]) >= 0)


@given(p_values, st.integers(1, 4))
@settings(max_examples=200)
def test_what_p_values_are_worth_is_found_by_bucket_to_the_bit(p, n_buckets):
    """A run's streams come in buckets, and each looks its q-values up."""
    parts = [frozen(p[at::n_buckets]) for at in range(n_buckets)]
    p_known, q_known = q_values_known(parts)
    assert p_known.tolist() == sorted({one for one in p if one == one})
    want = q_values(frozen(p), np)
    for at, part in enumerate(parts):
        got = q_values_of(part, p_known, q_known)
        assert got.tobytes() == np.ascontiguousarray(want[at::n_buckets]).tobytes()
    later = q_values_of(frozen([0.02, NAN, 1.5]), p_known, q_known)
    above = q_known[p_known >= 0.02]
    assert later[0] == (above[0] if above.size else 1.0)
    assert np.isnan(later[1])
    assert later[2] == 1.0


def test_any_number_of_streams(backend):
    for n in (0, 1, 2, 3, 63, 64, 65, 1_000):
        p = np.random.default_rng(n).random(n) ** 4
        got = backend.to_host(q_values(backend.asarray(p), backend.xp))
        want = false_discovery_control(p) if n else p
        np.testing.assert_allclose(got, want, rtol=1e-12)


def columns():
    """Four streams: regular and going, regular and stopped, not regular, not tested."""
    monthly, weekly = CADENCES.index("monthly"), CADENCES.index("weekly")
    found = {
        "cadence": Labelled(frozen([monthly, weekly, monthly, weekly], "int8"), CADENCES),
        "roll": Labelled(frozen([2, 0, 2, 0], "int8"), ROLLS),
        "schedule_code": Labelled(frozen([0, 1, 0, 1], "int32"), ("a", "b")),
        "rrule": Labelled(frozen([1, 0, 1, 0], "int32"), ("x", "y")),
        "status": Labelled(frozen([1, 2, 0, -1], "int8"), STATUSES),
        "n_missed": frozen([0, 4, 3, 2], "int32"),
        "n_payments": frozen([9, 8, 7, 2], "int32"),
    }
    for name in ("next_date", "next_date_earliest", "next_date_latest", "next_due_date"):
        found[name] = frozen([100, 200, 300, 400], "int32")
    for name in ("next_amount", "next_amount_low", "next_amount_high", "period_days"):
        found[name] = frozen([1.5, 2.5, 3.5, 4.5])
    return found


def test_only_streams_below_the_rate_are_regular_and_the_rest_is_blank():
    before = columns()
    out = decide(before, frozen([0.05, 0.001, 0.0501, NAN]), 0.05, np)
    assert out["is_regular"].tolist() == [True, True, False, False]
    np.testing.assert_allclose(out["confidence"], [0.95, 0.999, 0.9499, 0.0])
    names = [CADENCES[code] for code in out["cadence"].codes]
    assert names == ["monthly", "weekly", "irregular", "irregular"]
    for name in ("roll", "schedule_code", "rrule", "status"):
        assert out[name].labels == before[name].labels
        assert out[name].codes[:2].tolist() == before[name].codes[:2].tolist()
        assert out[name].codes[2:].tolist() == [-1, -1]
    assert out["n_missed"].tolist() == [0, 4, 0, 0]
    assert out["n_payments"] is before["n_payments"]


def test_a_stopped_stream_keeps_its_period_but_expects_nothing():
    out = decide(columns(), frozen([0.0, 0.0, 0.9, NAN]), 0.05, np)
    for name in ("next_date", "next_date_earliest", "next_date_latest", "next_due_date"):
        assert out[name].tolist() == [100, NULL_DAY, NULL_DAY, NULL_DAY]
    for name in ("next_amount", "next_amount_low", "next_amount_high"):
        np.testing.assert_array_equal(out[name], [1.5, NAN, NAN, NAN])
    np.testing.assert_array_equal(out["period_days"], [1.5, 2.5, NAN, NAN])


MONTHLY, ANNUAL, WEEKLY, NONE = (dues.MONTHS, 1), (dues.MONTHS, 12), (dues.DAYS, 7), (dues.DAYS, 0)


@pytest.mark.parametrize(
    ("schedule", "hits", "size", "evidence", "want"),
    [
        (MONTHLY, 3, 3, 5.0, 0.1 * math.exp(-5)),
        (MONTHLY, 9, 12, 700.0, 0.1 * math.exp(-690)),
        (MONTHLY, 3, 3, 2.0, 0.1 * math.exp(-2)),
        (MONTHLY, 3, 3, -3.0, 1.0),  # ten times as likely by chance
        (MONTHLY, 3, 3, -1e300, 1.0),
        (MONTHLY, 2, 3, 9.0, 1.0),  # three payments, of which two answer a due date
        (MONTHLY, 2, 2, 9.0, math.nan),
        (WEEKLY, 2, 2, 9.0, math.nan),
        (WEEKLY, 4, 4, 9.0, 0.1 * math.exp(-9)),
        ((dues.DAYS, 12), 2, 2, 9.0, math.nan),  # every twelve days is not every twelve months
        (ANNUAL, 2, 2, 5.0, 0.045 * math.exp(-5)),
        (ANNUAL, 3, 3, 5.0, 0.1 * math.exp(-5)),
        (ANNUAL, 1, 2, 9.0, math.nan),
        (NONE, 9, 9, 9.0, 1.0),
        (NONE, 0, 1, 0.0, math.nan),
    ],
)
def test_a_p_value_is_a_share_of_the_bound_where_payments_are_enough(
    schedule, hits, size, evidence, want
):
    fit = np.zeros((1, 14), np.int64)
    fit[0, :2], fit[0, 7] = schedule, hits
    found = p_values_of(fit, np.array([evidence]), np.array([size]), np)
    assert found[0] == pytest.approx(want, rel=1e-12, abs=0.0, nan_ok=True)
