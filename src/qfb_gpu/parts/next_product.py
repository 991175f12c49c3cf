"""Next product in the night: customers and holdings by bucket, one fit, then by bucket again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from qfb_gpu.calendars import to_date
from qfb_gpu.models import activity, evaluation, recommend, registry, sampling
from qfb_gpu.models.recommend_words import card, reason
from qfb_gpu.models.versions import CHALLENGER, CHAMPION
from qfb_gpu.parts.customer_state import state_at, tallies_of
from qfb_gpu.parts.kept import load_files, save_files
from qfb_gpu.parts.model_rows import evaluation_table
from qfb_gpu.parts.part import Columns, Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.parts.part import Given, Saved

_STEP_DAYS, _N_EARLIER = 90, 3
_POPULARITY, _BACKTEST = "popularity", "earlier days only"
_CALIBRATE = 0.15
_FEWEST_OPENERS = 20
"""Held-out customers with an opening without whom popularity ranks."""
_LEAST_HISTORY = 180
"""Days of payments that a training cut-off needs before it."""


def _backs(horizon: int) -> tuple[int, ...]:
    """Return the cut-offs in days before the as-of day: now, the tested one, earlier ones."""
    horizon = -(-horizon // activity.BIN_DAYS) * activity.BIN_DAYS
    return (0, horizon, *(2 * horizon + _STEP_DAYS * at for at in range(_N_EARLIER)))


def _score(given: Given) -> dict[str, Columns]:
    tallies, host = tallies_of(given), given.backend.to_host
    products = given.sources["products"]
    rows = np.flatnonzero(host(products.customer) >= 0)
    sets = {
        f"at.{back}": state_at(tallies, given.ledger, back, given.backend)
        for back in _backs(given.config.models.next_product.horizon_days)
    }
    sets["holdings"] = {
        "customer": host(products.customer)[rows],
        "product": products.texts.column("product_id").take(pa.array(rows)),
        "opened": host(products.columns["opened_date"])[rows],
        "closed": host(products.columns["closed_date"])[rows],
    }
    sets["customers"] = {"key": given.ledger.customer_key, "first_day": tallies.first_day}
    return sets


@dataclass(frozen=True, slots=True)
class _Bank:
    """Everything of the customers that the fit looks at."""

    names: list[str]
    holdings: recommend.Holdings
    states: Mapping[int, Mapping[str, np.ndarray]]
    key: np.ndarray
    first_day: np.ndarray


def _load(saved: Saved, wanted: tuple[int, ...], names: list[str] | None = None) -> _Bank:
    """Return the customers of the saved buckets, one after another, at the wanted cut-offs."""
    held = [saved.scored("holdings", bucket) for bucket in saved.buckets]
    customers = [saved.scored("customers", bucket) for bucket in saved.buckets]
    names = names or sorted({name for one in held for name in one["product"].unique().to_pylist()})
    sizes = [one["key"].size for one in customers]
    starts = np.cumsum([0, *sizes])
    code = {name: at for at, name in enumerate(names)}
    joined = {name: np.concatenate([one[name] for one in held]) for name in ("opened", "closed")}
    holdings = recommend.Holdings(
        np.concatenate([one["customer"] + start for one, start in zip(held, starts, strict=False)]),
        np.array([code[name] for one in held for name in one["product"].to_pylist()], np.int64),
        **joined,
        n_customers=int(starts[-1]),
        n_products=len(names),
    )
    states = {}
    for back in wanted:
        parts = [saved.scored(f"at.{back}", bucket) for bucket in saved.buckets]
        states[back] = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    first = np.concatenate([one["first_day"] for one in customers])
    return _Bank(names, holdings, states, np.concatenate([c["key"] for c in customers]), first)


def _fit(saved: Saved) -> dict[str, Columns]:
    settings = saved.config.models.next_product
    bank = _load(saved, _backs(settings.horizon_days))
    _, test, *earlier = _backs(settings.horizon_days)
    history = saved.as_of_day - int(bank.first_day.min()) if bank.first_day.size else 0
    train = [back for back in earlier if back + _LEAST_HISTORY <= history]
    side = sampling.sides(bank.key, settings.seed, (_CALIBRATE, settings.test_share), np)
    share = settings.sample_rows / max(1, side.size * len(bank.names) * (len(train) + 1))
    sampled = sampling.place(bank.key, settings.seed + 1, np) < share
    learns = np.flatnonzero((side != sampling.TEST) & sampled)
    known = {back: _pairs_at(saved, bank, back, learns) for back in (test, *train)}
    challenger = _learn(saved, [known[back] for back in (test, *train)], side)
    backtest = _learn(saved, [known[back] for back in train], side)
    tested = _pairs_at(saved, bank, test, np.flatnonzero(side == sampling.TEST))
    champion = _champion(saved, challenger)
    words, rows, used = _decide(saved, (challenger, champion, backtest), tested, train)
    rows = [{"test_date": saved.as_of_day - test, "note": words, **row} for row in rows]
    now = recommend.market(
        bank.holdings, bank.states[0]["size"], saved.as_of_day, settings.horizon_days
    )
    return {
        **save_files("used", used[1].to_files() if used else {}),
        "basis": {"text": pa.array([used[0] if used else _POPULARITY])},
        "products": {"name": pa.array(bank.names, pa.string()), "rate": now.rate},
        "lift": {"value": now.lift.ravel()},
        "sizes": {"value": now.size_lift.ravel()},
        "edges": {"value": now.size_edges},
        "evaluations": evaluation_table(rows),
    }


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Customers and products at a cut-off, with what came."""

    customer: np.ndarray
    product: np.ndarray
    features: Mapping[str, np.ndarray]
    opened: np.ndarray
    first: np.ndarray


