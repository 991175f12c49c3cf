"""Delta tables of others as sources: which files are a version, and what their rows are.

Read from the log by delta-rs: partition values, column mapping (by name or by id), columns that
came later, rows that deletion vectors take away, the version as of a night. A feature that is not
among these is refused by name. https://github.com/delta-io/delta/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.errors import InputError, in_a_line
from qfb_gpu.lake.delta import read_log

if TYPE_CHECKING:
    from pathlib import Path

    from deltalake import DeltaTable

READ = {
    "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "deletionVectors", "columnMapping",
}  # fmt: skip
"""Features of a table's reader that are honoured."""


@dataclass(frozen=True, slots=True)
class DeltaFile:
    """One data file of a Delta table and how its rows are read.

    Attributes
    ----------
    columns : tuple of (str, str, int or None)
        The table's columns: name, name in the file, field id in the file.
    by_id : bool
        Columns are found by their field ids, not by names.
    partition : dict of column to text, instant or None
    deleted : int64 array
        Rows of the file that are deleted, ascending.
    n_rows : int or None
        Rows of the file, deleted ones among them; None where the log does not say.
    bounds : dict of column to (earliest, latest, null count)
        Of date and timestamp columns where the log says them; a partition's value is both.
    root : Path
        The table's folder.
    version : int
        The version of the table that was read.
    """

    columns: tuple[tuple[str, str, int | None], ...]
    by_id: bool
    partition: dict[str, str | dt.datetime | None]
    deleted: Any
    n_rows: int | None
    bounds: dict[str, tuple[dt.date, dt.date, int]]
    root: Path
    version: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A version of a Delta table: its files by path, with their identity."""

    version: int
    files: list[tuple[Path, str, DeltaFile]]


def snapshot(path: Path, at: dt.date | int | None = None) -> Snapshot:
    """Return the files of a version of a Delta table.

    Parameters
    ----------
    path : Path
    at : date, int or None
        The last version of that day (UTC), a version, or the newest.

    Raises
    ------
    InputError
        There is no such table or version, or it uses a feature that would be read wrong.
    """
    table = load(path, at)
    columns = _columns(table)
    configuration = table.metadata().configuration
    by_id = configuration.get("delta.columnMapping.mode") == "id"
    deleted = _deleted(table)
    actions = pa.table(table.get_add_actions(flatten=False)).to_pylist()
    files = []
    for action in actions:
        file = _absolute(path, urllib.parse.unquote(action["path"]))
        gone = deleted.get(file.as_posix(), np.zeros(0, np.int64))
        mark = "" if not gone.size else ":" + hashlib.sha256(gone.tobytes()).hexdigest()[:16]
        partition = {n: _partition_value(v) for n, v in (action.get("partition") or {}).items()}
        bounds = _bounds(action, columns)
        files.append(
            (file, f"{action['size_bytes']}{mark}",
             DeltaFile(columns, by_id, partition, gone, action.get("num_records"), bounds,
                       path, table.version()))
        )  # fmt: skip
    return Snapshot(table.version(), sorted(files, key=lambda one: one[0]))


def load(path: Path, at: dt.date | int | None = None) -> DeltaTable:
    """Return a version of a Delta table; raises as :func:`snapshot`."""
    from deltalake.exceptions import DeltaError

    coded = re.search(r"%[0-9A-Fa-f]{2}", str(path.resolve()))
    if coded:  # delta-rs takes a path for an address: it would read another folder's log
        msg = (
            f"{path}: a Delta table cannot be read from a folder whose name, or that of one above "
            f"it, holds {coded[0]!r}; rename the folder, or export the table as Parquet"
        )
        raise InputError(msg)
    try:
        table = read_log(path)
    except (DeltaError, OSError) as error:
        reason = str(error).strip().split("\n", 1)[0][:200]
        msg = f"{path}: this Delta table cannot be read ({reason}); export it as Parquet"
        raise InputError(msg) from error
    if table is None:
        msg = f"{path}: expected a Delta table, found no _delta_log folder"
        if (path / "_delta_log").is_dir():
            msg = f"{path}: this Delta table cannot be read (its _delta_log has no commit); mend it"
        raise InputError(msg)
    if at is not None:
        try:
            table.load_as_version(at if isinstance(at, int) else _version_of(table, at))
        except (DeltaError, ValueError, OSError) as error:
            what = f"version {at}" if isinstance(at, int) else f"version as of {at}"
            reason = in_a_line(error)
            msg = f"{path}: has no {what} ({reason}); set `snapshot` to one that it still has"
            raise InputError(msg) from error
    refuse_unreadable(table, path)
    return table


def refuse_unreadable(table: DeltaTable, path: Path) -> None:
    """Raise where a table's files do not say what its rows are."""
    unknown = set(table.protocol().reader_features or []) - READ
    mode = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    if mode not in ("none", "name", "id"):
        unknown.add(f"columnMapping mode {mode}")
    if unknown:
        msg = (
            f"{path}: this Delta table uses {', '.join(sorted(unknown))}, which is not read; "
            "rewrite it without, or export it as Parquet"
        )
        raise InputError(msg)


