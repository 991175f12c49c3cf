"""Intermediate arrays of a run, so that a run that died goes on from the buckets that are done.

``<output>/.work/<run_id>/<stage>/<bucket>/<name>.arrow`` is an uncompressed Arrow IPC file that
is mapped, not read; ``<stage>/<bucket>.json`` is written last and says that the bucket is done;
``lake.json`` says of which lake all is.
Where the disk is short, files of buckets are compressed, to a quarter, and a column is read when
it is asked for; what is of all buckets is mapped still, as many processes read it at a time.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.errors import warn_caller
from qfb_gpu.lake.draft import draft_of
from qfb_gpu.lake.pages import is_text
from qfb_gpu.lake.threads import side_by_side
from qfb_gpu.ledger import Labelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from qfb_gpu.backend import Backend

_LABELS, _PACKED = b"labels", b"packed"
_LAKE = "lake"
_ZSTD_LEVEL = 1
_PLAIN_BYTES, _PACKED_BYTES = 150, 60
"""What a night leaves on the disk for each payment until it is published, gold included: more than
was seen (see docs/scale.md), as other sources and short histories have more."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of one run's intermediates.

    Attributes
    ----------
    root : Path
    packed : bool
        Compress what is saved of a bucket from now on; a file says itself whether it is.
    """

    root: Path
    packed: bool = False

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
        is_packed = self.packed and bucket >= 0
        schema = pa.schema(fields, {_PACKED: b"zstd"} if is_packed else None)
        table = pa.Table.from_arrays(arrays, schema=schema)
        path = self.folder(stage, bucket) / f"{name}.arrow"
        codec = pa.Codec("zstd", compression_level=_ZSTD_LEVEL) if is_packed else None
        options = pa.ipc.IpcWriteOptions(compression=codec)
        with (
            pa.OSFile(str(path), "wb") as sink,
            pa.ipc.new_file(sink, schema, options=options) as writer,
        ):
            writer.write_table(table)

    def load(self, stage: str, bucket: int, name: str, only: Sequence[str] = ()) -> dict[str, Any]:
        """Return what :meth:`save` wrote: NumPy arrays (read-only), Labelled or Arrow arrays.

        Of ``only`` some columns where they are named.
        """
        with pa.memory_map(str(self._file(stage, bucket, name))) as source:
            if not only:
                return _columns(_opened(source).read_all())
            table = pa.ipc.open_file(source, options=_of(source, only)).read_all()
        return _columns(table, only)

    def view(self, stage: str, bucket: int, name: str) -> Mapping[str, Any]:
        """Return what :meth:`save` wrote; a column of a compressed file when it is asked for.

        For who reads a column at a time of many buckets. A column that is asked for again, another
        between, is read again.
        """
        path = self._file(stage, bucket, name)
        with pa.memory_map(str(path)) as source:
            there = pa.ipc.open_file(source) if self.packed else _opened(source)
            if _PACKED in (there.schema.metadata or {}):
                return _Packed(path, there.schema)
            return _columns(there.read_all())

    def _file(self, stage: str, bucket: int, name: str) -> Path:
        return self.root / stage / str(bucket) / f"{name}.arrow"

    def has(self, stage: str, bucket: int, name: str) -> bool:
        """Return whether :meth:`save` wrote columns of that name."""
        return self._file(stage, bucket, name).is_file()

    def discard(self, bucket: int, name: str) -> None:
        """Delete columns of a bucket, whatever stage saved them."""
        for path in self.root.glob(f"*/{bucket}/{name}.arrow"):
            path.unlink(missing_ok=True)

    def finish(self, stage: str, bucket: int | str, summary: dict[str, Any]) -> None:
        """Say that a bucket, or what has the name, is done; atomic."""
        with draft_of(self.root / stage / f"{bucket}.json") as draft:
            draft.write_text(json.dumps(summary), encoding="utf-8")

    def finished(self, stage: str, bucket: int | str) -> dict[str, Any] | None:
        """Return the summary of what :meth:`finish` was told of, or None where it is not done.

        One that cannot be read, as after the power failed, says nothing: it is done again.
        """
        path = self.root / stage / f"{bucket}.json"
        try:
            summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return summary

    def once(self, stage: str, name: str, work: Callable[[], None]) -> float:
        """Do what no interrupted run has done; return the seconds that it took, now or then."""
        done = self.finished(stage, name)
        if done is None:
            start = time.perf_counter()
            work()
            done = {"seconds": time.perf_counter() - start}
            self.finish(stage, name, done)
        return float(done["seconds"])

    def begin(self, of: Mapping[str, str]) -> None:
        """Delete what an interrupted run has left of another lake or engine; else go on from it.

        What other runs have left goes, too: this one may need the disk that it takes.

        Parameters
        ----------
        of : mapping of str to str
            What silver holds by source, see :func:`qfb_gpu.lake.touched.ingest_ids`, and by which
            code it is scored. A run's id does not say in how many buckets, nor since when.
        """
        if self.finished("", _LAKE) != of:
            left = [path.parent for path in self.root.parent.glob(f"*/{_LAKE}.json")]
            for folder in (self.root, *left):
                shutil.rmtree(folder, ignore_errors=True)
            self.finish("", _LAKE, dict(of))

    def end(self) -> None:
        """Let nobody go on from what is here: it is published, and some is about to be gone."""
        (self.root / f"{_LAKE}.json").unlink(missing_ok=True)

    def forget(self) -> None:
        """Delete the intermediates of this run, which is published and died just then."""
        shutil.rmtree(self.root, ignore_errors=True)

    def remove(self) -> None:
        """Delete the run's intermediates, and what older runs that died left.

        Files that the system is still writing are waited for: on all threads, not one by one. What
        a link leads to stays.
        """
        self.end()
        folders = [path for path in self.root.glob("*/*") if path.is_dir()]
        side_by_side(*(partial(shutil.rmtree, one, ignore_errors=True) for one in folders))
        shutil.rmtree(self.root.parent, ignore_errors=True)


class _Packed(Mapping[str, Any]):
    """The columns of a compressed file, each read when it is asked for; the last one is held."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path, self._schema = path, schema
        self._last: tuple[str, Any] = ("", None)

    def __getitem__(self, name: str) -> Any:
        if self._last[0] != name:
            self._last = (name, self.some([name])[name])
        return self._last[1]

    def some(self, names: Sequence[str]) -> dict[str, Any]:
        """Read columns together: to open the file takes as long as to read one."""
        at = sorted(map(self._schema.get_field_index, names))
        if at and at[0] < 0:
            raise KeyError(", ".join(name for name in names if name not in self._schema.names))
        options = pa.ipc.IpcReadOptions(included_fields=at)
        with pa.memory_map(str(self._path)) as source:
            table = pa.ipc.open_file(source, options=options).read_all()
        return _columns(table, names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._schema.names)

    def __len__(self) -> int:
        return len(self._schema.names)


