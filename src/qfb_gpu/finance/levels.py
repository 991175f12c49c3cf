"""Levels of a score, and how well a score ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.backend import Backend

LEVELS = ("low", "watch", "high", "severe")


def level_of(score: Any, starts: Sequence[float], xp: Any) -> Any:
    """Return the level of each score: int8 index into :data:`LEVELS`, -1 where it is NaN.

    Parameters
    ----------
    score : array of float64, shape (n_rows,), 0 to 100
    starts : sequence of float, shape (3,), ascending
        Scores from which a row is watch, high and severe.
    """
    level = xp.zeros(score.shape[0], dtype="int8")
    for start in starts:
        level = level + (score >= start).astype("int8")
    return xp.where(xp.isnan(score), -1, level).astype("int8")


def midranks(score: Any, xp: Any) -> Any:
    """Return the rank of each value from 1, the mean rank where values are equal."""
    _, inverse, count = xp.unique(score, return_inverse=True, return_counts=True)
    last = xp.cumsum(count)
    return (last - (count - 1) / 2.0)[inverse]


def auc(score: Any, is_true: Any, backend: Backend) -> float:
    """Return the chance that a true row has a higher score than a false one; ties count half.

    NaN where all rows are of one class. Rows whose score is NaN are left out.

    References
    ----------
    J. Hanley, B. McNeil, "The meaning and use of the area under a ROC curve",
    doi:10.1148/radiology.143.1.7063747.
    """
    xp = backend.xp
    known = ~xp.isnan(score)
    score, is_true = score[known], is_true[known]
    n_true = int(is_true.sum())
    n_false = int(is_true.shape[0]) - n_true
    if n_true == 0 or n_false == 0:
        return float("nan")
    total = float(midranks(score, xp)[is_true].sum())
    return (total - n_true * (n_true + 1) / 2) / (n_true * n_false)


def rank_correlation(left: Any, right: Any, backend: Backend) -> float:
    """Return Spearman's rank correlation of two scores over rows where both are known.

    NaN under 3 rows, or where one of them is constant.
    """
    xp = backend.xp
    known = ~(xp.isnan(left) | xp.isnan(right))
    if int(known.sum()) < 3:  # noqa: PLR2004
        return float("nan")
    one, other = midranks(left[known], xp), midranks(right[known], xp)
    one, other = one - one.mean(), other - other.mean()
    spread = float(xp.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / spread if spread > 0 else float("nan")
