"""Payment nodes of contracts: what the clause promises beside what was paid, reconciled.

A node is a row: those of a contract stand one after the other in the order of the clause. Where
there is no clause that adds up to 100%, the nodes are the payments themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.joins import find, first_of_group, mix, pairs, rank, total
from qfb_gpu.keys import first_in_run
from qfb_gpu.ledger import NULL_DAY

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.finance.clause_table import ClauseNodes
    from qfb_gpu.finance.contracts import Contracts, Paid

NEAR = 50
"""Basis points within which a payment is a node's: rounding, not another share."""
_WHOLE = 10_000
MOST = 2**31 - 1
"""Basis points of a payment that is larger still: framework contracts have a total of 1."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """Nodes that clauses promise, all shape (n_nodes,), by contract, then place in the clause.

    Attributes
    ----------
    contract : int64; number : int32, from 0
    kind, trigger : int8; basis_points : int32
    share : int32, what ``basis_points`` is an instalment of: see :class:`ClauseNodes`
    amount_minor : int64, the share of the total, rounded, or the sum that the clause says
    days : int32, ``NULL_DAY`` where not said; day_kind : int8, how they are counted
    warranty_days : int32
    """

    contract: Any
    number: Any
    kind: Any
    trigger: Any
    basis_points: Any
    share: Any
    amount_minor: Any
    days: Any
    day_kind: Any
    warranty_days: Any

    @property
    def n(self) -> int:
        """Number of nodes."""
        return int(self.contract.shape[0])


def promised(contracts: Contracts, clause: Any, clauses: ClauseNodes, backend: Backend) -> Nodes:
    """Return the nodes of every contract whose clause was read.

    Parameters
    ----------
    contracts : Contracts
    clause : int64 array, shape (n_contracts,)
        The contract's row among the distinct clauses; -1 where it has none.
    clauses : ClauseNodes
    """
    xp = backend.xp
    offsets = backend.asarray(clauses.offsets)
    zero = xp.zeros(1, dtype="int64")  # for -1: no clause
    begin = xp.concatenate([offsets[:-1], zero])[clause]
    n = xp.concatenate([offsets[1:] - offsets[:-1], zero])[clause]
    n = xp.where(contracts.has_total, n, 0)
    contract = backend.repeat(xp.arange(contracts.n), n)
    number = xp.arange(contract.shape[0]) - backend.repeat(xp.cumsum(n) - n, n)
    node = begin[contract] + number
    points = backend.asarray(clauses.basis_points)[node]
    return Nodes(
        contract=contract,
        number=number.astype("int32"),
        kind=backend.asarray(clauses.kind)[node],
        trigger=backend.asarray(clauses.trigger)[node],
        basis_points=points,
        share=backend.asarray(clauses.share)[node],
        amount_minor=_amounts(
            contracts.total_minor[contract], clause[contract], node, clauses, backend
        ),
        days=backend.asarray(clauses.days)[node],
        day_kind=backend.asarray(clauses.day_kind)[node],
        warranty_days=backend.asarray(clauses.warranty_days)[node],
    )


def _amounts(
    total_minor: Any, clause: Any, node: Any, clauses: ClauseNodes, backend: Backend
) -> Any:
    """Return what nodes promise: the clause's sum where it says one, else the share of the total.

    Instalments are equal to the minor unit, as they are paid; the last makes up the rest. A stated
    total is the contract's amount, so it tells how many of its units are a minor unit.
    """
    xp = backend.xp
    thirds = backend.asarray(clauses.thirds_of_all)[node]
    shares = share_of(total_minor, thirds, whole=3 * _WHOLE)
    n = backend.asarray(clauses.n_instalments)[node].astype("int64")
    each = (shares + n // 2) // n
    each = xp.where(each * (n - 1) > shares, shares // n, each)  # a few cents only
    is_last = backend.asarray(clauses.is_last)[node]
    shares = xp.where(is_last, shares - each * (n - 1), each)
    if not (clauses.total_stated >= 0).any():
        return shares
    stated = backend.asarray(clauses.sum_stated)[node]
    per_minor = xp.maximum(backend.asarray(clauses.total_stated)[clause] // total_minor, 1)
    return xp.where(stated >= 0, (stated + per_minor // 2) // per_minor, shares)


def share_of(total_minor: Any, parts: Any, *, whole: int = _WHOLE) -> Any:
    """Return parts of a total, rounded to the nearest minor unit; exact, without overflow.

    Parameters
    ----------
    total_minor : int64 array, minor units
    parts : integer array
        Basis points, or of what ``whole`` is the number of.
    """
    n = parts.astype("int64")
    wholes, rest = total_minor // whole, total_minor % whole
    return wholes * n + (rest * n + whole // 2) // whole


def assign(nodes: Nodes, paid: Paid, counts: Any, contracts: Contracts, backend: Backend) -> Any:
    """Return the node that each payment pays: int64, shape (n_paid,), -1 where none.

    Each payment goes to the nearest share among its contract's nodes, if within ``NEAR`` basis
    points; payments of one share go to the nodes of that share in order of day (shares that are
    a basis point apart are one). More payments
    than nodes of a share are left over. Whatever is left over then fills the nodes that are left,
    in order: a node paid in parts gets each of its parts, and a payment of several nodes at once is
    said to be of the node that its middle falls into (:func:`settled` shares it out).
    """
    first = _by_share(nodes, paid, counts, contracts, backend)
    return _by_filling(nodes, paid, counts, first, backend)


def _by_share(nodes: Nodes, paid: Paid, counts: Any, contracts: Contracts, backend: Backend) -> Any:
    xp = backend.xp
    assigned = xp.full(paid.n, -1, dtype="int64")
    usable = xp.nonzero(counts & (paid.amount_minor > 0))[0]
    row, node = pairs(paid.contract[usable], nodes.contract, backend)
    row = usable[row]
    if row.shape[0] == 0:
        return assigned
    away = xp.abs(paid.amount_minor[row] - nodes.amount_minor[node])
    reach = xp.maximum(share_of(contracts.total_minor[paid.contract[row]], xp.full(1, NEAR)), 1)
    points = nodes.basis_points[node]
    best = rank((row, away, points, nodes.number[node]), 1, backend) == 0
    near = best & (away <= reach)
    row, node = row[near], node[near]
    share = nodes.share.astype("int64")
    place = rank((paid.contract[row], share[node], row), 2, backend)
    of_share = rank((nodes.contract, share, nodes.number), 2, backend)
    wanted = mix((paid.contract[row], share[node], place), backend)
    there = mix((nodes.contract, share, of_share), backend)
    assigned[row] = find(wanted, there, backend)
    return assigned


def _by_filling(nodes: Nodes, paid: Paid, counts: Any, assigned: Any, backend: Backend) -> Any:
    """Fill the nodes that no payment matched with the payments that matched no node."""
    xp = backend.xp
    is_open = xp.ones(nodes.n, dtype=bool)
    is_open[assigned[assigned >= 0]] = False
    left = xp.nonzero((assigned < 0) & counts & (paid.amount_minor > 0))[0]
    if left.shape[0] == 0:
        return assigned
    before = _running(paid.contract[left], paid.amount_minor[left], backend)
    open_node = xp.nonzero(is_open)[0]
    due_before = _running(nodes.contract[open_node], nodes.amount_minor[open_node], backend)
    row, place = pairs(paid.contract[left], nodes.contract[open_node], backend)
    middle = 2 * before[row] + paid.amount_minor[left[row]]
    low = 2 * due_before[place]
    high = low + 2 * nodes.amount_minor[open_node[place]]
    inside = (middle >= low) & (middle < high)
    filled = assigned.copy()
    filled[left[row[inside]]] = open_node[place[inside]]
    return filled


def _running(group: Any, values: Any, backend: Backend) -> Any:
    """Return the sum of earlier values in each row's group; rows are sorted by group."""
    xp = backend.xp
    running = xp.cumsum(values) - values
    begins = first_in_run(group, xp)
    return running - running[first_of_group(begins, backend)]


