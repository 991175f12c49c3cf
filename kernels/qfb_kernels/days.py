"""Dates as written into days since 1970-01-01.

Read are ISO 8601 with or without a time, any of ``- / .`` or spaces between unpadded parts,
6, 8 or 14 digits in a row, Chinese years, months and days, and English month names. Texts are
laid out as in :mod:`qfb_kernels.text`.
"""

from __future__ import annotations

from numba import cuda, njit, uint64

from qfb_kernels.linked import linked
from qfb_kernels.text import (
    COMMA,
    DAY_MARK,
    MINUS,
    MISSING,
    OK,
    PLUS,
    POINT,
    SLASH,
    SPACE,
    UNREADABLE,
    fold,
)
from qfb_kernels.twin import twin

IMPOSSIBLE, AMBIGUOUS = 3, 4
YMD, DMY, MDY = 0, 1, 2
NO_DAY = -(1 << 31)

_DIGITS, _NAME = 1, 2
_A, _M, _P, _T, _Z = 65, 77, 80, 84, 90
_COMPACT_DATE, _COMPACT_TIME, _PIVOT = 8, 14, 69
_SHORTEST = len("1/2/24")
_PLAIN = len("2024-01-31")
_UNCLEAR = 5
"""Stands for the length of a year where day and month cannot be told apart."""
_MONTHS = tuple(
    (ord(name[0]) - 64) * 1024 + (ord(name[1]) - 64) * 32 + ord(name[2]) - 64
    for name in "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
)


def _field(data, pos, stop):
    """Read a run of digits, or of letters: kind, value, length and end."""
    kind, value, length = 0, 0, 0
    while pos < stop:
        char, width = int(data[pos]) + 0, 1
        if char >= 0x80:
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


field = twin(_field, fold)


def _skip(data, pos, stop, n_marks):
    """Return where spaces, and up to so many marks between the parts of a date, end."""
    while pos < stop:
        char, width = fold(data, pos, stop)
        if char in (MINUS, SLASH, POINT, COMMA) and n_marks > 0:
            n_marks -= 1
        elif char != SPACE:
            break
        pos += width
    return pos


skip = twin(_skip, fold)


def _tail(data, pos, stop):
    """Return whether what follows a date is nothing or looks like a time of day."""
    started = False
    while pos < stop:
        char, width = fold(data, pos, stop)
        upper = char - 32 if 97 <= char <= 122 else char
        if started:
            is_time = 48 <= char <= 58 or char in (SPACE, PLUS, MINUS, POINT)
            if not is_time and upper not in (_A, _P, _M, _Z, _T):
                return False
        elif char == SPACE or upper == _T:
            started = True
        elif char != DAY_MARK:
            return False
        pos += width
    return True


tail = twin(_tail, fold)


def _month_of(name):
    """Return the month whose first three letters are packed in ``name``; 0 where none."""
    month = 0
    for number in range(12):
        if name == _MONTHS[number]:
            month = number + 1
    return month


month_of = twin(_month_of)


def _compact(value, length, order):
    """Return year, month, day of 6 or 8 digits in a row, by the order or as year first."""
    first, middle, last = value // 10000, value // 100 % 100, value % 100
    if length == _COMPACT_DATE and order != YMD and middle > 12:
        head, second, year = value // 1000000, value // 10000 % 100, value % 10000
        return (year, second, head) if order == DMY else (year, head, second)
    if length == _COMPACT_DATE or order == YMD:
        return first, middle, last
    return (last, middle, first) if order == DMY else (last, first, middle)


compact = twin(_compact)


