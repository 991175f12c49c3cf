"""Look-alikes: the customers whose behaviour is nearest, by Euclidean distance of ranks.

Every feature becomes its rank among the reference customers, 0 to 1, so that no unit and no outlier
outweighs another, and currencies are never compared. Nearest is looked for among at most
``MOST_REFERENCES`` customers, evenly spaced in an order of values: the cost is linear in customers,
and any part of them can be looked at apart from the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from qfb_gpu._backend.neighbours import rounding
from qfb_gpu.keys import first_in_run, of_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.backend import Backend

FEATURES = (
    "recency_days_since_last", "frequency_n_90d", "frequency_n_365d", "balance_in_out_365d",
    "interval_mean_days", "interval_burstiness", "spectrum_weekly_share",
    "spectrum_monthly_share", "trend_n_quarter", "shape_month_end_share",
    "counterparty_n_365d", "counterparty_hhi_in", "counterparty_hhi_out",
    "regularity_n_streams", "regularity_payment_share",
)  # fmt: skip
KEY = "customer_key"
MOST_REFERENCES = 20_000
_BLOCK = 64
_PER_UNIT = 1e9
"""Mean squares of ranks are compared in billionths, so that rounding decides no tie."""
_SPARE = 2
"""Neighbours asked for beyond those kept: the customer itself, and one to see ties by."""
_MIDDLE = 0.5
_NOBODY = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class References:
    """The customers that look-alikes are looked for among.

    Attributes
    ----------
    row : int64 array, shape (n_references,)
        Their rows, in an order of their values.
    ascending : float64 array, shape (n_references, n_features)
        The values of each feature, ascending, NaN last.
    places : float64 array, shape (n_references, n_features)
        Their own :meth:`ranks`.
    """

    row: np.ndarray
    ascending: np.ndarray
    places: np.ndarray

    @classmethod
    def of(cls, features: Mapping[str, np.ndarray]) -> References:
        """Choose the references from all customers.

        Parameters
        ----------
        features : mapping of name to array, shape (n_customers,)
            At least :data:`FEATURES`; NaN and infinite where not known. Of customers of the
            same values the least ``customer_key`` comes first, if there is one, else the first.
        """
        n_customers = np.asarray(features[FEATURES[0]]).size
        place = np.arange(min(n_customers, MOST_REFERENCES))
        if n_customers > MOST_REFERENCES:
            place = (place * (n_customers / MOST_REFERENCES)).astype(np.int64)
        row = _rows_in_order(features, place)
        own = _matrix({name: np.asarray(features[name])[row] for name in FEATURES})
        ascending = np.sort(np.where(np.isfinite(own), own, np.nan), axis=0)
        return cls(row, ascending, _ranks(ascending, own))

    def ranks(self, features: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return each feature as its share of references below: (n_customers, n_features).

        Equal values have equal ranks (the middle of theirs); NaN stands in the middle.
        """
        return _ranks(self.ascending, _matrix(features))


def _rows_in_order(features: Mapping[str, np.ndarray], place: np.ndarray) -> np.ndarray:
    """Return the rows at some places, ascending, of the order by the last feature, then the others.

    What a feature tells apart is put in order by it; by a further one only who ties with
    another, and only where one of them is asked for. Rows of the same values keep their order
    where there are no keys to tell them apart.
    """
    names = [*reversed(FEATURES), *(name for name in (KEY,) if name in features)]
    order = np.arange(np.asarray(features[FEATURES[-1]]).size)
    at = order.copy()  # places that are not in order yet, and which of them tie so far
    group = np.zeros(at.size, dtype=np.int64)
    for name in names:
        rows = order[at]
        values = np.asarray(features[name])[rows]
        inside = np.lexsort((values, group))
        order[at], values = rows[inside], values[inside]
        is_null = values != values  # noqa: PLR0124  NaN, whatever the type
        is_first = np.ones(at.size, dtype=bool)
        is_first[1:] = (values[1:] != values[:-1]) & ~(is_null[1:] & is_null[:-1])
        is_first[1:] |= group[1:] != group[:-1]
        group = np.cumsum(is_first) - 1
        is_asked = np.zeros(order.size, dtype=bool)
        is_asked[place] = True
        n_tied, n_asked = np.bincount(group), np.bincount(group, weights=is_asked[at])
        kept = ((n_tied > 1) & (n_asked > 0))[group]
        at, group = at[kept], group[kept]
    return order[place]


