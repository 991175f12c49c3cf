"""Gold tables in pieces: figures are added up, so no table of payments is in memory as a whole.

What is made of a piece is small (counts, sums, the rows that are listed); it is kept in the order
of the pieces, so that rows that tie come in the order of the table.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from qfb_gpu.errors import InputError
from qfb_gpu.lake.threads import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Read = Callable[[str, list[str] | None], pa.Table]
    Part = Callable[[], pa.Table]

ABSENT = (KeyError, FileNotFoundError, InputError, pa.ArrowInvalid)
"""What says that a table or a column is not there."""


class Gold(Protocol):
    """The gold tables of a run: :class:`qfb_gpu.lake.gold.Reader` or what stands for it."""

    def __call__(self, name: str, columns: list[str] | None = None, /) -> pa.Table:
        """Return columns of a table."""

    def columns(self, name: str) -> list[str]:
        """Return the columns of a table."""

    def parts(self, name: str, columns: list[str]) -> list[Part]:
        """Return what reads each part of a table; a customer's rows are in one part."""

    def batches(self, name: str, columns: list[str]) -> Iterator[pa.Table]:
        """Yield a table's rows in order, some at a time."""


class _Whole:
    """Tables that are only to be had as a whole: each is one piece."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def __call__(self, name: str, columns: list[str] | None = None) -> pa.Table:
        return self._read(name, columns)

    def columns(self, name: str) -> list[str]:
        """Return the names of a table's columns."""
        return list(self._read(name, None).column_names)

    def parts(self, name: str, columns: list[str]) -> list[Part]:
        """Return what reads some columns, a piece each: one."""
        table = self._read(name, columns).select(columns)
        return [lambda: table]

    def batches(self, name: str, columns: list[str]) -> Iterator[pa.Table]:
        """Yield some columns, in one piece."""
        return iter([self._read(name, columns).select(columns)])


class Kept:
    """Reads a column of a whole table once, however many figures ask for it, from any thread.

    ``files`` returns the file of each part of a table; none where they are not files.
    """

    def __init__(self, read: Gold) -> None:
        self._read = read
        self._tables: dict[str, pa.Table] = {}
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)
        self.columns, self.parts, self.batches = read.columns, read.parts, read.batches
        self.files: Callable[[str], list[Path]] = getattr(read, "files", _no_files)

    def __call__(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """Return columns of a table."""
        if columns is None:
            return self._read(name, None)
        with self._locks[name]:
            return self._read_missing(name, columns)

    def _read_missing(self, name: str, columns: list[str]) -> pa.Table:
        there = self._tables[name].column_names if name in self._tables else []
        missing = [one for one in dict.fromkeys(columns) if one not in there]
        if missing:
            found = self._read(name, missing).select(missing)
            for one in there:
                found = found.append_column(one, self._tables[name].column(one))
            self._tables[name] = found
        return self._tables[name].select(columns)


def _no_files(_name: str) -> list[Path]:
    return []


def in_pieces(read: Read) -> Gold:
    """Return tables in pieces; of a plain function, which has none, each is one piece."""
    return read if hasattr(read, "parts") else _Whole(read)  # type: ignore[return-value]


def kept(read: Read) -> Kept:
    """Return ``read`` for one page: it reads a column of a whole table once."""
    return Kept(in_pieces(read))


def read_or_none(read: Read, table: str, columns: list[str]) -> pa.Table | None:
    """Return the columns of a gold table; None where the run has no such table or column.

    Raises
    ------
    Exception
        Whatever ``read`` raises but ``KeyError``, ``FileNotFoundError``, ``InputError`` and
        ``ArrowInvalid``, which say that the table or a column is not there.
    """
    try:
        return read(table, columns).select(columns)
    except ABSENT:
        return None


def of_parts(
    read: Read, table: str, columns: list[str], work: Callable[[pa.Table], Any]
) -> list[Any] | None:
    """Return what ``work`` makes of each part of a table, in their order; None as above.

    Raises
    ------
    Exception
        As :func:`read_or_none`; a part that is lost or broken raises whatever reading it does.
    """
    try:
        parts = in_pieces(read).parts(table, columns)
    except ABSENT:
        return None
    return side_by_side(*(partial(_read_and, work, part) for part in parts))


def _read_and(work: Callable[..., Any], *parts: Part) -> Any:
    return work(*(part() for part in parts))


def of_batches(read: Read, table: str, columns: list[str]) -> Iterator[pa.Table] | None:
    """Return a table's rows, some at a time, in order; None as :func:`read_or_none`."""
    try:
        return in_pieces(read).batches(table, columns)
    except ABSENT:
        return None


def columns_there(read: Read, table: str, wanted: list[str]) -> list[str]:
    """Return which of some columns a table has; none where there is no such table."""
    try:
        there = in_pieces(read).columns(table)
    except ABSENT:
        return []
    return [name for name in wanted if name in there]
