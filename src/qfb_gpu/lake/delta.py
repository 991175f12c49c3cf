"""Commits to Delta tables from part files that this package wrote itself.

A part file is written first, under a name no reader knows; one commit makes all parts of a
version visible together. A run that dies leaves files behind that are in no version.
"""

from __future__ import annotations

import errno
import json
import os
import re
import time
import urllib.parse
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qfb_gpu.errors import InputError, in_a_line, is_panic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq
    from deltalake import DeltaTable


@dataclass(frozen=True, slots=True)
class PartFile:
    """A Parquet file under a table's folder, not yet part of a version.

    Attributes
    ----------
    path : str
        Relative to the table's folder.
    n_rows : int
    partition : dict of column to text
    stats : dict
        More of Delta's per-file statistics: ``minValues``, ``maxValues``, ``nullCount``.
    """

    path: str
    n_rows: int
    partition: dict[str, str]
    stats: dict[str, Any]


@contextmanager
def calmly() -> Iterator[None]:
    """Let a panic of delta-rs be an error as its others are; also as a decorator.

    To Python it is no ``Exception``: whoever tidies up, or tells of an error, would not hear of it.
    """
    from deltalake.exceptions import DeltaError

    try:
        yield
    except BaseException as error:
        if not is_panic(error):
            raise
        msg = f"delta-rs broke off: {error}"
        raise DeltaError(msg) from error


def is_table(path: Path) -> bool:
    """Return whether there is a Delta table at ``path``: a log that has something.

    Where the disk was full, or the process killed, as a table was made, its log is a folder that
    holds nothing, or a draft: no table yet.
    """
    log = path / "_delta_log"
    return log.is_dir() and any(one.suffix in (".json", ".parquet") for one in log.iterdir())


@calmly()
def read_log(path: Path) -> DeltaTable | None:
    """Return any Delta table at ``path``, or None where there is none."""
    from deltalake import DeltaTable

    return DeltaTable(str(path)) if is_table(path) else None


def open_table(path: Path) -> DeltaTable | None:
    """Return a table of ours at ``path``, or None where there is none.

    Raises
    ------
    InputError
        Its log cannot be read: to delete such a table is safe, which a bank's is not. Or it may
        not be read now, and nothing is to be deleted.
    """
    from deltalake.exceptions import DeltaError

    try:
        return read_log(path)
    except (DeltaError, OSError) as error:
        if _is_not_now(error):
            raise InputError(_not_now(path, error)) from error
        if isinstance(error, OSError):
            raise
        reason = str(error).strip().split("\n", 1)[0][:200]
        msg = f"{path}: its Delta log cannot be read ({reason}); {_mended(path, 'that folder')}"
        raise InputError(msg) from error


def _mended(table: Path, folder: str) -> str:
    """Say what to do about a table of ours that cannot be read."""
    if table.name == "runs":
        return (
            f"put a copy of {folder} back, or delete it and run again: the next night begins "
            "another, without the rows of earlier nights"
        )
    return f"delete {folder} and run again: what it holds is made anew"


_NOT_NOW = {errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM, errno.ENOMEM, errno.EAGAIN}
"""What is wrong with the process that opens a file, not with the file."""
_TOLD = re.compile(r"\(os error (\d+)\)|Os \{ code: (\d+)")
"""How delta-rs tells the number of an error, which its errors do not have."""


def _is_not_now(error: Exception) -> bool:
    """Return whether a file may not be opened now, which says nothing about the file."""
    told = _TOLD.search(str(error))
    code = int(told[1] or told[2]) if told else getattr(error, "errno", None)
    return code in _NOT_NOW


def _not_now(path: Path, error: Exception) -> str:
    return (
        f"{path} cannot be opened ({in_a_line(error, 300)}); it is not broken: give this user the "
        "right to read it, memory, or more open files (ulimit -n), and run again"
    )


