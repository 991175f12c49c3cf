"""An id as somebody asks for it: as it is written in the tables, or in another of Unicode's forms.

An id is its bytes: "é" as one character (form NFC, what keyboards give) and as two (NFD, what macOS
exports) are two ids. They look the same, so who types one and has the other cannot see why there is
no such id.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from qfb_gpu.errors import InputError, warn_caller

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa


def alike(asked: str, ids: Iterable[pa.Array | pa.ChunkedArray]) -> str | None:
    """Return the one id that differs from what is asked for in its Unicode form alone.

    Parameters
    ----------
    asked : str
        What no id is equal to.
    ids : iterable of pyarrow.Array or pyarrow.ChunkedArray
        Texts, piece by piece; null is no id. Nothing is read where ``asked`` is ASCII.

    Returns
    -------
    str or None
        None where no id is; a warning says where one is taken.

    Raises
    ------
    InputError
        Several are, none as it is asked for.
    """
    if asked.isascii():
        return None
    wanted = unicodedata.normalize("NFC", asked)
    found = {
        one
        for piece in ids
        for one in pc.unique(piece.filter(pc.invert(pc.string_is_ascii(piece)))).to_pylist()
        if unicodedata.normalize("NFC", one) == wanted
    }
    if len(found) > 1:
        listed = ", ".join(map(ascii, sorted(found)))
        msg = (
            f"{asked!a} is none of {listed}, which look the same (Unicode forms); ask for one "
            "of them as it is written, e.g. $'\\u0065\\u0301' in bash"
        )
        raise InputError(msg)
    for one in found:
        warn_caller(
            f"{asked!a} is {one!a} in the tables, another Unicode form of the same text",
            RuntimeWarning,
        )
    return found.pop() if found else None