def _day_number(year, month, day):
    """Return days since 1970-01-01 of a Gregorian date, ``NO_DAY`` where there is no such."""
    if not (1800 <= year <= 9999 and 1 <= month <= 12 and day >= 1):
        return NO_DAY
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    n_days = 30 if month in (4, 6, 9, 11) else 31
    if month == 2:
        n_days = 29 if is_leap else 28
    if day > n_days:
        return NO_DAY
    past = year - 1 if month <= 2 else year
    era_year = past % 400
    shifted = month + 9 if month <= 2 else month - 3
    of_year = (153 * shifted + 2) // 5 + day - 1
    of_era = era_year * 365 + era_year // 4 - era_year // 100 + of_year
    return (past // 400) * 146097 + of_era - 719468


day_number = twin(_day_number)


def _parts(data, start, stop, order):
    """Read year, month and day: those, the year's length (0: unreadable) and where they end."""
    kind0, value0, length0, pos = field(data, start, stop)
    if kind0 == _DIGITS and length0 in (6, _COMPACT_DATE, _COMPACT_TIME):
        if length0 == _COMPACT_TIME:
            value0, length0 = value0 // 1000000, _COMPACT_DATE
        year, month, day = compact(value0, length0, order)
        return year, month, day, (4 if length0 == _COMPACT_DATE else 2), pos
    kind1, value1, length1, pos = field(data, skip(data, pos, stop, 1), stop)
    kind2, value2, length2, pos = field(data, skip(data, pos, stop, 1), stop)
    if kind2 != _DIGITS or kind0 == 0 or kind1 == 0 or kind0 + kind1 == 2 * _NAME:
        return 0, 0, 0, 0, pos
    if (kind0 == _DIGITS and length0 > 2 and length0 != 4) or (kind1 == _DIGITS and length1 > 2):
        return 0, 0, 0, 0, pos
    name = month_of(value0 if kind0 == _NAME else value1)
    if kind0 + kind1 > 2 * _DIGITS and name == 0:
        return 0, 0, 0, 0, pos
    if kind0 == _NAME:
        return value2, name, value1, length2, pos
    middle = name if kind1 == _NAME else value1
    if length0 == 4:
        return value0, middle, value2, (4 if length2 <= 2 else 0), pos
    if kind1 == _NAME or order == DMY:
        return value2, middle, value0, length2, pos
    if order == MDY:
        return value2, value0, value1, length2, pos
    n_year = length0 if length2 <= 2 else _UNCLEAR if length2 == 4 else 0
    return value0, value1, value2, n_year, pos


parts = twin(_parts, field, skip, month_of, compact)


def _date_row(data, offsets, order, row, day, status):
    """Read a date; ``order`` says what comes first where the year is not written first."""
    stop = offsets[row + 1]
    start = skip(data, offsets[row], stop, 0)
    day[row] = NO_DAY
    if start == stop:
        status[row] = MISSING
        return
    year, month, of_month, n_year, pos = parts(data, start, stop, order)
    if n_year not in (2, 4, _UNCLEAR) or not tail(data, pos, stop):
        status[row] = UNREADABLE
        return
    if n_year == _UNCLEAR:
        status[row] = AMBIGUOUS
        return
    if n_year == 2:
        year += 1900 if year >= _PIVOT else 2000
    day[row] = day_number(year, month, of_month)
    status[row] = IMPOSSIBLE if day[row] == NO_DAY else OK


_date_row_cpu, _date_row_gpu = twin(_date_row, parts, skip, tail, day_number)


_tail_cpu, _day_number_cpu = tail.cpu, day_number.cpu


@linked
def _plain_date(data, start):
    """Return year, month and day of ten bytes as ``2024-01-31``; a year of -1: they are not so."""
    value = uint64(0)
    for i in range(_PLAIN):
        byte = uint64(data[uint64(start + i)])
        if i in (4, 7):
            if byte not in (MINUS, SLASH, POINT):
                return -1, 0, 0
            continue
        digit = byte - uint64(48)  # what is below wraps around
        if digit > uint64(9):
            return -1, 0, 0
        value = value * uint64(10) + digit
    whole = int(value)
    return whole // 10000, whole // 100 % 100, whole % 100


@njit(nogil=True, cache=True)
def parse_date_cpu(data, offsets, order, day, status):
    """Read each text as a day: OK, MISSING, UNREADABLE, IMPOSSIBLE or AMBIGUOUS.

    What begins as nearly all dates of files do, ``2024-01-31``, takes a short way to the same.
    """
    for row in range(status.shape[0]):
        start, stop = offsets[row], offsets[row + 1]
        year, month, of_month = -1, 0, 0
        if stop - start >= _PLAIN:
            year, month, of_month = _plain_date(data, start)
        if year < 0:
            _date_row_cpu(data, offsets, order, row, day, status)
        elif stop - start > _PLAIN and not _tail_cpu(data, start + _PLAIN, stop):
            day[row], status[row] = NO_DAY, UNREADABLE
        else:
            day[row] = _day_number_cpu(year, month, of_month)
            status[row] = IMPOSSIBLE if day[row] == NO_DAY else OK


@njit(nogil=True, cache=True)
def no_long_year_cpu(data, offsets, rows):
    """Write the rows whose text does not begin with four digits; return how many. Hosts only.

    Texts shorter than a date are left out.

    Parameters
    ----------
    rows : int64 array, shape (n_texts,)
        Ascending.
    """
    n_found = 0
    for row in range(rows.shape[0]):
        start = offsets[row]
        if offsets[row + 1] - start < _SHORTEST:
            continue
        is_year = True
        for i in range(start, start + 4):
            is_year &= 48 <= data[i] <= 57
        if not is_year:
            rows[n_found] = row
            n_found += 1
    return n_found


@cuda.jit
def parse_date_gpu(data, offsets, order, day, status):
    """One thread per text."""
    row = cuda.grid(1)
    if row < status.shape[0]:
        _date_row_gpu(data, offsets, order, row, day, status)
