"""Headings of a clause, whose words are no event of the payment behind them: 结算方式:签约付30%."""
# ruff: noqa: E501 - one pattern a line

from __future__ import annotations

import re

from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.clause_words import pattern_of

_HEADING = pattern_of(
    r"(?:^|(?<=[;。\n]))\s*(?P<head>[^,;。%:\d]{0,16}(?:付款|支付|结算|付费|收款)(?:方式|方法|条款|条件|办法|安排|约定|计划|节点|进度|时间|比例|明细|如下|为|分期|[及与和]){0,4}:)"
    r"|(?:^|(?<=[;\n])|(?<=\. ))\s*(?P<english>[^,;.%:\d]{0,40}\b(?:terms|payments?|schedule|conditions|invoicing|billing|milestones|stages)(?: (?:terms|schedule|plan|milestones|are|is|shall|be|made|due|payable|as|follows|in|stages)){0,5}\s*:)"
)
_WAITS = pattern_of(
    r"[后时前]|(?<!by )\b(?:on|upon|after|before|within|following|against|until)\b|first|final"
)
"""A heading with these tells when something is paid: 验收后支付:, payment on delivery:."""
_FIRST = re.compile(r"[^,;。\n]*")


def without_headings(text: str) -> str:
    """Return a clause without its headings.

    Parameters
    ----------
    text : str
        As :func:`qfb_gpu.finance.numerals.plain` writes it.

    Returns
    -------
    str
        A heading stays where it names a payment (质保金支付:), says when it is paid, or where what
        comes behind it has no event or name of its own.
    """
    return _HEADING.sub(lambda match: _kept(match, text), text) if ":" in text else text


def _kept(match: re.Match[str], text: str) -> str:
    head = match.group("head") or match.group("english")
    first = _FIRST.match(text, match.end())
    names = [kind for kind, name in words.NAMES if name.search(head)]
    one_of_several = text.count("%", match.end()) > 1
    is_name = names and not (names == [words.PROGRESS] and one_of_several)
    is_own = first is not None and words.KEYWORD.search(first.group(0)) is not None
    return " " if is_own and not is_name and not _WAITS.search(head) else match.group(0)
