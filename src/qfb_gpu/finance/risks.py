"""The four risks of a customer: months to parts, parts to points, points to a raw score.

A part ``x`` gives ``x / (x + half)`` of 100 points, ``half`` being the value in the settings that
gives 50. A risk's raw score is the mean of its parts that are known; what is made of it beside the
other customers is said in :mod:`qfb_gpu.finance.risks_peers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qfb_gpu.finance import demand, performance, volatility
from qfb_gpu.finance.months import YEAR, history_length, steady
from qfb_kernels.dealings import CAME, INCOME, N_OF_YEAR, SOLD, dealings_cpu, dealings_gpu
from qfb_kernels.weighed import weighed_cpu, weighed_gpu

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qfb_gpu.backend import Backend

RISKS = ("contract", "volatility", "demand", "channel")
PARTS: dict[str, tuple[str, ...]] = {
    "contract": performance.NAMES,
    "volatility": volatility.NAMES,
    "demand": demand.NAMES,
    "channel": ("top_1", "hhi", "few", "growing", "supplier_top_1"),
}
_MOST_PAYMENTS = 100


class Months(NamedTuple):
    """A bucket's tables of months, (n_customers, n_months) each, and of concentration.

    Attributes
    ----------
    income, spend : int64 arrays
        As :func:`qfb_gpu.finance.months.by_month` gives them.
    n_in, n_returned : int32 arrays
        Likewise.
    n_cancelled : int32 array of that shape, or None
    first : int32 array, shape (n_customers,)
        Of :func:`qfb_gpu.finance.months.first_month_seen`.
    first_month : int
        Of the first column, year * 12 + month - 1.
    hhi : float64 array, shape (n_customers, n_years)
        Of the years of :attr:`Dates.years`, as :mod:`qfb_gpu.finance.concentration` gives it.
    channels : dict of ``top_1``, ``n_channels``, ``supplier_top_1`` to float64 array
        Likewise, (n_customers, n_dates).
    nodes : dict of ``customer``, ``due``, ``paid``, ``amount``; None where there are no contracts
    contracts, payments : dict
        As :func:`qfb_gpu.finance.performance.paid_gaps` takes them; None likewise.
    """

    income: Any
    spend: Any
    n_in: Any
    n_returned: Any
    n_cancelled: Any
    first: Any
    first_month: int
    hhi: Any
    channels: dict[str, Any]
    nodes: dict[str, Any] | None = None
    contracts: dict[str, Any] | None = None
    payments: dict[str, Any] | None = None


class Dates(NamedTuple):
    """Month ends at which customers are measured, the latest first.

    Attributes
    ----------
    stops : tuple of int
        The column of months after each.
    years : tuple of (int, int)
        The columns of ``hhi`` of the year to it, and of the year before; -1: there is none.
    days : tuple of int
        The day after each.
    """

    stops: tuple[int, ...]
    years: tuple[tuple[int, int], ...]
    days: tuple[int, ...]


COLUMNS = (*performance.NAMES, *volatility.FIGURES, *demand.FIGURES, *PARTS["channel"])
"""Columns of a table of figures: the parts of each risk side by side, further ones behind them."""
_SPANS = [
    (COLUMNS.index(names[0]), COLUMNS.index(names[0]) + len(names)) for names in PARTS.values()
]
_BYTES_A_ROW = 8 * (2 * len(COLUMNS) + volatility.WINDOW + YEAR + 8)


class Measures(NamedTuple):
    """What dates say of customers.

    Attributes
    ----------
    figures : float64 array, shape (n_customers, n_dates, n_columns)
        :data:`COLUMNS`; NaN where not known.
    income, sold, came, length : int64 arrays, shape (n_customers, n_dates)
        Last year's income and number of sales, and of those that were paid and not taken back;
        months since the first payment.
    nodes : dict of float64 arrays of that shape
        Of :func:`qfb_gpu.finance.performance.node_delays`.
    """

    figures: Any
    income: Any
    sold: Any
    came: Any
    length: Any
    nodes: dict[str, Any]

    def of(self, name: str) -> Any:
        """Return one column of the figures, (n_customers, n_dates)."""
        return self.figures[:, :, COLUMNS.index(name)]

    @property
    def evidence(self) -> dict[str, Any]:
        """How many observations speak at each date, by risk: int64, (n_customers, n_dates)."""
        sold = self.sold.clip(0, _MOST_PAYMENTS)
        months = self.length.clip(0, volatility.WINDOW)
        nodes = 3 * self.nodes["n_nodes"].astype("int64")
        return {
            "contract": sold + nodes, "volatility": months, "demand": months, "channel": sold,
        }  # fmt: skip


def measured(
    months: Months, dates: Dates, peers: Any, backend: Backend
) -> Iterator[tuple[int, int, Measures]]:
    """Measure customers at all dates, as many at a time as the memory budget allows.

    Parameters
    ----------
    months : Months
    dates : Dates
    peers : float64 array, shape (n_dates, 12)
        Seasons of all customers, mean 1, as known at each date.

    Yields
    ------
    start, stop : int
        Rows of the customers.
    measures : Measures
    """
    n_customers = int(months.income.shape[0])
    nodes = _nodes(months, dates, backend)
    size = max(1, backend.memory_budget_bytes() // (_BYTES_A_ROW * len(dates.stops)))
    for start in range(0, max(n_customers, 1), size):
        stop = min(start + size, n_customers)
        here = {name: values[start:stop] for name, values in nodes.items()}
        yield start, stop, measure(_cut(months, start, stop), dates, peers, here, backend)


def _cut(months: Months, start: int, stop: int) -> Months:
    """Return some customers alone, without nodes and contracts."""
    rows, void = slice(start, stop), months.n_cancelled
    return months._replace(
        income=months.income[rows], spend=months.spend[rows],
        n_in=months.n_in[rows], n_returned=months.n_returned[rows],
        n_cancelled=None if void is None else void[rows],
        first=months.first[rows], hhi=months.hhi[rows],
        channels={name: values[rows] for name, values in months.channels.items()},
        nodes=None, contracts=None, payments=None,
    )  # fmt: skip


def measure(
    months: Months, dates: Dates, peers: Any, nodes: dict[str, Any], backend: Backend
) -> Measures:
    """Return the parts of the four risks as they stood at some dates; see :func:`measured`."""
    xp, n_dates = backend.xp, len(dates.stops)
    n_customers = months.income.shape[0]
    stops = backend.asarray(dates.stops, dtype="int64")
    length = history_length(months.first[:, None], stops, xp)
    width = xp.minimum(stops, volatility.WINDOW)
    windows = xp.stack([stops - width, width], axis=1)
    moved, _ = steady(months.income, months.first_month, windows, peers, backend)
    figures = xp.empty((n_customers * n_dates, len(COLUMNS)))
    rows = length.reshape(-1)
    to = COLUMNS.index(volatility.NAMES[0])
    volatility.write(moved, windows, rows, to, figures, backend)
    tables = (moved, months.spend, months.income)
    demand.write(tables, windows, rows, COLUMNS.index(demand.NAMES[0]), figures, backend)
    of_year = _dealings(months, dates, rows, figures, backend)
    by_date = (n_customers, n_dates)
    of_year = of_year.reshape(*by_date, of_year.shape[1])
    figures = figures.reshape(*by_date, figures.shape[1])
    for at, name in enumerate(COLUMNS):
        if name in nodes:
            figures[:, :, at] = nodes[name]
        elif name in months.channels and name not in _BY_KERNEL:
            figures[:, :, at] = months.channels[name]
    income, sold, came = (of_year[:, :, at] for at in (INCOME, SOLD, CAME))
    return Measures(figures, income, sold, came, length, nodes)


_BY_KERNEL = ("top_1", "hhi", "few", "growing")


def _dealings(months: Months, dates: Dates, length: Any, figures: Any, backend: Backend) -> Any:
    """Write what a year says of deals and channels; return its income and numbers of sales."""
    xp, void = backend.xp, months.n_cancelled
    of_year = xp.empty((figures.shape[0], N_OF_YEAR), dtype="int64")
    about = [(stop, *years) for stop, years in zip(dates.stops, dates.years, strict=True)]
    backend.launch(
        dealings_cpu, dealings_gpu, figures.shape[0], months.income, months.n_in,
        months.n_returned, months.n_in[:0] if void is None else void, months.hhi,
        months.channels["top_1"], months.channels["n_channels"],
        backend.asarray(about, dtype="int64"), length,
        COLUMNS.index("returned_rate"), COLUMNS.index("top_1"), figures, of_year,
    )  # fmt: skip
    return of_year


def _nodes(months: Months, dates: Dates, backend: Backend) -> dict[str, Any]:
    """Return what contracts say at each date: float64, (n_customers, n_dates) each."""
    xp, n_customers = backend.xp, int(months.income.shape[0])
    if months.nodes is None:
        unknown = xp.full((n_customers, len(dates.days)), xp.nan)
        names = ("behind_days", "unpaid_share", "hazard", "paid_ratio", "paid_gap")
        return {**dict.fromkeys(names, unknown), "n_nodes": xp.zeros(unknown.shape)}
    node = months.nodes
    columns = (node["customer"], node["due"], node["paid"], node["amount"])
    found = []
    for day in dates.days:
        of_day = performance.node_delays(*columns, day, n_customers, backend)
        gap = xp.full(n_customers, xp.nan)
        if months.contracts is not None and months.payments is not None:
            contracts = (months.contracts, months.payments)
            gap = performance.paid_gaps(*contracts, day, n_customers, backend)
        found.append({**of_day, "paid_gap": gap})
    return {name: xp.stack([one[name] for one in found], axis=1) for name in found[0]}


def weighed(
    figures: Any, halves: dict[str, float], weights: dict[str, float], backend: Backend
) -> tuple[Any, Any]:
    """Return the points of every part, and each risk's weighted mean of those that are known.

    Parameters
    ----------
    figures : float64 array, shape (n_rows, n_columns)
        :data:`COLUMNS`.
    halves, weights : dict of str to float
        Of each part.

    Returns
    -------
    points : float64 array, shape (n_rows, n_columns)
        0 to 100, NaN where it is not known; nothing in columns that are no part.
    scores : int32 array, shape (n_rows, n_risks)
        Ten-thousandths of a point; -1 where no part is known.
    """
    xp = backend.xp
    points = xp.empty(figures.shape)
    scores = xp.empty((figures.shape[0], len(RISKS)), dtype="int32")
    of_parts = (
        backend.asarray([of.get(name, 0.0) for name in COLUMNS], dtype="float64")
        for of in (halves, weights)
    )
    spans = backend.asarray(_SPANS, dtype="int64")
    backend.launch(
        weighed_cpu, weighed_gpu, figures.shape[0], figures, *of_parts, spans, points, scores
    )  # fmt: skip
    return points, scores