def at_hand(columns: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    """Return columns of a view to be read again and again: of a compressed file, some of them."""
    return columns.some(names) if isinstance(columns, _Packed) else columns


def is_short(folder: Path, n_payments: int) -> bool:
    """Return whether the disk is too small for a night's intermediates as they are.

    Parameters
    ----------
    folder : Path
        Theirs; what an interrupted run has left there is done.
    n_payments : int

    Warns
    -----
    RuntimeWarning
        Where it may be too small for compressed ones, too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    free = shutil.disk_usage(folder).free
    if there + free < n_payments * _PACKED_BYTES:
        msg = (
            f"a night of {n_payments:,} payments leaves up to "
            f"{(n_payments * _PACKED_BYTES - there) / 1e9:.1f} GB in {folder} until it is "
            f"published, and {free / 1e9:.1f} GB are free: it may stop for want of disk; what is "
            "done by then is kept, and the same command goes on from there"
        )
        warn_caller(msg, RuntimeWarning)
    return there + free < n_payments * _PLAIN_BYTES


def _opened(source: pa.MemoryMappedFile) -> pa.ipc.RecordBatchFileReader:
    """Return the reader of a file of which all columns are asked for.

    It is one piece of the map, so the system is told once that it will be read, not at every step.
    """
    return pa.ipc.open_file(source.read_buffer())


def _columns(table: pa.Table, names: Sequence[str] = ()) -> dict[str, Any]:
    """Return columns of a table as :meth:`Workspace.load` does, all where none is named."""
    names = names or table.schema.names
    return {name: _from_arrow(table.column(name), table.schema.field(name)) for name in names}


def _of(source: pa.MemoryMappedFile, only: Sequence[str]) -> pa.ipc.IpcReadOptions:
    """Return how to read some columns of a file."""
    schema = pa.ipc.open_file(source).schema
    return pa.ipc.IpcReadOptions(included_fields=sorted(map(schema.get_field_index, only)))


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
