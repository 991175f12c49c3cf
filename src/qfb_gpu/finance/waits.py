"""How many days after its event a node is paid, where its clause does not say.

Such a node is paid at a share of the contract's length, that of its event, and some days more:
days that are a large share of a short contract and a small one of a long contract. Contracts that
are finished, of which one learns, are short ones. So shares against 1 / length are a line whose
slope is the days; it is J. W. Tukey's resistant line ("Exploratory Data Analysis", 1977), through
the medians of the thirds of the longest and of the shortest contracts, which payments that were
months late do not turn. Too few payments, or of contracts that are all about as long, and the days
are the median of those that other contracts' clauses say of such nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.finance.joins import find
from qfb_gpu.finance.timing import FEWEST_EVENTS, SHARE
from qfb_gpu.keys import first_in_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfb_gpu.backend import Backend

_APART = 1.25
"""Times that the long contracts are as long as the short ones, from which on they tell the days. Of
years of 365 and 366 days the slope is the payments' scatter times 130,000."""


def learn_waits(
    paid: tuple[list[np.ndarray], np.ndarray, np.ndarray], said: tuple[list[np.ndarray], np.ndarray]
) -> dict[str, Any]:
    """Return the wait of each sort of node that was paid, or is spoken of, often enough to tell.

    Parameters
    ----------
    paid : list of int64 arrays; float64 array; float64 array; shape (n_nodes,) each
        Of nodes that were paid, on the clock :data:`timing.SHARE`: the sort at each level of
        pooling, from :func:`timing.sorts`; share of the contract's length at which it was paid;
        that length, days, above 0.
    said : list of int64 arrays; int32 array; shape (n_said,) each
        Of nodes whose clause says the days: the sorts they would have if it did not; the days.

    Returns
    -------
    dict of arrays, shape (n_sorts,), ascending by ``key``
        ``key`` (int64) and ``days`` (float64, not negative) of sorts with ``FEWEST_EVENTS`` nodes
        that were paid, of contracts of different lengths, or else as many that say the days.
    """
    sorts, share, length = paid
    by_payments = _by_sort(sorts, 1.0 / length, share, _slope)
    by_clauses = _by_sort(said[0], said[1], said[1], lambda days, _: float(np.median(days)))
    waits = {**by_clauses, **by_payments}
    keys = sorted(waits)
    return {
        "key": np.array(keys, np.int64),
        "days": np.array([waits[key] for key in keys], np.float64),
    }


def _by_sort(
    sorts: list[np.ndarray], x: np.ndarray, y: np.ndarray,
    figure: Callable[[np.ndarray, np.ndarray], float | None],
) -> dict[int, float]:  # fmt: skip
    """Return a figure of each sort's ``x``, ascending, and ``y``; a level's keys are its own."""
    found: dict[int, float] = {}
    for key in sorts:
        order = np.lexsort((y, x, key))
        ordered = key[order]
        first = np.flatnonzero(first_in_run(ordered, np))
        stop = np.append(first[1:], order.shape[0])
        for begin, end in zip(first.tolist(), stop.tolist(), strict=False):
            if end - begin >= FEWEST_EVENTS:
                rows = order[begin:end]
                value = figure(x[rows], y[rows])
                if value is not None:
                    found[int(ordered[begin])] = value
    return found


def _slope(x: np.ndarray, y: np.ndarray) -> float | None:
    """Return the slope of the resistant line, at least 0; ``x``, above 0, ascends.

    Points of one ``x`` are on one side: which of them are in a third may not depend on their ``y``.
    None where the sides are not :data:`_APART`.
    """
    third = x.shape[0] // 3
    low, high = x <= x[third - 1], x >= x[-third]
    least, most = np.median(x[low]), np.median(x[high])
    if most < _APART * least:
        return None
    return max(0.0, float((np.median(y[high]) - np.median(y[low])) / (most - least)))


def waits_of(sorts: list[Any], clock: Any, waits: dict[str, Any], backend: Backend) -> Any:
    """Return the days that each node waits after its event: float64, 0 on another clock.

    Of its finest sort that is known; 0 where none is.
    """
    xp = backend.xp
    days = xp.zeros(clock.shape[0])
    is_open = clock == SHARE
    for keys in sorts:
        row = find(keys, waits["key"], backend)
        known = is_open & (row >= 0)
        days[known] = waits["days"][row[known]]
        is_open = is_open & ~known
    return days
