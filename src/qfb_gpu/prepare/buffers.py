"""Arrow texts through kernels: bytes and offsets in, spans or packed bytes out.

Work is cut into pieces of rows, a thread each; kernels let other threads run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from qfb_gpu.backend import get_backend
from qfb_gpu.prepare.columns import in_pieces
from qfb_kernels import characters, spans

N_CODE_POINTS = 0x110000
_JOINER = 0x200D
_EMPTY = np.zeros(1, np.uint8)


def text_buffers(texts: pa.Array) -> tuple[Any, Any]:
    """Return the bytes of an Arrow string array and the int32 offsets of its rows, from 0."""
    if not len(texts):
        return _EMPTY, np.zeros(1, np.int32)
    _, offsets, data = texts.buffers()
    rows = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if data is None or rows[-1] == rows[0]:
        return _EMPTY, np.zeros(len(texts) + 1, np.int32)
    return np.frombuffer(data, np.uint8)[rows[0] : rows[-1]], rows - rows[0]


def as_bytes(text: str) -> Any:
    """Return a text to look for as a kernel takes it."""
    return np.frombuffer(text.encode(), np.uint8)


def by_spans(texts: pa.Array, launchers: tuple[Any, Any], *arguments: Any) -> pa.Array:
    """Return a part of each text; null where there is none, or no text.

    Parameters
    ----------
    texts : pyarrow.StringArray
    launchers : (cpu, gpu)
        Of a kernel that takes bytes, offsets and ``arguments``, and fills the span of each row.
    """

    def part_of(piece: pa.Array) -> pa.Array:
        """Return the parts of some texts."""
        data, offsets = text_buffers(piece)
        first, last = (np.empty(len(piece), np.int32) for _ in range(2))
        cpu.launch(*launchers, len(piece), data, offsets, *arguments, first, last)
        is_null = first < 0
        if piece.null_count:
            is_null |= np.asarray(piece.is_null())
            first[is_null], last[is_null] = 0, 0
        to = _ends(last - first)
        out = np.empty(int(to[-1]), np.uint8)
        cpu.launch(spans.copy_cpu, spans.copy_gpu, len(piece), data, first, last, to, out)
        return _array(out, to, is_null)

    cpu = get_backend("cpu")
    return in_pieces(part_of, texts)


def place(texts: pa.Array, start: int, n: int, drop: int = 0) -> pa.Array:
    """Return ``n`` characters from ``start``, from 0 or from the end, of all but ``drop``."""
    most = 2**31 - 1
    numbers = np.int64(max(start, -most)), np.int64(min(n, most)), np.int64(min(drop, most))
    return by_spans(texts, (spans.place_cpu, spans.place_gpu), *numbers)


def after(texts: pa.Array, wanted: str, nth: int) -> pa.Array:
    """Return what follows the nth occurrence."""
    return by_spans(texts, (spans.after_cpu, spans.after_gpu), as_bytes(wanted), np.int64(nth))


def between(texts: pa.Array, opening: str, closing: str, nth: int) -> pa.Array:
    """Return the nth part between two delimiters."""
    arguments = as_bytes(opening), as_bytes(closing), np.int64(nth)
    return by_spans(texts, (spans.between_cpu, spans.between_gpu), *arguments)


def count(texts: pa.Array, wanted: str) -> pa.Array:
    """Return how often ``wanted`` is in each text, without overlap: int32."""
    return by_numbers(texts, (spans.count_cpu, spans.count_gpu), as_bytes(wanted))


def first_of(texts: pa.Array, words: list[str]) -> pa.Array:
    """Return the number of the first of ``words`` that is in a text, else how many there are."""
    ends = np.cumsum([0, *(len(word.encode()) for word in words)]).astype(np.int32)
    return by_numbers(texts, (spans.first_cpu, spans.first_gpu), as_bytes("".join(words)), ends)


def by_numbers(texts: pa.Array, launchers: tuple[Any, Any], *arguments: Any) -> pa.Array:
    """Return an int32 of each text; null where there is no text.

    Parameters
    ----------
    texts : pyarrow.StringArray
    launchers : (cpu, gpu)
        Of a kernel that takes bytes, offsets and ``arguments``, and fills a number a row.
    """

    def number_of(piece: pa.Array) -> pa.Array:
        """Return the numbers of some texts."""
        out = np.empty(len(piece), np.int32)
        cpu.launch(*launchers, len(piece), *text_buffers(piece), *arguments, out)
        return pa.array(out, mask=np.asarray(piece.is_null()) if piece.null_count else None)

    cpu = get_backend("cpu")
    return in_pieces(number_of, texts)


def code_points(texts: pa.Array) -> Any:
    """Return the code points that are in some text, ascending."""
    seen = np.zeros(N_CODE_POINTS, np.uint8)

    def mark(piece: pa.Array) -> pa.Array:
        """Mark the code points of some texts."""
        data, offsets = text_buffers(piece)
        get_backend("cpu").launch(
            characters.seen_cpu, characters.seen_gpu, len(piece), data, offsets, seen
        )
        return pa.nulls(0)

    in_pieces(mark, texts)
    return np.flatnonzero(seen)


def strip(texts: pa.Array, verdict: Any, pairs: list[str], *, joiner: bool) -> pa.Array:
    """Return texts without some characters and bracket pairs: see :mod:`qfb_kernels.characters`."""
    brackets = np.array([_pair(pair) for pair in pairs], np.uint8).reshape(-1, 10)
    lead = np.zeros(256, np.uint8)
    for point in [*np.flatnonzero(verdict & characters.GOES).tolist(), *([_JOINER] * joiner)]:
        lead[chr(point).encode()[0]] = 1
    cpu = get_backend("cpu")

    def stripped(piece: pa.Array) -> pa.Array:
        """Return some texts without what goes."""
        data, offsets = text_buffers(piece)
        keep = np.empty(len(data), np.uint8)
        opened = np.empty(len(data) if pairs else 1, np.int32)
        length = np.empty(len(piece), np.int32)
        cpu.launch(
            characters.strip_cpu, characters.strip_gpu, len(piece), data, offsets, brackets,
            verdict, lead, np.int64(joiner), keep, opened, length,
        )  # fmt: skip
        to = _ends(length)
        out = np.empty(int(to[-1]), np.uint8)
        cpu.launch(
            characters.pack_cpu, characters.pack_gpu, len(piece), data, offsets, keep, to, out
        )
        return _array(out, to, np.asarray(piece.is_null()))

    return in_pieces(stripped, texts)


def _pair(brackets: str) -> list[int]:
    """Return two brackets as the kernel takes them: their lengths in bytes, four bytes of each."""
    sides = [side.encode() for side in brackets]
    return [*map(len, sides), *(byte for side in sides for byte in side.ljust(4, b"\0"))]


def _ends(lengths: Any) -> Any:
    to = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=to[1:])
    return to


def _array(data: Any, offsets: Any, is_null: Any) -> pa.Array:
    valid = None
    if is_null.any():
        valid = pa.array(~is_null).buffers()[1]
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(is_null), buffers)
