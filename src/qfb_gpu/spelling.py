"""Texts in one spelling: NFKC as Unicode defines it, for columns of many."""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_MAY_COMPOSE = r"[\p{M}\x{1161}-\x{11FF}]"
"""Marks, and vowels and ends of Korean syllables: what a letter before it may take up."""
_ROWS = 4096


def nfkc(texts: pa.Array) -> pa.Array:
    """Return texts in NFKC; nulls stay.

    Arrow's own kernel takes letters and marks apart and leaves them so (25.0): "Café" becomes five
    characters. Most texts are in NFKC already, which is quickly seen; of the others only those
    with marks, or Korean in parts, are looked at one by one.

    Parameters
    ----------
    texts : pyarrow string or large_string array

    Examples
    --------
    >>> nfkc(pa.array(["Ｃａｆｅ\u0301", "①", None])).to_pylist()
    ['Café', '1', None]
    """
    is_ascii = pc.string_is_ascii(texts).fill_null(fill_value=True)
    if pc.all(is_ascii, min_count=0).as_py():
        return texts
    is_odd = pc.invert(is_ascii)
    odd = texts.filter(is_odd)
    parts = [odd.slice(first, _ROWS) for first in range(0, len(odd), _ROWS)]
    normal = [part if _is_normal(part) else _normalised(part) for part in parts]
    return pc.replace_with_mask(texts, is_odd, pa.concat_arrays(normal))


def _is_normal(texts: pa.Array) -> bool:
    """Return whether texts without nulls are in NFKC: each is where all of them in a row are."""
    kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, kind)[texts.offset : texts.offset + len(texts) + 1]
    whole = str(memoryview(data)[ends[0] : ends[-1]], "utf-8")
    return unicodedata.is_normalized("NFKC", whole)


def _normalised(texts: pa.Array) -> pa.Array:
    apart = pc.utf8_normalize(texts, "NFKD")
    compose = pc.match_substring_regex(apart, _MAY_COMPOSE)
    some = apart.filter(compose).to_pylist()
    if not some:
        return apart
    whole = pa.array([unicodedata.normalize("NFC", text) for text in some], apart.type)
    return pc.replace_with_mask(apart, compose, whole)
