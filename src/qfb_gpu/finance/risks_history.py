"""Risks over time: since when a level holds (alerts), and how well past scores foretold.

Scores of the ends of past months stand in tables (n_customers, n_dates), the latest first; what all
customers' scores foretold is counted bucket by bucket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qfb_gpu.finance.levels import level_of
from qfb_gpu.finance.ranks import WholeRanks, auc_of_whole, correlation_of_whole, ranked
from qfb_gpu.finance.risks_peers import MOST, from_whole
from qfb_gpu.finance.risks_widths import distances, inside, widening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from qfb_gpu.backend import Backend
    from qfb_gpu.finance.risks_peers import Drawn

ALERT_MONTHS = 12
AGO = (*range(ALERT_MONTHS + 1), 18, 24, 30)
"""Months before the last one at which scores are computed."""
HALF_YEAR = 6
_FEWEST = 20


def held_levels(score: Any, known: Any, starts: Sequence[float], margin: float, xp: Any) -> Any:
    """Return the level that each customer stood at, at each month's end: it is left by a margin.

    A level is reached where the score reaches its start, and held until the score is below that
    start by more than ``margin`` (O. H. Schmitt, "A thermionic trigger",
    doi:10.1088/0950-7671/15/1/305). Nothing of before the first month is known, so a level that
    was not reached anew in as many months is left, too.

    Parameters
    ----------
    score : float64 array, shape (n_customers, n_months), the latest month first
    known : bool array of that shape
        False: nothing is measured; whatever level was held is left.
    starts : sequence of float
        Of :func:`qfb_gpu.finance.levels.level_of`.
    margin : float, points

    Returns
    -------
    array of int8, shape (n_customers, n_months)
        -1 where not known.
    """
    flat = score.reshape(-1)
    reached = level_of(flat, starts, xp).reshape(score.shape)
    kept = level_of(flat, [start - margin for start in starts], xp).reshape(score.shape)
    reached = xp.where(known, reached, -1).astype("int8")
    kept = xp.where(known, kept, -1).astype("int8")
    months = [reached[:, -1]]
    for ago in range(score.shape[1] - 2, -1, -1):
        months.append(xp.maximum(reached[:, ago], xp.minimum(months[-1], kept[:, ago])))
    return xp.stack(months[::-1], axis=1)


def held_since(level: Any, xp: Any) -> Any:
    """Return for how many months in a row the level was at least what it is now.

    Parameters
    ----------
    level : int8 array, shape (n_customers, n_months), the latest month first

    Returns
    -------
    array of int64, shape (n_customers,)
        0: it was lower a month ago; at most ``n_months - 1``, where it may have begun earlier.
    """
    least = level >= level[:, :1]
    broken = ~least
    first = xp.argmax(broken, axis=1)
    return xp.where(broken.any(axis=1), first - 1, level.shape[1] - 1).astype("int64")


def fell(income: Any, ago: int, share: float, backend: Backend) -> tuple[Any, Any]:
    """Return whose income of the half-year after a date fell, and whose can be told.

    Fell: under ``1 - share`` of the same half-year before, so that seasons cancel; told: it had
    income in at least three of those months and in the half-year before the date.

    Parameters
    ----------
    income : int64 array, shape (n_customers, n_months)
    ago : int
        Months before the last one; at least 6.
    """
    xp = backend.xp
    stop = income.shape[1] - ago
    after = income[:, stop : stop + HALF_YEAR]
    same = income[:, stop - HALF_YEAR : stop] if stop < 2 * HALF_YEAR else (
        income[:, stop - 2 * HALF_YEAR : stop - HALF_YEAR]
    )  # fmt: skip
    before = income[:, stop - HALF_YEAR : stop]
    told = ((same > 0).sum(axis=1) >= 3) & (before.sum(axis=1) > 0)  # noqa: PLR2004
    low = xp.maximum(after, 0).sum(axis=1) < (1 - share) * same.sum(axis=1)
    return low & told, told


class Tested(NamedTuple):
    """How a risk's score of one past date did; counts and shares of customers that can be told."""

    risk: str
    day: int
    n_customers: int
    n_fell: int
    auc: float
    auc_raw: float
    auc_small: float
    fell_top: float
    stability: float
    covered: float


