"""Gold tables of the four risks, on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.finance.demand import CLASSES
from qfb_gpu.finance.levels import LEVELS
from qfb_gpu.finance.risks import RISKS
from qfb_gpu.finance.risks_history import Tested
from qfb_gpu.finance.risks_reasons import in_words
from qfb_gpu.ledger import Labelled
from qfb_gpu.parts.part import PROFILE, Columns

if TYPE_CHECKING:
    from qfb_gpu._config.risks import Risks as Settings

_DIGITS, _FINE = 4, 9
_SHOWN = (
    "arc", "drawdown", "idle", "hhi", "top_1", "top_5", "n_channels", "returned_rate",
    "cancelled_rate", "behind_days", "paid_ratio",
)  # fmt: skip
_OVERALL = 0.5


def tables(
    columns: Columns, customer_id: Any, currency: Labelled, days: Any, settings: Settings
) -> dict[str, Columns]:
    """Return ``customer_risks`` and ``risk_alerts`` of a bucket, and its profile columns.

    Parameters
    ----------
    columns : dict of arrays, shape (n_customers,)
        Scores, levels and parts of the bucket's customers, on the host.
    customer_id : Arrow strings
    currency : Labelled
    days : int64 array
        First day of each month, and the day after the last.
    """
    n = len(customer_id)
    order = np.arange(n * len(RISKS)) // len(RISKS)
    stacked = {
        name: np.stack([columns[f"{risk}.{name}"] for risk in RISKS], axis=1).reshape(-1)
        for name in ("score", "low", "high", "raw", "peers", "evidence", "level", "alert", "held",
                     "before")
    }  # fmt: skip
    codes, english, chinese = _reasons(columns, settings)
    rows: Columns = {
        "customer_id": customer_id.take(pa.array(order)),
        "risk": Labelled(np.tile(np.arange(len(RISKS), dtype=np.int32), n), RISKS),
        "month_end": np.full(n * len(RISKS), days[-1] - 1, dtype=np.int32),
        "score": np.round(stacked["score"], _DIGITS),
        "score_low": np.round(stacked["low"], _DIGITS),
        "score_high": np.round(stacked["high"], _DIGITS),
        "level": Labelled(stacked["level"], LEVELS),
        "raw_score": np.round(stacked["raw"], _DIGITS),
        "peer_score": np.round(stacked["peers"], _DIGITS),
        "n_observations": stacked["evidence"].astype(np.int64),
        "reason_codes": codes,
        "reasons": english,
        "reasons_zh": chinese,
    }
    return {
        "customer_risks": rows,
        "risk_alerts": _alerts(rows, stacked, columns, currency, (days, settings.alert_from)),
        PROFILE: _profile(columns),
    }


def _reasons(columns: Columns, settings: Settings) -> tuple[pa.Array, ...]:
    """Return codes, English and Chinese: a row for each risk of a customer, then of the next."""
    parts = {n.removeprefix("part."): v for n, v in columns.items() if n.startswith("part.")}
    points = {name.removeprefix("points."): values for name, values in parts.items()}
    told = [in_words(risk, points, parts, settings.all_weights) for risk in RISKS]
    n = len(told[0][0])
    rows = pa.array(np.arange(n * len(RISKS)).reshape(len(RISKS), n).T.reshape(-1))
    return tuple(pa.concat_arrays(of_risks).take(rows) for of_risks in zip(*told, strict=True))


def _alerts(
    rows: Columns, stacked: Columns, columns: Columns, currency: Labelled, when: tuple[Any, int]
) -> Columns:
    """Return the risks that stand at an alert's level, and the month end they came to it.

    A customer of whom nothing could be measured has what its peers have; that is no alert.
    """
    days, alert_from = when
    chosen = np.flatnonzero(stacked["alert"] >= alert_from)  # -1: not known
    held = stacked["held"][chosen]
    raised = days[len(days) - 1 - held] - 1
    customer = chosen // len(RISKS)
    largest = np.nan_to_num(columns["part.top_1_minor"])  # of who earned nothing: nothing
    exposed = np.where(_is_channel(len(largest)), np.repeat(largest, len(RISKS)), np.nan)
    picked = pa.array(chosen)
    return {
        "customer_id": rows["customer_id"].take(picked),
        "risk": Labelled(rows["risk"].codes[chosen], RISKS),
        "level": Labelled(stacked["alert"][chosen], LEVELS),
        "raised_date": raised.astype(np.int32),
        "is_new": held == 0,
        "score": rows["score"][chosen],
        "previous_score": np.round(stacked["before"][chosen], _DIGITS),
        "exposed": exposed[chosen],
        "currency": Labelled(currency.codes[customer], currency.labels),
        **{name: rows[name].take(picked) for name in ("reason_codes", "reasons", "reasons_zh")},
    }


def _is_channel(n: int) -> Any:
    """Return which rows of a table of customers by risks are of channel risk."""
    return np.tile(np.array([risk == "channel" for risk in RISKS]), n)


def _profile(columns: Columns) -> Columns:
    found: Columns = {}
    for risk in RISKS:
        found[f"risk_{risk}_score"] = np.round(columns[f"{risk}.score"], _DIGITS)
        found[f"risk_{risk}_low"] = np.round(columns[f"{risk}.low"], _DIGITS)
        found[f"risk_{risk}_high"] = np.round(columns[f"{risk}.high"], _DIGITS)
        found[f"risk_{risk}_level"] = Labelled(columns[f"{risk}.level"], LEVELS)
    scores = np.stack([columns[f"{risk}.score"] for risk in RISKS], axis=1)
    mixed = _OVERALL * scores.mean(axis=1) + (1 - _OVERALL) * scores.max(axis=1)
    found["risk_overall_score"] = np.round(mixed, _DIGITS)
    found["risk_demand_class"] = Labelled(columns["part.class_code"], CLASSES)
    return found | {f"risk_{name}": np.round(columns[f"part.{name}"], _FINE) for name in _SHOWN}


def tested_columns(tests: list[Tested]) -> Columns:
    """Return tests as columns that can be saved."""
    columns = {
        name: np.array([getattr(one, name) for one in tests], dtype=float)
        for name in Tested._fields
        if name != "risk"
    }
    risk = np.array([RISKS.index(one.risk) for one in tests], dtype=np.int32)
    return {"risk": risk, **columns}


def backtest(columns: Columns) -> Columns:
    """Return ``risk_backtest``."""
    measured = ("auc", "auc_raw", "auc_small", "fell_top", "stability", "covered")
    return {
        "risk": Labelled(columns["risk"], RISKS),
        "date": columns["day"].astype(np.int32),
        **{name: columns[name].astype(np.int64) for name in ("n_customers", "n_fell")},
        **{name: np.round(columns[name], 6) for name in measured},
    }
