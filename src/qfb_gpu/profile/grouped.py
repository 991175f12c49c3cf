"""Rows of a source by customer: counts, exact sums, first and last days.

The rows of :class:`qfb_gpu.ledger.SourceRows` stand in the order of their customers, so a sum is
a difference of two running sums, exact in int64 whatever the order within a customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.ledger import NULL_DAY, NULL_MINOR

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import SourceRows

WINDOWS = (7, 30, 90, 365)
YEAR = 365
_WIDTH = 2**32


@dataclass(frozen=True, slots=True)
class Grouped:
    """The rows of a source that belong to customers of the ledger.

    Attributes
    ----------
    rows : SourceRows
    kept : int64 array, shape (n_kept,), the rows whose customer is in the ledger
    customer : int32 array, shape (n_kept,), ascending row of the customer
    n_customers, as_of_day : int
    backend : Backend
    """

    rows: SourceRows
    kept: Any
    customer: Any
    n_customers: int
    as_of_day: int
    backend: Backend

    def column(self, name: str) -> Any:
        """Return the kept values of a column, the codes of a Labelled one."""
        values = self.rows.columns[name]
        return getattr(values, "codes", values)[self.kept]

    def key(self, name: str) -> Any:
        """Return the kept hashes of an id: int64, 0 where null."""
        return self.rows.keys[f"{name}_key"][self.kept]

    def age(self, name: str) -> Any:
        """Return as-of less a date, int64 days; beyond all windows where the date is null."""
        return self.as_of_day - self.column(name).astype("int64")

    def is_one_of(self, name: str, labels: tuple[str, ...]) -> Any:
        """Return which kept rows have one of some labels: bool, shape (n_kept,)."""
        labelled = self.rows.columns[name]
        wanted = [i for i, label in enumerate(labelled.labels) if label in labels]
        return self.backend.xp.isin(self.column(name), self.backend.asarray(wanted, dtype="int32"))

    def money(self, main_currency: Any) -> Any:
        """Return ``amount_minor`` in the customer's main currency, 0 in another or where null."""
        amount, xp = self.column("amount_minor"), self.backend.xp
        counts = (self.column("currency") == main_currency[self.customer]) & (amount != NULL_MINOR)
        return xp.where(counts, amount, 0)

    def count(self, holds: Any) -> Any:
        """Return how many rows of each customer ``holds``: int64, shape (n_customers,)."""
        return count_by(self.customer[holds], self.n_customers, self.backend)

    def total(self, values: Any) -> Any:
        """Return the sum of int64 ``values`` of each customer: int64, shape (n_customers,)."""
        return total_by(self.customer, values, self.n_customers, self.backend)

    def n_distinct(self, values: Any, holds: Any) -> Any:
        """Count each customer's distinct ``values`` among the rows that ``holds``."""
        places = self.backend.xp.nonzero(holds)[0]
        customer, values = self.customer[places], values[places]
        order = self.backend.lexsort((customer, values))
        customer = customer[order]
        is_new = starts(customer, values[order], self.backend)
        return count_by(customer[is_new], self.n_customers, self.backend)

    def since(self, day: Any, *, first: bool = False) -> Any:
        """Return the days from each customer's last (first) ``day``: float64, NaN where none."""
        return since(day, self.customer, self.n_customers, self.as_of_day, self.backend, first)

    def in_windows(self, name: str, age: Any, holds: Any) -> dict[str, Any]:
        """Return ``{name_7d: count, ...}`` of the rows that ``holds``."""
        return {f"{name}_{days}d": self.count(holds & within(age, days)) for days in WINDOWS}


def grouped(rows: SourceRows, n_customers: int, as_of_day: int, backend: Backend) -> Grouped:
    """Keep the rows of the ledger's customers."""
    kept = backend.xp.nonzero(rows.customer >= 0)[0]
    return Grouped(rows, kept, rows.customer[kept], n_customers, as_of_day, backend)


def within(age: Any, days: int) -> Any:
    """Return which ages lie in a window that ends with the as-of day."""
    return (age >= 0) & (age < days)


def starts(customer: Any, key: Any, backend: Backend) -> Any:
    """Return where a new (customer, key) starts among sorted rows: bool, shape (n_rows,)."""
    is_new = backend.xp.ones(customer.shape[0], dtype=bool)
    is_new[1:] = (customer[1:] != customer[:-1]) | (key[1:] != key[:-1])
    return is_new


def count_by(customer: Any, n_customers: int, backend: Backend) -> Any:
    """Count each customer's rows: int64, shape (n_customers,); ``customer`` is ascending."""
    offsets = backend.xp.searchsorted(customer, backend.xp.arange(n_customers + 1))
    return (offsets[1:] - offsets[:-1]).astype("int64")


def largest_by(customer: Any, values: Any, n_customers: int, backend: Backend) -> Any:
    """Return each customer's largest int32 value as int64, ``NULL_DAY`` where there is none."""
    xp = backend.xp
    key = xp.sort(customer.astype("int64") * _WIDTH + (values.astype("int64") - NULL_DAY))
    offsets = xp.searchsorted(key, xp.arange(n_customers + 1, dtype="int64") * _WIDTH)
    if key.shape[0] == 0:
        return xp.full(n_customers, NULL_DAY, dtype="int64")
    last = key[xp.maximum(offsets[1:] - 1, 0)] % _WIDTH + NULL_DAY
    return xp.where(offsets[1:] > offsets[:-1], last, NULL_DAY)


def total_by(customer: Any, values: Any, n_customers: int, backend: Backend) -> Any:
    """Sum int64 values by customer, exactly; ``customer`` is ascending."""
    xp = backend.xp
    running = xp.zeros(values.shape[0] + 1, dtype="int64")
    running[1:] = xp.cumsum(values.astype("int64"))
    offsets = xp.searchsorted(customer, xp.arange(n_customers + 1))
    return running[offsets[1:]] - running[offsets[:-1]]


def since(
    day: Any,
    customer: Any,
    n_customers: int,
    as_of_day: int,
    backend: Backend,
    first: bool = False,  # noqa: FBT001, FBT002
) -> Any:
    """Return as-of less each customer's last (or first) day that is not null; NaN where none."""
    xp = backend.xp
    known = day != NULL_DAY
    sign = -1 if first else 1
    latest = largest_by(customer[known], sign * day[known], n_customers, backend)
    days = (as_of_day - sign * latest).astype("float64")
    return xp.where(latest == NULL_DAY, xp.nan, days)
