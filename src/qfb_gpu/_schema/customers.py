"""Gold: who the customers are."""

from __future__ import annotations

from qfb_gpu._schema.model import table

TABLES = (
    table(
        "customer_profiles", "customer_id",
        ("customer_id", "string", "the customer"),
        ("as_of", "date", "nothing later was seen"),
        ("segment_id", "int32", "see segments; the same from night to night"),
        ("tier", "string", "A to D, by rule, kept until its border is passed by a margin"),
        ("lifecycle", "string", "new, active, declining, dormant, ..."),
        ("main_currency", "string", "currency of the money features"),
    ),  # the feature blocks follow: see docs/features.md
    table(
        "segments", "segment_id",
        ("segment_id", "int32", "on a first night 0 is the largest; kept while its customers are"),
        ("n_customers", "int64", "customers in it"),
        ("share", "float64", "of all customers"),
        ("label", "string", "what is high and what is low, in words"),
        ("feature", "string", "JSON: feature -> mean, population mean, standard score"),
        ("typical_customers", "string", "JSON: three customers nearest to the centre"),
    ),
    table(
        "segment_choice", "n_segments",
        ("n_segments", "int32", "a number of segments that was tried"),
        ("silhouette", "float64", "mean over a sample, -1 to 1: how far the groups stand apart"),
        ("stability", "float64", "mean adjusted Rand index with groups of bootstrap samples"),
        ("is_chosen", "bool", "the night's number"),
    ),
    table(
        "segment_moves", "customer_id",
        ("customer_id", "string", "a customer in another segment than the night before"),
        ("as_of", "date", "this night"),
        ("previous_as_of", "date", "the night before"),
        ("from_segment_id", "int32", "where it was"),
        ("to_segment_id", "int32", "where it is"),
    ),
    table(
        "segment_drift", "measure",
        ("measure", "string", "share_moved, n_moved, n_new, n_gone, index_<feature> (PSI)"),
        ("value", "float64", "against the night before; no rows on a first night"),
        ("alarm_above", "float64", "null: no alarm is kept for it"),
        ("is_alarm", "bool", "the value is above"),
    ),
    table(
        "associations", "left_id left_direction right_id right_direction",
        ("left_id", "string", "a party; of the two the one of fewer customers"),
        ("left_direction", "string", "in: it pays the customers, out: they pay it"),
        ("right_id", "string", "the other party"),
        ("right_direction", "string", "in or out"),
        ("n_left", "int64", "customers that deal with left"),
        ("n_right", "int64", "customers that deal with right"),
        ("n_both", "int64", "customers that deal with both"),
        ("confidence", "float64", "of the customers of left, the share that deals with right"),
        ("lift", "float64", "times as many have both as if customers were alike"),
        ("p_value", "float64", "of as many in common by chance, given how many parties each has"),
        ("q_value", "float64", "Benjamini-Hochberg, over all pairs of parties that may be listed"),
    ),
    table(
        "party_vectors", "party_id direction",
        ("party_id", "string", "a party that enough customers deal with"),
        ("direction", "string", "in: it pays the customers, out: they pay it"),
        ("n_customers", "int64", "that deal with it, in the sample"),
    ),  # vector_1 and so on follow
    table(
        "lifetime_models", "model currency parameter",
        ("model", "string", "beta_geometric (all customers), gamma_gamma (one main currency)"),
        ("currency", "string", "ISO 4217; null for beta_geometric"),
        ("parameter", "string", "r alpha_days a b; p q v (minor units); log_likelihood ..."),
        ("value", "float64", "as fitted this night"),
    ),
    table(
        "identity_audit", "attribute outcome",
        ("attribute", "string", "industry, region or size: no group or score is made of it"),
        ("outcome", "string", "the column of customer_profiles that is compared"),
        ("measure", "string", "cramers_v of labels, epsilon_squared of numbers"),
        ("value", "float64", "0: alike in all groups, 1: decided by the attribute"),
        ("p_value", "float64", "of such a difference by chance; null where nothing differs"),
        ("q_value", "float64", "Benjamini-Hochberg over the table"),
        ("label", "string", "the label whose share differs most; null for a number"),
        ("lowest_group", "string", "where that share, or the mean, is lowest"),
        ("lowest", "float64", "the share or mean there"),
        ("highest_group", "string", "where it is highest"),
        ("highest", "float64", "the share or mean there"),
        ("n_groups", "int32", "groups of 30 customers or more"),
        ("n_customers", "int64", "customers in them"),
    ),
)  # fmt: skip
