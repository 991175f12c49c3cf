"""Texts: what is in them, and what to take out.

A character is a Unicode code point.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import ConfigError
from qfb_gpu.prepare import buffers
from qfb_gpu.prepare.columns import on_texts
from qfb_gpu.spelling import nfkc
from qfb_kernels.characters import EMOJI, GOES

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
_CJK = ((0x3000, 0x303F), (0xFE10, 0xFE1F), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF))


@on_texts
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
    texts = nfkc(values) if half_width else values
    if not remove:
        return texts
    verdict = np.zeros(buffers.N_CODE_POINTS, np.uint8)
    for point in buffers.code_points(texts).tolist():
        classes = classes_of(chr(point))
        goes, is_emoji = not classes.isdisjoint(remove), "emoji" in classes
        verdict[point] = GOES * goes | EMOJI * is_emoji
    return buffers.strip(texts, verdict, [], joiner="emoji" in remove)


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


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


@on_texts
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
    verdict = np.zeros(buffers.N_CODE_POINTS, np.uint8)
    verdict[[ord(char) for char in chars]] = GOES
    return buffers.strip(values, verdict, pairs, joiner=False)


@on_texts
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
    return (
        buffers.count(_folded(values), text.casefold())
        if ignore_case
        else buffers.count(values, text)
    )


@on_texts
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
    texts, wanted = (_folded(values), text.casefold()) if ignore_case else (values, text)
    return pc.subtract(1, buffers.first_of(texts, [wanted])).cast(pa.int8())


@on_texts
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
    if not labels or not all(_is_pair(pair) for pair in labels):
        msg = "first_label: labels is a list of [text, label] pairs, no text empty"
        raise ConfigError(msg)
    texts = _folded(values) if ignore_case else values
    rules = [text.casefold() if ignore_case else text for text, _ in labels]

    names = pa.array([*(label for _, label in labels), default], pa.string())
    return names.take(buffers.first_of(texts, rules))


def _is_pair(pair: Any) -> bool:
    """Return whether it is a text and its label; a text of two characters is none."""
    return not isinstance(pair, str) and len(pair) == 2 and bool(pair[0])  # noqa: PLR2004


def _folded(texts: pa.Array) -> pa.Array:
    """Return texts case-folded, each distinct one once: Arrow knows lower case only."""
    coded = texts.dictionary_encode()
    folded = [text.casefold() for text in coded.dictionary.to_pylist()]
    return pa.array(folded, pa.string()).take(coded.indices)
