"""Who scores churn tonight: the challenger, the champion or a rule, by customers held out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qfb_gpu.calendars import to_date
from qfb_gpu.models import churn, evaluation, registry
from qfb_gpu.models.churn_words import churn_card
from qfb_gpu.models.versions import CHALLENGER, CHAMPION
from qfb_gpu.parts.kept import save_files
from qfb_gpu.parts.model_rows import Judged, evaluation_rows
from qfb_gpu.parts.offering import About, metric_name, offer

if TYPE_CHECKING:
    from qfb_gpu.parts.part import Columns, Saved

_BACKTEST, _IN_TURN = "earlier days only", "customers in turn"
_FEWEST_CHURNED = 5
"""Held-out churned customers without whom no model is published."""


class Contenders(NamedTuple):
    """The rules by name, tonight's model, and the champion with its version."""

    rules: dict[str, churn.ChurnModel]
    challenger: churn.ChurnModel | None
    champion: tuple[int, churn.ChurnModel] | None


class Apart(NamedTuple):
    """Tested rows in an order of values, whether each churned, and what strangers said of it.

    The scores are of models like tonight's that saw neither its customer nor, where history
    allows, its days; ``rules`` has the probabilities of rules that were calibrated likewise.
    """

    rows: Columns
    true: np.ndarray
    score: np.ndarray
    rules: dict[str, np.ndarray]


class When(NamedTuple):
    """Days back of the tested and of the training cut-offs, and what churning is.

    ``in_time``: the labels of all training cut-offs had ended before the tested one.
    """

    test: int
    train: list[int]
    definition: str
    in_time: bool


def decide(
    saved: Saved,
    contenders: Contenders,
    tested: tuple[Columns, np.ndarray],
    apart: Apart | None,
    when: When,
) -> dict[str, Columns]:
    """Judge on the held-out customers and say whose scores are published.

    Against a champion both models are judged as they are. A first model is judged by
    ``apart``: as it would have been before the tested days.
    """
    rows, true = tested
    settings = saved.config.models.churn
    rules, challenger, champion = contenders
    models = {} if challenger is None else {CHALLENGER: challenger}
    models |= {} if champion is None else {CHAMPION: champion[1]}
    scores = {name: model.predict(model.matrix(rows, np), np) for name, model in models.items()}
    proof, proof_rows = (true, rows) if apart is None else (apart.true, apart.rows)
    beside = {
        name: model.predict(model.matrix(proof_rows, np), np) for name, model in rules.items()
    }
    contest = {**beside, **(scores if apart is None else {CHALLENGER: apart.score})}
    metric_of = {name: partial(_auc_on, proof, evaluation.ranked(s)) for name, s in contest.items()}
    result = evaluation.contest(
        metric_of, np.arange(proof.size), int(proof.sum()),
        evaluation.Rules(
            "AUC", tuple(rules), settings.margin, _FEWEST_CHURNED,
            is_pinned=registry.is_pinned(saved.config.output_dir, churn.NAME, saved.workspace.root),
            seed=settings.seed,
        ),
    )  # fmt: skip
    way = _BACKTEST if when.in_time else _IN_TURN
    words = _words(saved, when, way if apart is not None else "", result.why)
    version = champion[0] if champion else 0
    said = {} if apart is None else apart.rules  # of who calibrated no rule, as the others
    judged = [
        Judged(name, proof, score, name == result.used, said=said.get(name))
        for name, score in beside.items()
    ]
    judged += [
        Judged(name, true, score, name == result.used, version if name == CHAMPION else 0)
        for name, score in scores.items()
    ]
    figures = {
        f"{metric_name(name)}_auc": metric_of[name](np.arange(proof.size)) for name in beside
    }
    if apart is not None:
        judged.append(Judged(way, proof, apart.score, is_used=False))
        figures["backtest_auc"] = metric_of[CHALLENGER](np.arange(proof.size))
    if challenger is not None:
        figures |= evaluation.metrics(true, scores[CHALLENGER])
        about = _about(saved, challenger, figures, words)
        offer(saved, challenger, rows, figures, about, (result.used == CHALLENGER, words))
    return {
        **save_files("used", {**rules, **models}[result.used].to_files()),
        "evaluations": evaluation_rows(churn.NAME, judged, words, saved.as_of_day - when.test),
    }


def _words(saved: Saved, when: When, way: str, why: str) -> str:
    held_out = f"churned means: {when.definition}; customers held out"
    if not way:
        return f"{held_out}; {why}"
    learnt = ", ".join(str(to_date(saved.as_of_day - back)) for back in when.train)
    return f"{held_out}; '{way}' learnt as of {learnt}; {why}"


def _auc_on(true: np.ndarray, place: np.ndarray, rows: np.ndarray) -> float:
    return evaluation.auc_ranked(true[rows], place[rows])


def _about(saved: Saved, model: churn.ChurnModel, figures: dict[str, float], why: str) -> About:
    settings = saved.config.models.churn.model_dump(exclude={"definition"})
    return About(
        name=churn.NAME,
        loader="qfb_gpu.models.churn",
        answer="churn_probability",
        params={"definition": model.definition, **settings},
        card=churn_card(model, figures, to_date(saved.as_of_day), why),
    )
