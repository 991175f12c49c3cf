"""Fan-in and fan-out: with how many different parties a customer dealt within some days."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import distinct_below, first_in_run
from qfb_gpu.schema import DIRECTIONS
from qfb_kernels.cutoffs import least_cpu, least_gpu

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

_DENSE = 4
"""Days of all groups for each time that a party comes, up to which every day is counted."""
_MOST_SMALL = 2**31
NAMES = {"in": "fan_in_peak", "out": "fan_out_peak"}


def fan_peaks(
    ledger: Ledger, as_of_day: int, lookback_days: int, window_days: int, backend: Backend
) -> dict[str, Any]:
    """Return the most parties that paid, or were paid by, a customer within a window.

    Parameters
    ----------
    ledger : Ledger
    as_of_day, lookback_days : int
        Payments of the last ``lookback_days`` count.
    window_days : int
        A window is so many days in a row and the day before them.
    backend : Backend

    Returns
    -------
    dict of int32 arrays, shape (n_customers,)
        ``fan_in_peak`` and ``fan_out_peak``, the largest over currencies; parties that are not
        named do not count.
    """
    xp = backend.xp
    relation = ledger.relation_of_payment(backend, "int32")
    seen = (ledger.day > as_of_day - lookback_days) & (ledger.counterparty_key[relation] != 0)
    relation, day = relation[seen], ledger.day[seen].astype("int64")
    # a party is near from its payment until the window is over; near times of one party join
    opens = xp.ones(day.shape[0], dtype=bool)
    opens[1:] = (relation[1:] != relation[:-1]) | (day[1:] - day[:-1] > window_days)
    closes = xp.ones(day.shape[0], dtype=bool)
    closes[:-1] = opens[1:]
    group, shape = _groups(ledger, xp)
    n_groups = math.prod(shape)
    there = distinct_below(group, n_groups, xp)
    place = xp.zeros(n_groups, dtype="int64")
    place[there] = xp.arange(there.shape[0])
    place = place[group]
    n_days, first_day = lookback_days + window_days + 1, as_of_day - lookback_days + 1
    n_cells = there.shape[0] * n_days
    is_small = n_cells < _MOST_SMALL
    opened, closed = (
        (place[relation[at]] * n_days + when - first_day).astype("int32" if is_small else "int64")
        for at, when in ((opens, day[opens]), (closes, day[closes] + window_days + 1))
    )
    if 0 < n_cells <= _DENSE * opened.shape[0]:
        near = _peaks_by_day(opened, closed, there.shape[0], n_days, xp)
    else:
        near = _peaks_in_order(opened, closed, there.shape[0], n_days, backend)
    peaks = xp.zeros(n_groups, dtype="int32")
    peaks[there] = near
    peaks = peaks.reshape(shape)
    largest = peaks.max(axis=0) if shape[0] else xp.zeros(shape[1:], dtype="int32")
    return {NAMES[direction]: largest[code] for code, direction in enumerate(DIRECTIONS)}


def _peaks_by_day(opened: Any, closed: Any, n_groups: int, n_days: int, xp: Any) -> Any:
    """Return how many parties were near at most, by group: int32, from a count for each day."""
    came, went = (xp.bincount(cell, minlength=n_groups * n_days) for cell in (opened, closed))
    change = (came - went).astype("int32").reshape(n_groups, n_days)
    return xp.cumsum(change, axis=1, dtype="int32").max(axis=1)


def _peaks_in_order(opened: Any, closed: Any, n_groups: int, n_days: int, backend: Backend) -> Any:
    """Return the same from the group and day at which parties come and go, in order.

    Most are near when one has come: so many as had come by then, less those that had gone. All
    that came in the groups before have gone there.
    """
    xp = backend.xp
    peaks = xp.zeros(n_groups, dtype="int32")
    n = opened.shape[0]
    if n == 0:
        return peaks
    opened, closed = xp.sort(opened), xp.sort(closed)
    gone = xp.searchsorted(closed, opened, side="right")
    below = (gone - xp.arange(1, n + 1)).astype("int32")
    who = opened // n_days
    start = xp.nonzero(first_in_run(who, xp))[0]
    offsets = xp.concatenate([start, xp.full(1, n, dtype="int64")])
    least = xp.empty((1, start.shape[0]), dtype="int64")
    backend.launch(least_cpu, least_gpu, start.shape[0], below[None, :], offsets, least)
    peaks[who[start]] = (-least[0]).astype("int32")
    return peaks


def _groups(ledger: Ledger, xp: Any) -> tuple[Any, tuple[int, int, int]]:
    """Return each relation's (currency, direction, customer) as one number; how many of each."""
    distinct, currency = xp.unique(ledger.currency, return_inverse=True)
    group = currency * len(DIRECTIONS) + ledger.direction
    group = group * ledger.n_customers + ledger.relation_customer
    return group, (int(distinct.shape[0]), len(DIRECTIONS), ledger.n_customers)
