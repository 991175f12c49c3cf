"""What a memo says of the deal it pays: a number it quotes, and words for contract or order.

Works on the host, on the texts of the few payments that could be a contract's or an order's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from qfb_gpu.finance import clause_words as words

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBER = r"(?P<number>[0-9][0-9/_.-]{4,30}[0-9])"
_DATE = (
    r"\b(?:19|20)[0-9]{2}[-/.][0-9]{1,2}[-/.][0-9]{1,2}\b"
    r"|(?:19|20)[0-9]{2}年[0-9]{1,2}月(?:[0-9]{1,2}日)?"
)
_DIGITS = 9
_FEWEST = 6
_ORDER = r"(?i)订单|采购单|order|\bp\.?o\b"
_CONTRACT = r"(?i)合同|协议|工程款|项目款|contract|agreement|milestone"
_LOOKING = re.compile(r"\(\?[=!][^()]*\)")
"""Looking ahead, which RE2 does not know: without it a few more texts match."""
SAYS = ("nothing", "order", "contract")


def references(texts: pa.Array) -> np.ndarray:
    """Return the last nine digits of the first long number in each text: int64, -1 where none.

    A long number has at least six digits; separators within it do not count. So ``HT-2024-00123``
    and ``合同2024-00123`` quote the same number.
    """
    undated = pc.replace_substring_regex(texts, _DATE, " ")
    found = pc.struct_field(pc.extract_regex(undated, _NUMBER), [0])
    digits = pc.replace_substring_regex(found, "[^0-9]", "")
    is_long = pc.fill_null(pc.greater_equal(pc.utf8_length(digits), _FEWEST), fill_value=False)
    kept = pc.if_else(is_long, pc.utf8_slice_codeunits(digits, -_DIGITS), None)
    return np.asarray(pc.fill_null(kept.cast("int64"), -1))


def says(texts: pa.Array) -> np.ndarray:
    """Return whether each text names an order or a contract: int8, an index into ``SAYS``."""
    order = np.asarray(pc.fill_null(pc.match_substring_regex(texts, _ORDER), fill_value=False))
    contract = pc.fill_null(pc.match_substring_regex(texts, _CONTRACT), fill_value=False)
    return np.where(np.asarray(contract), 2, np.where(order, 1, 0)).astype(np.int8)


def kinds(texts: pa.Array) -> np.ndarray:
    """Return the kind of payment that each text names: int8, index into ``KINDS``, -1 if none."""
    named = np.full(len(texts), -1, np.int8)
    for kind, pattern in reversed(words.NAMES):
        plain = _LOOKING.sub("", pattern.pattern)
        found = pc.fill_null(pc.match_substring_regex(texts, f"(?i){plain}"), fill_value=False)
        named[np.asarray(found)] = kind
    return named
