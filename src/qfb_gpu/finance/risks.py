"""The four risks of a customer: parts to points, points to a score, drawn towards its peers.

A part ``x`` gives ``x / (x + half)`` of 100 points, ``half`` being the value in the settings that
gives 50. A risk's raw score is the mean of its parts that are known. What little data cannot say,
peers of its size say: the score is drawn towards their mean by empirical Bayes, and its 90% range
is as wide as what is left unknown.

References
----------
B. Efron, C. Morris, "Data analysis using Stein's estimator", doi:10.1080/01621459.1975.10479864.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qfb_gpu.finance import demand, performance, volatility
from qfb_gpu.finance.months import YEAR, by_column, history_length, seasons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from qfb_gpu.backend import Backend

RISKS = ("contract", "volatility", "demand", "channel")
PARTS: dict[str, tuple[str, ...]] = {
    "contract": performance.NAMES,
    "volatility": volatility.NAMES,
    "demand": demand.NAMES,
    "channel": ("top_1", "hhi", "few", "growing", "supplier_top_1"),
}
NOISE = {"contract": 30.0, "volatility": 22.0, "demand": 18.0, "channel": 25.0}
"""Standard deviation of the score that one observation (month, payment, node) gives."""
DRIFT = {"contract": 7.0, "volatility": 6.5, "demand": 5.0, "channel": 6.5}
"""Standard deviation by which a score moves in half a year beyond that: docs/risks.md."""
N_BANDS = 4
_SCALE = 10**4
MOST = 100 * _SCALE
"""What :func:`to_whole` gives at most."""
_Z = 1.645
_LEAST_SPREAD = 4.0
_MOST_PAYMENTS = 100
_TABLES_AT_ONCE = 4


class Months(NamedTuple):
    """A bucket's tables of months, (n_customers, n_months) each, and of concentration.

    Attributes
    ----------
    tables : dict of :data:`qfb_gpu.finance.months.NAMES` to int64 array
    n_cancelled : int64 array of that shape, or None
    first_month : int
    channels : dict of :data:`qfb_gpu.finance.concentration.NAMES` to float64 array,
        (n_customers, n_dates)
    nodes : dict of ``customer``, ``due``, ``paid``, ``amount``; None where there are no contracts
    contracts, payments : dict
        As :func:`qfb_gpu.finance.performance.paid_gaps` takes them; None likewise.
    """

    tables: dict[str, Any]
    n_cancelled: Any
    first_month: int
    channels: dict[str, Any]
    nodes: dict[str, Any] | None
    contracts: dict[str, Any] | None = None
    payments: dict[str, Any] | None = None


def blocks(months: Months, backend: Backend) -> list[Months]:
    """Cut customers into blocks whose tables stay in the memory budget; at least one.

    Tables of a block lie by column, and have two rows at least: NumPy adds up the months of a lone
    row in another order. So a lone customer is there twice.
    """
    n_customers, n_months = months.tables["income"].shape
    size = max(1, backend.memory_budget_bytes() // (_TABLES_AT_ONCE * 8 * n_months))
    n_blocks = max(1, min(-(-n_customers // size), n_customers // 2))
    cuts = [n_customers * at // n_blocks for at in range(n_blocks + 1)]
    found = [_cut(months, *ends, backend.xp) for ends in pairwise(cuts)]
    return [_twice(one, backend.xp) if n_customers == 1 else one for one in found]


def _twice(months: Months, xp: Any) -> Months:
    """Return a lone customer as two rows; its nodes and contracts stay with the first."""

    def both(values: Any) -> Any:
        return by_column(xp.concatenate([values, values]), xp)

    cancelled = months.n_cancelled
    return months._replace(
        tables={name: both(values) for name, values in months.tables.items()},
        n_cancelled=None if cancelled is None else both(cancelled),
        channels={name: both(values) for name, values in months.channels.items()},
    )


def _cut(months: Months, start: int, stop: int, xp: Any) -> Months:
    nodes = None
    if months.nodes is not None:
        customer = months.nodes["customer"]
        mine = (customer >= start) & (customer < stop)
        nodes = {name: values[mine] for name, values in months.nodes.items()}
        nodes["customer"] = nodes["customer"] - start
    contracts = None
    if months.contracts is not None:
        customer = months.contracts["customer"]
        mine = (customer >= start) & (customer < stop)
        contracts = {**months.contracts, "customer": (customer - start) * mine - ~mine}
    cancelled = months.n_cancelled
    return Months(
        {name: by_column(values[start:stop], xp) for name, values in months.tables.items()},
        None if cancelled is None else by_column(cancelled[start:stop], xp),
        months.first_month,
        {name: values[start:stop] for name, values in months.channels.items()},
        nodes,
        contracts,
        months.payments,
    )


class Measures(NamedTuple):
    """What a date says of each customer: parts by name, evidence by risk, and facts to quote."""

    parts: dict[str, Any]
    evidence: dict[str, Any]
    facts: dict[str, Any]


def measure(
    months: Months, ago: int, at: int, year_before: int, day: int, peers: Any, backend: Backend
) -> Measures:
    """Return the parts of the four risks as they stood some months ago.

    Parameters
    ----------
    months : Months
    ago : int
        Months before the last one.
    at, year_before : int
        Columns of ``channels`` of that date, and of a year earlier; -1 where there is none.
    day : int
        The day after the month's end.
    peers : float64 array, shape (12,)
        Seasons of all customers, mean 1, as known then.
    """
    xp = backend.xp
    stop = next(iter(months.tables.values())).shape[1] - ago
    table = {name: values[:, :stop] for name, values in months.tables.items()}
    count = table["n_in"] + table["n_returned"] + table["n_out"]
    length = history_length(count, xp)
    factor = seasons(table["income"], months.first_month, peers, backend)
    steady = table["income"] / factor
    moved = volatility.volatility(steady, length, backend)
    asked = demand.demand(
        steady, table["spend"].astype("float64"), table["income"].astype("float64"), length, backend
    )
    year = {name: values[:, -YEAR:].sum(axis=1) for name, values in table.items()}
    cancelled = _cancelled(months, stop, year["n_in"])
    kept = performance.taken_back(year["n_in"], year["n_returned"], cancelled, xp)
    if months.n_cancelled is None:
        kept["cancelled_rate"] = xp.full(length.shape[0], xp.nan)
    kept["thin"] = performance.thinness(year["n_in"], length, xp)
    nodes = _nodes(months, day, int(length.shape[0]), backend)
    channel = _channel(months, at, year_before, length, xp)
    sold = year["n_in"] + year["n_returned"] + cancelled
    evidence = {
        "contract": xp.minimum(sold, _MOST_PAYMENTS) + 3.0 * nodes["n_nodes"],
        "volatility": xp.minimum(length, volatility.WINDOW).astype("float64"),
        "demand": xp.minimum(length, demand.WINDOW).astype("float64"),
        "channel": xp.minimum(sold, _MOST_PAYMENTS).astype("float64"),
    }
    facts = {
        "income_year_minor": year["income"],
        "months_seen": length,
        **{name: nodes[name] for name in ("hazard", "paid_ratio", "n_nodes")},
        **{name: asked[name] for name in ("class_code", "scaled_error", "change_months")},
        **{name: channel[name] for name in ("top_5", "n_channels")},
    }
    return Measures({**moved, **asked, **kept, **nodes, **channel}, evidence, facts)


def _cancelled(months: Months, stop: int, like: Any) -> Any:
    if months.n_cancelled is None:
        return like * 0
    return months.n_cancelled[:, max(stop - YEAR, 0) : stop].sum(axis=1)


def _nodes(months: Months, day: int, n_customers: int, backend: Backend) -> dict[str, Any]:
    if months.nodes is None:
        unknown = backend.xp.full(n_customers, backend.xp.nan)
        names = ("behind_days", "unpaid_share", "hazard", "paid_ratio", "paid_gap")
        return {**dict.fromkeys(names, unknown), "n_nodes": backend.xp.zeros(n_customers)}
    node = months.nodes
    columns = (node["customer"], node["due"], node["paid"], node["amount"])
    found = performance.node_delays(*columns, day, n_customers, backend)
    gap = backend.xp.full(n_customers, backend.xp.nan)
    if months.contracts is not None and months.payments is not None:
        gap = performance.paid_gaps(months.contracts, months.payments, day, n_customers, backend)
    return {**found, "paid_gap": gap}


def _channel(months: Months, at: int, year_before: int, length: Any, xp: Any) -> dict[str, Any]:
    """Return the parts of channel dependency; who earned nothing for a year hangs on nothing."""
    now = {name: values[:, at] for name, values in months.channels.items()}
    gone = xp.isnan(now["hhi"]) & (length > YEAR)
    top_1, hhi = (xp.where(gone, 1.0, now[name]) for name in ("top_1", "hhi"))
    before = months.channels["hhi"][:, year_before] if year_before >= 0 else hhi
    return {
        **now,
        "top_1": top_1,
        "hhi": hhi,
        "few": xp.where(gone, 1.0, 1 / xp.maximum(now["n_channels"], 1.0)),
        "growing": xp.maximum(hhi - xp.where(xp.isnan(before), hhi, before), 0.0),
        "effective_channels": 1 / xp.maximum(hhi, 1e-9),
    }


def points(parts: dict[str, Any], halves: dict[str, float], xp: Any) -> dict[str, Any]:
    """Return the points of every part of every risk: 0 to 100, NaN where it is not known."""
    found = {}
    for names in PARTS.values():
        for name in names:
            value = xp.maximum(parts[name], 0.0)
            found[name] = 100 * value / (value + halves[name])
    return found


def raw_scores(point: dict[str, Any], weights: dict[str, float], xp: Any) -> dict[str, Any]:
    """Return each risk's weighted mean of the points that are known, in ten-thousandths exact."""
    scores = {}
    for risk, names in PARTS.items():
        total = weight = 0.0
        for name in names:
            known = ~xp.isnan(point[name])
            total = total + xp.where(known, weights[name] * point[name], 0.0)
            weight = weight + xp.where(known, weights[name], 0.0)
        some = weight > 0
        score = xp.where(some, total / xp.where(some, weight, 1.0), xp.nan)
        scores[risk] = xp.rint(score * _SCALE) / _SCALE
    return scores


