"""Sparse matrices: SciPy on the host, cupyx.scipy.sparse on the device."""

from __future__ import annotations

from typing import Any


def host_sparse(shape: tuple[int, int], row: Any, column: Any, values: Any) -> Any:
    """Return a CSR matrix; values of one place add, columns ascend within a row."""
    from scipy.sparse import csr_matrix

    return csr_matrix((values, (row, column)), shape=shape)


def device_sparse(xp: Any, shape: tuple[int, int], row: Any, column: Any, values: Any) -> Any:
    """Return what :func:`host_sparse` does, on the device."""
    from cupyx.scipy.sparse import coo_matrix

    places = (row.astype("int32"), column.astype("int32"))
    matrix = coo_matrix((values, places), shape=shape).tocsr()
    matrix.sum_duplicates()
    return DeviceSparse(xp, matrix)


class DeviceSparse:
    """A sparse matrix of the device; a product may be one of nothing.

    cuSPARSE promises nothing about matrices without entries, rows, or columns, and CuPy asks it.
    """

    __slots__ = ("_matrix", "_xp")

    def __init__(self, xp: Any, matrix: Any) -> None:
        self._xp, self._matrix = xp, matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        n_rows, n_columns = self._matrix.shape
        return int(n_rows), int(n_columns)

    @property
    def indptr(self) -> Any:
        """Where rows start: int32, shape (n_rows + 1,)."""
        return self._matrix.indptr

    @property
    def indices(self) -> Any:
        """Columns: int32, shape (n_entries,)."""
        return self._matrix.indices

    @property
    def data(self) -> Any:
        """Values: float64, shape (n_entries,)."""
        return self._matrix.data

    @property
    def T(self) -> DeviceSparse:  # noqa: N802  as every array has it
        """The transpose, by rows and in order: else each product would turn and sort it again."""
        if self._matrix.nnz == 0:
            return DeviceSparse(self._xp, self._matrix.T)
        by_row = self._matrix.T.tocsr()
        by_row.sum_duplicates()
        return DeviceSparse(self._xp, by_row)

    def __getitem__(self, rows: Any) -> DeviceSparse:
        """Return some rows: a slice, or integers of the device."""
        return DeviceSparse(self._xp, self._matrix[rows])

    def __matmul__(self, other: Any) -> Any:
        """Return the product with a sparse matrix, or with a vector or matrix of the device."""
        is_some = self._matrix.nnz > 0
        if isinstance(other, DeviceSparse):
            if is_some and other._matrix.nnz > 0:
                return DeviceSparse(self._xp, self._matrix @ other._matrix)
            shape = (self.shape[0], other.shape[1])
            return DeviceSparse(self._xp, type(self._matrix.tocsr())(shape))
        if is_some and other.size > 0:
            return self._xp.ascontiguousarray(self._matrix @ other)
        return self._xp.zeros((self.shape[0], *other.shape[1:]))
