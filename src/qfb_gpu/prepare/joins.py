"""Two tables joined by a key: inner, left or outer, the number of matches declared."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa

from qfb_gpu.errors import ConfigError
from qfb_gpu.prepare.columns import table_like
from qfb_gpu.prepare.keys import match_keys
from qfb_gpu.prepare.lookups import Key, lookup
from qfb_gpu.prepare.rows import union_tables
from qfb_gpu.prepare.tables import Counted, View


def join_tables(
    table: Any,
    other: Any,
    *,
    on: list[Key],
    how: Literal["inner", "left", "outer"] = "left",
    cardinality: Literal["one", "many"] = "one",
    suffix: str = "_other",
) -> Counted:
    """Return the columns of both tables, their rows put together by a key.

    Parameters
    ----------
    table, other : tables
    on : list of str or (str, str)
        The key: names in both tables, or pairs of ours and theirs. A null matches nothing.
    how : {"inner", "left", "outer"}
        Rows with a match; all of ours; all of both, theirs without a match last.
    cardinality : {"one", "many"}
        How many rows of the other table a key may have.
    suffix : str
        What a column of theirs gets behind its name where ours has that name.

    Returns
    -------
    Counted
        The table; counts as :func:`lookup`, and ``only in the other``.

    Raises
    ------
    ConfigError
        Unknown ``how``, or a name that the suffix does not make new.
    InputError
        As :func:`lookup`.
    """
    if how not in ("inner", "left", "outer"):
        msg = f"join_tables: how is 'inner', 'left' or 'outer', not {how!r}; exchange the tables"
        raise ConfigError(msg)
    ours, theirs = View(table, "join_tables"), View(other, "join_tables", "the other table")
    pairs = [(key, key) if isinstance(key, str) else key for key in on]
    keys = {name for _, name in pairs}
    take = [name for name in theirs.names if name not in keys]
    renamed = {name: name + suffix if name in ours.names else name for name in take}
    borrowed = {} if take else {pairs[0][1]: pairs[0][1] + suffix}  # it is given back
    found = lookup(
        table, other, on=on, take=[*renamed, *borrowed], cardinality=cardinality,
        into=[*renamed.values(), *borrowed.values()],
        unmatched="drop" if how == "inner" else "null",
    )  # fmt: skip
    for name in borrowed.values():
        found = Counted(_without(found.result, name), found.counts)
    if how != "outer":
        return found
    rest = _only_theirs(ours, theirs, pairs, renamed)
    both = union_tables([found.result, table_like(rest, table)])
    return Counted(both.result, found.counts | {"only in the other": rest.num_rows})


def _only_theirs(
    ours: View, theirs: View, pairs: list[tuple[str, str]], renamed: dict[str, str]
) -> pa.Table:
    """Return the rows of the other table that no row of ours matches, in our names."""
    our_keys = [ours.column(name) for name, _ in pairs]
    codes, _, _ = match_keys([theirs.column(name) for _, name in pairs], our_keys)
    alone = pa.array(np.flatnonzero(codes < 0))
    names = renamed | {name: mine for mine, name in pairs}
    return pa.table({new: theirs.column(old).take(alone) for old, new in names.items()})


def _without(table: Any, name: str) -> Any:
    if isinstance(table, pa.Table | pa.RecordBatch):
        return table.drop_columns([name])
    if isinstance(table, dict):
        return {key: column for key, column in table.items() if key != name}
    return table.drop(columns=[name])
