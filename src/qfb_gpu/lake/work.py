"""Intermediate arrays of a run, so that a run that died goes on from the buckets that are done.

``<output>/.work/<run_id>/<stage>/<bucket>/<name>.arrow`` is an uncompressed Arrow IPC file that
is mapped, not read; ``<stage>/<bucket>.json`` is written last and says that the bucket is done.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.lake.pages import is_text
from qfb_gpu.ledger import Labelled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qfb_gpu.backend import Backend

_LABELS = b"labels"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of one run's intermediates."""

    root: Path

    def folder(self, stage: str, bucket: int) -> Path:
        """Return the folder of a bucket's intermediates, made if need be."""
        path = self.root / stage / str(bucket)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def save(
        self, stage: str, bucket: int, name: str, columns: Mapping[str, Any], backend: Backend
    ) -> None:
        """Write columns of one length: arrays of the backend, Labelled, or Arrow arrays."""
        arrays, fields = [], []
        for column, values in _on_host(columns, backend).items():
            array, field = _to_arrow(column, values)
            arrays.append(array)
            fields.append(field)
        table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
        path = self.folder(stage, bucket) / f"{name}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)

    def load(self, stage: str, bucket: int, name: str, only: Sequence[str] = ()) -> dict[str, Any]:
        """Return what :meth:`save` wrote: NumPy arrays (read-only), Labelled or Arrow arrays.

        Of ``only`` some columns where they are named.
        """
        path = self.root / stage / str(bucket) / f"{name}.arrow"
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        names = only or table.schema.names
        return {one: _from_arrow(table.column(one), table.schema.field(one)) for one in names}

    def has(self, stage: str, bucket: int, name: str) -> bool:
        """Return whether :meth:`save` wrote columns of that name."""
        return (self.root / stage / str(bucket) / f"{name}.arrow").is_file()

    def finish(self, stage: str, bucket: int, summary: dict[str, Any]) -> None:
        """Say that a bucket is done; atomic."""
        path = self.root / stage / f"{bucket}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(summary), encoding="utf-8")
        draft.replace(path)

    def finished(self, stage: str, bucket: int) -> dict[str, Any] | None:
        """Return the bucket's summary, or None where it is not done."""
        path = self.root / stage / f"{bucket}.json"
        if not path.is_file():
            return None
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return summary

    def remove(self) -> None:
        """Delete the run's intermediates, and what older runs that died left."""
        shutil.rmtree(self.root.parent, ignore_errors=True)


def _on_host(columns: Mapping[str, Any], backend: Backend) -> dict[str, Any]:
    """Return the columns with their arrays on the host, copied from a device in one go."""
    arrays = {
        name: values.codes if isinstance(values, Labelled) else values
        for name, values in columns.items()
        if not isinstance(values, (pa.Array, pa.ChunkedArray))
    }
    there = dict(zip(arrays, backend.all_to_host(list(arrays.values())), strict=True))
    found = {name: there.get(name, values) for name, values in columns.items()}
    for name, values in columns.items():
        if isinstance(values, Labelled):
            found[name] = Labelled(there[name], values.labels)
    return found


def _to_arrow(name: str, values: Any) -> tuple[pa.Array, pa.Field]:
    if isinstance(values, Labelled):
        codes = pa.array(np.asarray(values.codes))
        metadata = {_LABELS: json.dumps(values.labels).encode()}
        return codes, pa.field(name, codes.type, metadata=metadata)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not isinstance(values, pa.Array):
        values = pa.array(np.asarray(values))
    return values, pa.field(name, values.type)


def _from_arrow(column: pa.ChunkedArray, field: pa.Field) -> Any:
    values = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if is_text(values.type):
        return values
    array = values.to_numpy(zero_copy_only=not pa.types.is_boolean(values.type))
    if field.metadata and _LABELS in field.metadata:
        return Labelled(array, tuple(json.loads(field.metadata[_LABELS])))
    return array
