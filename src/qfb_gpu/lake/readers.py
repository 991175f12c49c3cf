"""Batches of rows from CSV and Parquet files, at most so many rows in memory at a time."""

from __future__ import annotations

import csv
import io
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from qfb_gpu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from qfb_gpu.config import SourcePart
    from qfb_gpu.lake.sources import SourceFile

_SAMPLE_BYTES = 1 << 20
_CODED_BYTES = 4
"""A column of texts with fewer bytes a row than this is in codes, not in texts."""
_MIN_BLOCK, _MAX_BLOCK = 1 << 20, 1 << 22
_FIRST_NUMBER = 2
"""What Arrow numbers the row below the header."""


@dataclass(slots=True)
class Batch:
    """Some rows of a file, as they came.

    Attributes
    ----------
    rows : pyarrow.RecordBatch
        The asked columns; a text column may be a dictionary.
    first_row : int
        0-based row of the file that is the batch's first.
    broken : list of (int, str)
        Lines of a CSV file with another number of columns than its header: row and text.
    """

    rows: pa.RecordBatch
    first_row: int
    broken: list[tuple[int, str]] = field(default_factory=list)


def headers(file: SourceFile, part: SourcePart) -> list[str]:
    """Return the column names of a file.

    Raises
    ------
    InputError
        It cannot be read.
    """
    if file.format == "csv":
        return _csv_headers(file, part)
    names = list(_parquet(file).schema_arrow.names)
    return names + [name for name in _partition_values(file) if name not in names]


def estimate_rows(file: SourceFile, part: SourcePart) -> int:
    """Return about how many rows a file has, exactly for Parquet."""
    if file.format != "csv":
        return int(_parquet(file).metadata.num_rows)
    del part
    with pa.input_stream(str(file.path), compression="detect") as stream:
        sample = stream.read(_SAMPLE_BYTES)
        read = len(sample)
    n_lines = max(1, sample.count(b"\n"))
    if read < _SAMPLE_BYTES:
        return int(n_lines)
    packed = 5 if file.path.suffix in (".gz", ".bz2", ".zst") else 1
    return int(file.path.stat().st_size * packed / read * n_lines)


def read_batches(
    file: SourceFile, part: SourcePart, columns: list[str], texts: list[str], batch_rows: int
) -> Generator[Batch]:
    """Read some columns of a file in order.

    Parameters
    ----------
    file, part : SourceFile, SourcePart
    columns : list of str
        The file's own headers.
    texts : list of str
        Those among them whose values repeat: as dictionaries where that is free.
    batch_rows : int
        The most rows of a batch.

    Raises
    ------
    InputError
        The file is damaged, or not in the encoding it is said to be in.
    """
    try:
        if file.format == "csv":
            yield from _csv_batches(file, part, columns, batch_rows)
        else:
            yield from _parquet_batches(file, columns, texts, batch_rows)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeError) as error:
        raise InputError(_unreadable(file, part, error)) from error


def _unreadable(file: SourceFile, part: SourcePart, error: Exception) -> str:
    reason = " ".join(str(error).split())[:200]
    lowered = reason.lower()
    if file.format == "csv" and any(word in lowered for word in ("utf", "decode", "codec")):
        return (
            f"{file.path}: not {part.encoding} text ({reason}); "
            "set `encoding`, e.g. 'gb18030' or 'cp1252'"
        )
    return f"{file.path}: cannot be read as {file.format} ({reason}); mend or replace the file"


def _parquet(file: SourceFile, texts: list[str] | None = None) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file.path, read_dictionary=texts, pre_buffer=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        msg = f"{file.path}: cannot be read as Parquet ({error}); mend or replace the file"
        raise InputError(" ".join(msg.split())) from error


def _partition_values(file: SourceFile) -> dict[str, str | None]:
    if file.table is None:
        return {}
    folders = file.path.relative_to(file.table).parts[:-1]
    pairs = [folder.split("=", 1) for folder in folders if "=" in folder]
    return {name: None if text == "__HIVE_DEFAULT_PARTITION__" else text for name, text in pairs}


def _parquet_batches(
    file: SourceFile, columns: list[str], texts: list[str], batch_rows: int
) -> Iterator[Batch]:
    constant = _partition_values(file)
    with _parquet(file, _in_dictionaries(file, texts)) as source:
        there = [name for name in columns if name in source.schema_arrow.names]
        first = 0
        for rows in source.iter_batches(batch_rows, columns=there):
            yield Batch(_complete(rows, columns, constant), first)
            first += rows.num_rows


