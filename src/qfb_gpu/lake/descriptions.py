"""What a payment without a counterparty is for: its memo without dates, numbers and marks.

``房租 2024年1月`` and ``房租 2024年2月`` are both ``房租``; what is left names the relation.
Only distinct memos are looked at, and of those only the ones that differ in more than digits.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.lake.texts import Coded, hash_texts, plain

if TYPE_CHECKING:
    from qfb_gpu.lake.rows import Rows

MARK = "\x1f"
"""Stands before a text that is hashed; no id begins with it, as it counts as white space."""
_MONTHS = (
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
_UNITS = "年度|年份|年|月份|月|日|号|季度|季|期数|期|周|次|笔|批"
_COUNT = "[〇零一二三四五六七八九十两]+"
_CHINESE = re.compile(
    rf"第?\s*\d+\s*(?:{_UNITS})"  # 2024年, 1月, 第3期
    rf"|第{_COUNT}(?:{_UNITS})"  # 第三季度
    r"|(?:十[一二]?|[一二三四五六七八九])月份?"
)
_RUN = re.compile(r"[^\W_\u2e80-\U0010ffff]+")
"""Letters and digits of any script but the Chinese, Japanese and Korean, which join words."""
_LETTERS = re.compile(r"\D+")
_WORD = re.compile(r"[^\W\d_]+")
_MONTH_NAMES = frozenset(_MONTHS.split())
_LEAST_LETTERS = 3
"""Fewer beside digits are a number's own: Q1, FY24, HT2024-001."""


def normalise(memo: str) -> str:
    """Return what a memo says beside when and under which number; perhaps nothing.

    NFKC and case folded; without digits, dates, names of months, Chinese dates and ordinals,
    numbers of invoices and contracts (letters and digits in turn), marks and repeated spaces.
    How many digits a number has makes no difference.

    Examples
    --------
    >>> normalise("Insurance premium policy 88123"), normalise("电费1月"), normalise("2024-01")
    ('insurance premium policy', '电费', '')
    """
    folded = unicodedata.normalize("NFKC", memo).casefold()
    text = _CHINESE.sub(" ", unicodedata.normalize("NFKC", folded))
    return " ".join(_WORD.findall(_RUN.sub(_without_number, text)))


def _without_number(run: re.Match[str]) -> str:
    """Return the one word of a run of letters and digits: ``rent`` of rent202401; else a space."""
    text = run[0]
    letters = _LETTERS.findall(text)
    if len(letters) != 1 or letters[0] in _MONTH_NAMES:
        return " "
    word = letters[0]
    is_inside = text[0] != word[0] and text[-1] != word[-1]
    if word != text and (len(word) < _LEAST_LETTERS or is_inside):
        return " "
    return f" {word} " if word != text else word


def describe(memos: pa.Array) -> Coded:
    """Return the normalised text of each memo; null where nothing is left.

    Parameters
    ----------
    memos : pyarrow string array
    """
    distinct = memos.dictionary_encode()
    shapes = pc.replace_substring_regex(distinct.dictionary, "[0-9]+", "0").dictionary_encode()
    texts = [normalise(shape) or None for shape in shapes.dictionary.to_pylist()]
    unique = pa.array(texts, pa.string()).dictionary_encode()
    of_shape = plain(unique.indices, -1, np.int32)
    of_memo = np.append(of_shape[plain(shapes.indices, -1, np.int32)], np.int32(-1))
    return Coded(of_memo[plain(distinct.indices, -1, np.int32)], unique.dictionary)


def description_keys(values: pa.Array) -> Any:
    """Return the key of each description: int64, never 0, none that an id has."""
    return hash_texts(pc.binary_join_element_wise(pa.scalar(MARK), values, ""))


def add_descriptions(rows: Rows) -> None:
    """Give payments without a counterparty a ``description``; it is null for all others."""
    codes = np.full(rows.n_rows, -1, np.int32)
    nameless = np.flatnonzero(rows.coded["counterparty_id"].codes < 0)
    values = pa.array([], pa.string())
    if nameless.size and "memo" in rows.coded:
        memo = rows.coded["memo"]
        used, place = np.unique(memo.codes[nameless], return_inverse=True)
        used_memos = memo.values.take(pa.array(used, mask=used < 0))
        of_memo = describe(used_memos)
        codes[nameless], values = of_memo.codes[place], of_memo.values
    elif nameless.size:
        of_row = describe(rows.arrow["memo"].take(pa.array(nameless)))
        codes[nameless], values = of_row.codes, of_row.values
    rows.set_coded("description", Coded(codes, values), description_keys(values))
