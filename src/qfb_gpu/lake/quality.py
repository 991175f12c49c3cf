"""What ingest did, as the gold tables ``data_quality`` and ``rejects``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from qfb_gpu._schema.output import LAKE, WORK
from qfb_gpu.calendars import to_date, to_day
from qfb_gpu.lake import gold, measures, silver
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake.prune import DATED
from qfb_gpu.lake.rejects import DUPLICATE, SCHEMA
from qfb_gpu.schema import GOLD, SOURCE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qfb_gpu.config import Config
    from qfb_gpu.lake.manifest import Manifest

NOT_GIVEN = "left out: no such source in the config"
UNUSED = "not used yet: "
NULLS = "null: "
DECOMPOSED = "not in NFC: "
CURRENCY = "currency: "
OUT_OF_RANGE = "out of range: "
DAYS_OLD = "days old: "
DELTA_VERSION = "delta version: part "
DUPLICATE_KEYS = "duplicate keys"
PAST = {
    "date",
    "order_date",
    "delivered_date",
    "submitted_date",
    "paid_date",
    "closed_date",
    "opened_date",
    "valid_from",
}
"""Dates of what has happened: after the as-of date they are out of range."""
PARTS = {
    "customers": "customers by industry, region and size",
    "orders": "order delivery risk",
    "contracts": "contract terms and payment nodes",
    "contract_payments": "payments matched to their contract",
    "claims": "expense and billing claims",
    "cancellations": "deals called off: contract risk",
    "events": "digital journeys",
    "touches": "marketing contacts",
    "products": "product recommendations",
    "open_banking": "declared schedules",
}
"""What each source but the payments is for."""
USED = {
    "transactions", "customers", "orders", "contracts", "contract_payments", "claims",
    "cancellations", "events",
    "touches", "products", "open_banking",
}  # fmt: skip
"""Sources that a run reads beyond cleaning and counting them."""
INGEST = "ingest-"
"""What the ids of those begin with who publish counts and rejected rows; runs' ids do not."""


def unused(configured: set[str]) -> dict[str, str]:
    """Return the sources of a config that no part of a run reads yet, and what they are for."""
    return {name: part for name, part in PARTS.items() if name in configured - USED}


def first_day(manifest: Manifest) -> int | None:
    """Return the day of the first payment of a source's profile; None where it has none."""
    dates = measures.together(list(manifest.profile.values()))["dates"]
    first: int | None = dates.get("date", (None,))[0]
    return first


def n_rejected(rows: list[dict[str, Any]]) -> int:
    """Return how many rows of all sources were rejected, by the rows of ``data_quality``."""
    return sum(row["value"] for row in rows if row["measure"].startswith("rejected: "))


def publish(
    output_dir: Path, rows: list[dict[str, Any]], manifests: Mapping[str, Manifest]
) -> None:
    """Publish the counts and the rejected rows of every source.

    Parameters
    ----------
    output_dir : Path
    rows : list of dict
        Of ``data_quality``: see :func:`measured`.
    manifests : mapping of source to Manifest
    """
    lake = output_dir / LAKE
    material = [rows, {name: asdict(m) for name, m in manifests.items()}]
    digest = hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()[:16]
    publication = gold.next_publication(output_dir, f"{INGEST}{digest}")
    work = output_dir / WORK / "ingest"
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


def measured(config: Config, manifests: Mapping[str, Manifest]) -> list[dict[str, Any]]:
    """Return the rows of ``data_quality``, as of the config's day."""
    lake = config.output_dir / LAKE
    rows: list[dict[str, Any]] = []
    for name in SOURCE_NAMES:
        if name not in manifests:
            rows.append(_row(name, NOT_GIVEN, 0))
            continue
        manifest = manifests[name]
        live = sum(not file.get("gone") for file in manifest.files)
        counts = {"files": live, "rows": 0, **manifest.counts}
        first = [measure for measure in ("rows", "kept", "files") if measure in counts]
        others = sorted(measure for measure in counts if measure not in first)
        rows += [_row(name, m, counts[m]) for m in [*first, *others]]
        rows += _health(name, lake / name, manifest, to_day(config.as_of))
        if name in unused(set(config.sources)):
            rows.append(_row(name, UNUSED + PARTS[name], counts["kept"]))
    return rows


def _row(source: str, measure: str, value: int, detail: str | None = None) -> dict[str, Any]:
    return {"source": source, "measure": measure, "value": value, "detail": detail}


def _health(
    source: str, table_dir: Path, manifest: Manifest, as_of_day: int
) -> list[dict[str, Any]]:
    """Return nulls, ids not in NFC, double keys, currencies, dates out of range, freshness."""
    whole = measures.together(list(manifest.profile.values()))
    rows = [_row(source, NULLS + name, n) for name, n in sorted(whole["nulls"].items())]
    rows += [_row(source, DECOMPOSED + name, n) for name, n in sorted(whole["decomposed"].items())]
    counts = manifest.counts
    twice = sum(n for name, n in counts.items() if name.startswith("rejected: " + DUPLICATE))
    rows.append(_row(source, DUPLICATE_KEYS, twice))
    mix = sorted(whole["currencies"].items(), key=lambda item: (-item[1], item[0]))
    rows += [_row(source, CURRENCY + code, n) for code, n in mix]
    for name, (first, last, early) in whole["dates"].items():
        if last is None:
            continue
        limit = as_of_day if name in PAST else as_of_day + measures.LATEST_DAYS
        late = silver.rows_after(table_dir, name, limit) if last > limit else 0
        rows.append(_row(source, OUT_OF_RANGE + name, early + late, _span(first, last)))
    for part, table in sorted(manifest.tables.items()):
        rows.append(_row(source, f"{DELTA_VERSION}{part}", table["version"]))
    fresh = whole["dates"].get(DATED.get(source, ""))
    if fresh is not None and fresh[1] is not None:
        name = DATED[source]
        rows.append(_row(source, DAYS_OLD + name, as_of_day - fresh[1], f"{to_date(fresh[1])}"))
    return rows


def _span(first: int, last: int) -> str:
    return f"{to_date(first)} to {to_date(last)}"
