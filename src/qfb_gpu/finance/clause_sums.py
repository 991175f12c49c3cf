"""Sums of money in a clause, and those of a clause that states its total as shares of it.

合同总价60万, 签订付20万, 验收付30万, 余款质保期满付: the sums are written as percentages of the total,
with as many digits as it takes to get the sums back, and the clause is read as any other. Money is
counted in ten-thousandths of the currency's unit, which the minor units of all currencies divide.
"""
# ruff: noqa: E501 - lists of words

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.clause_drafts import n_instalments
from qfb_gpu.finance.clause_pieces import cut, pieces
from qfb_gpu.finance.clause_words import pattern_of
from qfb_gpu.finance.numerals import chinese_number

if TYPE_CHECKING:
    from collections.abc import Iterator

PER_UNIT = 10_000
"""Ten-thousandths: no currency of ISO 4217 has more than four decimals."""
MOST = 10**15
"""The largest total, ten-thousandths, of which 64-bit floats give sums back exactly."""
_NUMERALS = "零〇一二三四五六七八九十百千两"
_NUMBER = r"\d(?:[\d,.]*\d)?"
_MANY = r"(?:\s*[百千]?[万亿]|\s*(?:thousand|million|billion|k|m)\b)"
_YUAN = r"(?:\s*(?:美|欧|日|港|人民币)?元)?整?"
MONEY = (
    rf"(?:[¥$€£]|(?<![A-Za-z])(?:RMB|CNY|USD|EUR|GBP|HKD|JPY)|人民币|美元)\s*{_NUMBER}{_MANY}?{_YUAN}"
    rf"|{_NUMBER}\s*[百千]?[万亿]{_YUAN}|{_NUMBER}\s*元整?"
    rf"|(?:人民币)?[{_NUMERALS}][{_NUMERALS}万亿]*(?:元|(?<=[万亿])){_YUAN}"
    rf"|{_NUMBER}{_MANY}?\s*(?:dollars|euros|pounds|yuan|RMB|CNY|USD|EUR|GBP)\b"
)
_SUM = pattern_of(MONEY)
_TWICE = pattern_of(
    rf"({MONEY})\s*\(\s*(?:[大小]写|即|in words|in figures|say|i\.?e\.?)?\s*:?\s*({MONEY})\s*\)"
)
"""贰拾万元整(¥200,000.00)."""
_SUM_OF_ALL = pattern_of(
    r"总价|总额|总金额|总计|合同价|合同额|合同金额|全部|全款|全额|单价|每(?!期|次|批|笔)|月租|年租|/(?:月|年|台|件|吨|套)"
    r"|违约|罚|滞纳|利息|赔偿|保函|(?<!质量)保证金|注册资本|运费|租金|限额|超过|不足"
    r"|contract (?:price|sum|value|amount)|\btotal|in full|\bper\b|\beach\b|penalt|damages|interest|bond|guarantee|exceed|freight|monthly|quarterly|annual|yearly"
)
_TOTAL = pattern_of(
    r"(?:总价款?|总额|总金额|合同价款?|合同额|合同金额|总计|合计|共计|contract (?:price|sum|value|amount)"
    r"|(?<!unit )\bprice|\btotal(?: (?:contract|purchase|project))?(?: (?:price|sum|value|amount|consideration))?)"
    rf"(?:(?!付|缴|支|超|限|pay|due|exceed)[^\d,;。%的中内{_NUMERALS}¥$€£]){{0,20}}?({MONEY})(?!\s*[/%])"
)
_NO_TOTAL = pattern_of(
    r"违约|罚|滞纳|赔偿|利息|保函|保证金|保险|运费|税|至|累计|超过|限|up to|reach|aggregate|cumulative|penalt|damages"
    r"|interest|bond|guarantee|liabil|insur|exceed|freight|\btax|\bVAT"
)
"""Before a total in its part of the clause: it is the total of something else."""
IS_PAID = pattern_of(
    r"付|支|缴|交|收|余|款项|期|笔|批|次|pay|paid|payable|deposit|advance|balance|remain|instal|\bon\b|upon|after|before|within|at"
    f"|{words.KEYWORD.pattern}"
)
"""Else a sum may be what the price is made of: 总价60万, 其中设备40万, 安装20万."""
_VAGUE = pattern_of(
    r"低于|少于|至少|高于|不足|不超|超过|(?<![签合订履契违租续节])约(?!定)|左右|以上|以下|at least|at most|not (?:less|more)|minimum|maximum|about|approx|below|falls? under|exceed"
)
_RESTATED = pattern_of(
    r"^\s*\(?(?:计|即|合(?!同)|折|共|约(?!定)|人民币|金额|RMB|i\.?e\.?|being|amounting|equal|equivalent|namely|or\b|which is)"
)
_SHARE_FOLLOWS = pattern_of(r"^\s*\(?(?:占|即|为|计|合|being|i\.?e\.?|which is|equal)[^,;。]*\d%")
_MULTIPLES = {
    "百万": 10**6, "千万": 10**7, "百亿": 10**10, "千亿": 10**11, "万": 10**4, "亿": 10**8,
    "thousand": 10**3, "k": 10**3, "million": 10**6, "m": 10**6, "billion": 10**9,
}  # fmt: skip


def has_fixed_sum(text: str) -> bool:
    """Return whether a clause pays a sum of money of which it gives no percentage.

    Totals, unit prices, penalties, and sums that restate a percentage (30%, 计30万元) are none.
    """
    return next(paid_parts(whole_numbers(text)), None) is not None


