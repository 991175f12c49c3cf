"""Amount columns into exact decimals, and those into minor units of a currency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.currencies import currency_code
from qfb_gpu.lake.texts import as_text, plain, text_buffers
from qfb_kernels import decimals as kernels
from qfb_kernels.signs import signs_cpu
from qfb_kernels.text import MISSING, OK

_EXACT_FLOAT = float(2**53)
_TOLD_APART = float(2**46)
"""Below it doubles are nearer to each other than cents: no two cents are one double."""
_PRODUCT_LIMIT = float(2**62)
_WIDE_COMMA, _WIDE_POINT = "，", "．"
FOREIGN = 6
"""The sign before an amount is of a currency that the row is not in."""
_NOT_ASCII = 0x80
_SIGNS = {
    "¥￥": ("CNY", "JPY"),
    "円": ("JPY",),
    "元": ("CNY",),
    "$＄": ("USD",),
    "€": ("EUR",),
    "£￡": ("GBP",),
}
"""Signs and whose they are; in a currency that is in none of these a sign may be its own, too."""
_NOBODY_ELSES = "¥￥円€"
"""But for these: there are many dollars and pounds, and 元 of Hong Kong and Taiwan."""
_GROUPED = r"(\d)[ '’\x{A0}\x{2009}\x{202F}](\d)"
_EXCHANGED = np.arange(256, dtype=np.uint8)
_EXCHANGED[[ord("."), ord(",")]] = ord(","), ord(".")


@dataclass(frozen=True, slots=True)
class Decimals:
    """A column of exact decimals: ``mantissa * 10 ** -scale``.

    Attributes
    ----------
    mantissa : int64 array, shape (n_rows,)
    scale : int16 array, shape (n_rows,)
    status : int8 array, shape (n_rows,)
        OK, MISSING, UNREADABLE or TOO_LARGE; the others are 0 where it is not OK.
    """

    mantissa: Any
    scale: Any
    status: Any


def parse_decimals(values: pa.Array, mark: str = ".") -> Decimals:
    """Read a column of texts or of any numbers; a float as the shortest decimal equal to it.

    ``mark`` stands before the decimals of a text, ``.`` or ``,``; the other one groups thousands.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    if pa.types.is_integer(kind) and kind != pa.uint64():
        mantissa = plain(values.cast(pa.int64()), 0, np.int64)
        return Decimals(mantissa, np.zeros(len(values), np.int16), _null_status(values))
    if pa.types.is_decimal128(kind):
        exact = _fitting(values)
        if exact is not None:
            scale = np.full(len(values), kind.scale, np.int16)
            return Decimals(exact, scale, _null_status(values))
    if kind == pa.float64():
        return _from_floats(values)
    if mark == "," and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return _from_texts(_point_for_comma(as_text(values)))
    return _from_texts(as_text(values))


def _point_for_comma(texts: pa.Array) -> pa.Array:
    """Return texts with point and comma exchanged; spaces and apostrophes group thousands, too."""
    plain_marks = pc.replace_substring_regex(texts, _WIDE_COMMA, ",")
    plain_marks = pc.replace_substring_regex(plain_marks, _WIDE_POINT, ".")
    grouped = pc.replace_substring_regex(plain_marks, _GROUPED, r"\1.\2")
    data, offsets = text_buffers(grouped)
    return pa.Array.from_buffers(
        grouped.type,
        len(grouped),
        [grouped.buffers()[0], pa.py_buffer(offsets), pa.py_buffer(_EXCHANGED[data])],
        grouped.null_count,
    )


def to_minor(amounts: Decimals, exponent: Any, *, half_even: bool) -> tuple[Any, Any]:
    """Return whole minor units and what became of each row.

    Parameters
    ----------
    amounts : Decimals
    exponent : int8 array, shape (n_rows,)
        Decimals of the row's currency.
    half_even : bool
        Round what is finer than the currency (ROUNDED) instead of refusing it (TOO_FINE).

    Returns
    -------
    minor : int64 array, 0 where not read
    status : int8 array
    """
    minor = np.empty(len(amounts.mantissa), np.int64)
    status = amounts.status.copy()
    kernels.to_minor_cpu(amounts.mantissa, amounts.scale, exponent, half_even, minor, status)
    return minor, status


