"""What happens to the others where one firm stops paying.

Two answers, the likely one mostly between them. DebtRank: every firm cuts its own payments as much
as its income falls, once; nothing is absorbed. Clearing: a firm first goes without what it keeps of
its income in a normal year, and pays its creditors alike when that is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu._backend.tall import sum_down
from qfb_gpu.network.clearing import clear
from qfb_gpu.network.debtrank import debtranks, reached, spread
from qfb_gpu.network.dependence import income_shares, year_money

if TYPE_CHECKING:
    from qfb_gpu._config.network import Contagion
    from qfb_gpu.backend import Backend
    from qfb_gpu.network.graph import Graph

_LARGEST_BATCH = 64
_ARRAYS = 10
"""About as many arrays of a batch are alive at once."""
_ROOM_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class Exposure:
    """How much each node depends on each that pays it.

    Attributes
    ----------
    node : int64, shape (n_nodes,), ascending
        The nodes of the graph that it is about.
    share : sparse float64 matrix, shape (n_nodes, n_nodes)
        Row: payee; column: payer. The part of the payee's yearly income.
    impact : the same, over the buffer: a loss of the buffer is full distress
    value : float64, shape (n_nodes,), sums to 1
        The node's part of all customers' yearly business: within a currency the part of what
        comes in and goes out, a currency weighing as much as it has payments.
    """

    node: Any
    share: Any
    impact: Any
    value: Any


def exposures(
    graph: Graph,
    edges: dict[str, Any],
    settings: Contagion,
    backend: Backend,
    *,
    first: Any = None,
) -> Exposure:
    """Return the exposures of a graph; parameters as :func:`income_shares`.

    Parameters
    ----------
    first : int64 array, shape (n_firms,), optional
        The only nodes that may be the first to stop paying: nodes that nothing reaches from
        anybody are then left out (:func:`qfb_gpu.network.debtrank.reached`).
    """
    everyone = settings.outsiders == "pass_on"
    share = income_shares(graph, edges, backend, everyone=everyone)
    value = _value(graph, edges, backend, everyone=everyone)
    node, arrows = backend.xp.arange(graph.n_nodes), (graph.source, graph.target, share)
    if first is not None:
        node, arrows = reached(graph.n_nodes, arrows, first, backend.xp)
    payer, payee, share = arrows
    shape = (int(node.shape[0]), int(node.shape[0]))
    matrix = backend.sparse(shape, payee, payer, share)
    impact = matrix
    if settings.buffer != 1:
        impact = backend.sparse(shape, payee, payer, share / settings.buffer)
    return Exposure(node, matrix, impact, value[node])


def _value(graph: Graph, edges: dict[str, Any], backend: Backend, *, everyone: bool) -> Any:
    xp = backend.xp
    money = year_money(graph, edges, xp)
    number = xp.where(money > 0, edges["n_payments_365d"][graph.edge], 0).astype("float64")
    currencies, currency = xp.unique(edges["currency"][graph.edge], return_inverse=True)
    n_kinds = max(int(currencies.shape[0]), 1)
    total = xp.bincount(currency, weights=money, minlength=n_kinds)
    weight = xp.bincount(currency, weights=number, minlength=n_kinds)
    part = money * (weight / xp.where(total > 0, total, 1.0))[currency]
    value = xp.zeros(graph.n_nodes)
    for node in (graph.source, graph.target):
        value = value + xp.bincount(node, weights=part, minlength=graph.n_nodes)
    value = xp.where(graph.is_customer | everyone, value, 0.0)
    whole = value.sum()
    return value / xp.where(whole > 0, whole, 1.0)


@dataclass(frozen=True, slots=True)
class Impact:
    """What follows from the default of single firms, a column a firm.

    Attributes
    ----------
    direct, lost : float64, shape (n_nodes, n_cases)
        Share of each node's yearly income that is lost because the firm itself does not pay,
        and in all. 0 for the firm itself.
    distress : float64, shape (n_nodes, n_cases)
    step : int32, shape (n_nodes, n_cases)
        Payments in a row from the firm to the node; -1 where the node is not reached.
    debtrank, debtrank_direct : float64, shape (n_cases,)
    """

    direct: Any
    lost: Any
    distress: Any
    step: Any
    debtrank: Any
    debtrank_direct: Any


def impacts(exposure: Exposure, firms: Any, recovery: float, backend: Backend) -> Impact:
    """Return what follows where each of some firms pays only ``recovery`` of what it should.

    Parameters
    ----------
    exposure : Exposure
    firms : int64 array, shape (n_cases,)
        The firms as rows of the exposure; one case each.
    recovery : float
        0 to 1.
    backend : Backend
    """
    xp = backend.xp
    case = xp.arange(firms.shape[0])
    start = xp.zeros((exposure.value.shape[0], firms.shape[0]))
    start[firms, case] = 1.0 - recovery
    found = spread(exposure.impact, start, backend)
    direct = exposure.share @ start
    lost = xp.minimum(exposure.share @ found.passed, 1.0)
    first = xp.minimum(exposure.impact @ start, 1.0)
    for values in (direct, lost, first):
        values[firms, case] = 0.0
    return Impact(
        direct=direct,
        lost=lost,
        distress=found.distress,
        step=found.step,
        debtrank=debtranks(found, start, exposure.value, backend),
        debtrank_direct=sum_down(exposure.value[:, None] * first, backend),
    )


def batch_size(n_nodes: int, backend: Backend) -> int:
    """Return how many firms to take at once."""
    room = max(backend.memory_budget_bytes(), _ROOM_BYTES)  # a host's budget is its caches
    return int(min(max(room // (8 * _ARRAYS * max(n_nodes, 1)), 1), _LARGEST_BATCH))


def candidates(graph: Graph, edges: dict[str, Any], n_firms: int, backend: Backend) -> Any:
    """Return the firms on which most seems to hang: int64, at most ``n_firms``, most first.

    By the business that hangs on them directly or over one firm more: w + S w, where w is what
    each node's default takes from all others' income at once.
    """
    xp = backend.xp
    shares = income_shares(graph, edges, backend)
    value = _value(graph, edges, backend, everyone=False)
    once = _carried(graph, shares, value, xp)
    weight = once + _carried(graph, shares, once, xp)
    payer = xp.nonzero(weight > 0)[0]
    return payer[xp.argsort(-weight[payer], kind="stable")[:n_firms]]


def _carried(graph: Graph, shares: Any, value: Any, xp: Any) -> Any:
    return xp.bincount(graph.source, weights=shares * value[graph.target], minlength=graph.n_nodes)


@dataclass(frozen=True, slots=True)
class Clearing:
    """What everyone still pays and gets in one currency, a year, minor units.

    Attributes
    ----------
    owed, expected, paid, received : float64, shape (n_nodes,)
        What a node pays the others in a normal year and what it gets from them; what it still
        pays and gets.
    outside : float64, shape (n_nodes,)
        What it has besides: see :func:`clearing`.
    """

    owed: Any
    expected: Any
    paid: Any
    received: Any
    outside: Any


def clearing(
    graph: Graph,
    edges: dict[str, Any],
    firm: int,
    settings: Contagion,
    recovery: float,
    backend: Backend,
    *,
    unnamed: tuple[Any, Any] | None = None,
) -> Clearing:
    """Return the clearing of a year's payments of one currency where a firm stops paying.

    What a firm has besides its income from the network: what it gets from whom is not given, as
    much as it pays more than it gets in a normal year (its other income), and ``cash_share`` of
    what it pays. What it gets more than it pays it may lose without paying less. A party that is
    not a customer pays what it owes.

    Parameters
    ----------
    graph : Graph
        Of edges of one currency.
    edges : dict
    firm : int
        The node that pays only ``recovery`` of what it owes.
    settings : Contagion
    recovery : float
    backend : Backend
    unnamed : two arrays of float64, shape (n_nodes,), minor units, optional
        What each node gets, and pays, in a normal year besides: the other side is not given.
    """
    xp = backend.xp
    money = year_money(graph, edges, xp)
    owed = xp.bincount(graph.source, weights=money, minlength=graph.n_nodes)
    expected = xp.bincount(graph.target, weights=money, minlength=graph.n_nodes)
    got, given = (xp.zeros(graph.n_nodes),) * 2 if unnamed is None else unnamed
    debts, income = owed + given, expected + got
    part = money / xp.where(debts > 0, debts, 1.0)[graph.source]
    shares = backend.sparse((graph.n_nodes, graph.n_nodes), graph.target, graph.source, part)
    outside = got + xp.maximum(debts - income, 0.0) + settings.cash_share * debts
    if settings.outsiders == "absorb":
        outside = xp.where(graph.is_customer, outside, debts)
    most = debts.copy()
    most[firm] = recovery * debts[firm]
    found = clear(shares, debts, outside, backend, most=most)
    paid = found.paid * (owed / xp.where(debts > 0, debts, 1.0))
    return Clearing(owed, expected, paid, found.received, outside)
