"""Orders and what was known of them on a day: the past of their supplier, buyer, item and pair.

All orders of the night in flat arrays, in any order. A *look* is a pair (order, day): the order as
it stood that day. What a look knows of others are sums over events before its day: an order that
fell due, one that failed, one that came. Events are sorted once by (group, day) with running
sums, so a look is answered by two binary searches, whatever the length of the history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from qfb_gpu.ledger import NULL_DAY, NULL_MINOR

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

NEVER = 2**28
"""The day of what has not happened; later than any date."""
_SPAN, _SHIFT = 2**29, 2**27
"""Days of a group's part of the sorted events, and what makes days before 1970 positive."""
RECENT_DAYS = 180
YEAR_DAYS = 365
_WEIGHT = 8.0
"""Orders that a group's parent counts for when its rate is shrunk."""
_LOG_SCALE = 2**28
"""Parts of a log that is summed: so many of any int64 fit for hundreds of millions of orders."""
_STEPS = 1000
"""Parts of a log ratio: so coarse that other units of money, which are rounded otherwise, and a
device's own last bits move next to none."""
_SHORT = 1e-6

FEATURES = (
    "supplier_late_rate", "supplier_recent_rate", "pair_late_rate", "item_late_rate",
    "buyer_late_rate", "supplier_n_due", "pair_n_due", "pair_delay_days", "supplier_overdue",
    "supplier_load", "supplier_known_days", "lead_days", "lead_ratio", "amount_ratio",
    "elapsed_share", "days_to_due",
)  # fmt: skip


QUOTED = (
    "supplier_failed", "pair_failed", "item_n_due", "item_failed", "buyer_n_due", "buyer_failed",
    "recent_n_due", "recent_failed", "supplier_n_open", "supplier_n_year",
)  # fmt: skip
"""``recent``: of the supplier's in :data:`RECENT_DAYS`; its open orders, and those of a year."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders with a due date, shape (n_orders,) each, on the backend's device.

    Attributes
    ----------
    customer, supplier, item : int64, hashes; 0 where not given: such an order has no history but
        its own, as one of a supplier, or an item, that nobody saw before
    order_day, due_day : int64, days since 1970-01-01
    full_day : int64, the day it was delivered in full; ``NEVER`` while it was not
    closed_day : int64, the day after which nothing more is awaited (in full, or short for good)
    amount_minor : int64, ``NULL_MINOR`` where not given
    currency : int16
    """

    customer: Any
    supplier: Any
    item: Any
    order_day: Any
    due_day: Any
    full_day: Any
    closed_day: Any
    amount_minor: Any
    currency: Any

    @property
    def failed(self) -> Any:
        """Whether it had not come in full by its due date (true of those not due yet, too)."""
        return self.full_day > self.due_day


class _Past(NamedTuple):
    """Events of groups: (group, day) ascending, each group's first, running sums from 0."""

    key: Any
    starts: Any
    sums: Any


def make_orders(columns: dict[str, Any], backend: Backend) -> Orders:
    """Return orders from their source columns; all have an order date and a due date.

    Parameters
    ----------
    columns : dict of arrays, shape (n_orders,)
        ``customer``, ``supplier``, ``item`` (int64 hashes), ``order_date``, ``due_date``,
        ``delivered_date`` (int32 days), ``quantity``, ``quantity_delivered`` (float64, NaN),
        ``amount_minor``, ``currency``.
    """
    xp = backend.xp
    given = {name: backend.asarray(values) for name, values in columns.items()}
    came = given["delivered_date"] != NULL_DAY
    day = xp.where(came, given["delivered_date"].astype("int64"), NEVER)
    ordered, delivered = given["quantity"], given["quantity_delivered"]
    is_short = came & (delivered < ordered * (1 - _SHORT))  # false where either is not given
    return Orders(
        customer=given["customer"],
        supplier=given["supplier"],
        item=given["item"],
        order_day=given["order_date"].astype("int64"),
        due_day=given["due_date"].astype("int64"),
        full_day=xp.where(is_short, NEVER, day),
        closed_day=day,
        amount_minor=given["amount_minor"],
        currency=given["currency"],
    )


