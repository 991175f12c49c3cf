"""A sparse matrix of a device answers as SciPy's does, where there is nothing, too."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from qfb_gpu._backend.sparse import DeviceSparse
from qfb_gpu.backend import get_backend


class Strict:
    """cupyx.scipy.sparse on the host: products of nothing are refused."""

    def __init__(self, matrix):
        if isinstance(matrix, tuple):
            matrix = csr_matrix(matrix)
        self.host = matrix
        self.shape, self.nnz = matrix.shape, matrix.nnz

    @property
    def T(self):  # noqa: N802
        return Strict(self.host.T)

    def tocsr(self):
        return Strict(self.host.tocsr())

    def __getattr__(self, name):
        return getattr(self.host, name)

    def __getitem__(self, rows):
        return Strict(self.host[rows])

    def __matmul__(self, other):
        assert self.nnz
        if isinstance(other, Strict):
            assert other.nnz
            return Strict(self.host @ other.host)
        assert other.size
        return np.asfortranarray(self.host @ other)  # as cuSPARSE gives a matrix


def strict(array):
    return DeviceSparse(np, Strict(csr_matrix(array)))


def dense(matrix):
    return csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape).toarray()


RNG = np.random.default_rng(8)
SOME = np.where(RNG.random((4, 5)) < 0.5, RNG.integers(1, 9, (4, 5)), 0).astype(float)


@pytest.mark.parametrize("left", [SOME, np.zeros((4, 5)), np.zeros((0, 5)), np.zeros((4, 0))])
def test_products_are_scipys(left):
    right = left.T.copy()
    many = RNG.random((left.shape[1], 3))
    matrix = strict(left)
    np.testing.assert_array_equal(dense(matrix @ strict(right)), left @ right)
    np.testing.assert_array_equal(dense(matrix[0:2] @ strict(right)), left[0:2] @ right)
    np.testing.assert_allclose(matrix @ many[:, 0], left @ many[:, 0])
    np.testing.assert_allclose(matrix @ many, left @ many)
    assert (matrix @ many).flags.c_contiguous
    assert (matrix @ many[:, :0]).shape == (left.shape[0], 0)
    back = RNG.random((left.shape[0], 2))
    np.testing.assert_allclose(matrix.T @ back, left.T @ back)
    assert matrix.T.shape == left.T.shape


def test_a_transpose_is_turned_once():
    turned = strict(SOME).T
    assert turned._matrix.host.format == "csr"
    assert turned._matrix.host.has_canonical_format
    np.testing.assert_array_equal(dense(turned), SOME.T)


def test_rows_are_picked():
    picked = strict(SOME)[np.array([3, 0])]
    np.testing.assert_array_equal(dense(picked), SOME[[3, 0]])
    assert picked.shape == (2, 5)


@pytest.mark.parametrize("n_entries", [0, 7])
def test_each_backend_adds_what_goes_to_one_place(backend, n_entries):
    row, column = (RNG.integers(0, 3, n_entries) for _ in range(2))
    values = RNG.integers(1, 9, n_entries).astype(float)
    want = np.zeros((3, 4))
    np.add.at(want, (row, column), values)
    placed = (backend.asarray(one) for one in (row, column, values))
    matrix = backend.sparse((3, 4), *placed)
    found = [backend.to_host(one) for one in (matrix.data, matrix.indices, matrix.indptr)]
    np.testing.assert_array_equal(csr_matrix(tuple(found), shape=(3, 4)).toarray(), want)
    vector = backend.asarray(np.arange(4.0))
    np.testing.assert_allclose(backend.to_host(matrix @ vector), want @ np.arange(4.0))
    both = matrix @ matrix.T
    found = [backend.to_host(one) for one in (both.data, both.indices, both.indptr)]
    np.testing.assert_allclose(csr_matrix(tuple(found), shape=(3, 3)).toarray(), want @ want.T)
    some = matrix[backend.asarray(np.array([2, 0]))]
    assert tuple(some.shape) == (2, 4)


def test_the_host_has_scipys():
    matrix = get_backend("cpu").sparse((2, 2), np.array([0]), np.array([1]), np.array([3.0]))
    assert isinstance(matrix, csr_matrix)
