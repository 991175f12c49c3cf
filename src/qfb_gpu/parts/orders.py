"""Orders (订单数据分析): every open order scored before it is due, over all buckets' history."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.currencies import currency_name
from qfb_gpu.finance import orders_reasons
from qfb_gpu.finance.levels import LEVELS
from qfb_gpu.finance.orders import FEATURES, QUOTED, make_orders
from qfb_gpu.finance.orders_model import Test, backtest
from qfb_gpu.finance.orders_risk import METHODS, STATUSES, score_open
from qfb_gpu.lake.texts import hash_texts
from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.parts.part import PROFILE, Columns, Given, Part, Saved

if TYPE_CHECKING:
    from qfb_gpu._config.risks import Orders as Settings

_NUMBERS = (
    "order_date", "due_date", "delivered_date", "quantity", "quantity_delivered", "amount_minor",
    "currency",
)  # fmt: skip
_KEYS = ("customer", "supplier", "item")
_NAMED = ("supplier", "item")
"""What an order need not name; its hash is 0 then."""
_RISK = (
    "probability_late", "probability_late_low", "probability_late_high", "probability_default",
    "anomaly", "score", "cluster_id", "density_cluster_id",
)  # fmt: skip


def _settings(config: Any) -> Settings:
    settings: Settings = config.finance.orders
    return settings


def score(given: Given) -> dict[str, Columns]:
    """Keep the orders of a bucket that have a due date."""
    rows, xp = given.sources["orders"], given.backend.xp
    usable = xp.nonzero(rows.columns["due_date"] != NULL_DAY)[0]
    item = rows.columns["item"]
    hashes = hash_texts(pa.array(item.labels, pa.string())) if item.labels else np.zeros(0, "i8")
    hashes = given.backend.asarray(np.append(hashes, np.int64(0)))  # code -1 finds the last
    columns = {name: rows.columns[name][usable] for name in _NUMBERS}
    columns |= {
        "customer": rows.keys["customer_key"][usable],
        "supplier": rows.keys["supplier_key"][usable],
        "item": hashes[item.codes][usable],
        "place": rows.customer[usable],
    }
    texts = rows.texts.take(pa.array(given.backend.to_host(usable)))
    ids = {name: texts.column(name) for name in ("order_id", "customer_id", "supplier_id")}
    return {"orders": columns, "ids": ids}


def fit(saved: Saved) -> dict[str, Columns]:
    """Score the open orders of all buckets, and of past nights, with one supplier history.

    ``places`` says of each open order, by bucket, which row of the bucket's orders it is, and
    which row of ``risk``.
    """
    backend, settings = saved.backend, _settings(saved.config)
    sizes = [saved.scored_view("orders", bucket)["place"].shape[0] for bucket in saved.buckets]
    orders = make_orders(_all_orders(saved, sizes), backend)
    if not orders.order_day.shape[0]:
        return {**_no_risk(), "backtest": _test_columns([])}
    risk = score_open(orders, saved.as_of_day, settings, backend)
    row = backend.to_host(risk.pop("row"))
    at = np.argsort(row, kind="stable")
    row = row[at]
    places = {"bucket": np.repeat(np.array(saved.buckets), sizes)[row], "at": at}
    places["within"] = row - np.repeat(np.cumsum(sizes) - sizes, sizes)[row]
    tests = backtest(orders, saved.as_of_day, settings, backend)
    return {"risk": risk, "places": places, "backtest": _test_columns(tests)}


def _all_orders(saved: Saved, sizes: list[int]) -> Columns:
    """Return the orders of all buckets, of which one is mapped at a time."""
    columns: Columns = {}
    end = 0
    for bucket, size in zip(saved.buckets, sizes, strict=True):
        table = saved.scored("orders", bucket)
        start, end = end, end + size
        for name in (*_NUMBERS, *_KEYS):
            if name not in columns:
                columns[name] = np.empty(sum(sizes), table[name].dtype)
            columns[name][start:end] = table[name]
    return columns


def _no_risk() -> dict[str, Columns]:
    names = (*_RISK, *FEATURES, *QUOTED, *(f"part_{at}" for at in range(len(FEATURES))))
    empty = {name: np.empty(0) for name in names}
    whole, places = (
        {name: np.empty(0, dtype=np.int64) for name in some}
        for some in (("status", "method", "level", "is_alert"), ("bucket", "at", "within"))
    )
    return {"risk": {**empty, **whole}, "places": places}


def _test_columns(tests: list[Test]) -> Columns:
    columns = {
        field.name: np.array([getattr(test, field.name) for test in tests], dtype=float)
        for field in fields(Test)
    }
    day = columns.pop("day").astype(np.int32)
    counts = {name: columns.pop(name).astype(np.int64) for name in ("n_orders", "n_late")}
    rounded = {name: np.round(values, 9) for name, values in columns.items()}
    return {"date": day, **counts, **rounded}


def publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    """Return a bucket's open orders with their reasons, and what they mean for its customers."""
    places = saved.fitted("places")
    first, end = np.searchsorted(places["bucket"], (bucket, bucket + 1)).tolist()
    mine, within = (places[name][first:end] for name in ("at", "within"))
    risk = {name: values[mine] for name, values in saved.fitted("risk").items()}
    rows, ids = saved.scored("orders", bucket), saved.scored("ids", bucket)
    order = {name: rows[name][within] for name in (*_NUMBERS, "place")}
    codes, english, chinese = _reasons(risk, {name: rows[name][within] == 0 for name in _NAMED})
    distinct, code = np.unique(order["currency"], return_inverse=True)
    names = tuple(currency_name(int(one)) if one >= 0 else "" for one in distinct)
    ahead = order["due_date"] - saved.as_of_day
    table = {
        **{name: values.take(pa.array(within)) for name, values in ids.items()},
        "order_date": order["order_date"],
        "due_date": order["due_date"],
        "days_to_due": ahead.astype(np.int32),
        "status": Labelled(risk["status"], STATUSES),
        "amount_minor": order["amount_minor"],
        "currency": Labelled(np.where(order["currency"] < 0, -1, code), names),
        "delivered_share": _share(order["quantity_delivered"], order["quantity"]),
        **{name: risk[name] for name in _RISK},
        "level": Labelled(risk["level"], LEVELS),
        "is_alert": risk["is_alert"].astype(bool),
        "method": Labelled(risk["method"], METHODS),
        "reason_codes": pa.array(codes, pa.string()),
        "reasons": pa.array(english, pa.string()),
        "reasons_zh": pa.array(chinese, pa.string()),
    }
    n_customers = len(saved.customers(bucket)["customer_key"])
    return {"order_risk": table, PROFILE: _profile(order, risk, n_customers)}


