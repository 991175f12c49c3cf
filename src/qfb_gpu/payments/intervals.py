"""Payment intervals per unit or stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_kernels.intervals import gaps_cpu, gaps_gpu

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend


def gap_stats(
    day: Any, member: Any, start: Any, size: Any, backend: Backend
) -> tuple[Any, Any, Any]:
    """Return mean, population standard deviation and median of the gaps between payments.

    Parameters
    ----------
    day : int32, shape (n_payments,), days since 1970-01-01
    member : int32, rows of payments
    start, size : shape (n_units,)
        Unit ``u`` owns ``member[start[u]:start[u] + size[u]]``, in day order; no two overlap.

    Returns
    -------
    mean, std, median : float64, shape (n_units,)
        Days; NaN for a unit with fewer than two payments.
    """
    xp = backend.xp
    mean, std, median = (xp.empty(start.shape[0]) for _ in range(3))
    scratch = xp.empty(member.shape[0], dtype="int32")
    backend.launch(
        gaps_cpu, gaps_gpu, start.shape[0], day, member, start, size, scratch, mean, std, median
    )
    return mean, std, median
