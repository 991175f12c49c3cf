"""What lies in an output folder beside the tables: each file and folder named once."""

from __future__ import annotations

LAKE, WORK, REPORT = "lake", ".work", "report.html"
KEPT, CARRIED, UNLOGGED = "kept", "carried", "unlogged"
"""In the lake: what a night fitted; streams that did not change; runs that MLflow is to hear of."""
MANIFESTS = "_ingest"
"""In a table of the lake: manifests and rejected rows."""
STORE, ARTIFACTS, LOGGED = "mlflow.db", "mlartifacts", "mlartifacts/models"
MODELS, TEXT_MODEL = "models", "models/text"
FOLDERS = (
    WORK, LAKE, *(f"{LAKE}/{name}" for name in (KEPT, CARRIED, UNLOGGED)),
    ARTIFACTS, LOGGED, MODELS, TEXT_MODEL,
)  # fmt: skip
"""Folders that a night makes, none of them a table's."""