def _share(part: Any, whole: Any) -> Any:
    known = whole > 0
    return np.where(known, part / np.where(known, whole, 1.0), np.nan)


def _reasons(risk: Columns, unnamed: Columns) -> tuple[list[str], list[str], list[str]]:
    names = (*FEATURES, *QUOTED)
    parts = np.stack([risk[f"part_{at}"] for at in range(len(FEATURES))], axis=1)
    rows = zip(*(risk[name].tolist() for name in names), strict=True)
    masks = zip(*(unnamed[name].tolist() for name in _NAMED), strict=True)
    nobody = [tuple(n for n, is_not in zip(_NAMED, mask, strict=True) if is_not) for mask in masks]
    found = [
        orders_reasons.explain(dict(zip(names, row, strict=True)), part, -int(days), unknown)
        for row, part, days, unknown in zip(rows, parts, risk["days_to_due"], nobody, strict=True)
    ]
    return (
        [",".join(one[0]) for one in found],
        ["; ".join(one[1]) for one in found],
        ["；".join(one[2]) for one in found],
    )


def _profile(order: Columns, risk: Columns, n_customers: int) -> Columns:
    place = order["place"]
    there = place >= 0
    place, late = place[there], risk["probability_late"][there]
    overdue, alert = risk["status"][there] == 1, risk["is_alert"][there] > 0

    def count(mask: Any) -> Any:
        return np.bincount(place[mask], minlength=n_customers).astype(np.int32)

    expected = np.bincount(place, late, minlength=n_customers)
    return {
        "risk_orders_open": count(np.ones_like(alert)),
        "risk_orders_overdue": count(overdue),
        "risk_orders_alerts": count(alert),
        "risk_orders_late_expected": expected.astype(np.float64),  # without rows it is of integers
    }


def whole(saved: Saved) -> dict[str, Columns]:
    """Return the back-test."""
    return {"order_backtest": dict(saved.fitted("backtest"))}


ORDERS = Part(
    name="orders",
    what="orders at risk of being late, short or never delivered",
    needs=("orders",),
    tables=("order_risk",),
    whole_tables=("order_backtest",),
    rows=("risk", "places"),
    score=score,
    fit=fit,
    publish=publish,
    whole=whole,
)
