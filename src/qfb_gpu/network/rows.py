"""Rows of a product of sparse matrices, some at a time, and the largest values of each."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from qfb_kernels.best import best_cpu, best_gpu

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

_BYTES_A_VALUE = 64
_BUDGETS = 8
"""Host batches are sized for caches; products may take some of them."""


def batches(n_values: Any, backend: Backend) -> list[tuple[int, int]]:
    """Cut rows into runs that fit in memory.

    Parameters
    ----------
    n_values : array of float64, shape (n_rows,)
        How many values a row of the product has at most.
    backend : Backend

    Returns
    -------
    list of (start, stop)
    """
    n_rows = int(n_values.shape[0])
    ends = backend.to_host(backend.xp.cumsum(n_values))
    room = max(_BUDGETS * backend.memory_budget_bytes() // _BYTES_A_VALUE, 1)
    cuts = [0]
    while cuts[-1] < n_rows:
        before = float(ends[cuts[-1] - 1]) if cuts[-1] else 0.0
        stop = int(ends.searchsorted(before + room, side="right"))
        cuts.append(min(max(stop, cuts[-1] + 1), n_rows))
    return list(pairwise(cuts))


def entries(matrix: Any, backend: Backend) -> tuple[Any, Any, Any]:
    """Return row, column (int64) and value of each entry of a sparse matrix."""
    counts = matrix.indptr[1:] - matrix.indptr[:-1]
    row = backend.repeat(backend.xp.arange(counts.shape[0], dtype="int64"), counts)
    return row, matrix.indices.astype("int64"), matrix.data


def largest(row: Any, column: Any, value: Any, n_best: int, backend: Backend) -> dict[str, Any]:
    """Return the ``n_best`` largest positive values of each row.

    Parameters
    ----------
    row : int64, shape (n_entries,), ascending
    column : int64, shape (n_entries,)
    value : float64, shape (n_entries,)

    Returns
    -------
    dict of arrays
        ``row``, ``column``, ``value``, ``rank`` (int32, from 1). Values that differ by rounding
        only (the 12th decimal) are ordered by their column.
    """
    xp = backend.xp
    n_rows = int(row[-1]) + 1 if row.shape[0] else 0
    offsets = xp.searchsorted(row, xp.arange(n_rows + 1, dtype="int64")).astype("int64")
    best = xp.zeros((n_rows, max(n_best, 1)), dtype="int64")
    count = xp.zeros(n_rows, dtype="int64")
    backend.launch(
        best_cpu, best_gpu, n_rows, xp.ascontiguousarray(column), xp.ascontiguousarray(value),
        offsets, best, count,
    )  # fmt: skip
    rank = xp.arange(best.shape[1])[None, :]
    kept = rank < xp.minimum(count, n_best)[:, None]
    at = best[kept]
    ranks = (rank + xp.zeros((n_rows, 1), dtype="int64"))[kept] + 1
    return {
        "row": row[at],
        "column": column[at],
        "value": value[at],
        "rank": ranks.astype("int32"),
    }


def joined(parts: list[dict[str, Any]], kinds: dict[str, str], xp: Any) -> dict[str, Any]:
    """Put parts of columns together; ``kinds`` are their dtypes where there is no part."""
    if not parts:
        return {name: xp.empty(0, dtype=kind) for name, kind in kinds.items()}
    return {name: xp.concatenate([part[name] for part in parts]) for name in kinds}
