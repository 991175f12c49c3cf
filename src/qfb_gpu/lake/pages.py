"""Parquet files page by page: read some rows of a file, or write it with some rows changed.

Arrow reads and writes row groups as a whole. The large files of this package have their rows in
pages, cut at the same rows in every column, so what does not change can stay as the bytes that it
is: pages are not decoded, and copied where a file is written with other rows in some of
its pages. What is decoded or encoded goes through Arrow: wanted pages are handed to it as a file
in memory that has no others.

A file that is not so (another writer's, pages that are not aligned, several row groups, nested
columns) is none of this module's: :func:`opened` says so, and its callers do without. Numbers of
fields are those of https://github.com/apache/parquet-format, ``src/main/thrift/parquet.thrift``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu.lake import thrift
from qfb_gpu.lake.thrift import I32, I64, LIST, STRUCT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qfb_gpu.lake.thrift import Struct

ROWS = 1 << 13
"""Rows of a page of gold: with fewer more pages stay, with more they take less space."""
FEW = 16
"""A file of fewer pages is read and written as a whole: Arrow takes as long for one of them."""

_WHOLE = 1 << 16
_MAGIC = b"PAR1"
_TAIL = 8
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_PLAIN, _BY_DICTIONARY = 0, 8
_ENCODINGS = {_PLAIN, 5, _BY_DICTIONARY}  # 5: DELTA_BINARY_PACKED
_KIND = (1, 4)
"""Fields of a column's metadata: its physical type, its codec."""
_KEPT = (1, 2, 3, 4)
"""And its encodings and its path; statistics are those of other rows."""
_VALUES, _PLAIN_SIZE, _SIZE, _PAGES_AT, _DICTIONARY_AT = 5, 6, 7, 9, 11


@dataclass(frozen=True, slots=True)
class _Page:
    """A page with its header: its bytes, how many they are when uncompressed, its encoding."""

    data: memoryview
    plain_size: int
    encoding: int


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its metadata, its dictionary if it has one, its pages."""

    metadata: Struct
    dictionary: _Page | None
    pages: list[_Page]

    def can_join(self, other: _Column) -> bool:
        """Return whether pages of another file's column may stand beside this one's.

        A dictionary may go on where the other's ends: pages number its values from the first.
        """
        same_kind = all(self.metadata[number] == other.metadata[number] for number in _KIND)
        same_pages = {p.encoding for p in self.pages} == {p.encoding for p in other.pages}
        same_shape = (self.dictionary is None) == (other.dictionary is None)
        return same_kind and same_pages and same_shape


@dataclass(frozen=True, slots=True)
class Paged:
    """An open file whose pages are cut at the same rows in every column that was asked for.

    Attributes
    ----------
    starts : int64 array, shape (n_pages + 1,)
        The first row of each page, then the number of rows.
    """

    starts: np.ndarray
    footer: Struct
    columns: dict[str, _Column]

    @property
    def n_pages(self) -> int:
        """How many pages each column has."""
        return int(self.starts.size - 1)

    def page_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the page of each of some rows: int64 array."""
        found: np.ndarray = np.searchsorted(self.starts, rows, side="right") - 1
        return found

    def read(self, pages: Sequence[int], names: Sequence[str], coded: Sequence[str]) -> pa.Table:
        """Return the rows of some pages, one after the other.

        Parameters
        ----------
        pages : sequence of int
            Ascending.
        names : sequence of str
            Columns, in this order; among those that the file was opened with.
        coded : sequence of str
            Text columns that stay dictionaries: all that the column's dictionary has.
        """
        wanted = {name: column for name, column in self.columns.items() if name in names}
        picked = {name: [one.pages[page] for page in pages] for name, one in wanted.items()}
        n_rows = int(sum(self.starts[page + 1] - self.starts[page] for page in pages))
        data = b"".join(_file(self.footer, wanted, picked, n_rows))
        coded = [name for name in coded if name in picked]
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=coded)
        return file.read(use_threads=False).select(list(names))


def is_text(kind: pa.DataType) -> bool:
    """Return whether a column is of texts, in a dictionary or not."""
    return bool(pa.types.is_string(kind) or pa.types.is_dictionary(kind))


