"""Gold: the tables of a run, each one Delta table whose newest version is one run's.

Parts are written where the run works and linked into the table's folder when it is published,
so a run that died while publishing goes on with the same parts.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qfb_gpu._backend.devices import n_threads
from qfb_gpu._schema.output import WORK
from qfb_gpu.errors import GIVE_OUTPUT, InputError
from qfb_gpu.lake import pages
from qfb_gpu.lake.delta import (
    PartFile,
    commit,
    committed_version,
    is_table,
    is_whole,
    last_note,
    open_file,
    sweep,
    table_files,
    table_schema,
)
from qfb_gpu.lake.draft import draft_of
from qfb_gpu.lake.threads import in_order
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR, Labelled
from qfb_gpu.schema import GOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from qfb_gpu.backend import Backend
    from qfb_gpu.schema import Table

APPLICATION = "qfb-run"
_DISTINCT = ("txn_id",)
"""Texts that differ in every row."""
SNAPPY = 0
"""In place of a level of zstd: not zstd."""
BATCH_ROWS = 1 << 16
"""Rows that are read at a time where a table need not be in memory as a whole."""
_TYPES = {
    "string": pa.string(),
    "date": pa.date32(),
    "int8": pa.int8(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
}


@dataclass(frozen=True, slots=True)
class Publication:
    """One run's going public: its id, and a number that only grows."""

    run_id: str
    number: int


def to_arrow(columns: Mapping[str, Any], table: Table, backend: Backend) -> pa.Table:
    """Turn a stage's columns into a gold table.

    Parameters
    ----------
    columns : mapping of str to array of the backend, Labelled or Arrow array
        At least the table's columns; int32 of a date column are days, ``NULL_DAY``,
        ``NULL_MINOR`` and NaN become null. Further columns follow those of the table.
    table : Table
    backend : Backend
        Whose arrays they are.

    Raises
    ------
    KeyError
        A column of the table is missing.
    """
    missing = [name for name in table.names if name not in columns]
    if missing:
        msg = f"{table.name}: columns {missing} are missing; there are {sorted(columns)}"
        raise KeyError(msg)
    arrays = {c.name: _column(columns[c.name], _TYPES[c.kind], backend) for c in table.columns}
    for name, values in columns.items():
        if name not in arrays:
            arrays[name] = _column(values, None, backend)
    return pa.table(arrays)


def schema_of(table: Table) -> pa.Schema:
    """Return the Arrow schema of a gold table's fixed columns."""
    return pa.schema([(column.name, _TYPES[column.kind]) for column in table.columns])


def _column(values: Any, kind: pa.DataType | None, backend: Backend) -> pa.Array:
    if isinstance(values, Labelled):
        codes = np.asarray(backend.to_host(values.codes)).astype(np.int32, copy=False)
        labels = pa.array(values.labels, pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), labels)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values if pa.types.is_dictionary(values.type) or kind is None else values.cast(kind)
    array = np.asarray(backend.to_host(values))
    if array.dtype == np.int32 and kind == pa.date32():
        return pa.array(array, mask=array == NULL_DAY).view(pa.date32())
    if array.dtype == np.int64:
        null = array == NULL_MINOR
        return _cast(pa.array(array, mask=null) if null.any() else pa.array(array), kind)
    if array.dtype.kind == "f":
        return _cast(pa.array(array, mask=np.isnan(array)), kind)
    return _cast(pa.array(array), kind)


def _cast(values: pa.Array, kind: pa.DataType | None) -> pa.Array:
    return values if kind is None or values.type == kind else values.cast(kind)


def write_part(
    path: Path, table: pa.Table, level: int = 1, *, more: Iterable[pa.Table] = (), n_more: int = 0
) -> None:
    """Write a part of a gold table: whole or not at all, and never into one that is published.

    ``level`` is zstd's, or :data:`SNAPPY`; ``more``: tables of ``n_more`` rows, one at a time.
    """
    how = pages.cut(table.num_rows + n_more) | _as_written(table.schema, level)
    with draft_of(path) as draft, pq.ParquetWriter(draft, table.schema, **how) as writer:
        for piece in chain([table], more):
            writer.write_table(piece)


