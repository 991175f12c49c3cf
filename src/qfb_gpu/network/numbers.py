"""The parties of edges by number, and rows in the order of such numbers.

A number is a key's place among all keys in order: looked up once, it stands for the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import first_in_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.backend import Backend

_MOST_INT32 = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Numbers:
    """The ends of edges by number.

    Attributes
    ----------
    key : int64, shape (n_nodes,)
        Of every party, ascending.
    payer, payee : int32, or int64 from 2 ** 31 ends on, shape (n_edges,)
        The row of each end in ``key``.
    """

    key: Any
    payer: Any
    payee: Any

    @property
    def n_nodes(self) -> int:
        """Number of parties."""
        return int(self.key.shape[0])

    def at(self, rows: Any) -> Numbers:
        """Return the numbers of some edges."""
        return Numbers(self.key, self.payer[rows], self.payee[rows])


def numbered(payers: Sequence[Any], payees: Sequence[Any], xp: Any) -> Numbers:
    """Return the numbers of edges' ends, by key.

    Parameters
    ----------
    payers, payees : sequences of int64 arrays
        The keys of all edges' ends, in parts.
    xp : module
    """
    ends = xp.concatenate([*payers, *payees])
    order = xp.argsort(ends, kind="stable")  # a hash table is slower
    ends = ends[order]
    is_new = first_in_run(ends, xp)
    key = ends[is_new]
    del ends
    kind = "int32" if is_new.shape[0] <= _MOST_INT32 else "int64"
    place = xp.empty(is_new.shape[0], dtype=kind)
    place[order] = xp.cumsum(is_new, dtype=kind) - 1
    n_edges = is_new.shape[0] // 2
    return Numbers(key, place[:n_edges], place[n_edges:])


def in_order(value: Any, ties: tuple[Any, ...], backend: Backend) -> tuple[Any, Any]:
    """Return the stable order by a value, equal ones by others, and where a value is the first.

    Few values are equal: only the rows of those are sorted by all columns.

    Parameters
    ----------
    value : int64 array, shape (n_rows,)
    ties : tuple of integer arrays, shape (n_rows,)
    backend : Backend
    """
    xp = backend.xp
    order = xp.argsort(value, kind="stable")
    there = value[order]
    is_new = first_in_run(there, xp)
    is_tied = ~is_new
    is_tied[:-1] |= ~is_new[1:]
    tied = xp.nonzero(is_tied)[0]
    if tied.shape[0]:
        rows = order[tied]
        order[tied] = rows[backend.lexsort((there[tied], *(column[rows] for column in ties)))]
    return order, is_new
