"""Gold: the streams of payments."""

from __future__ import annotations

from qfb_gpu._schema.model import table

_STREAM_KEY = "customer_id stream_id"

TABLES = (
    table(
        "payment_streams", _STREAM_KEY,
        ("stream_id", "int64", "hash of the relation and the stream's ordinal in it"),
        ("customer_id", "string", "the customer"),
        ("counterparty_id", "string", "null where the source gave none"),
        ("description", "string", "normalised memo where there is no counterparty, else null"),
        ("direction", "string", "in or out"),
        ("currency", "string", "ISO 4217"),
        ("n_payments", "int32", "payments in the stream, returned ones left out"),
        ("first_date", "date", "first payment"),
        ("last_date", "date", "last payment"),
        ("is_regular", "bool", "regular at the run's false-discovery rate"),
        ("cadence", "string", "one of the cadences"),
        ("period_days", "float64", "days between due dates on average"),
        ("schedule_code", "string", "OBIE frequency code; where there is none see sources.md"),
        ("rrule", "string", "RFC 5545 recurrence rule"),
        ("roll", "string", "how a due date on a closed day moves"),
        ("confidence", "float64", "1 - q_value: share of real ones among streams as sure or surer"),
        ("p_value", "float64", "chance of such a schedule among payments at random"),
        ("q_value", "float64", "Benjamini-Hochberg, over the whole run"),
        ("interval_mean_days", "float64", "mean gap"),
        ("interval_std_days", "float64", "population standard deviation of the gaps"),
        ("interval_median_days", "float64", "median gap"),
        ("spectrum_period_days", "float64", "fundamental; of 3 to 5 payments the most in step"),
        ("spectrum_strength", "float64", "share of the power at that period, 0..1"),
        ("spectrum_entropy", "float64", "0: one line, 1: white"),
        ("amount_kind", "string", "fixed, stepped, variable or trend"),
        ("amount_typical", "float64", "currency units"),
        ("amount_step_date", "date", "first payment of the last step; null unless stepped"),
        ("amount_step_ratio", "float64", "relative size of the last step"),
        ("amount_total_minor", "int64", "minor units; exact; returned ones left out"),
        ("next_date", "date", "null unless regular and not stopped"),
        ("next_date_earliest", "date", "first day of the shortest range that holds it with 90%"),
        ("next_date_latest", "date", "last day of that range"),
        ("next_due_date", "date", "the due date that next_date answers"),
        ("next_amount", "float64", "currency units"),
        ("next_amount_low", "float64", "5% quantile"),
        ("next_amount_high", "float64", "95% quantile"),
        ("n_missed", "int32", "due dates without a payment"),
        ("status", "string", "early, mature or stopped; null where not regular"),
    ),
    table(
        "stream_payments", "customer_id txn_id",
        ("txn_id", "string", "the payment"),
        ("customer_id", "string", "the customer"),
        ("stream_id", "int64", "its stream"),
        ("role", "string", "regular, late, early, extra or returned"),
        ("due_date", "date", "the due date it answers; null where none"),
    ),
    table(
        "expected_payments", "customer_id stream_id due_date",
        ("customer_id", "string", "the customer"),
        ("stream_id", "int64", "the stream"),
        ("due_date", "date", "within payments.horizon_days (90) of as_of, an overdue one next day"),
        ("direction", "string", "in or out"),
        ("currency", "string", "ISO 4217"),
        ("amount", "float64", "currency units"),
    ),
)  # fmt: skip
