"""Runs that are yet to be logged: MLflow takes seconds to start, an update should not.

``<output>/lake/unlogged/<milliseconds>-<run_id>`` holds what the MLflow run will say and the
report as it was. The next night that opens the store logs them first; until then gold ``runs``
has them.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu._schema.output import LAKE, UNLOGGED

if TYPE_CHECKING:
    from pathlib import Path

_NOTE = "note.json"


@dataclass(frozen=True, slots=True)
class Note:
    """What an MLflow run says of a night or an update.

    Attributes
    ----------
    name : str
        Its ``run_id``.
    at : int
        When it was done: milliseconds since 1970.
    params, metrics : dict
        Settings, and counts and seconds; keys may have dots.
    versions : dict of package to version
    inputs : dict
        Source files and versions, kept as ``inputs.json``.
    model : dict
        The segment model as plain numbers, kept as ``models/segments.json``.
    """

    name: str
    at: int
    params: dict[str, Any]
    metrics: dict[str, float]
    versions: dict[str, str]
    inputs: dict[str, Any]
    model: dict[str, Any]


def put(output: Path, note: Note, report: Path) -> None:
    """Keep a run, and a copy of its report page, until somebody logs it."""
    folder = _folder(output) / f"{note.at:015d}-{note.name}"
    draft = folder.with_name(f".{folder.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    (draft / _NOTE).write_text(json.dumps(asdict(note)), encoding="utf-8")
    shutil.copyfile(report, draft / report.name)
    for earlier in _folder(output).glob(f"[0-9]*-{note.name}"):  # it died after it had put it here
        shutil.rmtree(earlier)
    draft.rename(folder)


def folders(output: Path) -> list[Path]:
    """Return the folders of the runs that wait, the oldest first."""
    return sorted(_folder(output).glob("[0-9]*-*"))


def note_of(folder: Path) -> Note:
    """Return what the MLflow run of a folder will say."""
    return Note(**json.loads((folder / _NOTE).read_text(encoding="utf-8")))


def _folder(output: Path) -> Path:
    return output / LAKE / UNLOGGED
