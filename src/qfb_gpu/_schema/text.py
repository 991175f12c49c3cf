"""Gold: what descriptions are about."""

from __future__ import annotations

from qfb_gpu._schema.model import table

TABLES = (
    table(
        "stream_categories", "customer_id stream_id",
        ("customer_id", "string", "the customer"),
        ("stream_id", "int64", "the stream, see payment_streams"),
        ("category", "string",
         "category predicted from the descriptions; null where there are none"),
        ("probability", "float64", "mean over the stream's payments; 0 where none"),
        ("is_unknown", "bool", "below the threshold at which the model's answers are believed"),
        ("n_described", "int64", "payments that have a description"),
    ),
)  # fmt: skip
