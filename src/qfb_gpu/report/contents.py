"""What each gold table holds, in a line, and what of it a look at one customer shows."""

from __future__ import annotations

ABOUT = {
    "payment_streams": "every stream with its cadence, next date and amount",
    "stream_payments": "which stream each payment belongs to, and its role in it",
    "expected_payments": "what is due in the coming days",
    "customer_profiles": "one row of features and scores a customer",
    "segments": "customers who behave alike",
    "segment_choice": "how stable and how far apart each number of segments was",
    "segment_moves": "customers in another segment than the night before",
    "segment_drift": "how much the customers changed since the night before, with alarms",
    "associations": "parties that go together beyond chance",
    "party_vectors": "where parties are by the customers they share",
    "lifetime_models": "how long customers stay and what they pay: parameters as fitted",
    "identity_audit": "how far groups and scores differ by industry, region and size",
    "graph_nodes": "everyone in the payment network",
    "graph_edges": "who pays whom",
    "contagion": "firms whose default would cost the others most",
    "supply_chains": "core enterprises, who sells towards them and who buys from them",
    "round_trips": "money that came back to where it left",
    "related_parties": "customers that share an address, a phone, an account, a person",
    "similar_customers": "who deals with the same parties",
    "likely_partners": "with whom a customer may deal next",
    "contract_summary": "every contract: payments, paid ratio, the next node's date and amount",
    "contract_nodes": "payment nodes of contracts, by clause and by payments",
    "contract_payments": "which payment belongs to which contract, and how surely",
    "contract_groups": "days and numbers of payments by supplier and category",
    "payment_terms": "how a supplier is really paid, and the cheapest lawful cycle",
    "payment_terms_front": "cash against supplier risk: the Pareto front",
    "order_risk": "open orders: chance to be late, level, reasons",
    "order_backtest": "were past warnings about orders right",
    "customer_risks": "four risks of each customer: score, range, level, reasons",
    "risk_alerts": "who is at an alert's level, since when, and which are new",
    "risk_backtest": "did past risk scores say what came",
    "recommendations": "the next products, with reasons",
    "lookalikes": "customers most like another in all they do",
    "model_evaluations": "how good each model and its baselines are on held-out customers",
    "stream_categories": "what each stream is for, by its texts",
    "rejects": "rows that were left out, and why",
    "data_quality": "rows read, kept and left out, per source",
    "declared_schedules": "declared standing orders and debits beside the streams found",
    "runs": "the nights that were published",
}

OF_CUSTOMER = {
    "risk_alerts": ["risk", "level", "raised_date", "score", "reasons"],
    "customer_risks": ["risk", "month_end", "score", "score_low", "score_high", "level"],
    "recommendations": ["rank", "product_id", "probability", "reasons_en"],
    "contract_summary": [
        "contract_id", "counterparty_id", "start_date", "currency", "total_minor", "paid_ratio",
        "next_kind", "next_date", "next_amount",
    ],
    "order_risk": [
        "order_id", "supplier_id", "due_date", "status", "probability_late", "level", "reasons",
    ],
    "payment_terms": [
        "role", "counterparty_id", "currency", "n_paid", "days_median", "terms_days", "cap_days",
        "recommended_days",
    ],
}  # fmt: skip
"""Tables that ``qfb show OUT --customer ID`` lists below the streams, with their columns."""
IN_UNITS = frozenset(
    "amount amount_typical found_amount next_amount next_amount_high next_amount_low".split()
)
"""Columns of money in units of the row's ``currency``; other money is whole minor units."""
