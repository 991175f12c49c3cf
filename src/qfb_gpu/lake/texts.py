"""Text columns: trimmed, as codes where texts repeat, and their hashes."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import InputError
from qfb_kernels.text import OK, UNREADABLE, hash_text_cpu, rough_cpu

_SAMPLE = 4096
_REPEATED = 4
"""How often a text has to be there, on average, for codes to be less work than the texts."""
_EXACT_FLOAT, _EXACT_SINGLE = float(2**53), float(2**24)
_UTC = ("Z", "UTC", "ZULU")
"""As other writers of Parquet than Arrow call it, too, in any case."""
_EXTENSION, _PERIOD = b"ARROW:extension:name", b"pandas.period"
_SHORTENED = r"^\s*\d([.,]\d+)?[Ee]\+\d\d\s*$"


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


def readable(rows: pa.RecordBatch, where: str) -> pa.RecordBatch:
    """Return rows with bytes as texts; every column has one value a row.

    Raises
    ------
    InputError
        A column holds lists or structures, periods of pandas, bytes that are no UTF-8 text, or
        instants in a zone that nobody knows.
    """
    arrays = [_one_value(field, rows.column(i), where) for i, field in enumerate(rows.schema)]
    return pa.RecordBatch.from_arrays(arrays, names=rows.schema.names)


def _one_value(field: pa.Field, values: pa.Array, where: str) -> pa.Array:
    is_coded = pa.types.is_dictionary(field.type)
    kind = field.type.value_type if is_coded else field.type
    if (field.metadata or {}).get(_EXTENSION) == _PERIOD or _name_of(kind) == _PERIOD:
        msg = (
            f"{where}: column {field.name!r} holds periods of pandas, which are bare numbers "
            "outside it; write dates, e.g. table['date'].dt.to_timestamp()"
        )
        raise InputError(msg)
    if pa.types.is_nested(kind):
        msg = (
            f"{where}: column {field.name!r} is {kind}, which has not one value a row; "
            "write a column of plain values, or map another"
        )
        raise InputError(msg)
    if "binary" in str(kind):
        text = pa.dictionary(pa.int32(), pa.string()) if is_coded else pa.string()
        try:
            return values.cast(text)
        except pa.ArrowInvalid as error:
            msg = (
                f"{where}: column {field.name!r} is {kind} and no UTF-8 text; write it as text, "
                "e.g. a UUID in its hexadecimal form"
            )
            raise InputError(msg) from error
    if pa.types.is_timestamp(kind) and kind.tz is not None and not is_coded:
        return _in_known_zone(field, values, where)
    return values


def _name_of(kind: pa.DataType) -> bytes:
    """Return the name of a type of a library's own, else nothing."""
    is_own = isinstance(kind, pa.BaseExtensionType)
    return str(kind.extension_name).encode() if is_own else b""


def _in_known_zone(field: pa.Field, values: pa.Array, where: str) -> pa.Array:
    """Return instants as they are where their zone has a clock; ``Z`` is UTC."""
    kind = field.type
    if kind.tz.upper() in _UTC:
        return values.cast(pa.timestamp(kind.unit, "UTC"))
    try:
        pc.local_timestamp(pa.scalar(0, pa.timestamp("s", kind.tz)))
    except pa.ArrowInvalid as error:
        msg = (
            f"{where}: column {field.name!r} is {kind}, and there is no zone {kind.tz!r}; expected "
            'one as "Asia/Shanghai"; set `time_zone` to where its days are'
        )
        raise InputError(msg) from error
    return values


def text_buffers(values: pa.Array) -> tuple[Any, Any]:
    """Return bytes and offsets of an Arrow string array, without a copy, to be read alone.

    Whether Arrow could write to its memory depends on where that came from; to Numba that would be
    another type, and each type a kernel of its own.
    """
    wide = pa.types.is_large_string(values.type)
    _, offsets, data = values.buffers()
    kind = np.int64 if wide else np.int32
    if offsets is None or len(values) == 0:
        return _read_only(np.zeros(1, np.uint8)), _read_only(np.zeros(1, kind))
    ends = np.frombuffer(offsets, kind)[values.offset : values.offset + len(values) + 1]
    texts = np.frombuffer(data, np.uint8) if data else np.zeros(1, np.uint8)
    return _read_only(texts), _read_only(ends)


def _read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def hash_texts(values: pa.Array) -> Any:
    """Return the key of each text: int64, never 0; what a null gives is undefined."""
    data, offsets = text_buffers(values)
    out = np.empty(len(values), np.int64)
    hash_text_cpu(data, offsets, out)
    return out


def as_text(values: pa.Array) -> pa.Array:
    """Return any column as strings; a whole float or decimal has no point: ``1``, not ``1.00``."""
    kind = values.type
    if pa.types.is_dictionary(kind) and pa.types.is_decimal(kind.value_type):
        return pa.DictionaryArray.from_arrays(values.indices, as_text(values.dictionary))
    if pa.types.is_decimal(kind) and kind.scale > 0:
        text = pc.replace_substring_regex(values.cast(pa.string()), r"\.0+$", "")
        return pc.replace_substring_regex(text, r"^-?0E-\d+$", "0")
    if pa.types.is_dictionary(kind):
        return values.cast(pa.dictionary(pa.int32(), pa.string()))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return values.cast(pa.string())
    if pa.types.is_floating(kind):
        return _float_text(values)
    return values if pa.types.is_string(kind) else values.cast(pa.string())


