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
_BYTES_A_RELATION = 96
"""Of a date, in arrays that are there at the same time."""
_SPAN = 2**30
"""More than :data:`_SCALE`, and a power of two."""


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
    bounds = sorted({*end_days, *(end - WINDOW_DAYS for end in end_days)})
    before = _sums_before(ledger, bounds, backend)
    out = {name: xp.full((size, n), xp.nan) for name in NAMES}
    last, first = (
        xp.asarray([bounds.index(end - days) for end in end_days], dtype="int64")
        for days in (0, WINDOW_DAYS)
    )
    for direction in DIRECTIONS:
        mine = (ledger.direction == DIRECTIONS.index(direction)) & (
            ledger.currency == main[ledger.relation_customer]
        )
        relation = xp.nonzero(mine)[0]
        customer = ledger.relation_customer[relation].astype("int64")
        paid = before[:, relation]
        for at in _batches(n, relation.shape[0], backend):
            money = xp.maximum(paid[last[at]] - paid[first[at]], 0)
            n_dates = money.shape[0]
            whom = size * xp.arange(n_dates)[:, None] + customer  # a customer for each date
            found = _shares(money.reshape(-1), whom.reshape(-1), size * n_dates, backend)
            found = {name: values.reshape(n_dates, size).T for name, values in found.items()}
            if direction == "in":
                for name in NAMES[:4]:
                    out[name][:, at] = found[name]
            else:
                out["supplier_hhi"][:, at] = found["hhi"]
                out["supplier_top_1"][:, at] = found["top_1"]
    return out


def _batches(n_dates: int, n_relations: int, backend: Backend) -> list[slice]:
    """Return the dates in batches: on a device all at once, as a date's work is small for it."""
    step = max(1, backend.memory_budget_bytes() // (_BYTES_A_RELATION * max(1, n_relations)))
    return [slice(start, start + step) for start in range(0, n_dates, step)]


def _sums_before(ledger: Ledger, bounds: list[int], backend: Backend) -> Any:
    """Return what each relation had paid before each day: int64, (n_bounds, n_relations).

    But for a term of the relation that is the same for all days: take differences.
    """
    xp = backend.xp
    n_bounds, n_relations = len(bounds), ledger.n_relations
    counts = ledger.relation_offsets[1:] - ledger.relation_offsets[:-1]
    part = xp.searchsorted(backend.asarray(bounds, dtype="int32"), ledger.day, side="right")
    part += backend.repeat((n_bounds + 1) * xp.arange(n_relations), counts)
    # payments stand by relation, then day: how many are before tells which
    n_before = xp.cumsum(xp.bincount(part, minlength=n_relations * (n_bounds + 1)))
    running = xp.zeros(ledger.n_payments + 1, dtype="int64")
    running[1:] = xp.cumsum(ledger.amount_minor)
    return running[n_before.reshape(n_relations, n_bounds + 1)[:, :n_bounds].T]


def _shares(money: Any, customer: Any, n_customers: int, backend: Backend) -> dict[str, Any]:
    """Return a direction's part of :data:`NAMES`; ``customer`` is ascending."""
    xp = backend.xp
    edges = xp.searchsorted(customer, xp.arange(n_customers + 1))
    total = _between(money, edges[:-1], edges[1:], xp)
    paid = xp.nonzero(money > 0)[0]
    customer, money = customer[paid], money[paid]
    share = money / xp.maximum(total[customer], 1)
    # a customer's largest first: more money is never a smaller part
    key = xp.sort(customer * _SPAN + (_SCALE - xp.rint(share * _SCALE).astype("int64")))
    parts = _SCALE - (key & (_SPAN - 1))
    edges = xp.searchsorted(key, _SPAN * xp.arange(n_customers + 1))
    first, n_channels = edges[:-1], edges[1:] - edges[:-1]
    squares = _between(parts * parts, first, edges[1:], xp)
    top_1, top_5 = (
        _between(parts, first, first + xp.minimum(n_channels, most), xp) for most in (1, _TOP)
    )
    none = total <= 0
    return {
        "hhi": xp.where(none, xp.nan, xp.minimum(squares / _SCALE / _SCALE, 1.0)),
        "top_1": xp.where(none, xp.nan, top_1 / _SCALE),
        "top_5": xp.where(none, xp.nan, xp.minimum(top_5 / _SCALE, 1.0)),
        "n_channels": xp.where(none, xp.nan, n_channels),
    }


def _between(values: Any, first: Any, last: Any, xp: Any) -> Any:
    """Return the sums of ``values[first:last]``, exact where they fit; the rest may wrap round."""
    running = xp.zeros(values.shape[0] + 1, dtype="int64")
    running[1:] = xp.cumsum(values)
    return running[last] - running[first]
