"""Equal keys of two tables, as numbers: the codes of the other table's distinct keys.

Keys of one kind are compared as they are, numbers of any width as numbers, dates and timestamps
as instants, everything else as texts. A null, or an empty text, is no key and matches nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.prepare.columns import as_text, in_pieces, is_plain, plain, without_empty

_MOST_CODES = 2**62
_MOST_DIGITS = (38, 76)
"""Of decimals in 128 and 256 bits."""
_UNITS = ("s", "ms", "us", "ns")


def match_keys(ours: list[pa.Array], theirs: list[pa.Array]) -> tuple[Any, Any, int]:
    """Return the code of each row's key in both tables.

    Parameters
    ----------
    ours, theirs : lists of Arrow arrays
        The columns of the key, in pairs.

    Returns
    -------
    our_codes, their_codes : int64 arrays
        From 0; -1 where a part of the key is null and, for ours, where the other table lacks it.
    n_codes : int
    """
    our_codes, their_codes, n_codes = _one(ours[0], theirs[0])
    for one, other in zip(ours[1:], theirs[1:], strict=True):
        our_more, their_more, n_more = _one(one, other)
        if n_codes * max(n_more, 1) > _MOST_CODES:  # pragma: no cover  4e18 pairs
            our_codes, their_codes, n_codes = _dense(our_codes, their_codes)
        our_codes = _both(our_codes, our_more, n_more)
        their_codes = _both(their_codes, their_more, n_more)
        our_codes, their_codes, n_codes = _dense(our_codes, their_codes)
    return our_codes, their_codes, n_codes


def has_key(columns: list[pa.Array]) -> Any:
    """Return where no part of the key is null: bool array."""
    is_there = np.ones(len(columns[0]), bool)
    for given in columns:
        column = plain(given)
        column = without_empty(column) if pa.types.is_string(column.type) else column
        if column.null_count:
            is_there &= np.asarray(column.is_valid())
    return is_there


def _one(ours: pa.Array, theirs: pa.Array) -> tuple[Any, Any, int]:
    ours, theirs = _same_kind(plain(ours), plain(theirs))
    distinct = theirs.unique().drop_null()
    return _index(ours, distinct), _index(theirs, distinct), len(distinct)


def _index(values: pa.Array, distinct: pa.Array) -> Any:
    found = in_pieces(lambda piece: pc.index_in(piece, value_set=distinct), values)
    codes = np.asarray(found.fill_null(-1)).astype(np.int64)
    if values.null_count:
        codes[np.asarray(values.is_null())] = -1
    return codes


def _both(codes: Any, more: Any, n_more: int) -> Any:
    return np.where((codes < 0) | (more < 0), -1, codes * max(n_more, 1) + more)


def _dense(our_codes: Any, their_codes: Any) -> tuple[Any, Any, int]:
    distinct = pa.array(np.unique(their_codes[their_codes >= 0]))
    found = [_index(pa.array(codes), distinct) for codes in (our_codes, their_codes)]
    return found[0], found[1], len(distinct)


def _same_kind(one: pa.Array, other: pa.Array) -> tuple[pa.Array, pa.Array]:
    one, other = _instants(*_numbers(_whole(one), _whole(other)))
    if one.type != other.type or not is_plain(one.type):
        one, other = as_text(one), as_text(other)
    if pa.types.is_string(one.type):
        return without_empty(one), without_empty(other)
    return one, other


def _numbers(one: pa.Array, other: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return whole numbers and decimals as decimals of one kind, and floats as what they equal.

    A float that is no whole number equals none: it becomes null beside whole numbers.
    """
    kinds = one.type, other.type
    is_decimal = [pa.types.is_decimal(kind) for kind in kinds]
    is_whole = [pa.types.is_integer(kind) for kind in kinds]
    if any(is_decimal) and all(a or b for a, b in zip(is_decimal, is_whole, strict=True)):
        kind = decimal_of(*kinds)
        return (one, other) if kind is None else (one.cast(kind), other.cast(kind))
    if pa.types.is_floating(kinds[0]) and pa.types.is_floating(kinds[1]):
        return one, other
    if any(is_whole) and any(pa.types.is_floating(kind) for kind in kinds):
        return _as_whole(one), _as_whole(other)
    return one, other


def decimal_of(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Return the decimal type that holds two kinds of decimals or whole numbers; None if none."""
    before, scale = (max(places) for places in zip(_places(one), _places(other), strict=True))
    digits = before + scale
    if digits <= _MOST_DIGITS[0]:
        return pa.decimal128(digits, scale)
    return pa.decimal256(digits, scale) if digits <= _MOST_DIGITS[1] else None


def _places(kind: pa.DataType) -> tuple[int, int]:
    """Return how many digits numbers of a kind have before and behind the point."""
    if pa.types.is_decimal(kind):
        return kind.precision - kind.scale, kind.scale
    return len(str(2**kind.bit_width)), 0


def _as_whole(values: pa.Array) -> pa.Array:
    """Return floats as int64, null where they are no such number; whole numbers as they are."""
    if not pa.types.is_floating(values.type):
        return values
    values = values.cast(pa.float64())
    is_whole = pc.and_(pc.less(pc.abs(values), 2.0**63), pc.equal(pc.trunc(values), values))
    return pc.if_else(is_whole, values, None).cast(pa.int64())


def _instants(one: pa.Array, other: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return dates and timestamps of any unit as timestamps of one; a date is its midnight."""
    kinds = {one.type, other.type}
    if len(kinds) == 1 or not all(pa.types.is_date(k) or pa.types.is_timestamp(k) for k in kinds):
        return one, other
    stamps = [kind for kind in kinds if pa.types.is_timestamp(kind)]
    if any(kind.tz is not None for kind in stamps):  # whose midnight would it be?
        return one, other
    finest = max((kind.unit for kind in stamps), key=_UNITS.index, default="s")
    try:
        return one.cast(pa.timestamp(finest)), other.cast(pa.timestamp(finest))
    except pa.ArrowInvalid:  # a day that nanoseconds do not reach
        return one, other


def _whole(values: pa.Array) -> pa.Array:
    """Return whole numbers as int64 if it holds them, also what pandas made floats for a null."""
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        try:
            return values.cast(pa.int64())
        except pa.ArrowInvalid:
            return values
    return values
