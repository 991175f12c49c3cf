"""Contract performance (合同履约): promises kept, as far as the sources show them.

Of contracts: how late their payment nodes were and what is overdue. Of payments alone: how much of
what was invoiced was taken back (red invoices, refunds) or cancelled (void invoices), each as if
20 more had been seen of which 2% were; and how thin the record is that would speak for the
customer: a month's share of a year over payments received in it, 1 for one a month, not known in
the first three months. Few deals say little for a firm that they were kept: opacity is a risk of
its own (A. Berger, G. Udell, doi:10.1016/S0378-4266(98)00038-7). These three parts are in
:mod:`qfb_kernels.dealings`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.ledger import NULL_DAY

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

NAMES = ("behind_days", "unpaid_share", "paid_gap", "returned_rate", "cancelled_rate", "thin")
WINDOW_DAYS = 365
_MOST_DAYS = 180
_HAZARD_DAYS = 60
_EXACT = 2**20


def node_delays(
    customer: Any, due: Any, paid: Any, amount: Any, day: int, n_customers: int, backend: Backend
) -> dict[str, Any]:
    """Return how customers kept the contract nodes that fell due in the year before a day.

    Parameters
    ----------
    customer : integer array, shape (n_nodes,)
        Row of the payer; -1: not a customer.
    due, paid : int32 arrays, days; ``NULL_DAY`` where not known, not paid
    amount : int64 array, minor units of one currency a customer; 0 in another
    day : int
        Payments on or after it are not seen.

    Returns
    -------
    dict of float64 arrays, shape (n_customers,)
        ``behind_days``: mean days behind the plan, at most 180 a node, an open node up to now;
        ``unpaid_share``: share of nodes due that is still open; ``hazard``: share of nodes that
        went, or stand, more than 60 days past due; ``paid_ratio``: money paid over money due;
        ``n_nodes``. NaN without nodes (``n_nodes`` 0), or money due.
    """
    xp = backend.xp
    known = (customer >= 0) & (due != NULL_DAY) & (due < day) & (due >= day - WINDOW_DAYS)
    rows = xp.nonzero(known)[0]
    who, due = customer[rows].astype("int64"), due[rows].astype("int64")
    came = (paid[rows] != NULL_DAY) & (paid[rows] < day)
    until = xp.where(came, paid[rows], day).astype("int64")
    behind = xp.clip(until - due, 0, _MOST_DAYS)
    money = xp.maximum(amount[rows], 0)

    def total(values: Any) -> Any:
        return xp.bincount(who, values.astype("float64"), minlength=n_customers)

    n = total(xp.ones_like(who))
    one = xp.where(n > 0, n, xp.nan)
    owed = total(money)
    return {
        "behind_days": total(behind) / one,
        "unpaid_share": total(~came) / one,
        "hazard": total(behind > _HAZARD_DAYS) / one,
        "paid_ratio": total(xp.where(came, money, 0)) / xp.where(owed > 0, owed, xp.nan),
        "n_nodes": n,
    }


def paid_gaps(
    contracts: dict[str, Any],
    payments: dict[str, Any],
    day: int,
    n_customers: int,
    backend: Backend,
) -> Any:
    """Return how far the paid share of a customer's contracts lies behind the time gone.

    Of each contract in force, or ended within the year before the day: the share of its term that
    is gone, less the share of its total that was paid (at least 0, as more may have come back), at
    least 0; the mean of its contracts. It
    needs no due dates, which clauses often tie to an acceptance that no source holds.

    Parameters
    ----------
    contracts : dict of arrays, shape (n_contracts,)
        ``customer`` (row, -1: none), ``start``, ``end`` (int32 days, ``NULL_DAY``), ``total``
        (int64 minor units; not above 0 or null: left out).
    payments : dict of arrays, shape (n_payments,)
        ``contract``, ``day``, ``amount`` (0 in another currency than the contract's).

    Returns
    -------
    array of float64, shape (n_customers,), NaN without such contracts
    """
    xp = backend.xp
    start, end = contracts["start"].astype("int64"), contracts["end"].astype("int64")
    known = (contracts["customer"] >= 0) & (end != NULL_DAY) & (contracts["total"] > 0)
    known &= (start < day) & (end > day - WINDOW_DAYS) & (end > start)
    seen = payments["day"] < day
    paid = xp.bincount(
        payments["contract"][seen].astype("int64"),
        payments["amount"][seen].astype("float64"),
        minlength=start.shape[0],
    )
    rows = xp.nonzero(known)[0]
    gone = xp.clip((day - start[rows]) / (end - start)[rows], 0.0, 1.0)
    share = xp.maximum(paid[rows], 0.0) / contracts["total"][rows]
    gap = xp.maximum(gone - share, 0.0)
    gap = xp.rint(gap * _EXACT) / _EXACT  # sums of such are the same in any order
    who = contracts["customer"][rows].astype("int64")
    n = xp.bincount(who, minlength=n_customers)
    total = xp.bincount(who, gap, minlength=n_customers)
    return xp.where(n > 0, total / xp.maximum(n, 1), xp.nan)
