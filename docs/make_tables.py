"""Write docs/tables.md from the schema: ``python docs/make_tables.py``."""

from __future__ import annotations

from pathlib import Path

from qfb_gpu.schema import GOLD, SOURCES, Table

HEAD = """# Tables 数据表

This page lists every column of every table: what a source may have, and what a night writes. The
results are *gold tables*: Delta tables under the output folder, with one row per key.

```bash
qfb show demo/out                             # the gold tables and their rows
qfb show demo/out payment_streams             # one table
qfb show demo/out --customer C000000000929    # all that is known of one customer
```

Columns that are not here, mostly of `customer_profiles`: [features](features.md) and
[more columns](more-columns.md).

## How to read a column 如何读

| word | meaning |
|---|---|
| **bold** | a source must have the column; a source may lack all others |
| Key | no two rows have the same values in these columns |
| amount of a source | in units: 12.34 (cents with `amount_unit`); stored as minor units: 1234 |
| `*_minor` | exact sum in minor units (分, cents): 1234 is 12.34 yuan. Yen have no cents |
| amount in currency units | an estimate in units of the row's `currency`: 12.34 |
| `*_share`, `*_ratio`, `probability_*` | a part of 1: 0.25 is a quarter; or as the row says |
| `*percent*` | a part of 100: 25 is a quarter |
| `*_days` | calendar days, unless the row says working days |
| date | a day without a time of day and without a time zone |
| `as_of` | the day that the night describes; nothing later was seen |
| null | no value: not known, or it does not apply |
| 90% range | it is meant to hold the true value 90 times of 100 |

## Which table 查哪张表

| question | gold tables | how it is done |
|---|---|---|
"""

SUBJECTS = (
    ("Which payments are regular, and when is the next?",
     "payment_streams stream_payments expected_payments", "payments-core"),
    ("Who is this customer?", "customer_profiles", "features"),
    ("Which groups of customers behave alike, and who moved?",
     "segments segment_choice segment_moves segment_drift", "behaviour"),
    ("Who is alike in all?", "lookalikes", "models"),
    ("Which parties go together?", "associations party_vectors", "behaviour"),
    ("Who is connected to whom?",
     ("graph_nodes graph_edges contagion supply_chains round_trips related_parties "
      "similar_customers likely_partners"), "network"),
    ("What was paid of a contract, and what comes next?",
     "contract_summary contract_nodes contract_payments contract_groups", "contracts"),
    ("When should a supplier be paid?", "payment_terms payment_terms_front", "payment-terms"),
    ("Which orders will be late?", "order_risk order_backtest", "orders"),
    ("Which customers are at risk?", "customer_risks risk_alerts risk_backtest", "risks"),
    ("What to offer, and can the models be believed?",
     "recommendations model_evaluations", "models"),
    ("Is a customer still there?", "lifetime_models", "lifetime"),
    ("What is a payment for?", "stream_categories", "text"),
    ("Do scores differ by industry, region or size?", "identity_audit", "identity-audit"),
    ("What was read, and what was left out?", "rejects data_quality declared_schedules",
     "sources"),
    ("What was a night made of?", "runs", "night"),
)  # fmt: skip
"""A question, the gold tables that answer it, the page that says how."""


def render() -> str:
    """Return the page."""
    lines = [
        f"| {question} | {', '.join(_link(name) for name in names.split())} | [{page}]({page}.md) |"
        for question, names, page in SUBJECTS
    ]
    listed = [name for _, names, _ in SUBJECTS for name in names.split()]
    if sorted(listed) != sorted(GOLD):
        msg = f"SUBJECTS and the gold tables differ in {sorted(set(listed) ^ set(GOLD))}"
        raise ValueError(msg)
    parts = [HEAD + "\n".join(lines) + "\n"]
    parts.append("## Sources\n\nHow files are read: [sources](sources.md).\n")
    parts += [_section(table) for table in SOURCES.values()]
    parts.append("## Gold tables\n")
    parts += [_section(table) for table in GOLD.values()]
    parts.append("Made by `python docs/make_tables.py` from `qfb_gpu/schema.py`; do not edit.\n")
    return "\n".join(parts)


def _link(name: str) -> str:
    """Link a gold table; of two headings of one name, the gold table's is the second."""
    return f"[{name}](#{name}{'-1' if name in SOURCES else ''})"


def _section(table: Table) -> str:
    rows = [
        f"| {'**' if c.required else ''}{c.name}{'**' if c.required else ''} | {c.kind} "
        f"| {c.doc.replace('<', '&lt;')} |"
        for c in table.columns
    ]
    key = ", ".join(table.key)
    head = f"### {table.name}\n\nKey: {key}\n\n| column | type | meaning |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "tables.md").write_text(render(), encoding="utf-8")
