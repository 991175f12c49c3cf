"""Texts of one length that begin alike and end in digits, as numbers, and numbers as such texts.

Ids are mostly of that kind: a number takes a fraction of the bytes of its text, and less time
than a compressed one. Hosts only: silver is made there.
"""

from __future__ import annotations

from numba import njit, uint64

MOST_DIGITS = 18
_ZERO = 48
STEP = 4
"""How many digits are written at once."""


@njit(nogil=True, cache=True)
def read_serial_cpu(data, offsets, order, prefix, n_digits, out):
    """Read the numbers of texts; return whether all are the prefix and so many digits.

    Parameters
    ----------
    data : uint8 array
    offsets : int32 array, shape (n_texts + 1,)
        Text ``i`` is the bytes ``data[offsets[i]:offsets[i + 1]]``.
    order : int64 array, shape (n_rows,)
        Which texts.
    prefix : uint8 array
    n_digits : int
        At most ``MOST_DIGITS``.
    out : int64 array, shape (n_rows,)
    """
    length = prefix.shape[0] + n_digits
    for row in range(order.shape[0]):
        start = offsets[order[row]]
        if offsets[order[row] + 1] - start != length:
            return False
        for i in range(prefix.shape[0]):
            if data[uint64(start + i)] != prefix[i]:
                return False
        value, is_good = uint64(0), True
        for i in range(start + prefix.shape[0], start + length):
            digit = uint64(data[uint64(i)]) - uint64(_ZERO)  # what is below wraps around
            is_good &= digit <= uint64(9)
            value = value * uint64(10) + digit
        if not is_good:
            return False
        out[row] = value
    return True


@njit(nogil=True, cache=True)
def write_serial_cpu(numbers, prefix, n_digits, four_digits, out):
    """Write the texts of numbers.

    Parameters
    ----------
    numbers : int64 array, shape (n_rows,)
        From 0 to below ``10 ** n_digits``.
    prefix : uint8 array
    n_digits : int
    four_digits : uint8 array, shape (40_000,)
        Those of each number from 0 on.
    out : uint8 array, shape (n_rows * (n_prefix + n_digits),)
    """
    at = uint64(0)
    for row in range(numbers.shape[0]):
        for i in range(prefix.shape[0]):
            out[at] = prefix[i]
            at += uint64(1)
        at += uint64(n_digits)
        place, left, value = at, n_digits, uint64(numbers[row])
        while left >= STEP:
            rest = value // uint64(10**STEP)
            first = (value - rest * uint64(10**STEP)) * uint64(STEP)
            place -= uint64(STEP)
            for i in range(STEP):
                out[place + uint64(i)] = four_digits[first + uint64(i)]
            value = rest
            left -= STEP
        for _ in range(left):
            rest = value // uint64(10)
            place -= uint64(1)
            out[place] = value - rest * uint64(10) + uint64(_ZERO)
            value = rest
