"""Risks over time: since when a level holds (alerts), and how well past scores foretold.

Scores of the ends of past months stand in tables (n_customers, n_dates), the latest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qfb_gpu.finance.levels import auc, rank_correlation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.backend import Backend

ALERT_MONTHS = 12
AGO = (*range(ALERT_MONTHS + 1), 18, 24, 30)
"""Months before the last one at which scores are computed."""
HALF_YEAR = 6
_FEWEST = 20


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


def tested(
    risk: str,
    day: int,
    scores: dict[str, Any],
    later: Any,
    outcome: tuple[Any, Any],
    income: Any,
    backend: Backend,
) -> Tested | None:
    """Compare a past score with what came: a fall of income, and the score half a year later.

    Parameters
    ----------
    scores : dict of ``score``, ``raw``, ``low``, ``high``
        Of the date, shape (n_customers,).
    later : array
        The raw score half a year later.
    outcome : tuple of bool arrays
        Of :func:`fell`.
    income : array
        Of the year before the date: the simple baseline is that small firms fall.
    """
    low, told = outcome
    xp = backend.xp
    n = int(told.sum())
    if n < _FEWEST:
        return None
    score = scores["score"]
    top = told & (score >= xp.sort(score[told])[n - max(1, n // 5)])
    both = told & ~xp.isnan(scores["raw"]) & ~xp.isnan(later)
    inside = (later >= scores["low"]) & (later <= scores["high"])
    return Tested(
        risk=risk, day=day, n_customers=n, n_fell=int(low.sum()),
        auc=auc(score[told], low[told], backend),
        auc_raw=auc(scores["raw"][told], low[told], backend),
        auc_small=auc(-income[told].astype("float64"), low[told], backend),
        fell_top=float((low & top).sum()) / max(int(top.sum()), 1),
        stability=rank_correlation(scores["raw"][both], later[both], backend),
        covered=float((inside & both).sum()) / max(int(both.sum()), 1),
    )  # fmt: skip


def nearest(dates: Sequence[int], months: int) -> int:
    """Return the place of a date so many months ago, -1 where there is none."""
    return list(dates).index(months) if months in dates else -1
