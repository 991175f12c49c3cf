"""The task with DuckDB (SQL: window functions, filtered aggregates) and SciPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd  # noqa: F401  pyarrow's first array imports it: not in the middle of a stage
import pyarrow as pa

from peers.daily_series import dominant_periods
from peers.task import ACTIVE_DAYS, FEATURES, KEYS, MINOR_PER_MAJOR, WINDOWS

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

_KEYS = ", ".join(KEYS)
_YEAR = max(WINDOWS)


def read(source: Path, as_of: dt.date) -> duckdb.DuckDBPyConnection:
    """Read the columns needed into a table; dates as days, money as minor units."""
    connection = duckdb.connect()
    connection.sql("SET preserve_insertion_order = false")
    files = str(source / "*.parquet") if source.is_dir() else str(source)
    cases = " ".join(f"WHEN '{name}' THEN {units}" for name, units in MINOR_PER_MAJOR.items())
    connection.execute(
        f"""
        CREATE TABLE payments AS
        SELECT {_KEYS}, (date - DATE '1970-01-01')::INTEGER AS day,
               (amount * (CASE currency {cases} END))::BIGINT AS amount_minor
        FROM read_parquet(?) WHERE date <= ?
        """,
        [files, as_of],
    )
    return connection


def streams(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]:
    """Give every relation a number, so that the window is over one integer; measure intervals."""
    same = " AND ".join(f"p.{key} IS NOT DISTINCT FROM r.{key}" for key in KEYS)
    connection.execute(
        f"""
        CREATE TABLE relations AS
        SELECT (row_number() OVER ())::INTEGER - 1 AS stream, *
        FROM (SELECT {_KEYS}, count(*) AS n_payments, min(day) AS first_day, max(day) AS last_day
              FROM payments GROUP BY ALL);
        CREATE TABLE days AS
        SELECT stream, day FROM payments p JOIN relations r ON {same};
        CREATE TABLE streams AS
        SELECT r.*, interval_mean_days, interval_std_days, interval_median_days
        FROM relations r JOIN (
            SELECT stream, avg(gap) AS interval_mean_days, stddev_pop(gap) AS interval_std_days,
                   median(gap) AS interval_median_days
            FROM (SELECT stream, day - lag(day) OVER (PARTITION BY stream ORDER BY day) AS gap
                  FROM days)
            GROUP BY stream) USING (stream);
        """
    )
    return connection, connection


def spectrum(
    connection: duckdb.DuckDBPyConnection,
    table: duckdb.DuckDBPyConnection,
) -> duckdb.DuckDBPyConnection:
    """Add the dominant period of every stream and its strength."""
    days = connection.sql("SELECT day FROM days ORDER BY stream, day").to_arrow_table()
    counts = connection.sql("SELECT n_payments FROM relations ORDER BY stream").to_arrow_table()
    offsets = np.append(0, np.cumsum(counts["n_payments"].to_numpy()))
    period, strength = dominant_periods(days["day"].to_numpy(), offsets)
    peaks = pa.table(
        {
            "stream": np.arange(len(period), dtype=np.int32),
            "spectrum_period_days": pa.array(period, from_pandas=True),
            "spectrum_strength": pa.array(strength, from_pandas=True),
        }
    )
    connection.register("peaks", peaks)
    connection.execute("CREATE TABLE spectrum AS SELECT * FROM peaks")
    connection.unregister("peaks")
    return table


def features(connection: duckdb.DuckDBPyConnection, as_of: dt.date) -> duckdb.DuckDBPyConnection:
    """Make the table ``customers``: one row of features per customer."""
    connection.execute("CREATE MACRO balance(a, b) AS (a - b) / nullif(abs(a) + abs(b), 0)")
    connection.execute(_MAIN_CURRENCY, {"as_of": as_of})
    connection.execute(_YEAR_OF_PAYMENTS, {"as_of": as_of})
    connection.execute(_WINDOW_TABLE)
    connection.execute(_COUNTERPARTIES)
    connection.execute(_CUSTOMERS)
    return connection


_MAIN_CURRENCY = """
CREATE TABLE main AS
SELECT customer_id,
       ($as_of - DATE '1970-01-01')::INTEGER - max(last_day) AS recency_days_since_last,
       arg_max(currency, (n, last_day, money, rank)) AS main_currency
