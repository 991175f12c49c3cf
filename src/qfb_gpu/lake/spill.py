"""Rows of many buckets on their way from batches to buckets, on disk.

A batch is written sorted by bucket, so that its rows of one bucket are one run, and with the texts
of each run beside its codes: a run is a slice of the batch and has only texts of its own. Texts
that hardly repeat are their lengths and, a run, their bytes in LZ4: half of what would be
written, and a lake of a hundred million rows waits for its disk. All batches are in one file that
is mapped, not read, when the buckets are put together.
"""

from __future__ import annotations

import itertools
import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.lake.texts import Coded, hash_texts, plain, text_buffers

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.lake.clean import Cleaned

_SPARSE = 32
_LZ4 = pa.Codec("lz4_raw")


@dataclass(slots=True)
class Split:
    """The kept rows of a batch by bucket.

    Attributes
    ----------
    buckets : list of int
        Those that have rows, ascending.
    ends : int64 array, shape (n_buckets + 1,)
        Where the rows of each begin and end.
    rows : pyarrow.RecordBatch
        Sorted by bucket; a coded column as codes into the texts of its bucket, a column of plain
        texts as their lengths in bytes.
    texts : dict of coded column to (Arrow array, int64 array)
        Texts bucket by bucket, and where those of each begin and end.
    packed : dict of column of plain texts to Arrow binary array, shape (n_buckets,)
        The bytes of each bucket's texts, compressed.
    """

    buckets: list[int]
    ends: Any
    rows: pa.RecordBatch
    texts: dict[str, tuple[pa.Array, Any]]
    packed: dict[str, pa.Array]

    def run(self, number: int) -> pa.RecordBatch:
        """Return the rows of one of the buckets, by its number here."""
        first, end = int(self.ends[number]), int(self.ends[number + 1])
        rows = self.rows.slice(first, end - first)
        arrays = list(rows.columns)
        for name, (values, ends) in self.texts.items():
            place = rows.schema.get_field_index(name)
            own = values.slice(int(ends[number]), int(ends[number + 1] - ends[number]))
            arrays[place] = pa.DictionaryArray.from_arrays(arrays[place], own)
        for name, blobs in self.packed.items():
            place = rows.schema.get_field_index(name)
            arrays[place] = _unpacked(arrays[place], blobs[number].as_buffer())
        return pa.RecordBatch.from_arrays(arrays, names=rows.schema.names)


class Spill:
    """A file of batches; one thread writes, then any may read."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = pa.OSFile(str(path), "wb")
        self._places: list[tuple[Split, int, dict[str, int]]] = []
        self._runs: dict[int, list[tuple[int, int]]] = {}
        self._map: mmap.mmap | None = None

    def write(self, split: Split) -> None:
        """Append a batch."""
        if not split.buckets:
            return
        for number, bucket in enumerate(split.buckets):
            self._runs.setdefault(bucket, []).append((len(self._places), number))
        arrays = {n: values for n, (values, _) in split.texts.items()} | split.packed
        beside = {
            name: self._append(pa.RecordBatch.from_arrays([values], names=[name]))
            for name, values in arrays.items()
        }
        start = self._append(split.rows)
        ends = {name: (None, ends) for name, (_, ends) in split.texts.items()}
        kept = Split(split.buckets, split.ends, None, ends, dict.fromkeys(split.packed))
        self._places.append((kept, start, beside))

    def _append(self, rows: pa.RecordBatch) -> int:
        start = int(self._file.tell())
        with pa.ipc.new_stream(self._file, rows.schema) as writer:
            writer.write_batch(rows)
        return start

    def buckets(self) -> list[int]:
        """Return the buckets that have rows."""
        return sorted(self._runs)

    def seal(self) -> None:
        """End writing and map what was written."""
        self._file.close()
        if not self._places:
            return
        with self._path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        whole = pa.py_buffer(self._map)
        for split, start, beside in self._places:
            found = {name: _batch(whole, at).column(0) for name, at in beside.items()}
            split.rows = _batch(whole, start)
            split.texts = {name: (found[name], ends) for name, (_, ends) in split.texts.items()}
            split.packed = {name: found[name] for name in split.packed}
        self._map.madvise(mmap.MADV_DONTNEED)

    def read(self, bucket: int) -> list[pa.RecordBatch]:
        """Return the runs of a bucket in the order they were written; mapped, not copied."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)  # what other buckets had need not stay in memory
        return [self._places[at][0].run(number) for at, number in self._runs.get(bucket, [])]

    def remove(self) -> None:
        """Delete the file."""
        self._file.close()
        self._places, self._map = [], None
        self._path.unlink(missing_ok=True)


