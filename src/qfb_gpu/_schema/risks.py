"""Gold: orders at risk, the four risks of a customer, alerts, and how well scores did."""

from __future__ import annotations

from qfb_gpu._schema.model import table

TABLES = (
    table(
        "order_risk", "order_id",
        ("order_id", "string", "the order; open at as_of and with a due date"),
        ("customer_id", "string", "the buyer"),
        ("supplier_id", "string", "the seller"),
        ("order_date", "date", "placed"),
        ("due_date", "date", "promised delivery"),
        ("days_to_due", "int32", "the lead time of the warning; negative where overdue"),
        ("status", "string", "open, or overdue: past due and not delivered in full"),
        ("amount_minor", "int64", "minor units"),
        ("currency", "string", "ISO 4217"),
        ("delivered_share", "float64", "of the quantity, so far; null where not known"),
        ("probability_late", "float64", "calibrated: not delivered in full by its due date"),
        ("probability_late_low", "float64", "90% range, wide where little is known"),
        ("probability_late_high", "float64", "90% range"),
        ("probability_default", "float64", "not delivered in full 60 days after it, or as set"),
        ("anomaly", "float64", "share of past orders that are more usual, by an isolation forest"),
        ("score", "float64", "0 to 100: 60 for late, 40 for default"),
        ("level", "string", "low, watch, high, severe; [finance.orders] levels"),
        ("is_alert", "bool", "overdue, or among the share of open orders that is raised"),
        ("method", "string", "boosting; isolation_forest where past orders are too few"),
        ("cluster_id", "int32", "K-means of the open orders; 0 is the largest"),
        ("density_cluster_id", "int32", "HDBSCAN of them; -1: like no others"),
        ("reason_codes", "string", "comma separated, the strongest first"),
        ("reasons", "string", "the same in words"),
        ("reasons_zh", "string", "风险原因"),
    ),
    table(
        "order_backtest", "date",
        ("date", "date", "a past night, scored by a model that saw only what was known before"),
        ("n_orders", "int64", "orders open then"),
        ("n_late", "int64", "of which came late, short or not at all"),
        ("auc", "float64", "chance that a late one had the higher score"),
        ("auc_supplier", "float64", "the same, ranked by the supplier's past late rate"),
        ("auc_pair", "float64", "the same, ranked by the supplier's past late rate to this buyer"),
        ("precision", "float64", "alerts that came true, at the alert budget"),
        ("precision_supplier", "float64", "the same, ranked by the supplier's past late rate"),
        ("recall", "float64", "late orders that were alerted"),
        ("brier", "float64", "mean squared error of the probability"),
        ("brier_base", "float64", "the same of one probability for all"),
        ("mean_probability", "float64", "beside n_late / n_orders: is it calibrated"),
        ("lead_days", "float64", "median days from alert to due date, of alerts that came true"),
    ),
)  # fmt: skip
