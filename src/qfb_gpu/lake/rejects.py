"""Rows that were left out: as JSON, with file, row and reason."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("reason", pa.string()),
        ("row_json", pa.string()),
    ]
)
_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))


def reject_table(
    source: str, file: str | pa.Array, row: Any, reason: pa.Array, row_json: pa.Array
) -> pa.Table:
    """Return rejected rows in the layout of gold ``rejects``."""
    n_rows = len(row_json)
    files = pa.repeat(file, n_rows) if isinstance(file, str) else file
    columns = [pa.repeat(source, n_rows), files, pa.array(row, pa.int64()), reason, row_json]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def rows_to_json(rows: pa.RecordBatch) -> pa.Array:
    """Return each row as a JSON object: texts and dates quoted, numbers bare, null as null."""
    pieces: list[Any] = []
    for number, (name, column) in enumerate(zip(rows.schema.names, rows.columns, strict=True)):
        label = json.dumps(name, ensure_ascii=False) + ": "
        pieces.append(pa.scalar(("{" if number == 0 else ", ") + label))
        pieces.append(_json_values(column))
    pieces.append(pa.scalar("}"))
    return pc.binary_join_element_wise(*pieces, "")


def _json_values(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    text = column.cast(pa.string())
    is_bare = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if not is_bare:
        for raw, escaped in _ESCAPES:
            text = pc.replace_substring(text, raw, escaped)
        text = pc.replace_substring_regex(text, "[\\x00-\\x1f]", "?")
        text = pc.binary_join_element_wise('"', text, '"', "")
    return text.fill_null("null")