FROM (SELECT customer_id, currency, count(*) AS n, max(day) AS last_day,
             abs(sum(amount_minor)) AS money,
             row_number() OVER (PARTITION BY customer_id ORDER BY currency DESC) AS rank
      FROM payments GROUP BY customer_id, currency)
GROUP BY customer_id
"""
"""Most payments, then the latest, then most money, then the first by name."""

_YEAR_OF_PAYMENTS = f"""
CREATE TABLE year AS
SELECT customer_id, counterparty_id, direction, day, amount_minor,
       ($as_of - DATE '1970-01-01')::INTEGER - day AS age, currency = main_currency AS is_main
FROM payments JOIN main USING (customer_id)
WHERE day > ($as_of - DATE '1970-01-01')::INTEGER - {_YEAR};
"""

_COUNTS = ", ".join(f"count(*) FILTER (age < {days}) AS frequency_n_{days}d" for days in WINDOWS)
_SUMS = ", ".join(
    f"coalesce(sum(amount_minor) FILTER (age < {days} AND is_main AND direction = '{side}'), 0)"
    f"::BIGINT AS money_{side}_minor_{days}d"
    for side in ("in", "out")
    for days in WINDOWS
)
_WINDOW_TABLE = f"""
CREATE TABLE windows AS
SELECT customer_id, {_COUNTS}, {_SUMS},
       count(*) FILTER (age BETWEEN 90 AND 179) AS n_quarter_before
FROM year GROUP BY customer_id
"""

_COUNTERPARTIES = f"""
CREATE TABLE partners AS
SELECT customer_id, count(DISTINCT counterparty_id) AS counterparty_n_365d
FROM (SELECT DISTINCT customer_id, counterparty_id FROM year WHERE counterparty_id IS NOT NULL)
GROUP BY customer_id;
CREATE TABLE shares AS
WITH money AS (
    SELECT customer_id, direction, sum(amount_minor)::BIGINT AS money
    FROM year WHERE counterparty_id IS NOT NULL AND is_main
    GROUP BY customer_id, counterparty_id, direction HAVING sum(amount_minor) > 0),
share AS (
    SELECT customer_id, direction,
           money / sum(money) OVER (PARTITION BY customer_id, direction) AS share
    FROM money)
SELECT customer_id,
       sum(share * share) FILTER (direction = 'in') AS counterparty_hhi_in,
       sum(share * share) FILTER (direction = 'out') AS counterparty_hhi_out,
       max(share) FILTER (direction = 'in') AS counterparty_top1_share_in,
       max(share) FILTER (direction = 'out') AS counterparty_top1_share_out
FROM share GROUP BY customer_id;
CREATE TABLE active AS
SELECT customer_id, (max(day) - min(day)) / nullif(count(*) - 1, 0) AS interval_mean_days
FROM (SELECT DISTINCT customer_id, day FROM year WHERE age < {ACTIVE_DAYS})
GROUP BY customer_id;
"""

_ZERO = ", ".join(
    f"coalesce({name}, 0) AS {name}"
    for name in FEATURES
    if name.startswith(("frequency", "money", "counterparty_n"))
)
_CUSTOMERS = f"""
CREATE TABLE customers AS
SELECT customer_id, main_currency, recency_days_since_last, {_ZERO},
       balance(money_in_minor_365d, money_out_minor_365d) AS balance_in_out_365d,
       balance(frequency_n_90d, n_quarter_before) AS trend_n_quarter,
       interval_mean_days, COLUMNS('counterparty_(hhi|top1).*')
FROM main LEFT JOIN windows USING (customer_id) LEFT JOIN partners USING (customer_id)
LEFT JOIN shares USING (customer_id) LEFT JOIN active USING (customer_id)
"""


def write(
    table: duckdb.DuckDBPyConnection,
    customers: duckdb.DuckDBPyConnection,
    out: Path,
) -> None:
    """Write both tables as Parquet."""
    table.execute(
        f"""
        COPY (SELECT * EXCLUDE (stream, first_day, last_day),
                     DATE '1970-01-01' + first_day AS first_date,
                     DATE '1970-01-01' + last_day AS last_date
              FROM streams JOIN spectrum USING (stream)) TO '{out}/streams.parquet'
        """
    )
    customers.execute(f"COPY customers TO '{out}/customers.parquet'")
