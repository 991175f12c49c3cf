"""Thrift's compact protocol, as far as Parquet's own records need it.

A struct is a dictionary of field number to ``(type, value)``: integers, bools, bytes as they are,
a double as its eight bytes, a list as ``(type of its elements, elements)``. Nothing is known here
of what a field means, so fields that a newer writer added are read and written again like others.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, _SET, _MAP, STRUCT = range(1, 13)
Struct = dict[int, tuple[int, Any]]

_LONG_LIST = 15
_MORE = 0x80
"""The bit of a byte that says that the number goes on."""
_MOST_DELTA = 15


def read(data: Any, at: int = 0) -> tuple[Struct, int]:
    """Return the struct that begins at a byte, and where it ends.

    Parameters
    ----------
    data : bytes or memoryview of bytes
    at : int

    Raises
    ------
    ValueError
        The bytes are not such a struct, or hold a set or a map, which Parquet has none of.
    IndexError
        They end too early.
    """
    found: Struct = {}
    number = 0
    while True:
        head = data[at]
        at += 1
        if head == 0:
            return found, at
        kind = head & 0x0F
        if head >> 4:
            number += head >> 4
        else:
            raw, at = _varint(data, at)
            number = _signed(raw)
        if I16 <= kind <= I64:  # of most fields, so no function is called for a short one
            raw = data[at]
            at += 1
            if raw >= _MORE:
                raw, at = _varint(data, at - 1)
            found[number] = (kind, (raw >> 1) ^ -(raw & 1))
        elif kind <= FALSE:
            found[number] = (kind, kind == TRUE)
        else:
            value, at = _value(data, at, kind)
            found[number] = (kind, value)


def _value(data: Any, at: int, kind: int) -> tuple[Any, int]:
    if kind == STRUCT:
        return read(data, at)
    if kind == BINARY:
        size, at = _varint(data, at)
        return bytes(data[at : at + size]), at + size
    if kind in (I16, I32, I64):
        raw, at = _varint(data, at)
        return _signed(raw), at
    if kind == LIST:
        return _list(data, at)
    if kind in (TRUE, FALSE, BYTE):  # an element of a list has a byte
        return data[at], at + 1
    if kind == DOUBLE:
        return bytes(data[at : at + 8]), at + 8
    msg = f"a Thrift value of type {kind} at byte {at}: expected one that Parquet's records have"
    raise ValueError(msg)


def _list(data: Any, at: int) -> tuple[tuple[int, list[Any]], int]:
    head = data[at]
    kind, size, at = head & 0x0F, head >> 4, at + 1
    if size == _LONG_LIST:
        size, at = _varint(data, at)
    values = []
    for _ in range(size):
        value, at = _value(data, at, kind)
        values.append(value)
    return (kind, values), at


def _varint(data: Any, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            return value, at
        shift += 7


def _signed(raw: int) -> int:
    return (raw >> 1) ^ -(raw & 1)


def write(record: Struct) -> bytes:
    """Return the bytes of a struct; its fields in order of their numbers."""
    out = bytearray()
    _write_struct(out, record)
    return bytes(out)


def _write_struct(out: bytearray, record: Struct) -> None:
    last = 0
    for number in sorted(record):
        kind, value = record[number]
        if kind in (TRUE, FALSE):
            kind = TRUE if value else FALSE
        delta = number - last
        if 0 < delta <= _MOST_DELTA:
            out.append(delta << 4 | kind)
        else:
            out.append(kind)
            _write_varint(out, number << 1)
        last = number
        if kind not in (TRUE, FALSE):
            _write_value(out, kind, value)
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Any) -> None:
    if kind in (I16, I32, I64):
        _write_varint(out, (value << 1) ^ (value >> 63))
    elif kind == BINARY:
        _write_varint(out, len(value))
        out += value
    elif kind == STRUCT:
        _write_struct(out, value)
    elif kind == LIST:
        element, values = value
        if len(values) < _LONG_LIST:
            out.append(len(values) << 4 | element)
        else:
            out.append(_LONG_LIST << 4 | element)
            _write_varint(out, len(values))
        for one in values:
            _write_value(out, element, one)
    elif kind == DOUBLE:
        out += value
    else:
        out.append(value)


def _write_varint(out: bytearray, value: int) -> None:
    while value >= _MORE:
        out.append(value & 0x7F | _MORE)
        value >>= 7
    out.append(value)