def write_patched(
    path: Path,
    old: pages.Paged,
    runs: Sequence[tuple[int, int]],
    tables: Sequence[pa.Table],
    level: int,
) -> bool:
    """Write a part in which runs of an older part's pages have other rows, as above.

    Returns
    -------
    bool : False where that is not to be done by page; see :func:`qfb_gpu.lake.pages.patched`.
    """
    data = pages.patched(old, runs, tables, **_as_written(tables[0].schema, level))
    if data is not None:
        with draft_of(path) as draft, draft.open("wb") as file:
            file.writelines(data)
    return data is not None


def _as_written(schema: pa.Schema, level: int) -> dict[str, Any]:
    """Return what Arrow's writer is told; least and greatest ids, in no order, help no reader."""
    return {
        "compression": "snappy" if level == SNAPPY else "zstd",
        "compression_level": None if level == SNAPPY else level,
        "use_dictionary": [f.name for f in schema if repeats(f)],
        "write_statistics": [f.name for f in schema if not pages.is_text(f.type)],
        "store_schema": False,
    }


def repeats(field: pa.Field) -> bool:
    """Return whether a column is of texts of which there are few: numbers seldom are."""
    return pages.is_text(field.type) and field.name not in _DISTINCT


def next_publication(output_dir: Path, run_id: str) -> Publication:
    """Return the publication of a run: numbered after every one there was."""
    numbers = [0]
    numbers += [committed_version(output_dir / name, APPLICATION) for name in tables(output_dir)]
    return Publication(run_id, max(numbers) + 1)


def publish(output_dir: Path, name: str, parts: list[Path], publication: Publication) -> None:
    """Make part files the newest version of a gold table, in one commit.

    Parameters
    ----------
    output_dir : Path
    name : str
    parts : list of Path
        Parquet files of one schema; they stay where they are. At least one.
    publication : Publication
        Where the newest version is this run's already, and whole, nothing is done.
    """
    folder = output_dir / name
    if last_note(folder).get("run_id") == publication.run_id and is_whole(folder):
        return
    before = {file.name for file in table_files(folder)}
    linked, schema = _link(folder, parts, publication.number)
    is_new = commit(
        folder,
        linked,
        schema,
        partition_by=[],
        application=APPLICATION,
        version=publication.number,
        note={"run_id": publication.run_id},
    )
    sweep(folder, before | {part.path for part in linked} if is_new else None)


def publish_all(
    output_dir: Path, parts: Mapping[str, list[Path]], publication: Publication
) -> None:
    """Publish tables by name, some at a time; see :func:`publish`."""

    def one(name: str) -> None:
        publish(output_dir, name, parts[name], publication)

    for _ in in_order(one, iter(parts), n_threads()):
        pass


def publish_nothing(output_dir: Path, name: str, publication: Publication) -> None:
    """Make the newest version of a gold table one without rows, if the table is there.

    For a table of an earlier night that this one does not make: nobody shall take it for tonight's.
    Its earlier versions stay.
    """
    folder = output_dir / name
    if not table_files(folder):
        return
    if last_note(folder).get("run_id") == publication.run_id:
        return
    commit(
        folder,
        [],
        table_schema(folder),
        partition_by=[],
        application=APPLICATION,
        version=publication.number,
        note={"run_id": publication.run_id},
    )


def append_run(output_dir: Path, row: Mapping[str, Any], publication: Publication) -> None:
    """Add a row to gold ``runs``: the run is done when it is there."""
    folder = output_dir / "runs"
    if last_note(folder).get("run_id") == publication.run_id:
        return
    schema = schema_of(GOLD["runs"])
    draft = output_dir / WORK / "runs.parquet"
    write_part(draft, pa.Table.from_pylist([dict(row)], schema=schema))
    linked, _ = _link(folder, [draft], publication.number)
    commit(
        folder,
        linked,
        schema,
        partition_by=[],
        application=APPLICATION,
        version=publication.number,
        drop=[],
        note={"run_id": publication.run_id},
    )
    draft.unlink()


def _link(folder: Path, parts: list[Path], number: int) -> tuple[list[PartFile], pa.Schema]:
    folder.mkdir(parents=True, exist_ok=True)
    linked = []
    for index, part in enumerate(parts):
        name = f"part-{number:06d}-{index:05d}.parquet"
        target = folder / name
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(part)
        except OSError:  # another file system
            shutil.copyfile(part, target)
        linked.append(PartFile(name, pq.read_metadata(part).num_rows, {}, {}))
    return linked, pq.read_schema(parts[0])


