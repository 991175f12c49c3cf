"""Upkeep of an output folder: small files put together, what nothing needs any more deleted.

The files of a table's newest version and of the one before it stay, so that whoever reads while a
night publishes is not cut off; those of the one before go where nobody may read them any more. Data
are never changed: a table reads the same before and after.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from qfb_gpu._schema.output import LAKE, WORK
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import carry, silver
from qfb_gpu.lake.delta import (
    PartFile,
    commit,
    committed_version,
    files_by_partition,
    kept_files,
    last_note,
    open_table,
    table_files,
    table_schema,
)
from qfb_gpu.lake.draft import draft_of, said_of
from qfb_gpu.lake.gold import APPLICATION as GOLD
from qfb_gpu.lake.lock import writing
from qfb_gpu.lake.manifest import APPLICATION as INGEST
from qfb_gpu.lake.owned import is_ours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION = "qfb-maintain"
_SMALL_BYTES = 32 << 20
_FEW = 8
"""A table of no more files is left alone."""
_STEM = len("part-000001-00000")
"""A file keeps the name of the first that is in it: rows are in the order of names."""
_LOG_COMMITS = 100
"""A log of more commits gets a checkpoint."""


@dataclass(slots=True)
class Upkeep:
    """What is to be done, or was done, about one table or folder.

    Attributes
    ----------
    name : str
        Relative to the output folder.
    n_compacted, n_into : int
        Small files that become fewer.
    n_deleted, n_bytes : int
        Files that nothing needs, and their size.
    """

    name: str
    n_compacted: int = 0
    n_into: int = 0
    n_deleted: int = 0
    n_bytes: int = 0


def maintain(output_dir: Path, *, dry_run: bool = False, newest_only: bool = False) -> list[Upkeep]:
    """Put small files together and delete what no version needs, that first: it makes room.

    Parameters
    ----------
    output_dir : Path
    dry_run : bool
        Only say what would be done.
    newest_only : bool
        Delete the files of the version before the newest, too: rows that left are then nowhere.

    Raises
    ------
    InputError
        The folder is not one of a run: tables of others are left alone. Or ``newest_only`` while a
        night that was stopped waits to go on: it needs the version before.
    RunInterruptedError
        Somebody writes there.
    """
    tables = sorted(path.parent for path in _logs(output_dir) if is_ours(path.parent))
    if not tables:
        msg = f"{output_dir}: holds no table of a run; give the `output` folder of a config"
        raise InputError(msg)
    waiting = sorted(path.parent.name for path in (output_dir / WORK).glob("*/lake.json"))
    if newest_only and waiting:
        msg = f"{output_dir}: night {waiting[0]} was stopped; run it to its end, then maintain"
        raise InputError(msg)
    found = [Upkeep(path.relative_to(output_dir).as_posix()) for path in tables]
    with _held(output_dir, dry_run=dry_run):
        for path, done in zip(tables, found, strict=True):  # first of all: the disk may be full
            _delete_unneeded(path, done, dry_run=dry_run, newest_only=newest_only)
        left = _leftovers(output_dir, tables, dry_run=dry_run)
        for path, done in zip(tables, found, strict=True):
            try:
                with said_of(path):
                    _put_together(path, done, dry_run=dry_run, is_gold=path.parent == output_dir)
            finally:  # what was written in vain, too
                if done.n_compacted and not dry_run:
                    _delete_unneeded(path, done, newest_only=newest_only)
    return [*found, left]


@contextmanager
def _held(output_dir: Path, *, dry_run: bool) -> Iterator[None]:
    """Hold the lock of the folder; to look at one that cannot be written, none is needed."""
    with ExitStack() as stack:
        try:
            stack.enter_context(writing(output_dir))
        except ConfigError:
            if not dry_run:
                raise
        yield


def _logs(output_dir: Path) -> Iterator[Path]:
    if output_dir.is_dir():
        yield from output_dir.glob("*/_delta_log")
        yield from output_dir.glob("lake/*/_delta_log")


def _put_together(path: Path, done: Upkeep, *, dry_run: bool, is_gold: bool) -> None:
    """Join the small files of a table, and shorten its log."""
    if is_gold:
        _compact(path, done, dry_run=dry_run)
    else:
        _one_file_a_bucket(path, done, dry_run=dry_run)
    if not dry_run:
        _shorten_log(path)


def _delete_unneeded(path: Path, done: Upkeep, *, dry_run: bool = False, newest_only: bool) -> None:
    """Delete the data files that neither a table's newest version holds nor the one before it."""
    kept = kept_files(path, newest_only=newest_only)
    for file in path.rglob("*.parquet"):
        name = file.relative_to(path).as_posix()
        if name not in kept and not name.startswith("_"):
            _delete(file, done, dry_run=dry_run)


