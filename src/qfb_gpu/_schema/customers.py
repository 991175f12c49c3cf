"""Gold: who the customers are."""

from __future__ import annotations

from qfb_gpu._schema.model import table

TABLES = (
    table(
        "customer_profiles", "customer_id",
        ("customer_id", "string", "the customer"),
        ("as_of", "date", "the day that the row describes; nothing later was seen"),
        ("segment_id", "int32", "see segments; the same from night to night"),
        ("tier", "string",
         ("A to D by a year's turnover (ABC analysis), D: none; kept until its border is passed by "
          "a margin")),
        ("lifecycle", "string", "new, growing, active, declining, dormant or lost"),
        ("main_currency", "string", "currency of the money features, the one of most payments"),
    ),  # the feature blocks follow: see docs/features.md
    table(
        "segments", "segment_id",
        ("segment_id", "int32",
         "number of the segment: on a first night 0 is the largest; kept while its customers are"),
        ("n_customers", "int64", "customers in it"),
        ("share", "float64", "of all customers, 0 to 1"),
        ("label", "string", "what is high and what is low, in words"),
        ("feature", "string",
         "JSON: feature -> mean, mean of all customers, standard score, words"),
        ("typical_customers", "string", "JSON: three customers nearest to the centre"),
    ),
    table(
        "segment_choice", "n_segments",
        ("n_segments", "int32", "a number of segments that was tried"),
        ("silhouette", "float64", "how far the groups stand apart: mean over a sample, -1 to 1"),
        ("stability", "float64",
         "how alike groups of bootstrap samples are: mean adjusted Rand index, 1: the same"),
        ("is_chosen", "bool", "the number that the night took"),
    ),
    table(
        "segment_moves", "customer_id",
        ("customer_id", "string", "a customer in another segment than the night before"),
        ("as_of", "date", "this night"),
        ("previous_as_of", "date", "the night before"),
        ("from_segment_id", "int32", "its segment the night before"),
        ("to_segment_id", "int32", "its segment this night"),
    ),
    table(
        "segment_drift", "measure",
        ("measure", "string",
         ("share_moved, n_moved, n_new, n_gone, n_segments_before, n_segments, or "
          "index_<feature>: population stability index")),
        ("value", "float64", "against the night before; no rows on a first night"),
        ("alarm_above", "float64", "the level of the alarm; null: no alarm is kept for it"),
        ("is_alarm", "bool",
         ("value is above alarm_above: much changed in the table. share_moved also passes it where "
          "only the number of segments changed (n_segments; 2 of 102 nights of unchanged "
          "customers)")),
    ),
    table(
        "associations", "left_id left_direction right_id right_direction",
        ("left_id", "string", "a party; of the two the one that fewer customers deal with"),
        ("left_direction", "string", "in: left pays the customers, out: they pay left"),
        ("right_id", "string", "the other party"),
        ("right_direction", "string", "in: right pays the customers, out: they pay right"),
        ("n_left", "int64", "customers that deal with left; as all here, of the last 360 days"),
        ("n_right", "int64", "customers that deal with right"),
        ("n_both", "int64", "customers that deal with both"),
        ("confidence", "float64",
         "n_both / n_left: share of left's customers that deal with right, 0 to 1"),
        ("lift", "float64", "times as many deal with both as if customers were alike"),
        ("p_value", "float64",
         "chance of as many in common, given how many parties each customer has"),
        ("q_value", "float64",
         "p_value corrected for all pairs that may be listed (Benjamini-Hochberg)"),
    ),
    table(
        "party_vectors", "party_id direction",
        ("party_id", "string", "a party that enough customers deal with"),
        ("direction", "string", "in: it pays the customers, out: they pay it"),
        ("n_customers", "int64", "customers in the sample that deal with it"),
    ),  # vector_1 and so on follow
    table(
        "lifetime_models", "model currency parameter",
        ("model", "string",
         "beta_geometric (one for all customers) or gamma_gamma (one a main currency)"),
        ("currency", "string", "ISO 4217 code; null for beta_geometric"),
        ("parameter", "string", "r, alpha_days, a, b; p, q, v (minor units); log_likelihood, ..."),
        ("value", "float64", "the parameter as fitted this night"),
    ),
    table(
        "identity_audit", "attribute outcome",
        ("attribute", "string", "industry, region or size; no group or score is made of it"),
        ("outcome", "string", "column of customer_profiles that is compared"),
        ("measure", "string", "cramers_v for labels, epsilon_squared for numbers"),
        ("value", "float64", "0: alike in all groups, 1: decided by the attribute"),
        ("p_value", "float64", "chance of such a difference; null where nothing differs"),
        ("q_value", "float64",
         "p_value corrected for the table (Benjamini-Hochberg); null where p_value is"),
        ("label", "string", "the label whose share differs most; null where outcome is a number"),
        ("lowest_group", "string", "group where that share, or the mean, is lowest"),
        ("lowest", "float64", "the share or mean in it"),
        ("highest_group", "string", "group where it is highest"),
        ("highest", "float64", "the share or mean in it"),
        ("n_groups", "int32", "groups that were compared: of 30 customers or more"),
        ("n_customers", "int64", "customers in these groups"),
    ),
)  # fmt: skip
