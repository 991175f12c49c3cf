"""What every implementation computes, so that results can be compared value by value.

Input: the Parquet of ``transactions`` (customer_id, counterparty_id, date, amount, direction,
currency); rows after the as-of date are not seen. The age of a payment is the as-of day less its
day: a window of n days holds the ages 0 .. n - 1.

``streams.parquet``: a row per relation (customer, counterparty, direction, currency; a null
counterparty is one like any other): number of payments, first and last date, mean, population
standard deviation and median of the days between payments, and the dominant period of its daily
series with its strength (see :mod:`peers.daily_series`).

``customers.parquet``: a row per customer, ``FEATURES``, each as ``docs/features.md`` defines it.
"""

from __future__ import annotations

KEYS = ["customer_id", "counterparty_id", "direction", "currency"]
STREAM_COUNTS = ["n_payments", "first_date", "last_date"]
STREAM_FLOATS = [
    "interval_mean_days", "interval_std_days", "interval_median_days",
    "spectrum_period_days", "spectrum_strength",
]  # fmt: skip
WINDOWS = (30, 90, 365)
EXACT_FEATURES = [
    "recency_days_since_last",
    *(f"frequency_n_{days}d" for days in WINDOWS),
    *(f"money_{side}_minor_{days}d" for side in ("in", "out") for days in WINDOWS),
    "counterparty_n_365d",
]
FLOAT_FEATURES = [
    "balance_in_out_365d", "trend_n_quarter", "interval_mean_days",
    "counterparty_hhi_in", "counterparty_hhi_out",
    "counterparty_top1_share_in", "counterparty_top1_share_out",
]  # fmt: skip
FEATURES = ["main_currency", *EXACT_FEATURES, *FLOAT_FEATURES]

MINOR_PER_MAJOR = {"CNY": 100, "USD": 100, "EUR": 100, "JPY": 1}
"""Of the generated portfolio's currencies; money is summed as int64 minor units."""
ACTIVE_DAYS = 364
"""The window in which a customer's gaps between active days are measured."""
