"""Files that hold no row late enough to be kept, told by their statistics alone."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qfb_gpu.lake.clean import FilePlan
    from qfb_gpu.lake.sources import SourceFile

DATED = {
    "transactions": "date",
    "orders": "order_date",
    "contracts": "start_date",
    "claims": "date",
    "cancellations": "date",
    "events": "date",
    "touches": "date",
    "products": "opened_date",
}
"""The date of a source that ``since`` is compared with."""


def before(since: dt.date) -> str:
    """Return the reason of rows that are too early."""
    return f"before {since}"


def pruned(file: SourceFile, plan: FilePlan) -> Counter[str]:
    """Return the counts of a file that need not be read; empty where it has to be.

    Its log says that every row has a date and that the latest is too early; its date is a column
    of dates that no recipe changes. The rows are counted as they would be had they been read.
    """
    since, delta = plan.part.since, file.delta
    mapped = plan.mapped.get(DATED.get(plan.source, ""))
    if since is None or delta is None or delta.n_rows is None or mapped is None:
        return Counter()
    is_plain = mapped.how == "one" and not plan.part.prepare and not plan.part.exclude
    bounds = delta.bounds.get(mapped.names[0]) if is_plain else None
    if bounds is None or bounds[2]:
        return Counter()
    ahead = dt.timedelta(days=1 if plan.part.time_zone else 0)  # bounds of instants are in UTC
    if bounds[1] >= since - ahead:
        return Counter()
    n_rows = delta.n_rows - len(delta.deleted)
    return Counter({"rows": n_rows, f"excluded: {before(since)}": n_rows})
