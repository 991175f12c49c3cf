"""Statistics and the best cycle of every pair, over all buckets, on the host."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from qfb_gpu.backend import get_backend
from qfb_gpu.currencies import currency_name
from qfb_gpu.finance import cycle
from qfb_gpu.finance.joins import find, mix
from qfb_gpu.finance.legal_caps import LEGAL_CAPS
from qfb_gpu.finance.terms import Invoices, statistics
from qfb_gpu.finance.timing import event_days
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.parts.contract_rows import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qfb_gpu._config.finance import Terms
    from qfb_gpu.parts.part import Columns, Saved

ORDERS, CONTRACTS, PAYMENTS = range(3)
BASES = ("orders", "contracts", "payments")
PRICES = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""How many times the configured distress is weighed, along the front."""


def fit(saved: Saved) -> dict[str, Columns]:
    """Return the pairs of all buckets with statistics and best cycle, and how sellers are paid."""
    each = [_invoices(saved, bucket) for bucket in saved.buckets]
    received = _received(saved)
    tables = [
        _terms(saved, bucket, invoices, received)
        for bucket, invoices in zip(saved.buckets, each, strict=True)
    ]
    sellers = _sellers(each, saved.as_of_day)
    return {"terms": _stacked(tables), "sellers": sellers, "received": received}


def place(saved: Saved, bucket: int) -> dict[str, Columns]:
    """Return the pairs of a bucket, beside what ``fit`` knew of what sellers receive in all."""
    return {"terms": _terms(saved, bucket, _invoices(saved, bucket), saved.fitted("received"))}


def _stacked(tables: list[Columns]) -> Columns:
    return {
        name: pa.concat_arrays([t[name] for t in tables])
        if isinstance(tables[0][name], pa.Array)
        else np.concatenate([t[name] for t in tables])
        for name in tables[0]
    }


def _invoices(saved: Saved, bucket: int) -> Columns:
    """Return the invoices of a bucket: orders, and contract nodes of pairs without orders."""
    orders = saved.scored("orders", bucket)
    n = orders["begin_day"].shape[0]
    parts: list[Columns] = [
        {
            **orders,
            "terms_days": np.full(n, -1, np.int32),
            "part_minor": np.zeros(n, np.int64),
            "basis": np.full(n, ORDERS, np.int8),
        }
    ]
    if "contracts" in saved.config.sources:
        contract = _of_contracts(saved, bucket)
        with_orders = _pair_keys(parts[0])
        bare = ~np.isin(_pair_keys(contract), with_orders)
        parts.append(_take(contract, np.flatnonzero(bare)))
    return _stacked(parts)


def _take(columns: Columns, rows: np.ndarray) -> Columns:
    return {
        name: values.take(pa.array(rows)) if isinstance(values, pa.Array) else values[rows]
        for name, values in columns.items()
    }


def _pair_keys(columns: Columns) -> np.ndarray:
    keys = (columns["customer"], columns["counterparty_key"], columns["currency"])
    hashed: np.ndarray = mix(keys, get_backend("cpu"))
    return hashed


def _of_contracts(saved: Saved, bucket: int) -> Columns:
    """Return contract nodes whose trigger has a date, as invoices; all days are calendar days."""
    rows = load(saved, bucket, "contracts")
    node, nodes, contracts = rows.node, rows.nodes, rows.contracts
    of = nodes.contract
    has_rule = (node["due_day"] != NULL_DAY) & (nodes.days != NULL_DAY) & ~node["is_bare"]
    begin, _ = event_days(nodes, contracts, get_backend("cpu"))
    begun = (node["paid_day"] != NULL_DAY) | (begin <= saved.as_of_day)
    known = contracts.counterparty_key[of] != 0
    at = np.flatnonzero(has_rule & begun & known & (contracts.customer[of] >= 0))
    of = of[at]
    return {
        "customer": contracts.customer[of],
        "counterparty_key": contracts.counterparty_key[of],
        "counterparty_id": rows.contract["counterparty_id"].take(pa.array(of)),
        "currency": contracts.currency[of],
        "begin_day": begin[at].astype(np.int32),
        "paid_day": node["paid_day"][at],
        "amount_minor": nodes.amount_minor[at],
        "terms_days": (node["due_day"][at] - begin[at]).astype(np.int32),
        "part_minor": np.clip(node["paid_minor"][at], 0, nodes.amount_minor[at]),
        "basis": np.full(at.shape[0], CONTRACTS, np.int8),
    }


def _received(saved: Saved) -> Columns:
    """Return what customers of the bank paid each payee in the last year, by currency."""
    edges = [saved.edges(bucket) for bucket in saved.buckets]
    return _paid(edges, ("payee_key", "currency"))


