"""The model registry and the replay of a night, for the command line.

A night is replayed from its row of gold ``runs``: the settings and the as-of date are in it, the
sources are read again and must be the same files, and the champions are put back as they were
before that night. It runs into a folder of its own; the original is not touched.
"""

from __future__ import annotations

import errno
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from qfb_gpu import engine
from qfb_gpu._schema.output import ARTIFACTS
from qfb_gpu.config import Config, build_config
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import gold
from qfb_gpu.lake.draft import said_of
from qfb_gpu.lake.earlier import half_published
from qfb_gpu.lake.manifest import RETRIED
from qfb_gpu.models import store
from qfb_gpu.models.remembered import Version
from qfb_gpu.models.versions import (
    CHAMPION,
    promote,
    release,
    restore,
    rollback,
    versions,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CHAMPION", "Version", "compare", "differing_inputs", "fed_inputs", "of_later", "other_code",
    "promote", "release", "replay_config", "retried_inputs", "rollback", "run_row", "versions",
]  # fmt: skip
_CHANGES = re.compile(r" \(changes of versions \d+ to \d+\)$")
"""How :func:`qfb_gpu.lake.feed.fetch` names what it read."""
_LAST_SEEN = ("runs",)
_OF_SOURCES = ("rejects", "data_quality")
"""Published before the other tables of a night, under a number of their own."""
_REPLAY = "replay.json"
"""In the folder of a replay: of which output folder and night it is."""


def run_row(output: Path, run_id: str) -> dict[str, Any]:
    """Return the row of gold ``runs`` of a night: of one that was run again, the last.

    Raises
    ------
    InputError
        There is none; the newest there are are listed.
    """
    rows: list[dict[str, Any]] = gold.read(output, "runs").to_pylist()
    for row in reversed(rows):
        if row["run_id"] == run_id:
            return row
    known = ", ".join(f"{row['run_id']} ({row['as_of']})" for row in rows[-5:])
    msg = f"{output}: no run {run_id!r}; the last are {known}"
    raise InputError(msg)


def replay_config(output: Path, run_id: str, into: Path, device: str | None = None) -> Config:
    """Return the config that repeats a night into another folder, and put its champions there.

    Parameters
    ----------
    output : Path
        Where the night was published.
    run_id : str
    into : Path
        A folder that is not there yet, or that a replay of that night made and was stopped in.
    device : str, optional
        ``auto``, ``cpu`` or ``gpu``; what the night was told where not given.

    Raises
    ------
    ConfigError
        ``into`` is there already, and is another's.
    InputError
        The run was an update: what it was of can be replayed.
    """
    of = {"output": str(output.resolve()), "run_id": run_id}
    if into.exists() and _begun(into) != of:
        msg = f"{into} is there already; replay into a folder that is not, with --into"
        raise ConfigError(msg)
    row = run_row(output, run_id)
    updated = json.loads(row["stages"]).get("update", {}).get("of")
    if updated:
        msg = f"{output}: run {run_id!r} was an update of {updated!r}; replay that whole night"
        raise InputError(msg)
    settings = json.loads(row["settings"])
    base = _base(output, settings["output"], settings.pop("base", None))
    settings["output"] = str(into.resolve())
    if device is not None:
        settings["device"] = device
    config = build_config(settings, base=base, where=f"run {run_id}")
    if not into.exists():
        _begin(output, run_id, into, of)
    return config


def _begin(output: Path, run_id: str, into: Path, of: dict[str, str]) -> None:
    """Make the folder of a replay, with the models as they were before its night."""
    draft = into.with_name(f".{into.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)  # of one that was killed before it began
    try:
        with said_of(into):
            draft.mkdir(parents=True)
            if store.exists(output):
                store.copy(output, draft)
                if (output / ARTIFACTS).is_dir():
                    _copy_files(output / ARTIFACTS, draft / ARTIFACTS)
                restore(draft, run_id)
            (draft / _REPLAY).write_text(json.dumps(of), encoding="utf-8")
            draft.rename(into)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)  # for want of room, say
        raise


def _copy_files(folder: Path, into: Path) -> None:
    try:
        shutil.copytree(folder, into)
    except shutil.Error as error:  # a list of every file that was not copied, and why
        _, target, why = error.args[0][0]
        raise OSError(errno.EIO, str(why), str(target)) from error


def _begun(into: Path) -> dict[str, str] | None:
    """Return which night's replay made a folder, None where none did."""
    try:
        said: dict[str, str] = json.loads((into / _REPLAY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said


def _base(output: Path, relative: str, kept: str | None = None) -> Path:
    """Return the folder of the config file: as the run kept it, if the output is still there.

    Else where the relative output path began.
    """
    folder = output.resolve()
    if kept is not None and ((folder / kept).resolve() / relative).resolve() == folder:
        return (folder / kept).resolve()
    for part in reversed([p for p in relative.split("/") if p not in ("", ".")]):
        if folder.name != part:
            return output.resolve().parent
        folder = folder.parent
    return folder


def differing_inputs(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what made a replay another night: sources and packages that are not what they were."""
    found = []
    for column in ("inputs", "versions"):
        old, new = json.loads(before[column]), json.loads(now[column])
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                what = f"sources.{name}" if column == "inputs" else name
                found.append(what)
    return found


def other_code(differing: list[str]) -> list[str]:
    """Return what of that is our code, and the packages beside it; none where our code is the same.

    Packages by themselves make no other night.
    """
    packages = [name for name in differing if not name.startswith("sources.")]
    return packages if engine.CODE in packages else []


def fed_inputs(before: dict[str, Any]) -> list[str]:
    """Return the sources of a night whose lake had read changes of a Delta table, not its files.

    A replay has a lake of its own and reads the table as it is: other inputs, with the same rows
    where the table has no later version.
    """
    return [
        f"sources.{name}"
        for name, inputs in sorted(json.loads(before["inputs"]).items())
        if any(_CHANGES.search(file["name"]) for file in inputs.get("files", ()))
    ]


def retried_inputs(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return the sources of a night whose rejected rows had been tried again, else as they are now.

    A replay reads them with the mended mapping at once: another id, the same rows.
    """
    old, new = json.loads(before["inputs"]), json.loads(now["inputs"])
    return [
        f"sources.{name}"
        for name, inputs in sorted(old.items())
        if inputs != new.get(name) and {**inputs, RETRIED: 0} == {**new.get(name, {}), RETRIED: 0}
    ]


def of_later(output: Path, run_id: str) -> list[str]:
    """Return the tables that are not this night's any more: a later one published them and died."""
    found = half_published(output, run_id)
    return sorted({*found, *_OF_SOURCES}) if found else []


def compare(output: Path, replayed: Path, run_id: str) -> dict[str, bool] | None:
    """Return whether each gold table of a replay equals the original's; of those that are there.

    None where the original has published a later night since. Tables of a later night that died
    are left out (:func:`of_later`).
    """
    if gold.last_run(output) != run_id:
        return None
    left_out = {*_LAST_SEEN, *of_later(output, run_id)}
    there = set(gold.tables(replayed))
    return {
        name: _is_same(output, replayed, name, is_there=name in there)
        for name in gold.tables(output)
        if name not in left_out
    }


def _is_same(output: Path, replayed: Path, name: str, *, is_there: bool) -> bool:
    """Return whether a table is the same; one that an earlier night left has no rows."""
    before = gold.read(output, name)
    return before.equals(gold.read(replayed, name)) if is_there else not before.num_rows
