"""Kaplan-Meier curves of many groups at once, and what they say of those that still wait.

E. L. Kaplan, P. Meier (1958), "Nonparametric estimation from incomplete observations",
doi:10.1080/01621459.1958.10501452. Times are real numbers, negative ones too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.finance.joins import first_of_group, starts

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend


def kaplan_meier(group: Any, time: Any, is_event: Any, backend: Backend) -> dict[str, Any]:
    """Return the survival curve of each group.

    Parameters
    ----------
    group : int64 array, shape (n_rows,)
        Any numbers.
    time : float64 array, shape (n_rows,), without NaN
    is_event : bool array, shape (n_rows,)
        False: still waiting at that time (censored), at risk up to and with it.

    Returns
    -------
    dict of arrays, shape (n_events,), by group, then time
        ``group`` (int64), ``time`` and ``survival`` (float64: the share still waiting just after
        that time), ``n_events`` (int64, of the whole group). Several events at one time are so
        many steps; the last of them holds.
    """
    xp = backend.xp
    order = backend.lexsort((group, time, (~is_event).astype("int8")))
    group, time, is_event = group[order], time[order], is_event[order]
    n = group.shape[0]
    begins = starts((group,), backend)
    place = xp.arange(n)
    first = first_of_group(begins, backend)
    number = xp.cumsum(begins) - 1
    size = xp.bincount(number)[number] if n else place
    at_risk = (size - (place - first)).astype("float64")
    step = xp.where(is_event, xp.log1p(-xp.minimum(1.0 / at_risk, 1 - 1e-15)), 0.0)
    running = xp.cumsum(step)
    before = running[first] - step[first] if n else running
    survival = xp.exp(running - before)
    survival = xp.where(survival < 1e-12, 0.0, survival)  # noqa: PLR2004
    n_events = xp.bincount(number, weights=is_event)[number].astype("int64") if n else place
    rows = xp.nonzero(is_event)[0]
    return {
        "group": group[rows],
        "time": time[rows],
        "survival": survival[rows],
        "n_events": n_events[rows],
    }


def curve_of(wanted: Any, curves: dict[str, Any], backend: Backend) -> tuple[Any, Any]:
    """Return the first and one-past-last step of each wanted group; equal where there is none."""
    xp = backend.xp
    groups = curves["group"]
    low = xp.searchsorted(groups, wanted, side="left")
    return low, xp.searchsorted(groups, wanted, side="right")


def step_after(curves: dict[str, Any], low: Any, high: Any, time: Any, backend: Backend) -> Any:
    """Return the first step of each curve that is later than ``time``; ``high`` where none is."""
    if curves["time"].shape[0] == 0:
        return high
    return _first(low, high, lambda at: curves["time"][at] > time, backend.xp)


def surviving(curves: dict[str, Any], low: Any, after: Any, backend: Backend) -> Any:
    """Return the share of each curve that still waits before step ``after``: 1 before any event.

    ``after`` is what :func:`step_after` returns for a time: the share is that just after it.
    """
    xp = backend.xp
    if curves["time"].shape[0] == 0:
        return xp.ones(after.shape[0])
    last = xp.maximum(after - 1, 0)
    return xp.where(after > low, curves["survival"][last], 1.0)


def quantile(curves: dict[str, Any], low: Any, high: Any, share: Any, backend: Backend) -> Any:
    """Return the time at which a curve falls to ``share`` or below; NaN where it never does."""
    xp = backend.xp
    if curves["time"].shape[0] == 0:
        return xp.full(share.shape[0], xp.nan)
    near = share * (1 + 1e-9)
    step = _first(low, high, lambda at: curves["survival"][at] <= near, xp)
    reached = step < high
    return xp.where(reached, curves["time"][xp.where(reached, step, 0)], xp.nan)


def _first(low: Any, high: Any, holds: Any, xp: Any) -> Any:
    """Return the first place in ``low:high`` where ``holds`` (it then does to the end)."""
    low, high = low.copy(), high.copy()
    while bool((low < high).any()):
        middle = (low + high) // 2
        searching = low < high
        found = holds(xp.where(searching, middle, 0))
        high = xp.where(searching & found, middle, high)
        low = xp.where(searching & ~found, middle + 1, low)
    return low