def count_true(part: Path, column: str) -> int:
    """Return in how many rows of a part a bool is true."""
    return int(pc.sum(pq.ParquetFile(part).read(columns=[column]).column(0)).as_py() or 0)


def last_run(output_dir: Path) -> str | None:
    """Return the id of the last run that was finished, None where there was none."""
    return last_note(output_dir / "runs").get("run_id")


def lost(output_dir: Path, names: Iterable[str]) -> list[str]:
    """Return those tables of which the newest version has lost a file, or which are not there."""
    return [name for name in names if not is_whole(output_dir / name)]


def tables(output_dir: Path) -> list[str]:
    """Return the names of the gold tables that are there."""
    if not output_dir.is_dir():
        return []
    return sorted(p.name for p in output_dir.iterdir() if is_table(p))


def read(output_dir: Path, name: str, columns: list[str] | None = None) -> pa.Table:
    """Read a gold table; its rows are in the same order at every call.

    Raises
    ------
    InputError
        There is no such table, or it has no such column.
    """
    return Reader(output_dir)(name, columns)


def columns_of(output_dir: Path, name: str) -> list[str]:
    """Return the columns of the newest version of a gold table; none where there is no table."""
    names: list[str] = table_schema(output_dir / name).names
    return names


def _newest(output_dir: Path, name: str) -> tuple[list[Path], pa.Schema]:
    folder = output_dir / name
    if not is_table(folder):
        there = ", ".join(tables(output_dir)) or f"none; {GIVE_OUTPUT}"
        msg = f"{output_dir}: no table {name!r}; it has {there}"
        raise InputError(msg)
    return table_files(folder), table_schema(folder)


class Reader:
    """The gold tables of one output folder; a table stays as it was when first read."""

    def __init__(self, output_dir: Path) -> None:
        self._output_dir = output_dir
        self._opened: dict[str, tuple[list[Path], pa.Schema]] = {}

    def __call__(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """Read a gold table; see :func:`read`."""
        files, picked = self._asked(name, columns)
        parts = [_part(file, picked) for file in files]
        return pa.concat_tables(parts) if parts else picked.empty_table()

    def columns(self, name: str) -> list[str]:
        """Return the columns of a gold table; see :func:`read` for where there is none."""
        return list(self._asked(name, None)[1].names)

    def parts(self, name: str, columns: list[str]) -> list[Callable[[], pa.Table]]:
        """Return what reads each part of a gold table, in the order of its rows.

        Of a table that is written by bucket a part is a bucket, the same in every such table: a
        customer's rows are in one part.
        """
        files, picked = self._asked(name, columns)
        return [partial(_part, file, picked) for file in files]

    def files(self, name: str) -> list[Path]:
        """Return the file of each part."""
        return list(self._asked(name, None)[0])

    def batches(self, name: str, columns: list[str]) -> Iterator[pa.Table]:
        """Yield the rows of a gold table in order, at most ``BATCH_ROWS`` at a time."""
        files, picked = self._asked(name, columns)
        return chain.from_iterable(_batches(file, picked) for file in files)

    def _asked(self, name: str, columns: list[str] | None) -> tuple[list[Path], pa.Schema]:
        if name not in self._opened:
            self._opened[name] = _newest(self._output_dir, name)
        files, schema = self._opened[name]
        unknown = [column for column in columns or [] if column not in schema.names]
        if unknown:
            has = ", ".join(schema.names)
            msg = f"table {name} has no column {unknown[0]!r}; it has {has}"
            raise InputError(msg)
        return files, pa.schema([schema.field(c) for c in columns or schema.names])


def _part(file: Path, picked: pa.Schema) -> pa.Table:
    return open_file(file).read(columns=picked.names).cast(picked)


def _batches(file: Path, picked: pa.Schema) -> Iterator[pa.Table]:
    opened = open_file(file)
    for batch in opened.iter_batches(BATCH_ROWS, columns=picked.names):
        yield pa.Table.from_batches([batch]).cast(picked)


def reader(output_dir: Path) -> Reader:
    """Return what reads the gold tables of one output folder."""
    return Reader(output_dir)
