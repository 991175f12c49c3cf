"""The stand-in for a sparse matrix on a device."""

from stand_in import to_device, to_plain


class DeviceSparse:
    """A sparse matrix of the other side: it takes device arrays, and gives them."""

    def __init__(self, host):
        self._host = host

    def __matmul__(self, other):
        if isinstance(other, DeviceSparse):
            return DeviceSparse(self._host @ other._host)
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
