"""Columns as they came into columns as we keep them, whole columns at a time.

A text whose values repeat is worked on once per value. Each function gives a status a row:
0 where the value was read, else one of the reasons in ``qfb_kernels.text``.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.currencies import EXPONENT, currency_code
from qfb_gpu.ledger import NULL_DAY
from qfb_kernels import text as kernels

OK, MISSING, UNREADABLE = kernels.OK, kernels.MISSING, kernels.UNREADABLE
IN, OUT = 0, 1
_ORDER = {"ymd": kernels.YMD, "dmy": kernels.DMY, "mdy": kernels.MDY}
_SHORT_DATE = 6
_SAMPLE = 4096
_DIRECTIONS = {
    **dict.fromkeys(("in", "credit", "c", "cr", "收", "收入", "贷", "贷方"), IN),
    **dict.fromkeys(("out", "debit", "d", "dr", "支", "支出", "付", "借", "借方"), OUT),
}
_CURRENCIES = {"RMB": "CNY", "人民币": "CNY"}


@dataclass(frozen=True, slots=True)
class Coded:
    """A text column as codes into its distinct values.

    Attributes
    ----------
    codes : int32 NumPy array, shape (n_rows,)
        -1 is null.
    values : pyarrow string array without nulls
    """

    codes: Any
    values: pa.Array

    def to_arrow(self) -> pa.DictionaryArray:
        """Return the column as an Arrow dictionary."""
        codes = pa.array(self.codes, mask=self.codes < 0)
        return pa.DictionaryArray.from_arrays(codes, self.values)

    def take(self, rows: Any) -> Coded:
        """Return some rows; the values stay."""
        return Coded(self.codes[rows], self.values)


def text_buffers(values: pa.Array) -> tuple[Any, Any]:
    """Return bytes and offsets of an Arrow string array, without a copy."""
    wide = pa.types.is_large_string(values.type)
    _, offsets, data = values.buffers()
    kind = np.int64 if wide else np.int32
    if offsets is None or len(values) == 0:
        return np.zeros(1, np.uint8), np.zeros(1, kind)
    ends = np.frombuffer(offsets, kind)[values.offset : values.offset + len(values) + 1]
    return (np.zeros(1, np.uint8) if not data else np.frombuffer(data, np.uint8)), ends


def hash_texts(values: pa.Array) -> Any:
    """Return the key of each text: int64, never 0; what a null gives is undefined."""
    data, offsets = text_buffers(values)
    out = np.empty(len(values), np.int64)
    kernels.hash_text_cpu(data, offsets, out)
    return out


def as_text(values: pa.Array) -> pa.Array:
    """Return any column as strings; a whole number that came as a float loses its ``.0``."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return values.cast(pa.dictionary(pa.int32(), pa.string()))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return values.cast(pa.string())
    return values if pa.types.is_string(kind) else values.cast(pa.string())


def clean_text(values: pa.Array) -> Coded:
    """Trim every text; an empty one is null; equal texts have equal codes."""
    coded = as_text(values)
    if not pa.types.is_dictionary(coded.type):
        coded = coded.dictionary_encode()
    codes = _plain(coded.indices, -1, np.int32)
    raw = coded.dictionary
    if not len(raw):
        return Coded(codes, raw)
    trimmed = pc.utf8_trim_whitespace(raw)
    if raw.null_count or pc.min(pc.binary_length(raw)).as_py() == 0 or not trimmed.equals(raw):
        unique = trimmed.dictionary_encode()
        again = _plain(unique.indices, -1, np.int32)
        is_empty = np.append(np.asarray(pc.equal(unique.dictionary, "")), False)  # noqa: FBT003
        again = np.where(is_empty[again], np.int32(-1), again)
        return Coded(np.append(again, np.int32(-1))[codes], unique.dictionary)
    return Coded(codes, raw)


def clean_any(values: pa.Array) -> Coded | pa.Array:
    """Trim every text; as codes where texts repeat, else as plain texts."""
    if not pa.types.is_dictionary(values.type):
        sample = values.slice(0, _SAMPLE)
        if pc.count_distinct(sample).as_py() > len(sample) // 2:
            return trim_plain(values)
    return clean_text(values)


