"""The config that ``qfb demo`` writes beside a generated portfolio."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt


def demo_config(as_of: dt.date, device: str, sources: list[str]) -> str:
    """Return the text of a config for generated sources in the folder ``sources`` beside it."""
    head = f"""# The night of a generated portfolio, and a start for a config of your own.
as_of = {as_of}  # score as of this day; no later row is used
device = "{device}"  # auto (a GPU if there is a working one), cpu or gpu
currency = "CNY"  # the currency of rows that name none
calendar = "CN"  # working days and holidays
data = "sources"  # folder of the source files, relative to this file
output = "out"  # folder of the gold tables, the lake and report.html

# A section per source. Where your files have other column names, map them:
#     columns = {{ customer_id = "acct", date = "booked_on" }}
# `qfb check` says what is missing; docs/sources.md explains every key.
"""
    return head + "".join(f'\n[sources.{name}]\npath = "{name}.parquet"\n' for name in sources)