def settled(
    nodes: Nodes, paid: Paid, assigned: Any, contracts: Contracts, backend: Backend
) -> dict[str, Any]:
    """Return what was paid of each node, and when it was whole.

    Where a node got more than it promises, by more than 2.5% of the total (five times ``NEAR``),
    what the contract's payments did not pay by share is shared out again: it fills the nodes that
    no payment paid by share, in order. What is beyond all of them stays with the last.

    Returns
    -------
    dict of arrays, shape (n_nodes,)
        ``paid_minor`` (int64), ``n_payments`` (int32), ``paid_day`` (int32, the day of its last
        payment where at least the promised amount less 2.5% of it is there; ``NULL_DAY`` where it
        is not yet), ``given_minor`` (int64, the sum of the payments that ``assigned`` says).
    """
    xp = backend.xp
    order = backend.lexsort((assigned, paid.day))
    edges = xp.searchsorted(assigned[order], xp.arange(nodes.n + 1))  # -1, no node, stands before
    sums = xp.zeros(paid.n + 1, dtype="int64")
    sums[1:] = xp.cumsum(paid.amount_minor[order])
    days = xp.full(paid.n + 1, NULL_DAY, dtype="int32")
    days[1:] = paid.day[order]
    amounts = sums[edges[1:]] - sums[edges[:-1]]
    number = (edges[1:] - edges[:-1]).astype("int32")
    last = days[edges[1:]]
    enough = amounts >= _enough(nodes.amount_minor, xp)
    found = {
        "paid_minor": amounts,
        "n_payments": number,
        "paid_day": xp.where((number > 0) & enough, last, NULL_DAY).astype("int32"),
        "given_minor": amounts,
    }
    open_node = _overfull(nodes, found, contracts, backend)
    return _shared_out(nodes, paid, assigned, open_node, found, backend)


