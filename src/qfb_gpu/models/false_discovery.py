"""False discoveries among p-values of few comparisons, on the host."""

from __future__ import annotations

import numpy as np


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Return q-values (doi:10.1111/j.2517-6161.1995.tb02031.x): NaN where p is, and left out.

    Parameters
    ----------
    p : float64 array, shape (n_comparisons,)
    """
    from scipy.stats import false_discovery_control

    q, known = np.full(p.size, np.nan), ~np.isnan(p)
    if known.any():
        q[known] = false_discovery_control(p[known])
    return q
