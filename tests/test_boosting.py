"""Boosted trees: calibrated, explained, the same whatever the order of rows."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from qfb_gpu._backend import boosting
from qfb_gpu.backend import BoostingOptions, get_backend

FEW = BoostingOptions(n_trees=25, learning_rate=0.12)


def rows(n=4000, seed=0):
    """Return features, labels and their true probability: a logistic law of two features."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 4))
    features[rng.random((n, 4)) < 0.1] = np.nan
    true = 1 / (1 + np.exp(2 - 1.5 * np.nan_to_num(features[:, 0]) - features[:, 1] ** 2))
    true = np.nan_to_num(true, nan=0.12)
    return features, rng.random(n) < true, true


def fitted(features, label, **more):
    held_out = np.arange(len(label)) % 4 == 3
    return get_backend("cpu").fit_boosting(
        features, label, held_out=held_out, options=FEW, **more
    )  # fmt: skip


@pytest.mark.parametrize(("n", "kind"), [(4000, "sigmoid"), (20_000, "isotonic")])
def test_probabilities_are_calibrated_and_rank_like_the_truth(backend, n, kind):
    features, label, _ = rows(n)
    model = fitted(features, label)
    assert model.calibration.kind == kind
    later, came, true = rows(seed=1)
    p = backend.to_host(backend.predict_proba(model, backend.asarray(later)))
    assert roc_auc_score(came, p) > roc_auc_score(came, true) - 0.03
    bins = np.digitize(p, np.quantile(p, [0.2, 0.4, 0.6, 0.8]))
    for at in range(5):
        inside = bins == at
        assert abs(p[inside].mean() - true[inside].mean()) < 0.05


def test_looks_at_one_case_are_no_cases_of_their_own():
    """Isotonic regression of four looks at an order each was fitted on a quarter of what it said."""
    features, label, _ = rows(20_000)
    four = [np.repeat(one[:8000], 4, axis=0) for one in (features, label)]
    held_out = np.repeat(np.arange(8000) % 4 == 3, 4)
    backend = get_backend("cpu")

    def kind(rows_per_case):
        options = BoostingOptions(n_trees=5, rows_per_case=rows_per_case)
        model = backend.fit_boosting(*four, held_out=held_out, options=options)
        return model.calibration.kind

    assert 1000 <= four[1][held_out].sum() < 4000
    assert (kind(1), kind(4)) == ("isotonic", "sigmoid")


def test_contributions_add_up_to_the_log_odds(backend):
    features, label, _ = rows(1500)
    model = fitted(features, label)
    base, parts = backend.contributions(model, backend.asarray(features))
    score = model.trees.decision_function(features)
    np.testing.assert_allclose(base + backend.to_host(parts).sum(axis=1), score, atol=1e-9)
    # only the first two features matter
    weight = np.abs(backend.to_host(parts)).mean(axis=0)
    assert weight[:2].min() > 3 * weight[2:].max()


def test_rows_in_another_order_give_the_same_model_to_the_bit():
    features, label, _ = rows(1200)
    held_out = np.arange(len(label)) % 4 == 3
    order = np.random.default_rng(2).permutation(len(label))
    backend = get_backend("cpu")
    one = backend.fit_boosting(features, label, held_out=held_out, options=FEW)
    other = backend.fit_boosting(
        features[order], label[order], held_out=held_out[order], options=FEW
    )
    assert np.array_equal(
        backend.predict_proba(one, features), backend.predict_proba(other, features)
    )


def test_a_repeated_row_weighs_as_its_weight():
    features, label, _ = rows(600)
    twice = fitted(features, label, sample_weight=np.full(len(label), 2.0))
    once = fitted(features, label)
    p, q = (get_backend("cpu").predict_proba(m, features) for m in (twice, once))
    assert np.corrcoef(p, q)[0, 1] > 0.95


