"""Texts to numbers: hashes, decimals and dates, one row per text.

Layout: row ``i`` is the UTF-8 bytes ``data[offsets[i]:offsets[i + 1]]`` (Arrow's string
layout); nulls are the caller's. Arithmetic is on non-negative int64 only, so a body gives the
same bits compiled for the host, compiled for the device and run by the simulator.
The host launchers are serial and leave the interpreter's lock: callers give each thread a batch.
"""

from __future__ import annotations

from numba import cuda, njit

OK, MISSING, UNREADABLE, TOO_FINE, TOO_LARGE, ROUNDED = 0, 1, 2, 3, 4, 5
IMPOSSIBLE, AMBIGUOUS = 3, 4
YMD, DMY, MDY = 0, 1, 2

_M32 = 0xFFFFFFFF
_LIMIT = 10**17
_SPACE, _PLUS, _COMMA, _MINUS, _POINT, _SLASH = 32, 43, 44, 45, 46, 47
_OPEN, _CLOSE, _CURRENCY, _E, _T = 40, 41, 36, 69, 84
_DAY_MARK = 1
_DIGITS, _NAME = 1, 2


def _multiply64(high, low, by_high, by_low):
    """Return the low 64 bits of a product, as two halves of 32 bits."""
    part0 = (low & 0xFFFF) * by_low
    part1 = (low >> 16) * by_low
    carry = part0 + ((part1 & 0xFFFF) << 16)
    cross = (low & 0xFFFF) * by_high + ((((low >> 16) * by_high) & 0xFFFF) << 16)
    other = (high & 0xFFFF) * by_low + ((((high >> 16) * by_low) & 0xFFFF) << 16)
    top = (carry >> 32) + (part1 >> 16) + (cross & _M32) + (other & _M32)
    return top & _M32, carry & _M32


def _make_hash_row(multiply):
    def _hash_row(data, offsets, row, out):
        """FNV-1a of 64 bits, then the finaliser of splitmix64; 0 becomes 1."""
        high, low = 0xCBF29CE4, 0x84222325
        for i in range(offsets[row], offsets[row + 1]):
            low = low ^ (int(data[i]) + 0)
            product = low * 0x1B3
            high = (high * 0x1B3 + (product >> 32) + (low << 8)) & _M32
            low = product & _M32
        low, high = low ^ ((low >> 30) | ((high & 0x3FFFFFFF) << 2)), high ^ (high >> 30)
        high, low = multiply(high, low, 0xBF58476D, 0x1CE4E5B9)
        low, high = low ^ ((low >> 27) | ((high & 0x7FFFFFF) << 5)), high ^ (high >> 27)
        high, low = multiply(high, low, 0x94D049BB, 0x133111EB)
        low, high = low ^ ((low >> 31) | ((high & 0x7FFFFFFF) << 1)), high ^ (high >> 31)
        if high == 0 and low == 0:
            low = 1
        if high >= 0x80000000:
            high -= 0x100000000
        out[row] = high * 0x100000000 + low

    return _hash_row


def _fold(data, pos, stop):
    """Return one character as the ASCII one it stands for (0: none) and its width in bytes."""
    first = int(data[pos]) + 0
    if first < 0x80:
        return (_SPACE if first in (9, 10, 13) else first), 1
    if first == 0xC2 and pos + 1 < stop:
        second = int(data[pos + 1]) + 0
        if second == 0xA0:
            return _SPACE, 2
        return (_CURRENCY if second in (0xA3, 0xA5) else 0), 2
    if 0xE0 <= first < 0xF0 and pos + 2 < stop:
        second = (int(data[pos + 1]) + 0) & 63
        point = ((first & 15) << 12) | (second << 6) | ((int(data[pos + 2]) + 0) & 63)
        if 0xFF01 <= point <= 0xFF5E:  # full-width forms
            return point - 0xFEE0, 3
        if point in (0x3000, 0x202F):  # ideographic and narrow no-break space
            return _SPACE, 3
        if point in (0xFFE5, 0x20AC, 0x5143):  # full-width yen sign, euro sign, yuan
            return _CURRENCY, 3
        if point == 0x2212:
            return _MINUS, 3
        if point in (0x5E74, 0x6708):  # year, month
            return _SLASH, 3
        if point in (0x65E5, 0x53F7):  # day
            return _DAY_MARK, 3
        return 0, 3
    return 0, 1


