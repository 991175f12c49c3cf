"""What a customer had done by several cut-off days: active days, first, last, and a year's money.

An active day is one with a payment received or made; reversals do not count. Money is that of one
currency, at each cut-off the one in which the customer made most payments of the year before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import distinct, distinct_below
from qfb_gpu.models.activity import YEAR_DAYS, seen_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger
    from qfb_gpu.models.activity import Activity

_SPAN = 2**17
"""Days that a history has room for; what is older counts as so old."""
RAW = ("active_days", "days_to_last", "days_observed", "active_days_year", "money", "currency")


def histories_at(
    ledger: Ledger, activity: Activity, backs: Sequence[int], backend: Backend
) -> dict[str, Any]:
    """Return :data:`RAW` of every customer as of some cut-offs.

    Parameters
    ----------
    ledger : Ledger
    activity : Activity
        Of that ledger.
    backs : sequence of int
        How many days before the as-of day each cut-off lies.
    backend : Backend

    Returns
    -------
    dict of arrays, shape (n_cutoffs, n_customers)
        ``active_days``, ``active_days_year`` of the 360 days before (int32); ``days_to_last``, from
        the first active day to the last, ``days_observed``, to the cut-off (int32, 0 where there
        was none); ``money`` (int64, minor units, reversals taken off) and its ``currency`` (int16,
        -1: no payment in the year).
    """
    days = _active_days(ledger, activity.as_of_day, backs, backend)
    money, currency = _money(ledger, activity, backs, backend)
    return {**days, "money": money, "currency": currency}


def _active_days(
    ledger: Ledger, as_of_day: int, backs: Sequence[int], backend: Backend
) -> dict[str, Any]:
    xp, n_customers = backend.xp, ledger.n_customers
    oldest_day = int(ledger.day.min()) if ledger.n_payments else as_of_day
    first_day = max(oldest_day, as_of_day - _SPAN + 2)
    span = as_of_day - first_day + 2
    customer = ledger.customer_of_payment(backend).astype("int64")
    day = xp.maximum(ledger.day.astype("int64") - first_day, 0)
    # a reversal is nobody's: before all others
    cell = xp.where(ledger.amount_minor > 0, customer * span + day + 1, 0)
    cell = xp.concatenate(
        [xp.full(1, -1, dtype="int64"), distinct_below(cell, n_customers * span + 1, xp) - 1]
    )
    base = span * xp.arange(n_customers)
    cut = as_of_day - first_day - xp.asarray(backs, dtype="int64")[:, None]
    begin = xp.searchsorted(cell, base)
    end = xp.searchsorted(cell, base + xp.maximum(cut + 1, 0))
    of_year = xp.searchsorted(cell, base + xp.maximum(cut + 1 - YEAR_DAYS, 0))
    there = end > begin
    oldest, last = cell[xp.minimum(begin, cell.shape[0] - 1)] - base, cell[end - 1] - base
    found = {
        "active_days": end - begin,
        "active_days_year": end - of_year,
        "days_to_last": xp.where(there, last - oldest, 0),
        "days_observed": xp.where(there, cut - oldest, 0),
    }
    return {name: values.astype("int32") for name, values in found.items()}


def _money(
    ledger: Ledger, activity: Activity, backs: Sequence[int], backend: Backend
) -> tuple[Any, Any]:
    xp = backend.xp
    shape = (len(backs), ledger.n_customers)
    cut = activity.as_of_day - xp.asarray([*backs, *(b + YEAR_DAYS for b in backs)], dtype="int32")
    seen = seen_at(activity, cut[:, None], backend)
    n = seen[: len(backs)] - seen[len(backs) :]
    total = xp.concatenate([xp.zeros(1, "int64"), xp.cumsum(ledger.amount_minor)])
    up_to = total[ledger.relation_offsets[:-1] + seen]
    amount = up_to[: len(backs)] - up_to[len(backs) :]
    most, money = xp.zeros(shape, "int64"), xp.zeros(shape, "int64")
    currency = xp.full(shape, -1, dtype="int16")
    for code in backend.to_host(distinct(ledger.currency, xp)).tolist():
        own = ledger.currency == code
        count = _summed(xp.where(own, n, 0), ledger.customer_offsets, xp)
        more = count > most
        most = xp.where(more, count, most)
        money = xp.where(
            more, _summed(xp.where(own, amount, 0), ledger.customer_offsets, xp), money
        )
        currency = xp.where(more, xp.int16(code), currency)
    return money, currency


def _summed(values: Any, offsets: Any, xp: Any) -> Any:
    """Return the sum of each customer's relations: int64, exact."""
    total = xp.zeros((values.shape[0], values.shape[1] + 1), dtype="int64")
    if values.shape[1]:
        total[:, 1:] = xp.cumsum(values, axis=1)
    return total[:, offsets[1:]] - total[:, offsets[:-1]]
