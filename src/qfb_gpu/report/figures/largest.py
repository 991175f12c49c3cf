"""The largest rows of a part: what is listed of all parts is among those of each.

More are kept of a part than are listed, so that where some customers have other rows the largest
can mostly be told without the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.keys import find
from qfb_gpu.lake.texts import hash_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Row = dict[str, Any]

LISTED = 10
"""Rows that are listed of all parts."""
KEPT = 20
"""Rows that are kept of each."""


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest rows of a part, largest first, ties in the order of the part's rows.

    ``is_all`` says that the part has no others; else no other comes before the last.
    """

    rows: list[Row] = field(default_factory=list)
    is_all: bool = True


NONE = Largest()


def exchange_largest(
    known: Mapping[str, Largest],
    come: Mapping[str, Largest],
    currencies: Iterable[str],
    customers: np.ndarray[Any, Any],
    size: Callable[[Row], float],
) -> dict[str, Largest] | None:
    """Return the largest rows of each currency of a part in which some customers have others.

    Parameters
    ----------
    known : mapping of currency to Largest
        The part's.
    come : mapping of currency to Largest
        Of the rows that the customers have now.
    currencies : iterable of str
    customers : int64 array, ascending
        Keys of the customers.
    size : callable(row) -> number

    Returns
    -------
    dict, or None where rows that are not known might be among those that are listed
    """
    found = {}
    for currency in currencies:
        one = _exchanged(known.get(currency, NONE), come.get(currency, NONE), customers, size)
        if one is None:
            return None
        found[currency] = one
    return found


def _exchanged(
    known: Largest, come: Largest, customers: np.ndarray[Any, Any], size: Callable[[Row], float]
) -> Largest | None:
    before, more = _ranked(known.rows, size), _ranked(come.rows, size)
    is_gone = find(customers, np.array([key for _, key, _ in before], np.int64), np)[1]
    stay = [one for one, gone in zip(before, is_gone.tolist(), strict=True) if not gone]
    ranked = sorted([*stay, *more], key=lambda one: one[:2])
    rows = ranked[:KEPT]
    if not known.is_all:  # others may come after the last of them, gone or not
        rows = [one for one in rows if one[:2] <= before[-1][:2]]
        if len(rows) < LISTED:
            return None
    is_all = known.is_all and come.is_all and len(rows) == len(ranked)
    return Largest([row for _, _, row in rows], is_all)


def _ranked(rows: list[Row], size: Callable[[Row], float]) -> list[tuple[float, int, Row]]:
    """Return rows with what a part has them in order by: their size, then the customer's key."""
    keys = hash_texts(pa.array([row["customer_id"] for row in rows], pa.string())).tolist()
    return [(-size(row), key, row) for row, key in zip(rows, keys, strict=True)]
