"""Columns as they came into dates, directions, currencies, numbers and truth values.

A text whose values repeat is worked on once per value. Each function gives a status a row:
OK, or a reason of ``qfb_kernels``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.calendars import days_of, names_no_year
from qfb_gpu.currencies import EXPONENT, currency_code
from qfb_gpu.lake.amounts import parse_decimals
from qfb_gpu.lake.texts import as_text, clean_text, plain, text_buffers, word
from qfb_gpu.ledger import NULL_DAY
from qfb_kernels import days as kernels
from qfb_kernels.text import MISSING, OK, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.lake.texts import Coded

IN, OUT = 0, 1
_ORDER = {"auto": kernels.YMD, "ymd": kernels.YMD, "dmy": kernels.DMY, "mdy": kernels.MDY}
SERIAL = 5
"""A number of five digits: of a spreadsheet, or a year of 2000 to 2009 without its zeros."""
YEAR_LAST = 6
"""Three numbers of two digits: which is the year, nobody has said."""
TURNED = 7
"""A day of the calendar only with day and month the other way round than the source says."""
_OTHER = {"dmy": "mdy", "mdy": "dmy"}
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31."""
_UTC = ("UTC", "Etc/UTC", "GMT", "Z", "+00:00")
_LOOKED_AT, _FEWEST_DAYS, _MOST_HOURS = 10_000, 10, 2
_DAY_SECONDS, _QUARTER_SECONDS = 86_400, 900
DIRECTION_WORDS = {
    **dict.fromkeys(("in", "credit", "c", "cr", "收", "收入", "贷", "贷方"), IN),
    **dict.fromkeys(("out", "debit", "d", "dr", "支", "支出", "付", "借", "借方"), OUT),
}
_CURRENCIES = {"RMB": "CNY", "人民币": "CNY"}
_TRUTH = {
    **dict.fromkeys(("true", "1", "yes", "y", "t", "是"), 1),
    **dict.fromkeys(("false", "0", "no", "n", "f", "否"), 0),
}