def look_features(orders: Orders, row: Any, day: Any, backend: Backend) -> dict[str, Any]:
    """Return what was known of each look.

    Parameters
    ----------
    orders : Orders
    row : int64 array, shape (n_looks,)
        The order that is looked at.
    day : int64 array, shape (n_looks,)
        The day of the look; only events before it are seen.

    Returns
    -------
    dict of float64 arrays, shape (n_looks,)
        :data:`FEATURES`, and the counts that reasons quote, :data:`QUOTED`.
    """
    xp = backend.xp
    groups = _groups(orders, backend)
    found = {name: _rates(orders, group, row, day, backend) for name, group in groups.items()}
    base = (found["all"]["failed"] + 1.0) / (found["all"]["n_due"] + 4.0)
    supplier, pair, item, buyer = (found[name] for name in ("supplier", "pair", "item", "buyer"))
    rate = _shrunk(supplier["failed"], supplier["n_due"], base)
    recent = _rates(orders, groups["supplier"], row, day, backend, RECENT_DAYS)
    lead = (orders.due_day - orders.order_day)[row].astype("float64")
    return {
        "supplier_late_rate": rate,
        "supplier_recent_rate": _shrunk(recent["failed"], recent["n_due"], rate),
        "pair_late_rate": _shrunk(pair["failed"], pair["n_due"], rate),
        "item_late_rate": _shrunk(item["failed"], item["n_due"], base),
        "buyer_late_rate": _shrunk(buyer["failed"], buyer["n_due"], base),
        "supplier_n_due": supplier["n_due"],
        "pair_n_due": pair["n_due"],
        "supplier_failed": supplier["failed"],
        "pair_failed": pair["failed"],
        "item_n_due": item["n_due"],
        "item_failed": item["failed"],
        "buyer_n_due": buyer["n_due"],
        "buyer_failed": buyer["failed"],
        "recent_n_due": recent["n_due"],
        "recent_failed": recent["failed"],
        **_delays(orders, groups, row, day, backend),
        **_usual(orders, groups, row, day, backend),
        "lead_days": lead,
        "elapsed_share": (day - orders.order_day[row]) / xp.maximum(lead, 1.0),
        "days_to_due": (orders.due_day[row] - day).astype("float64"),
    }


def _groups(orders: Orders, backend: Backend) -> dict[str, Any]:
    """Return dense int64 group numbers of each order; who is not given is nobody's history."""
    xp = backend.xp
    number = {
        name: _numbers(getattr(orders, column), xp)
        for name, column in (("supplier", "supplier"), ("item", "item"), ("buyer", "customer"))
    }
    n_buyers = int(number["buyer"].max()) + 1 if number["buyer"].shape[0] else 1
    pair = number["supplier"] * n_buyers + number["buyer"]
    money = number["supplier"] * 2**15 + orders.currency
    return {
        **number,
        "pair": xp.unique(pair, return_inverse=True)[1].astype("int64"),
        "money": xp.unique(money, return_inverse=True)[1].astype("int64"),
        "all": xp.zeros_like(number["supplier"]),
    }


def _numbers(keys: Any, xp: Any) -> Any:
    """Return a number each key, from 0 on; each 0 has a number of its own."""
    there, number = xp.unique(keys, return_inverse=True)
    nobody = xp.nonzero(keys == 0)[0]
    number = number.astype("int64")
    if nobody.shape[0]:
        number[nobody] = int(there.shape[0]) + xp.arange(nobody.shape[0], dtype="int64")
    return number


