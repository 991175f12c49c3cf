"""Amounts as written into exact decimals, and those into whole minor units.

A decimal is ``mantissa * 10 ** -scale``. Texts are laid out as in :mod:`qfb_kernels.text`.
"""

from __future__ import annotations

from numba import cuda, njit, uint64

from qfb_kernels.linked import linked
from qfb_kernels.text import (
    CLOSE,
    COMMA,
    CURRENCY,
    MINUS,
    MISSING,
    OK,
    OPEN,
    PLUS,
    POINT,
    SPACE,
    UNREADABLE,
    fold,
)
from qfb_kernels.twin import twin

TOO_FINE, TOO_LARGE, ROUNDED = 3, 4, 5
LIMIT = 10**17
"""Amounts of this many minor units or more are refused: sums must stay within int64."""


def _head(data, pos, stop):
    """Read what may stand before a number: where it ends, signs, minus, bracket, currency."""
    n_signs, n_currency = 0, 0
    negative, bracket = False, False
    while pos < stop:
        char, width = fold(data, pos, stop)
        if char in (MINUS, PLUS) and n_signs == 0:
            n_signs = 1
            negative = char == MINUS
        elif char == CURRENCY and n_currency == 0:
            n_currency = 1
        elif char == OPEN and not bracket and n_signs == 0:
            bracket = True
        elif char != SPACE:
            break
        pos += width
    return pos, n_signs, negative, bracket, n_currency


head = twin(_head, fold)


def _figure(data, pos, stop):
    """Read digits, commas that group thousands and a point; commas never mark decimals.

    Digits below the seventeenth are dropped; whether one was not 0 is kept as a last digit 1. The
    last value says whether a point ends it: a dash after that stands for no cents (``100.-``).
    """
    value, n_scale, n_digits, group, n_commas, last = 0, 0, 0, 0, 0, 0
    point, dropped, large, good = False, False, False, True
    while pos < stop:
        char, width = int(data[pos]) + 0, 1
        if char >= 0x80:
            char, width = fold(data, pos, stop)
        if 48 <= char <= 57:
            n_digits += 1
            group += 1
            if value < LIMIT // 10:
                value = value * 10 + char - 48
                n_scale += 1 if point else 0
            elif point:
                dropped = dropped or char != 48
            else:
                large = True
        elif char == COMMA:
            good = good and not point and group <= 3 and group >= (1 if n_commas == 0 else 2)
            n_commas += 1
            group = 0
        elif char == POINT and not point:
            good = good and (n_commas == 0 or group == 3)
            point = True
        else:
            break
        last = char
        pos += width
    good = good and n_digits > 0 and (n_commas == 0 or point or group == 3)
    if dropped:
        value = value * 10 + 1
        n_scale += 1
    return pos, value, n_scale, large, good, last == POINT


figure = twin(_figure, fold)


def _power(data, pos, stop):
    """Read ``e+05`` where there is one: where it ends, the power, whether it could be read."""
    if pos == stop:
        return pos, 0, True
    char, width = fold(data, pos, stop)
    if char not in (69, 101):
        return pos, 0, True
    pos += width
    sign, value, n_digits, n_signs = 1, 0, 0, 0
    while pos < stop and n_digits < 3:
        char, width = fold(data, pos, stop)
        if char in (PLUS, MINUS) and n_digits + n_signs == 0:
            sign = -1 if char == MINUS else 1
            n_signs = 1
        elif 48 <= char <= 57:
            value = value * 10 + char - 48
            n_digits += 1
        else:
            break
        pos += width
    return pos, sign * value, n_digits > 0


power = twin(_power, fold)


def _decimal_row(data, offsets, row, mantissa, scale, status):
    """Read one amount: sign before or after, brackets, a currency sign, grouped thousands."""
    stop = offsets[row + 1]
    start, n_signs, negative, bracket, n_currency = head(data, offsets[row], stop)
    mantissa[row] = 0
    scale[row] = 0
    if start == stop:
        status[row] = UNREADABLE if n_signs + n_currency > 0 or bracket else MISSING
        return
    pos, value, n_scale, large, good, bare = figure(data, start, stop)
    end, exponent, readable = power(data, pos, stop)
    good = good and readable
    while end < stop and good:
        char, width = fold(data, end, stop)
        if char == CLOSE and bracket and n_signs == 0:
            bracket, negative, n_signs = False, True, 1
        elif char == MINUS and n_signs == 0 and not bracket and not bare:
            negative, n_signs = True, 1
        elif char == CURRENCY and n_currency == 0:
            n_currency = 1
        else:
            good = char == SPACE
        end += width
    if not good or bracket:
        status[row] = UNREADABLE
    elif large:
        status[row] = TOO_LARGE
    else:
        status[row] = OK
        mantissa[row] = -value if negative else value
        scale[row] = n_scale - exponent


