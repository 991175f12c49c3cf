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

    from qfb_gpu.lake.gold import Reader


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


def has_left(read: Reader, customer: str) -> bool:
    """Say whether a customer has no rows any more, though tables about all customers name it.

    An update takes it out of the tables by customer. The payment network, for one, is as the last
    whole night found it.
    """
    try:
        profiles = read.batches("customer_profiles", ["customer_id"])
        if any(_has(one, "customer_id", customer) for one in profiles):
            return False
        nodes = read.batches("graph_nodes", ["node_id", "is_customer"])
        return any(_has(one.filter(one["is_customer"]), "node_id", customer) for one in nodes)
    except InputError:  # a run without a network
        return False


def _has(rows: pa.Table, column: str, wanted: str) -> bool:
    return bool(pc.any(pc.equal(rows[column], wanted)).as_py())


def of_who_left(customer: str) -> str:
    """Return what to say of a customer that :func:`has_left`."""
    return (
        f"customer {customer!r} has no rows any more: an update took it out. Tables about all "
        "customers, such as graph_nodes and similar_customers, name it until the next whole night "
        "(`qfb run` without --update)"
    )