def _pairs_at(saved: Saved, bank: _Bank, back: int, rows: np.ndarray) -> _Pairs:
    horizon = saved.config.models.next_product.horizon_days
    day = saved.as_of_day - back
    known = recommend.market(bank.holdings, bank.states[back]["size"], day, horizon)
    rows = rows[bank.first_day[rows] <= day]
    customer, product, features = recommend.pairs(
        known, bank.holdings, bank.states[back], day, rows
    )
    opened = bank.holdings.opened_in(day, day + horizon)[customer, product]
    first = bank.holdings.first_opened(day, day + horizon)[customer, product]
    return _Pairs(customer, product, features, opened, first)


def _learn(
    saved: Saved, parts: list[_Pairs], side: np.ndarray
) -> recommend.NextProductModel | None:
    if not parts:
        return None
    settings = saved.config.models.next_product
    features = {n: np.concatenate([p.features[n] for p in parts]) for n in parts[0].features}
    customer = np.concatenate([part.customer for part in parts])
    return recommend.fit(
        features,
        np.concatenate([part.opened for part in parts]),
        side[customer] == sampling.CALIBRATE,
        horizon_days=settings.horizon_days,
        seed=settings.seed,
        backend=saved.backend,
    )


def _champion(
    saved: Saved, challenger: recommend.NextProductModel | None
) -> tuple[int, recommend.NextProductModel] | None:
    version = registry.champion(saved.config.output_dir, recommend.NAME)
    if version is None:
        return None
    known = recommend.read(version.files)
    horizon = saved.config.models.next_product.horizon_days
    same = known.horizon_days == horizon and (challenger is None or challenger.names == known.names)
    return (version.version, known) if same else None


