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
_BYTES_A_PLACE = 72


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
    tables, lanes = _tables(n_rows, n_rows, n_best)
    best, score = _answers(n_rows, n_best)
    rows = (*_places(matrix), matrix.data, *_by_column(matrix))
    compiling.call(alike_cpu, (*rows, *tables, *lanes, best, score))
    del rows, tables
    found = {"column": best, "value": score}
    del best, score
    return _pairs(found)


def ends_of_three(links: Any, weight: Any, mine: Any, may_be: Any, n_best: int) -> dict[str, Any]:
    """Return the best ends of paths of three from some nodes, and whom most come by.

    Parameters
    ----------
    links : SciPy CSR, shape (n_nodes, n_nodes), columns ascending within a row
        Where there is an entry there is a link; an end is none of the node's own.
    weight : array of float64, shape (n_nodes,)
        A path weighs what its two middle nodes weigh, multiplied; none goes by a node of weight 0.
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
    tables, lanes = _tables(mine.size, links.shape[0], n_best)
    two = tuple(np.empty_like(table) for table in tables[:3])
    first = np.empty((two[0].shape[0], 1), np.int64)
    best, score = _answers(mine.size, n_best)
    via = np.zeros_like(best)
    arguments = (
        np.ascontiguousarray(mine), *_places(links), weight, may_be,
        *tables, *two, *lanes, first, best, score, via,
    )  # fmt: skip
    compiling.call(ends_of_three_cpu, arguments)
    found = {"column": best, "value": score, "via": via}
    del arguments, tables, two, best, score, via
    return _pairs(found)


def _tables(n_rows: int, n_columns: int, n_best: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return a lane a thread: keys, totals, slots seen, columns, values; places of the best.

    Of a table only what the largest row needs is ever written to, and so takes memory.
    """
    room = 2 << max(n_columns - 1, 1).bit_length()
    most = _BYTES // (_BYTES_A_PLACE * room // 2)
    n = max(1, min(n_threads(), n_rows, most))
    tables = (
        np.empty((n, room), np.int32),
        np.empty((n, room)),
        np.empty((n, room // 2), np.int32),
        np.empty((n, room // 2), np.int32),
        np.empty((n, room // 2)),
    )
    return tables, (np.empty((n, n_best), np.int64), np.zeros(n, np.int64))


def _answers(n_rows: int, n_best: int) -> tuple[Any, Any]:
    return np.full((n_rows, n_best), -1, np.int32), np.empty((n_rows, n_best))


def _pairs(found: dict[str, Any]) -> dict[str, Any]:
    """Return what is there of each row as columns; each answer goes when it is one."""
    n_best = found["column"].shape[1]
    at = np.flatnonzero(found["column"].ravel() >= 0)
    pairs = {}
    for name in tuple(found):
        values = found.pop(name).ravel()[at]
        pairs[name] = values if name == "value" else values.astype(np.int64)
    del values
    pairs["rank"] = (at % n_best + 1).astype(np.int32)
    at //= n_best
    return {"row": at, **pairs}


def _places(matrix: Any) -> tuple[Any, Any]:
    """Return where rows start (int64) and columns (int32) of a CSR matrix."""
    start = matrix.indptr.astype(np.int64, copy=False)
    return start, matrix.indices.astype(np.int32, copy=False)


def _by_column(matrix: Any) -> tuple[Any, Any, Any]:
    """Return the same of its transpose, and values."""
    across = matrix.T.tocsr()
    return (*_places(across), across.data)
