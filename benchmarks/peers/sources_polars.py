"""The task of :mod:`peers.sources_task` with Polars: one lazy plan, collected once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from peers.sources_task import ANSWER_DAYS, APPLY, COLUMNS, COUNTS, FEATURES, VIEW, WINDOWS

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

_YEAR, _RECENT = max(WINDOWS), 90


def read(folder: Path) -> dict[str, pl.DataFrame]:
    """Read the columns needed; texts as categories, dates as days."""
    tables = {}
    for name, columns in COLUMNS.items():
        frame = pl.scan_parquet(folder / f"{name}.parquet").select(columns)
        texts, dates = pl.col(pl.String).cast(pl.Categorical), pl.col(pl.Date).cast(pl.Int32)
        tables[name] = frame.with_columns(texts, dates).collect()
    return tables


def features(tables: dict[str, pl.DataFrame], as_of: dt.date) -> pl.DataFrame:
    """Return one row of features per customer."""
    day = pl.Series([as_of]).cast(pl.Int32).item()
    lazy = {name: frame.lazy() for name, frame in tables.items()}
    found = lazy["transactions"].select("customer_id").unique()
    for part in (
        *_journey(lazy["events"], day),
        _marketing(lazy["touches"], day),
        _claims(lazy["claims"], day),
        _products(lazy["products"], day),
        _orders(lazy["orders"], day),
        _mix(lazy["transactions"], day),
    ):
        found = found.join(part, on="customer_id", how="left")
    counted = pl.col(COUNTS).fill_null(0).cast(pl.Int64)
    named = found.with_columns(counted, pl.col("customer_id").cast(pl.String))
    return named.select("customer_id", *FEATURES).sort("customer_id").collect()


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)


def _journey(events: pl.LazyFrame, day: int) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    visits = events.group_by("customer_id", "session_id").agg(
        age=day - pl.col("date").min(),
        view=(pl.col("step") == VIEW).any(),
        apply=(pl.col("step") == APPLY).any(),
    )
    age, view, apply = pl.col("age"), pl.col("view"), pl.col("apply")
    year = age < _YEAR
    found = visits.group_by("customer_id").agg(
        **{f"journey_n_visits_{n}d": (age < n).sum() for n in WINDOWS},
        journey_n_applied_365d=(year & apply).sum(),
        journey_days_since_visit=age.min().cast(pl.Float64),
        journey_conversion_365d=_ratio((year & view & apply).sum(), (year & view).sum()),
    )
    channels = (
        events.filter(day - pl.col("date") < _YEAR)
        .group_by("customer_id")
        .agg(journey_n_channels_365d=pl.col("channel").drop_nulls().n_unique())
    )
    return found, channels


def _marketing(touches: pl.LazyFrame, day: int) -> pl.LazyFrame:
    age, responded = day - pl.col("date"), pl.col("responded")
    year = (age < _YEAR) & (age >= ANSWER_DAYS)
    return touches.group_by("customer_id").agg(
        **{f"marketing_n_contacts_{n}d": (age < n).sum() for n in WINDOWS},
        marketing_response_rate_365d=_ratio(
            (year & responded.fill_null(value=False)).sum(), (year & responded.is_not_null()).sum()
        ),
    )


def _claims(claims: pl.LazyFrame, day: int) -> pl.LazyFrame:
    paid = day - pl.col("paid_date") < _YEAR
    lag = (pl.col("paid_date") - pl.col("submitted_date")).filter(paid)
    return claims.group_by("customer_id").agg(
        claims_n_365d=(day - pl.col("date") < _YEAR).sum(),
        claims_n_open=pl.col("paid_date").is_null().sum(),
        claims_pay_lag_mean_days=lag.mean(),
    )


def _products(products: pl.LazyFrame, day: int) -> pl.LazyFrame:
    return products.group_by("customer_id").agg(
        products_n_held=pl.col("closed_date").is_null().sum(),
        products_tenure_days=(day - pl.col("opened_date").min()).cast(pl.Float64),
    )


def _orders(orders: pl.LazyFrame, day: int) -> pl.LazyFrame:
    delivered = (day - pl.col("delivered_date") < _YEAR) & pl.col("due_date").is_not_null()
    late = delivered & (pl.col("delivered_date") > pl.col("due_date"))
    return orders.group_by("customer_id").agg(
        terms_n_orders_365d=(day - pl.col("order_date") < _YEAR).sum(),
        terms_n_open=pl.col("delivered_date").is_null().sum(),
        terms_delivery_late_share_365d=_ratio(late.sum(), delivered.sum()),
    )


def _mix(payments: pl.LazyFrame, day: int) -> pl.LazyFrame:
    n, recent = pl.col("n"), pl.col("recent")
    share, before = n / n.sum(), n - recent
    apart = (recent / recent.sum() - before / before.sum()).abs().sum() / 2
    return (
        payments.filter((day - pl.col("date") < _YEAR) & pl.col("category").is_not_null())
        .group_by("customer_id", "category")
        .agg(
            n=pl.len().cast(pl.Int64), recent=(day - pl.col("date") < _RECENT).sum().cast(pl.Int64)
        )
        .group_by("customer_id")
        .agg(
            mix_category_n_365d=pl.len(),
            mix_category_entropy_365d=-(share * share.log()).sum(),
            mix_category_top_share_365d=share.max(),
            mix_category_shift_90d=pl.when((recent.sum() > 0) & (before.sum() > 0)).then(apart),
        )
    )
