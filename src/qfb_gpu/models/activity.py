"""What a customer does, counted by kind of act and half-month, and read at several cut-off days.

One pass over the payments and the other sources fills a small table a customer; features and
labels of every cut-off are sums of slices of it. A bin of age ``b`` holds the acts of the days
``as_of - 15 b - 14 .. as_of - 15 b``; a cut-off lies ``back`` days before the as-of day, a multiple
of 15, and its features see bins from ``back / 15`` on, its label the bins before: nothing that
happened after a cut-off enters its features.

A reversal is no act. A payment is *standing* when the two gaps before it in its relation are nearly
equal, else *trade*; both look back only. Counts are compared with what the customer's own earlier
rate lets expect, with one payment added on both sides, so that little data says little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.ledger import NULL_DAY
from qfb_kernels.cutoffs import least_cpu, least_gpu, seen_cpu, seen_gpu

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

BIN_DAYS = 15
N_BINS = 48
"""Two years."""
YEAR_DAYS = 360
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
        ``customer``; ``offsets``, shape (n_relations + 1,): its payments in ``day`` and
        ``is_standing``; and ``of_customer``, shape (n_customers + 1,), each customer's relations.
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
    relation = ledger.relation_of_payment(backend, "int32")
    payer = xp.where(ledger.amount_minor > 0, ledger.relation_customer[relation], -1)
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
    first = ledger.day[ledger.relation_offsets[:-1]][None, :]
    first = _least(first, ledger.customer_offsets, backend)[0].astype("int32")
    owner, opened, closed = products
    return Activity(
        counts,
        first,
        {
            "customer": ledger.relation_customer,
            "offsets": ledger.relation_offsets,
            "of_customer": ledger.customer_offsets,
        },
        ledger.day,
        is_standing,
        opened,
        closed,
        owner,
        as_of_day,
    )


def _least(values: Any, offsets: Any, backend: Backend) -> Any:
    """Return the smallest value of each customer's relations: int64, (n_cutoffs, n_customers).

    Parameters
    ----------
    values : int32 array, shape (n_cutoffs, n_relations)
    offsets : int64 array, shape (n_customers + 1,)
        A customer has one relation at least.
    """
    n_customers = offsets.shape[0] - 1
    least = backend.xp.empty((values.shape[0], n_customers), dtype="int64")
    backend.launch(least_cpu, least_gpu, n_customers, values, offsets, least)
    return least


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


def _windows(counts: Any, back: Any, xp: Any) -> Callable[[int, int], Any]:
    """Return :func:`window` for several cut-offs: its answers are (n_cutoffs, n_customers).

    ``back`` has the cut-offs' days before the as-of day; of all ages at once that are asked for.
    """
    sums = xp.zeros((N_BINS + 1, counts.shape[0]), dtype="int64")
    if counts.shape[0]:  # CuPy adds up no rows of nothing
        sums[1:] = xp.cumsum(counts.T, axis=0, dtype="int64")
    seen: dict[int, Any] = {}

    def up_to(days: int) -> Any:
        if days not in seen:
            seen[days] = sums[xp.minimum((back + days) // BIN_DAYS, N_BINS)]
        return seen[days]

    return lambda from_days, to_days: up_to(to_days) - up_to(from_days)


def features_at(activity: Activity, backs: Sequence[int], backend: Backend) -> dict[str, Any]:
    """Return the features of every customer as of some cut-offs.

    Parameters
    ----------
    activity : Activity
    backs : sequence of int
        How many days before the as-of day each cut-off lies.
    backend : Backend

    Returns
    -------
    dict of str to float64 array, shape (n_cutoffs, n_customers); NaN is null
        ``<kind>_drop_30``, ``_60``, ``_90`` (log of acts of the last days over those expected
        from the year before them),
        ``<kind>_drop_180`` (half year over the half year before), ``<kind>_surprise_60``, ``_90``
        (acts less expected over the square root of expected); ``relations_...``;
        ``products_...``; ``tenure_days``; and :data:`LEVELS`.
    """
    xp = backend.xp
    back = xp.asarray(backs, dtype="int32")
    tenure = xp.clip(activity.as_of_day - back[:, None] - activity.first_day, 1, None)
    of_year = xp.clip(tenure - 90, BIN_DAYS, YEAR_DAYS - 90)
    of_half = xp.clip(tenure - _HALF_YEAR, BIN_DAYS, _HALF_YEAR)
    is_long = tenure > _HALF_YEAR + BIN_DAYS
    found: dict[str, Any] = {}
    for kind, counts in activity.counts.items():
        of_age = _windows(counts, back, xp)
        rate = of_age(90, YEAR_DAYS) / of_year
        for days in _RECENT:
            seen, expected = of_age(0, days), rate * days
            found[f"{kind}_drop_{days}"] = xp.log((seen + 1) / (expected + 1))
            if days != _RECENT[0]:
                found[f"{kind}_surprise_{days}"] = (seen - expected) / xp.sqrt(expected + 1)
        half = of_age(0, _HALF_YEAR)
        other = of_age(_HALF_YEAR, YEAR_DAYS) / of_half * _HALF_YEAR
        found[f"{kind}_drop_180"] = xp.where(is_long, xp.log((half + 1) / (other + 1)), xp.nan)
    counts = activity.counts["trade"] + activity.counts["standing"]
    days = xp.minimum(tenure, YEAR_DAYS)
    paid = _windows(counts, back, xp)(0, YEAR_DAYS)
    found["level_payments"] = xp.log((paid + 0.5) / (days + 30) * 90)
    steady = _windows(counts > 0, back, xp)(0, YEAR_DAYS)
    found["level_steadiness"] = steady / (days // BIN_DAYS + 1)
    found |= _relations_at(activity, back, paid, backend)
    found |= _products_at(activity, back, xp)
    found["tenure_days"] = xp.minimum(tenure, 2 * YEAR_DAYS).astype("float64")
    return found


def _relations_at(activity: Activity, back: Any, paid: Any, backend: Backend) -> dict[str, Any]:
    """Return how many of a customer's relations fell silent, and days since its last payment."""
    xp = backend.xp
    shape = paid.shape
    cut = (activity.as_of_day - back)[:, None]
    start, customer = activity.relations["offsets"][:-1], activity.relations["customer"]
    whom = shape[1] * xp.arange(shape[0])[:, None] + customer  # a customer for each cut-off
    n = seen_at(activity, cut, backend)
    last_at = start + xp.maximum(n - 1, 0)
    first, last = activity.day[start], activity.day[last_at]
    quiet, gap = cut - last, (last - first) / xp.maximum(n - 1, 1)
    known = n >= _FEWEST_OF_RELATION
    is_silent = quiet > xp.maximum(_SILENT_GAPS * gap, _SILENT_DAYS)
    recent = quiet <= _FORGOTTEN_DAYS
    is_standing = known & activity.is_standing[last_at] & recent
    ended = is_standing & (quiet > _ENDED_GAPS * gap + _ENDED_DAYS)
    which = [known & is_silent & recent, known & ~is_silent, ended, is_standing]
    silent, alive, n_ended, n_standing = _counts(whom, which, shape, xp)
    since = xp.where(n > 0, quiet, xp.int32(2 * YEAR_DAYS))
    since = _least(since, activity.relations["of_customer"], backend)
    return {
        "relations_silent_share": silent / (silent + alive + 1),
        "relations_standing_ended_share": n_ended / (n_standing + 1),
        "payments_days_since": since.astype("float64"),
        "payments_gaps_since": since * (paid + 1) / YEAR_DAYS,
    }


