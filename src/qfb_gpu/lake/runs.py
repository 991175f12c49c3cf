"""Rows of a batch by bucket as bytes (:mod:`qfb_gpu.lake.run_rows` reads them).

A run is a batch's rows of one bucket: streams of whole numbers one after the other, each a multiple
of eight bytes long. Numbers are differences from the batch's smallest in as few bytes as the
largest needs, none where all are equal. A column of texts that repeat is codes into the texts of
its run; texts that hardly repeat are numbers where they begin alike and end in digits, as ids do,
else their lengths and their bytes in LZ4. So a payment is about
half of what its columns are in memory, and a lake of a hundred million rows waits for its disk.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from qfb_gpu.lake.serials import Serial, serial_of
from qfb_gpu.lake.texts import Coded, text_buffers
from qfb_kernels.recode import recode_cpu

LZ4 = pa.Codec("lz4_raw")
_ALIGNED = 8
NUMBER, CODED, PLAIN, SERIAL = "number", "coded", "plain", "serial"


@dataclass(frozen=True, slots=True)
class Stream:
    """Numbers of a batch, run after run.

    Attributes
    ----------
    base : int
        To be added to each.
    kind : unsigned dtype or None
        None where nothing is stored and all are ``base``.
    """

    base: int
    kind: np.dtype[Any] | None


@dataclass(slots=True)
class Split:
    """The kept rows of a batch by bucket.

    Attributes
    ----------
    buckets : list of int
        Those that have rows, ascending: a run each.
    columns : list of (str, Arrow type, form)
        The form says which streams a column is: a number is its values, and whether each is null;
        a coded text its codes, the lengths of the run's texts and their bytes; a plain one its
        lengths (null is -1) and bytes.
    streams : list of Stream
        Of all columns.
    counts : int32 array, shape (n_streams, n_runs)
        How many numbers a run has of each.
    bytes_ : uint8 array or None
        Run after run; None when they were written.
    serials : dict of str to Serial
        Of each column of that form.
    """

    buckets: list[int]
    columns: list[tuple[str, pa.DataType, str]]
    streams: list[Stream]
    counts: Any
    bytes_: Any
    serials: dict[str, Serial] = field(default_factory=dict)

    @property
    def widths(self) -> Any:
        """How many bytes a number of each stream has: int64, shape (n_streams,)."""
        sizes = [s.kind.itemsize if s.kind is not None else 0 for s in self.streams]
        return np.array(sizes, np.int64)

    def bytes_ends(self) -> Any:
        """Return where the bytes of each run begin and end: int64, shape (n_runs + 1,)."""
        sizes = padded(self.counts * self.widths[:, None]).sum(axis=0)
        return np.append(0, np.cumsum(sizes))


def padded(n_bytes: Any) -> Any:
    """Return the next multiple of eight of numbers of bytes."""
    return -(-n_bytes // _ALIGNED) * _ALIGNED


class _Writer:
    """Gathers the streams of a batch."""

    def __init__(self, n_runs: int) -> None:
        self.columns: list[tuple[str, pa.DataType, str]] = []
        self.serials: dict[str, Serial] = {}
        self._n_runs = n_runs
        self._streams: list[tuple[Stream, Any, Any]] = []

    def add(self, values: Any, ends: Any, order: Any = None) -> None:
        """Add a stream of integers, or of rows of one: of all rows, then those are taken."""
        stream, small = _small(values)
        if small is not None and order is not None:
            small = small[order]
        self._streams.append((stream, small, ends))

    def add_bytes(self, content: Any, ends: Any) -> None:
        """Add a stream of bytes as they are."""
        self._streams.append((Stream(0, np.dtype(np.uint8)), content, ends))

    def done(self, buckets: list[int]) -> Split:
        """Return the batch with its bytes put together."""
        counts = np.array([np.diff(ends) for _, _, ends in self._streams], np.int32)
        streams = [stream for stream, _, _ in self._streams]
        split = Split(buckets, self.columns, streams, counts, None, self.serials)
        run_starts = split.bytes_ends()
        whole = np.zeros(int(run_starts[-1]), np.uint8)
        place = run_starts[:-1].tolist()
        for _, values, ends in self._streams:
            if values is None:
                continue
            content = values.view(np.uint8)
            limits = (ends * values.itemsize).tolist()
            for run, (first, end) in enumerate(itertools.pairwise(limits)):
                at, size = place[run], end - first
                whole[at : at + size] = content[first:end]
                place[run] = at + padded(size)
        split.bytes_ = whole
        return split


def _small(values: Any) -> tuple[Stream, Any]:
    """Return integers as differences from the smallest, in the fewest bytes."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if low == high:
        return Stream(low, None), None
    kind = next(k for k in (np.uint8, np.uint16, np.uint32, np.uint64)
                if high - low <= np.iinfo(k).max)  # fmt: skip
    small = values - values.dtype.type(low)  # what does not fit wraps, and wraps back
    is_wide = values.dtype.itemsize == np.dtype(kind).itemsize
    return Stream(low, np.dtype(kind)), small.view(kind) if is_wide else small.astype(kind)


