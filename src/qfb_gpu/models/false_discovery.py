"""False discoveries among p-values of few comparisons, on the host."""

from __future__ import annotations

import numpy as np


def benjamini_hochberg(p: np.ndarray, n_comparisons: int | None = None) -> np.ndarray:
    """Return q-values (doi:10.1111/j.2517-6161.1995.tb02031.x): NaN where p is, and left out.

    Parameters
    ----------
    p : float64 array, shape (n_known,)
    n_comparisons : int, optional
        How many were made, where ``p`` holds only those that might be found: of the others p is
        taken as 1. Choosing by what is in the data and counting only the chosen ones finds
        what is not there.
    """
    from scipy.stats import false_discovery_control

    q, known = np.full(p.size, np.nan), ~np.isnan(p)
    if known.any():
        q[known] = false_discovery_control(p[known])
        if n_comparisons is not None:
            q = np.minimum(q * max(n_comparisons / int(known.sum()), 1.0), 1.0)
    return q