def _make_exponent(fold):
    def _exponent(data, pos, stop):
        """Return a power of ten as written, where it ends, and whether it could be read."""
        sign, value, n_digits = 1, 0, 0
        while pos < stop:
            char, width = fold(data, pos, stop)
            if n_digits == 0 and char == _MINUS and value == 0 and sign == 1:
                sign = -1
            elif 48 <= char <= 57 and n_digits < 3:
                value = value * 10 + char - 48
                n_digits += 1
            elif not (char == _PLUS and n_digits == 0):
                break
            pos += width
        return sign * value, pos, n_digits > 0

    return _exponent


def _make_decimal_row(fold, exponent):
    def _decimal_row(data, offsets, row, mantissa, scale, status):  # noqa: C901, PLR0912, PLR0915
        """Read ``mantissa * 10 ** -scale``; commas must group thousands, never mark decimals."""
        pos, stop = offsets[row], offsets[row + 1]
        value, n_scale, n_digits, group, n_commas = 0, 0, 0, 0, 0
        phase, n_signs, n_currency, bracket, power = 0, 0, 0, 0, 0
        negative, point, dropped, bad, large, any_char = False, False, False, False, False, False
        while pos < stop and not bad:
            char, width = fold(data, pos, stop)
            pos += width
            any_char = any_char or char != _SPACE
            if 48 <= char <= 57:
                bad = phase == 2
                phase = 1
                n_digits += 1
                group += 1
                if value < _LIMIT // 10:
                    value = value * 10 + char - 48
                    n_scale += 1 if point else 0
                elif point:
                    dropped = dropped or char != 48
                else:
                    large = True
            elif char == _COMMA:
                first = n_commas == 0
                bad = phase != 1 or point or group > 3 or group < (1 if first else 2)
                n_commas += 1
                group = 0
            elif char == _POINT:
                bad = phase == 2 or point or (n_commas > 0 and group != 3)
                phase, point = 1, True
            elif char == _SPACE:
                phase = 2 if phase == 1 else phase
            elif char in (_MINUS, _PLUS):
                bad = n_signs > 0 or (char == _PLUS and phase > 0)
                negative = char == _MINUS
                n_signs += 1
                phase = 2 if phase == 1 else phase
            elif char == _CURRENCY:
                bad = n_currency > 0
                n_currency += 1
                phase = 2 if phase == 1 else phase
            elif char == _OPEN:
                bad = phase > 0 or bracket > 0 or n_signs > 0
                bracket = 1
            elif char == _CLOSE:
                bad = phase == 0 or bracket != 1 or n_signs > 0
                bracket, negative, phase = 2, True, 2
            elif char in (_E, _E + 32) and phase == 1 and n_digits > 0 and n_commas == 0:
                power, pos, good = exponent(data, pos, stop)
                bad = not good
                phase = 2
            else:
                bad = True
        bad = bad or bracket == 1 or n_digits == 0 or (n_commas > 0 and not point and group != 3)
        if dropped:  # a digit below what fits decides no tie, only that there is something
            value = value * 10 + 1
            n_scale += 1
        status[row] = MISSING if not any_char else UNREADABLE if bad else TOO_LARGE if large else OK
        usable = status[row] == OK
        mantissa[row] = (-value if negative else value) if usable else 0
        scale[row] = n_scale - power if usable else 0

    return _decimal_row


def _minor_row(mantissa, scale, exponent, half_even, row, minor, status):
    """Turn ``mantissa * 10 ** -scale`` units into whole minor units, where that is exact."""
    if status[row] != OK:
        minor[row] = 0
        return
    value = mantissa[row] + 0
    shift = exponent[row] - scale[row]
    negative = value < 0
    value = -value if negative else value
    rest, divisor = 0, 1
    while shift > 0 and value != 0 and value < _LIMIT:
        value = value * 10
        shift -= 1
    while shift < 0 and value != 0:
        if divisor >= _LIMIT:  # far below a minor unit: all of it is rest
            rest, value, divisor = 1, 0, 10
        else:
            rest += (value % 10) * divisor
            value = value // 10
            divisor *= 10
        shift += 1
    if shift < 0 and rest > 0:
        rest, divisor = 1, 10
    if value >= _LIMIT:
        status[row] = TOO_LARGE
        minor[row] = 0
        return
    if rest > 0:
        if half_even:
            twice = rest * 2
            value += 1 if twice > divisor or (twice == divisor and value % 2 == 1) else 0
            status[row] = ROUNDED
        else:
            value = 0
            status[row] = TOO_FINE
    minor[row] = -value if negative else value


