"""The steps of a config's ``prepare``, run batch by batch; :mod:`.compile` makes and checks them.

A step is ``{ op = ..., column = ..., into = ..., <settings> }``. ``into`` may be a new column or
one that is there; later steps, and the mapping of columns, see it.
"""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import ConfigError, QfbError
from qfb_gpu.prepare.columns import from_days, plain, read_days, to_arrow
from qfb_gpu.prepare.periods import read_times
from qfb_gpu.prepare.tables import Counted, Made, View, assemble_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qfb_gpu.prepare.operations import Operation


@dataclass(frozen=True, slots=True)
class Step:
    """One step, ready to run.

    Attributes
    ----------
    where : str
        Its place in the config, for messages.
    label : str
        What counts call it: ``1 strip_chars (memo)``.
    operation : Operation
    columns : dict of argument to column
    lists : dict of argument to columns
    settings : dict
        Of the operation's function.
    into : tuple of str
    other : View or None
        The table in the file that the step names.
    table : str
        The path of that file.
    reads : tuple of str
        Further columns that settings name.
    """

    where: str
    label: str
    operation: Operation
    columns: dict[str, str]
    lists: dict[str, tuple[str, ...]]
    settings: dict[str, Any]
    into: tuple[str, ...]
    other: View | None = None
    table: str = ""
    reads: tuple[str, ...] = ()

    @property
    def inputs(self) -> list[str]:
        """The columns it reads."""
        lists = (name for names in self.lists.values() for name in names)
        return [*self.columns.values(), *lists, *self.reads]


class Prepared(NamedTuple):
    """Rows after a recipe.

    Attributes
    ----------
    rows : pyarrow.RecordBatch
    counts : Counter
    origin : int64 array or None
        The row of the batch each row comes from; None where rows stayed as they were.
    """

    rows: pa.RecordBatch
    counts: Counter[str]
    origin: Any = None


class Explained(NamedTuple):
    """What one step did to some rows: see :meth:`Recipe.trace`."""

    step: Step
    rows_before: int
    rows_after: int
    counts: Counter[str]
    columns: dict[str, pa.Array]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The steps for the files of one layout.

    Attributes
    ----------
    headers : tuple of str
        The file's columns.
    steps : tuple of Step
    """

    headers: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def names(self) -> list[str]:
        """The columns there are after the last step; a header that is there twice stays twice."""
        made = dict.fromkeys(n for step in self.steps for n in step.into)
        return [*self.headers, *(name for name in made if name not in self.headers)]

    @property
    def is_whole(self) -> bool:
        """Whether a step has to see all rows of a file at once."""
        return any(step.operation.whole(step.settings) for step in self.steps)

    @property
    def multiplies(self) -> bool:
        """Whether a row of a file may become several."""
        return any(step.operation.multiplies(step.settings) for step in self.steps)

    def to_read(self, wanted: list[str]) -> list[str]:
        """Return the file's columns that ``wanted`` and the steps need, each once."""
        needed = [*wanted, *(name for step in self.steps for name in step.inputs)]
        return [name for name in dict.fromkeys(needed) if name in self.headers]

    def apply(self, rows: pa.RecordBatch) -> Prepared:
        """Run every step on some rows.

        Parameters
        ----------
        rows : pyarrow.RecordBatch
            The columns of ``to_read``.

        Returns
        -------
        Prepared
            With the columns that were made, and counts: ``prepare: <label> changed``: rows that
            differ from what ``into`` held before; where it is new, from the step's first column,
            or rows that got a value where those two are of different kinds. ``prepare: <label>
            no date``, ``... no time``: texts read as null. And what the operation counts itself.

        Raises
        ------
        QfbError
            A step refuses a setting or a value; the message says which step.
        """
        if not self.steps:
            return Prepared(rows, Counter())
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        counts: Counter[str] = Counter()
        origin: Any = None
        for step in self.steps:
            columns, from_row, counted = run_step(step, columns)
            counts.update({f"prepare: {step.label} {what}": n for what, n in counted.items()})
            if from_row is not None:
                origin = from_row if origin is None else origin[from_row]
        made = pa.RecordBatch.from_pydict(columns, metadata=rows.schema.metadata)
        return Prepared(made, counts, origin)

    def trace(self, rows: pa.RecordBatch) -> Iterator[Explained]:
        """Run every step on some rows and say what each did."""
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        for step in self.steps:
            before = _n_rows(columns)
            columns, _, counted = run_step(step, columns)
            yield Explained(step, before, _n_rows(columns), counted, columns)


