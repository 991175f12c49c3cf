"""What a customer does, counted by kind of act and half-month, and read at several cut-off days.

One pass over the payments and the other sources fills a small table a customer; features and
labels of every cut-off are sums of slices of it. A bin of age ``b`` holds the acts of the days
``as_of - 15 b - 14 .. as_of - 15 b``; a cut-off lies ``back`` days before the as-of day, a multiple
of 15, and its features see bins from ``back / 15`` on, its label the bins before: nothing that
happened after a cut-off enters its features.

A payment is *standing* when the two gaps before it in its relation are nearly equal, else *trade*;
both look back only. Counts are compared with what the customer's own earlier rate lets expect,
with one payment added on both sides, so that little data says little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import ascending_rows
from qfb_gpu.ledger import NULL_DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

BIN_DAYS = 15
N_BINS = 48
"""Two years."""
YEAR_DAYS = 360
PAYMENT_KINDS = ("trade", "standing")
LEVELS = ("level_payments", "level_steadiness")
"""How much a customer does: log of payments in 90 days, share of half-months paid in."""
_RECENT = (30, 60, 90)
_HALF_YEAR = 180
_SHORTEST_STANDING_GAP = 5
_GAP_SLACK_DAYS, _GAP_SLACK = 3, 0.2
_FEWEST_OF_RELATION = 4
_SILENT_GAPS, _SILENT_DAYS, _FORGOTTEN_DAYS = 3.0, 20, 270
_ENDED_GAPS, _ENDED_DAYS = 1.6, 10
_CLOSED_WITHIN = (60, 120)


@dataclass(frozen=True, slots=True)
class Activity:
    """Acts of the customers of one bucket up to the as-of day, on the backend's device.

    Attributes
    ----------
    counts : dict of kind to int32 array, shape (n_customers, N_BINS)
    first_day : int32 array, shape (n_customers,)
        Of the first payment.
    relations : dict of arrays, shape (n_relations,)
        ``customer``, ``start``, ``stop``: its payments in ``day`` and ``is_standing``; and
        ``of_customer``, shape (n_customers + 1,), each customer's relations.
    day, is_standing : arrays, shape (n_payments,)
    opened, closed, owner : int32 arrays, shape (n_products,)
        Products by their days (``closed`` NULL_DAY while held) and the customer's row.
    """

    counts: dict[str, Any]
    first_day: Any
    relations: dict[str, Any]
    day: Any
    is_standing: Any
    opened: Any
    closed: Any
    owner: Any
    as_of_day: int


def tally(
    ledger: Ledger,
    acts: Mapping[str, tuple[Any, Any]],
    products: tuple[Any, Any, Any],
    as_of_day: int,
    backend: Backend,
) -> Activity:
    """Count the acts of every customer of a ledger.

    Parameters
    ----------
    ledger : Ledger
    acts : mapping of kind to (customer, day)
        E.g. ``claims``, ``visits``: row of the customer (-1: none) and day, int32.
    products : (customer, opened day, closed day)
        int32 arrays, shape (n_products,).
    as_of_day : int
    backend : Backend
    """
    xp = backend.xp
    n_relations = ledger.n_relations
    start, stop = ledger.relation_offsets[:-1], ledger.relation_offsets[1:]
    relation = backend.repeat(xp.arange(n_relations, dtype="int32"), stop - start)
    payer = ledger.relation_customer[relation]
    is_standing = _standing(ledger.day, relation, xp)
    kinds = {
        "trade": (xp.where(is_standing, -1, payer), ledger.day),
        "standing": (xp.where(is_standing, payer, -1), ledger.day),
        **acts,
    }
    counts = {
        kind: _binned(customer, day, ledger.n_customers, as_of_day, xp)
        for kind, (customer, day) in kinds.items()
    }
    first = _least(ledger.day[start], ledger.relation_customer, ledger.customer_offsets, backend)
    owner, opened, closed = products
    return Activity(
        counts,
        first,
        {
            "customer": ledger.relation_customer,
            "start": start,
            "stop": stop,
            "of_customer": ledger.customer_offsets,
        },
        ledger.day,
        is_standing,
        opened,
        closed,
        owner,
        as_of_day,
    )


def _least(values: Any, customer: Any, offsets: Any, backend: Backend) -> Any:
    """Return each customer's smallest value of its relations, of which it has one at least."""
    _, ascending = ascending_rows((customer, values), backend)
    return ascending[offsets[:-1]]


