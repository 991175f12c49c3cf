"""Rows of a batch by bucket as bytes, and the rows of a bucket from its runs of many batches.

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
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.errors import InputError
from qfb_gpu.lake.serials import Serial, serial_of, texts_of
from qfb_gpu.lake.texts import Coded, text_buffers
from qfb_kernels.recode import recode_cpu

if TYPE_CHECKING:
    from collections.abc import Sequence

_LZ4 = pa.Codec("lz4_raw")
_ALIGNED = 8
_NUMBER, _CODED, _PLAIN, _SERIAL = "number", "coded", "plain", "serial"
_N_STREAMS = {_NUMBER: 2, _CODED: 3, _PLAIN: 2, _SERIAL: 1}
_MOST_BYTES = 2**31 - 1


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


_NOWHERE = Stream(0, None)
"""Of whether numbers are null: none is."""


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

    def places(self, number: int) -> list[int]:
        """Return where each stream of a run begins, in bytes, and where the run ends."""
        sizes = _padded(self.counts[:, number] * self._item_sizes())
        return [0, *np.cumsum(sizes).tolist()]

    def n_bytes(self, number: int) -> int:
        """Return how many bytes a run has."""
        return self.places(number)[-1]

    def bytes_ends(self) -> Any:
        """Return where the bytes of each run begin and end: int64, shape (n_runs + 1,)."""
        sizes = _padded(self.counts * self._item_sizes()[:, None]).sum(axis=0)
        return np.append(0, np.cumsum(sizes))

    def _item_sizes(self) -> Any:
        return np.array([s.kind.itemsize if s.kind is not None else 0 for s in self.streams])

    def run(self, number: int) -> pa.RecordBatch:
        """Return the rows of one of the buckets, by its number here, while they are in memory."""
        first, end = self.bytes_ends()[number : number + 2].tolist()
        return together([Run(self, number, self.bytes_[first:end])])[0]


@dataclass(frozen=True, slots=True)
class Run:
    """The bytes of a batch's rows of one bucket."""

    split: Split
    number: int
    content: Any


def _padded(n_bytes: Any) -> Any:
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
                place[run] = at + _padded(size)
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
            writer.columns.append((name, values.values.type, _CODED))
            _add_coded(writer, values, order, ends)
        elif pa.types.is_string(values.type) and (found := serial_of(values, order)):
            writer.columns.append((name, values.type, _SERIAL))
            writer.serials[name], numbers = found
            writer.add(numbers, ends)
        elif pa.types.is_string(values.type):
            writer.columns.append((name, values.type, _PLAIN))
            _add_plain(writer, values.take(pa.array(order)), ends)
        else:
            writer.columns.append((name, values.type, _NUMBER))
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
    blobs = [_LZ4.compress(pa.py_buffer(one), asbytes=True) if one.size else b"" for one in pieces]
    writer.add(lengths, ends)
    sizes = np.array([len(blob) for blob in blobs], np.int64)
    writer.add_bytes(np.frombuffer(b"".join(blobs), np.uint8), np.append(0, np.cumsum(sizes)))


def together(runs: list[Run]) -> list[pa.RecordBatch]:
    """Return the rows of some runs, those whose columns have the same forms in one.

    Raises
    ------
    InputError
        A column has more bytes of text than an Arrow array can hold.
    """
    alike: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        alike.setdefault(tuple(run.split.columns), []).append(run)
    return [_Reader(some).rows(list(columns)) for columns, some in alike.items()]


