"""DebtRank: how far the distress of one firm reaches, by sparse matrix products.

A firm's distress h is between 0 and 1. Each firm passes its distress on once, when it first has
any: to those it pays, in proportion to their dependence on it. Several first firms are columns
of one matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu._backend.tall import sum_down

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

LEAST = 1e-9
"""Distress below it is not passed on."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Where distress went.

    Attributes
    ----------
    distress : float64, shape (n_nodes, n_cases), 0 to 1
    passed : float64, shape (n_nodes, n_cases)
        What each node passed on when its turn came.
    step : int32, shape (n_nodes, n_cases)
        In which round the node passed on: 0 for the first firm, 1 for those it pays, ...; -1
        where it passed nothing on.
    """

    distress: Any
    passed: Any
    step: Any


def reached(
    n_nodes: int, arrows: tuple[Any, Any, Any], first: Any, xp: Any
) -> tuple[Any, tuple[Any, Any, Any]]:
    """Return the nodes that distress can come to, and the arrows between them.

    Of a bank's parties most are counterparties whose income is not known: nothing that happens to
    others reaches them, so nothing is kept for them.

    Parameters
    ----------
    n_nodes : int
    arrows : (giver, taker, share)
        From whom distress comes to whom (int64, shape (n_arrows,)), and how much of it (float64).
    first : int64 array, shape (n_cases,)
        Nodes that are in distress whatever comes to them.
    xp : module

    Returns
    -------
    node : int64 array, shape (n_reached,), ascending
        Those in ``first`` and those that an arrow of a positive share comes to.
    arrows : (giver, taker, share)
        The arrows of a positive share between them, in their order, ends as rows of ``node``.
    """
    giver, taker, share = arrows
    is_reached = xp.zeros(n_nodes, dtype=bool)
    is_reached[first] = True
    is_reached[taker[share > 0]] = True
    node = xp.nonzero(is_reached)[0]
    kept = xp.nonzero((share > 0) & is_reached[giver])[0]
    number = xp.cumsum(is_reached) - 1
    return node, (number[giver[kept]], number[taker[kept]], share[kept])


def spread(impact: Any, start: Any, backend: Backend) -> Spread:
    """Let distress spread until nobody passes any on.

    Parameters
    ----------
    impact : sparse float64 matrix, shape (n_nodes, n_nodes), not negative
        Row: who is hit; column: by whom. The distress of the row where the column is in full
        distress; the sum over columns is capped at 1. Where no entry is above 1 this is the
        paper's rule; where one is, the paper caps the entry, and then a firm that loses all its
        capital to one that is half distressed would count as half distressed (Bardoscia et al.).
    start : array of float64, shape (n_nodes, n_cases), 0 to 1
        The distress at the start, a column a case.
    backend : Backend

    References
    ----------
    S. Battiston, M. Puliga, R. Kaushik, P. Tasca, G. Caldarelli, "DebtRank: Too Central to
    Fail?", Scientific Reports 2, 541 (2012), doi:10.1038/srep00541. M. Bardoscia, S. Battiston,
    F. Caccioli, G. Caldarelli, "DebtRank: A Microscopic Foundation for Shock Propagation",
    PLoS ONE 10(6) (2015), doi:10.1371/journal.pone.0130406.
    """
    xp = backend.xp
    distress, passed = start, xp.zeros_like(start)
    step = xp.full(start.shape, -1, dtype="int32")
    turn = start > LEAST
    round_ = 0
    while bool(turn.any()):
        now = xp.where(turn, distress, 0.0)
        passed = passed + now
        step = xp.where(turn, round_, step)
        distress = xp.minimum(distress + impact @ now, 1.0)
        turn = (distress > LEAST) & (step < 0)
        round_ += 1
    return Spread(distress, passed, step.astype("int32"))


def debtranks(found: Spread, start: Any, value: Any, backend: Backend) -> Any:
    """Return the DebtRank of each case: float64, shape (n_cases,).

    Parameters
    ----------
    found : Spread
    start : array of float64, shape (n_nodes, n_cases)
    value : array of float64, shape (n_nodes,)
        Economic value of each node, summing to 1.
    backend : Backend

    Returns
    -------
    array
        The share of all value that is lost beyond the first loss itself.
    """
    return sum_down(value[:, None] * (found.distress - start), backend)