def to_whole(score: Any, xp: Any) -> Any:
    """Return raw scores as they are kept: int32, ten-thousandths of a point, -1 where unknown."""
    return xp.where(xp.isnan(score), -1, xp.rint(score * _SCALE)).astype("int32")


def from_whole(whole: Any, xp: Any) -> Any:
    """Return raw scores from what :func:`to_whole` returned, the same to the bit."""
    return xp.where(whole < 0, xp.nan, whole / _SCALE)


def size_cuts(ordered: Sequence[np.ndarray]) -> np.ndarray:
    """Return the incomes that part customers into quarters by last year's income, ascending.

    Found by halving the range of the incomes, so what is in memory is what a search looks at.

    Parameters
    ----------
    ordered : sequence of int64 arrays of the host, each ascending
        Last year's incomes, of each bucket; in any order of buckets.

    Returns
    -------
    array of int64, shape (N_BANDS - 1,); nothing where there are no customers
    """
    ordered = [one for one in ordered if one.shape[0]]
    n = sum(one.shape[0] for one in ordered)
    if n == 0:
        return np.empty(0, np.int64)
    ranks = np.arange(1, N_BANDS) * n // N_BANDS
    least = np.full(N_BANDS - 1, min(int(one[0]) for one in ordered))
    most = np.full(N_BANDS - 1, max(int(one[-1]) for one in ordered))
    while (least < most).any():
        middle = (least >> 1) + (most >> 1) + (least & most & 1)  # their sum may be too large
        n_up_to = sum(np.searchsorted(one, middle, side="right") for one in ordered)
        is_low = n_up_to <= ranks
        least, most = np.where(is_low, middle + 1, least), np.where(is_low, most, middle)
    return least


