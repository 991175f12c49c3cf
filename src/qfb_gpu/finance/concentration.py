"""Channel dependency (渠道依赖): how much of a customer's income comes from how few.

References
----------
O. C. Herfindahl, "Concentration in the steel industry"; the effective number of channels is
1 / HHI (numbers equivalent, M. A. Adelman, doi:10.2307/1924560). 10, 30 and 50% are what issuers
disclose: US S-K 101(c) (17 CFR 229.101) names customers of 10%; CSRC rules for listings ask of
the top five and of a single one over 50%; 30% is a common line of credit policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

NAMES = ("hhi", "top_1", "top_5", "n_channels", "supplier_hhi", "supplier_top_1")
WINDOW_DAYS = 365
DISCLOSED = (0.1, 0.3, 0.5)
_SCALE = 10**9
_TOP = 5
_SPAN, _SHIFT = 2**22, 2**20


def dependence(ledger: Ledger, main: Any, end_days: list[int], backend: Backend) -> dict[str, Any]:
    """Return the concentration of income over the year before each date.

    Parameters
    ----------
    ledger : Ledger
    main : int64 array, shape (n_customers,)
        Main currency; other currencies are left out.
    end_days : list of int, days since 1970-01-01
        The year ends the day before.

    Returns
    -------
    dict of float64 arrays, shape (n_customers, n_dates)
        :data:`NAMES`; NaN where nothing came in. Payments without a counterparty count as one
        channel a normalised description. A channel whose reversals exceed its payments counts 0.
    """
    xp = backend.xp
    n, size = len(end_days), ledger.n_customers
    past = _past(ledger, backend)
    out = {name: xp.full((size, n), xp.nan) for name in NAMES}
    for direction in DIRECTIONS:
        mine = (ledger.direction == DIRECTIONS.index(direction)) & (
            ledger.currency == main[ledger.relation_customer]
        )
        relation = xp.nonzero(mine)[0]
        customer = ledger.relation_customer[relation].astype("int64")
        for at, end in enumerate(end_days):
            money = _money(past, relation, end, backend)
            found = _shares(money, customer, size, backend)
            if direction == "in":
                for name in NAMES[:4]:
                    out[name][:, at] = found[name]
            else:
                out["supplier_hhi"][:, at] = found["hhi"]
                out["supplier_top_1"][:, at] = found["top_1"]
    return out


def _past(ledger: Ledger, backend: Backend) -> tuple[Any, Any]:
    """Return (relation, day) of each payment as one ascending number, and running sums."""
    xp = backend.xp
    running = xp.zeros(ledger.n_payments + 1, dtype="int64")
    running[1:] = xp.cumsum(ledger.amount_minor)
    counts = (ledger.relation_offsets[1:] - ledger.relation_offsets[:-1]).astype("int64")
    row = backend.repeat(xp.arange(counts.shape[0], dtype="int64"), counts)
    return row * _SPAN + ledger.day.astype("int64") + _SHIFT, running


def _money(past: tuple[Any, Any], relation: Any, end: int, backend: Backend) -> Any:
    """Return each relation's sum over the year before ``end``, at least 0."""
    xp = backend.xp
    key, running = past
    last = xp.searchsorted(key, relation * _SPAN + end + _SHIFT)
    first = xp.searchsorted(key, relation * _SPAN + end - WINDOW_DAYS + _SHIFT)
    return xp.maximum(running[last] - running[first], 0)


def _shares(money: Any, customer: Any, n_customers: int, backend: Backend) -> dict[str, Any]:
    xp = backend.xp
    total = xp.zeros(n_customers, dtype="uint64")
    xp.add.at(total, customer, money.view("uint64"))
    total = total.view("int64")
    paid = xp.nonzero(money > 0)[0]
    order = paid[backend.lexsort((customer[paid], -money[paid]))]
    customer, money = customer[order], money[order]
    share = money / xp.maximum(total[customer], 1)
    parts = xp.rint(share * _SCALE).astype("int64")
    first = xp.searchsorted(customer, xp.arange(n_customers))
    n_channels = xp.searchsorted(customer, xp.arange(n_customers), side="right") - first
    running = xp.zeros(order.shape[0] + 1, dtype="int64")
    running[1:] = xp.cumsum(parts)
    last = first + xp.minimum(n_channels, _TOP)
    squares = xp.zeros(n_customers, dtype="uint64")
    xp.add.at(squares, customer, (parts * parts).view("uint64"))
    none = total <= 0
    top_1 = running[first + xp.minimum(n_channels, 1)] - running[first]
    return {
        "hhi": xp.where(none, xp.nan, xp.minimum(squares / _SCALE / _SCALE, 1.0)),
        "top_1": xp.where(none, xp.nan, top_1 / _SCALE),
        "top_5": xp.where(none, xp.nan, xp.minimum((running[last] - running[first]) / _SCALE, 1.0)),
        "n_channels": xp.where(none, xp.nan, n_channels),
    }
