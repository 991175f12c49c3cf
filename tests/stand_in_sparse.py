"""The stand-in for a sparse matrix on a device."""

import numpy as np
from scipy.sparse import csr_matrix
from stand_in import to_device, to_plain


def in_another_order(product):
    """Return a product with the columns of each row the other way round.

    cuSPARSE's are in an order of its own, and SciPy's in another.
    """
    product = product.tocsr()
    row = np.repeat(np.arange(product.shape[0]), np.diff(product.indptr))
    order = np.lexsort((-product.indices, row))
    parts = (product.data[order], product.indices[order], product.indptr)
    return csr_matrix(parts, shape=product.shape)


class DeviceSparse:
    """A sparse matrix of the other side: it takes device arrays, and gives them."""

    def __init__(self, host):
        self._host = host

    def __matmul__(self, other):
        if isinstance(other, DeviceSparse):
            return DeviceSparse(in_another_order(self._host @ other._host))
        return to_device(self._host @ to_plain(other))

    def __getitem__(self, rows):
        return DeviceSparse(self._host[to_plain(rows)])

    def __getattr__(self, name):
        if name in ("data", "indices", "indptr"):
            return to_device(getattr(self._host, name))
        if name == "shape":
            return self._host.shape
        if name == "T":
            return DeviceSparse(self._host.T)
        msg = f"the stages use no {name!r} of a sparse matrix"
        raise AttributeError(msg)
