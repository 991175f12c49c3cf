"""When a node is paid: due dates that a clause gives, and how long nodes of its sort take.

A node's time is measured in one of four ways, :data:`CLOCKS`:

``due``       days after the due date, where the clause and the contract's dates give one: days
              after the signature, or days after a warranty that begins at the contract's end;
``event``     share of the contract's length (start 0, end 1) at which the event falls, its payment
              being due so many days later, where the clause gives those and there is an end;
``share``     the same where the clause does not give the days and there is an end: they are learnt
              (:mod:`waits`), 0 where they could not be;
``days``      days after the start otherwise.

Nodes that are not paid yet are censored at the as-of date; Kaplan-Meier curves of all contracts
(:mod:`survival`) then say when such a node is paid, given that it was not paid until today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.calendars import first_day, month_index
from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.contracts import length_days
from qfb_gpu.finance.due_rules import MONTH_END, MONTH_END_WORKING, NEXT_MONTH_DAY, WORKING
from qfb_gpu.finance.joins import first_of_group, mix, starts
from qfb_gpu.finance.survival import curve_of, quantile, step_after, surviving
from qfb_gpu.ledger import NULL_DAY

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.finance.contracts import Contracts
    from qfb_gpu.finance.nodes import Nodes
    from qfb_gpu.ledger import Calendar

CLOCKS = ("due", "event", "share", "days")
DUE, EVENT, SHARE, DAYS = range(len(CLOCKS))
LEVELS = 3
"""Of pooling: nodes of one share after one share in a category; of a kind in it; of a kind."""
FEWEST_EVENTS = 10
"""Later than today, below which a coarser sort is taken."""
FEWEST_OWN = 2
"""Paid nodes of a category that tell that it pays at another time than the others."""
RANGE = (0.05, 0.5, 0.95)
_HALF_MONTH = 15
"""Days from an event to the end of its month, on average."""


def due_days(
    nodes: Nodes, contracts: Contracts, calendar: Calendar, backend: Backend, *, by_month: bool
) -> Any:
    """Return the due date that clause and contract give: int32 days, ``NULL_DAY`` where none.

    Signature is the start date; a warranty is taken to begin on the contract's end date. Days are
    counted as ``DAY_KINDS`` says: a day of the next month that it does not have is its last.
    ``by_month`` says whether any node may be due by the month.
    """
    xp = backend.xp
    event, is_warranty = event_days(nodes, contracts, backend)
    is_signed = nodes.trigger == words.SIGNED
    days = xp.where(nodes.days == NULL_DAY, 0, nodes.days)
    kind, base, is_working = nodes.day_kind, event, nodes.day_kind == WORKING
    if by_month:
        month = month_index(event, xp)
        last, last_of_next = (first_day(month + i, xp) - 1 for i in (1, 2))
        base = xp.where(kind >= MONTH_END, last, event)
        is_working = is_working | (kind == MONTH_END_WORKING)
    due = xp.where(is_working, _add_working(base, days, calendar, backend), base + days)
    if by_month:
        due = xp.where(kind == NEXT_MONTH_DAY, xp.minimum(due, last_of_next), due)
    says = nodes.days != NULL_DAY
    return xp.where((is_signed & says) | is_warranty, due, NULL_DAY).astype("int32")


def usual_days(nodes: Nodes, backend: Backend) -> Any:
    """Return the days after its event at which a node is due: int32, ``NULL_DAY`` where not said.

    Where it is due by the month, and no source has the day of the event, that of the middle of a
    month.
    """
    by_month = (nodes.day_kind >= MONTH_END) & (nodes.days != NULL_DAY)
    return backend.xp.where(by_month, nodes.days + _HALF_MONTH, nodes.days).astype("int32")


def event_days(nodes: Nodes, contracts: Contracts, backend: Backend) -> tuple[Any, Any]:
    """Return the day after which due days are counted, and whether it is a warranty's last one.

    int64 and bool, shape (n_nodes,). Of nodes without a due date the day is the contract's start.
    """
    start = contracts.start_day[nodes.contract].astype("int64")
    end = contracts.end_day[nodes.contract].astype("int64")
    is_warranty = (nodes.trigger == words.WARRANTY_END) & (end != NULL_DAY)
    return backend.xp.where(is_warranty, end + nodes.warranty_days, start), is_warranty


def _add_working(day: Any, n: Any, calendar: Calendar, backend: Backend) -> Any:
    """Return the ``n``-th working day after ``day``; outside the calendar Monday to Friday are."""
    xp = backend.xp
    working = backend.asarray(calendar.is_working)
    until = xp.cumsum(working.astype("int64"))
    place = xp.clip(day - calendar.first_day, 0, working.shape[0] - 1)
    found = xp.searchsorted(until, until[place] + n)
    is_known = (day >= calendar.first_day) & (found < working.shape[0])
    friday = day - xp.maximum((day + 3) % 7 - 4, 0)  # 1970-01-01 was a Thursday
    more = (friday + 3) % 7 + n
    weekday = friday - (friday + 3) % 7 + more // 5 * 7 + more % 5
    return xp.where(n > 0, xp.where(is_known, found + calendar.first_day, weekday), day)


def clocks(nodes: Nodes, due: Any, contracts: Contracts, backend: Backend) -> dict[str, Any]:
    """Return each node's clock: ``clock`` (int8), ``origin`` (float64 day), ``unit`` (days)."""
    xp = backend.xp
    length = length_days(contracts, backend)[nodes.contract]
    start = contracts.start_day[nodes.contract].astype("float64")
    has_due, has_length = due != NULL_DAY, ~xp.isnan(length)
    has_days = has_length & (nodes.days != NULL_DAY) & (nodes.trigger != words.SIGNED)
    clock = xp.where(has_days, EVENT, xp.where(has_length, SHARE, DAYS))
    begin = xp.where(has_days & ~has_due, start + usual_days(nodes, backend), start)
    return {
        "clock": xp.where(has_due, DUE, clock).astype("int8"),
        "origin": xp.where(has_due, due.astype("float64"), begin),
        "unit": xp.where(has_length & ~has_due, length, 1.0),
    }


