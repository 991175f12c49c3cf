"""Which edges of a graph may be on a short cycle: from the payee it is at most four steps back.

Edges are sorted by payer and payee: ``start`` (int64, shape (n_nodes + 1,)) cuts them by payer,
``target`` (int64) is their payee. A search from one edge takes ``looks`` looks at most; an edge
whose search is cut short may be on a cycle for all that is known.
"""

from __future__ import annotations

from numba import cuda

from qfb_kernels.cycles import pair_of
from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin


def _one_step(start, target, here, home, left):
    """Return how many looks are left, at most 0 where one step leads home or they have run out."""
    closing = pair_of(target, start[here], start[here + 1], home)
    return left - 1 if closing < 0 else left - left


one_step = twin(_one_step, pair_of)


def _two_steps(start, target, here, home, left):
    """Return the same of one or two steps."""
    left = one_step(start, target, here, home, left)
    for edge in range(start[here], start[here + 1]):
        if left <= 0:
            break
        left = one_step(start, target, target[edge], home, left)
    return left


two_steps = twin(_two_steps, one_step)


def _three_steps(start, target, here, home, left):
    """Return the same of one to three steps."""
    left = one_step(start, target, here, home, left)
    for edge in range(start[here], start[here + 1]):
        if left <= 0:
            break
        left = two_steps(start, target, target[edge], home, left)
    return left


three_steps = twin(_three_steps, one_step, two_steps)


def _closes_row(start, target, payer, looks, may_close, row):
    """Write whether an edge may be on a cycle of five edges at most."""
    here, home = target[row], payer[row]
    left = one_step(start, target, here, home, looks)
    for edge in range(start[here], start[here + 1]):
        if left <= 0:
            break
        left = three_steps(start, target, target[edge], home, left)
    may_close[row] = left <= 0


closes_row = twin(_closes_row, one_step, three_steps)
_closes_row_cpu, _closes_row_gpu = closes_row.cpu, closes_row.gpu


@rows_of("may_close")
def closes_cpu(row_from, row_to, start, target, payer, looks, may_close):
    """Loop over edges on the host, on all its threads."""
    for row in range(row_from, row_to):
        _closes_row_cpu(start, target, payer, looks, may_close, row)


@cuda.jit
def closes_gpu(start, target, payer, looks, may_close):
    """One thread per edge; launch with ``.forall(n_edges)``."""
    row = cuda.grid(1)
    if row < may_close.shape[0]:
        _closes_row_gpu(start, target, payer, looks, may_close, row)
