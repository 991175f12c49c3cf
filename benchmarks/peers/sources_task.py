"""What pandas and Polars compute from the other sources: each as ``docs/features.md`` defines it.

Input: the Parquet of the generated sources, of which no row is later than the as-of date. Output:
a row per customer with a payment, in the order of ``customer_id``.
"""

from __future__ import annotations

WINDOWS = (30, 90, 365)
ANSWER_DAYS = 30
"""Days after a contact from which its answer counts as known."""
VIEW, APPLY = "view", "apply"
COUNTS = [
    *(f"journey_n_visits_{days}d" for days in WINDOWS), "journey_n_applied_365d",
    "journey_n_channels_365d", *(f"marketing_n_contacts_{days}d" for days in WINDOWS),
    "claims_n_365d", "claims_n_open", "products_n_held", "terms_n_orders_365d", "terms_n_open",
    "mix_category_n_365d",
]  # fmt: skip
FLOATS = [
    "journey_days_since_visit", "journey_conversion_365d", "marketing_response_rate_365d",
    "claims_pay_lag_mean_days", "products_tenure_days", "terms_delivery_late_share_365d",
    "mix_category_entropy_365d", "mix_category_top_share_365d", "mix_category_shift_90d",
]  # fmt: skip
FEATURES = [*COUNTS, *FLOATS]
COLUMNS = {
    "transactions": ["customer_id", "date", "category"],
    "events": ["customer_id", "date", "session_id", "channel", "step"],
    "touches": ["customer_id", "date", "responded"],
    "claims": ["customer_id", "date", "submitted_date", "paid_date"],
    "products": ["customer_id", "opened_date", "closed_date"],
    "orders": ["customer_id", "order_date", "due_date", "delivered_date"],
}
