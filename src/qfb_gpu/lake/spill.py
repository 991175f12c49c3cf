"""Rows of many buckets on their way from batches to buckets, on disk.

Each batch leaves at most one run of rows a bucket, as a small Arrow stream of its own; all runs
are in one file that is mapped, not read, when the buckets are put together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.lake.texts import Coded, hash_texts

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.lake.clean import Cleaned

_SPARSE = 4


class Spill:
    """A file of runs; one thread writes, then any may read."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = pa.OSFile(str(path), "wb")
        self._runs: dict[int, list[tuple[int, int]]] = {}

    def write(self, runs: list[tuple[int, pa.RecordBatch]]) -> None:
        """Append runs of rows, each of one bucket."""
        for bucket, rows in runs:
            start = self._file.tell()
            with pa.ipc.new_stream(self._file, rows.schema) as writer:
                writer.write_batch(rows)
            self._runs.setdefault(bucket, []).append((start, self._file.tell() - start))

    def buckets(self) -> list[int]:
        """Return the buckets that have rows."""
        return sorted(self._runs)

    def seal(self) -> None:
        """End writing."""
        self._file.close()

    def read(self, bucket: int) -> list[pa.RecordBatch]:
        """Return the runs of a bucket in the order they were written; mapped, not copied."""
        batches = []
        with pa.memory_map(str(self._path)) as source:
            whole = source.read_buffer()
            for start, size in self._runs.get(bucket, []):
                with pa.ipc.open_stream(whole.slice(start, size)) as stream:
                    batches += list(stream)
        return batches

    def remove(self) -> None:
        """Delete the file."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def bucket_of(keys: Any, n_buckets: int) -> Any:
    """Return the bucket of each customer key: uint16 or wider."""
    kind = np.uint16 if n_buckets <= np.iinfo(np.uint16).max else np.uint32
    return (keys.view(np.uint64) % np.uint64(n_buckets)).astype(kind)


def to_runs(cleaned: Cleaned, n_buckets: int) -> list[tuple[int, pa.RecordBatch]]:
    """Split the kept rows of a batch by bucket."""
    customer = cleaned.columns["customer_id"]
    per_value = bucket_of(hash_texts(customer.values), n_buckets)
    if cleaned.keep.size == 0:
        return []
    bucket = per_value[customer.codes[cleaned.keep]]
    order = cleaned.keep[np.argsort(bucket, kind="stable")]
    n_rows = np.bincount(bucket, minlength=n_buckets)
    ends = np.cumsum(n_rows)
    taken = _take(cleaned.columns, order)
    return [
        (int(b), _run(taken, int(ends[b] - n_rows[b]), int(n_rows[b])))
        for b in np.flatnonzero(n_rows)
    ]


def to_table(cleaned: Cleaned) -> pa.Table:
    """Return the kept rows of a batch in spill columns."""
    taken = _take(cleaned.columns, cleaned.keep)
    return pa.table({n: v.to_arrow() if isinstance(v, Coded) else v for n, v in taken.items()})


def _take(columns: dict[str, Any], order: Any) -> dict[str, Any]:
    rows = pa.array(order)
    return {name: values.take(order if isinstance(values, Coded) else rows)
            for name, values in columns.items()}  # fmt: skip


def _run(columns: dict[str, Any], start: int, n_rows: int) -> pa.RecordBatch:
    arrays = [
        _compact(Coded(values.codes[start : start + n_rows], values.values)).to_arrow()
        if isinstance(values, Coded)
        else values.slice(start, n_rows)
        for values in columns.values()
    ]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _compact(coded: Coded) -> Coded:
    """Keep only the values that the rows use, in the order of the values."""
    n_values = len(coded.values)
    if n_values > _SPARSE * len(coded.codes):
        used, codes = np.unique(coded.codes, return_inverse=True)
        has_null = used.size > 0 and used[0] < 0
        used, codes = (used[1:], codes - 1) if has_null else (used, codes)
        return Coded(codes.astype(np.int32), coded.values.take(pa.array(used)))
    seen = np.zeros(n_values + 1, bool)
    seen[coded.codes] = True
    renumber = (np.cumsum(seen) - 1).astype(np.int32)
    renumber[-1] = -1
    used = np.flatnonzero(seen[:-1])
    return Coded(renumber[coded.codes], coded.values.take(pa.array(used)))