def _decide(
    saved: Saved,
    models: tuple[Any, tuple[int, Any] | None, Any],
    tested: _Pairs,
    train: list[int],
) -> tuple[str, list[dict[str, Any]], tuple[str, recommend.NextProductModel] | None]:
    """Return the gate's words, rows of the evaluation, and the basis and model that is used."""
    settings = saved.config.models.next_product
    challenger, champion, backtest = models
    every = {CHALLENGER: challenger, CHAMPION: champion and champion[1], _BACKTEST: backtest}
    scores = {_POPULARITY: tested.features["popularity"]} | {
        name: model.predict(model.matrix(tested.features))
        for name, model in every.items()
        if model is not None
    }
    figures = {}
    for name, score in scores.items():
        order, rank = recommend.ranked(tested.customer, tested.product, [score])
        figures[name] = recommend.hits(tested.customer, order, rank, tested.opened, tested.first)
    by_value = np.lexsort(tuple(figures[name]["map"] for name in sorted(figures)))
    metric_of = {name: partial(_mean_on, found["map"]) for name, found in figures.items()}
    if champion is None and _BACKTEST in metric_of:
        metric_of[CHALLENGER] = metric_of[_BACKTEST]
    pinned = registry.is_pinned(saved.config.output_dir, recommend.NAME)
    rules = evaluation.Rules(
        "MAP",
        (_POPULARITY,),
        settings.margin,
        _FEWEST_OPENERS,
        is_pinned=pinned,
        seed=settings.seed,
    )
    result = evaluation.contest(metric_of, by_value, int(by_value.size), rules)
    learnt = ", ".join(str(to_date(saved.as_of_day - back)) for back in train)
    words = (
        f"first products opened in {settings.horizon_days} days by customers held out; "
        f"'{_BACKTEST}' learnt as of {learnt or 'no day'}; {result.why}"
    )
    version = champion[0] if champion else 0
    rows = [
        {"model": recommend.NAME, "candidate": name, "is_used": name == result.used,
         "version": version if name == CHAMPION else 0, **row}
        for name in scores
        for row in _figures(tested, scores[name], figures[name], is_probability=name != _POPULARITY)
    ]  # fmt: skip
    if challenger is not None:
        _offer(saved, challenger, tested, _means(figures), (result.used == CHALLENGER, words))
    model = every.get(result.used)
    basis = f"model, champion {version}" if result.used == CHAMPION else "model of this night"
    return words, rows, (basis, model) if model else None


def _mean_on(values: np.ndarray, rows: np.ndarray) -> float:
    return float(values[rows].mean()) if rows.size else float("nan")


def _means(figures: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, float]:
    of = {CHALLENGER: "", _POPULARITY: "popularity_", _BACKTEST: "backtest_"}
    return {
        f"{of[name]}{metric}": float(values.mean())
        for name, found in figures.items()
        if name in of
        for metric, values in found.items()
        if values.size
    }


def _figures(
    tested: _Pairs, score: np.ndarray, found: Mapping[str, np.ndarray], *, is_probability: bool
) -> list[dict[str, Any]]:
    rows = []
    for name, values in found.items():
        ordered = np.sort(values)
        low, high = evaluation.range_of(partial(_mean_on, ordered), ordered.size)
        mean = float(ordered.mean()) if ordered.size else float("nan")
        rows.append(
            {"metric": name, "value": mean, "low": low, "high": high, "n_rows": ordered.size}
        )
    pairs = {"auc_pairs": evaluation.auc(tested.opened, score)}
    if is_probability:
        pairs["brier_pairs"] = evaluation.brier(tested.opened, score)
        pairs["calibration_error_pairs"] = evaluation.calibration_error(tested.opened, score)
    return rows + [
        {"metric": name, "value": value, "n_rows": score.size} for name, value in pairs.items()
    ]