def _past(group: Any, day: Any, values: tuple[Any, ...], backend: Backend) -> _Past:
    """Return the events of groups; ``values`` (int64, 1 for a count) are what is summed of them."""
    xp = backend.xp
    key = group * _SPAN + day + _SHIFT
    order = xp.argsort(key)
    key = key[order]
    sums = xp.zeros((len(values), key.shape[0] + 1), dtype="int64")
    for at, one in enumerate(values):
        sums[at, 1:] = xp.cumsum(one[order])
    n_groups = int(key[-1] // _SPAN) + 1 if key.shape[0] else 0
    starts = xp.searchsorted(key, xp.arange(n_groups + 1, dtype="int64") * _SPAN)
    return _Past(key, starts, sums)


def _before(past: _Past, group: Any, day: Any, backend: Backend) -> list[Any]:
    """Return the sums of a group's events before a day, one array a value."""
    xp = backend.xp
    last = xp.searchsorted(past.key, group * _SPAN + day + _SHIFT)
    first = past.starts[xp.minimum(group, past.starts.shape[0] - 1)]
    rows = (past.sums[at] for at in range(past.sums.shape[0]))
    return [one[last] - one[first] for one in rows]


def _rates(
    orders: Orders, group: Any, row: Any, day: Any, backend: Backend, days: int | None = None
) -> dict[str, Any]:
    """Return how many orders of the look's group were due before its day, and failed."""
    xp = backend.xp
    mine = group[row]
    values = (xp.ones_like(group), orders.failed.astype("int64"))
    past = _past(group, orders.due_day, values, backend)
    counts = _before(past, mine, day, backend)
    if days is not None:
        earlier = _before(past, mine, day - days, backend)
        counts = [count - old for count, old in zip(counts, earlier, strict=True)]
    n_due, failed = (count.astype("float64") for count in counts)
    return {"n_due": n_due, "failed": failed}


def _shrunk(failed: Any, n_due: Any, parent: Any) -> Any:
    return (failed + _WEIGHT * parent) / (n_due + _WEIGHT)


def _delays(
    orders: Orders, groups: dict[str, Any], row: Any, day: Any, backend: Backend
) -> dict[str, Any]:
    """Return the pair's usual delay, and what of the supplier's is overdue or open that day."""
    xp = backend.xp
    supplier, pair = groups["supplier"], groups["pair"]
    late = xp.nonzero(orders.failed & (orders.full_day < NEVER))[0]
    delay = (orders.full_day - orders.due_day)[late]
    came = _past(pair[late], orders.full_day[late], (xp.ones_like(delay), delay), backend)
    n_came, total = _before(came, pair[row], day, backend)
    mine = supplier[row]
    ones = xp.ones_like(orders.due_day)
    failed = _past(supplier, orders.due_day, (orders.failed.astype("int64"),), backend)
    bad = xp.nonzero(orders.failed)[0]
    end = xp.maximum(orders.closed_day, orders.due_day)[bad]
    over = _past(supplier[bad], end, (ones[bad],), backend)
    placed = _past(supplier, orders.order_day, (ones,), backend)
    closed = _past(supplier, orders.closed_day, (ones,), backend)
    n_placed = _before(placed, mine, day, backend)[0]
    is_open = n_placed - _before(closed, mine, day, backend)[0]
    year = n_placed - _before(placed, mine, day - YEAR_DAYS, backend)[0]
    overdue = _before(failed, mine, day, backend)[0] - _before(over, mine, day, backend)[0]
    return {
        "pair_delay_days": xp.where(n_came > 0, total / xp.maximum(n_came, 1), xp.nan),
        "supplier_overdue": xp.maximum(overdue, 0).astype("float64"),
        "supplier_load": is_open / xp.maximum(year, 1),
        "supplier_n_open": is_open.astype("float64"),
        "supplier_n_year": year.astype("float64"),
    }


def _usual(
    orders: Orders, groups: dict[str, Any], row: Any, day: Any, backend: Backend
) -> dict[str, Any]:
    """Return how the order differs from the supplier's usual, as logs of ratios; NaN if unknown."""
    xp = backend.xp
    start = orders.order_day[row]
    supplier = groups["supplier"]
    lead = xp.maximum(orders.due_day - orders.order_day, 1)
    has_money = (orders.amount_minor > 0) & (orders.amount_minor != NULL_MINOR)
    amount = xp.where(has_money, orders.amount_minor, 1)
    every = xp.ones_like(has_money)
    first = _first_day(supplier, orders.order_day, backend)
    return {
        "supplier_known_days": xp.maximum(day - first[row], 0).astype("float64"),
        "lead_ratio": _log_ratio(orders, supplier, lead, every, row, start, backend),
        "amount_ratio": _log_ratio(orders, groups["money"], amount, has_money, row, start, backend),
    }


def _first_day(group: Any, day: Any, backend: Backend) -> Any:
    """Return the earliest day of each row's group."""
    xp = backend.xp
    past = _past(group, day, (xp.ones_like(group),), backend)
    return past.key[past.starts[group]] - group * _SPAN - _SHIFT


def _log_ratio(
    orders: Orders, group: Any, value: Any, known: Any, row: Any, start: Any, backend: Backend
) -> Any:
    """Return log(value / geometric mean of the group's earlier orders); logs are summed exactly."""
    xp = backend.xp
    log = xp.rint(xp.log(value.astype("float64")) * _LOG_SCALE).astype("int64")
    rows = xp.nonzero(known)[0]
    values = (log[rows], xp.ones_like(rows))
    past = _past(group[rows], orders.order_day[rows], values, backend)
    total, n = _before(past, group[row], start, backend)
    mean = total / xp.maximum(n, 1)
    ratio = xp.rint((log[row] - mean) * (_STEPS / _LOG_SCALE)) / _STEPS
    return xp.where((n > 0) & known[row], ratio, xp.nan)
