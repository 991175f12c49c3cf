"""Clearing of payments: what everyone still pays when someone does not.

Each firm pays what it owes in full if it can; if not, all it has, in proportion to its debts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

_SMALL_MINOR, _ROUNDED = 1e-6, 1e-14
"""Minor units, and part of what a node pays: smaller changes of all end the iteration."""
_MOST_ROUNDS = 100_000
_SOLVE_EVERY = 256
"""Rounds. Money that goes round with little leaving takes as many as the leak is small."""
_LATE = 64
"""The last of these rounds tell who still falls: a fall goes round a circle in as many."""
_MOST_SOLVED = 4096
"""Nodes at once: so many equations fit into memory whatever they are."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """The greatest clearing payments.

    Attributes
    ----------
    paid : float64, shape (n_nodes,), minor units
        What each node pays in all.
    received : float64, shape (n_nodes,), minor units
        What each node gets from the others.
    n_rounds : int
    """

    paid: Any
    received: Any
    n_rounds: int


def clear(shares: Any, owed: Any, outside: Any, backend: Backend, *, most: Any = None) -> Cleared:
    """Return the greatest clearing vector.

    Parameters
    ----------
    shares : sparse float64 matrix, shape (n_nodes, n_nodes)
        Row: payee; column: payer. The payee's share of what the payer owes; columns sum to 1,
        or to less where it owes others, too.
    owed : array of float64, shape (n_nodes,), minor units
        What each node owes the others in all.
    outside : array of float64, shape (n_nodes,), minor units, not negative
        What each node has besides what it is paid.
    backend : Backend
    most : array of float64, shape (n_nodes,), optional
        No node pays more than this, whatever it has: a firm that stops paying.

    Notes
    -----
    From full payment downwards, p := min(owed, most, outside + shares p), which falls to the
    greatest solution. Where it falls slowly, what the nodes pay that fall most is solved for as if
    all others had come to an end: that is above the solution, too, and the iteration goes on.

    References
    ----------
    L. Eisenberg, T. H. Noe, "Systemic Risk in Financial Systems", Management Science 47(2),
    236-249 (2001), doi:10.1287/mnsc.47.2.236.9835.
    """
    xp = backend.xp
    limit = owed if most is None else xp.minimum(owed, most)
    paid = earlier = limit
    n_rounds = 0
    while n_rounds < _MOST_ROUNDS:
        n_rounds += 1
        received = shares @ paid
        now = xp.minimum(limit, outside + received)
        is_still = bool((xp.abs(now - paid) <= xp.maximum(_ROUNDED * now, _SMALL_MINOR)).all())
        paid = now
        if is_still:
            break
        if n_rounds % _SOLVE_EVERY == _SOLVE_EVERY - _LATE:
            earlier = paid
        if n_rounds % _SOLVE_EVERY == 0:
            host = backend.to_host
            matrix = (host(shares.data), host(shares.indices), host(shares.indptr))
            solved = _solved(matrix, host(outside), host(paid), host(earlier - paid))
            paid = backend.asarray(solved)
    return Cleared(paid, shares @ paid, n_rounds)


def _solved(matrix: tuple[Any, Any, Any], outside: Any, paid: Any, fall: Any) -> Any:
    """Return payments where those that fall most have come to an end, on the host.

    Parameters
    ----------
    matrix : (data, indices, indptr)
        The shares, by rows.
    outside, paid : array of float64, shape (n_nodes,)
    fall : array of float64, shape (n_nodes,)
        By how much each payment fell lately: who did cannot pay in full, now and at the end.
    """
    from scipy.sparse import csr_matrix, identity
    from scipy.sparse.linalg import splu

    shares = csr_matrix(matrix, shape=(paid.shape[0],) * 2)
    rows = np.argsort(-fall, kind="stable")[:_MOST_SOLVED]
    rows = np.sort(rows[fall[rows] > 0])
    inside = shares[rows]
    others = paid.copy()
    others[rows] = 0.0
    system = identity(rows.shape[0], format="csc") - inside[:, rows].tocsc()
    solution = splu(system).solve(outside[rows] + inside @ others)
    found = paid.copy()
    found[rows] = np.clip(solution, 0.0, paid[rows])
    return found