class _Reader:
    """Puts the streams of some runs together."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self._places = [run.split.places(run.number) for run in runs]
        self._at = 0

    def rows(self, columns: list[tuple[str, pa.DataType, str]]) -> pa.RecordBatch:
        """Return all columns of the runs."""
        arrays = [self._column(name, kind, form) for name, kind, form in columns]
        return pa.RecordBatch.from_arrays(arrays, names=[name for name, _, _ in columns])

    def _column(self, name: str, kind: pa.DataType, form: str) -> pa.Array:
        first = self._at
        self._at += _N_STREAMS[form]
        if form == _CODED:
            return self._coded(first, name)
        if form == _SERIAL:
            return self._serial(first, name)
        return self._plain(first, name) if form == _PLAIN else self._number(first, kind)

    def _counts(self, stream: int) -> Any:
        counts = [run.split.counts[stream, run.number] for run in self._runs]
        return np.append(0, np.cumsum(counts, dtype=np.int64))

    def _stream(self, stream: int, kind: Any) -> tuple[Any, Any]:
        """Return a stream of all runs, and where each run's part begins and ends."""
        ends = self._counts(stream)
        out = np.empty(int(ends[-1]), kind)
        limits = ends.tolist()
        for run, places, first, end in zip(
            self._runs, self._places, limits[:-1], limits[1:], strict=True
        ):
            about, part = run.split.streams[stream], out[first:end]
            if about.kind is None:
                part[:] = about.base
                continue
            part[:] = np.frombuffer(run.content, about.kind, end - first, places[stream])
            if about.base:
                part += part.dtype.type(about.base)
        return out, ends

    def _number(self, first: int, kind: pa.DataType) -> pa.Array:
        width = np.uint8 if pa.types.is_boolean(kind) else np.dtype(f"i{kind.bit_width // 8}")
        values, _ = self._stream(first, width)
        is_null = None
        if any(run.split.streams[first + 1] != _NOWHERE for run in self._runs):
            is_null = self._stream(first + 1, np.uint8)[0] == 1
        if pa.types.is_boolean(kind):
            return pa.array(values == 1, mask=is_null)
        if pa.types.is_floating(kind):
            return pa.array(values.view(np.float64), mask=is_null)
        array = pa.array(values, mask=is_null)
        return array.view(kind) if pa.types.is_date32(kind) else array

    def _coded(self, first: int, name: str) -> pa.DictionaryArray:
        values, value_ends = self._texts(first + 1, name)
        of_value = np.arange(len(values), dtype=np.int32)
        if len(self._runs) > 1:
            unique = values.dictionary_encode()
            of_value, values = unique.indices.to_numpy(), unique.dictionary
        codes = self._codes(first, np.split(of_value, value_ends[1:-1]))
        is_null = None
        if any(run.split.streams[first].base < 0 for run in self._runs):
            is_null = codes < 0
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=is_null), values)

    def _codes(self, stream: int, of_values: list[Any]) -> Any:
        """Return the codes of all runs, from what each code of a run is in all; -1 stays."""
        limits = self._counts(stream).tolist()
        out = np.empty(limits[-1], np.int32)
        for run, places, first, end, of_value in zip(
            self._runs, self._places, limits[:-1], limits[1:], of_values, strict=True
        ):
            about, part = run.split.streams[stream], out[first:end]
            table = np.append(np.int32(-1), of_value)[about.base + 1 :]
            if about.kind is None:
                part[:] = table[:1]
                continue
            small = np.frombuffer(run.content, about.kind, end - first, places[stream])
            np.take(table, small, out=part, mode="clip")
        return out

    def _texts(self, first: int, name: str) -> tuple[pa.Array, Any]:
        lengths, ends = self._stream(first, np.int32)
        data, _ = self._stream(first + 1, np.uint8)
        return _as_texts(lengths, data, name), ends

    def _serial(self, first: int, name: str) -> pa.Array:
        numbers, ends = self._stream(first, np.int64)
        sizes, data = texts_of([run.split.serials[name] for run in self._runs], numbers, ends)
        return _as_texts(sizes, data, name)

    def _plain(self, first: int, name: str) -> pa.Array:
        lengths, ends = self._stream(first, np.int32)
        is_null = lengths < 0 if lengths.size and lengths.min() < 0 else None
        sizes = np.maximum(lengths, 0) if is_null is not None else lengths
        limits = np.append(0, np.cumsum(sizes, dtype=np.int64))[ends].tolist()
        data = np.empty(limits[-1], np.uint8)
        for run, places, start, end in zip(
            self._runs, self._places, limits[:-1], limits[1:], strict=True
        ):
            n_bytes = int(run.split.counts[first + 1, run.number])
            blob = pa.py_buffer(run.content).slice(places[first + 1], n_bytes)
            if end > start:
                data[start:end] = np.frombuffer(_LZ4.decompress(blob, end - start), np.uint8)
        return _as_texts(sizes, data, name, is_null)


def _as_texts(sizes: Any, data: Any, name: str, is_null: Any = None) -> pa.Array:
    if data.size > _MOST_BYTES:
        msg = (
            f"column {name}: {data.size / 2**30:.1f} GiB of texts in one bucket; "
            "expected at most 2 GiB: set a larger n_buckets"
        )
        raise InputError(msg)
    ends = np.zeros(sizes.size + 1, np.int32)
    np.cumsum(sizes, out=ends[1:])
    validity = None
    if is_null is not None:
        validity = pa.py_buffer(np.packbits(~is_null, bitorder="little"))
    return pa.StringArray.from_buffers(sizes.size, pa.py_buffer(ends), pa.py_buffer(data), validity)