def trim_plain(values: pa.Array) -> pa.Array:
    """Trim texts that hardly repeat; an empty one becomes null."""
    text = as_text(values)
    if pa.types.is_dictionary(text.type):
        text = text.cast(pa.string())
    trimmed = pc.utf8_trim_whitespace(text)
    is_empty = pc.equal(pc.binary_length(trimmed), 0)
    if pc.any(is_empty).as_py():
        return pc.if_else(is_empty, pa.scalar(None, pa.string()), trimmed)
    return trimmed


def concat(columns: list[pa.Array], separator: str) -> pa.Array:
    """Join columns row by row; null where one of them is."""
    parts = [trim_plain(column) for column in columns]
    return pc.binary_join_element_wise(*parts, separator, null_handling="emit_null")


def parse_dates(values: pa.Array, order: str) -> tuple[Any, Any]:
    """Return int32 days since 1970-01-01 (``NULL_DAY``) and a status a row."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        codes = _plain(values.indices, -1, np.int32)
        days, status = parse_dates(values.dictionary, order)
        return _spread(days, codes, NULL_DAY), _spread(status, codes, MISSING)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            values = pc.local_timestamp(values)
        floored = pc.floor_temporal(values, unit="day") if not pa.types.is_date(kind) else values
        days = _plain(floored.cast(pa.date32()).view(pa.int32()), NULL_DAY, np.int32)
        return days, np.where(days == NULL_DAY, MISSING, OK).astype(np.int8)
    text = as_text(values)
    if pa.types.is_integer(kind):
        text = pc.utf8_lpad(text, _SHORT_DATE, "0")
    data, offsets = text_buffers(text)
    days = np.empty(len(text), np.int32)
    status = np.empty(len(text), np.int8)
    kernels.parse_date_cpu(data, offsets, _ORDER[order], days, status)
    return _nulls(text, days, NULL_DAY, status)


def parse_decimals(values: pa.Array) -> tuple[Any, Any, Any]:
    """Return mantissa (int64), scale (int16) and status (int8): exact decimals, row by row."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    n_rows = len(values)
    if pa.types.is_integer(kind) and kind != pa.uint64():
        mantissa = _plain(values.cast(pa.int64()), 0, np.int64)
        return mantissa, np.zeros(n_rows, np.int16), _null_status(values)
    if pa.types.is_decimal128(kind):
        exact = _decimal_column(values)
        if exact is not None:
            return exact, np.full(n_rows, kind.scale, np.int16), _null_status(values)
    if pa.types.is_floating(kind):
        return _float_decimals(values)
    return _text_decimals(as_text(values))


def to_minor(
    decimals: tuple[Any, Any, Any], exponent: Any, *, half_even: bool
) -> tuple[Any, Any]:
    """Return int64 minor units and the status; ``exponent`` is int8, a row's currency's."""
    mantissa, scale, status = decimals
    minor = np.empty(len(mantissa), np.int64)
    status = status.copy()
    kernels.to_minor_cpu(mantissa, scale, exponent, half_even, minor, status)
    return minor, status