def has_foreign_sign(values: pa.Array, currency: Any) -> Any:
    """Return the rows whose text has the sign of a currency that the row is not in, ascending.

    Parameters
    ----------
    values : pyarrow.Array
        Amounts as they came; only texts have signs.
    currency : int16 array, shape (n_rows,)
    """
    none = np.zeros(0, np.intp)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return none
    data, offsets = text_buffers(values)
    if not ((data == ord("$")) | (data >= _NOT_ASCII)).any():
        return none  # as nearly always: a look at the bytes, and at no row
    found = np.empty(len(values), np.uint8)
    signs_cpu(data, offsets, _POINTS, _BITS, found)
    if values.null_count:
        found[np.asarray(values.is_null())] = 0
    rows = np.flatnonzero(found)
    signs, currency = found[rows], currency[rows]
    wrong = np.zeros(rows.size, bool)
    for bit, (listed, invert) in enumerate(_CONTRADICTED):
        has = (signs & (1 << bit)) != 0
        wrong[has] |= np.isin(currency[has], listed, invert=invert)
    return rows[wrong]


def _contradicted() -> list[tuple[list[int], bool]]:
    """Return of each group of signs the currencies that it contradicts, or all but these."""
    signed = {code for codes in _SIGNS.values() for code in codes}
    found = []
    for signs, own in _SIGNS.items():
        alone = signs[0] in _NOBODY_ELSES
        codes = sorted(own if alone else signed - set(own))
        found.append(([currency_code(code) for code in codes], alone))
    return found


_CONTRADICTED = _contradicted()
_POINTS = np.array([ord(sign) for signs in _SIGNS for sign in signs], np.int64)
_BITS = np.array([1 << n for n, signs in enumerate(_SIGNS) for _ in signs], np.uint8)


def multiply(left: Decimals, right: Decimals) -> Decimals:
    """Multiply two columns exactly; what would need more than 17 digits keeps 17 and one more."""
    approximate = left.mantissa.astype(np.float64) * right.mantissa.astype(np.float64)
    mantissa = left.mantissa * right.mantissa
    scale = (left.scale + right.scale).astype(np.int16)
    for row in np.flatnonzero(np.abs(approximate) > _PRODUCT_LIMIT).tolist():
        product = int(left.mantissa[row]) * int(right.mantissa[row])
        mantissa[row], scale[row] = _shorten(product, int(scale[row]))
    return Decimals(mantissa, scale, np.maximum(left.status, right.status))


def _shorten(product: int, scale: int) -> tuple[int, int]:
    """Keep 17 digits; a last digit 1 says that there was more."""
    sign, digits = (-1 if product < 0 else 1), str(abs(product))
    dropped = len(digits) - 17
    more = 1 if digits[17:].strip("0") else 0
    return sign * (int(digits[:17]) * 10 + more), scale - dropped + 1


def _fitting(values: pa.Array) -> Any | None:
    """Return decimal128 as int64 of the same scale; None where one does not fit."""
    halves = np.frombuffer(values.buffers()[1], np.int64).reshape(-1, 2)
    halves = halves[values.offset : values.offset + len(values)]
    gone = _null_status(values) == MISSING
    fits = (halves[:, 1] == halves[:, 0] >> 63) & (halves[:, 0] != np.iinfo(np.int64).min)
    return np.where(gone, 0, halves[:, 0]) if (fits | gone).all() else None


def _from_floats(values: pa.Array) -> Decimals:
    number = plain(values, np.nan, np.float64)
    is_huge = ~(np.abs(number) < _EXACT_FLOAT)
    cents = np.rint(np.where(is_huge, 0.0, number) * 100.0)
    is_cents = (cents / 100.0 == number) & (np.abs(number) < _TOLD_APART)
    status = np.where(np.isnan(number), MISSING, OK).astype(np.int8)
    mantissa = np.where(is_cents, cents, 0.0).astype(np.int64)
    scale = np.full(len(number), 2, np.int16)
    rest = np.flatnonzero(~is_cents & (status == OK))
    if rest.size:
        some = _from_texts(values.take(pa.array(rest)).cast(pa.string()))
        mantissa[rest], scale[rest], status[rest] = some.mantissa, some.scale, some.status
    return Decimals(mantissa, scale, status)


def _from_texts(texts: pa.Array) -> Decimals:
    data, offsets = text_buffers(texts)
    mantissa = np.empty(len(texts), np.int64)
    scale = np.empty(len(texts), np.int16)
    status = np.empty(len(texts), np.int8)
    kernels.parse_decimal_cpu(data, offsets, mantissa, scale, status)
    if texts.null_count:
        gone = np.asarray(texts.is_null())
        mantissa[gone], scale[gone], status[gone] = 0, 0, MISSING
    return Decimals(mantissa, scale, status)


def _null_status(values: pa.Array) -> Any:
    if values.null_count == 0:
        return np.zeros(len(values), np.int8)
    return np.where(np.asarray(values.is_null()), MISSING, OK).astype(np.int8)