def _standing(day: Any, relation: Any, xp: Any) -> Any:
    """Return whether the two gaps before a payment in its relation are nearly equal."""
    found = xp.zeros(day.shape[0], dtype=bool)
    gap, before = day[2:] - day[1:-1], day[1:-1] - day[:-2]
    near = abs(gap - before) <= xp.maximum(_GAP_SLACK_DAYS, _GAP_SLACK * xp.maximum(gap, before))
    long_enough = xp.minimum(gap, before) >= _SHORTEST_STANDING_GAP
    found[2:] = near & long_enough & (relation[2:] == relation[:-2])
    return found


def _binned(customer: Any, day: Any, n_customers: int, as_of_day: int, xp: Any) -> Any:
    age = (as_of_day - day) // BIN_DAYS
    seen = (customer >= 0) & (age >= 0) & (age < N_BINS)
    at = customer[seen].astype("int64") * N_BINS + age[seen]
    counts = xp.bincount(at, minlength=n_customers * N_BINS)
    return counts.astype("int32").reshape(n_customers, N_BINS)


def window(counts: Any, back: int, from_days: int, to_days: int) -> Any:
    """Return the acts aged ``from_days`` up to ``to_days`` at a cut-off: int64, (n_customers,)."""
    start = (back + from_days) // BIN_DAYS
    return counts[:, start : (back + to_days) // BIN_DAYS].sum(axis=1)


def features_at(activity: Activity, back: int, backend: Backend) -> dict[str, Any]:
    """Return the features of every customer as of ``back`` days before the as-of day.

    Returns
    -------
    dict of str to float64 array, shape (n_customers,); NaN is null
        ``<kind>_drop_30``, ``_60``, ``_90`` (log of acts of the last days over those expected
        from the year before them),
        ``<kind>_drop_180`` (half year over the half year before), ``<kind>_surprise_60``, ``_90``
        (acts less expected over the square root of expected); ``relations_...``;
        ``products_...``; ``tenure_days``; and :data:`LEVELS`.
    """
    xp = backend.xp
    tenure = xp.clip(activity.as_of_day - back - activity.first_day, 1, None)
    found: dict[str, Any] = {}
    for kind, counts in activity.counts.items():
        earlier = window(counts, back, 90, YEAR_DAYS)
        rate = earlier / xp.clip(tenure - 90, BIN_DAYS, YEAR_DAYS - 90)
        for days in _RECENT:
            seen, expected = window(counts, back, 0, days), rate * days
            found[f"{kind}_drop_{days}"] = xp.log((seen + 1) / (expected + 1))
            if days != _RECENT[0]:
                found[f"{kind}_surprise_{days}"] = (seen - expected) / xp.sqrt(expected + 1)
        half = window(counts, back, 0, _HALF_YEAR)
        other = window(counts, back, _HALF_YEAR, YEAR_DAYS)
        other = other / xp.clip(tenure - _HALF_YEAR, BIN_DAYS, _HALF_YEAR) * _HALF_YEAR
        is_long = tenure > _HALF_YEAR + BIN_DAYS
        found[f"{kind}_drop_180"] = xp.where(is_long, xp.log((half + 1) / (other + 1)), xp.nan)
    found |= _levels_at(activity, back, tenure, xp)
    found |= _relations_at(activity, back, backend)
    found |= _products_at(activity, back, xp)
    found["tenure_days"] = xp.minimum(tenure, 2 * YEAR_DAYS).astype("float64")
    return found


def _levels_at(activity: Activity, back: int, tenure: Any, xp: Any) -> dict[str, Any]:
    """Return how much and how steadily a customer pays, whatever the length of its history."""
    counts = activity.counts["trade"] + activity.counts["standing"]
    start = back // BIN_DAYS
    year = counts[:, start : start + YEAR_DAYS // BIN_DAYS]
    days = xp.minimum(tenure, YEAR_DAYS)
    return {
        "level_payments": xp.log((year.sum(axis=1) + 0.5) / (days + 30) * 90),
        "level_steadiness": (year > 0).sum(axis=1) / (days // BIN_DAYS + 1),
    }


def _relations_at(activity: Activity, back: int, backend: Backend) -> dict[str, Any]:
    """Return how many of a customer's relations fell silent, and days since its last payment."""
    xp = backend.xp
    n_customers, cut = activity.first_day.shape[0], activity.as_of_day - back
    start, customer = activity.relations["start"], activity.relations["customer"]
    seen = xp.concatenate([xp.zeros(1, "int64"), xp.cumsum(activity.day <= cut)])
    n = seen[activity.relations["stop"]] - seen[start]
    last_at = start + xp.maximum(n - 1, 0)
    first, last = activity.day[start], activity.day[last_at]
    quiet, gap = cut - last, (last - first) / xp.maximum(n - 1, 1)
    known = n >= _FEWEST_OF_RELATION
    is_silent = quiet > xp.maximum(_SILENT_GAPS * gap, _SILENT_DAYS)
    recent = quiet <= _FORGOTTEN_DAYS
    silent = _count(customer, known & is_silent & recent, n_customers, xp)
    alive = _count(customer, known & ~is_silent, n_customers, xp)
    is_standing = known & activity.is_standing[last_at] & recent
    ended = is_standing & (quiet > _ENDED_GAPS * gap + _ENDED_DAYS)
    since = xp.where(n > 0, quiet, 2 * YEAR_DAYS).astype("int64")
    since = _least(since, customer, activity.relations["of_customer"], backend)
    paid = sum(window(activity.counts[kind], back, 0, YEAR_DAYS) for kind in PAYMENT_KINDS)
    return {
        "relations_silent_share": silent / (silent + alive + 1),
        "relations_standing_ended_share": _count(customer, ended, n_customers, xp)
        / (_count(customer, is_standing, n_customers, xp) + 1),
        "payments_days_since": since.astype("float64"),
        "payments_gaps_since": since * (paid + 1) / YEAR_DAYS,
    }


def _count(customer: Any, which: Any, n_customers: int, xp: Any) -> Any:
    return xp.bincount(customer[which], minlength=n_customers)


def _products_at(activity: Activity, back: int, xp: Any) -> dict[str, Any]:
    n_customers, cut = activity.first_day.shape[0], activity.as_of_day - back
    is_closed = (activity.closed != NULL_DAY) & (activity.closed <= cut)
    there = (activity.owner >= 0) & (activity.opened <= cut)
    found = {"products_held": _count(activity.owner, there & ~is_closed, n_customers, xp)}
    for days in _CLOSED_WITHIN:
        lately = there & is_closed & (activity.closed > cut - days)
        found[f"products_closed_{days}"] = _count(activity.owner, lately, n_customers, xp)
    return {name: values.astype("float64") for name, values in found.items()}


def outcome(activity: Activity, back: int, horizon_days: int, xp: Any) -> dict[str, Any]:
    """Return what a label is made of: payments before a cut-off, and after it.

    Returns
    -------
    dict of arrays, shape (n_customers,)
        ``expected``: payments that the rate of the year before the cut-off lets expect in the
        horizon; ``came``: those that came; ``tenure_days``; ``n_before``: of that year.
    """
    tenure = activity.as_of_day - back - activity.first_day
    counts = activity.counts["trade"] + activity.counts["standing"]
    before = window(counts, back, 0, YEAR_DAYS)
    days = xp.clip(tenure + 1, 1, YEAR_DAYS)
    return {
        "expected": before / days * horizon_days,
        "came": window(counts, back - horizon_days, 0, horizon_days),
        "tenure_days": tenure,
        "n_before": before,
    }
