"""The largest rows of a part: what is listed of all parts is among those of each.

More are kept of a part than are listed, so that where some customers have other rows the largest
can mostly be told without the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.keys import find
from qfb_gpu.lake.spill import bucket_of
from qfb_gpu.lake.texts import hash_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Row = dict[str, Any]
    _Ranked = list[tuple[Any, Row]]
    Place = Callable[[np.ndarray[Any, Any]], Sequence[Any]]

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
    place: Place,
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
    place : callable(keys) -> sequence
        What the rows of customers of one size are in order by; where that is the same, too, those
        that are known come first.

    Returns
    -------
    dict, or None where rows that are not known might be among those that are listed
    """
    found, ranks = {}, partial(_ranks, size=size, place=place)
    for currency in currencies:
        one = _exchanged(known.get(currency, NONE), come.get(currency, NONE), customers, ranks)
        if one is None:
            return None
        found[currency] = one
    return found


def _exchanged(
    known: Largest, come: Largest, customers: np.ndarray[Any, Any], ranks: Callable[..., _Ranked]
) -> Largest | None:
    keys = _keys(known.rows)
    before, more = ranks(known.rows, keys), ranks(come.rows, _keys(come.rows))
    is_gone = find(customers, keys, np)[1]
    stay = [one for one, gone in zip(before, is_gone.tolist(), strict=True) if not gone]
    ranked = sorted([*stay, *more], key=lambda one: one[0])
    rows = ranked[:KEPT]
    if not known.is_all:  # others may come after the last of them, gone or not
        rows = [one for one in rows if one[0] <= before[-1][0]]
        if len(rows) < LISTED:
            return None
    is_all = known.is_all and come.is_all and len(rows) == len(ranked)
    return Largest([row for _, row in rows], is_all)


def _keys(rows: list[Row]) -> np.ndarray[Any, Any]:
    keys: np.ndarray[Any, Any] = hash_texts(
        pa.array([row["customer_id"] for row in rows], pa.string())
    )
    return keys


def _ranks(
    rows: list[Row], keys: np.ndarray[Any, Any], size: Callable[[Row], float], place: Place
) -> _Ranked:
    """Return rows with what they are in order by."""
    ranks = zip((-size(row) for row in rows), place(keys), strict=True)
    return list(zip(ranks, rows, strict=True))


def by_key(keys: np.ndarray[Any, Any]) -> list[int]:
    """Return what rows of one part are in order by."""
    return keys.tolist()


def as_they_come(keys: np.ndarray[Any, Any]) -> list[int]:
    """Return what rows that come part by part are in order by: nothing else."""
    return [0] * keys.size


def by_bucket(n_buckets: int) -> Place:
    """Return what rows of a table that is written by bucket are in order by."""
    return lambda keys: list(zip(bucket_of(keys, n_buckets).tolist(), keys.tolist(), strict=True))
