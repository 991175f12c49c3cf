"""Joins of arrays by one or several integer keys, the same on both backends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import find as find_sorted
from qfb_gpu.keys import mixed

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend


def mix(keys: tuple[Any, ...], backend: Backend) -> Any:
    """Return one 64-bit hash (SplitMix64) of several integer keys, as int64 of shape (n_rows,).

    References
    ----------
    G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators",
    doi:10.1145/2714064.2660195.
    """
    xp = backend.xp
    hashed = xp.zeros(keys[0].shape[0], dtype="uint64")
    for key in keys:
        hashed = mixed(hashed ^ key.astype("int64").view("uint64"), 0, xp)
    return hashed.view("int64")


def among(values: Any, wanted: Any, backend: Backend) -> Any:
    """Return which values are among the wanted: bool. Only the wanted, the few, are sorted."""
    xp = backend.xp
    return find_sorted(xp.sort(wanted), values, xp)[1]


def find(wanted: Any, keys: Any, backend: Backend) -> Any:
    """Return the row of each wanted key among ``keys`` (the first of equal ones), -1 if none.

    Parameters
    ----------
    wanted : int64 array, shape (n_wanted,)
    keys : int64 array, shape (n_keys,), in any order
    """
    xp = backend.xp
    if keys.shape[0] == 0 or wanted.shape[0] == 0:
        return xp.full(wanted.shape[0], -1, dtype="int64")
    order = xp.nonzero(among(keys, wanted, backend))[0]
    if order.shape[0] == 0:
        return xp.full(wanted.shape[0], -1, dtype="int64")
    order = order[xp.argsort(keys[order], kind="stable")]
    place, is_there = find_sorted(keys[order], wanted, xp)
    return xp.where(is_there, order[place], -1).astype("int64")


def pairs(left: Any, right: Any, backend: Backend) -> tuple[Any, Any]:
    """Return the rows of every pair with equal keys, by row of ``left``, then of ``right``.

    Parameters
    ----------
    left, right : int64 arrays, shapes (n_left,) and (n_right,)
    """
    xp = backend.xp
    order = xp.argsort(right, kind="stable")
    ordered = right[order]
    low = xp.searchsorted(ordered, left, side="left")
    n = xp.searchsorted(ordered, left, side="right") - low
    rows = backend.repeat(xp.arange(left.shape[0]), n)
    start = xp.cumsum(n) - n
    within = xp.arange(rows.shape[0]) - backend.repeat(start, n)
    return rows, order[backend.repeat(low, n) + within]


def starts(keys: tuple[Any, ...], backend: Backend) -> Any:
    """Return which rows of sorted columns begin a new group: bool, shape (n_rows,)."""
    xp = backend.xp
    begins = xp.zeros(keys[0].shape[0], dtype=bool)
    begins[:1] = True
    for key in keys:
        begins[1:] |= key[1:] != key[:-1]
    return begins


def first_of_group(begins: Any, backend: Backend) -> Any:
    """Return the row at which each row's group begins; ``begins`` as :func:`starts` gives it."""
    xp = backend.xp
    return xp.nonzero(begins)[0][xp.cumsum(begins) - 1]


def rank(keys: tuple[Any, ...], n_group: int, backend: Backend) -> Any:
    """Return each row's place (from 0) in its group: groups by the first ``n_group`` keys.

    Within a group rows are in the order of the other keys; equal ones in their given order.
    """
    xp = backend.xp
    n = keys[0].shape[0]
    order = backend.lexsort(keys)
    begins = starts(tuple(key[order] for key in keys[:n_group]), backend)
    ranks = xp.empty(n, dtype="int64")
    ranks[order] = xp.arange(n) - first_of_group(begins, backend)
    return ranks


def count(group: Any, n_groups: int, backend: Backend) -> Any:
    """Return how many rows each group (0 .. n_groups - 1) has: int64, shape (n_groups,)."""
    return backend.xp.bincount(group, minlength=n_groups)[:n_groups].astype("int64")


def total(group: Any, values: Any, n_groups: int, backend: Backend) -> Any:
    """Return the exact sum of int64 ``values`` of each group: int64, shape (n_groups,)."""
    xp = backend.xp
    order = xp.argsort(group, kind="stable")
    running = xp.zeros(values.shape[0] + 1, dtype="int64")
    running[1:] = xp.cumsum(values[order])
    edges = xp.searchsorted(group[order], xp.arange(n_groups + 1))
    return running[edges[1:]] - running[edges[:-1]]
