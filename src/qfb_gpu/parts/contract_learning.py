"""What all contracts together teach: shares that recur, how long nodes take, averages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.backend import get_backend
from qfb_gpu.finance.averages import summary
from qfb_gpu.finance.clause_words import KINDS, OTHER
from qfb_gpu.finance.joins import mix
from qfb_gpu.finance.recurring import recurring_shares
from qfb_gpu.finance.survival import kaplan_meier
from qfb_gpu.finance.timing import EVENT, FEWEST_EVENTS, SHARE, sorts, usual_days
from qfb_gpu.finance.waits import learn_waits
from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.parts.contract_rows import load, node_times, per_contract, shares

if TYPE_CHECKING:
    from qfb_gpu.parts.contract_rows import Rows
    from qfb_gpu.parts.part import Columns, Saved

_FEWER = 20
"""Of so many nodes one is paid less, and one more, than the range of the next amount."""


def fit(saved: Saved) -> dict[str, Columns]:
    """Learn from the contracts of all buckets, on the host: they are few beside payments."""
    backend = get_backend("cpu")
    buckets = [load(saved, bucket) for bucket in saved.buckets]
    waits = _waits(buckets, saved.as_of_day)
    times = [node_times(rows, saved.as_of_day, backend, waits) for rows in buckets]
    keep = [~rows.node["is_bare"] & t["is_seen"] for rows, t in zip(buckets, times, strict=True)]
    time, is_paid = (
        np.concatenate([t[name][k] for t, k in zip(times, keep, strict=True)])
        for name in ("time", "is_paid")
    )
    levels = [
        np.concatenate([t["sorts"][level][k] for t, k in zip(times, keep, strict=True)])
        for level in range(3)
    ]
    curves = kaplan_meier(np.concatenate(levels), np.tile(time, 3), np.tile(is_paid, 3), backend)
    return {
        "curves": curves,
        "waits": waits,
        "recurring": _recurring(buckets),
        "kinds": _kinds(buckets),
        "amounts": _amounts(buckets),
        "categories": _averages(buckets, "category_key"),
        "suppliers": _averages(buckets, "counterparty_key"),
    }


def _waits(buckets: list[Rows], as_of_day: int) -> Columns:
    """Return the days from an event to its payment, of sorts whose clauses do not say them."""
    backend = get_backend("cpu")
    paid, said = [], []
    for rows in buckets:
        times = node_times(rows, as_of_day, backend)
        seen = ~rows.node["is_bare"] & times["is_seen"]
        kept = seen & times["is_paid"] & (times["clock"] == SHARE)
        paid.append([array[kept] for array in (*times["sorts"], times["time"], times["unit"])])
        kept = seen & (times["clock"] == EVENT)
        silent = np.full_like(times["clock"], SHARE)
        keys = sorts(rows.nodes, silent, rows.contract["category_key"], backend)
        days = usual_days(rows.nodes, backend)
        said.append([array[kept] for array in (*keys, days)])
    *keys, share, length = (np.concatenate(arrays) for arrays in zip(*paid, strict=True))
    *silent_keys, days = (np.concatenate(arrays) for arrays in zip(*said, strict=True))
    return learn_waits((keys, share, length), (silent_keys, days))


def _recurring(buckets: list[Rows]) -> Columns:
    """Return ``category_key``, ``basis_points`` and ``n_payments`` of each recurring share."""
    found = [shares(rows) for rows in buckets]
    keys, group = np.unique(np.concatenate([f[1] for f in found]), return_inverse=True)
    points = np.concatenate([f[2] for f in found])
    clusters = recurring_shares(group, points, get_backend("cpu"))
    return {
        "category_key": keys[clusters["group"]],
        "basis_points": clusters["basis_points"],
        "n_payments": clusters["n_payments"],
    }


def _kinds(buckets: list[Rows]) -> Columns:
    """Return the kind that nodes of a share in a category mostly are, by the clauses."""
    category = [rows.contract["category_key"][rows.nodes.contract] for rows in buckets]
    keep = [~rows.node["is_bare"] & (rows.nodes.kind != OTHER) for rows in buckets]
    backend = get_backend("cpu")
    key = np.concatenate(
        [
            mix((c[k], rows.nodes.basis_points[k]), backend)
            for c, k, rows in zip(category, keep, buckets, strict=True)
        ]
    )
    kind = np.concatenate([rows.nodes.kind[k] for rows, k in zip(buckets, keep, strict=True)])
    keys, place = np.unique(key, return_inverse=True)
    votes = np.bincount(place * len(KINDS) + kind, minlength=keys.shape[0] * len(KINDS))
    winner = votes.reshape(-1, len(KINDS)).argmax(axis=1) if keys.shape[0] else keys
    return {"key": keys, "kind": winner.astype(np.int8)}


def _amounts(buckets: list[Rows]) -> Columns:
    """Return how nodes were paid beside what the clause promised: 90% range of the ratio.

    Of nodes that are paid in full: of others the rest is still to come. As promised lies within.
    The range is by the order statistics of the sample, as that of dates
    (:func:`qfb_gpu.finance.timing.forecast`): NaN of fewer nodes than have a range there.
    """
    ratios = []
    for rows in buckets:
        done = ~rows.node["is_bare"] & (rows.node["paid_day"] != NULL_DAY)
        promised = rows.nodes.amount_minor[done]
        ratios.append(rows.node["paid_minor"][done] / np.maximum(promised, 1))
    ratio = np.sort(np.concatenate(ratios))
    n = ratio.shape[0]
    if n < FEWEST_EVENTS:
        return {"low": np.full(1, np.nan), "high": np.full(1, np.nan)}
    from_end = max((n + 1) // _FEWER, 1)  # the next lies below the i-th i / (n + 1) times
    low, high = ratio[from_end - 1], ratio[n - from_end]
    return {"low": np.array([min(low, 1.0)]), "high": np.array([max(high, 1.0)])}


def _averages(buckets: list[Rows], by: str) -> Columns:
    """Return the averages of each group of contracts: its key and those of :func:`summary`."""
    keys = np.concatenate([rows.contract[by] for rows in buckets])
    distinct, group = np.unique(keys, return_inverse=True)
    averages = summary(group, distinct.shape[0], *_of_all(buckets))
    return {"key": distinct, **averages}


def _of_all(buckets: list[Rows]) -> tuple[dict[str, Any], dict[str, Any]]:
    each = [per_contract(rows) for rows in buckets]
    contracts = {name: np.concatenate([c[name] for c in each]) for name in each[0]}
    sizes = [rows.contracts.n for rows in buckets]
    starts = np.cumsum(sizes) - sizes
    gaps = {
        "contract": np.concatenate(
            [rows.paid["contract"] + s for rows, s in zip(buckets, starts, strict=True)]
        ),
        "gap_days": np.concatenate([rows.paid["gap_days"] for rows in buckets]),
    }
    return contracts, gaps


def whole(saved: Saved) -> dict[str, Columns]:
    """Return gold ``contract_groups``."""
    buckets = [load(saved, bucket) for bucket in saved.buckets]
    n = sum(rows.contracts.n for rows in buckets)
    everything = summary(np.zeros(n, np.int64), 1, *_of_all(buckets))
    tables = [("all", _named(np.zeros(1, np.int64), {0: "all"}), everything)] if n else []
    for by, name, key in (
        ("category", "categories", "category_key"),
        ("supplier", "suppliers", "counterparty_key"),
    ):
        fitted = saved.fitted(name)
        labels = _labels(buckets, key)
        tables.append((by, _named(fitted["key"], labels), fitted))
    recurring = _recurring_json(saved.fitted("recurring"), saved.fitted("categories")["key"])
    columns = {name: np.concatenate([t[2][name] for t in tables]) for name in everything}
    which = np.concatenate([np.full(len(t[1]), i, np.int32) for i, t in enumerate(tables)])
    group = [label for t in tables for label in t[1]]
    text = [None] * (len(tables[0][1]) if n else 0) + recurring
    text += [None] * (len(group) - len(text))
    return {
        "contract_groups": {
            "group_by": Labelled(which, tuple(t[0] for t in tables)),
            "group": pa.array(group, pa.string()),
            **columns,
            "recurring_percents": pa.array(text, pa.string()),
        }
    }


def _named(keys: np.ndarray, labels: dict[int, str]) -> list[str]:
    return [labels.get(int(key), "not given") for key in keys]


def _labels(buckets: list[Rows], key: str) -> dict[int, str]:
    """Return the text behind each key: the first by text of categories that differ in case."""
    found: dict[int, str] = {}
    for rows in buckets:
        if key == "category_key":
            category = rows.contract["category"]
            codes, first = np.unique(category.codes, return_index=True)
            texts = [category.labels[code] if code >= 0 else None for code in codes]
        else:
            _, first = np.unique(rows.contract[key], return_index=True)
            texts = rows.contract["counterparty_id"].take(pa.array(first)).to_pylist()
        for one, text in zip(rows.contract[key][first].tolist(), texts, strict=True):
            if text is not None:
                found[one] = min(text, found.get(one, text))
    return found


def _recurring_json(recurring: Columns, categories: np.ndarray) -> list[str | None]:
    texts: list[str | None] = []
    for key in categories:
        mine = np.flatnonzero(recurring["category_key"] == key)
        shares_ = {
            f"{recurring['basis_points'][i] / 100:g}": int(recurring["n_payments"][i]) for i in mine
        }
        texts.append(json.dumps(shares_) if shares_ else None)
    return texts