def sorts(nodes: Nodes, clock: Any, category_key: Any, backend: Backend) -> list[Any]:
    """Return the sort of each node at every level of pooling: int64 keys, finest first."""
    xp = backend.xp
    points = nodes.basis_points.astype("int64")
    running = xp.cumsum(points) - points
    before = running - running[first_of_group(starts((nodes.contract,), backend), backend)]
    category = category_key[nodes.contract]
    kind, ones = nodes.kind.astype("int64"), xp.ones(nodes.n, dtype="int64")
    return [
        mix((ones * 0, category, kind, clock, points, before), backend),
        mix((ones, category, kind, clock), backend),
        mix((ones * 2, kind, clock), backend),
    ]


def forecast(
    sort: list[Any], now: Any, clock: Any, curves: dict[str, Any], backend: Backend
) -> dict[str, Any]:
    """Return when nodes that are still open are paid, on their own clock.

    Parameters
    ----------
    sort : list of int64 arrays, shape (n_nodes,)
        From :func:`sorts`.
    now : float64 array, shape (n_nodes,), the as-of date on each node's clock
    clock : int8 array, shape (n_nodes,), from :func:`clocks`
    curves : dict
        From :func:`survival.kaplan_meier` over all contracts, at every level.

    Returns
    -------
    dict of arrays, shape (n_nodes,)
        ``early``, ``middle`` and ``late`` (float64, 5%, 50% and 95% of such nodes that had not
        been paid by ``now`` were paid by then; NaN where the curve does not fall that far,
        ``early`` and ``late`` also where fewer than :data:`FEWEST_EVENTS` took longer than
        ``now``: the least and greatest of n hold the next one (n - 1) of (n + 1) times, of 10 to 18
        still only 82 to 89 of 100; and where other categories' nodes are asked, on another clock
        than ``due``, and those of its own were not paid when theirs were; where
        :data:`FEWEST_OWN` of its own or more say so, they alone are asked, few as they are),
        ``chance`` (float64, share of them that were paid at all within what was seen), ``level``
        (int8, of pooling; -1 where there is no curve) and ``n_events`` (int64, paid nodes of the
        sort that took longer than ``now``).
    """
    xp = backend.xp
    low, high, to_come, level, mixed = _pooled(sort, now, clock, curves, backend)
    n_later = high - to_come
    waiting = surviving(curves, low, to_come, backend)
    known = (level >= 0) & (waiting > 0)
    early, middle, late = (
        xp.where(known, quantile(curves, to_come, high, waiting * (1 - q), backend), xp.nan)
        for q in _of_sample(n_later, xp)
    )
    untold = (n_later < FEWEST_EVENTS) | mixed
    early, late = xp.where(untold, xp.nan, early), xp.where(untold, xp.nan, late)
    last = xp.maximum(high - 1, 0)
    end = curves["survival"][last] if curves["survival"].shape[0] else xp.ones(level.shape[0])
    chance = xp.where(known, 1 - end / xp.maximum(waiting, 1e-12), xp.nan)
    return {
        "early": early, "middle": middle, "late": late, "chance": chance, "level": level,
        "n_events": n_later,
    }  # fmt: skip