class Past(NamedTuple):
    """A risk's raw scores of some customers at a past date, and what came.

    Attributes
    ----------
    raw, later : int32 arrays
        Raw scores of the date and of half a year later, as
        :func:`qfb_gpu.finance.risks.weighed` gives them.
    fell, told : bool arrays
        Of :func:`fell`.
    """

    raw: Any
    later: Any
    fell: Any
    told: Any


def tested(
    risk: str,
    day: int,
    buckets: Callable[[], Iterable[Past]],
    drawn: Callable[[], Iterable[Drawn]],
    auc_small: float,
    backend: Backend,
) -> tuple[Tested | None, np.ndarray]:
    """Compare a past score with what came: a fall of income, and the score half a year later.

    Of who can be told 9 bytes are in memory, as all are ranked.

    Parameters
    ----------
    buckets : callable
        Gives all buckets each time it is called.
    drawn : callable
        Gives their scores drawn towards peers; called once.
    auc_small : float
        Of the simple baseline, that small firms fall: :func:`qfb_gpu.finance.ranks.ranked` of the
        income of the year before the date.

    Returns
    -------
    tested : Tested
        Its ranges as the constants say; None where too few can be told.
    counts : int64 array of the host
        How far what came was off: :func:`qfb_gpu.finance.risks_widths.distances`.
    """
    xp = backend.xp
    fallen, others, now, later = (WholeRanks(MOST, xp) for _ in range(4))
    scores: list[tuple[Any, Any]] = []
    n, n_fell, counts = 0, 0, xp.zeros(1, dtype="int64")
    for one, own in zip(buckets(), drawn(), strict=True):
        known, both = one.told & (one.raw >= 0), _both(one)
        fallen.add(one.raw[known & one.fell])
        others.add(one.raw[known & ~one.fell])
        now.add(one.raw[both])
        later.add(one.later[both])
        came = from_whole(one.later[both], xp)
        counts = counts + distances(own.score[both], own.half[both], came, xp)
        scores.append((own.score[one.told], one.fell[one.told]))
        n, n_fell = n + scores[-1][0].shape[0], n_fell + int(one.fell.sum())
    off = np.asarray(backend.to_host(counts))
    if n < _FEWEST:
        return None, off
    by_score = ranked(scores.copy, n, backend)
    scores.clear()
    pairs = ((o.raw[both], o.later[both]) for o in buckets() for both in [_both(o)])
    found = Tested(
        risk=risk, day=day, n_customers=n, n_fell=n_fell,
        auc=by_score.auc,
        auc_raw=auc_of_whole(fallen, others),
        auc_small=auc_small,
        fell_top=by_score.n_true_top / max(by_score.n_top, 1),
        stability=correlation_of_whole(pairs, now, later),
        covered=inside(off, 1.0),
    )  # fmt: skip
    return found, off


def widened(tests: Sequence[tuple[Tested | None, np.ndarray]]) -> tuple[list[Tested], float]:
    """Return tests of ranges as they would have been then, and by what tonight's are widened.

    Parameters
    ----------
    tests : sequence
        What :func:`tested` returns of a risk's dates, the latest first. Those before a date had
        come by then.
    """
    counts = [off for _, off in tests]
    found = [
        one._replace(covered=inside(off, widening(counts[at + 1 :])))
        for at, (one, off) in enumerate(tests)
        if one is not None
    ]
    return found, widening(counts)


def _both(one: Past) -> Any:
    """Return who can be told, and was scored both times."""
    return one.told & (one.raw >= 0) & (one.later >= 0)


def nearest(dates: Sequence[int], months: int) -> int:
    """Return the place of a date so many months ago, -1 where there is none."""
    return list(dates).index(months) if months in dates else -1
