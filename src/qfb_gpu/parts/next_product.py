"""Next product in the night: customers and holdings by bucket, one fit, then by bucket again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from qfb_gpu.models import activity, recommend, registry, sampling, size_classes
from qfb_gpu.models.recommend_words import reason
from qfb_gpu.parts.customer_state import currencies_of, state_at, tallies_of
from qfb_gpu.parts.kept import load_files
from qfb_gpu.parts.next_product_gate import Apart, Pairs, When, decide
from qfb_gpu.parts.offering import may_be_compared
from qfb_gpu.parts.part import Columns, Part

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from qfb_gpu.parts.part import Given, Saved

_STEP_DAYS, _N_EARLIER = 90, 3
_CALIBRATE = 0.15
_ENOUGH_OPENERS = 400
"""Held-out customers with an opening from whom a first model is told from popularity."""
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
    dealt_in = currencies_of(given.ledger, given.backend.xp)
    sets = {
        f"at.{back}": state_at(tallies, given.ledger, dealt_in, back, given.backend)
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
    shifts: Mapping[int, Mapping[int, float]]
    """By how much the sizes of each currency are moved at each cut-off."""


def _load(
    saved: Saved,
    wanted: tuple[int, ...],
    names: list[str] | None = None,
    shift: Mapping[int, float] | None = None,
) -> _Bank:
    """Return the customers of the saved buckets, one after another, at the wanted cut-offs.

    ``shift``: what sizes are moved by, where they are not those of all customers.
    """
    held = [saved.scored_view("holdings", bucket) for bucket in saved.buckets]
    customers = [saved.scored_view("customers", bucket) for bucket in saved.buckets]
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
    first = np.concatenate([one["first_day"] for one in customers])
    states, shifts = {}, {}
    for back in wanted:
        parts = [saved.scored_view(f"at.{back}", bucket) for bucket in saved.buckets]
        state = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
        size, currency = state.pop("size"), state.pop("size_currency").astype(np.int64)
        there = first <= saved.as_of_day - back
        shifts[back] = shift or size_classes.shifts(size[there], currency[there])
        states[back] = {
            **state, "size": size_classes.comparable(size, currency, shifts[back], np),
        }  # fmt: skip
    key = np.concatenate([c["key"] for c in customers])
    return _Bank(names, holdings, states, key, first, shifts)


def _fit(saved: Saved) -> dict[str, Columns]:
    settings = saved.config.models.next_product
    bank = _load(saved, _backs(settings.horizon_days))
    _, test, *earlier = _backs(settings.horizon_days)
    history = saved.as_of_day - int(bank.first_day.min()) if bank.first_day.size else 0
    train = [back for back in earlier if back + _LEAST_HISTORY <= history]
    side = _sides(saved, bank, 0)
    share = settings.sample_rows / max(1, side.size * len(bank.names) * (len(train) + 1))
    sampled = np.flatnonzero(sampling.place(bank.key, settings.seed + 1, np) < share)
    known = {back: _pairs_at(saved, bank, back, sampled) for back in (test, *train)}
    challenger = _learn(saved, bank, list(known.values()), side)
    champion = _champion(saved, challenger, known[test].features)
    tested = _pairs_at(saved, bank, test, np.flatnonzero(side == sampling.TEST))
    apart = None
    if challenger is not None and champion is None:
        apart = _apart(saved, bank, [known[back] for back in train or [test]], (test, tested))
    when = When(test, train)
    decided = decide(saved, (challenger, champion), tested, apart, when)
    now = recommend.market(
        bank.holdings, bank.states[0]["size"], saved.as_of_day, settings.horizon_days
    )
    rates = {"rate": now.rate, "rate_new": now.rate_new, "rate_again": now.rate_again}
    return {
        **decided,
        "products": {"name": pa.array(bank.names, pa.string()), **rates},
        "lift": {"value": now.lift.ravel()},
        "sizes": {"value": now.size_lift.ravel()},
        "edges": {"value": now.size_edges},
        "shifts": {
            "currency": np.array(list(bank.shifts[0]), np.int64),
            "value": np.array(list(bank.shifts[0].values()), np.float64),
        },
    }


def _sides(saved: Saved, bank: _Bank, turn: int) -> np.ndarray:
    settings = saved.config.models.next_product
    shares = (_CALIBRATE, settings.test_share)
    found: np.ndarray = sampling.sides(
        bank.key, settings.seed, shares, np, turn * settings.test_share
    )
    return found


def _pairs_at(saved: Saved, bank: _Bank, back: int, rows: np.ndarray) -> Pairs:
    horizon = saved.config.models.next_product.horizon_days
    day = saved.as_of_day - back
    there = bank.first_day <= day
    known = recommend.market(bank.holdings, bank.states[back]["size"], day, horizon, there)
    rows = rows[there[rows]]
    customer, product, features = recommend.pairs(
        known, bank.holdings, bank.states[back], day, rows
    )
    opened = bank.holdings.opened_in(day, day + horizon)[customer, product]
    first = bank.holdings.first_opened(day, day + horizon)[customer, product]
    rules = {
        name: recommend.popularity(name, known, product, features) for name in recommend.BASELINES
    }
    return Pairs(customer, product, features, rules, opened, first)


def _learn(
    saved: Saved, bank: _Bank, parts: list[Pairs], side: np.ndarray
) -> recommend.NextProductModel | None:
    """Fit on the pairs of customers that do not test."""
    if not parts:
        return None
    settings = saved.config.models.next_product
    kept = [np.flatnonzero(side[part.customer] != sampling.TEST) for part in parts]
    pairs = list(zip(parts, kept, strict=True))
    features = {
        name: np.concatenate([part.features[name][rows] for part, rows in pairs])
        for name in parts[0].features
    }
    customer = np.concatenate([part.customer[rows] for part, rows in pairs])
    return recommend.fit(
        features,
        np.concatenate([part.opened[rows] for part, rows in pairs]),
        side[customer] == sampling.CALIBRATE,
        bank.key[customer],
        horizon_days=settings.horizon_days,
        seed=settings.seed,
        backend=saved.backend,
    )


def _apart(
    saved: Saved, bank: _Bank, learnt: list[Pairs], tested: tuple[int, Pairs]
) -> Apart | None:
    """Return pairs of the tested cut-off, each scored by a model that saw none of its customer.

    Where few customers that opened something test, every customer tests in its turn.
    """
    test, pairs = tested
    n_turns = 1
    if np.unique(pairs.customer[pairs.opened]).size < _ENOUGH_OPENERS:
        n_turns = sampling.n_turns(saved.config.models.next_product.test_share)
        pairs = _pairs_at(saved, bank, test, np.arange(bank.key.size))
    places, scores = [], []
    waits = np.ones(pairs.customer.size, dtype=bool)
    for turn in range(n_turns):
        side = _sides(saved, bank, turn)
        model = _learn(saved, bank, learnt, side)
        if model is None:
            return None
        own = np.flatnonzero(waits & (side[pairs.customer] == sampling.TEST))
        waits[own] = False
        places.append(own)
        scores.append(model.predict(model.matrix(pairs.taken(own).features)))
    return Apart(pairs.taken(np.concatenate(places)), np.concatenate(scores))


def _champion(
    saved: Saved, challenger: recommend.NextProductModel | None, features: Collection[str]
) -> tuple[int, recommend.NextProductModel] | None:
    """Return the champion where it answers tonight's question from features that are there.

    And where it did not learn from customers that test tonight.
    """
    output, night = saved.config.output_dir, saved.workspace.root
    version = registry.champion(output, recommend.NAME, night)
    if version is None:
        return None
    known = recommend.read(version.files)
    settings = saved.config.models.next_product
    if known is None or not may_be_compared(version, settings.seed, settings.test_share):
        return None
    reads = set(known.names)
    there = reads <= set(features) if challenger is None else known.names == challenger.names
    same = there and known.horizon_days == settings.horizon_days
    return (version.version, known) if same else None


def _publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    products = saved.fitted("products")
    names = products["name"].to_pylist()
    n = len(names)
    known = recommend.Market(
        rate=np.asarray(products["rate"]),
        rate_new=np.asarray(products["rate_new"]),
        rate_again=np.asarray(products["rate_again"]),
        lift=np.asarray(saved.fitted("lift")["value"]).reshape(n, n),
        size_edges=np.asarray(saved.fitted("edges")["value"]),
        size_lift=np.asarray(saved.fitted("sizes")["value"]).reshape(size_classes.N_SIZES + 1, n),
    )
    shifts = saved.fitted("shifts")
    shift = dict(zip(shifts["currency"].tolist(), shifts["value"].tolist(), strict=True))
    bank = _load(saved, (0,), names, shift)
    everyone = np.arange(bank.key.size)
    customer, product, features = recommend.pairs(
        known, bank.holdings, bank.states[0], saved.as_of_day, everyone
    )
    files = load_files(saved, "used")
    basis = saved.fitted("basis")["text"].to_pylist()[0]
    if files:
        model = recommend.NextProductModel.from_files(files)
        probability = saved.backend.to_host(
            model.predict(model.matrix(features, saved.backend.xp), saved.backend.xp)
        )
        low, high = model.range(probability)
    else:
        rate = recommend.popularity(basis, known, product, features)
        probability = np.clip(np.exp(rate), 0.0, 0.95)
        low = high = np.full(probability.size, np.nan)
    order, rank = recommend.ranked(customer, product, [probability, features["popularity"]])
    kept = rank <= saved.config.models.next_product.n_products
    rows = order[kept]
    which = (customer[rows], product[rows], rows)
    english, chinese = _reasons(known, bank, features, which, saved.as_of_day)
    ids = saved.customers(bucket)["customer_id"]
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
    size = size_classes.class_of(bank.states[0]["size"], known.size_edges)
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
