"""Sparse matrices: SciPy on the host, cupyx.scipy.sparse on the device."""

from __future__ import annotations

from typing import Any


def host_sparse(shape: tuple[int, int], row: Any, column: Any, values: Any) -> Any:
    """Return a CSR matrix; values of one place add, columns ascend within a row."""
    from scipy.sparse import csr_matrix

    return csr_matrix((values, (row, column)), shape=shape)


def device_sparse(shape: tuple[int, int], row: Any, column: Any, values: Any) -> Any:
    """Return what :func:`host_sparse` does, on the device."""
    from cupyx.scipy.sparse import coo_matrix

    places = (row.astype("int32"), column.astype("int32"))
    matrix = coo_matrix((values, places), shape=shape).tocsr()
    matrix.sum_duplicates()
    return matrix
