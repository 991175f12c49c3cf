"""Distress of one firm after another on the host, by lists of whom it comes to.

A device lets many firms' distress spread at once, by products of a sparse matrix and one of nodes
and firms. A host has nothing of that: one firm's distress comes to few of the nodes, or to each
of them once, while a product goes over all of them in every round. Both give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu._backend import compiling
from qfb_gpu._backend.devices import n_threads
from qfb_kernels.distress import PART, spread_cpu

if TYPE_CHECKING:
    from collections.abc import Iterator

_BYTES = 2**30
"""Of the vectors of all firms that are at work, at most; one firm always is."""
_BYTES_A_NODE = 41


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the distress of one firm went; vectors hold until the next firm's turn.

    Attributes
    ----------
    node : int32, shape (n_reached,), ascending
        Nodes in distress.
    distress, passed, lost : float64, shape (n_nodes,)
        Distress; what a node passed on; the sum over all shares of what was passed on, capped at 1
        (0 of the firm itself, and where no share was asked for).
    step : int32, shape (n_nodes,)
        In which round the node passed on, -1 where it did not.
    """

    node: Any
    distress: Any
    passed: Any
    lost: Any
    step: Any


def one_by_one(
    impact: Any, share: Any | None, firms: Any, amount: float, least: float
) -> Iterator[Reach]:
    """Yield for each firm where its distress goes.

    Parameters
    ----------
    impact, share : SciPy CSR of the same places, shape (n_nodes, n_nodes), positive
        Row: who passes on; column: who is hit; see :func:`qfb_gpu.network.debtrank.spread`.
    firms : int64 array, shape (n_firms,)
    amount : float, 0 to 1
        The distress of the firm.
    least : float
        Distress up to it is not passed on.
    """
    n_nodes, n_firms = impact.shape[0], firms.shape[0]
    most = _BYTES // (_BYTES_A_NODE * max(n_nodes, 1))
    n = max(1, min(n_threads(), n_firms, most))
    none = np.empty(0)
    matrix = (
        impact.indptr.astype(np.int64), impact.indices.astype(np.int32, copy=False),
        impact.data, none if share is None else share.data,
    )  # fmt: skip
    distress, passed, lost = (np.zeros((n, n_nodes)) for _ in range(3))
    step = np.full((n, n_nodes), -1, np.int32)
    seen, hit, order = (np.empty((n, n_nodes), np.int32) for _ in range(3))
    few = -(-n_nodes // PART)
    marks = [np.zeros((n, size), np.int8) for size in (n_nodes, few, -(-few // PART))]
    count, small = np.zeros(n, np.int64), np.array([least])
    for start in range(0, n_firms, n):
        mine = np.ascontiguousarray(firms[start : start + n])
        distress[np.arange(mine.shape[0]), mine] = amount
        arguments = (
            *matrix, mine, small, distress, passed, lost, step, seen, count, hit, order, *marks
        )  # fmt: skip
        compiling.call(spread_cpu, arguments)
        for row in range(mine.shape[0]):
            node = seen[row, : count[row]]
            yield Reach(node, distress[row], passed[row], lost[row], step[row])
