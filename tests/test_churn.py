"""Churn: features against a loop, nothing later is seen, and customers who fade are found."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from ledger_cases import AS_OF, CNY, build_ledger, on

from qfb_gpu.config import build_config
from qfb_gpu.currencies import currency_code
from qfb_gpu.lake.work import Workspace
from qfb_gpu.ledger import NULL_DAY, Labelled, SourceRows
from qfb_gpu.models import activity, churn, cutoff_spread, evaluation, registry, sampling, yardstick
from qfb_gpu.models.candidate import offered
from qfb_gpu.models.churn_words import reasons
from qfb_gpu.models.remembered import Version
from qfb_gpu.parts import churn as part
from qfb_gpu.parts.model_rows import Judged, evaluation_rows
from qfb_gpu.parts.part import WHOLE, Saved

NO_PRODUCTS = tuple(np.empty(0, np.int32) for _ in range(3))
N_CUSTOMERS = 400


def random_payments(n_customers, seed):
    """Return payments of relations that are clocks, that are random, and that fall silent."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(n_customers):
        for partner in range(1, 5):
            end = AS_OF - int(rng.choice([0, 0, 100, 200]))
            begin = end - int(rng.integers(60, 700))
            if rng.random() < 0.5:
                days = range(begin, end + 1, int(rng.integers(5, 40)))
            else:
                days = np.unique(rng.integers(begin, end + 1, rng.integers(1, 40))).tolist()
            rows += [(customer, partner, partner % 2, CNY, day, 100) for day in days]
    return rows


def tallied(payments, backend, acts=None, products=NO_PRODUCTS, as_of=AS_OF):
    ledger = on(build_ledger(payments), backend)
    acts = {k: tuple(map(backend.asarray, act)) for k, act in (acts or {}).items()}
    products = tuple(map(backend.asarray, products))
    return activity.tally(ledger, acts, products, as_of, backend)