def _paid(edges: Sequence[Mapping[str, np.ndarray]], by: Sequence[str]) -> Columns:
    """Return what was paid in the last year, as the payers say, by some columns of the edges."""
    rows = [np.flatnonzero(e["side"] == 0) for e in edges]
    *ids, amount = (
        np.concatenate([e[name][r] for e, r in zip(edges, rows, strict=True)])
        for name in (*by, "amount_365d_minor")
    )
    keys, group = np.unique(mix(tuple(ids), get_backend("cpu")), return_inverse=True)
    totals = np.zeros(keys.shape[0], np.int64)
    np.add.at(totals, group, amount)
    return {"key": keys, "amount_minor": totals}


def _dependency(saved: Saved, bucket: int, head: Columns, received: Columns) -> np.ndarray:
    """Return the share that each pair's buyer has in what all customers paid its supplier."""
    payee = (head["counterparty_key"], head["currency"])
    payer = saved.customers(bucket)["customer_key"][head["customer"]]
    own = _paid([saved.edges(bucket)], ("payer_key", "payee_key", "currency"))

    def paid(keys: tuple[np.ndarray, ...], among: Columns) -> np.ndarray:
        backend = get_backend("cpu")
        place = find(mix(keys, backend), among["key"], backend)
        return np.append(among["amount_minor"], 0)[place].astype(np.float64)

    mine, whole_ = paid((payer, *payee), own), paid(payee, received)
    return np.clip(np.where(whole_ > 0, mine / np.maximum(whole_, 1), 0.0), 0.0, 1.0)


def _terms(saved: Saved, bucket: int, invoices: Columns, received: Columns) -> Columns:
    """Return a row a pair of the bucket: statistics, cap, best cycle."""
    backend = get_backend("cpu")
    settings = saved.config.finance.terms
    keys, first, pair = np.unique(_pair_keys(invoices), return_index=True, return_inverse=True)
    n = keys.shape[0]
    names = ("begin_day", "paid_day", "amount_minor", "terms_days", "part_minor")
    stats = statistics(
        Invoices(pair, *(invoices[name] for name in names)), n, saved.as_of_day, backend
    )
    head = {
        name: values
        for name, values in _take(invoices, first).items()
        if name in ("customer", "counterparty_key", "counterparty_id", "currency", "basis")
    }
    dependency = _dependency(saved, bucket, head, received)
    kinds = _buyer_kinds(saved, bucket, head["customer"], settings)
    return {
        "bucket": np.full(n, bucket, np.int32),
        **head,
        **stats,
        "dependency": dependency,
        **_best(stats, dependency, kinds, settings),
    }


def _buyer_kinds(saved: Saved, bucket: int, customer: np.ndarray, settings: Terms) -> np.ndarray:
    """Return the kind of each pair's buyer as a row of the jurisdiction's rules."""
    rules = [r.buyer_kind for r in LEGAL_CAPS if r.jurisdiction == settings.jurisdiction]
    if settings.buyer_kind != "auto":
        return np.full(customer.shape[0], rules.index(settings.buyer_kind), np.int8)
    small = saved.scored("buyers", bucket)["is_small"][customer]
    kinds: np.ndarray = np.where(small, rules.index("other"), rules.index("large"))
    return kinds.astype(np.int8)


def costs_of(settings: Terms, late: float, capital: float | None = None) -> cycle.Costs:
    """Return the costs of the config, at another cost of capital if given."""
    return cycle.Costs(
        capital=settings.cost_of_capital if capital is None else capital,
        financing=settings.pass_through * settings.supplier_cost_of_capital,
        failure=settings.supplier_failure * settings.failure_cost,
        discount=settings.discount,
        discount_days=settings.discount_days,
        late=late,
    )


