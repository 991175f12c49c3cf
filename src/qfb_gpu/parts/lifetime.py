"""The lifetime models in the night: histories by bucket, one fit over all, columns by bucket."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu import profile
from qfb_gpu.currencies import currency_name
from qfb_gpu.models import lifetime as models
from qfb_gpu.parts.part import PROFILE, Columns, Part

if TYPE_CHECKING:
    from qfb_gpu.parts.part import Given, Saved

_HORIZONS = (90, 365)
_READS = ("n_days", "days_to_last", "days_observed", "currency", "mean_value_minor")
"""What the models are fitted on."""


def _score(given: Given) -> dict[str, Columns]:
    main = profile.main_currency(given.ledger, given.backend)
    history = profile.purchase_history(given.ledger, main, given.as_of_day, given.backend)
    return {"history": {**history, "currency": main}}


def _fit(saved: Saved) -> dict[str, Columns]:
    """Fit BG/NBD on all customers, Gamma-Gamma on those of each main currency."""
    tables = [saved.scored_view("history", bucket) for bucket in saved.buckets]
    there = [table["n_days"] > 0 for table in tables]
    history = {
        name: np.concatenate([t[name][rows] for t, rows in zip(tables, there, strict=True)])
        for name in _READS
    }
    x = history["n_days"] - 1
    rows = saved.config.features.lifetime_sample_rows
    buying = models.fit_beta_geometric(
        x, history["days_to_last"], history["days_observed"], sample_rows=rows
    )
    found: list[tuple[str, int, Any]] = [("beta_geometric", -1, buying)]
    for code in np.unique(history["currency"]).tolist():
        own = history["currency"] == code
        spent = models.fit_gamma_gamma(x[own], history["mean_value_minor"][own])
        found.append(("gamma_gamma", code, spent))
    return {"models": _parameters(found)}


def _parameters(found: list[tuple[str, int, Any]]) -> Columns:
    rows = [
        (name, code, parameter, float(value))
        for name, code, model in found
        if model is not None
        for parameter, value in asdict(model).items()
    ]
    return {
        "model": pa.array([row[0] for row in rows], pa.string()),
        "currency": np.array([row[1] for row in rows], dtype=np.int16),
        "parameter": pa.array([row[2] for row in rows], pa.string()),
        "value": np.array([row[3] for row in rows], dtype=np.float64),
    }


def _models(saved: Saved) -> tuple[models.BetaGeometric | None, dict[int, models.GammaGamma]]:
    table = saved.fitted("models")
    found: dict[tuple[str, int], dict[str, Any]] = {}
    rows = zip(
        table["model"].to_pylist(), table["currency"].tolist(), table["parameter"].to_pylist(),
        table["value"].tolist(), strict=True,
    )  # fmt: skip
    for name, code, parameter, value in rows:
        found.setdefault((name, code), {})[parameter] = value
    for parameters in found.values():
        parameters["n_customers"] = int(parameters["n_customers"])
    buying = found.pop(("beta_geometric", -1), None)
    spending = {code: models.GammaGamma(**values) for (_, code), values in found.items()}
    return None if buying is None else models.BetaGeometric(**buying), spending


def _publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    history = saved.scored("history", bucket)
    buying, spending = _models(saved)
    n = history["n_days"].shape[0]
    columns = {feature.name: np.full(n, np.nan) for feature in profile.LIFETIME}
    if buying is not None:
        _expect(columns, history, buying)
    _value(columns, history, spending)
    return {PROFILE: columns}


def _expect(columns: Columns, history: Columns, buying: models.BetaGeometric) -> None:
    there = np.flatnonzero(history["n_days"] > 0)
    x = history["n_days"][there] - 1
    t_x, age = history["days_to_last"][there], history["days_observed"][there]
    columns["lifetime_p_alive"][there] = models.p_alive(buying, x, t_x, age)
    for days in _HORIZONS:
        expected = models.expected_purchases(buying, x, t_x, age, days)
        columns[f"lifetime_expected_active_days_{days}d"][there] = expected
        columns[f"lifetime_expected_payments_{days}d"][there] = (
            expected * history["payments_per_day"][there]
        )


def _value(columns: Columns, history: Columns, spending: dict[int, models.GammaGamma]) -> None:
    for code, model in spending.items():
        own = np.flatnonzero((history["currency"] == code) & (history["n_days"] > 0))
        x, mean = history["n_days"][own] - 1, history["mean_value_minor"][own]
        usable = np.where(mean > 0, x, 0)
        columns["lifetime_expected_value_minor"][own] = models.expected_value(model, usable, mean)
    columns["lifetime_expected_turnover_minor_365d"][:] = (
        columns["lifetime_expected_active_days_365d"] * columns["lifetime_expected_value_minor"]
    )


def _whole(saved: Saved) -> dict[str, Columns]:
    table = saved.fitted("models")
    names = ["" if code < 0 else currency_name(code) for code in table["currency"].tolist()]
    currency = pa.array([name or None for name in names], pa.string())
    return {"lifetime_models": {**table, "currency": currency}}


LIFETIME = Part(
    "lifetime",
    "probability alive and expected payments",
    whole_tables=("lifetime_models",),
    score=_score,
    fit=_fit,
    publish=_publish,
    whole=_whole,
)
