"""Check the steps of a config against the columns there are, and make a recipe of them."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pydantic import ValidationError

from qfb_gpu.errors import ConfigError
from qfb_gpu.prepare.operations import NOT_A_STEP, OPERATIONS, Operation, settings_model
from qfb_gpu.prepare.recipe import Recipe, Step
from qfb_gpu.prepare.tables import View

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def compile_recipe(
    steps: list[dict[str, Any]],
    headers: list[str],
    where: str,
    fold: Callable[[str], str] = str,
    load: Callable[[str], pa.Table] | None = None,
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
    load : callable(path) -> pyarrow.Table, optional
        Reads the file that a step's ``table`` names.

    Raises
    ------
    ConfigError
        Unknown operation, argument or column, a missing or wrong setting; lists what there is.
    InputError
        The file of a ``table`` cannot be read, or has several rows of a key that should have one.
    """
    names = _Names(fold, {})
    names.add(headers)
    names.twice = {name for name, n in Counter(map(fold, headers)).items() if n > 1}
    done = []
    for number, step in enumerate(steps):
        reader = _StepReader(step, f"{where}.prepare[{number}]", names, load)
        done.append(reader.step(number))
        names.add(done[-1].into)
    recipe = Recipe(tuple(headers), tuple(done))
    needed = recipe.to_read([])
    recipe.apply(pa.RecordBatch.from_arrays([pa.array([], pa.string())] * len(needed), needed))
    return recipe