def _offer(
    saved: Saved,
    model: recommend.NextProductModel,
    tested: _Pairs,
    figures: dict[str, float],
    verdict: tuple[bool, str],
) -> None:
    example = pd.DataFrame({n: np.asarray(tested.features[n][:5], "float64") for n in model.names})
    predicted = model.predict(model.matrix({n: example[n] for n in model.names}))
    settings, as_of = saved.config.models.next_product, to_date(saved.as_of_day)
    candidate = registry.Candidate(
        name=recommend.NAME,
        loader="qfb_gpu.models.recommend",
        files=model.to_files(),
        example=example,
        predicted=pd.DataFrame({"probability": predicted}),
        metrics={name: value for name, value in figures.items() if np.isfinite(value)},
        params={"as_of": str(as_of), "n_features": len(model.names), **settings.model_dump()},
        card=card(figures, as_of, settings.horizon_days, verdict[1]),
        is_champion=verdict[0],
        why=verdict[1],
    )
    registry.offer(saved.workspace.root, candidate)


def _publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    products = saved.fitted("products")
    names = products["name"].to_pylist()
    n = len(names)
    known = recommend.Market(
        np.asarray(products["rate"]),
        np.asarray(saved.fitted("lift")["value"]).reshape(n, n),
        np.asarray(saved.fitted("edges")["value"]),
        np.asarray(saved.fitted("sizes")["value"]).reshape(recommend.N_SIZES, n),
    )
    bank = _load(saved, (0,), names)
    everyone = np.arange(bank.key.size)
    customer, product, features = recommend.pairs(
        known, bank.holdings, bank.states[0], saved.as_of_day, everyone
    )
    files = load_files(saved, "used")
    if files:
        model = recommend.NextProductModel.from_files(files)
        probability = saved.backend.to_host(
            model.predict(model.matrix(features, saved.backend.xp), saved.backend.xp)
        )
        low, high = model.range(probability)
    else:
        lift = features["size_lift"]
        probability = np.clip(known.rate[product] * np.exp(lift), 0.0, 0.95)
        low = high = np.full(probability.size, np.nan)
    order, rank = recommend.ranked(customer, product, [probability, features["popularity"]])
    kept = rank <= saved.config.models.next_product.n_products
    rows = order[kept]
    which = (customer[rows], product[rows], rows)
    english, chinese = _reasons(known, bank, features, which, saved.as_of_day)
    ids = saved.customers(bucket)["customer_id"]
    basis = saved.fitted("basis")["text"].to_pylist()[0]
    return {
        "recommendations": {
            "customer_id": ids.take(pa.array(customer[rows])),
            "rank": rank[kept].astype(np.int32),
            "product_id": pa.array(names, pa.string()).take(pa.array(product[rows])),
            "probability": probability[rows],
            "probability_low": low[rows],
            "probability_high": high[rows],
            "lift": probability[rows] / known.rate[product[rows]],
            "reasons_en": pa.array(english, pa.string()),
            "reasons_zh": pa.array(chinese, pa.string()),
            "basis": pa.array([basis] * rows.size, pa.string()),
        }
    }


def _reasons(
    known: recommend.Market,
    bank: _Bank,
    features: Mapping[str, np.ndarray],
    which: tuple[np.ndarray, np.ndarray, np.ndarray],
    as_of_day: int,
) -> tuple[list[str], list[str]]:
    held = bank.holdings.held(as_of_day)
    size = np.searchsorted(known.size_edges, np.nan_to_num(bank.states[0]["size"], nan=-np.inf))
    said = [n for n in ("looks_30", "applies_90", "answers_90") if n in features]
    english, chinese = [], []
    for customer, product, row in zip(*(values.tolist() for values in which), strict=True):
        values = {name: float(features[name][row]) for name in said}
        own = np.flatnonzero(held[customer]).tolist()
        words = reason(product, values, own, bank.names, known, int(size[customer]))
        english.append(words[0])
        chinese.append(words[1])
    return english, chinese


NEXT_PRODUCT = Part(
    name="next_product",
    what="next product and growth (产品推荐, 追加客户挖掘)",
    needs=("products",),
    may_use=("claims", "events", "orders", "touches"),
    tables=("recommendations",),
    score=_score,
    fit=_fit,
    publish=_publish,
)
