"""Gold: what the models say of customers, and how good they are."""

from __future__ import annotations

from qfb_gpu._schema.model import table

TABLES = (
    table(
        "recommendations", "customer_id rank",
        ("customer_id", "string", "the customer"),
        ("rank", "int32", "1 is the likeliest"),
        ("product_id", "string", "a product that the customer does not hold"),
        ("probability", "float64",
         "that the customer opens it in the horizon (models.next_product)"),
        ("probability_low", "float64",
         "lower end of the 90% range of the share of like cases that did"),
        ("probability_high", "float64", "upper end of that range"),
        ("lift", "float64",
         "probability / that of everyone without the product; above 1 is likelier"),
        ("reasons_en", "string", "the reasons, in English"),
        ("reasons_zh", "string", "the reasons, in Chinese"),
        ("basis", "string", "the model of the night, a champion's version, or popularity"),
    ),
    table(
        "lookalikes", "customer_id rank",
        ("customer_id", "string", "the customer"),
        ("rank", "int32", "1 is the nearest"),
        ("similar_customer_id", "string", "another customer that behaves alike"),
        ("distance", "float64", "root mean squared difference of ranks of features, 0 to 1"),
        ("alike", "string",
         "features in which both stand out on the same side, e.g. high frequency_n_365d"),
    ),
    table(
        "model_evaluations", "model candidate metric bin",
        ("model", "string", "churn or next_product"),
        ("candidate", "string", "challenger, champion, or a baseline such as the recency rule"),
        ("version", "int32", "version of the champion in the registry; null where it has none"),
        ("is_used", "bool", "true: its scores are published tonight"),
        ("metric", "string", "auc, lift_10, brier, hit_rate_1, ...; reliability has a row a bin"),
        ("bin", "int32", "bin by probability, from 0, of reliability; else -1"),
        ("value", "float64", "the metric; for reliability the share that came true"),
        ("low", "float64", "lower end of the 90% range; null where there is none"),
        ("high", "float64", "upper end of the 90% range; null where there is none"),
        ("mean_probability", "float64", "for reliability what was said: the mean probability"),
        ("n_rows", "int64", "number of held-out rows"),
        ("test_date", "date", "the day the tested scores were made as of"),
        ("note", "string", "what it was measured on; the gate's words"),
    ),
)  # fmt: skip
