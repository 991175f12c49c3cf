"""Which values of a column may be there more than once, without sorting them.

A value falls into one of many slots by its bits; a slot says whether no value fell into it, one,
or more. Rows whose slot says more are few where values hardly repeat: those alone are compared.
Hosts only: silver is made there.
"""

from __future__ import annotations

from numba import njit, uint64

_ODD = uint64(0x9E3779B97F4A7C15)


@njit(nogil=True, cache=True)
def may_repeat_cpu(values, shift, slots, rows):
    """Write the rows whose value may be there twice, ascending; return how many.

    Parameters
    ----------
    values : int64 array, shape (n_rows,)
    shift : int
        64 less the bits of a slot's number.
    slots : uint8 array, shape (2 ** bits / 4,)
        All 0: four slots a byte.
    rows : int32 array, shape (n_rows,)
    """
    for row in range(values.shape[0]):
        slot = (uint64(values[row]) * _ODD) >> uint64(shift)
        place = slot >> uint64(2)
        low = (slot & uint64(3)) << uint64(1)
        state = uint64(slots[place])
        seen = (state >> low) & uint64(1)
        slots[place] = state | (uint64(1) << (low + seen))
    n_found = 0
    for row in range(values.shape[0]):
        slot = (uint64(values[row]) * _ODD) >> uint64(shift)
        low = (slot & uint64(3)) << uint64(1)
        rows[n_found] = row
        n_found += (uint64(slots[slot >> uint64(2)]) >> (low + uint64(1))) & uint64(1)
    return n_found
