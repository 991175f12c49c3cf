"""What ingest did, as the gold tables ``data_quality`` and ``rejects``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from qfb_gpu.lake import gold
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake.rejects import SCHEMA
from qfb_gpu.schema import GOLD, SOURCE_NAMES, SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.lake.manifest import Manifest

NOT_READ = "open banking data is read by a later version"
NOT_GIVEN = "left out: no such source in the config"
UNUSED = "not used yet: "
PARTS = {
    "customers": "customers by industry, region and size",
    "orders": "order delivery risk",
    "contracts": "contract terms and payment nodes",
    "contract_payments": "payments matched to their contract",
    "claims": "expense and billing claims",
    "events": "digital journeys",
    "touches": "marketing contacts",
    "products": "product recommendations",
    "open_banking": "open-banking statements",
}
"""What each source but the payments is for."""
USED = {
    "transactions", "customers", "orders", "contracts", "contract_payments", "claims", "events",
    "touches", "products",
}  # fmt: skip
"""Sources that a run reads beyond cleaning and counting them."""


def unused(configured: set[str]) -> dict[str, str]:
    """Return the sources of a config that no part of a run reads yet, and what they are for."""
    return {name: part for name, part in PARTS.items() if name in configured - USED}


def publish(
    output_dir: Path, lake: Path, manifests: dict[str, Manifest], configured: set[str]
) -> int:
    """Publish the counts and the rejected rows of every source; return how many rows those are.

    Parameters
    ----------
    output_dir, lake : Path
    manifests : dict of source to Manifest
    configured : set of str
        The sources that the config names.
    """
    rows = _measures(manifests, configured)
    rejected: int = sum(row["value"] for row in rows if row["measure"].startswith("rejected: "))
    material = [rows, {name: asdict(m) for name, m in manifests.items()}]
    digest = hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()[:16]
    publication = gold.next_publication(output_dir, f"ingest-{digest}")
    work = output_dir / ".work" / "ingest"
    counts = work / "data_quality.parquet"
    gold.write_part(counts, pa.Table.from_pylist(rows, gold.schema_of(GOLD["data_quality"])))
    parts = [
        state.folder(lake / name) / file for name, m in manifests.items() for file in m.rejects
    ]
    if not parts:
        parts = [work / "rejects.parquet"]
        gold.write_part(parts[0], SCHEMA.empty_table())
    gold.publish(output_dir, "rejects", parts, publication)
    gold.publish(output_dir, "data_quality", [counts], publication)
    return rejected


def _measures(manifests: dict[str, Manifest], configured: set[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name in SOURCE_NAMES:
        if name in manifests:
            counts = {"files": len(manifests[name].files), **manifests[name].counts}
            first = [measure for measure in ("rows", "kept", "files") if measure in counts]
            others = sorted(measure for measure in counts if measure not in first)
            rows += [{"source": name, "measure": m, "value": counts[m]} for m in [*first, *others]]
            if name in unused(configured):
                measure = UNUSED + PARTS[name]
                rows.append({"source": name, "measure": measure, "value": counts["kept"]})
        else:
            why = (
                f"left out: {NOT_READ}" if name in configured and name not in SOURCES else NOT_GIVEN
            )
            rows.append({"source": name, "measure": why, "value": 0})
    return rows
