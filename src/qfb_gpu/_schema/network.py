"""Gold: who is tied to whom."""

from __future__ import annotations

from qfb_gpu._schema.model import table

TABLES = (
    table(
        "graph_nodes", "node_id",
        ("node_id", "string", "a customer or counterparty id"),
        ("is_customer", "bool", "has a profile"),
        ("component_id", "int32", "weakly connected component; 0 is the largest"),
        ("community_id", "int32", "Leiden community; 0 is the largest"),
        ("pagerank", "float64", "sums to 1; money flows from payer to payee"),
        ("degree_in", "int32", "payers"),
        ("degree_out", "int32", "payees"),
    ),
    table(
        "graph_edges", "payer_id payee_id currency",
        ("payer_id", "string", "who pays"),
        ("payee_id", "string", "who is paid"),
        ("currency", "string", "ISO 4217"),
        ("n_payments", "int64", "payments"),
        ("amount_minor", "int64", "sum, minor units"),
    ),
)  # fmt: skip
