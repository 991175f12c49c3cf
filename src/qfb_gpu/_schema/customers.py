"""Gold: who the customers are."""

from __future__ import annotations

from qfb_gpu._schema.model import table

TABLES = (
    table(
        "customer_profiles", "customer_id",
        ("customer_id", "string", "the customer"),
        ("as_of", "date", "nothing later was seen"),
        ("segment_id", "int32", "see segments; 0 is the largest"),
        ("tier", "string", "A to D, by rule"),
        ("lifecycle", "string", "new, active, declining, dormant, ..."),
        ("main_currency", "string", "currency of the money features"),
    ),  # the feature blocks follow: see docs/features.md
    table(
        "segments", "segment_id",
        ("segment_id", "int32", "0 is the largest"),
        ("n_customers", "int64", "customers in it"),
        ("share", "float64", "of all customers"),
        ("label", "string", "what is high and what is low, in words"),
        ("feature", "string", "JSON: feature -> mean, population mean, standard score"),
        ("typical_customers", "string", "JSON: three customers nearest to the centre"),
    ),
    table(
        "lifetime_models", "model currency parameter",
        ("model", "string", "beta_geometric (all customers), gamma_gamma (one main currency)"),
        ("currency", "string", "ISO 4217; null for beta_geometric"),
        ("parameter", "string", "r alpha_days a b; p q v (minor units); log_likelihood ..."),
        ("value", "float64", "as fitted this night"),
    ),
)  # fmt: skip