def test_without_held_out_rows_nothing_is_calibrated():
    features, label, _ = rows(500)
    backend = get_backend("cpu")
    nothing = np.zeros(500, dtype=bool)
    model = backend.fit_boosting(features, label, held_out=nothing, options=FEW)
    assert model.calibration.kind == "none"
    score = model.trees.decision_function(features)
    np.testing.assert_allclose(backend.predict_proba(model, features), 1 / (1 + np.exp(-score)))


def test_more_rows_than_are_fitted_keep_the_rare_class():
    rng = np.random.default_rng(3)
    label = np.zeros(20_000, dtype=bool)
    label[:30] = True
    features = rng.normal(size=(20_000, 2)) + 3 * label[:, None]
    options = BoostingOptions(n_trees=20, max_rows=2000)
    backend = get_backend("cpu")
    held_out = np.zeros(20_000, dtype=bool)
    model = backend.fit_boosting(features, label, held_out=held_out, options=options)
    assert roc_auc_score(label, backend.predict_proba(model, features)) > 0.95


def test_one_class_is_refused_in_words():
    with pytest.raises(ValueError, match="both classes"):
        fitted(np.zeros((10, 2)), np.zeros(10))


def test_an_isolation_forest_finds_what_is_unlike_the_rest(backend):
    rng = np.random.default_rng(4)
    sample = rng.normal(size=(400, 3))
    asked = np.vstack([sample[:50], np.full((1, 3), 9.0)])
    scores = backend.to_host(backend.isolation(backend.asarray(sample), backend.asarray(asked), 0))
    assert scores.argmax() == 50
    assert 0 < scores.min() < scores.max() < 1


def test_hdbscan_finds_two_shapes_and_leaves_noise_out(backend):
    rng = np.random.default_rng(5)
    angle = rng.uniform(0, np.pi, 200)
    moon = np.column_stack([np.cos(angle), np.sin(angle)])
    other = np.column_stack([1 - np.cos(angle), 0.3 - np.sin(angle)])
    moon, other = (shape + rng.normal(0, 0.03, (200, 2)) for shape in (moon, other))
    far = np.array([[9.0, 9.0], [-9.0, 9.0]])
    features = np.vstack([moon, other, far])
    label = backend.to_host(backend.hdbscan(backend.asarray(features), 20, 5))
    assert set(label[-2:]) == {-1}
    assert len(set(label[:200]) - {-1}) == 1
    assert len(set(label[200:400]) - {-1}) == 1
    assert label[0] != label[200]


def test_a_feature_that_nobody_has_changes_nothing():
    features, label, _ = rows(1200)
    without = np.column_stack([features, np.full(len(label), np.nan)])
    one, other = fitted(features, label), fitted(without, label)
    left, right = (
        get_backend("cpu").predict_proba(m, f) for m, f in ((one, features), (other, without))
    )
    np.testing.assert_array_equal(left, right)


def test_weights_of_one_are_no_weights():
    features, label, _ = rows(1200)
    one = fitted(features, label)
    other = fitted(features, label, sample_weight=np.ones(len(label)))
    assert np.array_equal(
        one.trees.decision_function(features), other.trees.decision_function(features)
    )


def test_weighted_rows_are_cut_at_as_many_quantiles_as_there_are_bins():
    features, label, _ = rows(6000)
    snapped = boosting._snapped(features)
    assert np.array_equal(np.isnan(snapped), np.isnan(features))
    for column, cut in zip(features.T, snapped.T, strict=True):
        before, after = column[~np.isnan(column)], cut[~np.isnan(cut)]
        kept = np.unique(after)
        assert kept.size == 255
        assert set(kept) <= set(before)
        nearest = abs(before[:, None] - kept[None, :]).min(axis=1)
        np.testing.assert_allclose(abs(before - after), nearest, atol=1e-12)
    few = np.round(features[:200], 1)
    np.testing.assert_array_equal(boosting._snapped(few), few)
    later, came, true = rows(seed=1)
    weight = np.where(label, 2.0, 3.0)
    p = get_backend("cpu").predict_proba(fitted(features, label, sample_weight=weight), later)
    assert roc_auc_score(came, p) > roc_auc_score(came, true) - 0.02
