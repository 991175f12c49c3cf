"""Churn in the night: activity by bucket, one fit and one gate over all, scores by bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from qfb_gpu.ledger import Labelled
from qfb_gpu.models import activity, churn, registry, sampling, yardstick
from qfb_gpu.models.churn_words import reasons
from qfb_gpu.models.histories import RAW, histories_at
from qfb_gpu.parts.churn_gate import Apart, Contenders, When, decide
from qfb_gpu.parts.customer_state import acts_of, products_of
from qfb_gpu.parts.kept import load_files, save_files
from qfb_gpu.parts.model_rows import evaluation_rows
from qfb_gpu.parts.offering import may_be_compared
from qfb_gpu.parts.part import PROFILE, Columns, Part

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from qfb_gpu.parts.part import Given, Saved

_STEP_DAYS, _MOST_CUTOFFS, _LEAST_DAYS = 45, 4, 60
_OUTCOME = ("expected", "came", "tenure_days", "n_before")
_NOT_FEATURES = {*_OUTCOME, *RAW, "back", "key"}
_SPARE = 3
_ENOUGH_TESTED = 4_000
"""Tested rows from which one set of held-out customers tells a first model from a rule."""


def _score(given: Given) -> dict[str, Columns]:
    xp, ledger = given.backend.xp, given.ledger
    tallies = activity.tally(
        ledger, acts_of(given), products_of(given), given.as_of_day, given.backend
    )
    horizon = given.config.models.churn.horizon_days
    later = range(2 * horizon, 2 * horizon + _MOST_CUTOFFS * _STEP_DAYS, _STEP_DAYS)
    backs = (horizon, *later)
    found = activity.features_at(tallies, (0, *backs), given.backend)
    found |= histories_at(ledger, tallies, (0, *backs), given.backend)
    outcome = activity.outcomes(tallies, backs, horizon, xp)
    now = {name: values[0] for name, values in found.items()}
    now["n_before"] = activity.outcomes(tallies, (0,), 0, xp)["n_before"][0]
    # of each cut-off the customers that had come by then
    row = xp.flatnonzero((outcome["n_before"] > 0) | (found["active_days"][1:] > 0))
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
    """Fit a challenger, judge it beside the champion and the rules, keep who is used."""
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
    now = ""
    if definition == "inactive":
        rows, now = _measured(saved, rows, {*train, test})
    shares = (settings.calibrate_share, settings.test_share)
    side = sampling.sides(rows["key"], settings.seed, shares, np)
    known = _Known(rows, label, side, question)
    challenger = _learn(saved, known, (*train, test))
    champion = _champion(saved, challenger, question, rows)
    if challenger is None and champion is None:
        why = f"nobody fitted: too few customers churned, or {history} days are too short a history"
        nobody = evaluation_rows(churn.NAME, [], why, saved.as_of_day - test)
        return {**save_files("used", {}), **_keep(now), "evaluations": nobody}
    rules = {
        name: rule
        for name, feature in churn.BASELINES[definition].items()
        if (rule := _learn(saved, known, (*train, test), reads=(feature,))) is not None
    }
    tests = np.flatnonzero((side == sampling.TEST) & (rows["back"] == test) & (label >= 0))
    apart = None
    if challenger is not None and champion is None:
        reads = {name: rule.names for name, rule in rules.items()}
        apart = _apart(saved, known, (train if in_time else [test], test), tests.size, reads)
    contenders = Contenders(rules, challenger, champion)
    tests = _by_value(rows, label, tests)
    when = When(test, train, definition, in_time)
    decided = decide(saved, contenders, (_take(rows, tests), label[tests] > 0), apart, when)
    return {**decided, **_keep(now)}


class _Known(NamedTuple):
    """Rows of all cut-offs with their labels and sides, and what is asked."""

    rows: Columns
    label: np.ndarray
    side: np.ndarray
    question: tuple[churn.Definition, int, float]


def _keep(now: str) -> dict[str, Columns]:
    return {"yardstick": {"text": pa.array([now], pa.string())}}


def _measured(saved: Saved, rows: Columns, wanted: set[int]) -> tuple[Columns, str]:
    """Return the rows of the wanted cut-offs beside all customers then, and today's yardstick."""
    horizon = saved.config.models.churn.horizon_days
    found = {
        name: np.full(rows["back"].size, np.nan) for name in (*yardstick.LEVELS, yardstick.RFM)
    }
    for back in sorted(wanted):
        at = np.flatnonzero(rows["back"] == back)
        then = _take(rows, at)
        for name, values in yardstick.measured(yardstick.yardstick(then), then, horizon).items():
            found[name][at] = values
    tables = [saved.scored_view("now", bucket) for bucket in saved.buckets]
    now = {name: np.concatenate([table[name] for table in tables]) for name in yardstick.READS}
    return {**rows, **found}, yardstick.yardstick(now).to_text()


