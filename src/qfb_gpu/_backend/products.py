"""The best of each row of a product of sparse matrices, on the host: no product in memory.

A device multiplies some rows at a time by its library and picks the best of them. Both give the
same: sums are taken here in the order in which SciPy takes them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qfb_gpu._backend import compiling
from qfb_gpu._backend.devices import n_threads
from qfb_kernels.products import alike_cpu, ends_of_three_cpu

_BYTES = 2**30
"""Of all lanes' tables together, at most."""
_BYTES_A_PLACE = 32


def alike(matrix: Any, n_best: int) -> dict[str, Any]:
    """Return the best other rows of each row of a matrix times its transpose.

    Parameters
    ----------
    matrix : SciPy CSR, shape (n_rows, n_columns), positive, columns ascending within a row
    n_best : int, from 1

    Returns
    -------
    dict of arrays, shape (n_pairs,)
        ``row``, ``column`` (the other row; int64), ``value`` (float64), ``rank`` (int32, from 1):
        by row, the largest value first, and of equal ones (to 12 decimals) the first.
    """
    n_rows = matrix.shape[0]
    tables = _tables(n_rows, n_rows, n_best)
    best, score = _answers(n_rows, n_best)
    arguments = (*_parts(matrix), *_parts(matrix.T.tocsr()), *tables, best, score)
    compiling.call(alike_cpu, arguments)
    return _pairs(best, score)


def ends_of_three(reach: Any, links: Any, mine: Any, may_be: Any, n_best: int) -> dict[str, Any]:
    """Return the best ends of paths of three from some nodes, and whom most come by.

    Parameters
    ----------
    reach : SciPy CSR, shape (n_nodes, n_nodes), positive, columns ascending within a row
        The first two steps.
    links : SciPy CSR of ones, shape (n_nodes, n_nodes)
        The last step; an end is none of the node's own.
    mine : int64 array, shape (n_mine,)
    may_be : bool array, shape (n_nodes,)
        Who may be an end.
    n_best : int, from 1

    Returns
    -------
    dict of arrays, shape (n_pairs,)
        As :func:`alike`: ``row`` is of ``mine``, ``column`` the end; and ``via`` (int64): of the
        end's own neighbours the one that most of the paths come by.
    """
    n_nodes = links.shape[0]
    total, seen, values, place, count = _tables(mine.size, n_nodes, n_best)
    two, seen_two = np.zeros_like(total), np.empty_like(seen)
    first = np.empty((total.shape[0], 1), np.int64)
    best, score = _answers(mine.size, n_best)
    via = np.zeros_like(best)
    arguments = (
        np.ascontiguousarray(mine), *_parts(reach), *_parts(links), may_be,
        total, seen, values, two, seen_two, place, count, first, best, score, via,
    )  # fmt: skip
    compiling.call(ends_of_three_cpu, arguments)
    return {**_pairs(best, score), "via": via[best >= 0]}


def _tables(n_rows: int, n_columns: int, n_best: int) -> tuple[Any, Any, Any, Any, Any]:
    """Return a lane a thread: totals, columns seen, their values, places of the best, how many."""
    most = _BYTES // (_BYTES_A_PLACE * max(n_columns, 1))
    n = max(1, min(n_threads(), n_rows, most))
    return (
        np.zeros((n, n_columns)),
        np.empty((n, n_columns), np.int32),
        np.empty((n, n_columns)),
        np.empty((n, n_best), np.int64),
        np.zeros(n, np.int64),
    )


def _answers(n_rows: int, n_best: int) -> tuple[Any, Any]:
    return np.full((n_rows, n_best), -1, np.int64), np.empty((n_rows, n_best))


def _pairs(best: Any, score: Any) -> dict[str, Any]:
    row, rank = np.nonzero(best >= 0)
    value = score[row, rank]
    return {
        "row": row, "column": best[row, rank], "value": value, "rank": (rank + 1).astype(np.int32),
    }  # fmt: skip


def _parts(matrix: Any) -> tuple[Any, Any, Any]:
    """Return where rows start (int64), columns (int32) and values of a CSR matrix."""
    start = matrix.indptr.astype(np.int64, copy=False)
    return start, matrix.indices.astype(np.int32, copy=False), matrix.data
