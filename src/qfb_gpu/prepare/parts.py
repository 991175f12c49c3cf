"""Parts of texts: by place, between delimiters, after the nth occurrence.

A place counts characters, Unicode code points, from 1; a negative one counts from the end.
"""

from __future__ import annotations

from typing import Any

from qfb_gpu.errors import ConfigError
from qfb_gpu.prepare import buffers
from qfb_gpu.prepare.columns import on_texts

_ALL = 2**31 - 1


@on_texts
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
    return buffers.place(values, 0, n)


@on_texts
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
    return buffers.place(values, -n, n) if n else buffers.place(values, 0, 0)


@on_texts
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
    return buffers.place(values, start - 1 if start > 0 else start, n)


@on_texts
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
    if side == "left":
        return buffers.place(values, n, _ALL)
    return buffers.place(values, 0, _ALL, drop=n)


@on_texts
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
    return buffers.between(values, start, end, nth)


@on_texts
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
    return buffers.after(values, text, nth)


def _refuse_negative(op: str, n: int) -> None:
    if n < 0:
        msg = f"{op}: n is a number of characters, 0 or more, not {n}"
        raise ConfigError(msg)


def _refuse_zero(op: str, nth: int) -> None:
    if nth == 0:
        msg = f"{op}: nth counts from 1, or from -1 at the end; there is no occurrence 0"
        raise ConfigError(msg)