def _pooled(
    sort: list[Any], now: Any, clock: Any, curves: dict[str, Any], backend: Backend
) -> tuple[Any, ...]:
    """Return which curve each node is forecast by, and from which of its steps on.

    Its begin and end, the first step later than ``now`` (the least that a quantile may be), its
    level, and whether other categories were to be asked that do not pay when its own does.
    """
    xp = backend.xp
    n = now.shape[0]
    low, high = xp.zeros(n, dtype="int64"), xp.zeros(n, dtype="int64")
    to_come, level = low, xp.full(n, -1, dtype="int8")
    for at, keys in enumerate(sort):
        begin, end = curve_of(keys, curves, backend)
        later = step_after(curves, begin, end, now, backend)
        fewest = 1 if at == LEVELS - 1 else FEWEST_EVENTS
        take = (level < 0) & (end - later >= fewest)
        low, high, to_come, level = _where(
            take, (begin, end, later, at), (low, high, to_come, level), xp
        )
    mixed = (level == LEVELS - 1) & (clock != DUE) & ~_is_alike(sort, curves, backend)
    begin, end = curve_of(sort[-2], curves, backend)
    later = step_after(curves, begin, end, now, backend)
    at = xp.where(end > later, LEVELS - 2, -1)
    own = mixed & (end - begin >= FEWEST_OWN)
    chosen = _where(own, (begin, end, later, at), (low, high, to_come, level), xp)
    return (*chosen, mixed)


def _where(which: Any, new: tuple[Any, ...], old: tuple[Any, ...], xp: Any) -> tuple[Any, ...]:
    both = zip(new, old, strict=True)
    return tuple(xp.where(which, one, other).astype(other.dtype) for one, other in both)


def _is_alike(sort: list[Any], curves: dict[str, Any], backend: Backend) -> Any:
    """Return of which nodes the own category's were paid when other categories' of the kind were.

    The middle one of its paid nodes lies within 90% of theirs. Of a category without any paid node
    of the kind it cannot be told. Where in a contract a delivery falls is a matter of its category:
    leases are delivered at a fifth of their length, goods at six tenths; a range of goods would
    hold no lease.
    """
    xp = backend.xp
    own, stop = curve_of(sort[-2], curves, backend)
    low, high = curve_of(sort[-1], curves, backend)
    times = curves["time"]
    if times.shape[0] == 0:
        return own < stop
    middle = times[xp.minimum((own + stop) // 2, times.shape[0] - 1)]
    earlier = step_after(curves, low, high, middle, backend) - low
    earlier = earlier - (step_after(curves, own, stop, middle, backend) - own)
    n_others = (high - low) - (stop - own)
    least, _, most = RANGE
    return (own < stop) & (earlier >= least * n_others) & (earlier <= most * n_others)


def _of_sample(n_later: Any, xp: Any) -> tuple[Any, ...]:
    """Return the quantiles of a sample between which the next value falls 90 times of 100.

    The next value lies below the i-th of n with probability i / (n + 1); few values reach no
    further than their least and greatest.
    """
    n = xp.maximum(n_later, 1)
    low, middle, high = RANGE
    return (
        xp.maximum((low * (n + 1) - 1) / n, 0.0),
        xp.full(n.shape[0], middle),
        xp.minimum(high * (n + 1) / n, 1.0),
    )
