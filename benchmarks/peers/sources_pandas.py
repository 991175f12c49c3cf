"""The task of :mod:`peers.sources_task` with pandas: grouped aggregates of marked rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from peers.sources_task import ANSWER_DAYS, APPLY, COLUMNS, COUNTS, FEATURES, VIEW, WINDOWS

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path


def read(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the columns needed; texts as categories, dates as days (NaN where null)."""
    tables = {}
    for name, columns in COLUMNS.items():
        texts = [
            c for c in columns if c in ("customer_id", "session_id", "category", "channel", "step")
        ]
        table = pq.read_table(folder / f"{name}.parquet", columns=columns, read_dictionary=texts)
        for place, column in enumerate(table.schema):
            if pa.types.is_date32(column.type):
                table = table.set_column(place, column.name, table[column.name].cast(pa.int32()))
        tables[name] = table.to_pandas()
    return tables


def features(tables: dict[str, pd.DataFrame], as_of: dt.date) -> pd.DataFrame:
    """Return one row of features per customer."""
    day = (as_of - np.datetime64(0, "D").item()).days
    ids = tables["transactions"]["customer_id"].astype(str).unique()
    found = pd.DataFrame(index=pd.Index(np.sort(ids), name="customer_id"))
    for part in (
        _journey(tables["events"], day),
        _marketing(tables["touches"], day),
        _claims(tables["claims"], day),
        _products(tables["products"], day),
        _orders(tables["orders"], day),
        _mix(tables["transactions"], day),
    ):
        part.index = part.index.astype(str)
        found = found.join(part)
    found[COUNTS] = found[COUNTS].fillna(0).astype("int64")
    return found[FEATURES]


def _sum(marks: dict[str, pd.Series], key: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(marks).groupby(key, observed=True).sum()


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0)


def _journey(events: pd.DataFrame, day: int) -> pd.DataFrame:
    age = day - events["date"]
    marked = events.assign(view=events["step"] == VIEW, apply=events["step"] == APPLY)
    visits = marked.groupby(["customer_id", "session_id"], observed=True).agg(
        date=("date", "min"), view=("view", "any"), apply=("apply", "any")
    )
    visits = visits.reset_index()
    visit_age = day - visits["date"]
    year = visit_age < max(WINDOWS)
    found = _sum(
        {
            **{f"journey_n_visits_{n}d": visit_age < n for n in WINDOWS},
            "journey_n_applied_365d": year & visits["apply"],
            "viewed": year & visits["view"],
            "both": year & visits["view"] & visits["apply"],
        },
        visits["customer_id"],
    )
    found["journey_days_since_visit"] = (
        day - visits.groupby("customer_id", observed=True)["date"].max()
    )
    found["journey_conversion_365d"] = _ratio(found.pop("both"), found.pop("viewed"))
    channels = events.loc[age < max(WINDOWS), ["customer_id", "channel"]].dropna().drop_duplicates()
    found["journey_n_channels_365d"] = channels.groupby("customer_id", observed=True).size()
    return found


def _marketing(touches: pd.DataFrame, day: int) -> pd.DataFrame:
    age = day - touches["date"]
    year = (age < max(WINDOWS)) & (age >= ANSWER_DAYS)
    found = _sum(
        {
            **{f"marketing_n_contacts_{n}d": age < n for n in WINDOWS},
            "known": year & touches["responded"].notna(),
            "answered": year & (touches["responded"] == True),  # noqa: E712
        },
        touches["customer_id"],
    )
    found["marketing_response_rate_365d"] = _ratio(found.pop("answered"), found.pop("known"))
    return found


def _claims(claims: pd.DataFrame, day: int) -> pd.DataFrame:
    paid = day - claims["paid_date"] < max(WINDOWS)
    lag = claims["paid_date"] - claims["submitted_date"]
    found = _sum(
        {
            "claims_n_365d": day - claims["date"] < max(WINDOWS),
            "claims_n_open": claims["paid_date"].isna(),
            "lag": lag.where(paid, 0),
            "paid": paid,
        },
        claims["customer_id"],
    )
    found["claims_pay_lag_mean_days"] = _ratio(found.pop("lag"), found.pop("paid"))
    return found


def _products(products: pd.DataFrame, day: int) -> pd.DataFrame:
    found = _sum({"products_n_held": products["closed_date"].isna()}, products["customer_id"])
    first = products.groupby("customer_id", observed=True)["opened_date"].min()
    found["products_tenure_days"] = day - first
    return found


def _orders(orders: pd.DataFrame, day: int) -> pd.DataFrame:
    delivered = (day - orders["delivered_date"] < max(WINDOWS)) & orders["due_date"].notna()
    late = delivered & (orders["delivered_date"] > orders["due_date"])
    found = _sum(
        {
            "terms_n_orders_365d": day - orders["order_date"] < max(WINDOWS),
            "terms_n_open": orders["delivered_date"].isna(),
            "late": late,
            "delivered": delivered,
        },
        orders["customer_id"],
    )
    found["terms_delivery_late_share_365d"] = _ratio(found.pop("late"), found.pop("delivered"))
    return found


def _mix(payments: pd.DataFrame, day: int) -> pd.DataFrame:
    age = day - payments["date"]
    year = payments[(age < max(WINDOWS)) & payments["category"].notna()]
    recent = (day - year["date"] < 90).rename("recent")
    cells = year.assign(recent=recent).groupby(["customer_id", "category"], observed=True)["recent"]
    cells = cells.agg(n="size", recent="sum").reset_index()
    by_customer = cells.groupby("customer_id", observed=True)
    total, total_recent = (by_customer[name].transform("sum") for name in ("n", "recent"))
    before = total - total_recent
    share = cells["n"] / total
    apart = (cells["recent"] / total_recent - (cells["n"] - cells["recent"]) / before).abs()
    cells["entropy"] = -share * np.log(share)
    cells["share"] = share
    cells["apart"] = (apart / 2).where((total_recent > 0) & (before > 0))
    return cells.groupby("customer_id", observed=True).agg(
        mix_category_n_365d=("n", "size"),
        mix_category_entropy_365d=("entropy", "sum"),
        mix_category_top_share_365d=("share", "max"),
        mix_category_shift_90d=("apart", lambda values: values.sum(min_count=1)),
    )
