"""90% ranges of how good a score is: of an AUC in closed form, of other figures by bootstrap.

A draw of the held-out rows is how often each was drawn. Rows stand by score, and by error, once;
a draw repeats them as often, in that order, so nothing is sorted or ranked again. Figures are
those of :mod:`qfb_gpu.models.evaluation` for the drawn rows, to the bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qfb_gpu.keys import first_in_run
from qfb_gpu.models.evaluation import (
    DRAWS,
    MOST_ROWS,
    calibration_error_sorted,
    lift_counted,
    range_among,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_UPPER = 0.95


def ranges(
    true: np.ndarray, score: np.ndarray, *, is_probability: bool, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return the lower and upper end of each figure's range; NaN where there are too many rows.

    Parameters
    ----------
    true : bool array, shape (n_rows,)
        Held-out rows in an order of values.
    score : float64 array, shape (n_rows,)
    is_probability : bool
        Whether ``brier`` and ``calibration_error`` are wanted besides ``auc`` and ``lift_10``.
    seed : int
    """
    n_rows = int(true.size)
    is_told = 0 < n_rows <= MOST_ROWS  # more rows leave no range worth showing
    told = {"auc": auc_range(true, score) if is_told else (float("nan"), float("nan"))}
    drawers = [_by_rank(true, score), *([_by_value(true, score)] if is_probability else [])]
    draws: list[list[float]] = []
    if is_told:
        rng = np.random.default_rng(seed)
        for _ in range(DRAWS):
            times = np.bincount(rng.integers(0, n_rows, n_rows), minlength=n_rows)
            draws.append([figure for drawer in drawers for figure in drawer(times)])
    names = ("lift_10", "brier", "calibration_error")[: 2 * len(drawers) - 1]
    columns = np.array(draws).reshape(-1, len(names)).T
    told |= {name: range_among(column) for name, column in zip(names, columns, strict=True)}
    return told


def auc_range(true: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """Return the 90% range of the AUC of held-out rows; NaN where one class is missing.

    The *placement* of a true row is the share of false ones below it, ties half; the AUC is the
    mean placement, and what it is unsure by is the spread of both classes' placements (DeLong).
    Of few true rows that spread is itself unsure and mostly too small, as the rare row far down
    has not been met: as if one more row of either class were there of which nothing is known, its
    placement a half, and Student's t for so many rows. Ends are found on the log-odds, so they
    stay between 0 and 1; the AUC is between them.

    References
    ----------
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson (1988), doi:10.2307/2531595; M. Kottas,
    O. Kuss, A. Zapf (2014), "A modified Wald interval for the area under the ROC curve",
    doi:10.1186/1471-2288-14-26.
    """
    from scipy.special import stdtrit

    _, first, hit = _ranked(true, score)
    n_true, n_false = (np.add.reduceat(of, first) for of in (hit, 1 - hit))
    m, n = int(n_true.sum()), int(n_false.sum())
    if not m or not n:
        return float("nan"), float("nan")
    of_true = (np.cumsum(n_false) - n_false / 2) / n
    of_false = 1 - (np.cumsum(n_true) - n_true / 2) / m
    found = float((n_true * of_true).sum() / m)
    middle = (m * n * found + (m + n + 1) / 2) / ((m + 1) * (n + 1))
    variance, freedom = 0.0, 0.0
    for count, placement, size in ((n_true, of_true, m), (n_false, of_false, n)):
        squares = (count * (placement - middle) ** 2).sum() + (0.5 - middle) ** 2
        own = float(squares) / size / (size + 1)
        variance, freedom = variance + own, freedom + own * own / size
    if not variance:  # all rows of one score
        return 0.0, 1.0
    slope = middle * (1 - middle)
    half = float(stdtrit(variance * variance / freedom, _UPPER)) * np.sqrt(variance) / slope
    odds = np.log(middle / (1 - middle))
    low, high = (float(1 / (1 + np.exp(-end))) for end in (odds - half, odds + half))
    return min(low, found), max(high, found)


def _ranked(true: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows in order of their scores, where each score begins, and which are true."""
    order = np.argsort(score, kind="stable")
    first = np.flatnonzero(first_in_run(score[order], np))
    return order, first, true[order].astype(np.int64)


def _by_rank(true: np.ndarray, score: np.ndarray) -> Callable[[np.ndarray], tuple[float, ...]]:
    """Return what tells the lift of a draw from how often each row was drawn."""
    order, first, hit = _ranked(true, score)

    def figures(times: np.ndarray) -> tuple[float, ...]:
        drawn = times[order]
        counts, hits = np.add.reduceat(drawn, first), np.add.reduceat(drawn * hit, first)
        return (lift_counted(hits[::-1], counts[::-1]),)

    return figures


def _by_value(true: np.ndarray, score: np.ndarray) -> Callable[[np.ndarray], tuple[float, float]]:
    """Return what tells Brier score and calibration error likewise."""
    error = (score - true.astype(np.float64)) ** 2
    by_error, by_score = np.argsort(error), np.argsort(score)
    error, said, hit = error[by_error], score[by_score], true[by_score].astype(np.float64)

    def figures(times: np.ndarray) -> tuple[float, float]:
        brier = float(np.repeat(error, times[by_error]).mean())
        drawn = times[by_score]
        return brier, calibration_error_sorted(np.repeat(hit, drawn), np.repeat(said, drawn))

    return figures
