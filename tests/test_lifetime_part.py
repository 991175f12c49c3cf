"""The lifetime part of a night: histories of buckets in, one fit, columns by bucket out."""

import numpy as np
import pytest

from qfb_gpu import parts, profile
from qfb_gpu.backend import get_backend
from qfb_gpu.config import build_config
from qfb_gpu.currencies import currency_code
from qfb_gpu.lake.work import Workspace
from qfb_gpu.models import lifetime as models
from qfb_gpu.parts.lifetime import LIFETIME
from qfb_gpu.parts.source_features import SOURCE_FEATURES

CPU = get_backend("cpu")
CNY, USD = currency_code("CNY"), currency_code("USD")
SOURCES = {"transactions": {"path": "x.parquet"}}


def histories(n, seed):
    """Draw what ``score`` saves of n customers: a tenth without a purchase, few in dollars."""
    rng = np.random.default_rng(seed)
    age = rng.integers(60, 700, n)
    n_days = rng.poisson(rng.gamma(1.0, 0.03, n) * age) + 1
    n_days = np.minimum(n_days, age)
    n_days[::10] = 0
    last = np.where(n_days > 1, np.maximum((age * rng.beta(n_days + 1, 1)).astype(int), 1), 0)
    mean = np.where(n_days > 1, rng.gamma(3, 1, n) * rng.gamma(4, 50, n) * 100, np.nan)
    return {
        "n_days": n_days.astype(np.int64),
        "days_to_last": np.where(n_days > 0, last, 0).astype(np.int64),
        "days_observed": np.where(n_days > 0, age, 0).astype(np.int64),
        "mean_value_minor": mean,
        "payments_per_day": np.where(n_days > 0, 1 + rng.random(n), np.nan),
        "currency": np.where(np.arange(n) % 40 == 1, USD, CNY).astype(np.int16),
    }


def night(tmp_path, buckets):
    """Run fit, publish and whole on saved histories."""
    workspace = Workspace(tmp_path)
    for bucket, columns in buckets.items():
        workspace.save("score", bucket, "lifetime.history", columns, CPU)
    config = build_config({"as_of": "2024-12-31", "sources": SOURCES}, base=tmp_path, where="test")
    saved = parts.Saved("lifetime", workspace, tuple(buckets), 20_088, config, "cpu", tmp_path)
    for name, columns in LIFETIME.fit(saved).items():
        workspace.save("fit", -1, f"lifetime.{name}", columns, CPU)
    found = [LIFETIME.publish(saved, bucket)[parts.PROFILE] for bucket in buckets]
    profiles = {n: np.concatenate([one[n] for one in found]) for n in found[0]}
    return profiles, LIFETIME.whole(saved)["lifetime_models"]


def halves(columns, at):
    return {0: {n: v[:at] for n, v in columns.items()}, 1: {n: v[at:] for n, v in columns.items()}}


def test_the_columns_are_the_models_of_all_buckets(tmp_path):
    given = histories(900, 3)
    got, table = night(tmp_path, halves(given, 400))
    assert set(got) == {feature.name for feature in profile.LIFETIME}
    there = given["n_days"] > 0
    rows = given["n_days"][there] - 1, given["days_to_last"][there], given["days_observed"][there]
    model = models.fit_beta_geometric(*rows)
    np.testing.assert_array_equal(got["lifetime_p_alive"][there], models.p_alive(model, *rows))
    expected = models.expected_purchases(model, *rows, 90)
    np.testing.assert_array_equal(got["lifetime_expected_active_days_90d"][there], expected)
    np.testing.assert_array_equal(
        got["lifetime_expected_payments_90d"][there], expected * given["payments_per_day"][there]
    )
    assert all(np.isnan(values[~there]).all() for values in got.values())
    value = got["lifetime_expected_value_minor"]
    assert np.isnan(value[given["currency"] == USD]).all()  # too few dollars to fit
    assert (value[there & (given["currency"] == CNY)] > 0).all()
    names = set(zip(table["model"].to_pylist(), table["currency"].to_pylist(), strict=True))
    assert names == {("beta_geometric", None), ("gamma_gamma", "CNY")}


def test_buckets_and_order_change_no_bit(tmp_path):
    given = histories(300, 4)
    whole, _ = night(tmp_path / "one", {0: given})
    order = np.random.default_rng(0).permutation(300)
    shuffled, _ = night(tmp_path / "two", halves({n: v[order] for n, v in given.items()}, 77))
    for name, values in whole.items():
        np.testing.assert_array_equal(shuffled[name], values[order], err_msg=name)


def test_too_few_customers_give_nulls_not_guesses(tmp_path):
    got, table = night(tmp_path, {0: histories(20, 5)})
    assert all(np.isnan(values).all() for values in got.values())
    assert len(table["model"]) == 0


@pytest.mark.parametrize("part", SOURCE_FEATURES, ids=lambda part: part.name)
def test_a_block_whose_source_is_missing_is_named(part):
    missing = parts.left_out(("transactions",))
    assert (part.what in missing) == bool(part.needs)
    for source in part.needs:
        assert f"sources.{source}" in missing[part.what]
