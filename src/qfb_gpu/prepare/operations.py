"""What a recipe can ask for: each operation's function and which of its arguments are columns."""

from __future__ import annotations

import inspect
import typing
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, create_model

from qfb_gpu.prepare import (
    combine,
    dates,
    groups,
    lookups,
    parts,
    patterns,
    periods,
    rows,
    shown,
    text,
    workdays,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Operation:
    """A function that a recipe may name.

    Attributes
    ----------
    run : callable
        Columns first, then settings, which are keyword-only. One of tables takes views of tables
        first, and its columns are named by settings.
    columns : dict of argument to parameter of ``run``
        Arguments that name a column.
    lists : dict of argument to parameter of ``run``
        Arguments that name several columns.
    optional : set of str
        Arguments among both that may be left out.
    dates : set of str
        Arguments whose columns are dates.
    times : set of str
        Arguments whose columns are timestamps.
    several : bool
        Whether ``into`` is a list of columns.
    on_table : bool
        Whether it works on the table, and may make other rows of it.
    theirs : set of str
        Arguments that name a column, or columns, of the table in the file ``table``.
    pairs : set of str
        Arguments that list columns of both tables: names, or [ours, theirs].
    whole : callable(settings) -> bool
        Whether it has to see all rows of a file at once.
    multiplies : callable(settings) -> bool
        Whether one row may become several.
    in_place : bool
        Whether it changes the column itself where ``into`` is left out.
    keeps_raw : bool
        Whether ``into`` must be another column than the one that is read.
    """

    run: Callable[..., Any]
    columns: dict[str, str]
    lists: dict[str, str]
    optional: frozenset[str] = frozenset()
    dates: frozenset[str] = frozenset()
    times: frozenset[str] = frozenset()
    several: bool = False
    on_table: bool = False
    theirs: frozenset[str] = frozenset()
    pairs: frozenset[str] = frozenset()
    whole: Callable[[dict[str, Any]], bool] = lambda _settings: False
    multiplies: Callable[[dict[str, Any]], bool] = lambda _settings: False
    in_place: bool = False
    keeps_raw: bool = False

    @property
    def arguments(self) -> list[str]:
        """Every argument of a step, in order."""
        first = ["op", "table"] if self.theirs else ["op"]
        settings = settings_model(self.run).model_fields
        return list(dict.fromkeys([*first, *self.columns, *self.lists, "into", *settings]))


@lru_cache(maxsize=64)
def settings_model(run: Callable[..., Any]) -> type[BaseModel]:
    """Return what checks the keyword-only settings of a function, made from its signature."""
    body = inspect.unwrap(run)
    hints = typing.get_type_hints(body, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints[name], ... if given.default is given.empty else given.default)
        for name, given in inspect.signature(body).parameters.items()
        if given.kind is given.KEYWORD_ONLY
    }
    strict = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    return create_model(run.__name__, __config__=strict, **fields)


def _one(run: Callable[..., Any], *, is_date: bool = False, **more: Any) -> Operation:
    first = next(iter(inspect.signature(run).parameters))
    found = frozenset({"column"} if is_date else ())
    return Operation(run, {"column": first}, {}, dates=found, **more)


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
    "clean_special": _one(text.clean_special, in_place=True),
    "strip_chars": _one(text.strip_chars, in_place=True),
    "show_zero": _one(shown.show_zero, keeps_raw=True),
    "count_text": _one(text.count_text),
    "contains": _one(text.contains),
    "first_label": _one(text.first_label),
    "match_pattern": _one(patterns.match_pattern),
    "extract_pattern": _one(patterns.extract_pattern),
    "replace_pattern": _one(patterns.replace_pattern, in_place=True),
    "left": _one(parts.left),
    "mid": _one(parts.mid),
    "right": _one(parts.right),
    "cut": _one(parts.cut, in_place=True),
    "between": _one(parts.between),
    "after": _one(parts.after),
    "join_columns": Operation(combine.join_columns, {}, {"columns": "columns"}),
    "split_columns": _one(combine.split_columns, several=True),
    "split_rows": Operation(
        rows.split_rows,
        {"column": "column"},
        {},
        on_table=True,
        in_place=True,
        multiplies=lambda _settings: True,
    ),
    "duplicates": Operation(
        combine.duplicates,
        {},
        {"columns": "columns"},
        whole=lambda settings: settings["rule"] == "first_in_others",
    ),
    "group_texts": Operation(
        groups.group_texts,
        {"column": "values", "order_by": "order_by"},
        {"by": "by"},
        optional=frozenset({"order_by"}),
        whole=lambda _settings: True,
    ),
    "lookup": Operation(
        lookups.lookup,
        {},
        {},
        on_table=True,
        theirs=frozenset({"take"}),
        pairs=frozenset({"on"}),
        multiplies=lambda settings: settings.get("cardinality") == "many",
    ),
    "lookup_asof": Operation(
        lookups.lookup_asof,
        {"date": "date"},
        {},
        dates=frozenset({"date"}),
        on_table=True,
        theirs=frozenset({"take", "other_date"}),
        pairs=frozenset({"on"}),
    ),
    "present_in": Operation(
        lookups.present_in_table,
        {"column": "column"},
        {},
        on_table=True,
        theirs=frozenset({"key"}),
    ),
    "label_intervals": _one(periods.label_intervals, is_date=True),
    "label_hours": _one(periods.label_hours, times=frozenset({"column"})),
    "label_period": _one(periods.label_period, is_date=True),
    "label_445": _one(periods.label_445, is_date=True),
}
NOT_A_STEP = {
    "union_tables": "files of one source follow each other anyway: name them in `path`, or give "
    "[[sources.NAME]] once for each layout; columns are aligned by the mapping",
    "join_texts": "it makes a row per group: use group_texts, which keeps the rows",
    "join_tables": "it is called lookup in a recipe; unmatched = 'drop' makes it an inner join",
}
"""Functions that a recipe cannot run, and what to do instead."""