def _learn(
    saved: Saved,
    known: _Known,
    backs: Collection[int],
    reads: tuple[str, ...] = (),
    side: np.ndarray | None = None,
) -> churn.ChurnModel | None:
    """Fit on the customers that do not test, at some cut-offs: all features, or those of a rule."""
    settings = saved.config.models.churn
    side = known.side if side is None else side
    learns = (side != sampling.TEST) & (known.label >= 0) & np.isin(known.rows["back"], [*backs])
    used = np.flatnonzero(learns)
    names = reads or [name for name in known.rows if name not in _NOT_FEATURES]
    features = {name: known.rows[name][used] for name in names}
    if not all(np.isfinite(features[name]).any() for name in reads):
        return None
    rows = churn.Rows(
        features, known.rows["key"][used], known.label[used], side[used], known.rows["back"][used]
    )
    return churn.fit(
        rows, known.question, seed=settings.seed, most_rows=settings.sample_rows,
        backend=saved.backend, reads=reads,
    )  # fmt: skip


def _apart(
    saved: Saved,
    known: _Known,
    when: tuple[Collection[int], int],
    n_tests: int,
    rules: Mapping[str, tuple[str, ...]],
) -> Apart | None:
    """Return rows of the tested cut-off, each scored by models that saw none of its customer.

    Models learn at the cut-offs of ``when``, which end before the tested one where history allows.
    Where few rows test, every customer tests in its turn. ``rules`` are calibrated likewise, of
    the features they read; one that could not be in some turn is left out.
    """
    settings = saved.config.models.churn
    backs, test = when
    n_turns = 1 if n_tests >= _ENOUGH_TESTED else sampling.n_turns(settings.test_share)
    shares = (settings.calibrate_share, settings.test_share)
    places, scores = [], []
    said: dict[str, list[np.ndarray]] = {name: [] for name in rules}
    waits = (known.rows["back"] == test) & (known.label >= 0)
    for turn in range(n_turns):
        side = sampling.sides(
            known.rows["key"], settings.seed, shares, np, turn * settings.test_share
        )
        model = _learn(saved, known, backs, side=side)
        if model is None:
            return None
        own = np.flatnonzero(waits & (side == sampling.TEST))
        waits[own] = False
        places.append(own)
        rows = _take(known.rows, own)
        scores.append(model.predict(model.matrix(rows, np), np))
        for name, reads in rules.items():
            rule = _learn(saved, known, backs, reads=reads, side=side)
            if rule is not None:
                said[name].append(rule.predict(rule.matrix(rows, np), np))
    place, score = np.concatenate(places), np.concatenate(scores)
    order = _by_value(known.rows, known.label, place, score)
    place, score = place[order], score[order]
    of_rules = {n: np.concatenate(v)[order] for n, v in said.items() if len(v) == n_turns}
    return Apart(_take(known.rows, place), known.label[place] > 0, score, of_rules)


def _champion(
    saved: Saved,
    model: churn.ChurnModel | None,
    question: tuple[churn.Definition, int, float],
    features: Collection[str],
) -> tuple[int, churn.ChurnModel] | None:
    """Return the champion where it answers tonight's question from features that are there.

    And where it did not learn from customers that test tonight.
    """
    output, night = saved.config.output_dir, saved.workspace.root
    version = registry.champion(output, churn.NAME, night)
    known = None if version is None else churn.read(version.files)
    settings = saved.config.models.churn
    if version is None or known is None:
        return None
    if not may_be_compared(version, settings.seed, settings.test_share):
        return None
    asked = (known.definition, known.horizon_days, known.fall_share) == question
    there = asked and set(known.names) <= set(features)
    same = known.same_question(model) if model is not None else there
    return (version.version, known) if same else None


def _load_rows(saved: Saved) -> Columns:
    """Return the rows of all buckets; of very many, those of customers chosen by their hash."""
    settings = saved.config.models.churn
    keys = [saved.scored_view("rows", bucket)["key"] for bucket in saved.buckets]
    total = sum(key.size for key in keys)
    share = min(1.0, _SPARE * settings.sample_rows / max(total, 1))
    parts = []
    for bucket, key in zip(saved.buckets, keys, strict=True):
        kept = np.flatnonzero(sampling.place(key, settings.seed + 1, np) < share)
        parts.append(_take(saved.scored_view("rows", bucket), kept))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _take(columns: Mapping[str, Any], rows: np.ndarray) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _by_value(rows: Columns, label: np.ndarray, which: np.ndarray, *more: np.ndarray) -> Any:
    """Return rows in an order that depends on their values alone; of more, their places."""
    names = sorted(name for name in rows if name not in ("key", "back"))
    order = np.lexsort((*(rows[name][which] for name in names), label[which], *more))
    return order if more else which[order]


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
    known = saved.fitted("yardstick")["text"].to_pylist()[0]
    if known:
        stick = yardstick.Yardstick.from_text(known)
        now = {**now, **yardstick.measured(stick, now, model.horizon_days)}
    found = churn.score(model, now, now["n_before"], saved.backend)
    english, chinese = reasons(model.names, now, found["added"], found["explained"])
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
    read_by_fit=("rows",),
    score=_score,
    fit=_fit,
    publish=_publish,
)
