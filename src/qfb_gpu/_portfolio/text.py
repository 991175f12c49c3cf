"""Texts of many rows as Arrow arrays, built from lookup tables of digits and words."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa

_GROUP = 1000
_WIDTH = 3


@lru_cache(maxsize=1)
def _digits() -> np.ndarray:
    """Return the three digits of 0..999 as uint8, shape (1000, 3)."""
    number = np.arange(_GROUP)
    return (np.stack([number // 100, number // 10 % 10, number % 10], axis=1) + ord("0")).astype(
        np.uint8
    )


def numbers(values: np.ndarray, groups: int) -> np.ndarray:
    """Return zero-padded decimal digits, uint8, shape (n, 3 * groups)."""
    out = np.empty((len(values), _WIDTH * groups), dtype=np.uint8)
    rest = np.asarray(values)
    table = _digits()
    for group in range(groups - 1, -1, -1):
        rest, low = np.divmod(rest, _GROUP)
        out[:, group * _WIDTH : (group + 1) * _WIDTH] = table[low]
    return out


def letters(codes: np.ndarray, alphabet: str) -> np.ndarray:
    """Return one letter a row, uint8, shape (n, 1)."""
    return np.frombuffer(alphabet.encode(), dtype=np.uint8)[codes][:, None]


def fixed_width(parts: list[np.ndarray]) -> pa.Array:
    """Return the rows of uint8 blocks, side by side, as strings."""
    table = np.ascontiguousarray(np.concatenate(parts, axis=1))
    n, width = table.shape
    offsets = np.arange(0, (n + 1) * width, max(width, 1), dtype=np.int32)[: n + 1]
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(table))


def row_ids(prefix: str, customer: np.ndarray, ordinal: np.ndarray) -> pa.Array:
    """Return a prefix, nine digits of the customer's number, six of its row's."""
    head = np.broadcast_to(np.frombuffer(prefix.encode(), np.uint8), (len(customer), len(prefix)))
    return fixed_width([head, numbers(customer, 3), numbers(ordinal, 2)])


def decimals(hundredths: np.ndarray) -> pa.Array:
    """Return an int64 count of hundredths as decimal128(18, 2)."""
    wide = np.empty((len(hundredths), 2), dtype=np.int64)
    wide[:, 0] = hundredths
    wide[:, 1] = hundredths >> 63
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(wide), [None, pa.py_buffer(wide)])


def dates(day: np.ndarray, null_where: np.ndarray | None = None) -> pa.Array:
    """Return days since 1970-01-01 as date32."""
    return pa.array(np.asarray(day, dtype=np.int32), mask=null_where).view(pa.date32())


def coded(codes: np.ndarray, words: tuple[str, ...]) -> pa.Array:
    """Return words by their index, null where negative."""
    codes = np.asarray(codes, dtype=np.int32)
    index = pa.array(codes, mask=codes < 0) if (codes < 0).any() else pa.array(codes)
    return pa.array(words, pa.string()).take(index)