def _matrix(features: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack([np.asarray(features[name], dtype=np.float64) for name in FEATURES], axis=1)


def _ranks(ascending: np.ndarray, own: np.ndarray) -> np.ndarray:
    places = np.full(own.shape, _MIDDLE)
    for at in range(own.shape[1]):
        known, rows = ascending[:, at], np.flatnonzero(np.isfinite(own[:, at]))
        known = known[np.isfinite(known)]
        rows = rows[np.argsort(own[rows, at])]  # a third of the time of looking up as they come
        values = own[rows, at]
        below = np.searchsorted(known, values, side="left")
        up_to = np.searchsorted(known, values, side="right")
        places[rows, at] = (below + up_to) / 2 / max(known.size, 1)
    return places


def nearest(
    references: References, places: np.ndarray, own: np.ndarray, n_nearest: int, backend: Backend
) -> tuple[np.ndarray, np.ndarray]:
    """Return the references nearest to some customers, and their distances.

    Parameters
    ----------
    references : References
    places : float64 array, shape (n_customers, n_features)
        :meth:`References.ranks` of the customers.
    own : int64 array, shape (n_customers,)
        Which reference the customer itself is, -1 where none.
    n_nearest : int
    backend : Backend

    Returns
    -------
    reference : int64 array, shape (n_customers, n_nearest)
        -1 where there are not so many others.
    distance : float64 array, shape (n_customers, n_nearest)
        Root mean squared difference of ranks, 0 to 1; NaN where there is none. Ties go by the order
        of the references.
    """
    n_known = references.row.size
    reference = np.full((own.size, n_nearest), -1, dtype=np.int64)
    apart = np.full((own.size, n_nearest), _NOBODY)
    n_asked = min(n_nearest + _SPARE, n_known)
    if n_known and own.size:
        known, mine = backend.asarray(references.places), backend.asarray(places)
        found = backend.to_host(backend.neighbours(known, mine, n_asked))
        away = _apart(places, references.places, found)
        reference[:, :n_asked], apart[:, :n_asked] = _first(found, away, own, n_nearest)
        if n_asked < n_known:  # others as near as the last one asked for may come before it
            open_ = np.flatnonzero(~_is_sure(away, apart[:, -1], references.places, places))
            _settle(references, places, own, open_, reference, apart, backend)
    is_none = apart == _NOBODY
    reference[is_none] = -1
    return reference, np.where(is_none, np.nan, np.sqrt(apart / _PER_UNIT))


def _is_sure(
    away: np.ndarray, last_kept: np.ndarray, known: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """Return whether who was not found is further away than the last one kept: bool, (n_rows,).

    He is as far as the furthest that was found, but for what measuring rounded.
    """
    last, n_features = away.max(axis=1), places.shape[1]
    off = 2 * rounding(last * (n_features / _PER_UNIT), known, places) * (_PER_UNIT / n_features)
    sure: np.ndarray = last > last_kept + 1 + np.ceil(off)
    return sure


def _settle(
    references: References, places: np.ndarray, own: np.ndarray, rows: np.ndarray,
    reference: np.ndarray, apart: np.ndarray, backend: Backend,
) -> None:  # fmt: skip
    """Write the nearest of customers of whom it is not sure, as others tie with them.

    Customers in one place are one search, and so are references: where many have the same few
    payments, they tie with each other.
    """
    n_kept, n_known = reference.shape[1], references.row.size
    n_first = min(n_kept + 1, n_known)  # one of them may be the customer itself
    distinct, which = np.unique(places[rows], axis=0, return_inverse=True)
    column, away = np.empty((2, distinct.shape[0], n_first), dtype=np.int64)
    is_sure = np.zeros(distinct.shape[0], dtype=bool)
    if distinct.shape[0]:
        column[:], away[:], is_sure[:] = _of_groups(references, distinct, n_first, backend)
    left = np.flatnonzero(~is_sure)
    everyone = np.arange(n_known)[None, :]
    for start in range(0, left.size, _BLOCK):
        some = left[start : start + _BLOCK]
        far = _apart(distinct[some], references.places, everyone)
        last = np.partition(far, n_first - 1, axis=1)[:, n_first - 1]
        row, near = np.nonzero(far <= last[:, None])
        order = np.lexsort((near, far[row, near], row))
        begin = np.searchsorted(row, np.arange(far.shape[0]))
        chosen = order[begin[:, None] + np.arange(n_first)]
        column[some], away[some] = near[chosen], far[row[chosen], near[chosen]]
    which = which.reshape(-1)
    found, far = _first(column[which], away[which], own[rows], n_kept)
    reference[rows, : found.shape[1]], apart[rows, : found.shape[1]] = found, far


def _of_groups(
    references: References, places: np.ndarray, n_first: int, backend: Backend
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the first references of the nearest places, their distances, and whether it is sure.

    Of references in one place at most ``n_first`` count, the first ones.
    """
    order, begin = _in_one_place(references.places)
    size = np.diff(np.append(begin, order.size))
    known = references.places[order[begin]]
    n_asked = min(n_first + _SPARE, begin.size)
    found = backend.to_host(
        backend.neighbours(backend.asarray(known), backend.asarray(places), n_asked)
    )
    far = _apart(places, known, found)
    slot = np.arange(n_first)
    is_there = slot < size[found][:, :, None]
    column = order[np.minimum(begin[found][:, :, None] + slot, order.size - 1)]
    away = np.where(is_there, far[:, :, None], _NOBODY)
    column, away = (each.reshape(places.shape[0], -1) for each in (column, away))
    first = np.lexsort((column, away), axis=1)[:, :n_first]
    column, away = (np.take_along_axis(each, first, axis=1) for each in (column, away))
    if n_asked == begin.size:
        return column, away, np.ones(places.shape[0], dtype=bool)
    return column, away, _is_sure(far, away[:, -1], known, places)


def _in_one_place(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows with those of the same values side by side, in order, and where each begin."""
    state = of_rows([np.ascontiguousarray(column).view(np.uint64) for column in places.T], np)
    order = np.argsort(state, kind="stable")
    return order, np.flatnonzero(first_in_run(places[order], np))


def _apart(places: np.ndarray, known: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Return mean squared differences in billionths: int64, shape (n_customers, n_columns)."""
    total = np.zeros((places.shape[0], column.shape[1]))
    for at in range(places.shape[1]):
        delta = places[:, at, None] - known[:, at][column]
        delta *= delta
        total += delta
    return np.rint(total / places.shape[1] * _PER_UNIT).astype(np.int64)


def _first(
    column: np.ndarray, away: np.ndarray, own: np.ndarray, n_kept: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest columns that are not the customer's own, the first of equals first."""
    column = np.broadcast_to(column, away.shape)
    away = np.where(column == own[:, None], _NOBODY, away)
    order = np.lexsort((column, away), axis=1)[:, :n_kept]
    return np.take_along_axis(column, order, axis=1), np.take_along_axis(away, order, axis=1)


def in_words(own: np.ndarray, other: np.ndarray) -> pa.Array:
    """Return the features in which pairs of customers are alike and stand out, the clearest first.

    Each text is made once: pairs that are alike in the same features share it.

    Parameters
    ----------
    own, other : float64 arrays, shape (n_pairs, n_features)
        Ranks of one and of the other.
    """
    one, two = own - _MIDDLE, other - _MIDDLE
    both = np.minimum(abs(one), abs(two))
    score = np.where(one * two > 0, both - abs(own - other), -1.0)
    order = np.argsort(-score, axis=1, kind="stable")[:, :3]
    counts = np.take_along_axis(score, order, axis=1) > 0
    n_words, is_high = 2 * len(FEATURES), np.take_along_axis(one, order, axis=1) > 0
    word = np.where(counts, 1 + order + len(FEATURES) * is_high, 0)
    said = (word[:, 0] * (n_words + 1) + word[:, 1]) * (n_words + 1) + word[:, 2]
    said, text = np.unique(said, return_inverse=True)
    words = ["", *(f"{side} {name}" for side in ("low", "high") for name in FEATURES)]
    texts = []
    for code in said.tolist():
        rest, third = divmod(code, n_words + 1)
        first, second = divmod(rest, n_words + 1)
        texts.append(", ".join(words[at] for at in (first, second, third) if at))
    return pa.array(texts, pa.string()).take(pa.array(text))