def _batch(whole: pa.Buffer, start: int) -> pa.RecordBatch:
    with pa.ipc.open_stream(whole.slice(start)) as stream:
        return stream.read_next_batch()


def bucket_of(keys: Any, n_buckets: int) -> Any:
    """Return the bucket of each customer key: uint16 or wider."""
    kind = np.uint16 if n_buckets <= np.iinfo(np.uint16).max else np.uint32
    return (keys.view(np.uint64) % np.uint64(n_buckets)).astype(kind)


def split(cleaned: Cleaned, n_buckets: int) -> Split:
    """Split the kept rows of a batch by bucket."""
    customer = cleaned.columns["customer_id"]
    per_value = bucket_of(hash_texts(customer.values), n_buckets)
    bucket = per_value[customer.codes[cleaned.keep]] if cleaned.keep.size else per_value[:0]
    order = cleaned.keep[np.argsort(bucket, kind="stable")]
    n_rows = np.bincount(bucket, minlength=n_buckets)
    there = np.flatnonzero(n_rows)
    run = np.repeat(np.arange(there.size), n_rows[there])
    ends = np.append(0, np.cumsum(n_rows[there]))
    arrays: list[pa.Array] = []
    texts, packed = {}, {}
    for name, values in _take(cleaned.columns, order).items():
        if isinstance(values, Coded):
            codes, texts[name] = _by_run(values, run, there.size)
            arrays.append(codes)
        elif pa.types.is_string(values.type):
            lengths, packed[name] = _by_bytes(values, ends)
            arrays.append(lengths)
        else:
            arrays.append(values)
    rows = pa.RecordBatch.from_arrays(arrays, names=list(cleaned.columns))
    return Split(there.tolist(), ends, rows, texts, packed)


def to_table(cleaned: Cleaned) -> pa.Table:
    """Return the kept rows of a batch in spill columns."""
    taken = _take(cleaned.columns, cleaned.keep)
    return pa.table({n: v.to_arrow() if isinstance(v, Coded) else v for n, v in taken.items()})


def _take(columns: dict[str, Any], order: Any) -> dict[str, Any]:
    rows = pa.array(order)
    return {name: values.take(order if isinstance(values, Coded) else rows)
            for name, values in columns.items()}  # fmt: skip


def _by_run(coded: Coded, run: Any, n_runs: int) -> tuple[pa.Array, tuple[pa.Array, Any]]:
    """Give every run codes into its own texts, those in the order of the values.

    Parameters
    ----------
    coded : Coded
    run : int64 array, shape (n_rows,), ascending
    n_runs : int
    """
    is_null = coded.codes < 0
    n_values = len(coded.values) + 1  # the first stands for null
    pair = run * n_values + coded.codes + 1
    if n_runs * n_values <= _SPARSE * max(pair.size, 1 << 10):
        seen = np.zeros(n_runs * n_values, bool)
        seen[pair] = True
        seen[::n_values] = False
        rank = np.cumsum(seen, dtype=np.int32)
        used, place = np.flatnonzero(seen), rank[pair] - 1
    else:
        used = np.unique(pair[~is_null])
        place = np.searchsorted(used, pair)
    ends = np.searchsorted(used, np.arange(n_runs + 1) * n_values)
    codes = (place - ends[run]).astype(np.int32)
    values = coded.values.take(pa.array(used % n_values - 1)) if used.size else coded.values[:0]
    return pa.array(codes, mask=is_null if is_null.any() else None), (values, ends)


def _by_bytes(texts: pa.Array, ends: Any) -> tuple[pa.Array, pa.Array]:
    """Return the length of each text, and the bytes of each run compressed."""
    data, offsets = text_buffers(texts.fill_null("") if texts.null_count else texts)
    bytes_of = [data[offsets[i] : offsets[j]] for i, j in itertools.pairwise(ends.tolist())]
    blobs = [_LZ4.compress(pa.py_buffer(one), asbytes=True) for one in bytes_of]
    lengths = np.diff(offsets).astype(np.int32)
    is_null = np.asarray(texts.is_null()) if texts.null_count else None
    return pa.array(lengths, mask=is_null), pa.array(blobs, pa.binary())


def _unpacked(lengths: pa.Array, blob: pa.Buffer) -> pa.Array:
    """Return the texts of a run."""
    sizes = plain(lengths, 0, np.int32)
    ends = np.zeros(sizes.size + 1, np.int32)
    np.cumsum(sizes, out=ends[1:])
    data = _LZ4.decompress(blob, int(ends[-1]))
    texts = pa.StringArray.from_buffers(sizes.size, pa.py_buffer(ends), data)
    is_null = lengths.is_null() if lengths.null_count else None
    return texts if is_null is None else pc.if_else(is_null, pa.scalar(None, pa.string()), texts)