def naive_features(payments, customer, cut):
    """Return some features of one customer by loops over its payments up to the cut-off."""
    by_relation = {}
    for _, partner, direction, currency, day, _ in sorted(p for p in payments if p[0] == customer):
        by_relation.setdefault((partner, direction, currency), []).append(day)
    days = {"trade": [], "standing": []}
    silent = alive = ended = standing = 0
    last_days = []
    for own in by_relation.values():
        own = [day for day in own if day <= cut]  # noqa: PLW2901
        regular = []
        for at, day in enumerate(own):
            is_regular = False
            if at >= 2:
                gap, before = day - own[at - 1], own[at - 1] - own[at - 2]
                near = abs(gap - before) <= max(3, 0.2 * max(gap, before))
                is_regular = near and min(gap, before) >= 5
            regular.append(is_regular)
            days["standing" if is_regular else "trade"].append(day)
        if own:
            last_days.append(own[-1])
        if len(own) >= 4:
            gap, quiet = (own[-1] - own[0]) / (len(own) - 1), cut - own[-1]
            is_silent = quiet > max(3 * gap, 20)
            silent += is_silent and quiet <= 270
            alive += not is_silent
            if regular[-1] and quiet <= 270:
                standing += 1
                ended += quiet > 1.6 * gap + 10
    first = min(p[4] for p in payments if p[0] == customer)
    tenure = max(cut - first, 1)
    found = {
        "relations_silent_share": silent / (silent + alive + 1),
        "relations_standing_ended_share": ended / (standing + 1),
        "payments_days_since": min(cut - max(last_days), 720) if last_days else 720,
        "tenure_days": min(tenure, 720),
    }
    year = [cut - day for own in days.values() for day in own if cut - day < 360]
    seen_days = min(tenure, 360)
    found |= {
        "payments_gaps_since": found["payments_days_since"] * (len(year) + 1) / 360,
        "level_payments": math.log((len(year) + 0.5) / (seen_days + 30) * 90),
        "level_steadiness": len({age // 15 for age in year}) / (seen_days // 15 + 1),
    }
    for kind, own in days.items():
        ages = [cut - day for day in own]
        rate = sum(90 <= a < 360 for a in ages) / min(max(tenure - 90, 15), 270)
        before = sum(180 <= a < 360 for a in ages) / min(max(tenure - 180, 15), 180) * 180
        change = math.log((sum(a < 180 for a in ages) + 1) / (before + 1))
        found[f"{kind}_drop_180"] = change if tenure > 195 else math.nan
        for window in (30, 60, 90):
            seen = sum(a < window for a in ages)
            found[f"{kind}_drop_{window}"] = math.log((seen + 1) / (rate * window + 1))
        found[f"{kind}_surprise_60"] = (sum(a < 60 for a in ages) - rate * 60) / math.sqrt(
            rate * 60 + 1
        )
    return found


@pytest.mark.parametrize("back", [0, 90, 225])
def test_features_are_those_of_a_loop(backend, back):
    payments = random_payments(25, 4)
    tallies = tallied(payments, backend)
    found = activity.features_at(tallies, [225, back], backend)
    for customer in range(25):
        for name, value in naive_features(payments, customer, AS_OF - back).items():
            got = float(found[name][1, customer])
            assert got == pytest.approx(value, abs=1e-9, nan_ok=True), (customer, name)


def test_what_comes_after_a_cut_off_changes_no_feature_of_it(backend):
    payments = random_payments(30, 7)
    acts = {"claims": (np.arange(30, dtype=np.int32), AS_OF - 6 * np.arange(30, dtype=np.int32))}
    opened = AS_OF - np.arange(30, dtype=np.int32) * 9
    closed = np.where(opened % 2, opened + 80, NULL_DAY).astype(np.int32)
    products = (np.arange(30, dtype=np.int32), opened, closed)
    back, cut = 90, AS_OF - 90
    kept = [p for p in payments if p[4] <= cut]
    there = sorted({p[0] for p in kept})
    kept = [(there.index(p[0]), *p[1:]) for p in kept]
    seen = {"claims": tuple(values[(acts["claims"][1] <= cut)] for values in acts["claims"])}
    place = {customer: at for at, customer in enumerate(there)}
    seen = {
        k: (np.array([place.get(c, -1) for c in v[0].tolist()], np.int32), v[1])
        for k, v in seen.items()
    }
    early = opened <= cut
    owner = np.array([place.get(c, -1) for c in range(30)], np.int32)[early]
    then = (
        owner,
        opened[early],
        np.where(closed[early] <= cut, closed[early], NULL_DAY).astype(np.int32),
    )
    whole = activity.features_at(tallied(payments, backend, acts, products), [back], backend)
    cut_off = activity.features_at(tallied(kept, backend, seen, then, as_of=cut), [0], backend)
    assert set(whole) == set(cut_off)
    for name, values in whole.items():
        np.testing.assert_array_equal(
            backend.to_host(values)[0, there], backend.to_host(cut_off[name])[0], err_msg=name
        )


def test_who_churned_by_both_definitions():
    outcome = {
        "expected": np.array([10.0, 10.0, 10.0, 3.0, 40.0, 40.0]),
        "came": np.array([0, 4, 1, 0, 30, 20]),
        "tenure_days": np.array([400, 400, 20, 400, 400, 400]),
        "n_before": np.array([40, 40, 10, 12, 160, 160]),
    }
    # 4 of 10 is less than two deviations; a new customer and one of 3 expected cannot be told;
    # 30 of 40 is over the share of 0.7, 20 of 40 under it and 3 deviations away
    assert churn.label(outcome, "fall", 0.7).tolist() == [1, 0, -1, -1, 0, 1]
    assert churn.label(outcome, "inactive", 0.7).tolist() == [1, 0, 0, 1, 0, 0]
    assert churn.define([outcome]) == "inactive"
    busy = {**outcome, "came": np.array([9, 9, 9, 9, 9, 9])}
    assert churn.define([busy]) == "fall"


@pytest.fixture(scope="module")
def fading():
    """Customers of whom a third fades away at some time, while a clock goes on paying."""
    rng = np.random.default_rng(11)
    leaves = np.full(N_CUSTOMERS, AS_OF + 10_000)
    going = rng.random(N_CUSTOMERS) < 0.35
    leaves[going] = AS_OF + rng.integers(-350, 180, going.sum())
    rows = []
    for customer in range(N_CUSTOMERS):
        days = AS_OF - rng.integers(0, 730, rng.integers(80, 200))
        fade = np.clip(1 - (leaves[customer] - days) / 200, 0, 0.97)
        days = np.unique(days[rng.random(days.size) >= fade])
        rows += [(customer, 1 + day % 5, day % 2, CNY, day, 100) for day in days.tolist()]
        rows += [(customer, 9, 0, CNY, day, 100) for day in range(AS_OF - 729, AS_OF + 1, 28)]
    return rows, leaves


def given_of(payments, config, cpu):
    def empty(name, *days, **others):
        columns = {day: np.empty(0, np.int32) for day in days} | others
        keys = {key: np.empty(0, np.int64) for key in ("session_key", "event_key")}
        return SourceRows(name, columns, keys, None, np.empty(0, np.int32))

    step = Labelled(np.empty(0, np.int32), ())
    sources = {
        "claims": empty("claims", "submitted_date", "date"),
        "events": empty("events", "date", step=step),
        "orders": empty("orders", "order_date"),
        "touches": empty("touches", "date", responded=np.empty(0, np.int8)),
        "products": empty("products", "opened_date", "closed_date"),
    }
    return SimpleNamespace(
        ledger=build_ledger(payments), sources=sources, as_of_day=AS_OF, backend=cpu, config=config
    )


@pytest.fixture(scope="module")
def night(fading, tmp_path_factory):
    """The part's steps on the fading customers, in three buckets."""
    from qfb_gpu.backend import get_backend

    cpu, folder = get_backend("cpu"), tmp_path_factory.mktemp("churn")
    raw = {"as_of": "2025-01-01", "sources": {"transactions": {"path": "none"}}, "device": "cpu"}
    config = build_config(raw, base=folder, where="test")
    work = Workspace(folder / ".work" / "night")
    payments = np.array(fading[0])
    for bucket, own in enumerate(np.array_split(np.arange(N_CUSTOMERS), 3)):
        rows = payments[np.isin(payments[:, 0], own)]
        rows[:, 0] -= own[0]
        given = given_of([tuple(row) for row in rows.tolist()], config, cpu)
        keys = own.astype(np.int64) + 1
        given.ledger = replace(given.ledger, customer_key=keys)
        for name, columns in part.CHURN.score(given).items():
            work.save("score", bucket, f"churn.{name}", columns, cpu)
    saved = Saved("churn", work, (0, 1, 2), AS_OF, config, "cpu", folder / "lake")
    fitted = part.CHURN.fit(saved)
    for name, columns in fitted.items():
        work.save("fit", WHOLE, f"churn.{name}", columns, cpu)
    published = [part.CHURN.publish(saved, bucket)["customer_profiles"] for bucket in range(3)]
    return saved, fitted, published


@pytest.fixture(scope="module")
def buyers():
    """Customers as BG/NBD has them: at random at rates of their own, until they leave for good."""
    rng = np.random.default_rng(21)
    rows, comes = [], []
    for customer in range(500):
        rate, leaves = rng.gamma(0.9, 1 / 70), rng.beta(0.6, 3.0)
        day, own = float(rng.integers(0, 250)), []
        while day <= 500 + 90:
            own.append(int(day))
            if rng.random() < leaves:
                break
            day += rng.exponential(1 / rate)
        seen = [one for one in own if one <= 500]
        rows += [(customer, 1, 1, CNY, AS_OF - 500 + one, 1 + customer % 50) for one in seen]
        comes.append(any(one > 500 for one in own))
    return rows, np.array(comes)


def night_of(rows, folder):
    """Return the fit's sets and the profile of customers in one bucket."""
    from qfb_gpu.backend import get_backend

    cpu = get_backend("cpu")
    raw = {"as_of": "2025-01-01", "sources": {"transactions": {"path": "none"}}, "device": "cpu"}
    config = build_config(raw, base=folder, where="test")
    work = Workspace(folder / ".work" / "night")
    for name, columns in part.CHURN.score(given_of(rows, config, cpu)).items():
        work.save("score", 0, f"churn.{name}", columns, cpu)
    saved = Saved("churn", work, (0,), AS_OF, config, "cpu", folder / "lake")
    fitted = part.CHURN.fit(saved)
    for name, columns in fitted.items():
        work.save("fit", WHOLE, f"churn.{name}", columns, cpu)
    return saved, fitted, part.CHURN.publish(saved, 0)["customer_profiles"]


def test_of_buyers_it_is_no_worse_than_the_rule_that_made_them(buyers, tmp_path):
    rows, comes = buyers
    saved, fitted, profile = night_of(rows, tmp_path)
    names = set(fitted["evaluations"]["candidate"].to_pylist())
    assert names >= {"recency rule", "RFM quartiles", "BG/NBD", "challenger", "earlier days only"}
    assert "inactive" in fitted["evaluations"]["note"].to_pylist()[0]
    now = saved.scored("now", 0)
    lately = now["n_before"] > 0
    probability = profile["churn_probability"][lately]
    goes = ~comes[lately]
    truth = yardstick.Yardstick.from_text(fitted["yardstick"]["text"].to_pylist()[0])
    made = yardstick.measured(truth, now, 90)["level_silent"][lately]
    assert evaluation.auc(goes, probability) > evaluation.auc(goes, made) - 0.02
    recency = now["payments_days_since"][lately]
    assert evaluation.auc(goes, probability) > evaluation.auc(goes, recency) + 0.02
    assert evaluation.calibration_error(goes, probability) < 0.1


@pytest.mark.parametrize("used", ["challenger", "RFM quartiles"])
def test_money_of_a_currency_of_few_changes_nobodys_score(buyers, used, tmp_path, monkeypatch):
    """Twenty pay in yen; in units a hundred times as small the same is said of everybody."""
    monkeypatch.setattr(evaluation, "contest", lambda *_: evaluation.Contest(used, "so it is"))
    yen, said = currency_code("JPY"), []
    for per_unit in (1, 100):
        rows = [
            (who, 1, 1, yen, day, amount * per_unit) if who % 25 == 0 else (who, *rest, day, amount)
            for who, *rest, day, amount in buyers[0]
        ]
        profile = night_of(rows, tmp_path / str(per_unit))[2]
        said.append([np.asarray(profile[f"churn_probability{end}"]) for end in ("", "_low")])
    assert np.isfinite(said[0][0]).all()
    np.testing.assert_array_equal(said[0], said[1])


def test_a_rule_that_ranks_better_serves_and_says_so(buyers, tmp_path, monkeypatch):
    monkeypatch.setattr(
        evaluation, "contest", lambda *_: evaluation.Contest("BG/NBD", "the rule it is")
    )
    saved, fitted, profile = night_of(buyers[0], tmp_path)
    rows = fitted["evaluations"]
    used = {c for c, u in zip(rows["candidate"].to_pylist(), rows["is_used"], strict=True) if u}
    assert used == {"BG/NBD"}
    assert "the rule it is" in rows["note"].to_pylist()[0]
    now = saved.scored("now", 0)
    stick = yardstick.Yardstick.from_text(fitted["yardstick"]["text"].to_pylist()[0])
    silent = yardstick.measured(stick, now, 90)["level_silent"]
    order = np.argsort(silent)
    assert (np.diff(profile["churn_probability"][order]) >= 0).all()
    assert np.isfinite(profile["churn_probability"]).all()
    [candidate] = offered(saved.workspace.root)
    assert not candidate.is_champion
    reasons_en = [words for words in profile["churn_reasons_en"].to_pylist() if words]
    assert any("its rhythm lets expect no payment with" in words for words in reasons_en)


def joined(published, name):
    return np.concatenate([np.asarray(one[name]) for one in published])


def test_customers_who_fade_are_found_with_reasons(night, fading):
    published = night[2]
    goes = (fading[1] > AS_OF) & (fading[1] <= AS_OF + 60)
    stays = fading[1] > AS_OF + 5_000
    known = goes | stays
    probability = joined(published, "churn_probability")
    found = evaluation.auc(goes[known], probability[known])
    rule = evaluation.auc(goes[known], joined(published, "churn_rule_gaps_since")[known])
    assert found > 0.85
    assert found > rule + 0.03, (found, rule)
    low, high = (joined(published, f"churn_probability_{end}") for end in ("low", "high"))
    assert ((low <= probability) & (probability <= high)).all()
    level = np.concatenate([one["churn_level"].codes for one in published])
    assert goes[level == 2].mean() > 2 * goes.mean()
    english = pa.chunked_array([one["churn_reasons_en"] for one in published]).to_pylist()
    assert all((words is None) or level[at] > 0 for at, words in enumerate(english))
    surest = int(np.argmax(probability))
    assert "below its own usual" in english[surest] or "silent" in english[surest]


def test_the_gate_and_what_is_offered_to_the_registry(night):
    saved, fitted, _ = night
    rows = fitted["evaluations"]
    assert set(rows["candidate"].to_pylist()) == {
        "challenger", "earlier days only", "recency rule", "fewer trade payments",
    }  # fmt: skip
    used = [c for c, u in zip(rows["candidate"].to_pylist(), rows["is_used"], strict=True) if u]
    assert set(used) == {"challenger"}
    assert "passes" in rows["note"].to_pylist()[0]
    [candidate] = offered(saved.workspace.root)
    assert candidate.is_champion
    assert candidate.metrics["backtest_auc"] > candidate.metrics["recency_rule_auc"]
    loaded = churn.ChurnModel.from_files(candidate.files)
    again = loaded.predict(loaded.matrix(candidate.example, np))
    np.testing.assert_array_equal(again, candidate.predicted["churn_probability"])
    assert "flagged" not in candidate.card
    assert "**Compare** `backtest_` with the rules" in candidate.card  # the AUC is of other rows
    assert "region" in candidate.card


@pytest.mark.parametrize(
    ("params", "is_pinned", "is_judged"),
    [
        ({}, False, True),
        ({"seed": "0", "test_share": "0.2"}, False, True),
        ({"seed": "0", "test_share": "0.3"}, False, True),
        ({"seed": "0", "test_share": "0.1"}, False, False),
        ({"seed": "7", "test_share": "0.2"}, False, False),
        ({"seed": "7", "test_share": "0.2"}, True, True),
    ],
)
def test_a_champion_that_learnt_from_who_tests_tonight_is_not_judged(
    night, tmp_path, monkeypatch, params, is_pinned, is_judged
):
    saved = night[0]
    [candidate] = offered(saved.workspace.root)
    for name, content in candidate.files.items():
        (tmp_path / name).write_bytes(content)
    version = Version(
        "churn", 4, ("champion",), {}, {}, params, tmp_path, "id", is_pinned=is_pinned
    )
    monkeypatch.setattr(registry, "champion", lambda *_: version)
    model = churn.ChurnModel.from_files(candidate.files)
    question = (model.definition, model.horizon_days, model.fall_share)
    found = part._champion(saved, model, question, model.names)
    assert (found is not None) == is_judged


@pytest.mark.parametrize("share", [0.2, 0.34])
def test_every_customer_tests_once_in_its_turn(share, monkeypatch):
    rng = np.random.default_rng(4)
    rows = {"key": rng.integers(-(2**62), 2**62, 900), "back": np.repeat([90, 180, 225], 300),
            "x": rng.random(900)}  # fmt: skip
    known = part._Known(rows, (rng.random(900) < 0.5).astype(np.int8), np.zeros(900), None)
    asked = SimpleNamespace(seed=0, calibrate_share=0.15, test_share=share)
    saved = SimpleNamespace(config=SimpleNamespace(models=SimpleNamespace(churn=asked)))
    model = SimpleNamespace(matrix=lambda own, _: own["x"], predict=lambda values, _: values)
    monkeypatch.setattr(part, "_learn", lambda *_, **__: model)
    apart = part._apart(saved, known, ([180, 225], 90), 10, {"a rule": ("x",)})
    assert sorted(apart.rows["key"].tolist()) == sorted(rows["key"][:300].tolist())
    np.testing.assert_array_equal(apart.score, apart.rows["x"])
    np.testing.assert_array_equal(apart.rules["a rule"], apart.rows["x"])


def test_no_customer_calibrates_the_rule_that_is_judged_by_it(buyers, tmp_path, monkeypatch):
    """A rule's Brier score is of probabilities that strangers to the tested customers taught."""
    learnt, learn = [], part._learn

    def remembered(saved, known, backs, reads=(), side=None):
        model = learn(saved, known, backs, reads, side)
        tested = known.side if side is None else side
        learnt.append((reads, side is not None, set(known.rows["key"][tested == sampling.TEST])))
        return model

    monkeypatch.setattr(part, "_learn", remembered)
    _, fitted, _ = night_of(buyers[0], tmp_path)
    of_rule = [keys for reads, is_apart, keys in learnt if is_apart and reads == ("level_silent",)]
    assert len(of_rule) == sampling.n_turns(0.2)
    assert not set.intersection(*of_rule)  # each turn holds out other customers
    rows = fitted["evaluations"]
    head = zip(rows["candidate"].to_pylist(), rows["metric"].to_pylist(), strict=True)
    found = dict(zip(head, rows["value"].tolist(), strict=True))
    assert {"auc", "brier", "calibration_error"} <= {m for c, m in found if c == "BG/NBD"}


def test_probabilities_that_do_not_rank_are_judged_apart():
    rng = np.random.default_rng(3)
    score, true = rng.random(400), rng.random(400) < 0.3
    said = np.where(np.arange(400) % 2, 0.9 * score, score)
    rows = evaluation_rows("churn", [Judged("rule", true, score, is_used=False, said=said)], "", 0)
    found = dict(zip(rows["metric"].to_pylist(), rows["value"], strict=True))
    assert found["auc"] == evaluation.auc(true, score)
    assert found["brier"] == evaluation.brier(true, said)
    assert found["calibration_error"] == evaluation.calibration_error(true, said)


def test_mlflow_can_load_its_files(night, tmp_path):
    [candidate] = offered(night[0].workspace.root)
    for name, content in candidate.files.items():
        (tmp_path / name).write_bytes(content)
    served = churn._load_pyfunc(str(tmp_path)).predict(candidate.example)
    np.testing.assert_array_equal(served, candidate.predicted)


def test_a_feature_that_is_null_for_all_is_left_out(cpu):
    rng = np.random.default_rng(0)
    key = np.arange(900)
    features = {"good": rng.normal(size=900), "null": np.full(900, np.nan)}
    churned = (features["good"] > 1).astype(np.int8)
    side = np.where(key % 4, sampling.FIT, sampling.CALIBRATE)
    rows = churn.Rows(features, key, churned, side)
    model = churn.fit(rows, ("fall", 90, 0.7), seed=0, most_rows=10_000, backend=cpu)
    assert model.names == ("good",)


def test_the_order_of_features_changes_no_bit_of_a_model(cpu):
    rng = np.random.default_rng(1)
    key = np.arange(900)
    features = {name: rng.normal(size=900) for name in ("b", "c", "a")}
    churned = (features["b"] + features["a"] > 1).astype(np.int8)
    side = np.where(key % 4, sampling.FIT, sampling.CALIBRATE)
    models = [
        churn.fit(churn.Rows(one, key, churned, side), ("fall", 90, 0.7),
                  seed=0, most_rows=10_000, backend=cpu)
        for one in (features, dict(sorted(features.items())))
    ]  # fmt: skip
    assert models[0].names == ("a", "b", "c")
    assert models[0].to_files() == models[1].to_files()
    assert models[0].same_question(models[1])
    about = json.loads(models[0].to_files()["churn.json"])
    assert about.pop("days_apart") == 0  # as in versions kept before it was known
    older = {**models[0].to_files(), "churn.json": json.dumps(about).encode()}
    assert churn.ChurnModel.from_files(older).days_apart == 0
    for other in ({"names": ("a", "b")}, {"definition": "silence"}, {"horizon_days": 91},
                  {"fall_share": 0.6}):  # fmt: skip
        assert not models[0].same_question(replace(models[1], **other))


def test_little_data_is_moved_to_the_base_rate_and_says_so(night, cpu):
    saved = night[0]
    [candidate] = offered(saved.workspace.root)
    model = churn.ChurnModel.from_files(candidate.files)
    now = saved.scored("now", 0)
    often = churn.score(model, now, np.full(now["n_before"].size, 500), cpu)
    once = churn.score(model, now, np.full(now["n_before"].size, 1), cpu)
    away = abs(often["probability"] - model.base_rate)
    assert (abs(once["probability"] - model.base_rate) <= away + 1e-12).all()
    width = [np.median(one["high"] - one["low"]) for one in (once, often)]
    assert width[0] > 2 * width[1]


def test_too_few_to_learn_from_is_said_and_scores_are_null(cpu, tmp_path):
    raw = {"as_of": "2025-01-01", "sources": {"transactions": {"path": "none"}}, "device": "cpu"}
    config = build_config(raw, base=tmp_path, where="test")
    work = Workspace(tmp_path / ".work" / "night")
    given = given_of(random_payments(12, 1), config, cpu)
    for name, columns in part.CHURN.score(given).items():
        work.save("score", 0, f"churn.{name}", columns, cpu)
    saved = Saved("churn", work, (0,), AS_OF, config, "cpu", tmp_path / "lake")
    fitted = part.CHURN.fit(saved)
    for name, columns in fitted.items():
        work.save("fit", WHOLE, f"churn.{name}", columns, cpu)
    assert "nobody fitted" in fitted["evaluations"]["note"].to_pylist()[0]
    profile = part.CHURN.publish(saved, 0)["customer_profiles"]
    assert np.isnan(profile["churn_probability"]).all()
    assert set(profile["churn_level"].codes) == {churn.RISKS.index("unknown")}
    assert offered(work.root) == []


def served_by(candidate, folder, **changes):
    """Return a champion of the files of a candidate, as the registry has it."""
    for name, content in {**candidate.files, **changes}.items():
        (folder / name).write_bytes(content)
    params = {name: str(value) for name, value in candidate.params.items()}
    return Version("churn", 4, ("champion",), {}, {}, params, folder, "id")


@pytest.mark.parametrize("n_customers", [3, 20])
def test_where_nobody_learns_tonight_the_champion_serves(
    buyers, tmp_path, monkeypatch, n_customers
):
    """Of few customers no rule is learnt either, which was once the end of the night."""
    saved, _, _ = night_of(buyers[0], tmp_path / "before")
    [candidate] = offered(saved.workspace.root)
    monkeypatch.setattr(registry, "champion", lambda *_: served_by(candidate, tmp_path))
    few = [row for row in buyers[0] if row[0] < n_customers]
    saved, fitted, profile = night_of(few, tmp_path / "now")
    rows = fitted["evaluations"]
    assert set(rows["candidate"].to_pylist()) == {"champion"}
    assert rows["is_used"].all()
    assert set(rows["version"]) == {4}
    note = rows["note"].to_pylist()[0]
    assert "cannot decide, 5 are needed" in note
    assert "earlier days only" not in note  # nobody was tried so
    assert offered(saved.workspace.root) == []
    model, now = churn.ChurnModel.from_files(candidate.files), saved.scored("now", 0)
    known = yardstick.Yardstick.from_text(fitted["yardstick"]["text"].to_pylist()[0])
    now |= yardstick.measured(known, now, 90)
    np.testing.assert_array_equal(
        profile["churn_probability"], model.predict(model.matrix(now, np))
    )


def test_a_champion_whose_features_are_not_there_tonight_does_not_serve(
    buyers, tmp_path, monkeypatch
):
    saved, _, _ = night_of(buyers[0], tmp_path / "before")
    [candidate] = offered(saved.workspace.root)
    about = json.loads(candidate.files["churn.json"])
    about["names"][0] = "claims_drop_30"  # its source was taken away
    version = served_by(candidate, tmp_path, **{"churn.json": json.dumps(about).encode()})
    monkeypatch.setattr(registry, "champion", lambda *_: version)
    few = [row for row in buyers[0] if row[0] < 20]
    _, fitted, profile = night_of(few, tmp_path / "now")
    assert fitted["evaluations"]["candidate"].to_pylist() == ["none"]
    assert np.isnan(profile["churn_probability"]).all()


def test_one_day_is_a_day_and_silence_is_said_in_one_way():
    values = {"level_active_days": np.log1p([1.0]), "payments_quiet": np.log1p([1.0]),
              "payments_days_since": np.array([1.0])}  # fmt: skip
    english, _ = zip(
        *(reasons((name,), values, np.ones((1, 1)), np.array([0])) for name in values), strict=True
    )
    assert [one[0] for one in english] == [
        "paid on 1 day of a year", "no payment for 1 day", "no payment for 1 day",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "english", "chinese"),
    [
        ("level_payments", np.log(4.2), "4.2 payments in 90 days on average", "平均每90天收付4.2笔"),
        ("level_money", np.log(0.3), "its year's money is 0.3 times the usual", "年收付额为常人0.3倍"),
        ("level_silent", np.log(4), "its rhythm lets expect no payment with 80% (BG/NBD)",
         "按其节奏无收付的概率为80%（BG/NBD）"),
        ("level_active_days", np.log(31), "paid on 30 days of a year", "一年内有30天收付"),
        ("payments_quiet", np.log(13), "no payment for 12 days", "已12天无收付"),
        ("level_steadiness", 0.25, "paid in 25% of its half-months", "25%的半月有收付"),
        ("relations_silent_share", 0.4, "40% of its trading relations fell silent",
         "40%的往来关系已沉默"),
        ("relations_standing_ended_share", 0.5, "50% of its standing payments ended",
         "50%的规律收付已停止"),
        ("rfm", 3.0, "low in recency, frequency and money", "近度、频度与金额偏低"),
        ("payments_gaps_since", 3.25, "silent for 3.2 of its usual gaps", "沉默已达平常间隔的3.2倍"),
        ("products_held", 1.0, "holds 1 product", "持有产品1个"),
        ("products_closed_60", 2.0, "closed 2 products in 60 days", "近60天关闭产品2个"),
        ("products_closed_120", 3.0, "closed 3 products in 120 days", "近120天关闭产品3个"),
        ("tenure_days", 90.0, "first seen 90 days ago", "首次往来距今90天"),
    ],
)  # fmt: skip
def test_a_reason_says_its_figure(name, value, english, chinese):
    said = reasons((name,), {name: np.array([value])}, np.ones((1, 1)), np.array([0]))
    assert said == ([english], [chinese])


def test_no_reason_where_too_few_have_the_currency():
    values = {"level_money": np.array([np.nan])}
    assert reasons(("level_money",), values, np.ones((1, 1)), np.array([0])) == ([None], [None])


def test_a_reason_has_its_figure_and_a_rise_is_none():
    names = ("payments_days_since", "trade_drop_60", "visits_drop_60")
    values = {
        "trade_drop_60": np.array([np.log(0.4), np.log(1.5)]),
        "visits_drop_60": np.array([np.log(0.5), np.log(0.5)]),
        "payments_days_since": np.array([40.0, 2.0]),
    }
    added = np.array([[0.3, 0.9, 0.01], [-0.2, 0.9, 0.6]])
    english, chinese = reasons(names, values, added, np.array([0, 1]))
    assert english == [
        "trade payments 60% below its own usual in 60 days; no payment for 40 days",
        "digital visits 50% below its own usual in 60 days",
    ]
    assert chinese[0] == "近60天非规律收付比自身常态低60%；已40天无收付"
    assert reasons(names, values, added[1:], np.array([1]))[0][0] is None


def test_rows_of_one_customer_count_as_fewer():
    rng = np.random.default_rng(4)
    key, error = np.repeat(np.arange(300), 4), rng.normal(0, 0.3, 1200)
    assert churn.design_effect(error, key[::4].repeat(4)[rng.permutation(1200)]) < 1.25
    same = np.repeat(error[:300], 4)
    assert churn.design_effect(same, key) == pytest.approx(4)
    order = rng.permutation(1200)
    assert churn.design_effect(error[order], key[order]) == churn.design_effect(error, key)
    assert churn.design_effect(error, np.arange(1200)) == 1
    assert churn.design_effect(np.zeros(0), np.zeros(0, np.int64)) == 1


BACKS = (90, 180, 225, 270, 315)


def days_unlike(seed, spread, n=1_500):
    """Return rows at five cut-offs that differ beside their customers, and tonight's chances.

    What differs is of days, and a cut-off has the mean of the 90 that it sees.
    """
    rng = np.random.default_rng(seed)
    a_day = spread * rng.normal(size=405) / np.sqrt(90)
    shift = np.array([a_day[back : back + 90].sum() for back in BACKS])
    seen, hidden = rng.normal(size=(n, 3)), rng.normal(size=n)
    logit = seen.sum(axis=1) + hidden
    chance = 1 / (1 + np.exp(-(logit + shift[:, None])))
    left = (rng.random(chance.shape) < chance).astype(np.int8).ravel()
    key = np.tile(np.arange(n), len(BACKS))
    columns = {f"f{at}": np.tile(seen[:, at], len(BACKS)) for at in range(3)}
    side = sampling.sides(key, 0, (0.3, 0.1), np)
    rows = churn.Rows(columns, key, left, side, np.repeat(np.array(BACKS, np.int32), n))
    return rows, 1 / (1 + np.exp(-(logit + a_day[:90].sum())))


def held_and_width(model, rows, chance, cpu):
    n = chance.size
    now = {name: values[:n] for name, values in rows.features.items()}
    found = churn.score(model, now, np.full(n, 30.0), cpu)
    group = np.argsort(np.argsort(found["probability"])) // 75
    share = (np.bincount(group, chance) / np.bincount(group))[group]
    held = (found["low"] <= share) & (share <= found["high"])
    return held.mean(), (found["high"] - found["low"]).mean()


@pytest.mark.parametrize(
    ("spread", "least", "without", "wider"), [(0.0, 0.9, 1.0, 1.1), (0.7, 0.8, 0.65, 4.0)]
)
def test_a_range_allows_for_what_differs_between_days(cpu, spread, least, without, wider):
    now, before = [], []
    for seed in range(12):
        rows, chance = days_unlike(seed, spread)
        line = tuple(rows.features)  # no trees: a range is asked, not a rank
        model = churn.fit(
            rows, ("inactive", 90, 0.7), seed=0, most_rows=10**6, backend=cpu, reads=line
        )
        now.append(held_and_width(model, rows, chance, cpu))
        before.append(held_and_width(replace(model, days_apart=0.0), rows, chance, cpu))
    (held, width), (held_before, width_before) = np.mean(now, axis=0), np.mean(before, axis=0)
    assert held > least
    assert held_before <= without
    assert width < wider * width_before


def test_days_apart_by_hand():
    """Three cut-offs that share no day: off by 0.5, 0 and -0.5 of log-odds, of 800 rows each."""
    error = np.repeat([0.125, 0.0, -0.125], 800)
    variance, back = np.full(2_400, 0.25), np.repeat([90, 190, 290], 800)
    half = cutoff_spread.half_width(error, variance, back, 90, 2.0)
    between = 0.25 - 2 / (800 * 0.25)
    assert half == pytest.approx(2.919986 * np.sqrt(between * 4 / 3), rel=1e-6)
    order = np.random.default_rng(0).permutation(2_400)
    again = cutoff_spread.half_width(error[order], variance[order], back[order], 90, 2.0)
    assert again == half
    shared = cutoff_spread.half_width(error, variance, back, 200, 2.0)  # by halves, one pair
    assert shared == pytest.approx(half / np.sqrt(1 - (0.5 + 0.5) / 3), rel=1e-6)
    for two in (back // 200, back * 0):
        assert cutoff_spread.half_width(error, variance, two, 90, 2.0) == 0
    assert cutoff_spread.half_width(error * 0, variance, back, 90, 2.0) == 0


def test_ends_are_moved_in_log_odds_and_those_of_certainty_stay():
    p, low, high = np.array([0.5, 0.2]), np.array([0.4, 0.0]), np.array([0.6, 1.0])
    same = cutoff_spread.widened(p, low, high, 0.0)
    assert same[0] is low
    assert same[1] is high
    wide = cutoff_spread.widened(p, low, high, 1.0)
    off = np.hypot(np.log(1.5), 1.0)
    assert wide[0] == pytest.approx([1 / (1 + np.exp(off)), 0.0])
    assert wide[1] == pytest.approx([1 / (1 + np.exp(-off)), 1.0])


def test_a_range_holds_the_share_of_like_customers_that_leave(cpu):
    """Half of why customers leave is not seen: their rows at four cut-offs tell the same again."""
    held = []
    for seed in (11, 12, 13):
        rng = np.random.default_rng(seed)
        seen, hidden = rng.normal(size=(4_000, 3)), rng.normal(0, 2, 4_000)
        chance = 1 / (1 + np.exp(-(seen.sum(axis=1) + hidden)))
        key, features = np.tile(np.arange(4_000), 4), np.tile(seen, (4, 1))
        left = (rng.random(16_000) < np.tile(chance, 4)).astype(np.int8)
        side = sampling.sides(key, 0, (0.15, 0.2), np)
        columns = {f"f{at}": features[:, at] for at in range(3)}
        rows = churn.Rows(columns, key, left, side)
        model = churn.fit(rows, ("inactive", 90, 0.7), seed=0, most_rows=10**6, backend=cpu)
        now = {name: values[:4_000] for name, values in columns.items()}
        found = churn.score(model, now, np.full(4_000, 30.0), cpu)
        group = np.argsort(np.argsort(found["probability"])) // 100
        share = (np.bincount(group, chance) / 100)[group]
        held.append(((found["low"] <= share) & (share <= found["high"])).mean())
    assert np.mean(held) > 0.88
