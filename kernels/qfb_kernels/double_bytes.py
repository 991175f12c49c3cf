"""Texts of one and two bytes a character, as GBK, into UTF-8. Hosts only: sources are read there.

A byte below 128 stands for itself, any other begins a pair; a table says which character a pair
is. So are GBK, GB 2312, Big5, and GB 18030 but for its rare characters of four bytes.
"""

from __future__ import annotations

from numba import njit, uint64

_TWO, _THREE = 0x80, 0x800
"""From which code point on a character has two and three bytes in UTF-8."""


@njit(nogil=True, cache=True)
def decode_pairs_cpu(data, table, out):
    """Write the UTF-8 of whole characters; return how many bytes were read and written.

    It ends before a pair that the table does not know, and before half a pair.

    Parameters
    ----------
    data : uint8 array
    table : uint16 array, shape (65536,)
        The code point of each pair, its first byte the higher one; 0: there is no such pair.
    out : uint8 array, at least one and a half times as long as ``data``
    """
    read, written, size = uint64(0), uint64(0), uint64(data.shape[0])
    while read < size:
        first = data[read]
        if first < _TWO:
            out[written] = first
            read += uint64(1)
            written += uint64(1)
            continue
        if read + uint64(1) == size:
            break
        point = int(table[(uint64(first) << uint64(8)) | uint64(data[read + uint64(1)])])
        if point == 0:
            break
        if point < _THREE:
            out[written] = 0xC0 | (point >> 6)
            written += uint64(1)
        else:
            out[written] = 0xE0 | (point >> 12)
            out[written + uint64(1)] = 0x80 | ((point >> 6) & 63)
            written += uint64(2)
        out[written] = 0x80 | (point & 63)
        written += uint64(1)
        read += uint64(2)
    return int(read), int(written)