def parse_dates(values: pa.Array, order: str) -> tuple[Any, Any]:
    """Return int32 days since 1970-01-01 (``NULL_DAY`` where not read) and a status a row.

    Parameters
    ----------
    values : pyarrow.Array
        Dates, timestamps (their day in their own zone), texts or numbers such as 20240105. A
        number of five digits is refused: 40201 is 2010-01-23 to Excel, 2004-02-01 as YYMMDD.
    order : {"auto", "ymd", "dmy", "mdy"}
        What comes first where the year does not; with "auto" a text of three numbers of two
        digits is refused: as "ymd" 01/02/24 is a day of 2001.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        codes = plain(values.indices, -1, np.int32)
        days, status = parse_dates(values.dictionary, order)
        return _spread(days, codes, NULL_DAY), _spread(status, codes, MISSING)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _from_dates(values)
    texts = as_text(values)
    data, offsets = text_buffers(texts)
    days = np.empty(len(texts), np.int32)
    status = np.empty(len(texts), np.int8)
    kernels.parse_date_cpu(data, offsets, _ORDER[order], days, status)
    if texts.null_count:
        gone = np.asarray(texts.is_null())
        days[gone], status[gone] = NULL_DAY, MISSING
    wrong = np.flatnonzero(status == UNREADABLE)
    if wrong.size:
        some = texts.take(pa.array(wrong))
        is_serial = np.asarray(pc.match_substring_regex(some, r"^\s*\d{5}(\.\d*)?\s*$"), bool)
        status[wrong[is_serial]] = SERIAL
    if order in _OTHER:
        status[_turned(texts, status, _OTHER[order])] = TURNED
    if order == "auto":
        unsure = _of_two_digits(texts, data, offsets)
        days[unsure], status[unsure] = NULL_DAY, YEAR_LAST
    return days, status


def _turned(texts: pa.Array, status: Any, order: str) -> Any:
    """Return the rows of no day that are one in another order."""
    rows = np.flatnonzero(status == kernels.IMPOSSIBLE)
    some = texts.take(pa.array(rows))
    days, again = np.empty(rows.size, np.int32), np.empty(rows.size, np.int8)
    kernels.parse_date_cpu(*text_buffers(some), _ORDER[order], days, again)
    return rows[again == OK]


def _of_two_digits(texts: pa.Array, data: Any, offsets: Any) -> Any:
    """Return the rows of texts such as ``01/02/24``; others are told by their first bytes."""
    rows = np.empty(len(texts), np.int64)
    rows = rows[: kernels.no_long_year_cpu(data, offsets, rows)]
    if not rows.size:
        return rows
    return rows[names_no_year(texts.take(pa.array(rows)))]


def _from_dates(values: pa.Array) -> tuple[Any, Any]:
    days = plain(_whole_days(values), NULL_DAY, np.int32)
    status = np.where(days == NULL_DAY, MISSING, OK).astype(np.int8)
    far = (days < _FIRST_DAY) | (days > _LAST_DAY)
    far &= status == OK
    if far.any():
        days = np.where(far, np.int32(NULL_DAY), days)
        status[far] = kernels.IMPOSSIBLE
    return days, status


def _whole_days(values: pa.Array) -> pa.Array:
    """Return int32 days since 1970-01-01; those that would not fit are beyond any calendar."""
    if pa.types.is_date(values.type):
        return values.cast(pa.date32()).view(pa.int32())
    return days_of(values).view(pa.int32())


def in_zone(rows: pa.RecordBatch, zone: str) -> pa.RecordBatch:
    """Return rows whose instants are told on the clock of a zone; nothing else changes."""
    columns = [
        one.cast(pa.timestamp(one.type.unit, zone))
        if pa.types.is_timestamp(one.type) and one.type.tz is not None
        else one
        for one in rows.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=rows.schema.names)


def far_midnight(values: pa.Array) -> str | None:
    """Return the time of day of instants that are days of another zone written in UTC, else None.

    A day of Shanghai that is stored as an instant is 16:00 of the day before in UTC; a zone with
    summer time has two such hours. Told by the first values, where there are enough of them.
    """
    if not pa.types.is_timestamp(values.type) or values.type.tz not in _UTC:
        return None
    seconds = values.slice(0, _LOOKED_AT).cast(pa.timestamp("s"), safe=False).drop_null()
    day, second = np.divmod(np.asarray(seconds.cast(pa.int64())), _DAY_SECONDS)
    hours = np.unique(second)
    if np.unique(day).size < _FEWEST_DAYS or hours.size > _MOST_HOURS or not hours.any():
        return None
    if (hours % _QUARTER_SECONDS).any():
        return None
    hour = int(hours[-1])
    return f"{hour // 3600:02d}:{hour // 60 % 60:02d}"


def parse_directions(values: pa.Array, mapped: Mapping[str, str]) -> tuple[Any, Any]:
    """Return int8 0 (in) or 1 (out) and a status a row; ``mapped`` goes before the usual words."""
    words = {**DIRECTION_WORDS, **{word(k): IN if v == "in" else OUT for k, v in mapped.items()}}
    return _by_word(clean_text(values), words)


def parse_bools(values: pa.Array) -> tuple[Any, Any]:
    """Return bool and a status a row: true/false, 1/0, yes/no, 是/否."""
    value, status = _by_word(clean_text(values), _TRUTH)
    return value == 1, status


def _by_word(coded: Coded, words: dict[str, int]) -> tuple[Any, Any]:
    found = [words.get(word(text), -1) for text in coded.values.to_pylist()]
    value = _spread(np.array(found, np.int8), coded.codes, -1)
    status = np.where(coded.codes < 0, MISSING, np.where(value < 0, UNREADABLE, OK))
    return np.maximum(value, 0), status.astype(np.int8)


def parse_currencies(values: pa.Array | None, default: str, n_rows: int) -> tuple[Any, Any, Any]:
    """Return int16 currency codes, int8 exponents and a status a row; null is ``default``.

    The status of a row without a code is MISSING where there is a column of them, which may be
    null, and OK where there is none.
    """
    if values is None:
        code = np.full(n_rows, currency_code(default), np.int16)
        return code, np.full(n_rows, EXPONENT[default], np.int8), np.zeros(n_rows, np.int8)
    coded = clean_text(values)
    names = [text.upper() for text in coded.values.to_pylist()]
    names = [_CURRENCIES.get(name, name) for name in names]
    is_known = [name in EXPONENT for name in names]
    read = [n if known else default for n, known in zip(names, is_known, strict=True)] + [default]
    at = coded.codes.astype(np.intp)  # once, not in each of the three
    code = np.array([currency_code(name) for name in read], np.int16)
    exponent = np.array([EXPONENT[name] for name in read], np.int8)
    told = [OK if known else UNREADABLE for known in is_known]
    status = np.array([*told, MISSING], np.int8)
    return code[at], exponent[at], status[at]


def parse_numbers(values: pa.Array, mark: str = ".") -> tuple[Any, Any]:
    """Return float64 (NaN where not read) and a status a row; ``mark`` is before the decimals."""
    read = parse_decimals(values, mark)
    number = read.mantissa / 10.0 ** read.scale.astype(np.float64)
    return np.where(read.status == OK, number, np.nan), read.status


def _spread(per_value: Any, codes: Any, null: Any) -> Any:
    """Return a value a row from a value a distinct text."""
    return np.append(per_value, per_value.dtype.type(null))[codes]
