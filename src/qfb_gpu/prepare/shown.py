"""Numbers that are infinite, negative or null shown as 0; the raw column stays as it is."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.prepare import buffers
from qfb_gpu.prepare.columns import like, plain, to_arrow
from qfb_gpu.prepare.tables import Counted
from qfb_kernels import decimals
from qfb_kernels.text import MISSING, UNREADABLE

_INFINITE = r"^\s*[+-]?(?i:inf|infinity|∞)\s*$"

_DIGITS = r"[\p{Nd},.，．]+"


def show_zero(
    values: Any, *, infinite: bool = True, negative: bool = True, null: bool = True
) -> Counted:
    """Return numbers with 0 in the place of some; everything else keeps its very value.

    Parameters
    ----------
    values : column of numbers, or of texts that are numbers
        Texts as the lake reads amounts: ``1,234.50``, ``(5.00)``, ``5-``; also ``inf`` and ``∞``.
    infinite : bool
        Infinities, of both signs, become 0.
    negative : bool
        Numbers below 0 become 0; minus infinity counts as infinite where that is switched on.
    null : bool
        Nulls, NaN and blank texts become 0.

    Returns
    -------
    Counted
        The column, of the type that came in, and counts ``infinite``, ``negative``, ``null``: how
        many were shown as 0 for each reason; ``no number``: texts that are none, left as they are.
        The raw column is the one you gave: keep both.

    Raises
    ------
    ConfigError
        Nothing is switched on.
    InputError
        The column holds no numbers.
    """
    if not (infinite or negative or null):
        msg = "show_zero: nothing to do; switch on infinite, negative or null"
        raise ConfigError(msg)
    column = plain(to_arrow(values))
    if pa.types.is_null(column.type):
        column = column.cast(pa.int64())  # nothing says what the values would be
    kinds = _of_texts(column) if pa.types.is_string(column.type) else _of_numbers(column)
    is_infinite, is_negative, is_null, is_none = kinds
    hits = {
        "infinite": is_infinite & infinite,
        "negative": is_negative & negative & ~(is_infinite & infinite),
        "null": is_null & null,
    }
    counts = Counter({name: int(hit.sum()) for name, hit in hits.items()})
    counts["no number"] = int(is_none.sum())
    hit = np.logical_or.reduce(list(hits.values()))
    shown = pc.if_else(pa.array(hit), _zero(column.type), column) if hit.any() else column
    return Counted(like(shown, values), dict(counts))


def _zero(kind: pa.DataType) -> pa.Scalar:
    if pa.types.is_string(kind):
        return pa.scalar("0")
    return pa.scalar(Decimal(0) if pa.types.is_decimal(kind) else 0).cast(kind)


def _of_numbers(column: pa.Array) -> tuple[Any, Any, Any, Any]:
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        msg = f"show_zero: expected numbers, or texts that are numbers, got {kind}"
        raise InputError(msg)
    if pa.types.is_floating(kind):
        number = column.to_numpy(zero_copy_only=False)  # null is NaN
        none = np.zeros(len(column), bool)
        return np.isinf(number), number < 0, np.isnan(number), none
    is_null = np.asarray(column.is_null())
    zero = _zero(kind)
    is_negative = np.asarray(pc.less(column, zero).fill_null(False)) & ~is_null  # noqa: FBT003
    none = np.zeros(len(column), bool)
    return none, is_negative, is_null, none


def _of_texts(column: pa.Array) -> tuple[Any, Any, Any, Any]:
    data, offsets = buffers.text_buffers(column)
    mantissa = np.empty(len(column), np.int64)
    scale, status = np.empty(len(column), np.int16), np.empty(len(column), np.int8)
    decimals.parse_decimal_cpu(data, offsets, mantissa, scale, status)
    status[np.asarray(column.is_null())] = MISSING
    is_null, is_none = status == MISSING, status == UNREADABLE
    is_infinite = np.zeros(len(column), bool)
    large = np.flatnonzero(status == decimals.TOO_LARGE)
    if large.size:
        mantissa[large] = _signs(column.take(pa.array(large)))
    rows = np.flatnonzero(is_none)
    if rows.size:
        some = column.take(pa.array(rows))
        holds = np.asarray(pc.match_substring_regex(some, _INFINITE))
        is_infinite[rows] = holds
        below = np.asarray(pc.starts_with(pc.utf8_trim_whitespace(some), "-")) & holds
        mantissa[rows] = np.where(below, -1, 0)
        is_none = is_none & ~is_infinite
    return is_infinite, mantissa < 0, is_null, is_none


def _signs(large: pa.Array) -> Any:
    """Return 1 or -1 of each number that is too large to be read: that of 1 written as it is."""
    ones = pc.replace_substring_regex(large, _DIGITS, "1")
    data, offsets = buffers.text_buffers(ones)
    mantissa = np.empty(len(ones), np.int64)
    rest = np.empty(len(ones), np.int16), np.empty(len(ones), np.int8)
    decimals.parse_decimal_cpu(data, offsets, mantissa, *rest)
    return mantissa
