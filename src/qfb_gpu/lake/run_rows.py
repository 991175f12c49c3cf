"""The rows of a bucket from its runs of many batches (:mod:`qfb_gpu.lake.runs`).

A lake of a hundred million payments has thousands of runs of some thousand rows: a column of all
runs is put together at once, no run by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.errors import InputError
from qfb_gpu.lake.runs import CODED, LZ4, NUMBER, PLAIN, SERIAL, Split, padded
from qfb_gpu.lake.serials import texts_of
from qfb_kernels.widen import decode_cpu, widen_cpu

if TYPE_CHECKING:
    from collections.abc import Sequence

_N_STREAMS = {NUMBER: 2, CODED: 3, PLAIN: 2, SERIAL: 1}
_MOST_BYTES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Run:
    """A batch's rows of one bucket, and where their bytes begin."""

    split: Split
    number: int
    start: int


def together(runs: list[Run], content: Any) -> list[pa.RecordBatch]:
    """Return the rows of some runs, those whose columns have the same forms in one.

    Parameters
    ----------
    runs : list of Run
    content : uint8 array
        The bytes of all runs, each beginning at a multiple of eight.

    Raises
    ------
    InputError
        A column has more bytes of text than an Arrow array can hold.
    """
    alike: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        alike.setdefault(tuple(run.split.columns), []).append(run)
    return [_Reader(some, content).rows(list(columns)) for columns, some in alike.items()]


def of_bucket(split: Split, number: int) -> pa.RecordBatch:
    """Return a batch's rows of one of its buckets, by its number there, from memory."""
    first = int(split.bytes_ends()[number])
    return together([Run(split, number, first)], split.bytes_)[0]


class _Reader:
    """Puts the streams of some runs together."""

    def __init__(self, runs: Sequence[Run], content: Any) -> None:
        self._runs = runs
        self._content = content
        self._views = tuple(
            content.view(kind) for kind in (np.uint8, np.uint16, np.uint32, np.int64)
        )
        splits = {id(run.split): run.split for run in runs}
        widths = {key: split.widths for key, split in splits.items()}
        bases = {key: [s.base for s in split.streams] for key, split in splits.items()}
        self._widths = _by_stream([widths[id(run.split)] for run in runs])
        self._bases = _by_stream([bases[id(run.split)] for run in runs])
        self._n = _by_stream([run.split.counts[:, run.number] for run in runs])
        sizes = padded(self._n * self._widths)
        starts = np.array([run.start for run in runs], np.int64)
        self._places = starts + np.cumsum(sizes, axis=0) - sizes
        self._at = 0

    def rows(self, columns: list[tuple[str, pa.DataType, str]]) -> pa.RecordBatch:
        """Return all columns of the runs."""
        arrays = [self._column(name, kind, form) for name, kind, form in columns]
        return pa.RecordBatch.from_arrays(arrays, names=[name for name, _, _ in columns])

    def _column(self, name: str, kind: pa.DataType, form: str) -> pa.Array:
        first = self._at
        self._at += _N_STREAMS[form]
        if form == CODED:
            return self._coded(first, name)
        if form == SERIAL:
            return self._serial(first, name)
        return self._plain(first, name) if form == PLAIN else self._number(first, kind)

    def _ends(self, stream: int) -> Any:
        return np.append(0, np.cumsum(self._n[stream]))

    def _stream(self, stream: int, kind: Any) -> tuple[Any, Any]:
        """Return a stream of all runs, and where each run's part begins and ends."""
        ends, widths, bases = self._ends(stream), self._widths[stream], self._bases[stream]
        if not widths.any() and (bases == bases[0]).all():
            return np.full(ends[-1], bases[0], kind), ends
        out = np.empty(ends[-1], np.int64 if np.dtype(kind).itemsize > 4 else np.int32)  # noqa: PLR2004
        widen_cpu(self._views, self._places[stream], ends, widths, bases, out)
        return out.astype(kind, copy=False), ends

    def _bytes(self, stream: int) -> Any:
        """Return a stream of bytes of all runs."""
        places, sizes = self._places[stream].tolist(), self._n[stream].tolist()
        pieces = [self._content[at : at + n] for at, n in zip(places, sizes, strict=True)]
        return np.concatenate(pieces)

    def _number(self, first: int, kind: pa.DataType) -> pa.Array:
        width = np.uint8 if pa.types.is_boolean(kind) else np.dtype(f"i{kind.bit_width // 8}")
        values, _ = self._stream(first, width)
        is_null = None
        if self._widths[first + 1].any() or self._bases[first + 1].any():
            is_null = self._stream(first + 1, np.uint8)[0] == 1
        if pa.types.is_boolean(kind):
            return pa.array(values == 1, mask=is_null)
        if pa.types.is_floating(kind):
            return pa.array(values.view(np.float64), mask=is_null)
        array = pa.array(values, mask=is_null)
        return array.view(kind) if pa.types.is_date32(kind) else array

    def _coded(self, first: int, name: str) -> pa.DictionaryArray:
        lengths, value_ends = self._stream(first + 1, np.int32)
        values = _as_texts(lengths, self._bytes(first + 2), name)
        of_value = np.arange(len(values), dtype=np.int32)
        if len(self._runs) > 1:
            unique = values.dictionary_encode()
            of_value, values = unique.indices.to_numpy(), unique.dictionary
        ends, bases = self._ends(first), self._bases[first]
        codes = np.empty(ends[-1], np.int32)
        decode_cpu(
            self._views, self._places[first], ends, self._widths[first], bases,
            _read_only(of_value), value_ends, codes,
        )  # fmt: skip
        is_null = codes < 0 if (bases < 0).any() else None
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=is_null), values)

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
        blobs = zip(self._places[first + 1].tolist(), self._n[first + 1].tolist(), strict=True)
        for (at, n_bytes), start, end in zip(blobs, limits[:-1], limits[1:], strict=True):
            if end > start:
                blob = pa.py_buffer(self._content[at : at + n_bytes])
                data[start:end] = np.frombuffer(LZ4.decompress(blob, end - start), np.uint8)
        return _as_texts(sizes, data, name, is_null)


def _by_stream(of_runs: list[Any]) -> Any:
    """Return a number of each stream of each run: int64, shape (n_streams, n_runs)."""
    return np.ascontiguousarray(np.array(of_runs, np.int64).T)


def _read_only(array: Any) -> Any:
    """Return an array that is not written to: kernels are compiled for one kind."""
    view = array.view()
    view.flags.writeable = False
    return view


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
