"""From night to night: which segment is which, who moved, and whether customers are still alike."""

from __future__ import annotations

from typing import Any

import numpy as np

LEAST_OVERLAP = 0.2
"""Of all customers of an old and a new segment: with fewer in both the new one is another."""
ALARM_INDEX, ALARM_MOVED = 0.25, 0.2
"""Population stability index of a feature, and share of customers moved, that raise an alarm."""
BY_WEEKDAY = frozenset({"recency_days_since_last"})
"""Features that differ between a Friday and a Sunday with the same customers: no alarm is kept."""
_BINS = 10
_LEAST_SHARE = 1e-4


def match_ids(before: np.ndarray, now: np.ndarray, n_now: int, last_id: int = -1) -> list[int]:
    """Return the id of each new segment: that of the old one with most customers in common.

    Parameters
    ----------
    before : integer array, shape (n_customers,)
        The segment id of the night before of customers that had one.
    now : integer array, shape (n_customers,)
        The row of their segment in the new model.
    n_now : int
        Number of new segments.
    last_id : int
        The highest id of the night before, its customers that left among them; -1: none known.

    Returns
    -------
    list of int, length n_now
        Old ids where matched, by the assignment with most customers in common (H. W. Kuhn, "The
        Hungarian method", doi:10.1002/nav.3800020109); else numbers that were not in use, not
        by a segment whose customers have all left either.
    """
    from scipy.optimize import linear_sum_assignment

    old = np.unique(before)
    last_id = max(last_id, int(old.max(initial=-1)))
    common = np.zeros((old.size, n_now), np.int64)
    np.add.at(common, (np.searchsorted(old, before), now), 1)
    union = common.sum(axis=1)[:, None] + common.sum(axis=0)[None, :] - common
    ids: list[int | None] = [None] * n_now
    for row, column in zip(*linear_sum_assignment(common, maximize=True), strict=True):
        if common[row, column] > LEAST_OVERLAP * union[row, column]:
            ids[column] = int(old[row])
    free = iter(range(last_id + 1, last_id + 1 + n_now))
    return [next(free) if one is None else one for one in ids]


def stability_index(before: np.ndarray, now: np.ndarray) -> float:
    """Return the population stability index of a feature between two nights; NaN: nothing known.

    Over tenths of the values before and, apart, those that are null: the sum over bins of
    ``(q - p) ln(q / p)`` (N. Siddiqi, Credit Risk Scorecards, 2006: below 0.1 alike, above 0.25
    another population).

    Parameters
    ----------
    before, now : float64 arrays, one value a customer; NaN is null
    """
    known = before[~np.isnan(before)]
    if known.size == 0 or now.size == 0:
        return float("nan")
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]))
    p, q = (np.maximum(_shares(values, edges), _LEAST_SHARE) for values in (before, now))
    return float(((q - p) * np.log(q / p)).sum())


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    bins = np.searchsorted(edges, values, side="left")
    bins[np.isnan(values)] = edges.size + 1
    counts: np.ndarray = np.bincount(bins, minlength=edges.size + 2)
    return counts / values.size


def drift(
    indices: dict[str, float],
    n_moved: int,
    n_both: int,
    n_new: int,
    n_gone: int,
    n_segments: tuple[int, int],
) -> dict[str, Any]:
    """Return the rows of ``segment_drift``: a measure each, with its alarm.

    Parameters
    ----------
    indices : dict of feature to its population stability index
    n_moved, n_both : int
        Customers in another segment than the night before, of those of both nights.
    n_new, n_gone : int
        Customers of one night only.
    n_segments : (int, int)
        Segments that some customer is in: the night before, and now. With another number many
        customers are in another group, whatever they do.
    """
    share = n_moved / n_both if n_both else float("nan")
    rows: list[tuple[str, float, float | None]] = [("share_moved", share, ALARM_MOVED)]
    rows += [("n_moved", n_moved, None), ("n_new", n_new, None), ("n_gone", n_gone, None)]
    rows += [("n_segments_before", n_segments[0], None), ("n_segments", n_segments[1], None)]
    rows += [
        (f"index_{name}", value, None if name in BY_WEEKDAY else ALARM_INDEX)
        for name, value in indices.items()
    ]
    return {
        "measure": [name for name, _, _ in rows],
        "value": np.array([float(value) for _, value, _ in rows]),
        "alarm_above": np.array([np.nan if level is None else level for _, _, level in rows]),
        "is_alarm": np.array([level is not None and value > level for _, value, level in rows]),
    }
