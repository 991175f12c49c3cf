"""The columns, dtypes and units of every table that goes in or comes out.

Amounts in gold: exact sums are int64 ``*_minor`` (minor units of the row's ``currency``);
estimates (typical, next, low, high) are float64 in units of ``currency``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DIRECTIONS = ("in", "out")
CADENCES = (
    "daily", "weekly", "biweekly", "semimonthly", "monthly", "bimonthly",
    "quarterly", "semiannual", "annual", "every_n_days", "irregular",
)  # fmt: skip
ROLLS = ("none", "preceding", "following", "modified_following")
AMOUNT_KINDS = ("fixed", "stepped", "variable", "trend")
STATUSES = ("early", "mature", "stopped")
ROLES = ("regular", "late", "early", "extra", "returned")

SOURCE_NAMES = (
    "transactions", "customers", "orders", "contracts", "contract_payments",
    "claims", "events", "touches", "products", "open_banking",
)  # fmt: skip

Kind = Literal["string", "date", "int8", "int32", "int64", "float64", "bool"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its dtype as users see it, and what it means."""

    name: str
    kind: Kind
    doc: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its key, then its columns in order (the key's among them)."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Return the column called ``name``; ``KeyError`` lists the columns there are."""
        for column in self.columns:
            if column.name == name:
                return column
        msg = f"table {self.name} has no column {name!r}; it has {self.names}"
        raise KeyError(msg)

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]


def _table(name: str, key: str, *rows: tuple[str, str, str] | tuple[str, str, str, bool]) -> Table:
    return Table(name, tuple(key.split()), tuple(Column(*row) for row in rows))  # type: ignore[arg-type]


SOURCES: dict[str, Table] = {
    table.name: table
    for table in (
        _table(
            "transactions", "customer_id txn_id",
            ("txn_id", "string", "unique for a customer; derived from the row where not mapped"),
            ("customer_id", "string", "whose account or books the payment is in", True),
            ("counterparty_id", "string", "who pays or is paid; may be null"),
            ("date", "date", "booking date", True),
            ("amount", "int64", "money; signed where no direction is mapped", True),
            ("direction", "string", "in: received, out: paid"),
            ("currency", "string", "ISO 4217; the config's currency where not mapped"),
            ("memo", "string", "description"),
            ("category", "string", "the bank's own category"),
            ("channel", "string", "how it was paid"),
        ),
        _table(
            "customers", "customer_id",
            ("customer_id", "string", "the customer", True),
            ("name", "string", "legal name"),
            ("industry", "string", "industry"),
            ("region", "string", "province or region"),
            ("size", "string", "micro, small, medium, large"),
            ("opened_date", "date", "customer since"),
        ),
        _table(
            "orders", "order_id",
            ("order_id", "string", "the order", True),
            ("customer_id", "string", "the buyer", True),
            ("supplier_id", "string", "the seller"),
            ("order_date", "date", "placed", True),
            ("due_date", "date", "promised delivery"),
            ("delivered_date", "date", "delivered in full; null while open"),
            ("quantity", "float64", "ordered units"),
            ("quantity_delivered", "float64", "delivered units"),
            ("amount", "int64", "money"),
            ("currency", "string", "ISO 4217"),
            ("item", "string", "what was ordered"),
        ),
        _table(
            "contracts", "contract_id",
            ("contract_id", "string", "the contract", True),
            ("customer_id", "string", "the payer", True),
            ("counterparty_id", "string", "the payee"),
            ("category", "string", "goods, works, service, lease"),
            ("start_date", "date", "in force from", True),
            ("end_date", "date", "in force until"),
            ("amount", "int64", "money: contract total"),
            ("currency", "string", "ISO 4217"),
            ("clause", "string", "payment clause as written"),
        ),
        _table(
            "contract_payments", "contract_id txn_id",
            ("contract_id", "string", "the contract", True),
            ("txn_id", "string", "the payment", True),
            ("customer_id", "string", "the payer", True),
        ),
        _table(
            "claims", "claim_id",
            ("claim_id", "string", "expense or billing claim", True),
            ("customer_id", "string", "the firm", True),
            ("claimant", "string", "employee or department"),
            ("date", "date", "when spent", True),
            ("submitted_date", "date", "when claimed"),
            ("paid_date", "date", "when reimbursed; null while open"),
            ("amount", "int64", "money"),
            ("currency", "string", "ISO 4217"),
            ("category", "string", "travel, meals, ..."),
        ),
        _table(
            "events", "event_id",
            ("event_id", "string", "a step of a digital journey", True),
            ("customer_id", "string", "the customer", True),
            ("date", "date", "day of the step", True),
            ("session_id", "string", "the visit it belongs to"),
            ("channel", "string", "app, web, branch"),
            ("step", "string", "login, view, apply, ..."),
        ),
        _table(
            "touches", "touch_id",
            ("touch_id", "string", "a marketing contact", True),
            ("customer_id", "string", "the customer", True),
            ("date", "date", "sent", True),
            ("campaign", "string", "campaign"),
            ("channel", "string", "sms, mail, call, app"),
            ("responded", "bool", "answered within 30 days"),
        ),
        _table(
            "products", "customer_id product_id opened_date",
            ("customer_id", "string", "the customer", True),
            ("product_id", "string", "the product held", True),
            ("opened_date", "date", "since", True),
            ("closed_date", "date", "until; null while held"),
        ),
    )
}  # fmt: skip

_STREAM_KEY = "customer_id stream_id"