def _enough(promised: Any, xp: Any) -> Any:
    """Return the sum with which a node counts as paid."""
    return promised - share_of(promised, xp.full(1, 5 * NEAR))


def _overfull(nodes: Nodes, found: dict[str, Any], contracts: Contracts, backend: Backend) -> Any:
    """Return the nodes not paid by share of contracts one of which got too much: rows."""
    xp = backend.xp
    whole = contracts.total_minor[nodes.contract]
    away = found["given_minor"] - nodes.amount_minor
    by_share = (found["n_payments"] == 1) & (
        xp.abs(away) <= xp.maximum(share_of(whole, xp.full(1, NEAR)), 1)
    )
    too_much = away > xp.maximum(share_of(whole, xp.full(1, 5 * NEAR)), 1)
    n_over = total(nodes.contract, too_much.astype("int64"), contracts.n, backend)
    return xp.nonzero((n_over > 0)[nodes.contract] & ~by_share)[0]


def _shared_out(
    nodes: Nodes, paid: Paid, assigned: Any, at: Any, found: dict[str, Any], backend: Backend
) -> dict[str, Any]:
    """Return what was paid of each node, where the nodes ``at`` are filled in order."""
    if at.shape[0] == 0:
        return found
    xp = backend.xp
    is_open = xp.zeros(nodes.n + 1, dtype=bool)  # the last: of no node
    is_open[at] = True
    row = xp.nonzero(is_open[assigned])[0]
    contract, promised = nodes.contract[at], nodes.amount_minor[at]
    sums = xp.zeros(row.shape[0] + 1, dtype="int64")
    sums[1:] = xp.cumsum(paid.amount_minor[row])
    low, high = (
        xp.searchsorted(paid.contract[row], contract, side=side) for side in ("left", "right")
    )
    from_here = sums[low] + _running(contract, promised, backend)
    left = xp.maximum(sums[high] - from_here, 0)
    is_last = xp.ones(at.shape[0], dtype=bool)
    is_last[:-1] = contract[1:] != contract[:-1]
    own = xp.where(is_last, left, xp.minimum(left, promised))
    first = xp.searchsorted(sums[1:], from_here, side="right")
    last = xp.searchsorted(sums[1:], from_here + own, side="left")
    enough = _enough(promised, xp)
    whole = xp.maximum(xp.searchsorted(sums[1:], from_here + enough, side="left"), low)
    day = paid.day[row][xp.minimum(whole, row.shape[0] - 1)]
    is_whole = (own > 0) & (own >= enough)
    shared = {
        "paid_minor": own,
        "n_payments": xp.where(own > 0, last - first + 1, 0).astype("int32"),
        "paid_day": xp.where(is_whole, day, NULL_DAY).astype("int32"),
    }
    changed = {name: found[name].copy() for name in shared}
    for name, values in shared.items():
        changed[name][at] = values
    return {**found, **changed}


def from_payments(
    paid: Paid, counts: Any, memo_kind: Any, contracts: Contracts, nodes: Nodes, backend: Backend
) -> tuple[Nodes, Any]:
    """Return a node a payment for contracts without nodes of a clause.

    Parameters
    ----------
    paid, counts, contracts, nodes
        As above; ``nodes`` are those of the clauses.
    memo_kind : int8 array, shape (n_paid,)
        Index into ``KINDS`` that the payment's memo names, -1 where none.

    Returns
    -------
    nodes : Nodes
        All nodes, by contract: those given and the new ones.
    is_bare : bool array, shape (n_nodes,)
        Which are new.
    """
    xp = backend.xp
    has_nodes = xp.zeros(contracts.n, dtype=bool)
    has_nodes[nodes.contract] = True
    is_new = counts & (paid.amount_minor > 0) & ~has_nodes[paid.contract]
    row = xp.nonzero(is_new & contracts.has_total[paid.contract])[0]
    contract = paid.contract[row]
    whole = contracts.total_minor[contract]
    points = xp.minimum(paid.amount_minor[row] * (1.0 * _WHOLE) / whole + 0.5, MOST)
    kind = xp.where(memo_kind[row] >= 0, memo_kind[row], words.OTHER).astype("int8")
    n = row.shape[0]
    new = Nodes(
        contract=contract,
        number=rank((contract, row), 1, backend).astype("int32"),
        kind=kind,
        trigger=xp.full(n, words.NO_TRIGGER, dtype="int8"),
        basis_points=points.astype("int64").astype("int32"),
        share=points.astype("int64").astype("int32"),
        amount_minor=paid.amount_minor[row],
        days=xp.full(n, NULL_DAY, dtype="int32"),
        day_kind=xp.zeros(n, dtype="int8"),
        warranty_days=xp.zeros(n, dtype="int32"),
    )
    names = Nodes.__dataclass_fields__
    both = [xp.concatenate([getattr(nodes, name), getattr(new, name)]) for name in names]
    is_bare = xp.arange(both[0].shape[0]) >= nodes.n
    order = backend.lexsort((both[0], both[1].astype("int64")))
    return Nodes(*(values[order] for values in both)), is_bare[order]
