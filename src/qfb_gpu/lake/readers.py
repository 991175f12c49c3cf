"""Batches of rows from CSV and Parquet files, at most so many rows in memory at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu.errors import InputError
from qfb_gpu.lake import csv_files, obie
from qfb_gpu.lake.swallowed import without_swallowed
from qfb_gpu.lake.unreadable import unreadable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Generator, Iterator

    from qfb_gpu.config import SourcePart
    from qfb_gpu.lake.sources import SourceFile

_SAMPLE_BYTES = 1 << 20
_CODED_BYTES = 4
"""A column of texts with fewer bytes a row than this is in codes, not in texts."""
_PACKED = (".gz", ".bz2", ".zst", ".lz4")
_OBIE_BYTES = 500
"""About what a transaction takes in a document."""


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
    numbers : int64 array, shape (n_rows,), optional
        The rows' numbers in the file where they are not one after the other.
    counts : Counter
        More measures of ``data_quality``.
    files : list of (int, str, int)
        Number, name and rows of the files that it is of, one after the other; empty where of one.
    as_json : string array, shape (n_rows,), optional
        The rows as they came, where they were rejected before.
    """

    rows: pa.RecordBatch
    first_row: int
    broken: list[tuple[int, str]] = field(default_factory=list)
    numbers: Any = None
    counts: Counter[str] = field(default_factory=Counter)
    files: list[tuple[int, str, int]] = field(default_factory=list)
    as_json: pa.Array | None = None

    def row_numbers(self) -> Any:
        """Return the number of each row in its file: int64, shape (n_rows,)."""
        if self.numbers is not None:
            return self.numbers
        numbers = np.arange(self.first_row, self.first_row + self.rows.num_rows, dtype=np.int64)
        for row, _ in self.broken:
            numbers += numbers >= row
        return numbers


def headers(file: SourceFile, part: SourcePart) -> list[str]:
    """Return the column names of a file.

    Raises
    ------
    InputError
        It cannot be read.
    """
    if file.format == "csv":
        return _with_folders(csv_files.headers(file, part), file)
    if file.format == "obie":
        return list(obie.DECLARED if _is_declared(part) else obie.TRANSACTIONS)
    if file.delta is not None:
        return [name for name, _, _ in file.delta.columns]
    return _with_folders(list(_parquet(file).schema_arrow.names), file)


def _with_folders(names: list[str], file: SourceFile) -> list[str]:
    return names + [name for name in file.folders if name not in names]


def _is_declared(part: SourcePart) -> bool:
    return "declaration_id" in part.columns


def estimate_rows(file: SourceFile, part: SourcePart) -> int:
    """Return about how many rows a file has below its header; raises as :func:`headers`.

    Exactly for Parquet, and for a small CSV file without line breaks in its values.
    """
    if file.format == "obie":
        return max(1, file.path.stat().st_size // _OBIE_BYTES)
    if file.delta is not None and file.delta.n_rows is not None:
        return file.delta.n_rows - len(file.delta.deleted)
    if file.format != "csv":
        return int(_parquet(file).metadata.num_rows)
    try:
        sample = csv_files.sample_of(file)
    except OSError as error:
        raise InputError(unreadable(file, part, error)) from error
    n_lines = sample.count(b"\n") or sample.count(b"\r")
    if len(sample) < csv_files.SAMPLE_BYTES:
        n_lines += not sample.endswith((b"\n", b"\r"))
        return max(0, int(n_lines) - 1)
    packed = 5 if file.path.suffix in _PACKED else 1
    return max(0, int(file.path.stat().st_size * packed / len(sample) * max(1, n_lines)) - 1)


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
        elif file.format == "obie":
            yield from _obie_batches(file, part, columns, batch_rows)
        else:
            yield from _parquet_batches(file, columns, texts, batch_rows)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeError) as error:
        raise InputError(unreadable(file, part, error)) from error


def _parquet(file: SourceFile, texts: list[str] | None = None) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(
            file.path,
            read_dictionary=texts,
            pre_buffer=False,
            coerce_int96_timestamp_unit="us",
            page_checksum_verification=True,  # where there are any, as Spark writes them
        )  # in nanoseconds 9999-12-31, an end that is open, is a day of 1816
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        if file.delta is not None and not file.path.exists():
            msg = (
                f"{file.path}: is gone, though version {file.delta.version} of the table has it "
                "(vacuumed?); set `snapshot` to a version that still has its files"
            )
            raise InputError(msg) from error
        msg = f"{file.path}: cannot be read as Parquet ({error}); mend or replace the file"
        raise InputError(" ".join(msg.split())) from error