def of_rows(n_rows: int) -> dict[str, int]:
    """Return what Arrow's writer has to be told for pages of so many rows.

    After each batch it looks whether the page is as large as it may be: it always is.
    """
    return {"write_batch_size": n_rows, "data_page_size": 0}


def are_cut(n_rows: int) -> bool:
    """Return whether a file of gold of so many rows has pages that may stay."""
    return n_rows >= FEW * ROWS


def cut(n_rows: int) -> dict[str, int]:
    """Return what Arrow's writer has to be told for a file of gold of so many rows."""
    return of_rows(ROWS) if are_cut(n_rows) else {"write_batch_size": _WHOLE}


def opened(data: pa.Buffer | bytes, names: Sequence[str] | None = None) -> Paged | None:
    """Return a file's pages; None where they are not as this module needs them.

    Parameters
    ----------
    data : Buffer or bytes
        The file, mapped or in memory.
    names : sequence of str, optional
        Columns; all without.
    """
    try:
        groups = _groups(memoryview(data).cast("B"), names)
    except (ValueError, IndexError, KeyError):  # what it is Arrow says, where it is broken
        return None
    return groups[0] if len(groups) == 1 else None


def _groups(view: memoryview, names: Sequence[str] | None) -> list[Paged]:
    """Return a file's row groups.

    Raises
    ------
    ValueError
        It has nested columns, lacks some of those asked for, or its pages are not aligned.
    """
    end = len(view) - _TAIL
    footer, _ = thrift.read(view, end - int.from_bytes(view[end : end + 4], "little"))
    elements = footer[2][1][1]
    if elements[0][5][1] != len(elements) - 1:
        msg = "nested columns: expected plain ones"
        raise ValueError(msg)
    there = [one[4][1].decode() for one in elements[1:]]
    wanted = there if names is None else [name for name in there if name in names]
    if names is not None and len(wanted) < len({*names}):
        msg = f"columns {there}: expected {[*names]}"
        raise ValueError(msg)
    return [_group(view, footer, group, wanted) for group in footer[4][1][1]]


def _group(view: memoryview, footer: Struct, group: Struct, wanted: list[str]) -> Paged:
    columns, starts = {}, None
    for one in group[1][1][1]:
        metadata = one[3][1]
        name = metadata[3][1][1][0].decode()
        if name in wanted:
            columns[name], cuts = _column(view, metadata)
            if cuts != (starts or cuts) or cuts[-1] != group[3][1]:
                msg = f"pages of {name} end at rows {cuts}: expected {starts}"
                raise ValueError(msg)
            starts = cuts
    return Paged(np.array(starts or [0], np.int64), footer, columns)


def _column(view: memoryview, metadata: Struct) -> tuple[_Column, list[int]]:
    """Walk along the headers of a column's pages; return also the rows at which they are cut.

    Raises
    ------
    ValueError
        A page is of a kind or in an encoding that is not copied here.
    """
    at = metadata[_DICTIONARY_AT if _DICTIONARY_AT in metadata else _PAGES_AT][1]
    stop = at + metadata[_SIZE][1]
    dictionary: _Page | None = None
    pages: list[_Page] = []
    starts = [0]
    while at < stop:
        header, body = thrift.read(view, at)
        kind, after = header[1][1], body + header[3][1]
        about = header[5 if kind == _DATA_PAGE else 7][1]
        page = _Page(view[at:after], header[2][1] + body - at, about[2][1])
        if kind == _DICTIONARY_PAGE and not pages and dictionary is None:
            dictionary = page
        elif kind == _DATA_PAGE and page.encoding in _ENCODINGS:
            pages.append(page)
            starts.append(starts[-1] + about[1][1])
        else:
            msg = f"a page of kind {kind} in encoding {page.encoding}: expected one to be copied"
            raise ValueError(msg)
        at = after
    return _Column(metadata, dictionary, pages), starts


