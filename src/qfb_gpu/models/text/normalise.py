"""Descriptions as the model sees them: what is the same is written the same.

NFKC and lower case; marks are white space; every digit is 0, so that a number is known by how many
digits it has; Chinese, Japanese and Korean runs stand apart from Latin letters and digits.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.spelling import nfkc

_MARKS = r"[^\p{L}\p{M}\p{N}]+"
_DIGITS = r"\p{Nd}"
_IDEOGRAPHS = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]+)"


def normalise(texts: pa.Array) -> pa.Array:
    """Return texts as a model that was trained on normalised texts expects them; nulls stay.

    Parameters
    ----------
    texts : pyarrow string array

    Examples
    --------
    >>> normalise(pa.array(["ＴＥＳＣＯ-Stores 3214", "房租2024年1月"])).to_pylist()
    ['tesco stores 0000', '房租 0000 年 0 月']
    """
    folded: Any = pc.utf8_lower(nfkc(texts))
    apart = pc.replace_substring_regex(folded, _IDEOGRAPHS, r" \1 ")
    plain = pc.replace_substring_regex(apart, _MARKS, " ")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, _DIGITS, "0"))
