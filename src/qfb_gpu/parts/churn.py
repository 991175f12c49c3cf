"""Churn in the night: activity by bucket, one fit and one gate over all, scores by bucket."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from qfb_gpu.calendars import to_date
from qfb_gpu.ledger import Labelled
from qfb_gpu.models import activity, churn, evaluation, registry, sampling
from qfb_gpu.models.churn_words import churn_card, reasons
from qfb_gpu.models.versions import CHALLENGER, CHAMPION
from qfb_gpu.parts.customer_state import acts_of, products_of
from qfb_gpu.parts.kept import load_files, save_files
from qfb_gpu.parts.model_rows import Judged, evaluation_rows
from qfb_gpu.parts.part import PROFILE, Columns, Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.parts.part import Given, Saved

_STEP_DAYS, _MOST_CUTOFFS, _LEAST_DAYS = 45, 4, 90
_OUTCOME = ("expected", "came", "tenure_days", "n_before")
_NOT_FEATURES = {*_OUTCOME, "back", "key"}
_SPARE = 3
_FEWEST_CHURNED = 5
"""Held-out churned customers without whom no model is published: the rule gives no probability."""
_RULE, _BACKTEST = "recency rule", "earlier days only"


def _score(given: Given) -> dict[str, Columns]:
    xp, ledger = given.backend.xp, given.ledger
    tallies = activity.tally(
        ledger, acts_of(given), products_of(given), given.as_of_day, given.backend
    )
    horizon = given.config.models.churn.horizon_days
    later = range(2 * horizon, 2 * horizon + _MOST_CUTOFFS * _STEP_DAYS, _STEP_DAYS)
    backs = (horizon, *later)
    found = activity.features_at(tallies, (0, *backs), given.backend)
    outcome = activity.outcomes(tallies, backs, horizon, xp)
    now = {name: values[0] for name, values in found.items()}
    now["n_before"] = activity.outcomes(tallies, (0,), 0, xp)["n_before"][0]
    # of each cut-off the customers that paid before it
    row = xp.flatnonzero(outcome["n_before"] > 0)
    columns = {**{name: values[1:] for name, values in found.items()}, **outcome}
    rows = {name: values.reshape(-1)[row] for name, values in columns.items()}
    rows["back"] = xp.asarray(backs, dtype="int32")[row // ledger.n_customers]
    rows["key"] = ledger.customer_key[row % ledger.n_customers]
    return {"now": _slim(now), "rows": _slim(rows)}


def _slim(columns: Columns) -> Columns:
    return {
        name: values.astype("float32") if values.dtype == np.float64 else values
        for name, values in columns.items()
    }


def _fit(saved: Saved) -> dict[str, Columns]:
    """Fit a challenger, judge it beside the champion and the rule, keep who is used."""
    settings = saved.config.models.churn
    rows = _load_rows(saved)
    history = int((rows["tenure_days"] + rows["back"]).max()) + 1 if rows["back"].size else 0
    train, test, in_time = sampling.cutoffs(
        history, settings.horizon_days,
        step_days=_STEP_DAYS, least_days=_LEAST_DAYS, most=_MOST_CUTOFFS,
    )  # fmt: skip
    definition = settings.definition
    if definition == "auto":
        learnt = [_take(rows, np.flatnonzero(rows["back"] == back)) for back in train]
        definition = churn.define(learnt)
    question = (definition, settings.horizon_days, settings.fall_share)
    label = churn.label(rows, definition, settings.fall_share)
    shares = (settings.calibrate_share, settings.test_share)
    side = sampling.sides(rows["key"], settings.seed, shares, np)
    learns = (side != sampling.TEST) & (label >= 0)
    known = _Known(rows, label, side)
    challenger = _learn(saved, known, learns & np.isin(rows["back"], [*train, test]), question)
    backtest = _learn(saved, known, learns & np.isin(rows["back"], train), question)
    champion = _champion(saved, challenger, question)
    if challenger is None and champion is None:
        why = f"nobody fitted: too few customers churned, or {history} days are too short a history"
        nobody = evaluation_rows(churn.NAME, [], why, saved.as_of_day - test)
        return {**save_files("used", {}), "evaluations": nobody}
    tests = np.flatnonzero((side == sampling.TEST) & (rows["back"] == test) & (label >= 0))
    tests = _by_value(rows, label, tests)
    models = _Models(challenger, champion, backtest if in_time else None)
    when = (test, train, definition)
    return _decide(saved, models, _take(rows, tests), label[tests] > 0, when)


class _Known(NamedTuple):
    """Rows of all cut-offs with their labels and sides."""

    rows: Columns
    label: np.ndarray
    side: np.ndarray


class _Models(NamedTuple):
    """Tonight's model, the champion with its version, and tonight's of earlier days alone."""

    challenger: churn.ChurnModel | None
    champion: tuple[int, churn.ChurnModel] | None
    backtest: churn.ChurnModel | None


def _learn(
    saved: Saved, known: _Known, which: np.ndarray, question: tuple[churn.Definition, int, float]
) -> churn.ChurnModel | None:
    settings = saved.config.models.churn
    used = np.flatnonzero(which)
    features = {n: values for n, values in known.rows.items() if n not in _NOT_FEATURES}
    rows = churn.Rows(
        _take(features, used), known.rows["key"][used], known.label[used], known.side[used]
    )
    return churn.fit(
        rows, question, seed=settings.seed, most_rows=settings.sample_rows, backend=saved.backend
    )


def _champion(
    saved: Saved, model: churn.ChurnModel | None, question: tuple[churn.Definition, int, float]
) -> tuple[int, churn.ChurnModel] | None:
    """Return the champion where it answers tonight's question from features that are there."""
    version = registry.champion(saved.config.output_dir, churn.NAME)
    if version is None:
        return None
    known = churn.read(version.files)
    asked = (known.definition, known.horizon_days, known.fall_share) == question
    same = known.same_question(model) if model is not None else asked
    return (version.version, known) if same else None


