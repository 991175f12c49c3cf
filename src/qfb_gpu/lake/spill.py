"""Rows of many buckets on their way from batches to buckets, on disk.

A batch is written sorted by bucket, so that its rows of one bucket are one run, and a run is one
piece of the file: its columns one after the other, read at once when its bucket is put together
(:mod:`qfb_gpu.lake.runs`). Nothing of the file is mapped: what is read is a bucket's, and goes
with it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.lake.run_rows import Run, together
from qfb_gpu.lake.runs import Split, split_rows
from qfb_gpu.lake.texts import Coded, hash_texts

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.lake.clean import Cleaned


class Spill:
    """A file of batches; one thread writes, then any may read."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("wb", buffering=0)
        self._runs: dict[int, list[tuple[Split, int, int, int]]] = {}

    def write(self, split: Split) -> None:
        """Append a batch."""
        if not split.buckets:
            return
        start = self._file.tell()
        ends = split.bytes_ends()
        whole = memoryview(split.bytes_)
        while whole:
            whole = whole[self._file.write(whole) :]
        split.bytes_ = None
        sizes = np.diff(ends).tolist()
        for number, (bucket, size) in enumerate(zip(split.buckets, sizes, strict=True)):
            place = start + int(ends[number])
            self._runs.setdefault(bucket, []).append((split, number, place, size))

    def buckets(self) -> list[int]:
        """Return the buckets that have rows."""
        return sorted(self._runs)

    def seal(self) -> None:
        """End writing."""
        self._file.close()
        self._file = self._path.open("rb", buffering=0)

    def read(self, bucket: int) -> list[pa.RecordBatch]:
        """Return the rows of a bucket in the order they were written."""
        found = self._runs.get(bucket, [])
        content = np.empty(sum(size for *_, size in found), np.uint8)
        runs, first = [], 0
        for split, number, place, size in found:
            self._fill(content[first : first + size], place)
            runs.append(Run(split, number, first))
            first += size
        return together(runs, content)

    def _fill(self, content: Any, place: int) -> None:
        """Read bytes of the file from a place on."""
        n_read = os.preadv(self._file.fileno(), [content], place)
        if n_read < content.size:
            msg = f"{self._path}: ends at byte {place + n_read}; it was cut while it was read"
            raise OSError(msg)

    def remove(self) -> None:
        """Delete the file."""
        self._file.close()
        self._runs = {}
        self._path.unlink(missing_ok=True)


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
    return split_rows(cleaned.columns, order, there.tolist(), n_rows[there])


def to_table(cleaned: Cleaned) -> pa.Table:
    """Return the kept rows of a batch in spill columns."""
    rows = pa.array(cleaned.keep)
    return pa.table({
        name: values.take(cleaned.keep).to_arrow() if isinstance(values, Coded)
        else values.take(rows)
        for name, values in cleaned.columns.items()
    })  # fmt: skip
