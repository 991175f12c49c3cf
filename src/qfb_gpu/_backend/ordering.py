"""Sorting and repeating on a device, where CuPy's own functions cost more."""

from __future__ import annotations

from typing import Any


def device_lexsort(xp: Any, keys: tuple[Any, ...]) -> Any:
    """Return the stable order by ``keys[0]``, then ``keys[1]``, ...: int64, shape (n_rows,).

    ``cupy.lexsort`` compares all keys at each step; a stable radix sort a key is cheaper.
    """
    order = xp.argsort(keys[-1], kind="stable")
    for key in keys[-2::-1]:
        order = order[xp.argsort(key[order], kind="stable")]
    return order


def device_repeat(xp: Any, values: Any, counts: Any) -> Any:
    """Return value ``i`` ``counts[i]`` times; ``cupy.repeat`` launches a kernel for every row."""
    if counts.shape[0] == 0:
        return values[:0]
    ends = xp.cumsum(counts)
    places = xp.arange(int(ends[-1]), dtype=ends.dtype)
    return values[xp.searchsorted(ends, places, side="right")]
