"""Gold: what the models say of customers, and how good they are."""

from __future__ import annotations

from qfb_gpu._schema.model import table

TABLES = (
    table(
        "recommendations", "customer_id rank",
        ("customer_id", "string", "the customer"),
        ("rank", "int32", "1: the likeliest"),
        ("product_id", "string", "a product that it does not hold"),
        ("probability", "float64", "that it opens it in the horizon (models.next_product)"),
        ("probability_low", "float64", "90% range of the share of like cases that did"),
        ("probability_high", "float64", "90% range of the share of like cases that did"),
        ("lift", "float64", "probability over that of everyone without the product"),
        ("reasons_en", "string", "why, in English"),
        ("reasons_zh", "string", "why, in Chinese"),
        ("basis", "string", "the model of the night, a champion's version, or popularity"),
    ),
    table(
        "lookalikes", "customer_id rank",
        ("customer_id", "string", "the customer"),
        ("rank", "int32", "1: the nearest"),
        ("similar_customer_id", "string", "a customer that behaves alike"),
        ("distance", "float64", "root mean squared difference of ranks of features, 0 to 1"),
        ("alike", "string", "features in which both stand out on the same side"),
    ),
    table(
        "model_evaluations", "model candidate metric bin",
        ("model", "string", "churn, next_product"),
        ("candidate", "string", "challenger, champion, or a baseline such as the recency rule"),
        ("version", "int32", "of the champion in the registry; null where it has none yet"),
        ("is_used", "bool", "its scores are published tonight"),
        ("metric", "string", "auc, lift_10, brier, hit_rate_1, ...; reliability: by bin"),
        ("bin", "int32", "of reliability, by probability; -1: not by bin"),
        ("value", "float64", "the metric; of reliability the share that came true"),
        ("low", "float64", "90% range"),
        ("high", "float64", "90% range"),
        ("mean_probability", "float64", "of reliability: what was said"),
        ("n_rows", "int64", "held-out rows"),
        ("test_date", "date", "the day the tested scores were made as of"),
        ("note", "string", "what it was measured on; the gate's words"),
    ),
)  # fmt: skip
