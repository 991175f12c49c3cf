"""Money and payments of each customer by calendar month, and the seasons in them.

A month counts once it has ended by the as-of date. Tables are (n_customers, n_months), the last
column the latest month. Only payments in the customer's main currency count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.schema import DIRECTIONS
from qfb_kernels.month_seasons import CHUNK, steady_cpu, steady_gpu, sums_cpu, sums_gpu

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

YEAR = 12
_IN = DIRECTIONS.index("in")
_KINDS, _INCOMING = 4, 2
"""Kinds of payment in a table's cell: out, out reversed, in, in reversed."""
NAMES = ("income", "returned", "n_in", "n_returned", "spend", "n_out")


@dataclass(frozen=True, slots=True)
class MonthEnds:
    """Calendar months up to a day: ``start_day`` of each and the day after the last, (n + 1,)."""

    first_month: int
    start_day: Any

    @property
    def n_months(self) -> int:
        """Number of months."""
        return int(self.start_day.shape[0]) - 1


def month_ends(as_of_day: int, n_months: int, backend: Backend) -> MonthEnds:
    """Return the last ``n_months`` months that had ended by a day (its own, if it is the last)."""
    import numpy as np

    end = _month_under_way(as_of_day)
    months = np.arange(end - n_months, end + 1)
    return MonthEnds(end - n_months + 1970 * YEAR, backend.asarray(_first_days(months)))


