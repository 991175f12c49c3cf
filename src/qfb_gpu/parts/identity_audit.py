"""The audit of the night: groups and scores by industry, region and size, which they never see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu.models import audit
from qfb_gpu.parts.part import PROFILE, Columns, Part

if TYPE_CHECKING:
    from qfb_gpu.parts.part import Saved

ATTRIBUTES = ("industry", "region", "size")
LABELS = ("tier", "lifecycle", "segment_id", "churn_level")
NUMBERS = (
    "churn_probability", "lifetime_p_alive", "marketing_response_rate_shrunk",
    "regularity_payment_share", "graph_pagerank",
)  # fmt: skip


def _whole(saved: Saved) -> dict[str, Columns]:
    """Compare the profiles as they were just written."""
    table = _profiles(saved)
    attributes = {name: table.column(name).to_pylist() for name in ATTRIBUTES}
    rows = []
    for outcome in (*LABELS, *NUMBERS):
        if outcome not in table.column_names:
            continue
        values = table.column(outcome).to_pylist()
        if outcome == "segment_id":
            values = [None if value is None else str(value) for value in values]
        for name, groups in attributes.items():
            found = audit.difference(groups, values)
            if found is not None:
                rows.append((name, outcome, found))
    return {"identity_audit": _columns(rows)}


def _profiles(saved: Saved) -> pa.Table:
    wanted = {*ATTRIBUTES, *LABELS, *NUMBERS}
    tables = []
    for bucket in saved.buckets:
        path = saved.workspace.folder("publish", bucket) / f"{PROFILE}.parquet"
        with pq.ParquetFile(path) as file:
            tables.append(file.read([n for n in file.schema_arrow.names if n in wanted]))
    return pa.concat_tables(tables, promote_options="permissive")


def _columns(rows: list[tuple[str, str, audit.Difference]]) -> Columns:
    found = [row for _, _, row in rows]

    def texts(values: Any) -> pa.Array:
        return pa.array(list(values), pa.string())

    def numbers(values: Any, dtype: str = "float64") -> Any:
        return np.array(list(values), dtype=dtype)

    return {
        "attribute": texts(name for name, _, _ in rows),
        "outcome": texts(name for _, name, _ in rows),
        "measure": texts(row.measure for row in found),
        "value": numbers(row.value for row in found),
        "p_value": numbers(row.p_value for row in found),
        "q_value": numbers(audit.q_values(found)),
        "label": texts(row.label for row in found),
        "lowest_group": texts(row.lowest_group for row in found),
        "lowest": numbers(row.lowest for row in found),
        "highest_group": texts(row.highest_group for row in found),
        "highest": numbers(row.highest for row in found),
        "n_groups": numbers((row.n_groups for row in found), "int32"),
        "n_customers": numbers((row.n_customers for row in found), "int64"),
    }


IDENTITY_AUDIT = Part(
    "identity_audit",
    "audit of groups and scores by industry, region and size",
    ("customers",),
    whole_tables=("identity_audit",),
    reads_published=True,
    whole=_whole,
)