_decimal_row_cpu, _decimal_row_gpu = twin(_decimal_row, head, figure, power, fold)
_FEW, _SHORT = 16, 22
"""So many digits are below the limit, so none is dropped; with commas, a point: so many bytes."""


def _shift(value, shift):
    """Return ``value * 10 ** shift`` as a whole part, twice the rest, and what makes one."""
    rest, divisor = 0, 1
    while shift > 0 and 0 < value < LIMIT:
        value = value * 10
        shift -= 1
    while shift < 0 and value > 0:
        rest = rest + (value % 10) * divisor
        value = value // 10
        divisor = divisor * 10
        shift += 1
    if shift < 0 and rest > 0:  # all of it is far below one
        rest, divisor = 1, 10
    return value, 2 * rest, divisor


shift = twin(_shift)


def _minor_row(mantissa, scale, exponent, half_even, row, minor, status):
    """Turn one decimal into minor units; where that is not exact, round or refuse."""
    minor[row] = 0
    if status[row] != OK:
        return
    negative = mantissa[row] < 0
    value = -mantissa[row] if negative else mantissa[row] + 0
    value, twice, divisor = shift(value, int(exponent[row]) - int(scale[row]))
    if twice > 0 and not half_even:
        status[row] = TOO_FINE
        return
    if twice > 0:
        status[row] = ROUNDED
        value += 1 if twice > divisor or (twice == divisor and value % 2 == 1) else 0
    if value >= LIMIT:
        status[row] = TOO_LARGE
        return
    minor[row] = -value if negative else value


_minor_row_cpu, _minor_row_gpu = twin(_minor_row, shift)


@linked
def _plain_decimal(data, start, stop):
    """Return the number in ``1234.56`` or ``1,234.56`` and its decimals; -1: the text is not so."""
    value, n_digits, n_scale, group, n_commas, point = uint64(0), 0, 0, 0, 0, False
    for i in range(start, stop):
        byte = data[uint64(i)]
        digit = uint64(byte) - uint64(48)  # what is below wraps around
        if digit <= uint64(9):
            value = value * uint64(10) + digit
            n_digits += 1
            n_scale += point
            group += 1
        elif byte == COMMA and not point and 3 >= group > (n_commas > 0):
            n_commas += 1
            group = 0
        elif byte == POINT and not point and (n_commas == 0 or group == 3):
            point = True
        else:
            return uint64(0), -1
    if n_digits == 0 or n_digits > _FEW or (n_commas > 0 and not point and group != 3):
        return uint64(0), -1
    return value, n_scale


@njit(nogil=True, cache=True)
def parse_decimal_cpu(data, offsets, mantissa, scale, status):
    """Read each text as an exact decimal: OK, MISSING, UNREADABLE or TOO_LARGE.

    Digits with a point and commas among them, as in nearly all files, take a short way to the same.
    """
    for row in range(status.shape[0]):
        start, stop = offsets[row], offsets[row + 1]
        negative = start < stop and data[uint64(start)] == MINUS
        first = start + 1 if negative else start
        value, n_scale = uint64(0), -1
        if 0 < stop - first <= _SHORT:
            value, n_scale = _plain_decimal(data, first, stop)
        if n_scale < 0:
            _decimal_row_cpu(data, offsets, row, mantissa, scale, status)
        else:
            mantissa[row] = -int(value) if negative else int(value)
            scale[row], status[row] = n_scale, OK


@cuda.jit
def parse_decimal_gpu(data, offsets, mantissa, scale, status):
    """One thread per text."""
    row = cuda.grid(1)
    if row < status.shape[0]:
        _decimal_row_gpu(data, offsets, row, mantissa, scale, status)


@njit(nogil=True, cache=True)
def to_minor_cpu(mantissa, scale, exponent, half_even, minor, status):
    """Turn decimals into minor units; rows whose status is not OK become 0."""
    for row in range(status.shape[0]):
        _minor_row_cpu(mantissa, scale, exponent, half_even, row, minor, status)


@cuda.jit
def to_minor_gpu(mantissa, scale, exponent, half_even, minor, status):
    """One thread per decimal."""
    row = cuda.grid(1)
    if row < status.shape[0]:
        _minor_row_gpu(mantissa, scale, exponent, half_even, row, minor, status)