def seen_at(activity: Activity, cut: Any, backend: Backend) -> Any:
    """Return how many payments of each relation each cut-off sees: (n_cutoffs, n_relations).

    One look at the payments for all cut-offs, whose days ``cut`` has in a column.
    """
    xp, offsets = backend.xp, activity.relations["offsets"]
    order = xp.argsort(cut[:, 0])
    n_relations = offsets.shape[0] - 1
    seen = xp.empty((cut.shape[0], n_relations), dtype="int64")
    backend.launch(seen_cpu, seen_gpu, n_relations, activity.day, offsets, cut[order, 0], seen)
    return seen[xp.argsort(order)]


def _counts(whom: Any, which: list[Any], shape: tuple[int, int], xp: Any) -> list[Any]:
    """Return how often each place is there, by each of several masks: a device waits once."""
    size = shape[0] * shape[1]
    place = whom + size * xp.arange(len(which))[:, None, None]
    found = xp.bincount(place[xp.stack(which)], minlength=len(which) * size)
    found = found.reshape(len(which), *shape)
    return [found[mask] for mask in range(len(which))]


def _products_at(activity: Activity, back: Any, xp: Any) -> dict[str, Any]:
    shape = (back.shape[0], activity.first_day.shape[0])
    cut = (activity.as_of_day - back)[:, None]
    whom = shape[1] * xp.arange(shape[0])[:, None] + activity.owner
    is_closed = (activity.closed != NULL_DAY) & (activity.closed <= cut)
    there = (activity.owner >= 0) & (activity.opened <= cut)
    which = {"products_held": there & ~is_closed}
    for days in _CLOSED_WITHIN:
        which[f"products_closed_{days}"] = there & is_closed & (activity.closed > cut - days)
    counts = _counts(whom, list(which.values()), shape, xp)
    return {name: one.astype("float64") for name, one in zip(which, counts, strict=True)}


def outcomes(
    activity: Activity, backs: Sequence[int], horizon_days: int, xp: Any
) -> dict[str, Any]:
    """Return what a label is made of: payments before each cut-off, and after it.

    Returns
    -------
    dict of arrays, shape (n_cutoffs, n_customers)
        ``expected``: payments that the rate of the year before the cut-off lets expect in the
        horizon; ``came``: those that came; ``tenure_days``; ``n_before``: of that year.
    """
    back = xp.asarray(backs, dtype="int32")
    tenure = activity.as_of_day - back[:, None] - activity.first_day
    counts = activity.counts["trade"] + activity.counts["standing"]
    of_age = _windows(counts, back, xp)
    before = of_age(0, YEAR_DAYS)
    days = xp.clip(tenure + 1, 1, YEAR_DAYS)
    return {
        "expected": before / days * horizon_days,
        "came": of_age(-horizon_days, 0),
        "tenure_days": tenure,
        "n_before": before,
    }