def years(as_of_day: int, n_months: int, ago: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the first day, and the day after the last, of twelve months that ended earlier.

    Parameters
    ----------
    n_months : int
        Months that are looked at: years that ended before them are left out.
    ago : tuple of int
        Months before the last month that had ended.
    """
    import numpy as np

    end = _month_under_way(as_of_day) - np.array([one for one in ago if one <= n_months], np.int64)
    first, last = _first_days(end - YEAR), _first_days(end)
    return list(zip(first.tolist(), last.tolist(), strict=True))


def _month_under_way(as_of_day: int) -> int:
    """Return the first month that has not ended on the evening of a day, in months since 1970."""
    import numpy as np

    return int(np.datetime64(as_of_day + 1, "D").astype("datetime64[M]").astype("int64"))


def _first_days(months: Any) -> Any:
    """Return the first days of months since 1970, in days since 1970-01-01."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype("int64")


def by_month(ledger: Ledger, main: Any, months: MonthEnds, backend: Backend) -> dict[str, Any]:
    """Return :data:`NAMES`, each int64 of shape (n_customers, n_months).

    ``income`` and ``spend`` are net of reversals; ``returned`` is what of income was reversed
    (positive); ``n_in`` counts payments that are not reversals, ``n_returned`` those that are.
    """
    xp = backend.xp
    n_months, n_customers = months.n_months, ledger.n_customers
    counts = ledger.relation_offsets[1:] - ledger.relation_offsets[:-1]
    usable = ledger.currency == main[ledger.relation_customer]
    row = ledger.relation_customer.astype("int64") * n_months * _KINDS
    row += xp.where(ledger.direction == _IN, _INCOMING, 0)
    row = backend.repeat(xp.where(usable, row, -1), counts)
    month = xp.searchsorted(months.start_day, ledger.day.astype("int64"), side="right") - 1
    inside = (row >= 0) & (month >= 0) & (month < n_months)
    n_cells = n_customers * n_months * _KINDS
    # what does not count goes to a cell of its own, the last
    cell = xp.where(inside, row + month * _KINDS + (ledger.amount_minor < 0), n_cells)
    n = xp.bincount(cell, minlength=n_cells + 1)[:n_cells].astype("int64")
    money = xp.zeros(n_cells + 1, dtype="uint64")
    xp.add.at(money, cell, ledger.amount_minor.view("uint64"))
    shape = (n_customers, n_months, _KINDS)
    n, money = n.reshape(shape), money[:n_cells].view("int64").reshape(shape)
    back, paid = money[:, :, _INCOMING + 1], money[:, :, :_INCOMING]
    return {
        "income": money[:, :, _INCOMING] + back,
        "returned": -back,
        "n_in": n[:, :, _INCOMING],
        "n_returned": n[:, :, _INCOMING + 1],
        "spend": paid[:, :, 0] + paid[:, :, 1],
        "n_out": n[:, :, 0],
    }


def year_sums(income: Any, backend: Backend) -> Any:
    """Return customers' shares of each year by month, summed: exact, so they may be added up.

    Parameters
    ----------
    income : int64 array, shape (n_customers, n_months)

    Returns
    -------
    int64 array, shape (n_months - 11, 12)
        Of the years that end with the twelfth column, the thirteenth and so on, by month from the
        year's first: of each customer who had a full year then, the month's share of the year
        times 12, in millionths.
    """
    xp, n_years = backend.xp, income.shape[1] - YEAR + 1
    sums = xp.empty((-(-income.shape[0] // CHUNK) * n_years, YEAR), dtype="int64")
    backend.launch(sums_cpu, sums_gpu, sums.shape[0], income, n_years, sums)
    return sums.reshape(-1, n_years, YEAR).sum(axis=0)


def season_sums(sums: Any, first_month: int, stop: int, xp: Any) -> Any:
    """Return what the seasons of all customers are made of, as known at a date.

    Parameters
    ----------
    sums : int64 array
        Of :func:`year_sums`, of all customers.
    first_month : int
        Of the first column of the months, year * 12 + month - 1.
    stop : int
        Their column after the date, at least 12.

    Returns
    -------
    int64 array, shape (12,), January first
        The sums of all full years up to the date.
    """
    return xp.roll(sums[stop - YEAR :: -YEAR].sum(axis=0), (first_month + stop) % YEAR)


def steady(
    income: Any, first_month: int, windows: Any, peers: Any, backend: Backend
) -> tuple[Any, Any]:
    """Return the last months up to some dates without their seasons, and the seasons.

    A customer's own mean share of the year by month, of full years up to the date, drawn towards
    that of all customers the more the fewer full years it has.

    Parameters
    ----------
    income : int64 array, shape (n_customers, n_months)
    first_month : int
        Of the first column, year * 12 + month - 1.
    windows : int64 array, shape (n_dates, 2)
        The first column that is asked for, and how many: up to the date.
    peers : float64 array, shape (n_dates, 12)
        Seasons of all customers, mean 1, January first.

    Returns
    -------
    steady : float64 array, shape (n_customers * n_dates, most months asked for)
        A date's months stand from the left.
    factor : float64 array, shape (n_customers * n_dates, 12)
        Of each month of a year that ends at the date.
    """
    xp = backend.xp
    turns = (windows.sum(axis=1) + first_month) % YEAR
    n_rows = income.shape[0] * windows.shape[0]
    factor = xp.empty((n_rows, YEAR))
    found = xp.empty((n_rows, int(windows[:, 1].max())))
    asked = (income, windows, turns, peers, factor, found)
    backend.launch(steady_cpu, steady_gpu, n_rows, *asked)
    return found, factor


def by_column(table: Any, xp: Any) -> Any:
    """Return a table whose columns lie one after the other, which sums over months are faster of.

    Of integers alone: of floats the order of a sum would hang on the number of rows.
    """
    return xp.ascontiguousarray(table.T).T


def first_month_seen(counts: Any, xp: Any) -> Any:
    """Return the column of the first payment, the number of columns where there is none: int32.

    Parameters
    ----------
    counts : int64 array, shape (n_customers, n_months)
        Payments of each month.
    """
    seen = counts > 0
    first = xp.argmax(seen, axis=1)
    return xp.where(seen.any(axis=1), first, counts.shape[1]).astype("int32")


def history_length(first: Any, stop: Any, xp: Any) -> Any:
    """Return how many months before a date the first payment was; 0 where none was by then.

    Parameters
    ----------
    first : int32 array
        Of :func:`first_month_seen`.
    stop : int, or int64 array
        The column after the date.
    """
    return xp.maximum(stop - first, 0).astype("int64")


def peer_seasons(sums: Any, xp: Any) -> Any:
    """Return the seasons of all customers, mean 1, from sums of :func:`season_sums`; 1 if none."""
    total = sums.sum()
    return xp.where(total > 0, YEAR * sums / xp.maximum(total, 1), 1.0)


def count_by_month(
    customer: Any, day: Any, n_customers: int, months: MonthEnds, backend: Backend
) -> Any:
    """Return how many rows each customer has in each month: int64, (n_customers, n_months).

    Parameters
    ----------
    customer : integer array, shape (n_rows,)
        Row of the customer; -1: left out.
    day : int32 array, days since 1970-01-01
    """
    xp = backend.xp
    month = xp.searchsorted(months.start_day, day.astype("int64"), side="right") - 1
    inside = (customer >= 0) & (month >= 0) & (month < months.n_months)
    cell = (customer.astype("int64") * months.n_months + month)[inside]
    counts = xp.bincount(cell, minlength=n_customers * months.n_months)
    return counts.astype("int64").reshape(n_customers, months.n_months)
