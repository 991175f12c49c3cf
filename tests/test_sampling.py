"""Sampling and judging: the same rows for any partition, floors, caps, and metrics by definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfb_gpu.models import evaluation, sampling
from qfb_gpu.models.trees import Trees

KEYS = np.random.default_rng(5).integers(-(2**63), 2**63 - 1, 4000)


def chosen(keys, stratum, cpu, **settings):
    known = {"share": 0.1, "floor": 30, "cap": 150, "seed": 3, **settings}
    return sampling.stratified(keys, stratum, backend=cpu, **known)


def test_places_are_even_and_another_seed_gives_others():
    place = sampling.place(KEYS, 0, np)
    assert ((place >= 0) & (place < 1)).all()
    share = np.histogram(place, 20, (0, 1))[0] / KEYS.size
    assert abs(share - 0.05).max() < 0.02
    assert abs(np.corrcoef(place, sampling.place(KEYS, 1, np))[0, 1]) < 0.05


def test_each_stratum_gets_its_share_within_floor_and_cap(cpu):
    stratum = np.where(np.arange(4000) < 20, 2, np.where(np.arange(4000) < 220, 1, 0))
    stratum[-5:] = -1
    which, weight = chosen(KEYS, stratum, cpu)
    counts = np.bincount(stratum[which], minlength=3)
    # 3775 * 0.1 is over the cap, 200 * 0.1 under the floor, and there are but 20 of the third
    assert counts.tolist() == [150, 30, 20]
    assert not which[-5:].any()
    for at, size in enumerate((3775, 200, 20)):
        assert weight[stratum == at].sum() == pytest.approx(size)


@given(st.integers(0, 99), st.integers(2, 7))
def test_order_and_company_change_nothing(seed, n_parts):
    from qfb_gpu.backend import get_backend

    rng = np.random.default_rng(seed)
    stratum = (KEYS % 3 == 0).astype(int)
    which, _ = chosen(KEYS, stratum, get_backend("cpu"), seed=seed)
    order = rng.permutation(KEYS.size)
    again, _ = chosen(KEYS[order], stratum[order], get_backend("cpu"), seed=seed)
    np.testing.assert_array_equal(again, which[order])
    # sides need no company at all: any partition gives them
    whole = sampling.sides(KEYS, seed, (0.1, 0.2), np)
    parts = [sampling.sides(part, seed, (0.1, 0.2), np) for part in np.array_split(KEYS, n_parts)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_larger_sample_holds_a_smaller_one(cpu):
    stratum = np.zeros(KEYS.size, int)
    small, _ = chosen(KEYS, stratum, cpu, cap=100)
    large, _ = chosen(KEYS, stratum, cpu, cap=400, share=0.2)
    assert (small & ~large).sum() == 0 < small.sum() < large.sum()


def test_no_customer_is_on_both_sides():
    twice = np.concatenate([KEYS, KEYS[::-1]])
    side = sampling.sides(twice, 7, (0.15, 0.2), np)
    np.testing.assert_array_equal(side[: KEYS.size], side[KEYS.size :][::-1])
    share = np.bincount(side) / side.size
    np.testing.assert_allclose(share, [0.65, 0.15, 0.2], atol=0.03)
    for shares in ((0.5, 0.5), (-0.1, 0.2), (0.2, -0.1)):
        with pytest.raises(ValueError, match="sum to < 1"):
            sampling.sides(KEYS, 0, shares, np)


def test_samples_that_cannot_be_are_refused(cpu):
    stratum = np.zeros(KEYS.size, int)
    for asked in ({"floor": 151}, {"floor": -1}, {"share": -0.1}):
        with pytest.raises(ValueError, match="expected 0 <= floor <= cap and share >= 0"):
            chosen(KEYS, stratum, cpu, **asked)
    which, weight = chosen(KEYS, stratum, cpu, floor=150, share=0.0)
    assert which.sum() == 150
    assert weight.sum() == pytest.approx(KEYS.size)


def test_labels_of_training_are_known_before_the_tested_day():
    train, test, in_time = sampling.cutoffs(730, 90, step_days=45, least_days=90, most=4)
    assert (train, test, in_time) == ([180, 225, 270, 315], 90, True)
    assert min(train) - 90 >= test  # the youngest label ends where testing begins
    assert sampling.cutoffs(200, 90, step_days=45, least_days=90, most=4) == ([90], 90, False)
    assert sampling.cutoffs(100, 90, step_days=45, least_days=90, most=4) == ([], 90, False)


def test_metrics_are_what_sklearn_and_a_loop_say():
    from sklearn import metrics

    rng = np.random.default_rng(1)
    label = rng.random(500) < 0.2
    score = np.round(rng.random(500) * 0.5 + 0.3 * label, 2)  # many ties
    assert evaluation.auc(label, score) == pytest.approx(metrics.roc_auc_score(label, score))
    assert evaluation.brier(label, score) == pytest.approx(metrics.brier_score_loss(label, score))
    distinct = np.arange(500) / 500 + label
    top = np.argsort(-distinct)[:50]
    assert evaluation.lift(label, distinct) == pytest.approx(label[top].mean() / label.mean())
    assert evaluation.lift(label, np.zeros(500)) == pytest.approx(1)  # all tie: no order is chosen
    table = evaluation.reliability(label, score)
    assert table["n_rows"].sum() == 500
    assert (table["share"] * table["n_rows"]).sum() == pytest.approx(label.sum())
    assert ((table["share_low"] <= table["share"]) | (table["share"] == 0)).all()
    assert np.isnan(evaluation.auc(np.zeros(4), np.arange(4)))


def test_the_gate_lets_pass_what_is_surely_better_and_nothing_else():
    rng = np.random.default_rng(2)
    label = rng.random(800) < 0.3
    good, poor = label + rng.normal(0, 1, 800), label + rng.normal(0, 3, 800)

    def judged(ours, theirs, **settings):
        known = {"margin": 0.005, "seed": 0, "names": ("AUC", "ours", "theirs"), **settings}
        return evaluation.gate(
            lambda rows: evaluation.auc(label[rows], ours[rows]),
            lambda rows: evaluation.auc(label[rows], theirs[rows]),
            np.arange(800), **known,
        )  # fmt: skip

    verdict = judged(good, poor)
    assert verdict.passed
    assert verdict.low < verdict.gain < verdict.high
    assert not judged(poor, good).passed
    assert not judged(good, good).passed
    assert not judged(good, good + 1e-12 * rng.random(800)).passed
    assert not judged(good, poor, margin=verdict.gain + 0.01).passed
    few = np.arange(800)[:40]
    unsure = evaluation.gate(
        lambda _rows: 0.52, lambda rows: 0.5 + 0.1 * (rows.mean() - few.mean()) / few.mean(), few,
        margin=0.01, seed=0, names=("AUC", "ours", "theirs"), asks_surely=False,
    )  # fmt: skip
    assert unsure.passed
    assert not evaluation.gate(
        lambda _rows: 1.0, lambda _rows: float("nan"), np.arange(3), margin=0, seed=0,
        names=("AUC", "ours", "theirs"),
    ).passed  # fmt: skip


def test_a_contest_keeps_the_baseline_the_champion_or_the_pinned():
    fixed = {"rule": lambda _r: 0.5, "challenger": lambda _r: 0.7}
    rows = np.arange(50)

    def used(metric_of, *, is_pinned=False, n_events=20):
        rules = evaluation.Rules("AUC", ("rule",), 0.01, 20, is_pinned=is_pinned, seed=0)
        return evaluation.contest(metric_of, rows, n_events, rules).used

    assert used(fixed) == "challenger"
    assert used({"rule": lambda _r: 0.5}) == "rule"
    assert used(fixed, n_events=19) == "rule"  # so few decide nothing
    better = {**fixed, "champion": lambda _r: 0.8}
    assert used(better) == "champion"
    assert used({**fixed, "champion": lambda _r: 0.695}) == "champion"  # not by the margin
    worse = {**fixed, "champion": lambda _r: 0.6}
    assert used(worse) == "challenger"
    assert used(worse, is_pinned=True) == "champion"


def test_a_contest_has_several_baselines_and_the_best_counts():
    rows = np.arange(50)

    def used(metric_of, *, is_pinned=False):
        rules = evaluation.Rules("AUC", ("rule", "other"), 0.01, 20, is_pinned=is_pinned, seed=0)
        return evaluation.contest(metric_of, rows, 20, rules).used

    rules = {"rule": lambda _r: 0.5, "other": lambda _r: 0.6}
    assert used(rules) == "other"
    assert used({**rules, "challenger": lambda _r: 0.59}) == "other"
    assert used({**rules, "challenger": lambda _r: 0.601}) == "challenger"  # no margin over a rule
    assert used({"rule": lambda _r: 0.5, "other": lambda _r: float("nan")}) == "rule"
    fallen = {**rules, "champion": lambda _r: 0.55}
    assert used(fallen) == "other"  # a champion that a rule surely beats
    assert used(fallen, is_pinned=True) == "champion"
    assert used({**rules, "champion": lambda _r: 0.595}) == "champion"  # not by the margin
    assert used({**fallen, "challenger": lambda _r: 0.65}) == "challenger"


def test_trees_as_arrays_are_the_fitted_model(backend):
    rng = np.random.default_rng(3)
    values = rng.normal(size=(900, 4))
    values[rng.random(values.shape) < 0.1] = np.nan
    label = np.nan_to_num(values[:, 0]) + 0.5 * rng.normal(size=900) > 0.8
    held_out = np.arange(900) % 3 == 0
    model = backend.fit_boosting(
        backend.asarray(values), backend.asarray(label), held_out=backend.asarray(held_out), seed=1
    )
    trees = Trees.from_bytes(Trees.of(model).to_bytes())
    xp, on_device = backend.xp, backend.asarray(values)
    np.testing.assert_allclose(
        backend.to_host(trees.predict(on_device, xp)),
        backend.to_host(backend.predict_proba(model, on_device)), rtol=1e-9,
    )  # fmt: skip
    base, added = backend.contributions(model, on_device)
    ours = backend.to_host(trees.contributions(on_device, xp))
    np.testing.assert_allclose(ours, backend.to_host(added), atol=1e-9)
    whole = base + ours.sum(axis=1)
    np.testing.assert_allclose(whole, backend.to_host(trees.log_odds(on_device, xp)), atol=1e-9)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.15, 0.2, 0.3, 0.34, 0.45])
def test_everyone_tests_in_so_many_turns(share):
    keys = np.random.default_rng(3).integers(-(2**62), 2**62, 5_000)
    turns = [
        sampling.sides(keys, 1, (0.15, share), np, turn * share) == sampling.TEST
        for turn in range(sampling.n_turns(share))
    ]
    assert np.any(turns, axis=0).all()
    assert not np.any(turns[:-1], axis=0).all()
