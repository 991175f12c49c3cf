"""Files in GBK and its like as UTF-8, a piece at a time.

Python's decoders hold its lock and take four times as long; what the kernel's table does not know
(GB 18030's characters of four bytes, bytes that are no text) is left to them, and so are errors.
"""

from __future__ import annotations

import codecs
import functools
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_kernels.double_bytes import decode_pairs_cpu

if TYPE_CHECKING:
    import pyarrow as pa

_LIKE_GBK = ("gbk", "gb18030", "gb2312", "big5")
_FIRST, _BYTES = 0x80, 256


def is_double(encoding: str) -> bool:
    """Return whether an encoding is one that this module reads."""
    return codecs.lookup(encoding).name in _LIKE_GBK


@functools.cache
def _table(encoding: str) -> Any:
    """Return the code point of each pair of bytes, 0 where it is no character: uint16 (65536,)."""
    table = np.zeros(_BYTES * _BYTES, np.uint16)
    for first in range(_FIRST, _BYTES):
        for second in range(_BYTES):
            text = bytes((first, second)).decode(encoding, "ignore")
            if len(text) == 1 and _is_pair(text, encoding):
                table[first * _BYTES + second] = ord(text)
    return table


def _is_pair(text: str, encoding: str) -> bool:
    """Return whether a character is two bytes: what was ignored may have left one of a pair."""
    return "\x7f" < text <= "\uffff" and len(text.encode(encoding, "replace")) == 2  # noqa: PLR2004


class Utf8OfPairs(io.RawIOBase):
    """A stream of UTF-8 made of one in an encoding of :func:`is_double`."""

    def __init__(self, raw: pa.NativeFile, encoding: str) -> None:
        self._raw = raw
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._table = _table(codecs.lookup(encoding).name)
        self._begun = b""

    def readable(self) -> bool:
        """Return True, as every stream that is read does."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes; none where the stream has ended.

        Raises
        ------
        UnicodeDecodeError
            Bytes that are no text in the encoding.
        """
        while True:
            piece = self._raw.read(max(1, size * 2 // 3 - len(self._begun)))
            data = self._begun + piece
            text = self._decoded(data, is_last=not piece)
            if text or not piece:
                return text

    def _decoded(self, data: bytes, *, is_last: bool) -> bytes:
        source = np.frombuffer(data, np.uint8)
        out = np.empty(len(data) * 3 // 2 + 1, np.uint8)
        n_read, n_written = decode_pairs_cpu(source, self._table, out)
        self._begun = data[n_read:]
        if len(self._begun) <= 1 and not is_last:
            return out[:n_written].tobytes()
        rest = self._decoder.decode(self._begun, is_last)
        self._begun = self._decoder.getstate()[0]
        self._decoder.reset()
        return out[:n_written].tobytes() + rest.encode()