def split_rows(columns: dict[str, Any], order: Any, buckets: list[int], n_rows: Any) -> Split:
    """Return rows of a batch as bytes, run after run.

    Parameters
    ----------
    columns : dict of str to Coded or Arrow array
    order : int64 array
        Rows of the batch, those of the first bucket first.
    buckets : list of int
    n_rows : int64 array, shape (n_buckets,)
        How many rows of each.
    """
    ends = np.append(0, np.cumsum(n_rows))
    writer = _Writer(len(buckets))
    for name, values in columns.items():
        if isinstance(values, Coded):
            writer.columns.append((name, values.values.type, CODED))
            _add_coded(writer, values, order, ends)
        elif pa.types.is_string(values.type) and (found := serial_of(values, order)):
            writer.columns.append((name, values.type, SERIAL))
            writer.serials[name], numbers = found
            writer.add(numbers, ends)
        elif pa.types.is_string(values.type):
            writer.columns.append((name, values.type, PLAIN))
            _add_plain(writer, values.take(pa.array(order)), ends)
        else:
            writer.columns.append((name, values.type, NUMBER))
            _add_number(writer, values, order, ends)
    return writer.done(buckets)


def _add_number(writer: _Writer, values: pa.Array, order: Any, ends: Any) -> None:
    is_null = np.asarray(values.is_null()) if values.null_count else np.zeros(0, bool)
    writer.add(_integers(values), ends, order)
    writer.add(is_null.view(np.uint8), ends, order)


def _integers(values: pa.Array) -> Any:
    """Return a column that is not text as integers of its width; anything where it is null."""
    if values.null_count:
        values = values.fill_null(pa.scalar(0, pa.int32()).cast(values.type))
    if pa.types.is_boolean(values.type):
        return values.cast(pa.uint8()).to_numpy()
    if pa.types.is_floating(values.type):
        return values.to_numpy().view(np.int64)
    return (values.view(pa.int32()) if pa.types.is_date32(values.type) else values).to_numpy()


def _add_coded(writer: _Writer, coded: Coded, order: Any, ends: Any) -> None:
    local, used = np.empty(order.size, np.int32), np.empty(order.size, np.int32)
    place = np.full((1, len(coded.values)), -1, np.int32)
    n_used = np.empty(ends.size - 1, np.int64)
    recode_cpu(coded.codes, order, ends, place, local, used, n_used)
    value_ends = np.append(0, np.cumsum(n_used))
    picked = np.repeat(ends[:-1] - value_ends[:-1], n_used) + np.arange(value_ends[-1])
    data, offsets = text_buffers(coded.values.take(pa.array(used[picked])))
    writer.add(local, ends)
    writer.add(np.diff(offsets), value_ends)
    writer.add_bytes(data[: offsets[-1]], offsets[value_ends].astype(np.int64))


def _add_plain(writer: _Writer, texts: pa.Array, ends: Any) -> None:
    is_null = np.asarray(texts.is_null()) if texts.null_count else np.zeros(0, np.intp)
    data, offsets = text_buffers(texts)
    if np.diff(offsets)[is_null].any():  # nulls may have bytes
        data, offsets = text_buffers(texts.fill_null(""))
    lengths = np.diff(offsets)
    lengths[is_null] = -1
    pieces = [data[i:j] for i, j in itertools.pairwise(offsets[ends].tolist())]
    blobs = [LZ4.compress(pa.py_buffer(one), asbytes=True) if one.size else b"" for one in pieces]
    writer.add(lengths, ends)
    sizes = np.array([len(blob) for blob in blobs], np.int64)
    writer.add_bytes(np.frombuffer(b"".join(blobs), np.uint8), np.append(0, np.cumsum(sizes)))
