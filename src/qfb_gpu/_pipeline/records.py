"""What is kept of a night: its id, its row, its MLflow run."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfb_gpu import engine
from qfb_gpu._schema.output import REPORT
from qfb_gpu.calendars import load_calendar, stamp_of
from qfb_gpu.lake import gold
from qfb_gpu.models import registry

if TYPE_CHECKING:
    from qfb_gpu.config import Config
    from qfb_gpu.models.segments import SegmentModel
    from qfb_gpu.pipeline import RunResult

_NOT_IN_RUN_ID = {"output", "data", "base", "device", "workers", "n_buckets", "batch_rows"}
"""Settings that change where or how fast a run runs, not its answers."""
_RUN_COUNTS = ("n_payments", "n_customers", "n_streams", "n_regular")


def log_night(
    config: Config, result: RunResult, model: SegmentModel, inputs: dict[str, Any]
) -> None:
    """Log a night to its MLflow store; an update waits there for the next night."""
    seconds = {f"seconds.{name}": entry["seconds"] for name, entry in result.stages.items()}
    rows = {f"rows.{name}": e["rows"] for name, e in result.stages.items() if "rows" in e}
    log = registry.log_later if result.updated else registry.log_run
    note = registry.note_of(
        name=result.run_id,
        params=_flat(config.model_dump(mode="json", exclude={"base"}), ""),
        metrics={**seconds, **rows, **result.counts},
        inputs=inputs,
        model=model.to_dict(),
    )
    log(config.output_dir, note, config.output_dir / REPORT)


def _flat(settings: dict[str, Any], prefix: str) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            flat.update(_flat(value, f"{name}."))
        else:
            flat[name] = value if isinstance(value, str) else json.dumps(value)
    return flat


def run_id(config: Config, inputs: dict[str, Any], updated: str = "") -> str:
    """Return the id of a night: a hash of the engine's code, its settings and its inputs.

    ``updated`` is the whole night whose fit an update applies.
    """
    material = json.dumps([*settings_of(config), inputs, updated], sort_keys=True)
    return hashlib.sha256(material.encode()).hexdigest()[:16]


def settings_of(config: Config) -> list[Any]:
    """Return what a night's answers depend on: code, config, and the days and files it names."""
    settings = config.model_dump(mode="json", exclude=_NOT_IN_RUN_ID)
    days = stamp_of(load_calendar(config.calendar))
    return [engine.code(), settings, days, *_files(config)]


def _files(config: Config) -> list[list[Any]]:
    """Return name, size and time of the files of ``text.model``: another model, another night."""
    if config.text.model is None:
        return []
    path = (config.base / config.text.model).resolve()
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [[f.name, f.stat().st_size, f.stat().st_mtime_ns] for f in files if f.is_file()]


def made_by_other_code(output: Path, run_id: str | None) -> str:
    """Return the id of the last run where other code made it; empty where not, or without one."""
    if run_id is None:
        return ""
    rows = gold.read(output, "runs", ["run_id", "versions"]).to_pylist()
    made_with = [json.loads(row["versions"]) for row in rows if row["run_id"] == run_id]
    return run_id if made_with and made_with[-1].get(engine.CODE) != engine.code() else ""


def run_row(config: Config, result: RunResult, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the row of gold ``runs``; ``base`` of the settings is seen from the output folder."""
    settings = config.model_dump(mode="json", exclude={"base"})
    base = os.path.relpath(config.base.resolve(), config.output_dir.resolve())
    return {
        "run_id": result.run_id,
        "as_of": config.as_of,
        "device": result.device,
        **{name: result.counts[name] for name in _RUN_COUNTS},
        "inputs": json.dumps(inputs, sort_keys=True),
        "stages": json.dumps(result.stages, sort_keys=True),
        "versions": json.dumps(registry.versions(), sort_keys=True),
        "settings": json.dumps({**settings, "base": Path(base).as_posix()}, ensure_ascii=False),
    }
