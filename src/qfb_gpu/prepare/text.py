"""Texts: what is in them, and what to take out.

A character is a Unicode code point. Everything is worked on once per distinct text.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import pyarrow as pa

from qfb_gpu.errors import ConfigError
from qfb_gpu.prepare.columns import like, per_text

CLASSES = (
    "control", "zero_width", "emoji", "whitespace",
    "punctuation", "ascii_punctuation", "cjk_punctuation", "symbol",
)  # fmt: skip
_ZERO_WIDTH = frozenset("\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\ufeff") | frozenset(
    map(chr, [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)])
)
_EMOJI = (
    (0x1F000, 0x1FAFF), (0x2600, 0x27BF), (0x2B05, 0x2B07), (0x2B1B, 0x2B1C), (0x2B50, 0x2B50),
    (0x2B55, 0x2B55), (0x231A, 0x231B), (0x23E9, 0x23F3), (0x23F8, 0x23FA), (0x25FB, 0x25FE),
    (0xFE0E, 0xFE0F), (0x20E3, 0x20E3), (0xE0020, 0xE007F),
)  # fmt: skip
_JOINER = "\u200d"
_CJK = ((0x3000, 0x303F), (0xFE10, 0xFE1F), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF))


def clean_special(values: Any, *, remove: list[str], half_width: bool = False) -> Any:
    """Return texts without characters of some classes.

    Parameters
    ----------
    values : column of texts
    remove : list of {"control", "zero_width", "emoji", "whitespace", "punctuation", \
"ascii_punctuation", "cjk_punctuation", "symbol"}
        control: category Cc but tab and line ends, which are whitespace. zero_width: joiners,
        direction marks, soft hyphen, BOM. emoji: pictographs with their joiners, selectors and
        skin tones; digits, ``#`` and ``*`` stay. punctuation: category P; ascii and cjk are its
        parts. symbol: category S but emoji.
    half_width : bool
        First to NFKC: full-width letters, digits and marks become half-width, ``①`` becomes 1.

    Returns
    -------
    column of str
        Null where the text is null; a text may become empty.

    Raises
    ------
    ConfigError
        Unknown class, or nothing to do.
    """
    wrong = [name for name in remove if name not in CLASSES]
    if wrong:
        msg = f"clean_special: no class is called {wrong[0]!r}; there are {', '.join(CLASSES)}"
        raise ConfigError(msg)
    if not remove and not half_width:
        msg = "clean_special: nothing to do; name classes in remove, or set half_width = true"
        raise ConfigError(msg)
    classes = frozenset(remove)
    verdicts: dict[str, bool] = {}

    def work(text: str) -> str:
        folded = unicodedata.normalize("NFKC", text) if half_width else text
        kept = []
        for place, char in enumerate(folded):
            if char not in verdicts:
                verdicts[char] = bool(classes_of(char) & classes)
            if char == _JOINER and "emoji" in classes and _joins(folded, place):
                continue
            if not verdicts[char]:
                kept.append(char)
        return "".join(kept)

    return like(per_text(values, work, pa.string()), values)


def classes_of(char: str) -> frozenset[str]:
    """Return the classes that one character is in."""
    code, category = ord(char), unicodedata.category(char)
    found = set()
    if char.isspace():
        found.add("whitespace")
    elif category == "Cc":
        found.add("control")
    if char in _ZERO_WIDTH:
        found.add("zero_width")
    if _within(code, _EMOJI):
        found.add("emoji")
    elif category[0] == "S":
        found.add("symbol")
    if category[0] == "P":
        found.add("punctuation")
        if code < 128:  # noqa: PLR2004  ASCII
            found.add("ascii_punctuation")
        if _within(code, _CJK):
            found.add("cjk_punctuation")
    return frozenset(found)


def _joins(text: str, place: int) -> bool:
    """Return whether a joiner stands beside an emoji, not between letters of a script."""
    around = [text[i] for i in (place - 1, place + 1) if 0 <= i < len(text)]
    return any(_within(ord(char), _EMOJI) for char in around)


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def strip_chars(values: Any, *, chars: str = "", brackets: list[str] | None = None) -> Any:
    """Return texts without given characters and without bracketed parts.

    Parameters
    ----------
    values : column of texts
    chars : str
        Every one of these characters goes, wherever it is.
    brackets : list of str, optional
        Pairs such as ``"【】"``, taken out first with what is between them, nested ones too.
        A bracket without its partner is left alone; so are pairs that are not listed.

    Returns
    -------
    column of str
        Null where the text is null.

    Raises
    ------
    ConfigError
        Nothing to take out, or a pair that is not two different characters.
    """
    pairs = brackets or []
    wrong = [pair for pair in pairs if len(pair) != 2 or pair[0] == pair[1]]  # noqa: PLR2004
    if wrong:
        msg = f"strip_chars: a pair of brackets is two different characters, not {wrong[0]!r}"
        raise ConfigError(msg)
    if not chars and not pairs:
        msg = "strip_chars: nothing to take out; give chars or brackets"
        raise ConfigError(msg)
    gone = dict.fromkeys(map(ord, chars))

    def work(text: str) -> str:
        for pair in pairs:
            text = _without(text, pair[0], pair[1])
        return text.translate(gone)

    return like(per_text(values, work, pa.string()), values)


def _without(text: str, opening: str, closing: str) -> str:
    """Take out balanced pairs: each closing bracket meets the last open one."""
    opened: list[int] = []
    spans: list[tuple[int, int]] = []
    for place, char in enumerate(text):
        if char == opening:
            opened.append(place)
        elif char == closing and opened:
            start = opened.pop()
            while spans and spans[-1][0] > start:
                spans.pop()
            spans.append((start, place + 1))
    for start, stop in reversed(spans):
        text = text[:start] + text[stop:]
    return text


def count_text(values: Any, *, text: str, ignore_case: bool = False) -> Any:
    """Return how often a character or text is in each text, without overlap from the left.

    Parameters
    ----------
    values : column of texts
    text : str
    ignore_case : bool
        Compare case-folded.

    Returns
    -------
    column of int32
        Null where the text is null.

    Raises
    ------
    ConfigError
        ``text`` is empty.
    """
    if not text:
        msg = "count_text: text is empty; give the character or text to count"
        raise ConfigError(msg)
    if ignore_case:
        wanted = text.casefold()
        found = per_text(values, lambda given: given.casefold().count(wanted), pa.int32())
    else:
        found = per_text(values, lambda given: given.count(text), pa.int32())
    return like(found, values)


def contains(values: Any, *, text: str, ignore_case: bool = False) -> Any:
    """Return 1 where a text contains ``text``, else 0.

    Parameters
    ----------
    values : column of texts
    text : str
    ignore_case : bool
        Compare case-folded.

    Returns
    -------
    column of int8
        Null where the text is null.

    Raises
    ------
    ConfigError
        ``text`` is empty.
    """
    if not text:
        msg = "contains: text is empty; give the text to look for"
        raise ConfigError(msg)
    if ignore_case:
        wanted = text.casefold()
        found = per_text(values, lambda given: int(wanted in given.casefold()), pa.int8())
    else:
        found = per_text(values, lambda given: int(text in given), pa.int8())
    return like(found, values)


def first_label(
    values: Any,
    *,
    labels: list[tuple[str, str]],
    default: str | None = None,
    ignore_case: bool = False,
) -> Any:
    """Return the label of the first rule whose text is contained.

    Parameters
    ----------
    values : column of texts
    labels : list of (text, label)
        In this order: the first that is contained wins, wherever in the text it is.
    default : str, optional
        Where none is contained; null where not given.
    ignore_case : bool
        Compare case-folded.

    Returns
    -------
    column of str
        Null where the text is null.

    Raises
    ------
    ConfigError
        No rule, or one with an empty text.
    """
    if not labels or not all(text for text, _ in labels):
        msg = "first_label: labels is a list of [text, label] pairs, no text empty"
        raise ConfigError(msg)
    rules = [(text.casefold() if ignore_case else text, label) for text, label in labels]

    def work(given: str) -> str | None:
        folded = given.casefold() if ignore_case else given
        return next((label for text, label in rules if text in folded), default)

    return like(per_text(values, work, pa.string()), values)