GOLD: dict[str, Table] = {
    table.name: table
    for table in (
        _table(
            "payment_streams", _STREAM_KEY,
            ("stream_id", "int64", "hash of the relation and the stream's ordinal in it"),
            ("customer_id", "string", "the customer"),
            ("counterparty_id", "string", "null where the source gave none"),
            ("description", "string", "normalised memo where there is no counterparty, else null"),
            ("direction", "string", "in or out"),
            ("currency", "string", "ISO 4217"),
            ("n_payments", "int32", "payments in the stream, returned ones left out"),
            ("first_date", "date", "first payment"),
            ("last_date", "date", "last payment"),
            ("is_regular", "bool", "regular at the run's false-discovery rate"),
            ("cadence", "string", "one of the cadences"),
            ("period_days", "float64", "days between due dates on average"),
            ("schedule_code", "string", "OBIE standing-order frequency code"),
            ("rrule", "string", "RFC 5545 recurrence rule"),
            ("roll", "string", "how a due date on a closed day moves"),
            ("confidence", "float64", "1 - probability that the stream is a random one"),
            ("p_value", "float64", "chance of such a schedule among payments at random"),
            ("q_value", "float64", "Benjamini-Hochberg, over the whole run"),
            ("interval_mean_days", "float64", "mean gap"),
            ("interval_std_days", "float64", "population standard deviation of the gaps"),
            ("interval_median_days", "float64", "median gap"),
            ("spectrum_period_days", "float64", "fundamental; of 3 to 5 payments the most in step"),
            ("spectrum_strength", "float64", "share of the power at that period, 0..1"),
            ("spectrum_entropy", "float64", "0: one line, 1: white"),
            ("amount_kind", "string", "fixed, stepped, variable or trend"),
            ("amount_typical", "float64", "currency units"),
            ("amount_step_date", "date", "first payment of the last step; null unless stepped"),
            ("amount_step_ratio", "float64", "relative size of the last step"),
            ("amount_total_minor", "int64", "minor units; exact"),
            ("next_date", "date", "null unless regular and not stopped"),
            ("next_date_earliest", "date", "5% quantile"),
            ("next_date_latest", "date", "95% quantile"),
            ("next_due_date", "date", "the due date that next_date answers"),
            ("next_amount", "float64", "currency units"),
            ("next_amount_low", "float64", "5% quantile"),
            ("next_amount_high", "float64", "95% quantile"),
            ("n_missed", "int32", "due dates without a payment"),
            ("status", "string", "early, mature or stopped; null where not regular"),
        ),
        _table(
            "stream_payments", "customer_id txn_id",
            ("txn_id", "string", "the payment"),
            ("customer_id", "string", "the customer"),
            ("stream_id", "int64", "its stream"),
            ("role", "string", "regular, late, early, extra or returned"),
            ("due_date", "date", "the due date it answers; null where none"),
        ),
        _table(
            "expected_payments", "customer_id stream_id due_date",
            ("customer_id", "string", "the customer"),
            ("stream_id", "int64", "the stream"),
            ("due_date", "date", "expected within 90 days after as_of"),
            ("direction", "string", "in or out"),
            ("currency", "string", "ISO 4217"),
            ("amount", "float64", "currency units"),
        ),
        _table(
            "customer_profiles", "customer_id",
            ("customer_id", "string", "the customer"),
            ("as_of", "date", "nothing later was seen"),
            ("segment_id", "int32", "see segments; 0 is the largest"),
            ("tier", "string", "A to D, by rule"),
            ("lifecycle", "string", "new, active, declining, dormant, ..."),
            ("main_currency", "string", "currency of the money features"),
        ),  # the feature blocks follow: see docs/features.md
        _table(
            "segments", "segment_id",
            ("segment_id", "int32", "0 is the largest"),
            ("n_customers", "int64", "customers in it"),
            ("share", "float64", "of all customers"),
            ("label", "string", "what is high and what is low, in words"),
            ("feature", "string", "JSON: feature -> mean, population mean, standard score"),
            ("typical_customers", "string", "JSON: three customers nearest to the centre"),
        ),
        _table(
            "graph_nodes", "node_id",
            ("node_id", "string", "a customer or counterparty id"),
            ("is_customer", "bool", "has a profile"),
            ("component_id", "int32", "weakly connected component; 0 is the largest"),
            ("community_id", "int32", "Leiden community; 0 is the largest"),
            ("pagerank", "float64", "sums to 1; money flows from payer to payee"),
            ("degree_in", "int32", "payers"),
            ("degree_out", "int32", "payees"),
        ),
        _table(
            "graph_edges", "payer_id payee_id currency",
            ("payer_id", "string", "who pays"),
            ("payee_id", "string", "who is paid"),
            ("currency", "string", "ISO 4217"),
            ("n_payments", "int64", "payments"),
            ("amount_minor", "int64", "sum, minor units"),
        ),
        _table(
            "rejects", "source row",
            ("source", "string", "source name"),
            ("file", "string", "file of the row"),
            ("row", "int64", "0-based row in the file"),
            ("reason", "string", "why it was left out"),
            ("row_json", "string", "the row as it came"),
        ),
        _table(
            "data_quality", "source measure",
            ("source", "string", "source name"),
            ("measure", "string", "rows, kept, rejected: reason, excluded: reason, ..."),
            ("value", "int64", "count"),
        ),
        _table(
            "runs", "run_id",
            ("run_id", "string", "hash of config, as_of and input versions"),
            ("as_of", "date", "nothing later was seen"),
            ("device", "string", "cpu or gpu, and its name"),
            ("n_payments", "int64", "scored"),
            ("n_customers", "int64", "scored"),
            ("n_streams", "int64", "found"),
            ("n_regular", "int64", "regular among them"),
            ("inputs", "string", "JSON: source -> files, sizes, versions"),
            ("stages", "string", "JSON: stage -> seconds, rows, bytes"),
            ("versions", "string", "JSON: package -> version"),
            ("settings", "string", "JSON: the config as it was used"),
        ),
    )
}  # fmt: skip