def _load_rows(saved: Saved) -> Columns:
    """Return the rows of all buckets; of very many, those of customers chosen by their hash."""
    settings = saved.config.models.churn
    keys = [saved.scored("rows", bucket)["key"] for bucket in saved.buckets]
    total = sum(key.size for key in keys)
    share = min(1.0, _SPARE * settings.sample_rows / max(total, 1))
    parts = []
    for bucket, key in zip(saved.buckets, keys, strict=True):
        kept = np.flatnonzero(sampling.place(key, settings.seed + 1, np) < share)
        parts.append(_take(saved.scored("rows", bucket), kept))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _take(columns: Mapping[str, Any], rows: np.ndarray) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _by_value(rows: Columns, label: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Return rows in an order that depends on their values alone."""
    names = sorted(name for name in rows if name not in ("key", "back"))
    keys = [rows[name][which] for name in names]
    return which[np.lexsort((*keys, label[which]))]


def _decide(
    saved: Saved,
    models: _Models,
    tested: Columns,
    true: np.ndarray,
    when: tuple[int, list[int], churn.Definition],
) -> dict[str, Columns]:
    """Judge on the held-out customers and say whose scores are published.

    Against a champion both models are judged as they are; a first model, against the rule, as it
    would have been before the tested days.
    """
    settings = saved.config.models.churn
    test, train, definition = when
    challenger, champion, backtest = models
    candidates = {CHALLENGER: challenger, CHAMPION: champion and champion[1], _BACKTEST: backtest}
    scores = {_RULE: churn.rule_score(tested, definition)} | {
        name: model.predict(model.matrix(tested, np))
        for name, model in candidates.items()
        if model is not None
    }
    metric_of = {
        name: partial(_auc_on, true, evaluation.ranked(score)) for name, score in scores.items()
    }
    if champion is None and _BACKTEST in metric_of:
        metric_of[CHALLENGER] = metric_of[_BACKTEST]
    pinned = registry.is_pinned(saved.config.output_dir, churn.NAME)
    rules = evaluation.Rules(
        "AUC", _RULE, settings.margin, _FEWEST_CHURNED, is_pinned=pinned, seed=settings.seed
    )
    result = evaluation.contest(metric_of, np.arange(true.size), int(true.sum()), rules)
    learnt = ", ".join(str(to_date(saved.as_of_day - back)) for back in train)
    words = (
        f"churned means: {definition}; customers held out; '{_BACKTEST}' learnt as of {learnt}; "
        f"{result.why}"
    )
    judged = [
        Judged(name, true, score, name == result.used,
               champion[0] if champion and name == CHAMPION else 0, is_probability=name != _RULE)
        for name, score in scores.items()
    ]  # fmt: skip
    if challenger is not None:
        figures = {
            **evaluation.metrics(true, scores[CHALLENGER]),
            **{f"{kind}_auc": metric_of[name](np.arange(true.size))
               for kind, name in (("rule", _RULE), ("backtest", _BACKTEST)) if name in metric_of},
        }  # fmt: skip
        _offer(saved, challenger, tested, figures, (result.used == CHALLENGER, words))
    used = candidates.get(result.used)
    return {
        **save_files("used", used.to_files() if used else {}),
        "evaluations": evaluation_rows(churn.NAME, judged, words, saved.as_of_day - test),
    }


def _auc_on(true: np.ndarray, place: np.ndarray, rows: np.ndarray) -> float:
    return evaluation.auc_ranked(true[rows], place[rows])


def _offer(
    saved: Saved,
    model: churn.ChurnModel,
    tested: Columns,
    figures: dict[str, float],
    verdict: tuple[bool, str],
) -> None:
    """Offer the challenger to the registry with its card, whatever the gate said."""
    example = pd.DataFrame({n: np.asarray(tested[n][:5], dtype="float64") for n in model.names})
    predicted = model.predict(model.matrix({n: example[n] for n in model.names}, np))
    settings = saved.config.models.churn
    is_champion, why = verdict
    candidate = registry.Candidate(
        name=churn.NAME,
        loader="qfb_gpu.models.churn",
        files=model.to_files(),
        example=example,
        predicted=pd.DataFrame({"churn_probability": predicted}),
        metrics={name: value for name, value in figures.items() if np.isfinite(value)},
        params={
            "definition": model.definition,
            "as_of": str(to_date(saved.as_of_day)),
            "n_features": len(model.names),
            **settings.model_dump(exclude={"definition"}),
        },
        card=churn_card(model, figures, to_date(saved.as_of_day), why),
        is_champion=is_champion,
        why=why,
    )
    registry.offer(saved.workspace.root, candidate)


def _publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    now = saved.scored("now", bucket)
    n_customers = now["n_before"].size
    files = load_files(saved, "used")
    rule = np.asarray(now["payments_gaps_since"], dtype="float64")
    columns: Columns = {"churn_rule_gaps_since": rule}
    if not files:
        nothing = np.full(n_customers, np.nan)
        texts = pa.nulls(n_customers, pa.string())
        unknown = Labelled(np.full(n_customers, churn.RISKS.index("unknown")), churn.RISKS)
        columns |= dict.fromkeys(_NUMBERS, nothing) | {"churn_level": unknown}
        return {PROFILE: columns | dict.fromkeys(_TEXTS, texts)}
    model = churn.ChurnModel.from_files(files)
    found = churn.score(model, now, now["n_before"], saved.backend)
    explained = np.flatnonzero(found["level"] > 0)
    english, chinese = reasons(model.names, now, found["added"], explained)
    columns |= dict(zip(_NUMBERS, (found[n] for n in ("probability", "low", "high")), strict=True))
    columns["churn_level"] = Labelled(found["level"], churn.RISKS)
    texts_of = (pa.array(english, pa.string()), pa.array(chinese, pa.string()))
    return {PROFILE: columns | dict(zip(_TEXTS, texts_of, strict=True))}


_NUMBERS = ("churn_probability", "churn_probability_low", "churn_probability_high")
_TEXTS = ("churn_reasons_en", "churn_reasons_zh")

CHURN = Part(
    name="churn",
    what="churn (流失预测)",
    may_use=("claims", "events", "orders", "touches", "products"),
    score=_score,
    fit=_fit,
    publish=_publish,
)