def _make_field(fold):
    def _field(data, pos, stop):
        """Return kind, value, length and end of a run of digits or of a month's English name."""
        kind, value, length = 0, 0, 0
        while pos < stop:
            char, width = fold(data, pos, stop)
            upper = char - 32 if 97 <= char <= 122 else char
            if 48 <= char <= 57 and kind != _NAME and length < 15:
                kind = _DIGITS
                value = value * 10 + char - 48
            elif 65 <= upper <= 90 and kind != _DIGITS and length < 9:
                kind = _NAME
                value = value * 32 + upper - 64 if length < 3 else value
            else:
                break
            length += 1
            pos += width
        return kind, value, length, pos

    return _field


def _make_skip(fold):
    def _skip(data, pos, stop):
        """Return where the separators of a date end; at most one that is not a space."""
        n_marks = 0
        while pos < stop:
            char, width = fold(data, pos, stop)
            if char in (_MINUS, _SLASH, _POINT, _COMMA) and n_marks == 0:
                n_marks = 1
            elif char != _SPACE:
                break
            pos += width
        return pos

    return _skip


def _make_tail(fold):
    def _tail(data, pos, stop):
        """Return whether what follows a date is nothing or a time of day."""
        started = False
        while pos < stop:
            char, width = fold(data, pos, stop)
            if started:
                upper = char - 32 if 97 <= char <= 122 else char
                is_time = 48 <= char <= 58 or char in (_SPACE, _PLUS, _MINUS, _POINT)
                if not is_time and upper not in (65, 77, 80, 90, _T):  # AM, PM, Z, T
                    return False
            elif char in (_SPACE, _T, _T + 32):
                started = True
            elif char != _DAY_MARK:
                return False
            pos += width
        return True

    return _tail


def _month(name):
    """Return the month whose first three letters are packed in ``name``; 0 where none."""
    month = 0
    if name == 10 * 1024 + 1 * 32 + 14:
        month = 1
    elif name == 6 * 1024 + 5 * 32 + 2:
        month = 2
    elif name == 13 * 1024 + 1 * 32 + 18:
        month = 3
    elif name == 1 * 1024 + 16 * 32 + 18:
        month = 4
    elif name == 13 * 1024 + 1 * 32 + 25:
        month = 5
    elif name == 10 * 1024 + 21 * 32 + 14:
        month = 6
    elif name == 10 * 1024 + 21 * 32 + 12:
        month = 7
    elif name == 1 * 1024 + 21 * 32 + 7:
        month = 8
    elif name == 19 * 1024 + 5 * 32 + 16:
        month = 9
    elif name == 15 * 1024 + 3 * 32 + 20:
        month = 10
    elif name == 14 * 1024 + 15 * 32 + 22:
        month = 11
    elif name == 4 * 1024 + 5 * 32 + 3:
        month = 12
    return month