def _best(stats: Columns, dependency: np.ndarray, kinds: np.ndarray, settings: Terms) -> Columns:
    """Return the best cycle under agreed terms, and under new ones, with what they bring."""
    backend = get_backend("cpu")
    rules = [r for r in LEGAL_CAPS if r.jurisdiction == settings.jurisdiction]
    legal = np.array([np.inf if r.cap_days is None else r.cap_days for r in rules])[kinds]
    cap = np.minimum(legal, settings.policy_cap_days)
    late = np.array([r.late_rate_a_day(settings.reference_rate) for r in rules])[kinds]
    agreed = np.where(np.isnan(stats["terms_days"]), cap, np.minimum(stats["terms_days"], legal))
    now = stats["days_weighted"]
    spent = stats["purchases_minor"].astype(np.float64)
    out: Columns = {
        "buyer_kind": kinds,
        "cap_days": cap,
        "is_legal": legal <= settings.policy_cap_days,
        "cap_exceeded": np.isfinite(legal) & (now > legal),
        "binding": np.zeros(cap.shape[0], np.int8),
        "negotiable": np.zeros(cap.shape[0]),
    }
    base = settings.cost_of_capital
    for suffix, rate in (("", base), ("_low", base / 2), ("_high", base * 2)):
        days = np.zeros(cap.shape[0])
        gain = np.zeros(cap.shape[0])
        for one in np.unique(late):
            rows = np.flatnonzero(late == one)
            costs = costs_of(settings, float(one), rate)
            args = (agreed[rows], cap[rows], dependency[rows], costs, backend)
            within = np.minimum(np.floor(agreed[rows]), cap[rows])  # later is a breach of contract
            days[rows] = cycle.best_days(agreed[rows], within, dependency[rows], costs, backend)
            cost_now = cycle.yearly_cost(now[rows], *args)
            gain[rows] = spent[rows] * (cost_now - cycle.yearly_cost(days[rows], *args))
            if not suffix:
                out["binding"][rows] = cycle.binding(
                    days[rows], agreed[rows], cap[rows], out["is_legal"][rows], costs, backend
                )
                new = cycle.best_days(cap[rows], cap[rows], dependency[rows], costs, backend)
                out["negotiable"][rows] = new
        out[f"recommended{suffix}"] = days
        out[f"gain{suffix}"] = gain
    out["cash_released"] = spent * (out["recommended"] - now) / cycle.YEAR
    return out


def _sellers(each: list[Columns], as_of_day: int) -> Columns:
    """Return how each seller is paid by the bank's customers: days, and sales outstanding."""
    names = (
        "counterparty_key", "currency", "begin_day", "paid_day", "amount_minor", "part_minor",
    )  # fmt: skip
    keys, currency, begin, paid, amount, part = (
        np.concatenate([c[name] for c in each]) for name in names
    )
    hashed = mix((keys, currency), get_backend("cpu"))
    distinct, first, group = np.unique(hashed, return_index=True, return_inverse=True)
    stats = statistics(
        Invoices(group, begin, paid, amount, np.full(keys.shape[0], -1, np.int32), part),
        distinct.shape[0],
        as_of_day,
        get_backend("cpu"),
    )
    return {
        "key": keys[first],
        "currency": currency[first],
        "n_invoices": stats["n_invoices"],
        "days": stats["days_weighted"],
        "dso_days": stats["dpo_days"],
    }


def whole(saved: Saved) -> dict[str, Columns]:
    """Return gold ``payment_terms_front``: cash against supplier risk, by currency."""
    terms = saved.fitted("terms")
    known = np.flatnonzero((terms["purchases_minor"] > 0) & ~np.isnan(terms["days_weighted"]))
    fronts = [
        _front(_take(terms, known[terms["currency"][known] == code]), saved.config.finance.terms)
        for code in np.unique(terms["currency"][known])
    ]
    names = ("distress_price", "days_weighted", "cash_released_minor", "supplier_risk_minor")
    rows = {name: np.concatenate([np.zeros(0), *(f[name] for f in fronts)]) for name in names}
    sizes = [front["distress_price"].shape[0] for front in fronts]
    codes = np.repeat(np.unique(terms["currency"][known]), sizes)
    return {
        "payment_terms_front": {
            "currency": pa.array([currency_name(int(code)) for code in codes], pa.string()),
            "distress_price": rows["distress_price"],
            "days_weighted": rows["days_weighted"],
            "cash_released_minor": np.rint(rows["cash_released_minor"]).astype(np.int64),
            "supplier_risk_minor": np.rint(rows["supplier_risk_minor"]).astype(np.int64),
        }
    }


def _total(values: np.ndarray) -> float:
    """Return the sum, rounded once: the same in any order."""
    return math.fsum(values.tolist())


def _front(terms: Columns, settings: Terms) -> dict[str, np.ndarray]:
    """Return the best cycles of one currency's pairs as distress is weighed more and more."""
    backend = get_backend("cpu")
    spent = terms["purchases_minor"].astype(np.float64)
    cap, dependency = terms["cap_days"], terms["dependency"]
    base = costs_of(settings, 0.0)  # terms are new: nothing is late
    each = []
    for price in PRICES:
        costs = replace(base, failure=base.failure * price)
        days = cycle.best_days(cap, cap, dependency, costs, backend)
        hurt = base.failure * (1 + dependency) * (days / cycle.REFERENCE_DAYS) ** 2
        moved = spent * (days - terms["days_weighted"]) / cycle.YEAR
        weighted = _total(spent * days) / _total(spent)
        each.append((price, weighted, _total(moved), _total(spent * hurt)))
    table = np.array(each, np.float64)
    kept = table[cycle.pareto(table[:, 2], table[:, 3], backend)]
    names = ("distress_price", "days_weighted", "cash_released_minor", "supplier_risk_minor")
    return {name: kept[:, at] for at, name in enumerate(names)}
