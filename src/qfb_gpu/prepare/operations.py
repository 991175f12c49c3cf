"""What a recipe can ask for: each operation's function and which of its arguments are columns."""

from __future__ import annotations

import inspect
import typing
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, create_model

from qfb_gpu.prepare import combine, dates, parts, periods, text, workdays

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Operation:
    """A function that a recipe may name.

    Attributes
    ----------
    run : callable
        Columns first, then settings, which are keyword-only.
    columns : dict of argument to parameter of ``run``
        Arguments that name a column.
    lists : dict of argument to parameter of ``run``
        Arguments that name several columns.
    optional : set of str
        Arguments among both that may be left out.
    dates : set of str
        Arguments whose columns are dates.
    several : bool
        Whether ``into`` is a list of columns.
    """

    run: Callable[..., Any]
    columns: dict[str, str]
    lists: dict[str, str]
    optional: frozenset[str] = frozenset()
    dates: frozenset[str] = frozenset()
    several: bool = False

    @property
    def arguments(self) -> list[str]:
        """Every argument of a step, in order."""
        return ["op", *self.columns, *self.lists, "into", *settings_model(self.run).model_fields]


@lru_cache(maxsize=64)
def settings_model(run: Callable[..., Any]) -> type[BaseModel]:
    """Return what checks the keyword-only settings of a function, made from its signature."""
    hints = typing.get_type_hints(run, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints[name], ... if given.default is given.empty else given.default)
        for name, given in inspect.signature(run).parameters.items()
        if given.kind is given.KEYWORD_ONLY
    }
    strict = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    return create_model(run.__name__, __config__=strict, **fields)


def _one(run: Callable[..., Any], *, is_date: bool = False, several: bool = False) -> Operation:
    first = next(iter(inspect.signature(run).parameters))
    found = frozenset({"column"} if is_date else ())
    return Operation(run, {"column": first}, {}, dates=found, several=several)


OPERATIONS: dict[str, Operation] = {
    "working_days": Operation(
        workdays.working_days,
        {"start": "start", "end": "end", "calendar_column": "calendar"},
        {},
        optional=frozenset({"calendar_column"}),
        dates=frozenset({"start", "end"}),
    ),
    "month_end": _one(dates.month_end, is_date=True),
    "in_intervals": _one(dates.in_intervals, is_date=True),
    "pick_date": Operation(
        dates.pick_date,
        {"first": "first", "second": "second", "condition": "condition"},
        {},
        optional=frozenset({"condition"}),
        dates=frozenset({"first", "second"}),
    ),
    "clean_special": _one(text.clean_special),
    "strip_chars": _one(text.strip_chars),
    "count_text": _one(text.count_text),
    "contains": _one(text.contains),
    "first_label": _one(text.first_label),
    "left": _one(parts.left),
    "mid": _one(parts.mid),
    "right": _one(parts.right),
    "cut": _one(parts.cut),
    "between": _one(parts.between),
    "after": _one(parts.after),
    "join_columns": Operation(combine.join_columns, {}, {"columns": "columns"}),
    "split_columns": _one(combine.split_columns, several=True),
    "label_intervals": _one(periods.label_intervals, is_date=True),
    "label_hours": _one(periods.label_hours),
    "label_period": _one(periods.label_period, is_date=True),
    "label_445": _one(periods.label_445, is_date=True),
}