def _in_dictionaries(file: SourceFile, texts: list[str]) -> list[str]:
    """Return the columns whose every chunk holds codes into few values: they are read as such."""
    metadata = _parquet(file).metadata
    number = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}

    def is_coded(name: str) -> bool:
        chunks = [
            metadata.row_group(g).column(number[name]) for g in range(metadata.num_row_groups)
        ]
        return all(
            chunk.has_dictionary_page
            and chunk.total_uncompressed_size < _CODED_BYTES * chunk.num_values + _SAMPLE_BYTES
            for chunk in chunks
        )

    return [name for name in texts if name in number and is_coded(name)]


def _complete(
    rows: pa.RecordBatch, columns: list[str], constant: dict[str, str | None]
) -> pa.RecordBatch:
    arrays = [
        rows.column(name)
        if name in rows.schema.names
        else pa.repeat(pa.scalar(constant.get(name), pa.string()), rows.num_rows)
        for name in columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=columns)


def _csv_headers(file: SourceFile, part: SourcePart) -> list[str]:
    encoding = "utf-8-sig" if part.encoding.lower() in ("utf-8", "utf8") else part.encoding
    try:
        with (
            pa.input_stream(str(file.path), compression="detect") as raw,
            io.TextIOWrapper(raw, encoding=encoding, newline="") as text,
        ):
            names = next(csv.reader(text, delimiter=part.separator), [])
    except (OSError, UnicodeError, LookupError, csv.Error, pa.ArrowInvalid) as error:
        raise InputError(_unreadable(file, part, error)) from error
    if not any(name.strip() for name in names):
        msg = f"{file.path}: its first line is blank; expected the column names there"
        raise InputError(msg)
    if len(names) == 1 and len(names[0]) > 1:
        others = [mark for mark in ",;\t|" if mark != part.separator and mark in names[0]]
        if others:
            msg = (
                f"{file.path}: its header has no {part.separator!r}; "
                f"set separator = {others[0]!r} (header: {names[0][:80]!r})"
            )
            raise InputError(msg)
    return names


def _csv_batches(
    file: SourceFile, part: SourcePart, columns: list[str], batch_rows: int
) -> Iterator[Batch]:
    names = _csv_headers(file, part)
    broken: deque[tuple[int, str]] = deque()

    def keep_broken(row: Any) -> str:
        text = f"{row.actual_columns} columns instead of {row.expected_columns}: {row.text}"
        broken.append((row.number - _FIRST_NUMBER, text))
        return "skip"

    unique = [f"{number}" for number in range(len(names))]
    picked = [str(names.index(name)) for name in columns]
    with pa.input_stream(str(file.path), compression="detect") as stream:
        reader = pacsv.open_csv(
            stream,
            pacsv.ReadOptions(
                use_threads=False,
                block_size=_block_size(file, batch_rows),
                column_names=unique,
                skip_rows=1,
                encoding=_arrow_encoding(part.encoding),
            ),
            pacsv.ParseOptions(
                delimiter=part.separator,
                newlines_in_values=True,
                invalid_row_handler=keep_broken,
            ),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(picked, pa.string()),
                include_columns=picked,
                strings_can_be_null=False,
            ),
        )
        first = 0
        for rows in reader:
            batch = Batch(pa.RecordBatch.from_arrays(rows.columns, names=columns), first)
            first += rows.num_rows
            while broken and broken[0][0] < first:  # the parser is ahead of the batches
                batch.broken.append(broken.popleft())
                first += 1
            yield batch
        if broken:
            empty = pa.RecordBatch.from_arrays([pa.array([], pa.string())] * len(columns), columns)
            yield Batch(empty, first, list(broken))


def _arrow_encoding(encoding: str) -> str:
    """Spell UTF-8 as Arrow does: any other spelling costs a pass over the text."""
    return "utf8" if encoding.lower() in ("utf-8", "utf8", "utf-8-sig") else encoding


def _block_size(file: SourceFile, batch_rows: int) -> int:
    with pa.input_stream(str(file.path), compression="detect") as stream:
        sample = stream.read(_SAMPLE_BYTES)
    per_row = len(sample) / max(1, sample.count(b"\n"))
    return int(min(_MAX_BLOCK, max(_MIN_BLOCK, per_row * batch_rows)))
