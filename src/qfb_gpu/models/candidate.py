"""A fitted model on its way into the registry.

The fit of a part offers its model (:func:`offer`) into the night's own folder, which needs no
MLflow; the night's MLflow stage logs what was offered (:func:`qfb_gpu.models.registry.log_run`).
A night that died fits again and offers again, so nothing is registered that was not published.

A model is files and the name of a module that has ``_load_pyfunc(folder)``: it returns an object
whose ``predict(frame)`` takes a data frame like ``example`` and gives one like ``predicted``.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER = "offered"
_ABOUT = "about.json"
_ABOUT_FIELDS = ("name", "loader", "metrics", "params", "card", "is_champion", "why", "kind")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model with everything that its version in the registry shows.

    Attributes
    ----------
    name : str
        The registered model, e.g. ``churn``.
    loader : str
        Module with ``_load_pyfunc(folder)``.
    files : mapping of file name to bytes
        What ``_load_pyfunc`` reads; plain numbers (JSON), not pickles of code.
    example, predicted : pandas.DataFrame
        A few rows that go in, and what comes out of them: they give the signature.
    metrics : mapping of str to float
        Measured on held-out rows.
    params : mapping of str to str or number
        Settings of the fit, and its data: days, rows, seed.
    card : str
        The model card, Markdown.
    is_champion : bool
        The gate let it pass: it becomes ``champion``; else ``challenger``.
    why : str
        The gate's words.
    kind : str
        MLflow's ``model_type``, e.g. ``classifier``.
    """

    name: str
    loader: str
    files: Mapping[str, bytes]
    example: Any
    predicted: Any
    metrics: Mapping[str, float]
    params: Mapping[str, Any] = field(default_factory=dict)
    card: str = ""
    is_champion: bool = True
    why: str = ""
    kind: str = "classifier"

    def digest(self) -> str:
        """Return a hash of the files: equal models are one version."""
        return digest_of(self.files)


def digest_of(files: Mapping[str, bytes]) -> str:
    """Return a hash of a model's files."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(name.encode() + b"\0" + files[name] + b"\0")
    return total.hexdigest()[:16]


def offer(workspace: Path, candidate: Candidate) -> None:
    """Keep a model in the night's folder until the night is published.

    Parameters
    ----------
    workspace : Path
        ``Workspace.root``; what was offered under the same name before is replaced.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = workspace / FOLDER / candidate.name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "files").mkdir(parents=True)
    for name, content in candidate.files.items():
        (folder / "files" / name).write_bytes(content)
    for part in ("example", "predicted"):
        rows = getattr(candidate, part)
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), folder / f"{part}.parquet")
    about = {name: getattr(candidate, name) for name in _ABOUT_FIELDS}
    about |= {"metrics": dict(candidate.metrics), "params": dict(candidate.params)}
    (folder / _ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")


def offered(workspace: Path) -> list[Candidate]:
    """Return the models that were offered in a night's folder, by name."""
    import pyarrow.parquet as pq

    found = []
    for path in sorted((workspace / FOLDER).glob(f"*/{_ABOUT}")):
        about = json.loads(path.read_text(encoding="utf-8"))
        files = {f.name: f.read_bytes() for f in sorted((path.parent / "files").iterdir())}
        rows = {
            part: pq.read_table(path.parent / f"{part}.parquet").to_pandas()
            for part in ("example", "predicted")
        }
        found.append(Candidate(**about, files=files, **rows))
    return found
