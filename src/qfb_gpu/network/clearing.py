"""Clearing of payments: what everyone still pays when someone does not.

Each firm pays what it owes in full if it can; if not, all it has, in proportion to its debts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

_TOLERANCE = 1e-12
"""Of the largest debt: a smaller change of every payment ends the iteration."""
_MOST_ROUNDS = 100_000


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
    greatest solution.

    References
    ----------
    L. Eisenberg, T. H. Noe, "Systemic Risk in Financial Systems", Management Science 47(2),
    236-249 (2001), doi:10.1287/mnsc.47.2.236.9835.
    """
    xp = backend.xp
    limit = owed if most is None else xp.minimum(owed, most)
    paid = limit
    small = _TOLERANCE * max(float(owed.max()), 1.0) if owed.shape[0] else 0.0
    n_rounds = 0
    while n_rounds < _MOST_ROUNDS:
        n_rounds += 1
        received = shares @ paid
        now = xp.minimum(limit, outside + received)
        change = float(xp.abs(now - paid).max()) if paid.shape[0] else 0.0
        paid = now
        if change <= small:
            break
    return Cleared(paid, shares @ paid, n_rounds)
