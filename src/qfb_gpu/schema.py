"""The columns, dtypes and units of every table that goes in or comes out.

Amounts in gold: exact sums are int64 ``*_minor`` (minor units of the row's ``currency``);
estimates (typical, next, low, high) are float64 in units of ``currency``.
"""

from __future__ import annotations

from qfb_gpu._schema import (
    customers,
    finance,
    models,
    network,
    night,
    payments,
    risks,
    sources,
    text,
)
from qfb_gpu._schema.model import Column, Kind, Table

__all__ = [
    "AMOUNT_KINDS", "ATTRIBUTES", "CADENCES", "DIRECTIONS", "GOLD", "ROLES", "ROLLS", "SOURCES",
    "SOURCE_NAMES", "STATUSES", "Column", "Kind", "Table",
]  # fmt: skip

DIRECTIONS = ("in", "out")
CADENCES = (
    "daily", "weekly", "biweekly", "semimonthly", "monthly", "bimonthly",
    "quarterly", "semiannual", "annual", "every_n_days", "irregular",
)  # fmt: skip
ROLLS = ("none", "preceding", "following", "modified_following")
AMOUNT_KINDS = ("fixed", "stepped", "variable", "trend")
STATUSES = ("early", "mature", "stopped")
ROLES = ("regular", "late", "early", "extra", "returned")
ATTRIBUTES = ("address", "phone", "account", "legal_representative")
"""Of a customer: who shares one is a related party. They are in no profile."""

SOURCE_NAMES = (
    "transactions", "customers", "orders", "contracts", "contract_payments",
    "claims", "cancellations", "events", "touches", "products", "open_banking",
)  # fmt: skip

SOURCES: dict[str, Table] = {table.name: table for table in sources.TABLES}
GOLD: dict[str, Table] = {
    table.name: table
    for part in (payments, customers, network, finance, risks, models, text, night)
    for table in part.TABLES
}
