"""The steps of a config's ``prepare``: checked against a file's columns, then run batch by batch.

A step is ``{ op = ..., column = ..., into = ..., <settings> }``. ``into`` may be a new column or
one that is there; later steps, and the mapping of columns, see it.
"""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from qfb_gpu.errors import ConfigError, QfbError
from qfb_gpu.prepare.columns import from_days, read_days, to_arrow
from qfb_gpu.prepare.operations import OPERATIONS, Operation, settings_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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
    """

    where: str
    label: str
    operation: Operation
    columns: dict[str, str]
    lists: dict[str, tuple[str, ...]]
    settings: dict[str, Any]
    into: tuple[str, ...]

    @property
    def inputs(self) -> list[str]:
        """The columns it reads."""
        return [*self.columns.values(), *(name for names in self.lists.values() for name in names)]


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
        """The columns there are after the last step."""
        return list(dict.fromkeys([*self.headers, *(n for step in self.steps for n in step.into)]))

    def to_read(self, wanted: list[str]) -> list[str]:
        """Return the file's columns that ``wanted`` and the steps need, each once."""
        needed = [*wanted, *(name for step in self.steps for name in step.inputs)]
        return [name for name in dict.fromkeys(needed) if name in self.headers]

    def apply(self, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, Counter[str]]:
        """Run every step on some rows.

        Parameters
        ----------
        rows : pyarrow.RecordBatch
            The columns of ``to_read``.

        Returns
        -------
        rows : pyarrow.RecordBatch
            With the columns that were made.
        counts : Counter
            ``prepare: <label> changed``: rows that differ from what ``into`` held before; where
            it is new, from the step's first column, or rows that got a value where those two
            are of different kinds. ``prepare: <label> no date``: texts read as null.

        Raises
        ------
        QfbError
            A step refuses a setting or a value; the message says which step.
        """
        if not self.steps:
            return rows, Counter()
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        counts: Counter[str] = Counter()
        for step in self.steps:
            made = _run(step, columns, counts)
            before = columns.get(step.into[0], columns[step.inputs[0]])
            counts[f"prepare: {step.label} changed"] += n_changed(before, made[0])
            columns.update(zip(step.into, made, strict=True))
        return pa.RecordBatch.from_pydict(columns), counts


def compile_recipe(
    steps: list[dict[str, Any]],
    headers: list[str],
    where: str,
    fold: Callable[[str], str] = str,
) -> Recipe:
    """Check steps against the columns there are.

    Parameters
    ----------
    steps : list of dict
        As the config has them.
    headers : list of str
        The file's columns.
    where : str
        Names the part of the config, e.g. ``sources.transactions``.
    fold : callable
        How column names are compared.

    Raises
    ------
    ConfigError
        Unknown operation, argument or column, a missing or wrong setting; lists what there is.
    """
    by_fold: dict[str, str] = {}
    for name in headers:
        by_fold.setdefault(fold(name), name)
    done = []
    for number, step in enumerate(steps):
        checked = _step(step, number, by_fold, f"{where}.prepare[{number}]", fold)
        done.append(checked)
        by_fold.update({fold(name): name for name in checked.into})
    recipe = Recipe(tuple(headers), tuple(done))
    names = recipe.to_read([])
    recipe.apply(pa.RecordBatch.from_arrays([pa.array([], pa.string())] * len(names), names))
    return recipe


