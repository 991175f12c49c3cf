"""The MLflow run of a night: parameters, inputs, seconds a stage, the report, and its models.

The store is local: ``<output>/mlflow.db`` (SQLite) and ``<output>/mlartifacts``; look at it with
``mlflow ui --backend-store-uri sqlite:///<output>/mlflow.db``. Each model is an MLflow 3 logged
model: signature, input example, environment, data versions, metrics, model card, and a version
of a registered model with the alias ``champion`` or ``challenger``.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfb_gpu import engine
from qfb_gpu._schema.output import WORK
from qfb_gpu.models import store, waiting
from qfb_gpu.models.candidate import FOLDER, Candidate, offer, offered
from qfb_gpu.models.versions import (
    BEFORE,
    CHALLENGER,
    CHAMPION,
    DATA_FOLDER,
    PINNED,
    can_serve,
    champion,
    crown,
    is_pinned,
    note_champions,
    standing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "FOLDER",
    "Candidate",
    "champion",
    "is_pinned",
    "log_later",
    "log_model",
    "log_run",
    "note_of",
    "offer",
    "versions",
]

_LONGEST_PARAM = 6000
_LONGEST_TAG = 5000
_PACKAGES = (
    "qfb-gpu numpy pandas pyarrow scipy scikit-learn igraph numba numba-cuda dask deltalake "
    "mlflow chinesecalendar holidays fasttext-community cudf-cu13 cuml-cu13 cugraph-cu13 "
    "cupy-cuda13x dask-cuda"
).split()
_SERVED_BY = ("qfb-gpu", "numpy", "pandas", "pyarrow", "scipy", "scikit-learn", "mlflow")


def versions() -> dict[str, str]:
    """Return the versions of the packages a run's numbers depend on, and which code ours is."""
    return {**_installed(), engine.CODE: engine.code()}


@cache
def _installed() -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def note_of(
    name: str,
    params: dict[str, Any],
    metrics: dict[str, float],
    inputs: dict[str, Any],
    model: dict[str, Any],
) -> waiting.Note:
    """Return what an MLflow run will say of a night or an update that is done now."""
    return waiting.Note(name, _now(), params, metrics, versions(), inputs, model)


def log_run(output: Path, note: waiting.Note, report: Path) -> None:
    """Log one night, and the models that it offered, to the local MLflow store.

    Runs that :func:`log_later` left come first.

    Parameters
    ----------
    output : Path
        The run's output folder.
    note : Note
    report : Path
        The report page.
    """
    with store.opened(output) as client:
        for folder in waiting.folders(output):
            left = waiting.note_of(folder)
            earlier = _log_note(client, output, left, folder / report.name)
            client.set_terminated(earlier, end_time=left.at)
            shutil.rmtree(folder)
        run_id = _log_note(client, output, note, report)
        for candidate in offered(output / WORK / note.name):
            version = _log_model(client, output, candidate, note.name, note.inputs, run_id)
            client.set_tag(run_id, f"model.{candidate.name}", str(version))
        client.set_terminated(run_id)
        note_champions(client, output)  # for the workers of the next night


def log_later(output: Path, note: waiting.Note, report: Path) -> None:
    """Leave a run without models of its own to the next :func:`log_run`, whose arguments it has.

    Opening the store takes longer than many an update.
    """
    waiting.put(output, note, report)


def _now() -> int:
    return int(time.time() * 1000)


def _log_note(client: Any, output: Path, note: waiting.Note, report: Path) -> str:
    """Make the MLflow run of a note; return its id."""
    from mlflow.entities import Metric, Param, RunTag

    experiment = store.experiment(client, output)
    begun = f"attributes.run_name = '{note.name}' and attributes.status = 'RUNNING'"
    for left in client.search_runs([experiment], begun):  # it died, its models may be there
        client.set_terminated(left.info.run_id, "FAILED")
    run = client.create_run(experiment, start_time=note.at, run_name=note.name)
    run_id: str = run.info.run_id
    said = [RunTag(f"version.{key}", value) for key, value in note.versions.items()]
    client.log_batch(
        run_id,
        metrics=[Metric(key, float(value), note.at, 0) for key, value in note.metrics.items()],
        params=[Param(key, str(value)[:_LONGEST_PARAM]) for key, value in note.params.items()],
        tags=[*said, RunTag(BEFORE, standing(client, output, output / WORK / note.name))],
    )
    client.log_text(run_id, json.dumps(note.inputs, indent=1, sort_keys=True), "inputs.json")
    client.log_text(run_id, json.dumps(note.model, indent=1), "models/segments.json")
    client.log_artifact(run_id, str(report))
    return run_id


