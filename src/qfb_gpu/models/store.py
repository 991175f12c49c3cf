"""The local MLflow store of an output folder: ``mlflow.db`` (SQLite) and ``mlartifacts``.

MLflow's import costs seconds, so it happens here, when a store is opened or will be, and nowhere
else.
"""

from __future__ import annotations

import logging
import os
import warnings
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXPERIMENT = "qfb nightly"


def exists(output: Path) -> bool:
    """Say whether an output folder has a store; asks no MLflow."""
    return (output / "mlflow.db").is_file()


def imported_beside() -> None:
    """Import MLflow in a thread: for a process that now waits for others.

    Whoever opens a store before that is done waits for the rest of it; a failure shows there.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

    def work() -> None:
        with suppress(Exception):
            import_module("mlflow")

    Thread(target=work, name="import mlflow", daemon=True).start()


@contextmanager
def opened(output: Path) -> Iterator[Any]:
    """Give the ``MlflowClient`` of an output folder's store, made where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations between MLflow and SQLAlchemy
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        import mlflow

        for logger in ("mlflow", "alembic"):
            logging.getLogger(logger).setLevel(logging.WARNING)
        uri = f"sqlite:///{output / 'mlflow.db'}"
        yield mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def experiment(client: Any, output: Path) -> str:
    """Return the id of the nights' experiment, made where there is none."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    location = (output / "mlartifacts").as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=location))
