"""90% bootstrap ranges of how good a score is, all figures of a draw from one count of rows.

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
    auc_counted,
    calibration_error_sorted,
    lift_counted,
    range_among,
)

if TYPE_CHECKING:
    from collections.abc import Callable


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
    drawers = [_by_rank(true, score), *([_by_value(true, score)] if is_probability else [])]
    draws: list[list[float]] = []
    if 0 < n_rows <= MOST_ROWS:  # more rows leave no range worth showing
        rng = np.random.default_rng(seed)
        for _ in range(DRAWS):
            times = np.bincount(rng.integers(0, n_rows, n_rows), minlength=n_rows)
            draws.append([figure for drawer in drawers for figure in drawer(times)])
    names = ("auc", "lift_10", "brier", "calibration_error")[: 2 * len(drawers)]
    columns = np.array(draws).reshape(-1, len(names)).T
    return {name: range_among(column) for name, column in zip(names, columns, strict=True)}


def _by_rank(true: np.ndarray, score: np.ndarray) -> Callable[[np.ndarray], tuple[float, float]]:
    """Return what tells AUC and lift of a draw from how often each row was drawn."""
    order = np.argsort(score, kind="stable")
    first = np.flatnonzero(first_in_run(score[order], np))
    hit = true[order].astype(np.int64)

    def figures(times: np.ndarray) -> tuple[float, float]:
        drawn = times[order]
        counts, hits = np.add.reduceat(drawn, first), np.add.reduceat(drawn * hit, first)
        return auc_counted(hits, counts), lift_counted(hits[::-1], counts[::-1])

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
