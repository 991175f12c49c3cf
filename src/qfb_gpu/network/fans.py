"""Fan-in and fan-out: with how many different parties a customer dealt within some days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import ascending_rows
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

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
    group = _groups(ledger, relation, xp)
    events = xp.concatenate([day[opens], day[closes] + window_days + 1])
    change = xp.concatenate([xp.ones_like(day[opens]), -xp.ones_like(day[closes])])
    who = xp.concatenate([group[opens], group[closes]])
    who, _, change = ascending_rows((who, events, change), backend)
    who, below = ascending_rows((who, -xp.cumsum(change)), backend)  # those of a group sum to 0
    near = -below
    first = xp.ones(who.shape[0], dtype=bool)
    first[1:] = who[1:] != who[:-1]
    return _largest(who[first], near[first], ledger.n_customers, backend)


def _groups(ledger: Ledger, relation: Any, xp: Any) -> Any:
    """Return (currency, direction, customer) of each payment as one number."""
    _, currency = xp.unique(ledger.currency, return_inverse=True)
    group = currency * len(DIRECTIONS) + ledger.direction
    return (group * ledger.n_customers + ledger.relation_customer)[relation]


def _largest(who: Any, near: Any, n_customers: int, backend: Backend) -> dict[str, Any]:
    """Return each customer's largest peak over its currencies, by direction."""
    xp = backend.xp
    found = {}
    for code, direction in enumerate(DIRECTIONS):
        mine = (who // max(n_customers, 1)) % len(DIRECTIONS) == code
        customer, peak = who[mine] % max(n_customers, 1), near[mine]
        customer, below = ascending_rows((customer, -peak), backend)
        peak = -below
        first = xp.ones(customer.shape[0], dtype=bool)
        first[1:] = customer[1:] != customer[:-1]
        out = xp.zeros(n_customers, dtype="int32")
        out[customer[first]] = peak[first].astype("int32")
        found[NAMES[direction]] = out
    return found