def in_shares(text: str) -> tuple[str, int, bool] | None:
    """Return a clause of sums with percentages of the total that it states in their place.

    Parameters
    ----------
    text : str
        As :func:`qfb_gpu.finance.numerals.plain` writes it.

    Returns
    -------
    text : str
        Without the total's own sum.
    total : int
        Ten-thousandths of the currency's unit.
    is_sum_of_all : bool
        The clause states no total; this is what its sums come to.

    None where the clause pays no sum, states two totals, or a sum is not read or is larger than
    the total. A clause that states no total has that of its sums, where nothing else is paid.
    """
    once = _once(whole_numbers(text))
    totals = [match.span(1) for match in _TOTAL.finditer(once) if _is_total(once, match.start())]
    values = {money(once, span) for span in totals}
    total = _sum_of_all(once) if not values else values.pop() if len(values) == 1 else None
    if total is None or not 0 < total <= MOST:
        return None
    shares = _percentages(once, total, totals)
    if not shares:
        return None
    for (start, end), share in sorted([*shares, *((span, "") for span in totals)], reverse=True):
        once = once[:start] + share + once[end:]
    return once, total, not totals


def _sum_of_all(text: str) -> int | None:
    """Return what the sums of a clause without a total come to; None if something else is paid."""
    if any(piece.percent is not None for piece in pieces(text)):
        return None
    for segment in re.split(r"[;。\n]", text):
        parts = [part for part in cut(segment) if words.REMAINDER.search(part)]
        if not all(_SUM.search(part) for part in parts):
            return None
    spans = [match.span() for place in paid_parts(text) for match in _SUM.finditer(text, *place)]
    if any(words.CUMULATIVE_BEFORE.search(text[:start]) for start, _ in spans):
        return None
    paid = [money(text, span) for span in spans]
    known = [sum_ for sum_ in paid if sum_ is not None]
    several = len(paid) > 1 or n_instalments(text) > 1
    return sum(known) if several and len(known) == len(paid) else None


def _percentages(
    text: str, total: int, totals: list[tuple[int, int]]
) -> list[tuple[tuple[int, int], str]]:
    """Return the place of each sum that is paid with its percentage; none where one is not read."""
    found = []
    for start, end in paid_parts(text):
        is_paid = IS_PAID.search(text, start, end) and not _VAGUE.search(text, start, end)
        for match in _SUM.finditer(text, start, end):
            if match.span() in totals:
                continue
            paid = money(text, match.span())
            if paid is None or not (is_paid and 0 < paid <= total):
                return []
            found.append((match.span(), f"{100 * paid / total:.16f}%"))
    return found


def _is_total(text: str, start: int) -> bool:
    part = re.split(r"[,;。\n]", text[:start])[-1]
    return _NO_TOTAL.search(part) is None


def paid_parts(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the parts of a clause are that pay a sum, none of which is given as a share."""
    if not _SUM.search(text):
        return
    at = 0
    text = _TOTAL.sub(lambda total: _blank(total, text), text)
    for segment in re.split(r"[;。\n]", text):
        parts = cut(segment)
        around = zip(["", *parts[:-1]], parts, [*parts[1:], ""][: len(parts)], strict=False)
        for before, part, after in around:
            start = text.index(part, at)
            at = start + len(part)
            if "%" in part or not _SUM.search(part) or _SUM_OF_ALL.search(part):
                continue
            is_restated = "%" in before and _RESTATED.search(part) is not None
            if not is_restated and not _SHARE_FOLLOWS.search(after):
                yield start, at


def _blank(total: re.Match[str], text: str) -> str:
    written = total.group(0)
    return " " * len(written) if _is_total(text, total.start()) else written


def whole_numbers(text: str) -> str:
    """Write 50,000 as 50000: its comma parts no pieces."""
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)


def _once(text: str) -> str:
    """Write a sum that is repeated in brackets once, if both are the same."""

    def same(match: re.Match[str]) -> str:
        values = [money(text, match.span(group)) for group in (1, 2)]
        return match.group(1) if values[0] is not None and values[0] == values[1] else "?"

    return _TWICE.sub(same, text)


def money(text: str, span: tuple[int, int]) -> int | None:
    """Return a sum in ten-thousandths of its currency's unit; None where it cannot be told.

    Parameters
    ----------
    text : str
    span : tuple of int
        Where the sum stands: what follows it may go on with it (20万五).
    """
    written = text[slice(*span)]
    goes_on = re.match(rf"[\d{_NUMERALS}万亿]", text[span[1] :])
    if goes_on and written[-1] not in "元整":
        return None
    number = re.search(_NUMBER, written)
    units = _of_digits(number, written) if number else _of_numerals(written)
    if units is None:
        return None
    value = units * PER_UNIT
    return int(value) if value == int(value) else None


def _of_digits(number: re.Match[str], written: str) -> Decimal | None:
    digits = number.group(0)
    if not re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?", digits):
        return None
    many = re.match(_MANY, written[number.end() :], re.IGNORECASE)
    times = _MULTIPLES[many.group(0).strip().lower()] if many else 1
    return Decimal(digits.replace(",", "")) * times


def _of_numerals(written: str) -> Decimal | None:
    """Return 一亿二千万五千元; None of 二十万五, which is said and not written."""
    rest = re.sub(r"[^零〇一二三四五六七八九十百千两万亿]", "", written)
    units = 0
    for word in ("亿", "万"):
        head, mark, tail = rest.rpartition(word)
        if not mark:
            continue
        value = chinese_number(head.lstrip("零〇"))
        if value is None or re.fullmatch(r"[一二三四五六七八九两]", tail):
            return None
        units += int(value) * _MULTIPLES[word]
        rest = tail
    ones = chinese_number(rest.lstrip("零〇")) if rest else 0
    return None if ones is None else Decimal(units + int(ones))
