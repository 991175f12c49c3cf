"""Rows that were left out: as JSON, with file, row and reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qfb_gpu.lake.texts import as_text

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("reason", pa.string()),
        ("row_json", pa.string()),
    ]
)
DUPLICATE = "duplicate "
"""How the reason of a row begins that another row with its key stands for."""
_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))
_CONTROLS = [chr(code) for code in range(32) if chr(code) not in "\n\r\t"]


def reject_table(
    source: str, file: str | pa.Array, row: Any, reason: pa.Array, row_json: pa.Array
) -> pa.Table:
    """Return rejected rows in the layout of gold ``rejects``."""
    n_rows = len(row_json)
    files = pa.repeat(file, n_rows) if isinstance(file, str) else file
    columns = [pa.repeat(source, n_rows), files, pa.array(row, pa.int64()), reason, row_json]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def rows_to_json(rows: pa.RecordBatch) -> pa.Array:
    """Return each row as a JSON object: texts, dates, infinity quoted, numbers bare, nulls null."""
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
    text = as_text(column)
    is_float = pa.types.is_floating(kind)
    is_bare = is_float or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    if is_float and pc.any(pc.is_inf(column)).as_py():  # which is no number of JSON
        quoted = pc.binary_join_element_wise('"', text, '"', "")
        text = pc.if_else(pc.is_inf(column), quoted, text)
    if not is_bare:
        for raw, escaped in _ESCAPES:
            text = pc.replace_substring(text, raw, escaped)
        if pc.any(pc.match_substring_regex(text, "[\\x00-\\x1f]")).as_py():
            for control in _CONTROLS:
                text = pc.replace_substring(text, control, f"\\u{ord(control):04x}")
        text = pc.binary_join_element_wise('"', text, '"', "")
    return text.fill_null("null")


class RejectFile:
    """The rejected rows of one ingest, written as they come; a file only where there are any."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_rows = 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table | None) -> None:
        """Append rows."""
        if table is None or not table.num_rows:
            return
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self.path, SCHEMA, compression="zstd")
        self._writer.write_table(table)
        self.n_rows += table.num_rows

    def close(self) -> None:
        """End writing."""
        if self._writer is not None:
            self._writer.close()


def read_rejects(folder: Path, names: list[str]) -> pa.Table:
    """Read reject files of a folder, one after the other."""
    tables = [pq.ParquetFile(folder / name).read() for name in names]
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table()
