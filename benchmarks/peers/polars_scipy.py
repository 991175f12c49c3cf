"""The task with Polars (one lazy scan, streaming aggregates, lists of days) and SciPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from peers.daily_series import dominant_periods
from peers.task import ACTIVE_DAYS, FEATURES, KEYS, MINOR_PER_MAJOR, WINDOWS

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path


def read(source: Path, as_of: dt.date) -> pl.DataFrame:
    """Read the columns needed; keys as categories, dates as days, money as minor units."""
    per_major = pl.col("currency").replace_strict(MINOR_PER_MAJOR, return_dtype=pl.Int64)
    return (
        pl.scan_parquet(source)
        .filter(pl.col("date") <= as_of)
        .select(
            pl.col(KEYS).cast(pl.Categorical),
            pl.col("date").cast(pl.Int32).alias("day"),
            amount_minor=(pl.col("amount") * 100).cast(pl.Int64) // (100 // per_major),
        )
        .collect(engine="streaming")
    )


def streams(payments: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Gather each relation's days in a sorted list; count them and measure their intervals."""
    gap = pl.col("days").list.diff(null_behavior="drop")
    table = (
        payments.lazy()
        .group_by(KEYS)
        .agg(days=pl.col("day").sort())
        .select(
            *KEYS,
            "days",
            n_payments=pl.col("days").list.len(),
            first_date=pl.col("days").list.first().cast(pl.Date),
            last_date=pl.col("days").list.last().cast(pl.Date),
            interval_mean_days=gap.list.mean(),
            interval_std_days=gap.list.std(ddof=0),
            interval_median_days=gap.list.median(),
        )
        .collect()
    )
    return payments, table


def spectrum(payments: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:  # noqa: ARG001
    """Add the dominant period of every stream and its strength."""
    offsets = np.append(0, table["n_payments"].cum_sum().to_numpy()).astype(np.int64)
    period, strength = dominant_periods(table["days"].explode().to_numpy(), offsets)
    return table.drop("days").with_columns(
        pl.Series("spectrum_period_days", period, nan_to_null=True),
        pl.Series("spectrum_strength", strength, nan_to_null=True),
    )


def features(payments: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """Return one row of features per customer."""
    as_of_day = pl.Series([as_of]).cast(pl.Int32).item()
    lazy = payments.lazy()
    main = _main_currency(lazy)
    year = (
        lazy.filter(pl.col("day") > as_of_day - max(WINDOWS))
        .join(main, on="customer_id")
        .with_columns(
            age=as_of_day - pl.col("day"),
            is_main=pl.col("currency") == pl.col("main_currency"),
        )
        .collect(engine="streaming")
        .lazy()
    )
    last = lazy.group_by("customer_id").agg(recency_days_since_last=as_of_day - pl.col("day").max())
    customers = main.join(last, on="customer_id")
    for part in (_windows(year), _counterparties(year), _shares(year), _active_gap(year)):
        customers = customers.join(part, on="customer_id", how="left")
    counted = pl.col("^(frequency_n|money|counterparty_n|n)_.*$")
    in_year, out_year = pl.col("money_in_minor_365d"), pl.col("money_out_minor_365d")
    return (
        customers.with_columns(counted.fill_null(0).cast(pl.Int64))
        .with_columns(
            balance_in_out_365d=_balance(in_year, out_year),
            trend_n_quarter=_balance(pl.col("frequency_n_90d"), pl.col("n_quarter_before")),
        )
        .select("customer_id", *FEATURES)
        .collect(engine="streaming")
    )


def _main_currency(payments: pl.LazyFrame) -> pl.LazyFrame:
    """Most payments, then the latest, then most money, then the first by name."""
    return (
        payments.group_by("customer_id", "currency")
        .agg(n=pl.len(), last=pl.col("day").max(), money=pl.col("amount_minor").sum().abs())
        .with_columns(name=pl.col("currency").cast(pl.String))
        .sort("n", "last", "money", "name", descending=[True, True, True, False])
        .unique("customer_id", keep="first", maintain_order=True)
        .select("customer_id", main_currency="currency")
    )


def _windows(year: pl.LazyFrame) -> pl.LazyFrame:
    columns = {"n_quarter_before": pl.col("age").is_between(90, 179).sum()}
    money = pl.col("amount_minor")
    for days in WINDOWS:
        inside = pl.col("age") < days
        columns[f"frequency_n_{days}d"] = inside.sum()
        for side in ("in", "out"):
            counted = inside & pl.col("is_main") & (pl.col("direction") == side)
            columns[f"money_{side}_minor_{days}d"] = money.filter(counted).sum()
    return year.group_by("customer_id").agg(**columns)


def _counterparties(year: pl.LazyFrame) -> pl.LazyFrame:
    return (
        year.filter(pl.col("counterparty_id").is_not_null())
        .select("customer_id", "counterparty_id")
        .unique()
        .group_by("customer_id")
        .agg(counterparty_n_365d=pl.len())
    )


def _shares(year: pl.LazyFrame) -> pl.LazyFrame:
    share = pl.col("money") / pl.col("money").sum()
    sides = (
        year.filter(pl.col("counterparty_id").is_not_null() & pl.col("is_main"))
        .group_by("customer_id", "counterparty_id", "direction")
        .agg(money=pl.col("amount_minor").sum())
        .filter(pl.col("money") > 0)
        .group_by("customer_id", "direction")
        .agg(hhi=(share**2).sum(), top=share.max())
    )
    return sides.group_by("customer_id").agg(
        pl.col(column).filter(pl.col("direction") == side).first().alias(f"{name}_{side}")
        for column, name in (("hhi", "counterparty_hhi"), ("top", "counterparty_top1_share"))
        for side in ("in", "out")
    )


def _active_gap(year: pl.LazyFrame) -> pl.LazyFrame:
    day = pl.col("day")
    return (
        year.filter(pl.col("age") < ACTIVE_DAYS)
        .select("customer_id", "day")
        .unique()
        .group_by("customer_id")
        .agg(
            interval_mean_days=pl.when(pl.len() > 1).then((day.max() - day.min()) / (pl.len() - 1))
        )
    )


def _balance(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    whole = left.abs() + right.abs()
    return pl.when(whole > 0).then((left - right) / whole)


def write(table: pl.DataFrame, customers: pl.DataFrame, out: Path) -> None:
    """Write both tables as Parquet."""
    table.write_parquet(out / "streams.parquet")
    customers.write_parquet(out / "customers.parquet")