def patched(
    old: Paged, runs: Sequence[tuple[int, int]], tables: Sequence[pa.Table], **options: Any
) -> Iterator[bytes | memoryview] | None:
    """Return the bytes of a file in which runs of pages have other rows.

    Parameters
    ----------
    old : Paged
        Opened with all of its columns.
    runs : sequence of (first page, page after the last)
        Ascending, one does not touch the next.
    tables : sequence of Table
        The rows in place of each run, in the columns of the file; perhaps none. A dictionary begins
        with what the file's has, in its order.
    **options
        Of Arrow's writer.

    Returns
    -------
    iterator of bytes, or None where Arrow would lay them out otherwise than they are in the file
    """
    try:
        new = _groups(memoryview(_written(tables, **options)).cast("B"), None)
    except (ValueError, IndexError, KeyError):
        return None
    alike = all(
        group.footer[2] == old.footer[2]
        and all(group.columns[name].can_join(one) for name, one in old.columns.items())
        for group in new
    )
    if not new or not alike or not _same_dictionaries(new):
        return None
    picked = {
        name: [*_in_turn(one.pages, runs, [group.columns[name].pages for group in new], tables)]
        for name, one in old.columns.items()
    }
    n_rows = int(old.starts[-1]) + sum(table.num_rows for table in tables)
    n_rows -= sum(int(old.starts[stop] - old.starts[start]) for start, stop in runs)
    return _file(new[0].footer, new[0].columns, picked, n_rows)


def _written(tables: Sequence[pa.Table], **options: Any) -> pa.Buffer:
    """Return a file that has a row group of each table that has rows."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, tables[0].schema, **of_rows(ROWS), **options) as writer:
        for table in tables:
            if table.num_rows:
                writer.write_table(table.combine_chunks(), row_group_size=table.num_rows)
    return sink.getvalue()


def _same_dictionaries(groups: list[Paged]) -> bool:
    """Return whether a column has one dictionary in all row groups."""
    found = [
        {name: bytes(one.dictionary.data) for name, one in group.columns.items() if one.dictionary}
        for group in groups
    ]
    return all(one == found[0] for one in found[1:])


def _in_turn(
    old: list[_Page],
    runs: Sequence[tuple[int, int]],
    new: list[list[_Page]],
    tables: Sequence[pa.Table],
) -> Iterator[_Page]:
    """Yield a column's pages, those of each run replaced by those of a row group."""
    groups, at = iter(new), 0
    for (start, stop), table in zip(runs, tables, strict=True):
        yield from old[at:start]
        if table.num_rows:
            yield from next(groups)
        at = stop
    yield from old[at:]


def _file(
    footer: Struct, columns: dict[str, _Column], pages: dict[str, list[_Page]], n_rows: int
) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a file of some columns, in the order of the schema, in one row group."""
    yield _MAGIC
    at, chunks, plain_size = len(_MAGIC), [], 0
    for name, column in columns.items():
        first = at
        parts = [*([column.dictionary] if column.dictionary else []), *pages[name]]
        for page in parts:
            yield page.data
            at += len(page.data)
        size = sum(page.plain_size for page in parts)
        metadata = {
            number: column.metadata[number] for number in _KEPT if number in column.metadata
        }
        n_dictionary = len(column.dictionary.data) if column.dictionary else 0
        metadata |= {
            _VALUES: (I64, n_rows), _PLAIN_SIZE: (I64, size), _SIZE: (I64, at - first),
            _PAGES_AT: (I64, first + n_dictionary),
        }  # fmt: skip
        if column.dictionary:
            metadata[_DICTIONARY_AT] = (I64, first)
        chunks.append({2: (I64, 0), 3: (STRUCT, metadata)})
        plain_size += size
    group = {1: (LIST, (STRUCT, chunks)), 2: (I64, plain_size), 3: (I64, n_rows)}
    elements = footer[2][1][1]
    if len(columns) < len(elements) - 1:
        wanted = {name.encode() for name in columns}
        root = elements[0] | {5: (I32, len(columns))}
        elements = [root, *(one for one in elements[1:] if one[4][1] in wanted)]
        footer = {number: footer[number] for number in (1, 6) if number in footer}
    ending = thrift.write(
        footer | {2: (LIST, (STRUCT, elements)), 3: (I64, n_rows), 4: (LIST, (STRUCT, [group]))}
    )
    yield ending + len(ending).to_bytes(4, "little") + _MAGIC
