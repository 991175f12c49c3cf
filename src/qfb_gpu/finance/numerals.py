"""Numbers in words, Chinese and English, written as digits: 百分之十二点五 and thirty per cent.

A clause is first brought to one spelling: NFKC, percentages as ``30%``, lengths of time and
numbers of instalments in digits.
"""
# ruff: noqa: E501 - one pattern a line

from __future__ import annotations

import re
import unicodedata

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_CAPITAL = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟", "一二三四五六七八九十百千")
_UNITS = {"十": 10, "百": 100, "千": 1000}
_CHINESE = "[零〇一二两三四五六七八九十百千]"
_UNIT_WORDS = "工作日|交易日|日历日|自然日|营业日|日|天|周|星期|月|年|期|次|批|笔|季"
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = {
    word: 10 * i
    for i, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_WORDS = {word: i for i, word in enumerate(_ONES)} | _TENS
_TENS_WORDS = "|".join(_TENS)
_ENGLISH = (
    rf"(?:one hundred|a hundred|hundred|(?:{_TENS_WORDS})(?:[ -](?:{'|'.join(_ONES[1:10])}))?|"
    rf"{'|'.join(reversed(_ONES))})"
)
_HALF_OF = r"(?:of|the|upon|on|in|within|at|after|when|is|to be|due|payable|shall|released|paid)\b"
_LETTER = re.compile("[A-Za-z]")
"""Where there is none, no numeral is English."""
_PER_CENT = r"(?:%|percent\b|per cent\b|per-cent\b|pct\b|p\.c\.)"


def chinese_number(text: str) -> float | None:
    """Return the value of a Chinese numeral (三十五, 一百二十, 十二点五, 百); None if it is none."""
    whole, _, rest = text.partition("点")
    if not whole or any(c not in _DIGITS and c not in _UNITS for c in whole):
        return None
    if all(c in _DIGITS for c in whole):
        value = float("".join(str(_DIGITS[c]) for c in whole))
    else:
        value, digit = 0.0, None
        for character in whole:
            if character in _UNITS:
                value += (1 if digit is None else digit) * _UNITS[character]
                digit = None
            else:
                digit = _DIGITS[character] or None
        value += digit or 0
    if rest:
        value += float("0." + "".join(str(_DIGITS[c]) for c in rest))
    return value


def english_number(text: str) -> int | None:
    """Return the value of an English numeral up to one hundred; None if it is none."""
    words = re.split(r"[ -]", text.lower())
    if words[-1] == "hundred":
        return 100
    values = [_WORDS.get(word) for word in words]
    return None if None in values else sum(v for v in values if v is not None)


def plain(text: str) -> str:
    """Return a clause in one spelling: half-width, numbers and percentages in digits."""
    text = unicodedata.normalize("NFKC", text).translate(_CAPITAL)
    text = re.sub(r"[ \t\r\f\v]+", " ", text)
    return _once(_lengths(_percentages(text)))


def _percentages(text: str) -> str:
    def chinese(match: re.Match[str]) -> str:
        value = chinese_number(match.group(1))
        return match.group(0) if value is None else f"{value:g}%"

    def parts(match: re.Match[str]) -> str:
        """Return 三分之一 as a percentage; what is no part of a whole stays."""
        below, above = (chinese_number(match.group(i)) or _float(match.group(i)) for i in (1, 2))
        return (
            f"{100 * above / below:.6g}%" if above and below and above < below else match.group(0)
        )

    def tenths(match: re.Match[str]) -> str:
        """Return 三成 or 三成半 as a percentage."""
        value = chinese_number(match.group(1)) or _float(match.group(1)) or 0
        more = match.group(2)
        ones = 0 if not more else 5 if more == "半" else chinese_number(more) or 0
        return f"{10 * value + ones:g}%"

    def words(match: re.Match[str]) -> str:
        return f"{english_number(match.group(1))}%"

    text = re.sub(rf"百分之({_CHINESE}+(?:点{_CHINESE}+)?)(?![年月日天周]|个[月工])", chinese, text)
    text = re.sub(r"百分之\s*(\d+(?:\.\d+)?)", r"\1%", text)
    text = re.sub(rf"(?<!百)(?<!千)(?<!万)({_CHINESE}+|\d+)分之({_CHINESE}+|\d+)", parts, text)
    text = re.sub(
        r"([一二三四五六七八九两]|\d)成([半一二三四五六七八九])?(?=[^立员交熟品分本])",
        tenths,
        text + " ",
    )[:-1]
    text = re.sub(r"(?<![一二三四五六七八九两\d])半成(?=[^立员交熟品分本]|$)", "5%", text)
    text = re.sub(r"(?<![一二三四五六七八九十])一半|半数", "50%", text)
    if _LETTER.search(text):
        text = re.sub(rf"\b({_ENGLISH})\s+{_PER_CENT}", words, text, flags=re.IGNORECASE)
        text = re.sub(
            rf"\b(?:one[ -])?half(?= {_HALF_OF})(?! of the (?:\w+ )?(?:time|period|term)\b)",
            "50%",
            text,
            flags=re.IGNORECASE,
        )
        text = re.sub(r"\b(the (?:other|remaining) )half\b", r"\g<1>50%", text, flags=re.IGNORECASE)
        text = re.sub(r"\b(?:one|a)[ -]third\b", "33.3333%", text, flags=re.IGNORECASE)
        text = re.sub(r"\btwo[ -]thirds\b", "66.6667%", text, flags=re.IGNORECASE)
        text = re.sub(r"\b(?:one|a)[ -]quarter\b", "25%", text, flags=re.IGNORECASE)
    text = re.sub(
        r"(?<![\d/.-])1/([2-5])(?![\d/.%-])", lambda m: f"{100 / int(m.group(1)):.6g}%", text
    )
    return re.sub(rf"(\d)\s*{_PER_CENT}", r"\1%", text, flags=re.IGNORECASE)


def _lengths(text: str) -> str:
    """Write 十五个工作日, 半年 and thirty days in digits."""

    def chinese(match: re.Match[str]) -> str:
        value = chinese_number(match.group(1))
        return match.group(0) if value is None else f"{value:g}"

    def words(match: re.Match[str]) -> str:
        return f"{english_number(match.group(1))} "

    text = re.sub(r"半(?:个)?年", "6个月", text)
    text = re.sub(r"半个月", "15日", text)
    text = re.sub(rf"({_CHINESE}+)(?=个?(?:{_UNIT_WORDS}))", chinese, text)
    what = r"(?=(?:\(\d+\) ?)?(?:equal |calendar |working |business )?"
    what += r"(?:monthly |quarterly |annual |yearly )?"
    what += r"(?:days?|weeks?|months?|years?|instal|stages|tranches|payments\b|parts\b))"
    if _LETTER.search(text):
        text = re.sub(rf"\b({_ENGLISH})[ -]{what}", words, text, flags=re.IGNORECASE)
        for years, name in ((1, "first"), (2, "second"), (3, "third")):
            text = re.sub(
                rf"\b(?:up)?on (?:the )?{name} anniversary of",
                f"{years} years after",
                text,
                flags=re.IGNORECASE,
            )
    return re.sub(r"\b(\d+) \(\1\)(?= )", r"\1", text)


def _once(text: str) -> str:
    """Write a percentage that is repeated in brackets once: 30%(30%)."""
    return re.sub(r"(\d+(?:\.\d+)?%)\s*\(\s*(?:即|i\.e\.,?)?\s*\1\s*\)", r"\1", text)


def _float(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d+(?:\.\d+)?", text) else None
