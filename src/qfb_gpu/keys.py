"""64-bit keys of customers and parties: looked up in sorted keys, and mixed to draw by.

A key says nothing of its place in a table, so what is drawn or ordered by mixed keys is the same
for any order of rows and any number of buckets.
"""

from __future__ import annotations

from typing import Any

_ODD = 0x9E3779B97F4A7C15
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_MASK = (1 << 64) - 1
_MOST_BITS = 63
_DENSE = 16
"""Numbers that may be for each there is, up to which all that may be are marked, not sorted."""


def find(ascending: Any, wanted: Any, xp: Any) -> tuple[Any, Any]:
    """Return where wanted keys stand in sorted keys.

    Parameters
    ----------
    ascending : integer array, shape (n_keys,), ascending
    wanted : integer array, shape (n_wanted,)
    xp : module

    Returns
    -------
    row : int64 array, shape (n_wanted,)
        The first of equal keys; any row where the key is not there (0 where there are no keys).
    is_there : bool array, shape (n_wanted,)
    """
    n_keys = int(ascending.shape[0])
    if n_keys == 0:
        shape = wanted.shape[0]
        return xp.zeros(shape, dtype="int64"), xp.zeros(shape, dtype=bool)
    row = xp.minimum(xp.searchsorted(ascending, wanted), n_keys - 1)
    return row, ascending[row] == wanted


def distinct(values: Any, xp: Any) -> Any:
    """Return the distinct values of integers, ascending, by sorting.

    ``numpy.unique`` without further answers fills a hash table since NumPy 2.3, which takes many
    times as long as NumPy's vectorised sort of integers.
    """
    ascending = xp.sort(values)
    return ascending[first_in_run(ascending, xp)]


def first_in_run(values: Any, xp: Any) -> Any:
    """Return which values, or rows, are not the same as the one before them: bool, (n_rows,)."""
    is_first = xp.ones(values.shape[0], dtype=bool)
    differs = values[1:] != values[:-1]
    is_first[1:] = differs if values.ndim == 1 else differs.any(axis=1)
    return is_first


def distinct_below(values: Any, end: int, xp: Any) -> Any:
    """Return the distinct values of integers from 0 to ``end - 1``, ascending: int64.

    They are marked where there are not many more that could be; that takes a tenth of a sort.
    """
    if end > dense_up_to(values.shape[0]):
        return distinct(values.astype("int64"), xp)
    is_there = xp.zeros(end, dtype=bool)
    is_there[values] = True
    return xp.nonzero(is_there)[0]


def dense_up_to(n_values: int) -> int:
    """Return up to how many numbers an entry for each is less work than a sort of the values."""
    return _DENSE * n_values


def ascending_rows(columns: tuple[Any, ...], backend: Any) -> tuple[Any, ...]:
    """Return the columns of rows that are put in order of the first column, then the second, ...

    Where their ranges fit into one integer together, that is sorted: a tenth of the time of a sort
    by each column in turn.

    Parameters
    ----------
    columns : tuple of integer arrays, shape (n_rows,)
    backend : Backend
    """
    if columns[0].shape[0] == 0:
        return columns
    xp = backend.xp
    ends = backend.all_to_host([end for c in columns for end in (c.min(), c.max())])
    low = [int(least) for least in ends[::2]]
    bits = [(int(most) - least).bit_length() for most, least in zip(ends[1::2], low, strict=True)]
    if sum(bits) > _MOST_BITS:
        order = backend.lexsort(columns)
        return tuple(column[order] for column in columns)
    packed = xp.zeros(columns[0].shape[0], dtype="int64")
    for column, least, n_bits in zip(columns, low, bits, strict=True):
        packed = (packed << n_bits) | (column.astype("int64") - least)
    packed = xp.sort(packed)
    found = []
    for column, least, n_bits in list(zip(columns, low, bits, strict=True))[::-1]:
        found.append(((packed & ((1 << n_bits) - 1)) + least).astype(column.dtype))
        packed = packed >> n_bits
    return tuple(found[::-1])


def mixed(values: Any, seed: int, xp: Any) -> Any:
    """Return uint64 values mixed with a seed: a step of splitmix64, shape as given."""
    return finalised(values + xp.uint64(_ODD * (2 * int(seed) + 1) & _MASK), xp)


def finalised(mix: Any, xp: Any) -> Any:
    """Return uint64 values whose every bit depends on all of a value's: splitmix64's finaliser.

    References
    ----------
    G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators",
    doi:10.1145/2714064.2660195.
    """
    for shift, factor in _MIX:
        mix = (mix ^ (mix >> xp.uint64(shift))) * xp.uint64(factor)
    return mix ^ (mix >> xp.uint64(31))


def of_rows(columns: Any, xp: Any) -> Any:
    """Return a hash of each row of values: uint64, shape (n_rows,).

    Parameters
    ----------
    columns : sequence of uint64 arrays, shape (n_rows,), at least one
    """
    state = xp.zeros(columns[0].shape[0], dtype="uint64")
    for column in columns:
        state = (state ^ column) * xp.uint64(_ODD)
        state = state ^ (state >> xp.uint64(29))
    return state
