"""UTF-8 texts: their hash, and what a character stands for.

Layout: row ``i`` is the bytes ``data[offsets[i]:offsets[i + 1]]`` (Arrow's string layout);
nulls are the caller's. Arithmetic is on non-negative int64 only, so a body gives the same bits
compiled for the host, compiled for a device and run by the simulator.
The host launchers of texts are serial and let other threads run: callers give each its batch.
"""

from __future__ import annotations

from numba import cuda, njit, uint64

from qfb_kernels.mixing import finalised
from qfb_kernels.twin import twin

OK, MISSING, UNREADABLE = 0, 1, 2
SPACE, OPEN, CLOSE, PLUS, COMMA, MINUS, POINT, SLASH = 32, 40, 41, 43, 44, 45, 46, 47
CURRENCY = 36
"""The dollar sign stands for every currency sign."""
DAY_MARK = 1
"""Stands for 日 and 号, which end a date."""

_M32 = 0xFFFFFFFF
_NO_BREAK, _POUND, _YEN = 0xA0, 0xA3, 0xA5


def _fold(data, pos, stop):
    """Return one character as the ASCII one it stands for (0: none) and its width in bytes."""
    first = int(data[pos]) + 0
    if first < 0x80:
        return (SPACE if first in (9, 10, 13) else first), 1
    if first == 0xC2 and pos + 1 < stop:
        second = int(data[pos + 1]) + 0
        if second == _NO_BREAK:
            return SPACE, 2
        return (CURRENCY if second in (_POUND, _YEN) else 0), 2
    if 0xE0 <= first < 0xF0 and pos + 2 < stop:
        second = (int(data[pos + 1]) + 0) & 63
        point = ((first & 15) << 12) | (second << 6) | ((int(data[pos + 2]) + 0) & 63)
        if 0xFF01 <= point <= 0xFF5E:  # full-width forms
            return point - 0xFEE0, 3
        if point in (0x3000, 0x202F):  # ideographic and narrow no-break space
            return SPACE, 3
        if point in (0xFFE5, 0x20AC, 0x5143, 0x5186):  # full-width yen sign, euro, 元, 円
            return CURRENCY, 3
        if point == 0x2212:  # the mathematical minus
            return MINUS, 3
        if point in (0x5E74, 0x6708):  # 年, 月
            return SLASH, 3
        if point in (0x65E5, 0x53F7):  # 日, 号
            return DAY_MARK, 3
        return 0, 3
    return 0, 1


fold = twin(_fold)


def _low64(high, low, by_high, by_low):
    """Return the low 64 bits of a product, as two halves of 32 bits."""
    part0 = (low & 0xFFFF) * by_low
    part1 = (low >> 16) * by_low
    carry = part0 + ((part1 & 0xFFFF) << 16)
    cross = (low & 0xFFFF) * by_high + ((((low >> 16) * by_high) & 0xFFFF) << 16)
    other = (high & 0xFFFF) * by_low + ((((high >> 16) * by_low) & 0xFFFF) << 16)
    top = (carry >> 32) + (part1 >> 16) + (cross & _M32) + (other & _M32)
    return top & _M32, carry & _M32


low64 = twin(_low64)


def _hash_row(data, offsets, row, out):
    """FNV-1a of 64 bits, then the finaliser of splitmix64; 0 becomes 1."""
    high, low = 0xCBF29CE4, 0x84222325
    for i in range(offsets[row], offsets[row + 1]):
        low = low ^ (int(data[i]) + 0)
        product = low * 0x1B3  # the prime is 2**40 + 0x1B3
        high = (high * 0x1B3 + (product >> 32) + (low << 8)) & _M32
        low = product & _M32
    low, high = low ^ ((low >> 30) | ((high & 0x3FFFFFFF) << 2)), high ^ (high >> 30)
    high, low = low64(high, low, 0xBF58476D, 0x1CE4E5B9)
    low, high = low ^ ((low >> 27) | ((high & 0x7FFFFFF) << 5)), high ^ (high >> 27)
    high, low = low64(high, low, 0x94D049BB, 0x133111EB)
    low, high = low ^ ((low >> 31) | ((high & 0x7FFFFFFF) << 1)), high ^ (high >> 31)
    if high == 0 and low == 0:
        low = 1
    if high >= 0x80000000:
        high -= 0x100000000
    out[row] = high * 0x100000000 + low