def _version_of(table: DeltaTable, day: dt.date) -> int:
    """Return the last version that was committed until the end of a day (UTC).

    By the time that the commits say: that of their files changes when a table is copied.
    """
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.UTC).timestamp() * 1000
    stamps = {entry["version"]: entry["timestamp"] for entry in table.history()
              if "timestamp" in entry and "version" in entry}  # fmt: skip
    early = [version for version, stamp in stamps.items() if stamp < end]
    if not early:
        first = min(stamps.values(), default=None)
        known = "none is dated" if first is None else f"its first is of {_utc(first)}"
        raise ValueError(known)
    return int(max(early))


def _utc(stamp: int) -> dt.date:
    return dt.datetime.fromtimestamp(stamp / 1000, dt.UTC).date()


def _columns(table: DeltaTable) -> tuple[tuple[str, str, int | None], ...]:
    found = []
    for field in json.loads(table.schema().to_json())["fields"]:
        metadata = field.get("metadata", {})
        name = metadata.get("delta.columnMapping.physicalName", field["name"])
        number = metadata.get("delta.columnMapping.id")
        found.append((field["name"], name, None if number is None else int(number)))
    return tuple(found)


def _deleted(table: DeltaTable) -> dict[str, Any]:
    """Return the deleted rows of every file that has any, by its absolute path."""
    if "deletionVectors" not in (table.protocol().reader_features or []):
        return {}
    found: dict[str, Any] = {}
    for batch in table.deletion_vectors():
        rows = pa.record_batch(batch)
        uris = rows.column("filepath").to_pylist()
        for uri, keep in zip(uris, rows.column("selection_vector"), strict=True):
            kept = np.asarray(keep.values.to_numpy(zero_copy_only=False), bool)
            name = urllib.parse.unquote(urllib.parse.urlparse(uri).path)
            found[name] = np.flatnonzero(~kept)
    return found


def _absolute(root: Path, name: str) -> Path:
    """Return a file of a table; a clone names files of another by their URI."""
    path = urllib.parse.urlparse(name).path if name.startswith("file:") else name
    return root.resolve() / path


def _partition_value(value: Any) -> str | dt.datetime | None:
    """Return what stands for a partition's value in its rows: a text, or an instant."""
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ") if value.tzinfo is None else value
    if isinstance(value, bool):
        return str(value).lower()
    return value.decode() if isinstance(value, bytes) else str(value)


def _bounds(
    action: dict[str, Any], columns: tuple[tuple[str, str, int | None], ...]
) -> dict[str, tuple[dt.date, dt.date, int]]:
    """Return the earliest and the latest day of columns of dates, and their nulls."""
    least, most = action.get("min") or {}, action.get("max") or {}
    nulls = action.get("null_count") or {}
    found = {}
    for name, stored, _ in columns:
        low, high = _as_date(least.get(stored)), _as_date(most.get(stored))
        if low is not None and high is not None and nulls.get(stored) is not None:
            found[name] = (low, high, int(nulls[stored]))
    for name, value in (action.get("partition") or {}).items():
        day = _as_date(value)
        if day is not None:
            found[name] = (day, day, 0)
    return found


def _as_date(value: Any) -> dt.date | None:
    if isinstance(value, dt.datetime):
        return value.date()
    return value if isinstance(value, dt.date) else None