def _float_text(values: pa.Array) -> pa.Array:
    """Write whole numbers without point or exponent: ids are floats where some are missing."""
    number = plain(values, np.nan, np.float64)
    is_whole = (np.abs(number) < _EXACT_FLOAT) & (number == np.floor(number))
    whole = pa.array(np.where(is_whole, number, 0.0).astype(np.int64)).cast(pa.string())
    is_none = pa.array(np.isnan(number))  # what is missing to NumPy is none to Arrow
    other = pc.if_else(is_none, pa.scalar(None, pa.string()), values.cast(pa.string()))
    return pc.if_else(pa.array(is_whole), whole, other)


def clean_text(values: pa.Array) -> Coded:
    """Trim every text; an empty one is null; equal texts have equal codes."""
    coded = as_text(values)
    if not pa.types.is_dictionary(coded.type):
        coded = coded.dictionary_encode()
    codes = plain(coded.indices, -1, np.int32)
    raw = coded.dictionary
    if not len(raw):
        return Coded(codes, raw)
    if raw.null_count or not is_trimmed(raw):
        unique = pc.utf8_trim_whitespace(raw).dictionary_encode()
        again = plain(unique.indices, -1, np.int32)
        is_empty = np.append(np.asarray(pc.equal(unique.dictionary, "")), False)
        again = np.where(is_empty[again], np.int32(-1), again)
        return Coded(np.append(again, np.int32(-1))[codes], unique.dictionary)
    return Coded(codes, raw)


def is_trimmed(values: pa.Array) -> bool:
    """Return whether no text is empty or has white space at an end; False where in doubt."""
    rough = np.empty(len(values), np.int8)
    rough_cpu(*text_buffers(values), rough)
    if values.null_count:
        rough[np.asarray(values.is_null())] = 0
    return not rough.any()


def clean_any(values: pa.Array) -> Coded | pa.Array:
    """Trim every text; as codes where texts repeat, else as plain texts."""
    if pa.types.is_null(values.type):
        values = values.cast(pa.string())
    if not pa.types.is_dictionary(values.type):
        sample = values.slice(0, _SAMPLE)
        if pc.count_distinct(sample).as_py() > len(sample) // _REPEATED:
            return trim_plain(values)
    return clean_text(values)


def cut_short(came: pa.Array, text: Coded | pa.Array) -> Any:
    """Return UNREADABLE for each id that has lost its last digits, else OK: int8, shape (n_rows,).

    As a float of more digits than it can hold, or as a spreadsheet writes a long number,
    ``6.22588E+18``: several customers, or payments, would be one.

    Parameters
    ----------
    came : pyarrow.Array
        The column.
    text : Coded or pyarrow.Array
        What was made of it.
    """
    status = np.full(len(came), OK, np.int8)
    if pa.types.is_floating(came.type):
        exact = _EXACT_FLOAT if pa.types.is_float64(came.type) else _EXACT_SINGLE
        status[np.abs(plain(came, 0.0, np.float64)) >= exact] = UNREADABLE
        return status
    different = text.values if isinstance(text, Coded) else text
    if not (text_buffers(different)[0] == ord("+")).any():
        return status  # as nearly always: a look at the bytes, and at no row
    found = pc.match_substring_regex(different, _SHORTENED).fill_null(fill_value=False)
    lost = np.asarray(found, bool)
    status[np.append(lost, False)[text.codes] if isinstance(text, Coded) else lost] = UNREADABLE
    return status


def trim_plain(values: pa.Array) -> pa.Array:
    """Trim texts that hardly repeat; an empty one becomes null."""
    text = as_text(values)
    if pa.types.is_dictionary(text.type):
        text = text.cast(pa.string())
    if is_trimmed(text):
        return text
    trimmed = pc.utf8_trim_whitespace(text)
    is_empty = pc.equal(pc.binary_length(trimmed), 0)
    if pc.any(is_empty).as_py():
        return pc.if_else(is_empty, pa.scalar(None, pa.string()), trimmed)
    return trimmed


def concat(columns: list[pa.Array], separator: str) -> pa.Array:
    """Join columns row by row; null where one of them is."""
    parts = [trim_plain(column) for column in columns]
    return pc.binary_join_element_wise(*parts, separator, null_handling="emit_null")


def word(text: str) -> str:
    """Return a text as words are compared: NFKC, trimmed, case folded."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def plain(values: pa.Array, null: Any, kind: Any) -> Any:
    """Return an Arrow column as a NumPy array, nulls as ``null``."""
    if values.null_count:
        values = values.fill_null(null)
    return np.asarray(values.to_numpy(zero_copy_only=False), kind)