_, _hash_row_gpu = twin(_hash_row, low64)
_finalised_cpu = finalised.cpu


@njit(nogil=True)
def _rest_hashed(data, start, stop, mix):
    """Return the hash of a text from that of its first bytes on."""
    for i in range(start, stop):
        mix = (mix ^ uint64(data[uint64(i)])) * uint64(0x100000001B3)
    mix = _finalised_cpu(mix)
    return mix if mix != uint64(0) else uint64(1)


@njit(nogil=True, cache=True)
def hash_text_cpu(data, offsets, out):
    """Hash each text into an int64 that is never 0; the same bits in words of 64, as hosts have.

    Four texts go abreast, since a byte's product waits for the one before it.
    """
    prime = uint64(0x100000001B3)
    n_abreast = out.shape[0] // 4 * 4
    for row in range(0, n_abreast, 4):
        one, two, three, four = offsets[row], offsets[row + 1], offsets[row + 2], offsets[row + 3]
        end = offsets[row + 4]
        shared = min(two - one, three - two, four - three, end - four)
        mix_1 = mix_2 = mix_3 = mix_4 = uint64(0xCBF29CE484222325)
        for i in range(shared):
            mix_1 = (mix_1 ^ uint64(data[uint64(one + i)])) * prime
            mix_2 = (mix_2 ^ uint64(data[uint64(two + i)])) * prime
            mix_3 = (mix_3 ^ uint64(data[uint64(three + i)])) * prime
            mix_4 = (mix_4 ^ uint64(data[uint64(four + i)])) * prime
        out[row] = _rest_hashed(data, one + shared, two, mix_1)
        out[row + 1] = _rest_hashed(data, two + shared, three, mix_2)
        out[row + 2] = _rest_hashed(data, three + shared, four, mix_3)
        out[row + 3] = _rest_hashed(data, four + shared, end, mix_4)
    for row in range(n_abreast, out.shape[0]):
        first = uint64(0xCBF29CE484222325)
        out[row] = _rest_hashed(data, offsets[row], offsets[row + 1], first)


@cuda.jit
def hash_text_gpu(data, offsets, out):
    """One thread per text."""
    row = cuda.grid(1)
    if row < out.shape[0]:
        _hash_row_gpu(data, offsets, row, out)


def _may_be_space(first, second):
    """Return whether a character of two or three bytes that begins so may be white space."""
    if first == 0xC2:
        return second in (0x85, 0xA0)
    if first == 0xE1:
        return second in (0x9A, 0xA0)
    return (first == 0xE2 and second in (0x80, 0x81)) or (first == 0xE3 and second == 0x80)


may_be_space = twin(_may_be_space, inline=True)


def _rough_row(data, start, stop):
    """Return 1 where a text is empty, or may begin or end with white space; else 0."""
    if stop <= start:
        return 1
    if data[start] <= SPACE or data[stop - 1] <= SPACE:
        return 1
    if stop - start == 1:
        return 0
    if may_be_space(data[start], data[start + 1]) or may_be_space(data[stop - 2], data[stop - 1]):
        return 1
    if stop - start == 2:
        return 0
    return 1 if may_be_space(data[stop - 3], data[stop - 2]) else 0


_rough_row_cpu, _rough_row_gpu = twin(_rough_row, may_be_space, inline=True)


@njit(nogil=True, cache=True)
def rough_cpu(data, offsets, out):
    """Say of each text whether it may have to be trimmed: int8, shape (n_texts,)."""
    for row in range(out.shape[0]):
        out[row] = _rough_row_cpu(data, offsets[row], offsets[row + 1])


@cuda.jit
def rough_gpu(data, offsets, out):
    """One thread per text."""
    row = cuda.grid(1)
    if row < out.shape[0]:
        out[row] = _rough_row_gpu(data, offsets[row], offsets[row + 1])
