"""Rows of CSV files as texts, a piece of a file at a time.

Every row is counted: a line with too many or too few values is told with its number. A file that
has no quotes, as most exports, is read without looking for them; in one that has some also the
columns that nobody asked for are read, as bytes, since a quote may be left open in any of them.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pacsv

from qfb_gpu.errors import InputError
from qfb_gpu.lake.double_bytes import Utf8OfPairs, is_double
from qfb_gpu.lake.formulas import without_formulas
from qfb_gpu.lake.swallowed import swallowing
from qfb_gpu.lake.unreadable import MOST_BYTES, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from qfb_gpu.config import SourcePart
    from qfb_gpu.lake.sources import SourceFile

SAMPLE_BYTES = 1 << 20
_LEAST_BLOCK = 1 << 20
_MOST_TOGETHER = 1 << 26
"""Bytes of the blocks that are put together."""
_FIRST_NUMBER = 2
"""What Arrow numbers the row below the header."""
_SURELY = 4
"""So many characters beyond ASCII that are UTF-8 are no chance: text in GBK hardly ever is."""
_OF_ONE_BYTE = ("utf-8", "utf-8-sig", "gbk", "gb18030", "gb2312", "big5", "ascii")
"""Encodings in which a quote is that one byte, and the byte in no other character."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a file.

    Attributes
    ----------
    rows : pyarrow.RecordBatch
        The columns that were asked for and are there, as strings; at least one column.
    others : dict of int to str
        Rows in whose other columns a quote is open, and what to say of each.
    first_row : int
        0-based row of the file that is the first.
    broken : list of (int, str)
        Lines with another number of columns than the header: row and text.
    """

    rows: pa.RecordBatch
    others: dict[int, str]
    first_row: int
    broken: list[tuple[int, str]]


def headers(file: SourceFile, part: SourcePart) -> list[str]:
    """Return the column names of a file.

    Raises
    ------
    InputError
        It cannot be read, or its first line can be no header.
    """
    is_utf8 = _arrow_encoding(part.encoding) == "utf8"
    encoding = "utf-8-sig" if is_utf8 else part.encoding
    try:
        if not is_utf8:
            _refuse_utf8(file, encoding)
        with (
            pa.input_stream(str(file.path), compression="detect") as raw,
            io.TextIOWrapper(raw, encoding=encoding, newline="") as text,
        ):
            names = next(csv.reader(text, delimiter=part.separator), [])
    except (OSError, UnicodeError, LookupError, csv.Error, pa.ArrowInvalid) as error:
        raise InputError(unreadable(file, part, error)) from error
    if not any(name.strip() for name in names):
        msg = f"{file.path}: its first line is blank; expected the column names there"
        raise InputError(msg)
    if any("\0" in name for name in names):
        msg = (
            f"{file.path}: its header has characters of value 0; where it is text set encoding = "
            "'utf-16-le' or 'utf-16-be', else export it as CSV or Parquet"
        )
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


def _refuse_utf8(file: SourceFile, encoding: str) -> None:
    """Raise where a file is UTF-8: read otherwise its names and texts would be others."""
    sample = sample_of(file)
    if sample.startswith(codecs.BOM_UTF8):
        msg = (
            f"{file.path}: it begins as UTF-8 with a byte order mark does; take "
            f"encoding = {encoding!r} out"
        )
        raise InputError(msg)
    if sample.isascii() or b"\0" in sample:
        return
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return
    n_beyond = sum(not character.isascii() for character in text)
    if n_beyond >= _SURELY:
        msg = (
            f"{file.path}: it is UTF-8 ({n_beyond:,} characters beyond ASCII at its beginning say "
            f"so); take encoding = {encoding!r} out, or give the file a part of its own"
        )
        raise InputError(msg)


def pieces(
    file: SourceFile, part: SourcePart, names: list[str], columns: list[str], batch_rows: int
) -> Iterator[Piece]:
    """Read a file in order.

    Parameters
    ----------
    file, part : SourceFile, SourcePart
    names : list of str
        See :func:`headers`.
    columns : list of str
        What is asked for; what is not among the names is left out.
    batch_rows : int
        About the most rows of a piece.

    Raises
    ------
    pyarrow.ArrowInvalid, UnicodeError, OSError
        The file is damaged, or not in the encoding it is said to be in.
    """
    sample = sample_of(file)
    if len(sample) < SAMPLE_BYTES and b"\n" not in sample and b"\r" not in sample:
        return  # a line without an end, which Arrow does not read
    quoted = _may_be_quoted(file, part)
    there = [name for name in columns if name in names] or names[:1]  # none means all
    picked = [names.index(name) for name in there]
    unread = [n for n in range(len(names)) if n not in picked] if quoted else []
    kinds = dict.fromkeys(picked, pa.string()) | dict.fromkeys(unread, pa.binary())
    read_options = pacsv.ReadOptions(
        use_threads=False,
        block_size=_block_size(sample, batch_rows),
        column_names=[f"{number}" for number in range(len(names))],  # each once
        skip_rows_after_names=1,  # a row, not a line: a header may hold line breaks
    )
    broken: deque[tuple[int, str]] = deque()
    with pa.input_stream(str(file.path), compression="detect") as raw:
        reader = _reader(raw, part, read_options, broken, kinds, quoted=quoted)
        first = 0
        is_plain = _is_of_one_byte(part.encoding) and not isinstance(raw, pa.CompressedInputStream)
        last = list(kinds).index(len(names) - 1) if quoted and is_plain else None
        is_open = partial(_is_open_at_end, file, part, last)
        taken = partial(swallowing, separator=part.separator, n_columns=len(names))
        for rows, others in _gathered(reader, len(there), batch_rows, taken, is_open):
            texts = map(without_formulas, rows.columns) if quoted else rows.columns
            read = pa.RecordBatch.from_arrays(list(texts), names=there)
            start, lines = first, []
            first += rows.num_rows
            while broken and broken[0][0] < first:  # the parser is ahead of the batches
                lines.append(broken.popleft())
                first += 1
            yield Piece(read, others, start, lines)
        if broken:
            yield Piece(_none_of(there), {}, first, list(broken))


def _reader(
    raw: pa.NativeFile,
    part: SourcePart,
    options: pacsv.ReadOptions,
    broken: deque[tuple[int, str]],
    kinds: dict[int, pa.DataType],
    *,
    quoted: bool,
) -> pacsv.CSVStreamingReader:
    """Open a file for the columns of ``kinds``, in that order; broken lines go to ``broken``."""

    def keep_broken(row: Any) -> str:
        """Keep a row of too many or too few fields, and have Arrow go on."""
        text = f"{row.actual_columns} columns instead of {row.expected_columns}: {row.text}"
        broken.append((row.number - _FIRST_NUMBER, text))
        return "skip"

    options.encoding = _arrow_encoding(part.encoding)
    if is_double(part.encoding):
        raw, options.encoding = pa.PythonFile(Utf8OfPairs(raw, part.encoding), "r"), "utf8"
    return pacsv.open_csv(
        raw,
        options,
        pacsv.ParseOptions(
            delimiter=part.separator,
            quote_char='"' if quoted else False,
            newlines_in_values=quoted,
            invalid_row_handler=keep_broken,
        ),
        pacsv.ConvertOptions(
            column_types={f"{n}": kind for n, kind in kinds.items()},
            include_columns=[f"{n}" for n in kinds],
            strings_can_be_null=False,
        ),
    )


def _none_of(names: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], pa.string()) for _ in names], names)


def _gathered(
    blocks: Iterable[pa.RecordBatch],
    n_read: int,
    n_rows: int,
    swallowed: Callable[[Any], dict[int, str]],
    is_open: Callable[[pa.RecordBatch], bool],
) -> Iterator[tuple[pa.RecordBatch, dict[int, str]]]:
    """Put blocks together while they have no more rows; the first ``n_read`` columns are kept.

    Parsing is quickest in blocks that stay in a core's cache; what comes after it costs something
    for each batch and bucket. The other columns go with their block.
    """
    some: list[pa.RecordBatch] = []
    found: dict[int, str] = {}
    n_some = n_bytes = 0
    for block in blocks:
        read = block.select(list(range(n_read)))
        if some and (n_some + read.num_rows > n_rows or n_bytes + read.nbytes > _MOST_TOGETHER):
            yield pa.concat_batches(some), found
            some, found, n_some, n_bytes = [], {}, 0, 0
        for column in block.columns[n_read:]:
            found |= {n_some + row: said for row, said in swallowed(column).items()}
        some.append(read)
        n_some += read.num_rows
        n_bytes += read.nbytes
    if some:
        if is_open(block):
            values = [column[-1].as_py() for column in block.columns]
            found[n_some - 1] = f"the file ends within a quote: {values}"
        yield pa.concat_batches(some), found


def _is_open_at_end(
    file: SourceFile, part: SourcePart, last: int | None, block: pa.RecordBatch
) -> bool:
    """Return whether a quote is open where a file ends, which was cut there: half a value is none.

    ``block`` are its last rows, ``last`` the place of its last column among theirs; None where it
    has no quotes, or its end cannot be looked at. A compressed file that was cut is refused.
    """
    if last is None or not block.num_rows:
        return False
    value = block.column(last)[-1].as_py()
    text = value.encode(part.encoding) if isinstance(value, str) else value
    written = f'{part.separator}"'.encode() + text.replace(b'"', b'""')
    with file.path.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(0, size - len(written)))
        return stream.read() == written


def sample_of(file: SourceFile) -> bytes:
    """Return the first bytes of a file, as they are without compression; OSError as it comes."""
    with pa.input_stream(str(file.path), compression="detect") as stream:
        return bytes(stream.read(SAMPLE_BYTES))


def _may_be_quoted(file: SourceFile, part: SourcePart) -> bool:
    """Return whether there may be quotes in a file: a look at its bytes until there is one."""
    if not _is_of_one_byte(part.encoding):
        return True
    with pa.input_stream(str(file.path), compression="detect") as stream:
        if isinstance(stream, pa.CompressedInputStream):
            return True
        while block := stream.read(MOST_BYTES):
            if b'"' in block:
                return True
    return False


def _is_of_one_byte(encoding: str) -> bool:
    name = codecs.lookup(encoding).name
    return name in _OF_ONE_BYTE or name.startswith(("cp125", "iso8859"))


def _arrow_encoding(encoding: str) -> str:
    """Spell UTF-8 as Arrow does: any other spelling costs a pass over the text."""
    return "utf8" if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig") else encoding


def _block_size(sample: bytes, batch_rows: int) -> int:
    per_row = len(sample) / max(1, sample.count(b"\n"))
    return int(min(MOST_BYTES, max(_LEAST_BLOCK, per_row * batch_rows)))
