"""Regular expressions: match, extract, replace; RE2 runs what :mod:`.pattern_syntax` lets pass."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import ConfigError
from qfb_gpu.prepare.columns import in_pieces, on_texts
from qfb_gpu.prepare.pattern_syntax import Pattern, read_pattern


@on_texts
def match_pattern(values: Any, *, pattern: str, ignore_case: bool = False) -> Any:
    """Return 1 where a pattern is somewhere in a text, else 0; ``^...$`` asks for all of it.

    Parameters
    ----------
    values : column of texts
    pattern : str
        Of the subset of :mod:`qfb_gpu.prepare.pattern_syntax`.
    ignore_case : bool
        Of ASCII letters.

    Returns
    -------
    column of int8
        Null where the text is null.

    Raises
    ------
    ConfigError
        The pattern is outside the subset; says where and why.
    """
    found = read_pattern(pattern, "match_pattern", ignore_case=ignore_case)
    return _run(
        "match_pattern", lambda piece: pc.match_substring_regex(piece, found.text), values
    ).cast(pa.int8())


@on_texts
def extract_pattern(values: Any, *, pattern: str, ignore_case: bool = False) -> Any:
    """Return what the group of a pattern, or all of it, matches first in a text.

    Parameters
    ----------
    values : column of texts
    pattern : str
        With one group ``( )``, which is what is returned, or none.
    ignore_case : bool
        Of ASCII letters.

    Returns
    -------
    column of str
        Null where the text is null or has no match.

    Raises
    ------
    ConfigError
        The pattern is outside the subset, or has several groups.
    """
    found = read_pattern(pattern, "extract_pattern", ignore_case=ignore_case)
    if found.n_groups > 1:
        msg = (
            f"extract_pattern: pattern {pattern!r} has {found.n_groups} groups; keep the one to "
            "extract, and write (?: ) for the others"
        )
        raise ConfigError(msg)
    named = _named(found)

    def work(piece: pa.Array) -> pa.Array:
        made = pc.extract_regex(piece, named)
        return pc.if_else(made.is_valid(), pc.struct_field(made, [0]), pa.scalar(None, pa.string()))

    return _run("extract_pattern", work, values)


@on_texts
def replace_pattern(
    values: Any, *, pattern: str, replacement: str, ignore_case: bool = False
) -> Any:
    r"""Return texts with every match of a pattern replaced, from the left, without overlap.

    Parameters
    ----------
    values : column of texts
    pattern : str
        It must not match an empty text: engines differ in how often that is.
    replacement : str
        ``\1`` to ``\9`` stand for what a group matched, ``\\`` for a backslash.
    ignore_case : bool
        Of ASCII letters.

    Returns
    -------
    column of str
        Null where the text is null.

    Raises
    ------
    ConfigError
        The pattern is outside the subset or may be empty; the replacement names no such group.
    """
    found = read_pattern(pattern, "replace_pattern", ignore_case=ignore_case)
    if found.can_be_empty:
        msg = (
            f"replace_pattern: pattern {pattern!r} matches an empty text: engines differ in how "
            "often that is; ask for a character at least, with + for *"
        )
        raise ConfigError(msg)
    for reference in re.findall(r"\\(.?)", replacement, re.DOTALL):
        if reference != "\\" and not (
            reference.isascii() and reference.isdigit() and 1 <= int(reference) <= found.n_groups
        ):
            msg = (
                f"replace_pattern: replacement {replacement!r} has \\{reference}; the pattern has "
                f"groups 1 to {found.n_groups}, and a backslash is \\\\"
            )
            raise ConfigError(msg)
    return _run(
        "replace_pattern",
        lambda piece: pc.replace_substring_regex(piece, found.text, replacement),
        values,
    )


def _named(found: Pattern) -> str:
    """Return the pattern with a name for the group that is extracted, as Arrow wants it."""
    if not found.n_groups:
        return f"(?P<a>{found.text})"
    text, place, inside = found.text, 0, False
    while True:
        char = text[place]
        if char == "\\":
            place += 2
            continue
        if char in "[]":
            inside = char == "["
        elif char == "(" and not inside and text[place + 1] != "?":
            return f"{text[:place]}(?P<a>{text[place + 1 :]}"
        place += 1


def _run(op: str, work: Any, values: pa.Array) -> pa.Array:
    try:
        return in_pieces(work, values)
    except pa.ArrowInvalid as error:
        msg = f"{op}: the pattern is too large to run: {error}"
        raise ConfigError(" ".join(msg.split())) from error
