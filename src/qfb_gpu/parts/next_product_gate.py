"""Who ranks products tonight: the challenger, the champion or popularity, by customers held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from qfb_gpu.calendars import to_date
from qfb_gpu.models import evaluation, recommend, registry
from qfb_gpu.models.recommend_words import card
from qfb_gpu.models.versions import CHALLENGER, CHAMPION
from qfb_gpu.parts.kept import save_files
from qfb_gpu.parts.model_rows import evaluation_table
from qfb_gpu.parts.offering import About, metric_name, offer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.parts.part import Columns, Saved

_BACKTEST, _IN_TURN = "earlier days only", "customers in turn"
_FEWEST_OPENERS = 20
"""Held-out customers with an opening without whom popularity ranks."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Customers and products at a cut-off, what each rule says of them, and what came."""

    customer: np.ndarray
    product: np.ndarray
    features: Mapping[str, np.ndarray]
    rules: Mapping[str, np.ndarray]
    opened: np.ndarray
    first: np.ndarray

    def taken(self, rows: np.ndarray) -> Pairs:
        """Return some of the pairs."""
        return Pairs(
            self.customer[rows], self.product[rows],
            {name: values[rows] for name, values in self.features.items()},
            {name: values[rows] for name, values in self.rules.items()},
            self.opened[rows], self.first[rows],
        )  # fmt: skip


class Apart(NamedTuple):
    """Tested pairs and what models like tonight's said of them.

    Those saw neither the customer nor, where history allows, its days.
    """

    pairs: Pairs
    score: np.ndarray


class When(NamedTuple):
    """Days back of the tested and of the training cut-offs; none: too short a history."""

    test: int
    train: list[int]


class _Judged(NamedTuple):
    """One candidate's score of pairs, and how well it ranks for each customer that opened one."""

    pairs: Pairs
    score: np.ndarray
    hits: dict[str, np.ndarray]


def _judge(pairs: Pairs, score: np.ndarray) -> _Judged:
    order, rank = recommend.ranked(pairs.customer, pairs.product, [score])
    hits = recommend.hits(pairs.customer, order, rank, pairs.opened, pairs.first)
    return _Judged(pairs, score, hits)


def decide(
    saved: Saved,
    models: tuple[recommend.NextProductModel | None, tuple[int, recommend.NextProductModel] | None],
    tested: Pairs,
    apart: Apart | None,
    when: When,
) -> dict[str, Columns]:
    """Judge tonight's model and the champion beside the rules; keep who ranks, and on what basis.

    Against a champion both models are judged as they are. A first model is judged by ``apart``:
    as it would have been before the tested days.
    """
    challenger, champion = models
    every = {} if challenger is None else {CHALLENGER: challenger}
    every |= {} if champion is None else {CHAMPION: champion[1]}
    proof = tested if apart is None else apart.pairs
    judged = {name: _judge(proof, proof.rules[name]) for name in recommend.BASELINES}
    judged |= {n: _judge(tested, m.predict(m.matrix(tested.features))) for n, m in every.items()}
    contest = dict(judged)
    way = _BACKTEST if when.train else _IN_TURN
    if apart is not None:
        judged[way] = contest[CHALLENGER] = _judge(apart.pairs, apart.score)
    result = _contest(saved, contest)
    words = _words(saved, when, way if apart is not None else "", result.why)
    version = champion[0] if champion else 0
    rows = [
        {"model": recommend.NAME, "candidate": name, "is_used": name == result.used, "note": words,
         "version": version if name == CHAMPION else 0,
         "test_date": saved.as_of_day - when.test, **row}
        for name, one in judged.items()
        for row in _figures(one, is_probability=name not in recommend.BASELINES)
    ]  # fmt: skip
    if challenger is not None:
        figures = _card_figures(judged, way)
        about = _about(saved, figures, words)
        verdict = (result.used == CHALLENGER, words)
        offer(saved, challenger, tested.features, figures, about, verdict)
    model = every.get(result.used)
    basis = {CHAMPION: f"model, champion {version}", CHALLENGER: "model of this night"}
    return {
        **save_files("used", model.to_files() if model else {}),
        "basis": {"text": pa.array([basis.get(result.used, result.used)])},
        "evaluations": evaluation_table(rows),
    }


def _contest(saved: Saved, judged: Mapping[str, _Judged]) -> evaluation.Contest:
    settings = saved.config.models.next_product
    rows = np.lexsort(tuple(judged[name].hits["map"] for name in sorted(judged)))
    metric_of = {name: partial(_mean_on, one.hits["map"]) for name, one in judged.items()}
    rules = evaluation.Rules(
        "MAP", recommend.BASELINES, settings.margin, _FEWEST_OPENERS,
        is_pinned=registry.is_pinned(saved.config.output_dir, recommend.NAME, saved.workspace.root),
        seed=settings.seed,
    )  # fmt: skip
    return evaluation.contest(metric_of, rows, int(rows.size), rules)


def _words(saved: Saved, when: When, way: str, why: str) -> str:
    days = saved.config.models.next_product.horizon_days
    held_out = f"first products opened in {days} days by customers held out"
    if not way:
        return f"{held_out}; {why}"
    learnt = ", ".join(str(to_date(saved.as_of_day - back)) for back in when.train or [when.test])
    return f"{held_out}; '{way}' learnt as of {learnt}; {why}"


def _mean_on(values: np.ndarray, rows: np.ndarray) -> float:
    return float(values[rows].mean()) if rows.size else float("nan")


def _card_figures(judged: Mapping[str, _Judged], way: str) -> dict[str, float]:
    """Return what the registry shows of tonight's model, and of every rule beside it.

    Each with the number of customers that it is of: the rules and the backtest are of the same.
    """
    prefix = {CHALLENGER: "", way: "backtest_"}
    prefix |= {name: f"{metric_name(name)}_" for name in recommend.BASELINES}
    told = {prefix[name]: one.hits for name, one in judged.items() if name in prefix}
    return {
        f"{start}{metric}": float(value)
        for start, hits in told.items()
        if hits["map"].size
        for metric, value in (
            *((name, values.mean()) for name, values in hits.items()),
            ("n_openers", hits["map"].size),
        )
    }


def _figures(one: _Judged, *, is_probability: bool) -> list[dict[str, Any]]:
    rows = []
    for name, values in one.hits.items():
        ordered = np.sort(values)
        low, high = evaluation.range_of(partial(_mean_on, ordered), ordered.size)
        mean = float(ordered.mean()) if ordered.size else float("nan")
        rows.append(
            {"metric": name, "value": mean, "low": low, "high": high, "n_rows": ordered.size}
        )
    opened = one.pairs.opened
    pairs = {"auc_pairs": evaluation.auc(opened, one.score)}
    if is_probability:
        pairs["brier_pairs"] = evaluation.brier(opened, one.score)
        pairs["calibration_error_pairs"] = evaluation.calibration_error(opened, one.score)
    return rows + [
        {"metric": name, "value": value, "n_rows": one.score.size} for name, value in pairs.items()
    ]


def _about(saved: Saved, figures: dict[str, float], why: str) -> About:
    settings, as_of = saved.config.models.next_product, to_date(saved.as_of_day)
    return About(
        name=recommend.NAME,
        loader="qfb_gpu.models.recommend",
        answer="probability",
        params=settings.model_dump(),
        card=card(figures, as_of, settings.horizon_days, why),
    )
