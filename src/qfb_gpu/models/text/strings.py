"""Texts as the bytes and places that kernels read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.backend import get_backend
from qfb_gpu.errors import InputError
from qfb_kernels.ngrams import words_cpu

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend


def read_only(array: Any) -> Any:
    """Return an input of a kernel so that nothing can write to it; CuPy has no such flag.

    An array that may be written to is another type to Numba, for which it would compile anew.
    """
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, slots=True)
class Spans:
    """Texts on a backend: text ``i`` is ``data[start[i]:stop[i]]``.

    Attributes
    ----------
    data : uint8 array
    start, stop : int64 arrays, shape (n_texts,)
    """

    data: Any
    start: Any
    stop: Any

    @property
    def n_texts(self) -> int:
        """Number of texts."""
        return int(self.start.shape[0])

    def fixed(self) -> Spans:
        """Return the same texts, read-only."""
        return Spans(*(read_only(array) for array in (self.data, self.start, self.stop)))

    def part(self, first: int, last: int) -> Spans:
        """Return the texts from ``first`` to before ``last``."""
        return Spans(self.data, self.start[first:last], self.stop[first:last])


@dataclass(frozen=True, slots=True)
class Distinct:
    """A text column as its distinct values.

    Attributes
    ----------
    values : pyarrow string array, without nulls
    code : int64 array, shape (n_rows,)
        Index into ``values``; -1 is null. On the host.
    """

    values: pa.Array
    code: Any


def distinct(texts: Any) -> Distinct:
    """Return the distinct texts of a column.

    Parameters
    ----------
    texts : pyarrow array or chunked array of strings (plain or dictionary), or a sequence of str

    Raises
    ------
    InputError
        It is one text, whose characters would each be one.
    """
    if isinstance(texts, str):
        msg = f"expected a column of texts, got one text, {texts!r:.60}; give a list of it"
        raise InputError(msg)
    column = (
        texts if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.array(texts, pa.string())
    )
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    code = column.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return Distinct(column.dictionary.cast(pa.string()), code)


def spans(values: pa.Array, backend: Backend) -> Spans:
    """Return an Arrow string array's texts on a backend; a null is an empty text."""
    _, offsets, data = values.buffers()
    if len(values) == 0 or offsets is None:
        none = backend.xp.zeros(0, dtype="int64")
        return Spans(backend.xp.zeros(1, dtype="uint8"), none, none).fixed()
    kind = np.int64 if pa.types.is_large_string(values.type) else np.int32
    ends = np.frombuffer(offsets, kind)[values.offset : values.offset + len(values) + 1]
    raw = np.frombuffer(data, np.uint8) if data else np.zeros(1, np.uint8)
    places = backend.asarray(ends.astype(np.int64))
    return Spans(backend.asarray(raw), places[:-1], places[1:]).fixed()


def split_words(values: pa.Array) -> tuple[pa.Array, Any]:
    """Return the words of all texts, one after the other, and how many come before each text.

    Returns
    -------
    words : pyarrow string array
    n_words : int64 array, shape (n_texts + 1,)
    """
    texts = spans(values, get_backend("cpu"))
    n_bytes = int((texts.stop - texts.start).sum())
    n_words = np.zeros(texts.n_texts + 1, np.int64)
    start, stop = (np.empty(n_bytes // 2 + texts.n_texts, np.int64) for _ in range(2))
    words_cpu(texts.data, texts.start, texts.stop, n_words, start, stop)
    start, stop = start[: n_words[-1]], stop[: n_words[-1]]
    offsets = np.zeros(len(start) + 1, np.int32)
    np.cumsum(stop - start, out=offsets[1:])
    place = np.repeat(start - offsets[:-1], stop - start) + np.arange(offsets[-1])
    data = texts.data[place]
    words = pa.StringArray.from_buffers(len(start), pa.py_buffer(offsets), pa.py_buffer(data))
    return words, n_words
