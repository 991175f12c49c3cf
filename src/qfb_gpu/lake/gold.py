"""Gold tables: columns of the engine into Arrow, part files, one commit a table.

Every table is a Delta table under the output folder whose newest version is the last published
night. A publication has a number of its own, so that publishing it twice changes nothing and
publishing an older night again does.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qfb_gpu.errors import InputError
from qfb_gpu.lake.delta import PartFile, commit, open_table, sweep
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR, Labelled
from qfb_gpu.schema import GOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from qfb_gpu.backend import Backend
    from qfb_gpu.schema import Kind, Table

_TYPES: dict[Kind, pa.DataType] = {
    "string": pa.string(),
    "date": pa.date32(),
    "int8": pa.int8(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
}
_APPLICATION = "qfb"


@dataclass(frozen=True, slots=True)
class Publication:
    """One publication of a night: its run and its number, which rises by one each time."""

    run_id: str
    number: int


def to_arrow(columns: Mapping[str, Any], table: Table, backend: Backend) -> pa.Table:
    """Return the columns of a gold table as users see them.

    Parameters
    ----------
    columns : mapping of str to array, Labelled or Arrow array
        In engine conventions (:mod:`qfb_gpu.ledger`). For ``customer_profiles`` further columns
        follow those of the schema; elsewhere they are left out.
    table : Table

    Raises
    ------
    KeyError
        A column of the schema is not there.
    """
    missing = [name for name in table.names if name not in columns]
    if missing:
        msg = f"gold table {table.name} lacks {missing}; it got {sorted(columns)}"
        raise KeyError(msg)
    arrays = {c.name: _array(columns[c.name], c.kind, backend) for c in table.columns}
    if table.name == "customer_profiles":
        arrays |= {
            name: _array(values, None, backend)
            for name, values in columns.items()
            if name not in arrays
        }
    return pa.table(arrays)


def _array(values: Any, kind: Kind | None, backend: Backend) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, Labelled):
        codes = np.asarray(backend.to_host(values.codes))
        indices = pa.array(codes.astype(np.int32), mask=codes < 0)
        return pa.DictionaryArray.from_arrays(indices, pa.array(list(values.labels), pa.string()))
    if isinstance(values, pa.Array):
        return values
    return _numbers(np.asarray(backend.to_host(values)), kind)


def _numbers(host: np.ndarray, kind: Kind | None) -> pa.Array:
    if host.dtype.kind == "f":
        return pa.array(host, pa.float64(), mask=np.isnan(host))
    if kind == "date":
        return pa.array(host.astype(np.int32), mask=host == NULL_DAY).cast(pa.date32())
    array = pa.array(host, mask=host == NULL_MINOR) if host.dtype == np.int64 else pa.array(host)
    return array if kind is None else array.cast(_TYPES[kind])


def write_part(path: Path, table: pa.Table) -> None:
    """Write a part file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    pq.write_table(table, unfinished, compression="zstd", compression_level=1)
    unfinished.replace(path)


def publish(
    output_dir: Path, name: str, parts: list[Path], publication: Publication, *, add: bool = False
) -> bool:
    """Move part files into a table and make them its newest version in one commit.

    Parameters
    ----------
    output_dir : Path
    name : str
        The table.
    parts : list of Path
        At least one, all of one schema.
    publication : Publication
        A table that has it already is left as it is.
    add : bool
        Add to the table's rows, instead of replacing them.

    Returns
    -------
    bool
        Whether anything was committed.
    """
    folder = output_dir / name
    folder.mkdir(parents=True, exist_ok=True)
    schema, files = None, []
    for part in parts:
        metadata = pq.read_metadata(part)
        schema = schema or _plain(pq.read_schema(part))
        if metadata.num_rows == 0 and part is not parts[0]:
            continue
        target = f"part-{publication.number:06d}-{uuid.uuid4().hex}.parquet"
        part.replace(folder / target)
        files.append(PartFile(target, metadata.num_rows, {}, {}))
    assert schema is not None  # noqa: S101
    done = commit(
        folder,
        files,
        schema,
        partition_by=[],
        application=_APPLICATION,
        version=publication.number,
        drop=[] if add else None,
        note={"run_id": publication.run_id},
    )
    sweep(folder)
    return done


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return a schema with dictionaries as what they encode and no metadata."""
    return pa.schema(
        pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type)
        for f in schema
    )


def next_publication(output_dir: Path, run_id: str) -> Publication:
    """Return the publication that follows the last complete one."""
    table = open_table(output_dir / "runs")
    last = 0 if table is None else table.transaction_version(_APPLICATION) or 0
    return Publication(run_id, last + 1)


def append_run(output_dir: Path, row: Mapping[str, Any], publication: Publication) -> None:
    """Add the row of a published run to ``runs``: from now on the publication is complete."""
    schema = pa.schema([(c.name, _TYPES[c.kind]) for c in GOLD["runs"].columns])
    part = output_dir / ".work" / "runs.parquet"
    write_part(part, pa.Table.from_pylist([dict(row)], schema=schema))
    publish(output_dir, "runs", [part], publication, add=True)


def last_run(output_dir: Path) -> str | None:
    """Return the run id of the last complete publication, or None."""
    table = open_table(output_dir / "runs")
    if table is None:
        return None
    return str(table.history(1)[0].get("run_id"))


def tables(output_dir: Path) -> list[tuple[str, int]]:
    """Return the gold tables of an output folder with their numbers of rows.

    Raises
    ------
    InputError
        There are none.
    """
    found = []
    for name in GOLD:
        table = open_table(output_dir / name)
        if table is not None:
            rows = table.get_add_actions(flatten=True).column("num_records").to_pylist()
            found.append((name, sum(rows)))
    if not found:
        msg = f"{output_dir}: no gold tables here; give the output folder of a `qfb run`"
        raise InputError(msg)
    return found


def read(output_dir: Path, name: str, columns: list[str] | None = None) -> pa.Table:
    """Return a gold table, or some of its columns, as of its newest version.

    Raises
    ------
    InputError
        There is no such table in the folder.
    """
    table = open_table(output_dir / name)
    if table is None:
        msg = f"{output_dir}: no table {name!r}; `qfb show {output_dir}` lists what is there"
        raise InputError(msg)
    names = sorted(table.get_add_actions(flatten=True).column("path").to_pylist())
    paths = [str(output_dir / name / path) for path in names]
    if not paths:
        return _plain_schema(table).empty_table().select(columns or _plain_schema(table).names)
    read_parts = [pq.read_table(path, columns=columns) for path in paths]
    return pa.concat_tables([_decoded(part) for part in read_parts])


def _plain_schema(table: Any) -> pa.Schema:
    return pa.schema(table.schema().to_arrow())


def _decoded(part: pa.Table) -> pa.Table:
    for index, field in enumerate(part.schema):
        if pa.types.is_dictionary(field.type):
            values = pc.cast(part.column(index), field.type.value_type)
            part = part.set_column(index, field.name, values)
    return part


def reader(output_dir: Path) -> Callable[[str, list[str] | None], pa.Table]:
    """Return :func:`read` bound to an output folder."""

    def bound(name: str, columns: list[str] | None = None) -> pa.Table:
        return read(output_dir, name, columns)

    return bound


def as_json(value: Any) -> str:
    """Return a value as JSON with sorted keys, for the text columns that hold it."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