def _compact(path: Path, done: Upkeep, *, dry_run: bool) -> None:
    """Write a gold table of many small files as few, with its rows in the same order.

    Not one of a night that died before it was done: that goes on from the version before its own
    (:mod:`qfb_gpu.lake.earlier`), which has to be the one before the newest.
    """
    if 0 < committed_version(path.with_name("runs"), GOLD) < committed_version(path, GOLD):
        return
    files = table_files(path)
    sizes = [file.stat().st_size for file in files]
    n_into = max(1, -(-sum(sizes) // _SMALL_BYTES))
    if len(files) <= max(_FEW, 2 * n_into):
        return
    done.n_compacted, done.n_into = len(files), n_into
    if dry_run:
        return
    table = open_table(path)
    version = 1 if table is None else table.version() + 1
    schema = table_schema(path)
    per_file = -(-len(files) // n_into)
    parts = []
    for first in range(0, len(files), per_file):
        name = f"{files[first].stem[:_STEM]}-{version:06d}.parquet"
        parts.append(_together(path, name, files[first : first + per_file], schema))
    note = {name: str(value) for name, value in last_note(path).items() if name == "run_id"}
    done.n_into = len(parts)
    commit(path, parts, schema, partition_by=[], application=APPLICATION, version=version,
           note=note, data_change=False)  # fmt: skip


def _one_file_a_bucket(path: Path, done: Upkeep, *, dry_run: bool) -> None:
    """Write buckets of silver that have additions as one file each, rows in the same order."""
    buckets = files_by_partition(path, "bucket")
    buckets = {bucket: files for bucket, files in buckets.items() if len(files) > 1}
    if not buckets:
        return
    gone = [file for files in buckets.values() for file in files]
    done.n_compacted, done.n_into = len(gone), len(buckets)
    if dry_run:
        return
    table = open_table(path)
    version = 1 if table is None else table.version() + 1
    ingested = committed_version(path, INGEST)
    parts = [silver.write_together(path, int(b), ingested, files) for b, files in buckets.items()]
    drop = [file.relative_to(path).as_posix() for file in gone]
    commit(path, parts, table_schema(path), partition_by=["bucket"], application=APPLICATION,
           version=version, drop=drop, note={"buckets": len(parts)}, data_change=False)  # fmt: skip


def _together(path: Path, name: str, files: list[Path], schema: Any) -> PartFile:
    n_rows, how = 0, {"compression": "zstd", "store_schema": False}
    with draft_of(path / name) as draft, pq.ParquetWriter(draft, schema, **how) as writer:
        for file in files:
            part = pq.ParquetFile(file).read().cast(schema)
            writer.write_table(part)
            n_rows += part.num_rows
    return PartFile(name, n_rows, {}, {})


def _delete(file: Path, done: Upkeep, *, dry_run: bool) -> None:
    done.n_deleted += 1
    done.n_bytes += file.stat().st_size
    if not dry_run:
        file.unlink()


def _shorten_log(path: Path) -> None:
    """Write a checkpoint where a log is long, and drop what is older than its retention."""
    table = open_table(path)
    if table is not None and len(list((path / "_delta_log").glob("*.json"))) > _LOG_COMMITS:
        table.create_checkpoint()
        table.cleanup_metadata()


def _leftovers(output_dir: Path, tables: list[Path], *, dry_run: bool) -> Upkeep:
    """Delete spilled rows and drafts of runs that died, and what was carried for lost buckets."""
    done = Upkeep("leftovers")
    lake = output_dir / LAKE
    live = {f"{bucket}.arrow" for bucket in silver.buckets(lake)}
    found = [path for end in ("arrows", "rows") for path in lake.glob(f"*/_ingest/*.{end}")]
    found += lake.rglob("*.tmp")
    found += [path for table in tables for path in table.glob("*.parquet.tmp")]
    found += [path for path in carry.folder(lake).glob("*.arrow") if path.name not in live]
    for file in found:
        _delete(file, done, dry_run=dry_run)
    return done
