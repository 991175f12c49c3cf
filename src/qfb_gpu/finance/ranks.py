"""How well scores of many customers rank, counted bucket by bucket.

What is counted is whole numbers, so neither the order of customers nor that of buckets matters, and
what is in memory is a table of the scores that there may be, or a few million scores at a time.

References
----------
J. Hanley, B. McNeil, "The meaning and use of the area under a ROC curve",
doi:10.1148/radiology.143.1.7063747.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qfb_gpu.backend import Backend

ROWS_AT_ONCE = 2**22
"""Scores that :func:`ranked` has in memory at a time, about."""
_TOP = 5
_LOW_BITS = 24
_LEAST = 3


class Ranked(NamedTuple):
    """How scores rank what is true.

    Attributes
    ----------
    auc : float
        The chance that a true row has a higher score than a false one, ties half; NaN where all
        rows are of one class.
    n_top, n_true_top : int
        Rows whose score is that of the best fifth or more, and those of them that are true.
    """

    auc: float
    n_top: int
    n_true_top: int


def ranked(
    buckets: Callable[[], Iterable[tuple[Any, Any]]], n_rows: int, backend: Backend
) -> Ranked:
    """Rank the scores of all buckets, a range of scores at a time.

    Parameters
    ----------
    buckets : callable
        Gives ``(score, is_true)`` of all buckets each time it is called: arrays of float64
        (no NaN) and bool.
    n_rows : int
        Of all buckets, at least 1.
    """
    xp = backend.xp
    ends = [-math.inf, *_edges(buckets, -(-n_rows // ROWS_AT_ONCE), xp), math.inf]
    first_top = n_rows - max(1, n_rows // _TOP)
    n_true = n_false = twice = under_top = true_under_top = 0
    for low, high in pairwise(ends):
        true, false = _within(buckets, low, high, xp)
        sides = [xp.searchsorted(false, true, side=side).sum() for side in ("left", "right")]
        twice += 2 * n_false * true.shape[0] + sum(map(int, sides))
        before, here = n_true + n_false, true.shape[0] + false.shape[0]
        if before <= first_top < before + here:
            place = first_top - before
            least = xp.partition(xp.concatenate([true, false]), place)[place]
            true_under_top = int(xp.searchsorted(true, least))
            under_top = before + true_under_top + int(xp.searchsorted(false, least))
            true_under_top += n_true
        n_true, n_false = n_true + true.shape[0], n_false + false.shape[0]
    auc = twice / 2 / (n_true * n_false) if n_true and n_false else math.nan
    return Ranked(auc, n_rows - under_top, n_true - true_under_top)


def _edges(buckets: Callable[[], Iterable[tuple[Any, Any]]], n_ranges: int, xp: Any) -> list[float]:
    """Return scores that part all rows into ranges: of one bucket, as any is like all others."""
    if n_ranges < 2:  # noqa: PLR2004
        return []
    sample = next(score for score, _ in buckets() if score.shape[0])
    places = xp.arange(1, n_ranges) * sample.shape[0] // n_ranges
    found: list[float] = xp.unique(xp.sort(sample)[places]).tolist()
    return found


def _within(
    buckets: Callable[[], Iterable[tuple[Any, Any]]], low: float, high: float, xp: Any
) -> tuple[Any, Any]:
    """Return the scores in a range of true rows, and of false ones, ascending."""
    found: tuple[list[Any], list[Any]] = [xp.empty(0)], [xp.empty(0)]
    for score, is_true in buckets():
        here = (score >= low) & (score < high)
        found[0].append(score[here & is_true])
        found[1].append(score[here & ~is_true])
    true, false = (xp.concatenate(one) for one in found)
    true.sort()
    false.sort()
    return true, false


class WholeRanks:
    """How often each score was seen, of scores that are whole numbers from 0 to ``most``."""

    def __init__(self, most: int, xp: Any) -> None:
        self._xp = xp
        self._seen = xp.zeros(most + 1, dtype="uint32")

    def add(self, scores: Any) -> None:
        """Count some scores: an integer array."""
        self._xp.add.at(self._seen, scores, self._xp.ones(scores.shape, dtype="uint32"))

    @property
    def counts(self) -> Any:
        """How often each was seen: int64, shape (most + 1,)."""
        return self._seen.astype("int64")

    def apart(self) -> Any:
        """Return of each score twice how far its rank is from the mean rank: int64, (most + 1,).

        The rank of equal scores is the mean of theirs.
        """
        counts = self.counts
        last = self._xp.cumsum(counts)
        return 2 * last - counts - last[-1]


def auc_of_whole(true: WholeRanks, false: WholeRanks) -> float:
    """Return the chance that a true score is higher than a false one; see :class:`Ranked`."""
    n_true, n_false = int(true.counts.sum()), int(false.counts.sum())
    if not n_true or not n_false:
        return math.nan
    below = 2 * false.counts.cumsum() - false.counts  # twice, those as high half
    return int((true.counts * below).sum()) / 2 / (n_true * n_false)


def correlation_of_whole(
    pairs: Iterable[tuple[Any, Any]], left: WholeRanks, right: WholeRanks
) -> float:
    """Return Spearman's rank correlation of two scores of the same rows.

    NaN under 3 rows, or where one of them is constant.

    Parameters
    ----------
    pairs : iterable of two integer arrays of one length
        The scores, by bucket.
    left, right : WholeRanks
        Of all of them.
    """
    if int(left.counts.sum()) < _LEAST:
        return math.nan
    one, other = left.apart(), right.apart()
    together = sum(_sum(one[a] * other[b]) for a, b in pairs)
    squares = [_squares(table, ranks) for table, ranks in ((one, left), (other, right))]
    spread = math.sqrt(squares[0] / 4 * (squares[1] / 4))
    return together / 4 / spread if spread > 0 else math.nan


def _squares(apart: Any, ranks: WholeRanks) -> int:
    """Return the sum of the squares of all ranks' distances."""
    counts = ranks.counts
    seen = counts.nonzero()[0]
    return _sum(apart[seen] * apart[seen], counts[seen])


def _sum(products: Any, times: Any = 1) -> int:
    """Return the sum of products, each so many times: it may be larger than an int64 is."""
    high, low = products >> _LOW_BITS, products & (2**_LOW_BITS - 1)
    return (int((high * times).sum()) << _LOW_BITS) + int((low * times).sum())