def _parquet_batches(
    file: SourceFile, columns: list[str], texts: list[str], batch_rows: int
) -> Iterator[Batch]:
    """Read by the file's own names; what a Delta table's file lacks is its partition's or null."""
    stored = _stored_names(file)
    named = {name: stored.get(name) for name in columns}
    coded = _in_dictionaries(file, [stored[name] for name in texts if name in stored])
    with _parquet(file, coded) as source:
        there = [name for name in named.values() if name is not None]
        first = 0
        for rows in source.iter_batches(batch_rows, columns=there):
            yield _present(file, _complete(rows, named, file), first)
            first += rows.num_rows


def _stored_names(file: SourceFile) -> dict[str, str]:
    """Return the file's own name of each column that it has."""
    schema = _parquet(file).schema_arrow
    if file.delta is None:
        return {name: name for name in schema.names}
    columns = [one for one in file.delta.columns if one[0] not in file.delta.partition]
    if not file.delta.by_id:
        return {name: stored for name, stored, _ in columns if stored in schema.names}
    by_id = {(f.metadata or {}).get(b"PARQUET:field_id"): f.name for f in schema}
    ids = {name: str(number).encode() for name, _, number in columns}
    return {name: by_id[number] for name, number in ids.items() if number in by_id}


def _present(file: SourceFile, rows: pa.RecordBatch, first: int) -> Batch:
    """Return a batch without the rows that a deletion vector takes away."""
    if file.delta is None or not file.delta.deleted.size:
        return Batch(rows, first)
    start, stop = np.searchsorted(file.delta.deleted, [first, first + rows.num_rows])
    keep = np.ones(rows.num_rows, bool)
    keep[file.delta.deleted[start:stop] - first] = False
    numbers = np.flatnonzero(keep).astype(np.int64) + first
    return Batch(rows.filter(pa.array(keep)), first, numbers=numbers)


def _csv_batches(
    file: SourceFile, part: SourcePart, columns: list[str], batch_rows: int
) -> Iterator[Batch]:
    """Read the asked columns; the others only to see whether a quote in them is not closed."""
    names = csv_files.headers(file, part)
    stored = {name: name if name in names else None for name in columns}
    for piece in csv_files.pieces(file, part, names, columns, batch_rows):
        batch = Batch(_complete(piece.rows, stored, file), piece.first_row, piece.broken)
        yield without_swallowed(batch, piece.others, part.separator, len(names))


def _obie_batches(
    file: SourceFile, part: SourcePart, columns: list[str], batch_rows: int
) -> Iterator[Batch]:
    what = "open_banking" if _is_declared(part) else "transactions"
    rows, unread = obie.read_rows(file.path, what)
    for first in range(0, max(1, rows.num_rows), batch_rows):
        yield Batch(rows.select(columns).slice(first, batch_rows), first, counts=unread)
        unread = Counter()


def _in_dictionaries(file: SourceFile, texts: list[str]) -> list[str]:
    """Return the columns whose every chunk holds codes into few values: they are read as such."""
    metadata = _parquet(file).metadata
    number = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}

    def is_coded(name: str) -> bool:
        """Return whether a column has codes in every chunk, and no more than codes."""
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
    rows: pa.RecordBatch, named: dict[str, str | None], file: SourceFile
) -> pa.RecordBatch:
    constant = file.folders if file.delta is None else file.delta.partition
    arrays = [
        _no_view(rows.column(stored))
        if stored is not None
        else pa.repeat(_scalar(constant.get(name)), rows.num_rows)
        for name, stored in named.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, names=list(named))


def _scalar(value: str | dt.datetime | None) -> pa.Scalar:
    """Return the value of a column that is no column of the file; an instant stays one."""
    if value is None or isinstance(value, str):
        return pa.scalar(value, pa.string())
    return pa.scalar(value, pa.timestamp("us", "UTC"))


def _no_view(values: pa.Array) -> pa.Array:
    """Return texts of Arrow's view layout, which few functions take, in the usual one."""
    return values.cast(pa.string()) if pa.types.is_string_view(values.type) else values