def multiply(left: tuple[Any, Any, Any], right: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """Multiply decimals exactly; a product beyond int64 is TOO_LARGE."""
    mantissa = left[0] * right[0]
    status = np.maximum(left[2], right[2])
    approximate = left[0].astype(np.float64) * right[0].astype(np.float64)
    large = np.abs(approximate) > float(2**62)
    status = np.where((status == OK) & large, kernels.TOO_LARGE, status).astype(np.int8)
    return mantissa, (left[1] + right[1]).astype(np.int16), status


def parse_directions(values: pa.Array, mapped: dict[str, str]) -> tuple[Any, Any]:
    """Return int8 0 (in) or 1 (out) and a status a row; ``mapped`` goes before the usual words."""
    coded = clean_text(values)
    words = {**_DIRECTIONS, **{_word(k): IN if v == "in" else OUT for k, v in mapped.items()}}
    found = [words.get(_word(text), -1) for text in coded.values.to_pylist()]
    direction = _spread(np.array([*found, -1], np.int8), coded.codes, -1)
    status = np.where(coded.codes < 0, MISSING, np.where(direction < 0, UNREADABLE, OK))
    return np.maximum(direction, 0), status.astype(np.int8)


def parse_currencies(values: pa.Array | None, default: str, n_rows: int) -> tuple[Any, Any, Any]:
    """Return int16 currency codes, int8 exponents and a status a row; null is ``default``."""
    if values is None:
        code = np.full(n_rows, currency_code(default), np.int16)
        return code, np.full(n_rows, EXPONENT[default], np.int8), np.zeros(n_rows, np.int8)
    coded = clean_text(values)
    names = [text.upper() for text in coded.values.to_pylist()]
    names = [_CURRENCIES.get(name, name) for name in names]
    known = [name if name in EXPONENT else None for name in names]
    code = np.array([currency_code(n or default) for n in [*known, default]], np.int16)
    exponent = np.array([EXPONENT[n or default] for n in [*known, default]], np.int8)
    status = np.array([OK if n else UNREADABLE for n in [*known, default]], np.int8)
    rows = np.where(coded.codes < 0, len(known), coded.codes)
    return code[rows], exponent[rows], status[rows]


def parse_numbers(values: pa.Array) -> tuple[Any, Any]:
    """Return float64 (NaN where missing) and a status a row."""
    mantissa, scale, status = parse_decimals(values)
    number = mantissa / 10.0 ** scale.astype(np.float64)
    return np.where(status == OK, number, np.nan), status


def parse_bools(values: pa.Array) -> tuple[Any, Any]:
    """Return bool and a status a row: true/false, 1/0, yes/no, 是/否."""
    words = {
        **dict.fromkeys(("true", "1", "yes", "y", "t", "是"), 1),
        **dict.fromkeys(("false", "0", "no", "n", "f", "否"), 0),
    }
    coded = clean_text(values)
    found = [words.get(_word(text), -1) for text in coded.values.to_pylist()]
    value = _spread(np.array([*found, -1], np.int8), coded.codes, -1)
    status = np.where(coded.codes < 0, MISSING, np.where(value < 0, UNREADABLE, OK))
    return value == 1, status.astype(np.int8)


def _word(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _spread(per_value: Any, codes: Any, null: Any) -> Any:
    if len(per_value) == 0:
        return np.full(len(codes), null, per_value.dtype)
    return np.where(codes < 0, per_value.dtype.type(null), per_value[codes])


def _plain(values: pa.Array, null: Any, kind: Any) -> Any:
    if values.null_count:
        values = values.fill_null(null)
    return np.asarray(values.to_numpy(zero_copy_only=False), kind)


def _mask(values: pa.Array) -> Any:
    return values.to_numpy(zero_copy_only=False)


def _null_status(values: pa.Array) -> Any:
    if values.null_count == 0:
        return np.zeros(len(values), np.int8)
    return np.where(_mask(values.is_null()), MISSING, OK).astype(np.int8)


def _nulls(text: pa.Array, out: Any, null: Any, status: Any) -> tuple[Any, Any]:
    if text.null_count:
        gone = _mask(text.is_null())
        status[gone] = MISSING
        out[gone] = null
    return out, status


def _decimal_column(values: pa.Array) -> Any | None:
    halves = np.frombuffer(values.buffers()[1], np.int64).reshape(-1, 2)
    halves = halves[values.offset : values.offset + len(values)]
    fits = halves[:, 1] == halves[:, 0] >> 63
    if values.null_count:
        fits |= _mask(values.is_null())
    return np.ascontiguousarray(halves[:, 0]) if fits.all() else None


def _float_decimals(values: pa.Array) -> tuple[Any, Any, Any]:
    """Read a float as the shortest decimal that is equal to it."""
    if values.type != pa.float64():
        return _text_decimals(values.cast(pa.string()))
    number = _plain(values, np.nan, np.float64)
    cents = np.rint(number * 100.0)
    is_cents = (cents / 100.0 == number) & (np.abs(cents) < float(2**53))
    status = np.where(np.isnan(number), MISSING, OK).astype(np.int8)
    mantissa = np.where(is_cents, cents, 0.0).astype(np.int64)
    scale = np.full(len(number), 2, np.int16)
    rest = np.flatnonzero(~is_cents & (status == OK))
    if rest.size:
        some = _text_decimals(values.take(pa.array(rest)).cast(pa.string()))
        mantissa[rest], scale[rest], status[rest] = some
    return mantissa, scale, status


def _text_decimals(text: pa.Array) -> tuple[Any, Any, Any]:
    data, offsets = text_buffers(text)
    mantissa = np.empty(len(text), np.int64)
    scale = np.empty(len(text), np.int16)
    status = np.empty(len(text), np.int8)
    kernels.parse_decimal_cpu(data, offsets, mantissa, scale, status)
    mantissa, status = _nulls(text, mantissa, 0, status)
    return mantissa, scale, status
