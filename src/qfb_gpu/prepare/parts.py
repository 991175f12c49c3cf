"""Parts of texts: by place, between delimiters, after the nth occurrence.

A place counts characters, Unicode code points, from 1; a negative one counts from the end.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from qfb_gpu.errors import ConfigError
from qfb_gpu.prepare.columns import like, per_text


def left(values: Any, *, n: int) -> Any:
    """Return the first ``n`` characters of each text; a shorter text whole.

    Parameters
    ----------
    values : column of texts
    n : int

    Returns
    -------
    column of str
        Null where the text is null.

    Raises
    ------
    ConfigError
        ``n`` is negative.
    """
    _refuse_negative("left", n)
    return like(per_text(values, lambda text: text[:n], pa.string()), values)


def right(values: Any, *, n: int) -> Any:
    """Return the last ``n`` characters of each text; a shorter text whole.

    Parameters
    ----------
    values : column of texts
    n : int

    Returns
    -------
    column of str
        Null where the text is null.

    Raises
    ------
    ConfigError
        ``n`` is negative.
    """
    _refuse_negative("right", n)
    return like(per_text(values, lambda text: text[max(len(text) - n, 0) :], pa.string()), values)


def mid(values: Any, *, start: int, n: int) -> Any:
    """Return ``n`` characters from the place ``start``; fewer where the text ends.

    Parameters
    ----------
    values : column of texts
    start : int
        From 1; -1 is the last character, and one before the text begins at its first.
    n : int

    Returns
    -------
    column of str
        Null where the text is null, empty where it is too short.

    Raises
    ------
    ConfigError
        ``n`` is negative or ``start`` is 0.
    """
    _refuse_negative("mid", n)
    if start == 0:
        msg = "mid: start counts from 1, or from -1 at the end; there is no place 0"
        raise ConfigError(msg)

    def work(text: str) -> str:
        first = start - 1 if start > 0 else max(len(text) + start, 0)
        return text[first : first + n]

    return like(per_text(values, work, pa.string()), values)


def cut(values: Any, *, n: int, side: str = "left") -> Any:
    """Return each text without its first, or last, ``n`` characters.

    Parameters
    ----------
    values : column of texts
    n : int
    side : {"left", "right"}
        Where they are taken away.

    Returns
    -------
    column of str
        Null where the text is null, empty where it has no more than ``n`` characters.

    Raises
    ------
    ConfigError
        ``n`` is negative or ``side`` is unknown.
    """
    _refuse_negative("cut", n)
    if side not in ("left", "right"):
        msg = f"cut: side is 'left' or 'right', not {side!r}"
        raise ConfigError(msg)

    def work(text: str) -> str:
        return text[n:] if side == "left" else text[: max(len(text) - n, 0)]

    return like(per_text(values, work, pa.string()), values)


def between(values: Any, *, start: str, end: str, nth: int = 1) -> Any:
    """Return what stands between two delimiters.

    Parameters
    ----------
    values : column of texts
    start, end : str
        ``end`` is looked for after ``start``; parts do not overlap. An empty ``start`` is the
        beginning of the text, an empty ``end`` its end.
    nth : int
        Which such part, from 1; -1 is the last.

    Returns
    -------
    column of str
        Null where the text is null or has no such part.

    Raises
    ------
    ConfigError
        Both delimiters are empty, or ``nth`` is 0.
    """
    if not start and not end:
        msg = "between: start and end are both empty; give at least one delimiter"
        raise ConfigError(msg)
    _refuse_zero("between", nth)
    return like(
        per_text(values, lambda text: _nth(_parts(text, start, end), nth), pa.string()), values
    )


def _parts(text: str, start: str, end: str) -> list[str]:
    if not start:
        head, found, _ = text.partition(end)
        return [head] if found else []
    found_parts: list[str] = []
    place = text.find(start)
    while place >= 0:
        place += len(start)
        if not end:
            return [text[place:]]
        stop = text.find(end, place)
        if stop < 0:
            break
        found_parts.append(text[place:stop])
        place = text.find(start, stop + len(end))
    return found_parts


def _nth(parts: list[str], nth: int) -> str | None:
    place = nth - 1 if nth > 0 else len(parts) + nth
    return parts[place] if 0 <= place < len(parts) else None


def after(values: Any, *, text: str, nth: int = 1) -> Any:
    """Return what follows the nth occurrence of ``text``.

    Parameters
    ----------
    values : column of texts
    text : str
    nth : int
        From 1, without overlap from the left; a negative one counts those from the end.

    Returns
    -------
    column of str
        Null where the text is null or has fewer occurrences.

    Raises
    ------
    ConfigError
        ``text`` is empty or ``nth`` is 0.
    """
    if not text:
        msg = "after: text is empty; give the text whose occurrence counts"
        raise ConfigError(msg)
    _refuse_zero("after", nth)

    def work(given: str) -> str | None:
        pieces = given.split(text)
        place = nth if nth > 0 else len(pieces) + nth
        return text.join(pieces[place:]) if 1 <= place < len(pieces) else None

    return like(per_text(values, work, pa.string()), values)


def _refuse_negative(op: str, n: int) -> None:
    if n < 0:
        msg = f"{op}: n is a number of characters, 0 or more, not {n}"
        raise ConfigError(msg)


def _refuse_zero(op: str, nth: int) -> None:
    if nth == 0:
        msg = f"{op}: nth counts from 1, or from -1 at the end; there is no occurrence 0"
        raise ConfigError(msg)