@dataclass(slots=True)
class _Names:
    """Column names as they are compared."""

    fold: Callable[[str], str]
    by_fold: dict[str, str]
    twice: set[str] = field(default_factory=set)

    def add(self, names: list[str] | tuple[str, ...]) -> None:
        """Add names; of those that compare equal the first stays."""
        for name in names:
            self.by_fold.setdefault(self.fold(name), name)

    def get(self, name: str) -> str:
        """Return the name that is there, or the given one."""
        return self.by_fold.get(self.fold(name), name)

    def find(self, name: Any, where: str, what: str = "it") -> str:
        """Return the name that is there; a ConfigError names those that are."""
        if isinstance(name, str) and self.fold(name) in self.twice:
            msg = f"{where}: two columns are called {name!r}; rename one of them"
            raise ConfigError(msg)
        if isinstance(name, str) and self.fold(name) in self.by_fold:
            return self.by_fold[self.fold(name)]
        near = difflib.get_close_matches(str(name), self.by_fold.values(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        there = ", ".join(repr(column) for column in list(self.by_fold.values())[:30])
        msg = f"{where}: no column {name!r}; {what} has {there}{hint}"
        raise ConfigError(msg)


class _StepReader:
    """Reads one step."""

    def __init__(
        self,
        step: Mapping[str, Any],
        where: str,
        names: _Names,
        load: Callable[[str], pa.Table] | None,
    ) -> None:
        self._given = dict(step)
        self._op, self._operation = _operation(step, where)
        self._where = f"{where} ({self._op})"
        self._names = names
        _check_arguments(step, self._operation, self._where)
        self._other: View | None = None
        self._their_names = _Names(names.fold, {})
        if self._operation.theirs:
            self._other = self._load(load)
            self._their_names.add(self._other.names)

    def step(self, number: int) -> Step:
        """Return the step."""
        operation, given, where = self._operation, self._given, self._where
        columns = {k: self._names.find(given[k], where) for k in operation.columns if k in given}
        lists = {
            key: tuple(self._names.find(name, where) for name in _list(given[key], key, where))
            for key in operation.lists if key in given
        }  # fmt: skip
        reads = tuple(dict.fromkeys(self._resolve()))
        into = self._into(columns)
        if operation.keeps_raw and into[0] in columns.values():
            msg = f"{where}: into is {into[0]!r} itself; name another column: the raw value is kept"
            raise ConfigError(msg)
        settings = _settings(given, operation, where)
        label = f"{number + 1} {self._op} ({', '.join(into)})"
        return Step(
            where=where, label=label, operation=operation, columns=columns, lists=lists,
            settings=settings, into=into, other=self._other, reads=reads,
            table=given.get("table", ""),
        )  # fmt: skip

    def _load(self, load: Callable[[str], pa.Table] | None) -> View:
        path = self._given["table"]
        if load is None or not isinstance(path, str) or not path:
            msg = f"{self._where}: table is the path of a CSV or Parquet file, not {path!r}"
            raise ConfigError(msg)
        return View(load(path), self._op, path)

    def _resolve(self) -> list[str]:
        """Spell the columns in settings as the tables do; return ours."""
        ours: list[str] = []
        for key in self._operation.theirs & self._given.keys():
            value = self._given[key]
            found = [self._theirs(name) for name in (value if isinstance(value, list) else [value])]
            self._given[key] = found if isinstance(value, list) else found[0]
        for key in self._operation.pairs & self._given.keys():
            pairs = []
            for item in _list(self._given[key], key, self._where):
                one, other = item if isinstance(item, list) and len(item) == 2 else (item, item)  # noqa: PLR2004
                pairs.append((self._names.find(one, self._where), self._theirs(other)))
            self._given[key] = pairs
            ours += [one for one, _ in pairs]
        return ours

    def _theirs(self, name: Any) -> str:
        return self._their_names.find(name, self._where, str(self._given["table"]))

    def _into(self, columns: dict[str, str]) -> tuple[str, ...]:
        given, operation = self._given, self._operation
        default = given.get("take") or columns.get("column")
        into = given.get("into", None if _needs_into(operation) else default)
        is_list = operation.several or isinstance(default, list)
        names: list[Any] = _list(into, "into", self._where) if is_list else [into]
        if not all(isinstance(name, str) and name.strip() for name in names):
            msg = f"{self._where}: into is the name of a column to make, not {into!r}"
            raise ConfigError(msg)
        found = tuple(self._names.get(name) for name in names)
        there = [name for name in found if name in self._names.by_fold.values()]
        if "take" in given and there:
            msg = f"{self._where}: it has a column {there[0]!r} already; name others in into"
            raise ConfigError(msg)
        if operation.on_table:
            given["into"] = list(found) if is_list else found[0]
            if isinstance(given.get("place"), str):
                return (*found, given["place"])
        return found


def _operation(step: Mapping[str, Any], where: str) -> tuple[str, Operation]:
    op = step.get("op")
    if isinstance(op, str) and op in OPERATIONS:
        return op, OPERATIONS[op]
    if op in NOT_A_STEP:
        msg = f"{where}: {op} is no step of a recipe: {NOT_A_STEP[op]}"
        raise ConfigError(msg)
    near = difflib.get_close_matches(str(op), OPERATIONS, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    msg = f"{where}: no operation is called {op!r}; {hint}there are {', '.join(OPERATIONS)}"
    raise ConfigError(msg)


def _list(given: Any, key: str, where: str) -> list[Any]:
    if not isinstance(given, list) or not given:
        msg = f"{where}: {key} is a list of columns such as ['a', 'b'], not {given!r}"
        raise ConfigError(msg)
    return given


def _needs_into(operation: Operation) -> bool:
    """Return whether nothing says what a step makes where ``into`` is left out."""
    return not (operation.in_place or "take" in operation.theirs)


def _check_arguments(step: Mapping[str, Any], operation: Operation, where: str) -> None:
    known = operation.arguments
    for key in step:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            msg = f"{where}: no argument is called {key!r}; {hint}there are {', '.join(known)}"
            raise ConfigError(msg)
    fields = settings_model(operation.run).model_fields
    needed = {*operation.columns, *operation.lists} - operation.optional
    needed |= {name for name, given in fields.items() if given.is_required()}
    needed |= {"table"} if operation.theirs else set()
    needed |= {"into"} if _needs_into(operation) else set()
    missing = [key for key in known if key in needed and key not in step]
    if missing:
        msg = f"{where}: argument {missing[0]!r} is missing; it takes {', '.join(known)}"
        raise ConfigError(msg)


def _settings(step: Mapping[str, Any], operation: Operation, where: str) -> dict[str, Any]:
    model = settings_model(operation.run)
    named = {*operation.columns, *operation.lists}
    given = {k: v for k, v in step.items() if k in model.model_fields}
    try:
        checked = model(**given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        msg = f"{where}: {key}: {first['msg']} (got {first['input']!r:.80})"
        raise ConfigError(msg) from error
    return {key: getattr(checked, key) for key in given if key not in named}
