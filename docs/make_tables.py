"""Write docs/tables.md from the schema: ``python docs/make_tables.py``."""

from __future__ import annotations

from pathlib import Path

from qfb_gpu.schema import GOLD, SOURCES, Table

HEAD = """# Tables

Made by `python docs/make_tables.py` from `qfb_gpu/schema.py`; a test keeps it current.

A column in bold is required of a source. Dates are days without a time zone. Amounts of a source
are in units of their currency; in gold, exact sums are `*_minor` (minor units, 分, cents) and
estimates are in units of `currency`.

Columns that are not here, mostly of `customer_profiles`: [more columns](more-columns.md).
"""


def render() -> str:
    """Return the page."""
    parts = [HEAD, "## Sources\n"]
    parts += [_section(table) for table in SOURCES.values()]
    parts.append("## Gold tables\n\nDelta tables under the output folder, a row per key.\n")
    parts += [_section(table) for table in GOLD.values()]
    return "\n".join(parts)


def _section(table: Table) -> str:
    rows = [
        f"| {'**' if c.required else ''}{c.name}{'**' if c.required else ''} | {c.kind} | {c.doc} |"
        for c in table.columns
    ]
    key = ", ".join(table.key)
    head = f"### {table.name}\n\nKey: {key}\n\n| column | type | meaning |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "tables.md").write_text(render(), encoding="utf-8")