def log_model(
    output: Path, candidate: Candidate, *, night: str = "", inputs: Mapping[str, Any] | None = None
) -> int:
    """Log one model as an MLflow 3 logged model and a version of its registered model.

    At night a part calls :func:`offer` instead, and :func:`log_run` logs it.

    Parameters
    ----------
    output : Path
    candidate : Candidate
    night : str
        The ``run_id`` of the night that fitted it.
    inputs : mapping
        Source to its files, sizes and versions.

    Returns
    -------
    int
        Its version; where the registry has the same files already, that one.
    """
    output.mkdir(parents=True, exist_ok=True)
    with store.opened(output) as client:
        run = client.create_run(store.experiment(client, output), run_name=candidate.name)
        version = _log_model(client, output, candidate, night, dict(inputs or {}), run.info.run_id)
        client.set_terminated(run.info.run_id)
    return version


def _log_model(
    client: Any, output: Path, candidate: Candidate, night: str, inputs: dict[str, Any], run_id: str
) -> int:  # fmt: skip
    name = candidate.name
    registered = [m.name for m in client.search_registered_models(f"name = '{name}'")]
    if not registered:
        client.create_registered_model(name)
    tags = {
        "qfb_run": night,
        "digest": candidate.digest(),
        "gate": candidate.why[:_LONGEST_TAG],
        "data": json.dumps(inputs, sort_keys=True)[:_LONGEST_TAG],
    }
    same = [
        int(version.version)
        for version in client.search_model_versions(f"name = '{name}'")
        if version.tags.get("digest") == tags["digest"] and can_serve(client, output, version)
    ]
    version = max(same) if same else _new_version(client, output, candidate, tags, run_id)
    current = client.get_registered_model(name)
    is_pinned = current.tags.get(PINNED) == "true"
    if candidate.is_champion and (not is_pinned or CHAMPION not in current.aliases):
        crown(client, name, version)
    elif str(current.aliases.get(CHAMPION)) != str(version):
        client.set_registered_model_alias(name, CHALLENGER, str(version))
    return version


def _new_version(
    client: Any, output: Path, candidate: Candidate, tags: dict[str, str], run_id: str
) -> int:
    from mlflow.entities import LoggedModelOutput, Metric

    params = {key: str(value)[:_LONGEST_PARAM] for key, value in candidate.params.items()}
    logged = client.create_logged_model(
        experiment_id=store.experiment(client, output),
        name=candidate.name,
        source_run_id=run_id,
        tags=tags,
        params=params,
        model_type=candidate.kind,
    )
    with tempfile.TemporaryDirectory() as folder:
        _save(Path(folder), candidate)
        client.log_model_artifacts(logged.model_id, str(Path(folder) / "logged"))
    client.finalize_logged_model(logged.model_id, "READY")
    now = _now()
    metrics = [
        Metric(f"{candidate.name}.{key}", float(value), now, 0, model_id=logged.model_id)
        for key, value in candidate.metrics.items()
    ]
    client.log_batch(run_id, metrics=metrics)
    client.log_outputs(run_id, models=[LoggedModelOutput(logged.model_id, 0)])
    version = client.create_model_version(
        candidate.name,
        # not models:/<id>, which MLflow looks up in its global store instead of this client's
        source=logged.artifact_location,
        run_id=run_id,
        tags={**tags, "model_id": logged.model_id},
        description=candidate.card,
    )
    return int(version.version)


def _save(folder: Path, candidate: Candidate) -> None:
    """Write the model as MLflow's pyfunc flavour, with its card, into ``folder/logged``."""
    import mlflow.pyfunc
    from mlflow.models import infer_signature

    files = folder / DATA_FOLDER
    files.mkdir()
    for name, content in candidate.files.items():
        (files / name).write_bytes(content)
    found = versions()
    with _unchecked():
        mlflow.pyfunc.save_model(
            folder / "logged",
            loader_module=candidate.loader,
            data_path=str(files),
            signature=infer_signature(candidate.example, candidate.predicted),
            input_example=candidate.example,
            conda_env={
                "name": candidate.name,
                "channels": ["conda-forge"],
                "dependencies": [
                    f"python={sys.version_info.major}.{sys.version_info.minor}",
                    "pip",
                    {"pip": [f"{name}=={found[name]}" for name in _SERVED_BY if name in found]},
                ],
            },
        )
    (folder / "logged" / "MODEL_CARD.md").write_text(candidate.card, encoding="utf-8")


@contextmanager
def _unchecked() -> Iterator[None]:
    """Keep MLflow from comparing a model's requirements with what is installed.

    They were read from there a moment ago. To find that out MLflow looks at every file of every
    package: two thirds of the time of logging a night. It has no setting for that.
    """
    from mlflow.utils import environment

    name = "warn_dependency_requirement_mismatches"
    check = getattr(environment, name, None)
    if check is None:  # an MLflow that does it elsewhere
        yield
        return
    setattr(environment, name, lambda _requirements: None)
    try:
        yield
    finally:
        setattr(environment, name, check)
