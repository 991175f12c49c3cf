"""Payments in the order of silver: packed into integers, sorted by digits, ties put in order.

Hosts only: silver is made there.
"""

from __future__ import annotations

from numba import int64, njit

DIGIT_BITS = 11
"""A count for each digit, 2,048 of them, stays in a core's first cache."""
LONGEST = 32
"""The longest run of equal rows that is put in order by insertion."""


@njit(nogil=True, cache=True)
def pack_cpu(
    among, customer, customer_rank, counterparty, counterparty_rank, description,
    description_rank, direction, direction_rank, currency, currency_rank, day, low_day, bits,
    packed,
):  # fmt: skip
    """Pack what orders payments, the first column in the highest bits, the place in the lowest.

    Parameters
    ----------
    among : int64 array, shape (n_some,)
        Rows.
    customer, counterparty, description : int32 arrays, shape (n_rows,)
        Codes into the ranks; -1 is the last of them.
    direction : int8 array, shape (n_rows,)
    currency : int16 array, shape (n_rows,)
    customer_rank, ... : int64 arrays
        The place of each value in the order.
    day : int64 array, shape (n_rows,)
    low_day : int
        The least of them.
    bits : int64 array, shape (7,)
        How many bits each takes, and a place.
    packed : int64 array, shape (n_some,)
        Below 2 ** 63.
    """
    for i in range(among.shape[0]):
        row = among[i]
        value = customer_rank[customer[row]]
        value = (value << bits[1]) | counterparty_rank[counterparty[row]]
        value = (value << bits[2]) | description_rank[description[row]]
        value = (value << bits[3]) | direction_rank[direction[row]]
        value = (value << bits[4]) | currency_rank[currency[row]]
        value = (value << bits[5]) | (day[row] - low_day)
        packed[i] = (value << bits[6]) | i


@njit(nogil=True, cache=True)
def sort_cpu(values, scratch, counts, first_bit, digit_bits):
    """Sort numbers by some of their bits, equal ones in the order they are in; digit by digit.

    Parameters
    ----------
    values, scratch : int64 arrays, shape (n_rows,)
        Not negative; both are overwritten.
    counts : int64 array, shape (n_digits, 2 ** digit_bits)
        All 0; overwritten.
    first_bit, digit_bits : int
        Bits from the first on count, in ``n_digits`` digits of so many bits.

    Returns
    -------
    bool
        Whether ``scratch`` holds the sorted numbers, not ``values``.

    References
    ----------
    D. E. Knuth, The Art of Computer Programming 3, 5.2.5, algorithm R.
    """
    n_digits, size = counts.shape
    for i in range(values.shape[0]):
        value = values[i] >> first_bit
        for digit in range(n_digits):
            counts[digit, value & (size - 1)] += 1
            value >>= digit_bits
    swapped = False
    for digit in range(n_digits):
        low = first_bit + digit * digit_bits
        count = counts[digit]
        if values.shape[0] and count[(values[0] >> low) & (size - 1)] == values.shape[0]:
            continue
        total = int64(0)
        for i in range(size):
            n_here = count[i]
            count[i] = total
            total += n_here
        for i in range(values.shape[0]):
            value = values[i]
            at = (value >> low) & (size - 1)
            scratch[count[at]] = value
            count[at] += 1
        values, scratch = scratch, values
        swapped = not swapped
    return swapped


@njit(nogil=True, cache=True)
def settle_cpu(packed, place_bits, among, amount, key, order, long):
    """Write rows in order: by packed number, then amount, then key.

    Parameters
    ----------
    packed : int64 array, shape (n_some,)
        Ascending; the place in ``among`` in the lowest bits.
    place_bits : int
    among : int64 array, shape (n_some,)
    amount, key : int64 arrays, shape (n_rows,)
    order : int64 array, shape (n_some,)
        Rows.
    long : int64 array, shape (n_some + 1,)
        Where runs of more than ``LONGEST`` rows with one number begin and end: these are not in
        order yet; what is equal in all is in the order of its places.

    Returns
    -------
    int
        How many numbers ``long`` holds.
    """
    mask = (int64(1) << place_bits) - 1
    n_long = 0
    start = 0
    for i in range(packed.shape[0]):
        row = among[packed[i] & mask]
        order[i] = row
        if i > 0 and packed[i] >> place_bits != packed[i - 1] >> place_bits:
            start = i
        if i - start >= LONGEST:
            if i - start == LONGEST:
                long[n_long] = start
                n_long += 2
            long[n_long - 1] = i + 1
            continue
        j = i
        while j > start:
            other = order[j - 1]
            if amount[other] < amount[row] or (
                amount[other] == amount[row] and key[other] <= key[row]
            ):
                break
            order[j] = other
            j -= 1
        order[j] = row
    return n_long