def size_bands(income_year: Any, cuts: Any, backend: Backend) -> Any:
    """Return each customer's quarter by last year's income: int64, 0 the smallest.

    Equal incomes are in one band. ``cuts`` are those of :func:`size_cuts`.
    """
    return backend.xp.searchsorted(cuts, income_year, side="right").astype("int64")


class Scored(NamedTuple):
    """Raw scores (NaN: unknown), evidence and bands of some customers, as :func:`draw` has them."""

    score: Any
    evidence: Any
    band: Any


class Peers(NamedTuple):
    """Mean and variance of the raw scores of each band: float64 arrays, shape (N_BANDS,)."""

    mean: Any
    spread: Any


class Drawn(NamedTuple):
    """Scores drawn towards peers: 0 to 100, with a 90% range, and the peers' mean."""

    score: Any
    low: Any
    high: Any
    peers: Any


def peers_of(buckets: Callable[[], Iterable[Scored]], risk: str, backend: Backend) -> Peers:
    """Return what the raw scores of all customers say of each band; see :func:`draw`.

    Parameters
    ----------
    buckets : callable
        Gives all buckets each time it is called. Sums are of whole numbers below 2 ** 53, so the
        order of buckets and customers does not matter.
    """
    xp = backend.xp

    def sums(values: Callable[[Scored], Any]) -> Any:
        total = xp.zeros(N_BANDS + 1)
        for one in buckets():
            known, _, _ = _observed(one.score, one.evidence, risk, xp)
            at = xp.where(known, one.band, N_BANDS)
            total = total + xp.bincount(at, values(one), minlength=N_BANDS + 1)
        return total[:N_BANDS]

    def whole(one: Scored) -> Any:
        _, _, value = _observed(one.score, one.evidence, risk, xp)
        return xp.rint(value * _SCALE)

    def squares(one: Scored) -> Any:
        _, error, value = _observed(one.score, one.evidence, risk, xp)
        return xp.rint((value - mean[one.band]) ** 2 - error)

    n = sums(lambda one: xp.ones(one.score.shape[0]))
    some = xp.where(n > 0, n, 1.0)
    mean = xp.where(n > 0, sums(whole) / _SCALE / some, 50.0)
    spread = xp.maximum(sums(squares) / some, _LEAST_SPREAD**2)
    return Peers(mean, xp.where(n > 0, spread, 20.0**2))