def run_step(
    step: Step, columns: dict[str, pa.Array]
) -> tuple[dict[str, pa.Array], Any, Counter[str]]:
    """Run one step; return all columns, which row each row comes from, and counts by name."""
    counts: Counter[str] = Counter()
    try:
        made = _made(step, columns, counts)
    except QfbError as error:
        msg = f"{step.where}: {error}"
        raise type(error)(msg) from error
    if not step.operation.on_table:
        before = columns.get(step.into[0], columns[step.inputs[0]])
        counts["changed"] = n_changed(before, made.columns[step.into[0]])
    counts.update(made.counts)
    if made.origin is not None:
        n_before = _n_rows(columns)
        n_left = n_before - len(np.unique(made.origin))
        counts["rows left out"] = n_left
        counts["rows added"] = len(made.origin) - (n_before - n_left)
    return assemble_columns(columns, made), made.origin, counts


def _made(step: Step, columns: dict[str, pa.Array], counts: Counter[str]) -> Made:
    given = {key: _read(step, key, columns[name], counts) for key, name in step.columns.items()}
    if step.operation.on_table:
        dates = {name: given[key] for key, name in step.columns.items()}
        views = [View({**columns, **dates}, step.operation.run.__name__)]
        views += [step.other] if step.other is not None else []
        names = {step.operation.columns[key]: name for key, name in step.columns.items()}
        return inspect.unwrap(step.operation.run)(*views, **step.settings, **names)
    arguments: dict[str, Any] = {step.operation.columns[key]: c for key, c in given.items()}
    for key, listed in step.lists.items():
        arguments[step.operation.lists[key]] = [columns[name] for name in listed]
    found = step.operation.run(**{**step.settings, **arguments})
    if isinstance(found, Counted):
        counts.update(found.counts)
        found = found.result
    several = list(found) if step.operation.several else [found]
    if len(several) != len(step.into):
        msg = f"it makes {len(several)} columns, into names {len(step.into)}; name each"
        raise ConfigError(msg)
    return Made(dict(zip(step.into, several, strict=True)))


def _read(step: Step, key: str, column: pa.Array, counts: Counter[str]) -> pa.Array:
    """Return a column that a step reads; dates and times of texts as such, the others null."""
    if key in step.operation.times and pa.types.is_string(plain(column).type):
        times, unreadable = read_times(plain(column))
        counts["no time"] += int(unreadable.sum())
        return times
    if key not in step.operation.dates or pa.types.is_temporal(column.type):
        return column
    days, unreadable = read_days(column)
    counts["no date"] += int(unreadable.sum())
    return from_days(days)


def _n_rows(columns: dict[str, pa.Array]) -> int:
    return len(next(iter(columns.values()), ()))


def n_changed(before: pa.Array, after: pa.Array) -> int:
    """Return how many rows differ; of different kinds: how many rows ``after`` has a value in."""
    one, other = (plain(to_arrow(column)) for column in (before, after))
    if one.type != other.type:
        return len(other) - int(other.null_count)
    same = pc.equal(one, other).fill_null(False)  # noqa: FBT003
    both_null = pc.and_(one.is_null(), other.is_null())
    return len(one) - int(np.count_nonzero(np.asarray(pc.or_(same, both_null))))