def open_file(path: Path, coded: list[str] | None = None) -> pq.ParquetFile:
    """Open a data file of a table that this package wrote; ``coded`` columns as dictionaries.

    Raises
    ------
    InputError
        It is lost or broken; or it may not be opened now, and nothing is to be deleted.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, read_dictionary=coded)
    except (OSError, pa.ArrowInvalid) as error:
        table = next((p for p in path.parents if (p / "_delta_log").is_dir()), path.parent)
        if _is_not_now(error):
            raise InputError(_not_now(path, error)) from error
        msg = f"{path} is lost or broken ({in_a_line(error)}); {_mended(table, str(table))}"
        raise InputError(msg) from error


@calmly()
def commit(  # noqa: PLR0913
    path: Path,
    parts: list[PartFile],
    schema: pa.Schema,
    *,
    partition_by: list[str],
    application: str,
    version: int,
    drop: list[str] | None = None,
    note: dict[str, Any] | None = None,
    data_change: bool = True,
) -> bool:
    """Make part files visible, in one step, as the table's next version.

    Parameters
    ----------
    path : Path
        The table's folder; the table is created where there is none.
    parts : list of PartFile
    schema, partition_by : pyarrow.Schema, list of str
        Of the table, partition columns included.
    application, version : str, int
        A commit of the same or a later version of this application changes nothing.
    drop : list of str, optional
        Files that the parts replace, relative to ``path``; None for all of them.
    note : dict, optional
        Kept in the commit's metadata.
    data_change : bool
        False where the rows stay as they are in other files.

    Returns
    -------
    bool : whether anything was committed.
    """
    from deltalake import CommitProperties, Schema, Transaction
    from deltalake.transaction import create_table_with_add_actions

    table = open_table(path)
    if table is not None and (table.transaction_version(application) or 0) >= version:
        return False
    mark = [Transaction(application, version)]
    properties = CommitProperties(custom_metadata=note, app_transactions=mark)
    adds: list[Any] = [_add(path, part, data_change=data_change) for part in parts]
    if table is None:
        path.mkdir(parents=True, exist_ok=True)
        create_table_with_add_actions(
            str(path), Schema.from_arrow(schema), adds,
            partition_by=partition_by, commit_properties=properties,
        )  # fmt: skip
    elif drop is None:
        table.create_write_transaction(
            adds, "overwrite", schema, partition_by, commit_properties=properties
        )
    else:
        gone = [_remove(name) for name in drop]
        table.create_write_transaction(
            [*adds, *gone], "append", schema, partition_by, commit_properties=properties
        )
    return True


@calmly()
def committed_version(path: Path, application: str) -> int:
    """Return the last committed version of an application; 0 where there is none."""
    table = _newest(path)
    return 0 if table is None else table.transaction_version(application) or 0


@calmly()
def last_note(path: Path) -> dict[str, Any]:
    """Return the metadata of the newest commit; empty where there is no table."""
    table = _newest(path)
    return {} if table is None else dict(table.history(1)[0])


@calmly()
def table_schema(path: Path) -> pa.Schema:
    """Return the schema of the newest version; an empty one where there is no table."""
    import pyarrow as pa

    table = _newest(path)
    return pa.schema([] if table is None else table.schema().to_arrow())


def table_files(path: Path) -> list[Path]:
    """Return the data files of the newest version, by name."""
    return [path / name for name in _newest_names(path)]


@calmly()
def version_files(path: Path, version: int, table: DeltaTable) -> tuple[list[Path], pa.Schema]:
    """Return the data files of a version, by name, whether or not they are there; its schema."""
    import pyarrow as pa

    table.load_as_version(version)
    return [path / name for name in sorted(_names(table))], pa.schema(table.schema().to_arrow())


def is_whole(path: Path) -> bool:
    """Return whether the data files of the newest version are there, each as large as it was."""
    table = _newest(path)
    if table is None:
        return False
    added = table.get_add_actions(flatten=True)
    sizes = zip(
        added.column("path").to_pylist(), added.column("size_bytes").to_pylist(), strict=True
    )
    files = [(path / urllib.parse.unquote(name), size) for name, size in sizes]
    return all(file.is_file() and file.stat().st_size == size for file, size in files)


def partition_files(path: Path, column: str, value: str) -> list[Path]:
    """Return the data files of one partition of the newest version, by name."""
    return [path / name for name in _newest_names(path) if name.startswith(f"{column}={value}/")]


def _newest_names(path: Path) -> tuple[str, ...]:
    """Return the names of the newest version's files, in order."""
    table = _newest(path)
    return () if table is None else tuple(sorted(_names(table)))


def _newest(path: Path) -> DeltaTable | None:
    """Return the newest version, to be read only; its log is read once a version."""
    log = path / "_delta_log"
    if not log.is_dir():
        return None
    entries = sorted(os.scandir(log), key=lambda entry: entry.name)
    stats = [entry.stat() for entry in entries]
    stamp = tuple((e.name, s.st_size, s.st_mtime_ns) for e, s in zip(entries, stats, strict=True))
    return _by_stamp(path, stamp)


@lru_cache(maxsize=64)
def _by_stamp(path: Path, _stamp: tuple[Any, ...]) -> DeltaTable | None:
    return open_table(path)


def files_by_partition(path: Path, column: str) -> dict[str, list[Path]]:
    """Return the data files of every partition of the newest version, each by name."""
    found: dict[str, list[Path]] = {}
    for file in table_files(path):
        name = file.relative_to(path).parts[0]
        found.setdefault(name.removeprefix(f"{column}="), []).append(file)
    return found


def kept_files(path: Path, *, newest_only: bool = False) -> set[str]:
    """Return the data files of the newest version and of the one before it, relative to it."""
    table = open_table(path)
    kept = set() if table is None else _names(table)
    if table is not None and table.version() > 0 and not newest_only:
        try:
            table.load_as_version(table.version() - 1)
        except Exception:  # noqa: BLE001  its log was shortened: nobody can read it any more
            return kept
        kept |= _names(table)
    return kept


def sweep(path: Path, kept: set[str] | None = None) -> None:
    """Delete data files that neither the newest version holds nor the one before it.

    Only the table's one writer may call it: parts that are written and not committed go too.
    ``kept`` are the names of those files, where the caller knows them.
    """
    kept = kept_files(path) if kept is None else kept
    for file in path.rglob("*.parquet"):
        name = file.relative_to(path).as_posix()
        if name not in kept and not name.startswith("_"):
            file.unlink()


@calmly()
def _names(table: DeltaTable) -> set[str]:
    paths = table.get_add_actions(flatten=True).column("path").to_pylist()
    return {urllib.parse.unquote(name) for name in paths}


def _add(path: Path, part: PartFile, *, data_change: bool) -> Any:
    from deltalake.transaction import AddAction

    stat = (path / part.path).stat()
    stats = json.dumps({"numRecords": part.n_rows, **part.stats})
    modified = int(stat.st_mtime * 1000)
    return AddAction(part.path, stat.st_size, part.partition, modified, data_change, stats)


def _remove(name: str) -> Any:
    from deltalake.transaction import RemoveAction

    return RemoveAction(name, data_change=True, deletion_timestamp=int(time.time() * 1000))