def draw(score: Any, evidence: Any, band: Any, peers: Peers, risk: str, backend: Backend) -> Drawn:
    """Draw raw scores towards the mean of their band, the more the less is known.

    Parameters
    ----------
    score : float64 array, shape (n_customers,)
        NaN where nothing is known: the peers' mean then stands alone.
    evidence : float64 array
        Observations; the variance of a raw score is :data:`NOISE` ** 2 / evidence.
    band : int64 array
        Of :func:`size_bands`.
    peers : Peers
    risk : str
        One of :data:`RISKS`.
    """
    xp = backend.xp
    known, error, value = _observed(score, evidence, risk, xp)
    prior, tau = peers.mean[band], peers.spread[band]
    weight = xp.where(known, tau / (tau + error), 0.0)
    drawn = weight * value + (1 - weight) * prior
    half = _Z * xp.sqrt(xp.where(known, weight * error, tau) + DRIFT[risk] ** 2)
    return Drawn(drawn, xp.maximum(drawn - half, 0.0), xp.minimum(drawn + half, 100.0), prior)


def _observed(score: Any, evidence: Any, risk: str, xp: Any) -> tuple[Any, Any, Any]:
    """Return which scores are known, the variance of each, and the scores, 0 where unknown."""
    known = ~xp.isnan(score) & (evidence > 0)
    error = NOISE[risk] ** 2 / xp.where(known, evidence, 1.0)
    return known, error, xp.where(known, score, 0.0)
