"""The MLflow run of a night: parameters, inputs, seconds a stage, models, the report.

The store is local: ``<output>/mlflow.db`` (SQLite) and ``<output>/mlartifacts``; look at it with
``mlflow ui --backend-store-uri sqlite:///<output>/mlflow.db``.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import time
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

EXPERIMENT = "qfb nightly"
_LONGEST_PARAM = 6000
_PACKAGES = (
    "qfb-gpu numpy pandas pyarrow scipy scikit-learn igraph numba numba-cuda dask deltalake "
    "mlflow cudf-cu13 cuml-cu13 cugraph-cu13 cupy-cuda13x dask-cuda"
).split()


def versions() -> dict[str, str]:
    """Return the versions of the packages a run's numbers depend on, of those installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def log_run(
    output: Path,
    *,
    name: str,
    params: dict[str, Any],
    metrics: dict[str, float],
    inputs: dict[str, Any],
    model: dict[str, Any],
    report: Path,
) -> str:
    """Log one night to the local MLflow store.

    Parameters
    ----------
    output : Path
        The run's output folder.
    name : str
        The run's name, its ``run_id``.
    params, metrics : dict
        Settings, and counts and seconds; keys may have dots.
    inputs : dict
        Source files and versions, kept as ``inputs.json``.
    model : dict
        The segment model as plain numbers, kept as ``models/segments.json``.
    report : Path
        The report page.

    Returns
    -------
    str
        MLflow's id of the run.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations between MLflow and SQLAlchemy
        return _log(output, name, params, metrics, {"inputs": inputs, "model": model}, report)


def _log(
    output: Path,
    name: str,
    params: dict[str, Any],
    metrics: dict[str, float],
    texts: dict[str, dict[str, Any]],
    report: Path,
) -> str:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow
    from mlflow.entities import Metric, Param, RunTag

    for logger in ("mlflow", "alembic"):
        logging.getLogger(logger).setLevel(logging.WARNING)
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{output / 'mlflow.db'}")
    run = client.create_run(_experiment(client, output), run_name=name)
    run_id: str = run.info.run_id
    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        metrics=[Metric(key, float(value), now, 0) for key, value in metrics.items()],
        params=[Param(key, str(value)[:_LONGEST_PARAM]) for key, value in params.items()],
        tags=[RunTag(f"version.{key}", value) for key, value in versions().items()],
    )
    client.log_text(run_id, json.dumps(texts["inputs"], indent=1, sort_keys=True), "inputs.json")
    client.log_text(run_id, json.dumps(texts["model"], indent=1), "models/segments.json")
    client.log_artifact(run_id, str(report))
    client.set_terminated(run_id)
    return run_id


def _experiment(client: Any, output: Path) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    location = (output / "mlartifacts").as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=location))
