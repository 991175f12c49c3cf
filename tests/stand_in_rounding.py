"""Last bits as a device might have them: sums in another order, logarithms of another library.

What an element-wise function gives depends on its argument alone, on a device as well; what a sum
gives depends on how many numbers there are and where they stand. Whole numbers stay: their sums
are exact in any order. So a decision that hangs on the last bit shows in the rehearsal of a round.
"""

import numpy as np

ELEMENT_WISE = {"log", "log1p", "exp", "sin", "power", "pow"}
SUMS = {"bincount", "sum", "mean", "cumsum", "matmul", "std"}
_ULPS = 2
_MIX = np.uint64(0x9E3779B97F4A7C15)


def absolute(values):
    """Return arguments with every float array's absolute values, lists of them included."""
    if isinstance(values, dict):
        return {name: absolute(value) for name, value in values.items()}
    if isinstance(values, (list, tuple)):
        return type(values)(absolute(value) for value in values)
    return np.abs(values) if getattr(getattr(values, "dtype", None), "kind", "") == "f" else values


def as_on_a_device(name, host, size=None):
    """Return an operation's answer with other last bits, or as it is.

    ``size``: of a sum that of the absolute values; what is added up in another order is off by a
    share of that, where positive and negative numbers cancel more than of the sum.
    """
    if host.dtype.kind != "f" or not host.size or not (name in ELEMENT_WISE or name in SUMS):
        return host
    moved = np.isfinite(host) & (host != np.rint(host))
    if size is not None:
        moved = np.isfinite(host) & ((host != np.rint(host)) | (size != np.rint(size)))
    if not moved.any():
        return host
    if name in SUMS:
        seed = np.arange(host.size, dtype=np.uint64).reshape(host.shape) + np.uint64(host.size)
    else:
        seed = np.ascontiguousarray(host, np.float64).view(np.uint64)
    with np.errstate(over="ignore"):
        drawn = (seed * _MIX) >> np.uint64(40)
    ulps = (drawn % np.uint64(2 * _ULPS + 1)).astype(host.dtype) - _ULPS
    off = ulps * np.finfo(host.dtype).eps * (host if size is None else size)
    return np.where(moved, host + off, host).astype(host.dtype)
