"""What the registry said last of its champions, so that a worker need not open MLflow to hear it.

``<output>/mlflow.champions.json`` says it of a ``mlflow.db`` of certain bytes. Whatever changes
the registry, be it a night, ``qfb models`` or MLflow itself, writes into that database, so its
digest tells that nothing has changed. It is a cache: without it MLflow is asked. A night keeps the
same in its workspace, of when it asked first, and holds to it.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from qfb_gpu._schema.output import STORE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_NIGHT = "champions.json"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a registered model.

    Attributes
    ----------
    name, version : str, int
    aliases : tuple of str
    tags : dict
        ``qfb_run`` (the night's id), ``digest``, ``gate`` (its words), ``data`` (JSON of inputs).
    metrics : dict of str to float
    params : dict of str to str
    files : Path
        Folder of the model's own files.
    model_id : str
        MLflow's id of the logged model; empty where somebody registered the version by hand, or
        the id that its tag says names none.
    is_pinned : bool
        A person chose the champion of this model.
    """

    name: str
    version: int
    aliases: tuple[str, ...]
    tags: dict[str, str]
    metrics: dict[str, float]
    params: dict[str, str]
    files: Path
    model_id: str
    is_pinned: bool = False
    history: tuple[int, ...] = field(default=())

    @property
    def is_by_hand(self) -> bool:
        """Say whether it was registered in MLflow by hand: no night knows where its files are."""
        return not self.model_id


def stamp_of(output: Path) -> str:
    """Return the digest of the store's database; empty while it is being written, or not there."""
    database = output / STORE
    beside = [database.with_name(database.name + end) for end in ("-journal", "-wal")]
    if any(path.is_file() and path.stat().st_size for path in beside):
        return ""
    try:
        with database.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except FileNotFoundError:
        return ""


def recall(output: Path) -> dict[str, Version] | None:
    """Return the champion of each model that has one, None where that is not known."""
    stamp = stamp_of(output)
    return _read(_file(output), output, stamp) if stamp else None


def of_night(output: Path, night: Path) -> dict[str, Version] | None:
    """Return the champions that a night goes by, None where it has not asked for them.

    Parameters
    ----------
    output, night : Path
        The output folder and the night's workspace.
    """
    return _read(night / _NIGHT, output, "")


def keep_for_night(
    output: Path, night: Path, champions: Mapping[str, Version]
) -> dict[str, Version]:
    """Let a night go by these champions; return those that it goes by, if it asked before."""
    if (known := of_night(output, night)) is None:
        night.mkdir(parents=True, exist_ok=True)
        _write(night / _NIGHT, output, "", champions)
    return dict(champions) if known is None else known


def keep_instead(output: Path, night: Path, champions: Mapping[str, Version]) -> None:
    """Let a night go by these champions, whatever it went by before."""
    _write(night / _NIGHT, output, "", champions)


def _read(file: Path, output: Path, stamp: str) -> dict[str, Version] | None:
    try:
        said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if said["stamp"] != stamp:
            return None
        return {name: _version(output, one) for name, one in said["champions"].items()}
    except (OSError, ValueError, TypeError, KeyError):  # none, or of another engine
        return None


def remember(output: Path, stamp: str, champions: Mapping[str, Version]) -> None:
    """Keep what the registry said, if there is room: it is a cache.

    Parameters
    ----------
    output : Path
    stamp : str
        :func:`stamp_of` from before it was asked: where it has changed since, nothing is kept.
    champions : mapping of model to its champion
    """
    if stamp and stamp_of(output) == stamp:
        with suppress(OSError):
            _write(_file(output), output, stamp, champions)


def _write(file: Path, output: Path, stamp: str, champions: Mapping[str, Version]) -> None:
    said = {
        name: {**asdict(one), "files": one.files.relative_to(output).as_posix()}
        for name, one in champions.items()
    }
    draft = file.with_name(f".{file.stem}.{os.getpid()}.tmp")
    try:
        draft.write_text(json.dumps({"stamp": stamp, "champions": said}), encoding="utf-8")
        draft.replace(file)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _file(output: Path) -> Path:
    return output / "mlflow.champions.json"


def _version(output: Path, said: Mapping[str, Any]) -> Version:
    """Return a version; the output folder may have moved since it was kept."""
    lists: Iterable[str] = ("aliases", "history")
    return Version(
        **{**said, **{n: tuple(said[n]) for n in lists}, "files": output / said["files"]}
    )
