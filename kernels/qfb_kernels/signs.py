"""Which signs stand in texts, as the currency signs of amounts. Hosts only: sources are read there.

Texts are laid out as in :mod:`qfb_kernels.text`.
"""

from __future__ import annotations

from numba import njit, uint64

from qfb_kernels.linked import linked

_TWO, _THREE, _FOUR = 0xC0, 0xE0, 0xF0
"""From which first byte on a character of UTF-8 has two, three and four bytes."""


@linked
def _bits_of(point, points, bits):
    """Return the bits of a character, 0 where it is none of the signs."""
    for i in range(points.shape[0]):
        if points[i] == point:
            return bits[i]
    return bits[0] ^ bits[0]


@njit(nogil=True, cache=True)
def signs_cpu(data, offsets, points, bits, found):
    """Say of each text which signs are in it.

    Parameters
    ----------
    data : uint8 array
        UTF-8.
    offsets : int32 or int64 array, shape (n_texts + 1,)
    points : int64 array, shape (n_signs,)
        The signs' code points; of ASCII the dollar alone is looked for.
    bits : uint8 array, shape (n_signs,)
        What each sign is in ``found``.
    found : uint8 array, shape (n_texts,)
        The bits of all signs of the text.
    """
    for row in range(found.shape[0]):
        all_bits = bits[0] ^ bits[0]
        for at in range(offsets[row], offsets[row + 1]):
            first = int(data[uint64(at)])
            point = 0
            if first == ord("$"):
                point = first
            elif _TWO <= first < _THREE and at + 1 < offsets[row + 1]:
                point = ((first & 31) << 6) | (int(data[uint64(at + 1)]) & 63)
            elif _THREE <= first < _FOUR and at + 2 < offsets[row + 1]:
                middle = int(data[uint64(at + 1)]) & 63
                point = ((first & 15) << 12) | (middle << 6) | (int(data[uint64(at + 2)]) & 63)
            if point > 0:
                all_bits |= _bits_of(point, points, bits)
        found[row] = all_bits