def _compact(value, length, order):
    """Return year, month, day of 6 or 8 digits in a row."""
    top, middle, last = value // 10000, value // 100 % 100, value % 100
    if length == 8 and (order == YMD or value // 100 % 100 <= 12):
        return top, middle, last
    if length == 8:
        first, second, year = value // 1000000, value // 10000 % 100, value % 10000
        return (year, second, first) if order == DMY else (year, first, second)
    if order == DMY:
        return last, middle, top
    if order == MDY:
        return last, top, middle
    return top, middle, last


def _day_number(year, month, day):
    """Return days since 1970-01-01 in the Gregorian calendar, -1 << 31 where there is no such."""
    if not (1800 <= year <= 9999 and 1 <= month <= 12 and day >= 1):
        return -(1 << 31)
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    n_days = 30 if month in (4, 6, 9, 11) else 31
    if month == 2:
        n_days = 29 if is_leap else 28
    if day > n_days:
        return -(1 << 31)
    past = year - 1 if month <= 2 else year
    era_year = past % 400
    shifted = month + 9 if month <= 2 else month - 3
    of_year = (153 * shifted + 2) // 5 + day - 1
    of_era = era_year * 365 + era_year // 4 - era_year // 100 + of_year
    return (past // 400) * 146097 + of_era - 719468


def _make_date_row(field, skip, tail, month_of, compact, day_number):
    def _date_row(data, offsets, order, row, day, status):
        """Read a date; ``order`` says what comes first where the year is not written first."""
        stop = offsets[row + 1]
        pos = skip(data, offsets[row], stop)
        day[row] = -(1 << 31)
        if pos == stop:
            status[row] = MISSING
            return
        kind0, value0, length0, pos = field(data, pos, stop)
        status[row] = UNREADABLE
        if kind0 == _DIGITS and (length0 in (6, 8, 14)):
            if length0 == 14:
                value0, length0 = value0 // 1000000, 8
            year, month, dom = compact(value0, length0, order)
            n_year = 4 if length0 == 8 else 2
        else:
            kind1, value1, length1, pos = field(data, skip(data, pos, stop), stop)
            kind2, year, length2, pos = field(data, skip(data, pos, stop), stop)
            n_year = length2
            if kind2 != _DIGITS or kind0 == 0 or kind1 == 0 or kind0 + kind1 == 4:
                return
            if length0 > 4 or length2 > 4 or (kind1 == _DIGITS and length1 > 2):
                return
            month, dom = month_of(value1), value0
            if kind0 == _NAME:
                month, dom = month_of(value0), value1
            elif length0 == 4:
                month, dom = (month_of(value1) if kind1 == _NAME else value1), year
                year, n_year = value0, 4
            elif kind1 == _DIGITS and order == YMD:
                if length2 == 4:
                    status[row] = AMBIGUOUS
                    return
                year, month, dom, n_year = value0, value1, year, length0
            elif kind1 == _DIGITS:
                month, dom = (value1, value0) if order == DMY else (value0, value1)
        if n_year not in (2, 4) or not tail(data, pos, stop):
            return
        if n_year == 2:
            year += 1900 if year >= 69 else 2000
        day[row] = day_number(year, month, dom)
        status[row] = IMPOSSIBLE if day[row] == -(1 << 31) else OK

    return _date_row


_device = cuda.jit(device=True)

_multiply64_cpu, _multiply64_gpu = njit(_multiply64), _device(_multiply64)
_fold_cpu, _fold_gpu = njit(_fold), _device(_fold)
_exponent_cpu, _exponent_gpu = njit(_make_exponent(_fold_cpu)), _device(_make_exponent(_fold_gpu))
_field_cpu, _field_gpu = njit(_make_field(_fold_cpu)), _device(_make_field(_fold_gpu))
_skip_cpu, _skip_gpu = njit(_make_skip(_fold_cpu)), _device(_make_skip(_fold_gpu))
_tail_cpu, _tail_gpu = njit(_make_tail(_fold_cpu)), _device(_make_tail(_fold_gpu))
_month_cpu, _month_gpu = njit(_month), _device(_month)
_compact_cpu, _compact_gpu = njit(_compact), _device(_compact)
_day_number_cpu, _day_number_gpu = njit(_day_number), _device(_day_number)

_hash_row_cpu = njit(_make_hash_row(_multiply64_cpu))
_hash_row_gpu = _device(_make_hash_row(_multiply64_gpu))
_decimal_row_cpu = njit(_make_decimal_row(_fold_cpu, _exponent_cpu))
_decimal_row_gpu = _device(_make_decimal_row(_fold_gpu, _exponent_gpu))
_minor_row_cpu, _minor_row_gpu = njit(_minor_row), _device(_minor_row)
_date_row_cpu = njit(
    _make_date_row(_field_cpu, _skip_cpu, _tail_cpu, _month_cpu, _compact_cpu, _day_number_cpu)
)
_date_row_gpu = _device(
    _make_date_row(_field_gpu, _skip_gpu, _tail_gpu, _month_gpu, _compact_gpu, _day_number_gpu)
)


@njit(nogil=True, cache=True)
def hash_text_cpu(data, offsets, out):
    """Hash each text into an int64 that is never 0."""
    for row in range(out.shape[0]):
        _hash_row_cpu(data, offsets, row, out)


@cuda.jit
def hash_text_gpu(data, offsets, out):
    """One thread per text."""
    row = cuda.grid(1)
    if row < out.shape[0]:
        _hash_row_gpu(data, offsets, row, out)


@njit(nogil=True, cache=True)
def parse_decimal_cpu(data, offsets, mantissa, scale, status):
    """Read each text as an exact decimal: OK, MISSING, UNREADABLE or TOO_LARGE."""
    for row in range(status.shape[0]):
        _decimal_row_cpu(data, offsets, row, mantissa, scale, status)


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


@njit(nogil=True, cache=True)
def parse_date_cpu(data, offsets, order, day, status):
    """Read each text as a day: OK, MISSING, UNREADABLE, IMPOSSIBLE or AMBIGUOUS."""
    for row in range(status.shape[0]):
        _date_row_cpu(data, offsets, order, row, day, status)


@cuda.jit
def parse_date_gpu(data, offsets, order, day, status):
    """One thread per text."""
    row = cuda.grid(1)
    if row < status.shape[0]:
        _date_row_gpu(data, offsets, order, row, day, status)