def _step(
    step: Mapping[str, Any],
    number: int,
    by_fold: dict[str, str],
    where: str,
    fold: Callable[[str], str],
) -> Step:
    op = step.get("op")
    if op not in OPERATIONS:
        near = difflib.get_close_matches(str(op), OPERATIONS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        msg = f"{where}: no operation is called {op!r}; {hint}there are {', '.join(OPERATIONS)}"
        raise ConfigError(msg)
    operation = OPERATIONS[op]
    where = f"{where} ({op})"
    _check_arguments(step, operation, where)

    def find(name: Any) -> str:
        if not isinstance(name, str) or fold(name) not in by_fold:
            near = difflib.get_close_matches(str(name), by_fold.values(), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            there = ", ".join(repr(column) for column in list(by_fold.values())[:30])
            msg = f"{where}: no column {name!r}; it has {there}{hint}"
            raise ConfigError(msg)
        return by_fold[fold(name)]

    columns = {key: find(step[key]) for key in operation.columns if key in step}
    lists = {
        key: tuple(find(name) for name in _names(step[key], key, where))
        for key in operation.lists if key in step
    }  # fmt: skip
    names = _names(step["into"], "into", where) if operation.several else [step["into"]]
    if not all(isinstance(name, str) and name.strip() for name in names):
        msg = f"{where}: into is the name of a column to make, not {step['into']!r}"
        raise ConfigError(msg)
    into = tuple(by_fold.get(fold(name), name) for name in names)
    label = f"{number + 1} {op} ({', '.join(into)})"
    return Step(where, label, operation, columns, lists, _settings(step, operation, where), into)


def _names(given: Any, key: str, where: str) -> list[Any]:
    if not isinstance(given, list) or not given:
        msg = f"{where}: {key} is a list of columns such as ['a', 'b'], not {given!r}"
        raise ConfigError(msg)
    return given


def _check_arguments(step: Mapping[str, Any], operation: Operation, where: str) -> None:
    known = operation.arguments
    for key in step:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            msg = f"{where}: no argument is called {key!r}; {hint}there are {', '.join(known)}"
            raise ConfigError(msg)
    fields = settings_model(operation.run).model_fields
    needed = {"into", *operation.columns, *operation.lists} - operation.optional
    needed |= {name for name, given in fields.items() if given.is_required()}
    missing = [key for key in known if key in needed and key not in step]
    if missing:
        msg = f"{where}: argument {missing[0]!r} is missing; it takes {', '.join(known)}"
        raise ConfigError(msg)


def _settings(step: Mapping[str, Any], operation: Operation, where: str) -> dict[str, Any]:
    model = settings_model(operation.run)
    given = {key: value for key, value in step.items() if key in model.model_fields}
    try:
        checked = model(**given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        msg = f"{where}: {key}: {first['msg']} (got {first['input']!r:.80})"
        raise ConfigError(msg) from error
    return {key: getattr(checked, key) for key in given}


def _run(step: Step, columns: dict[str, pa.Array], counts: Counter[str]) -> list[pa.Array]:
    given: dict[str, Any] = {}
    for key, name in step.columns.items():
        parameter, column = step.operation.columns[key], columns[name]
        if key in step.operation.dates and not pa.types.is_temporal(column.type):
            days, unreadable = read_days(column)
            counts[f"prepare: {step.label} no date"] += int(unreadable.sum())
            column = from_days(days)
        given[parameter] = column
    for key, names in step.lists.items():
        given[step.operation.lists[key]] = [columns[name] for name in names]
    try:
        made = step.operation.run(**{**step.settings, **given})
    except QfbError as error:
        msg = f"{step.where}: {error}"
        raise type(error)(msg) from error
    if not step.operation.several:
        return [made]
    if len(made) != len(step.into):
        msg = f"{step.where}: it makes {len(made)} columns, into names {len(step.into)}; name each"
        raise ConfigError(msg)
    return list(made)


def n_changed(before: pa.Array, after: pa.Array) -> int:
    """Return how many rows differ; of different kinds: how many rows ``after`` has a value in."""
    one, other = (to_arrow(column) for column in (before, after))
    if pa.types.is_dictionary(one.type):
        one = one.cast(one.type.value_type)
    if pa.types.is_dictionary(other.type):
        other = other.cast(other.type.value_type)
    if one.type != other.type:
        return len(other) - int(other.null_count)
    same = pc.equal(one, other).fill_null(False)  # noqa: FBT003
    both_null = pc.and_(one.is_null(), other.is_null())
    return len(one) - int(np.count_nonzero(np.asarray(pc.or_(same, both_null))))
