"""Texts of many rows as Arrow arrays, built from lookup tables of digits and words."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa

_GROUP = 1000
_WIDTH = 3
_MOST_IN_32_BITS = 3


@lru_cache(maxsize=4)
def _counted(groups: int) -> np.ndarray:
    """Return the digits of 0, 1, ... as items of 3 * groups bytes: 1000 of them, or a million."""
    digits = _digits(np.arange(_GROUP**groups), groups)
    return digits.view(f"V{_WIDTH * groups}").ravel()


def _digits(number: np.ndarray, groups: int) -> np.ndarray:
    places = 10 ** np.arange(_WIDTH * groups - 1, -1, -1)
    return (number[:, None] // places % 10 + ord("0")).astype(np.uint8)


def numbers(values: np.ndarray, groups: int) -> np.ndarray:
    """Return zero-padded decimal digits, uint8, shape (n, 3 * groups)."""
    out = np.empty((len(values), groups), dtype=f"V{_WIDTH}")
    rest = np.asarray(values)
    if groups <= _MOST_IN_32_BITS:
        rest = rest.astype(np.uint32)
    table = _counted(1)
    for group in range(groups - 1, -1, -1):
        high = rest // _GROUP  # twice as fast as divmod
        out[:, group] = table[rest - high * _GROUP]
        rest = high
    return out.view(np.uint8)


def letters(codes: np.ndarray, alphabet: str) -> np.ndarray:
    """Return one letter a row, uint8, shape (n, 1)."""
    return np.frombuffer(alphabet.encode(), dtype=np.uint8)[codes][:, None]


def fixed_width(parts: list[np.ndarray]) -> pa.Array:
    """Return the rows of uint8 blocks, side by side, as strings."""
    table = np.ascontiguousarray(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1))
    n, width = table.shape
    offsets = np.arange(0, (n + 1) * width, max(width, 1), dtype=np.int32)[: n + 1]
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(table))


def row_ids(prefix: str, customer: np.ndarray, ordinal: np.ndarray) -> pa.Array:
    """Return a prefix, nine digits of the customer's number, six of its row's.

    The customers are those of one block, so their part is looked up.
    """
    n = len(customer)
    if not n:
        return pa.array([], pa.string())
    low = customer.min()
    block = numbers(np.arange(low, customer.max() + 1), 3)
    word = np.frombuffer(prefix.encode(), np.uint8)
    head = np.concatenate([np.broadcast_to(word, (len(block), len(word))), block], axis=1)
    width = head.shape[1]
    text = np.empty(n, dtype=[("head", f"V{width}"), ("tail", f"V{2 * _WIDTH}")])
    text["head"] = head.view(f"V{width}").ravel()[customer - low]
    text["tail"] = _counted(2)[ordinal]
    return fixed_width([text.view(np.uint8).reshape(n, -1)])


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
