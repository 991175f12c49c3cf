"""Operations on tables: what they take and give, in any library.

An operation sees a :class:`View` and returns :class:`Made`: new columns, which row of the given
table each row comes from, and counts. Columns that it does not touch are never converted, so a
cuDF table stays on its device.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.prepare.columns import is_polars, like, to_arrow, to_batch, without_views

if TYPE_CHECKING:
    from collections.abc import Callable


class Counted(NamedTuple):
    """What an operation made and what it counted.

    Attributes
    ----------
    result : the kind of table or column that came in
    counts : dict of str to int
        In words, e.g. ``unmatched``.
    """

    result: Any
    counts: dict[str, int]


@dataclass(slots=True)
class Made:
    """What the body of an operation returns.

    Attributes
    ----------
    columns : dict of str to Arrow array
        New columns, or ones that replace those of the same name.
    origin : int64 array or None
        The row of the given table that each row comes from; None where rows stay as they are.
    counts : Counter
    """

    columns: dict[str, pa.Array]
    origin: Any = None
    counts: Counter[str] = field(default_factory=Counter)


class View:
    """A table of any library, read column by column as Arrow.

    Parameters
    ----------
    given : pandas or cuDF DataFrame, pyarrow.Table or RecordBatch, or dict of columns
    op, what : str
        For messages: the operation, and which of its tables this is.
    """

    def __init__(self, given: Any, op: str, what: str = "the table") -> None:
        self._given = given
        self._op, self._what = op, what
        if is_polars(given):
            msg = f"{op}: expected a pandas, cuDF or Arrow table; of Polars give table.to_arrow()"
            raise InputError(msg)
        if isinstance(given, pa.Table | pa.RecordBatch):
            own = list(given.schema.names)
        elif isinstance(given, dict) or hasattr(given, "columns"):
            own = list(given if isinstance(given, dict) else given.columns)
        else:
            msg = f"{op}: expected a pandas, cuDF or Arrow table, got {type(given).__name__}"
            raise InputError(msg)
        self.names = [str(name) for name in own]
        self._own = dict(zip(self.names, own, strict=True))  # pandas has names that are no texts

    def column(self, name: str) -> pa.Array:
        """Return one column; raise InputError with what there is where it is missing."""
        if name not in self.names:
            there = ", ".join(repr(other) for other in self.names[:30])
            msg = f"{self._op}: {self._what} has no column {name!r}; it has {there}"
            raise InputError(msg)
        if self.names.count(name) > 1:
            msg = f"{self._op}: several columns of {self._what} are called {name!r}; rename them"
            raise InputError(msg)
        if isinstance(self._given, pa.RecordBatch):
            return to_arrow(self._given.column(name))
        return to_arrow(self._given[self._own[name]])

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        if isinstance(self._given, pa.Table | pa.RecordBatch):
            return int(self._given.num_rows)
        if isinstance(self._given, dict):
            return len(next(iter(self._given.values()), ()))
        return len(self._given)


def on_tables(n_tables: int = 1) -> Callable[[Callable[..., Made]], Callable[..., Any]]:
    """Let a body over views take tables of any library and return :class:`Counted`.

    The body is kept as ``__wrapped__``: recipes call it on the columns of a batch.
    """

    def decorate(body: Callable[..., Made]) -> Callable[..., Any]:
        """Return the body as a function of tables."""

        @wraps(body)
        def run(*tables: Any, **settings: Any) -> Counted:
            """Run the body on views of the tables."""
            if len(tables) != n_tables:
                msg = f"{body.__name__}: expected {n_tables} tables first, got {len(tables)}"
                raise InputError(msg)
            for name, given in settings.items():
                if isinstance(given, str) and body.__annotations__.get(name, "").startswith("list"):
                    msg = f"{body.__name__}: {name} is a list such as ['a', 'b'], not {given!r}"
                    raise ConfigError(msg)
            whats = ("the table", "the other table")
            views = [
                View(table, body.__name__, what)
                for table, what in zip(tables, whats[:n_tables], strict=True)
            ]
            made = body(*views, **settings)
            return Counted(assemble(tables[0], made), dict(made.counts))

        return run

    return decorate


def one_of(op: str, name: str, given: Any, words: tuple[str, ...]) -> None:
    """Raise ConfigError where a setting is none of the words there are for it."""
    if given not in words:
        there = ", ".join(repr(word) for word in words)
        msg = f"{op}: {name} is one of {there}, not {given!r}"
        raise ConfigError(msg)


def assemble(given: Any, made: Made) -> Any:
    """Return the given table with what was made of it, in its own library."""
    if isinstance(given, pa.RecordBatch):
        return to_batch(assemble(pa.Table.from_batches([given]), made))
    if isinstance(given, pa.Table):
        table = given
        if made.origin is not None:
            table = without_views(given, pa.string()).take(pa.array(made.origin))
        for name, column in made.columns.items():
            place = table.schema.get_field_index(name)
            add = table.append_column if place < 0 else _setter(table, place)
            table = add(name, column)
        return table
    if isinstance(given, dict):
        return assemble_columns(given, made)
    frame = given.copy(deep=False) if made.origin is None else given.take(made.origin)
    own = {str(name): name for name in frame.columns}
    first = frame[frame.columns[0]]
    first = first if getattr(first, "ndim", 1) == 1 else first.iloc[:, 0]  # two have its name
    for name, column in made.columns.items():
        frame[own.get(name, name)] = like(column, first)
    return frame


def assemble_columns(columns: dict[str, pa.Array], made: Made) -> dict[str, pa.Array]:
    """Return Arrow columns by name with what was made of them."""
    if made.origin is not None:
        rows = pa.array(made.origin)
        kept = {name: c for name, c in columns.items() if name not in made.columns}
        columns = columns | {name: to_arrow(column).take(rows) for name, column in kept.items()}
    return columns | made.columns


def _setter(table: pa.Table, place: int) -> Callable[[str, pa.Array], pa.Table]:
    return lambda name, column: table.set_column(place, name, column)
