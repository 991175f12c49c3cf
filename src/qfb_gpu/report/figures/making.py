"""How the run was made, and what the page opens with."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from qfb_gpu.report.data import Making, Stage
from qfb_gpu.report.figures.reading import read_or_none

if TYPE_CHECKING:
    from qfb_gpu.report.figures.reading import Read

HORIZON_DAYS = 90


def run_row(read: Read, extras: dict[str, Any]) -> dict[str, Any]:
    """Return the run: ``extras["run"]`` over the latest row of the runs table.

    ``extras["run"]`` has the columns of the runs table, its JSON parsed or not; ``counts`` may
    hold the numbers. A run that is not in the table yet comes wholly from ``extras``.
    """
    given = dict(extras.get("run") or {})
    given.update(given.pop("counts", None) or {})
    row = {**_stored(read, given.get("run_id")), **given}
    for name in ("inputs", "stages", "versions", "settings"):
        value = row.get(name)
        row[name] = json.loads(value) if isinstance(value, str) and value else value or {}
    row["as_of"] = _as_of(row, read)
    return row


def _stored(read: Read, run_id: str | None) -> dict[str, Any]:
    columns = [
        "run_id", "as_of", "device", "n_payments", "n_customers", "n_streams", "n_regular",
        "inputs", "stages", "versions", "settings",
    ]  # fmt: skip
    table = read_or_none(read, "runs", columns)
    rows = table.to_pylist() if table is not None else []
    if run_id is not None:
        rows = [row for row in rows if row["run_id"] == run_id]
    return rows[-1] if rows else {}


def _as_of(row: dict[str, Any], read: Read) -> dt.date | None:
    value = row.get("as_of") or (row.get("settings") or {}).get("as_of")
    if isinstance(value, str):
        return dt.date.fromisoformat(value[:10])
    if value is None:
        table = read_or_none(read, "customer_profiles", ["as_of"])
        value = table.column("as_of")[0].as_py() if table is not None and table.num_rows else None
    return value.date() if isinstance(value, dt.datetime) else value


def horizon_days(row: dict[str, Any]) -> int:
    """Return how many days ahead the run expected payments."""
    settings = row["settings"].get("payments") or {}
    return int(settings.get("horizon_days") or HORIZON_DAYS)


def update_of(row: dict[str, Any]) -> tuple[str, int]:
    """Return the whole night that a run was an update of, and how many customers it scored.

    An empty text and 0 of a whole night.
    """
    said = row["stages"].get("update")
    return (str(said["of"]), int(said["rows"])) if isinstance(said, dict) else ("", 0)


def seconds(row: dict[str, Any]) -> float | None:
    """Return how long the run took: what it says, or the sum of its stages."""
    if row.get("seconds") is not None:
        return float(row["seconds"])
    stages = [stage.seconds for stage in _stages(row["stages"])]
    return sum(stages) if stages else None


def collect(row: dict[str, Any]) -> Making:
    """Return what is needed to make the run again."""
    versions = {str(name): str(version) for name, version in sorted(row["versions"].items())}
    return Making(_stages(row["stages"]), versions, row["inputs"], row["settings"])


def _stages(stages: dict[str, Any]) -> list[Stage]:
    found = []
    for name, entry in stages.items():
        values = entry if isinstance(entry, dict) else {"seconds": entry}
        if values.get("seconds") is not None:
            rows, n_bytes = values.get("rows"), values.get("bytes")
            found.append(Stage(str(name), float(values["seconds"]), rows, n_bytes))
    return found
