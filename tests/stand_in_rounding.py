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


def as_on_a_device(name, host):
    """Return an operation's answer with other last bits, or as it is."""
    if host.dtype.kind != "f" or not host.size or not (name in ELEMENT_WISE or name in SUMS):
        return host
    moved = np.isfinite(host) & (host != np.rint(host))
    if not moved.any():
        return host
    if name in SUMS:
        seed = np.arange(host.size, dtype=np.uint64).reshape(host.shape) + np.uint64(host.size)
    else:
        seed = np.ascontiguousarray(host, np.float64).view(np.uint64)
    with np.errstate(over="ignore"):
        drawn = (seed * _MIX) >> np.uint64(40)
    ulps = (drawn % np.uint64(2 * _ULPS + 1)).astype(host.dtype) - _ULPS
    return np.where(moved, host * (1 + ulps * np.finfo(host.dtype).eps), host).astype(host.dtype)
