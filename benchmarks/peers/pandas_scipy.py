"""The task with pandas (keys as categories, one sort, grouped aggregates) and SciPy."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from peers.daily_series import dominant_periods
from peers.task import ACTIVE_DAYS, FEATURES, KEYS, MINOR_PER_MAJOR, WINDOWS

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path


def read(source: Path, as_of: dt.date) -> pd.DataFrame:
    """Read the columns needed; keys as dictionaries, dates as days, money as minor units."""
    table = pq.read_table(
        source,
        columns=[*KEYS, "date", "amount"],
        filters=pc.field("date") <= as_of,
        read_dictionary=KEYS,
    )
    cents = pc.multiply(table["amount"], pa.scalar(Decimal(100))).cast(pa.int64())
    days = table["date"].cast(pa.int32())
    table = table.select(KEYS).append_column("day", days).append_column("cents", cents)
    payments = table.to_pandas(split_blocks=True, self_destruct=True)
    per_major = payments["currency"].cat.categories.map(MINOR_PER_MAJOR).to_numpy()
    divisor = 100 // per_major[payments["currency"].cat.codes]
    payments["amount_minor"] = payments.pop("cents") // divisor
    return payments


def streams(payments: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sort the payments by relation and day; count them and measure their intervals."""
    payments = payments.sort_values([*KEYS, "day"], ignore_index=True)
    codes = np.column_stack([payments[key].cat.codes for key in KEYS])
    is_first = np.append(True, (codes[1:] != codes[:-1]).any(axis=1))
    payments["stream"] = np.cumsum(is_first) - 1
    payments["gap"] = payments["day"].diff().mask(is_first)
    grouped = payments.groupby("stream", sort=False)
    table = payments.loc[is_first, KEYS].reset_index(drop=True)
    table["n_payments"] = grouped.size()
    table["first_date"] = payments.loc[is_first, "day"].to_numpy()
    table["last_date"] = payments.loc[np.append(is_first[1:], True), "day"].to_numpy()
    table["interval_mean_days"] = grouped["gap"].mean()
    table["interval_std_days"] = grouped["gap"].std(ddof=0)
    table["interval_median_days"] = grouped["gap"].median()
    return payments, table


def spectrum(payments: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Add the dominant period of every stream and its strength."""
    offsets = np.append(0, table["n_payments"].cumsum())
    period, strength = dominant_periods(payments["day"].to_numpy(), offsets)
    return table.assign(spectrum_period_days=period, spectrum_strength=strength)


def features(payments: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Return one row of features per customer."""
    as_of_day = (as_of - np.datetime64(0, "D").item()).days
    customers = payments.groupby("customer_id", observed=True).agg(last=("day", "max"))
    customers["main_currency"] = _main_currency(payments)
    customers["recency_days_since_last"] = as_of_day - customers.pop("last")
    year = payments[payments["day"] > as_of_day - max(WINDOWS)]
    year = year.assign(age=as_of_day - year["day"])
    main = customers["main_currency"].reindex(year["customer_id"].cat.categories)
    year["is_main"] = (
        main.cat.codes.to_numpy()[year["customer_id"].cat.codes] == year["currency"].cat.codes
    )
    customers = customers.join(_windows(year)).join(_counterparties(year))
    counted = [n for n in customers if n.startswith(("frequency", "money", "counterparty_n", "n_"))]
    customers[counted] = customers[counted].fillna(0).astype("int64")
    customers["balance_in_out_365d"] = _balance(
        customers["money_in_minor_365d"], customers["money_out_minor_365d"]
    )
    customers["trend_n_quarter"] = _balance(
        customers["frequency_n_90d"], customers.pop("n_quarter_before")
    )
    customers["interval_mean_days"] = _active_gap(year)
    return customers[FEATURES].reset_index()


def _main_currency(payments: pd.DataFrame) -> pd.Series:
    """Most payments, then the latest, then most money, then the first by name."""
    currencies = payments.groupby(["customer_id", "currency"], observed=True).agg(
        n=("day", "size"), last=("day", "max"), money=("amount_minor", "sum")
    )
    currencies["money"] = currencies["money"].abs()
    currencies = currencies.reset_index()
    currencies["name"] = currencies["currency"].astype(str)
    best = currencies.sort_values(
        ["n", "last", "money", "name"], ascending=[False, False, False, True]
    ).drop_duplicates("customer_id")
    return best.set_index("customer_id")["currency"]


def _windows(year: pd.DataFrame) -> pd.DataFrame:
    is_in = year["direction"] == "in"
    columns = {"n_quarter_before": year["age"].between(90, 179)}
    for days in WINDOWS:
        inside = year["age"] < days
        counted = year["amount_minor"].where(inside & year["is_main"], 0)
        columns[f"frequency_n_{days}d"] = inside
        columns[f"money_in_minor_{days}d"] = counted.where(is_in, 0)
        columns[f"money_out_minor_{days}d"] = counted.mask(is_in, 0)
    return pd.DataFrame(columns).groupby(year["customer_id"], observed=True).sum()


def _counterparties(year: pd.DataFrame) -> pd.DataFrame:
    known = year[year["counterparty_id"].notna()]
    n_known = known.drop_duplicates(["customer_id", "counterparty_id"]).groupby(
        "customer_id", observed=True
    )
    result = n_known.size().to_frame("counterparty_n_365d")
    money = known[known["is_main"]].groupby("stream", sort=False).agg(
        customer_id=("customer_id", "first"),
        direction=("direction", "first"),
        money=("amount_minor", "sum"),
    )  # fmt: skip
    money = money[money["money"] > 0]
    sides = ["customer_id", "direction"]
    total = money.groupby(sides, observed=True)["money"].transform("sum")
    money["share"] = money["money"] / total
    money["square"] = money["share"] ** 2
    shares = money.groupby(sides, observed=True).agg(hhi=("square", "sum"), top=("share", "max"))
    for side in ("in", "out"):
        of_side = shares.xs(side, level="direction")
        result = result.join(
            of_side.set_axis(
                [f"counterparty_hhi_{side}", f"counterparty_top1_share_{side}"], axis=1
            )
        )
    return result


def _active_gap(year: pd.DataFrame) -> pd.Series:
    active = year.loc[year["age"] < ACTIVE_DAYS, ["customer_id", "day"]].drop_duplicates()
    days = active.groupby("customer_id", observed=True)["day"].agg(["min", "max", "size"])
    return (days["max"] - days["min"]) / (days["size"] - 1).where(days["size"] > 1)


def _balance(left: pd.Series, right: pd.Series) -> pd.Series:
    whole = left.abs() + right.abs()
    return (left - right) / whole.where(whole > 0)


def write(table: pd.DataFrame, customers: pd.DataFrame, out: Path) -> None:
    """Write both tables as Parquet."""
    for column in ("first_date", "last_date"):
        table[column] = pd.array(pa.array(table[column]).cast(pa.date32()), dtype="date32[pyarrow]")
    table.to_parquet(out / "streams.parquet", index=False)
    customers.to_parquet(out / "customers.parquet", index=False)
