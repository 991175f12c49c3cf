"""How wide the ranges of scores have to be, by what came of past ones.

A range is as wide as constants say (:mod:`qfb_gpu.finance.risks_peers`), times how far off past
scores were: each past score's distance from the raw score half a year later, in half widths of its
range, is counted, and 90 of 100 have to lie inside (split conformal prediction). A date is judged
by what had come by then, of older dates alone. Ranges are never narrower than the constants say.

References
----------
H. Papadopoulos et al. (2002), "Inductive confidence machines for regression",
doi:10.1007/3-540-36755-1_29; J. Lei et al. (2018), "Distribution-free predictive inference for
regression", doi:10.1080/01621459.2017.1307116.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

STEPS = 100
"""Parts of a half width in which distances are counted."""
_MOST = 10 * STEPS
_FEWEST = 50
_LEVEL = 0.90


def distances(score: Any, half: Any, came: Any, xp: Any) -> Any:
    """Count how far what came lies from the scores: int64, shape (1001,).

    Parameters
    ----------
    score, half, came : float64 arrays, shape (n_customers,)
        Scores, half widths of their ranges by the constants, and the raw scores that came.

    Returns
    -------
    array
        How many lie within 0, 1, 2, ... hundredths of a half width, and no nearer; the last: all
        that are further off.
    """
    steps = xp.ceil(xp.abs(came - score) / half * STEPS).clip(0, _MOST).astype("int64")
    return xp.bincount(steps, minlength=_MOST + 1)


def widening(counts: Iterable[np.ndarray]) -> float:
    """Return by what a half width is multiplied so that it holds 90%; 1 of fewer than 50."""
    total = sum(counts, np.zeros(_MOST + 1, np.int64))
    n = int(total.sum())
    if n < _FEWEST:
        return 1.0
    asked = int(np.ceil((n + 1) * _LEVEL))
    return max(1.0, int(np.searchsorted(np.cumsum(total), asked)) / STEPS)


def inside(counts: np.ndarray, times: float) -> float:
    """Return the share of scores whose range, so many times as wide, holds what came."""
    n = int(counts.sum())
    return int(counts[: round(times * STEPS) + 1].sum()) / max(n, 1)
