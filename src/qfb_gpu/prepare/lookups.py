"""Lookups: columns of another table by key, or by key as of a date; values present in another."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.calendars import to_date
from qfb_gpu.counted import counted
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.prepare.columns import each_piece, like, plain, to_arrow, to_days
from qfb_gpu.prepare.keys import has_key, match_keys
from qfb_gpu.prepare.tables import Made, View, on_tables, one_of

Key = str | tuple[str, str]
"""A column of both tables, or ours and theirs."""
_SPAN = np.int64(2**32)


@on_tables(2)
def lookup(
    table: View,
    other: View,
    *,
    on: list[Key],
    take: list[str],
    into: list[str] | None = None,
    cardinality: Literal["one", "many"] = "one",
    unmatched: Literal["null", "drop", "refuse"] = "null",
) -> Made:
    """Return the table with columns of another, found by a key.

    Parameters
    ----------
    table, other : tables
    on : list of str or (str, str)
        The key: names in both tables, or pairs of ours and theirs. A null matches nothing.
    take : list of str
        Their columns.
    into : list of str, optional
        What they are called here; as there where not given.
    cardinality : {"one", "many"}
        How many rows of the other table a key may have. With ``"many"`` a row becomes as many
        rows as match, in the other table's order.
    unmatched : {"null", "drop", "refuse"}
        A row without a match has nulls (a left join), is left out (an inner join), or is an error.

    Returns
    -------
    Counted
        The table, and counts ``matched``, ``unmatched`` (rows with a key that is not there),
        ``without a key`` and, with ``"many"``, ``matched several``.

    Raises
    ------
    InputError
        A column is missing; a key has several rows where one was declared; a row is unmatched
        where that was refused.
    ConfigError
        ``into`` does not fit ``take``, or is there already; or a word is unknown.
    """
    names = _into(table, take, into, "lookup")
    one_of("lookup", "cardinality", cardinality, ("one", "many"))
    pairs = _pairs(on)
    ours = [table.column(name) for name, _ in pairs]
    theirs = [other.column(name) for _, name in pairs]
    our_codes, their_codes, n_codes = match_keys(ours, theirs)
    per_code = np.bincount(their_codes[their_codes >= 0], minlength=n_codes)
    if cardinality == "one" and (per_code > 1).any():
        raise InputError(_several(theirs, their_codes, per_code))
    counts = _counts(our_codes >= 0, has_key(ours), "lookup", unmatched, ours)
    if cardinality == "one":
        origin, place = None, _place_of_code(their_codes, n_codes)[our_codes]
        if unmatched == "drop":
            origin = np.flatnonzero(place >= 0)
            place = place[origin]
    else:
        origin, place, n_several = _expand(our_codes, their_codes, per_code, unmatched == "drop")
        counts["matched several"] = n_several
    return Made(_taken(other, take, names, place), origin, counts)


@on_tables(2)
def lookup_asof(  # noqa: PLR0913  the sides of a table and its key
    table: View,
    other: View,
    *,
    date: str,
    other_date: str,
    take: list[str],
    on: list[Key] | None = None,
    into: list[str] | None = None,
    within_days: int | None = None,
    unmatched: Literal["null", "drop", "refuse"] = "null",
) -> Made:
    """Return the table with what another one said last on or before each row's date.

    Parameters
    ----------
    table, other : tables
    date, other_date : str
        Our column of dates, and theirs: the day from which a row of theirs holds.
    take : list of str
        Their columns.
    on : list of str or (str, str), optional
        A key that must be equal, too.
    into : list of str, optional
        What the columns are called here.
    within_days : int, optional
        A row of theirs that is older counts for nothing.
    unmatched : {"null", "drop", "refuse"}

    Returns
    -------
    Counted
        The table, and counts ``matched``, ``unmatched`` and ``without a key`` (or date).

    Raises
    ------
    InputError
        A value is no date; the other table has two rows of one key and date; a column is missing.
    ConfigError
        ``into`` does not fit ``take``, ``unmatched`` is another word, or ``within_days`` negative.
    """
    names = _into(table, take, into, "lookup_asof")
    if within_days is not None and within_days < 0:
        msg = f"lookup_asof: within_days is 0 or more, not {within_days}"
        raise ConfigError(msg)
    pairs = _pairs(on) if on else []
    ours = [table.column(name) for name, _ in pairs]
    theirs = [other.column(name) for _, name in pairs]
    our_days = to_days(table.column(date), date).astype(np.int64)
    their_days = to_days(other.column(other_date), other_date).astype(np.int64)
    our_codes, their_codes = np.zeros_like(our_days), np.zeros_like(their_days)
    if pairs:
        our_codes, their_codes, _ = match_keys(ours, theirs)
    place = _holding(our_codes, our_days, their_codes, their_days, within_days)
    has = has_key(ours) & (our_days != NULL_DAY) if ours else our_days != NULL_DAY
    counts = _counts(place >= 0, has, "lookup_asof", unmatched, [*ours, table.column(date)])
    origin = np.flatnonzero(place >= 0) if unmatched == "drop" else None
    place = place if origin is None else place[origin]
    return Made(_taken(other, take, names, place), origin, counts)


def _holding(
    our_codes: Any, our_days: Any, their_codes: Any, their_days: Any, within_days: int | None
) -> Any:
    """Return their last row on or before each of our rows, of an equal code; -1 for none."""
    holds = np.flatnonzero((their_codes >= 0) & (their_days != NULL_DAY))
    if not holds.size:
        return np.full(len(our_codes), -1)
    stamps = their_codes[holds] * _SPAN + (their_days[holds] - NULL_DAY)
    order = np.argsort(stamps, kind="stable")
    holds, stamps = holds[order], stamps[order]
    _refuse_twins(stamps)
    wanted = our_codes * _SPAN + (our_days - NULL_DAY)
    found = np.empty(len(wanted), np.int64)

    def work(rows: slice) -> None:
        found[rows] = np.searchsorted(stamps, wanted[rows], side="right") - 1

    each_piece(work, len(wanted))
    at = np.maximum(found, 0)
    is_ours = (our_codes >= 0) & (our_days != NULL_DAY) & (found >= 0)
    is_ours &= stamps[at] // _SPAN == our_codes
    if within_days is not None:
        is_ours &= wanted - stamps[at] <= within_days
    return np.where(is_ours, holds[at], -1)


def present_in(values: Any, others: Any) -> Any:
    """Return 1 where a value is somewhere in another column, else 0.

    Parameters
    ----------
    values : column
    others : column
        Of any length; its nulls and empty texts count for nothing.

    Returns
    -------
    column of int8
        Null where the value is, or is an empty text.
    """
    ours = to_arrow(values)
    codes, _, _ = match_keys([ours], [to_arrow(others)])
    found = pa.array((codes >= 0).astype(np.int8), mask=~has_key([ours]))
    return like(found, values)


def _pairs(on: list[Key]) -> list[tuple[str, str]]:
    if not on:
        msg = "lookup: on is empty; name the columns of the key"
        raise ConfigError(msg)
    return [(key, key) if isinstance(key, str) else key for key in on]


def _into(table: View, take: list[str], into: list[str] | None, op: str) -> list[str]:
    names = take if into is None else into
    if not take or len(names) != len(take) or len(set(names)) != len(names):
        msg = f"{op}: into names each column of take once, got {names} for {take}"
        raise ConfigError(msg)
    there = [name for name in names if name in table.names]
    if there:
        msg = f"{op}: the table has a column {there[0]!r} already; give other names in into"
        raise ConfigError(msg)
    return names


def _several(theirs: list[pa.Array], codes: Any, per_code: Any) -> str:
    code = int(np.argmax(per_code > 1))
    row = int(np.argmax(codes == code))
    key = ", ".join(repr(column[row].as_py()) for column in theirs)
    return (
        f"lookup: several rows in the other table for {counted(int((per_code > 1).sum()), 'key')}, "
        f"the first is {key} with {int(per_code[code])}; make them one, or "
        "declare cardinality = 'many'"
    )


def _refuse_twins(stamps: Any) -> None:
    twins = np.flatnonzero(stamps[1:] == stamps[:-1])
    if twins.size:
        date = to_date(int(stamps[twins[0]] % _SPAN) + NULL_DAY)
        msg = (
            f"lookup_asof: the key and date of another row in {counted(twins.size, 'row')} of the "
            f"other table, the first at {date}; which one holds? Leave one of them"
        )
        raise InputError(msg)


def _counts(found: Any, has: Any, op: str, unmatched: str, ours: list[pa.Array]) -> Counter[str]:
    one_of(op, "unmatched", unmatched, ("null", "drop", "refuse"))
    lost = has & ~found
    if unmatched == "refuse" and not found.all():
        row = int(np.argmax(~found))
        key = ", ".join(repr(column[row].as_py()) for column in ours)
        msg = (
            f"{op}: no match for {counted(int((~found).sum()), 'row')}, the first has {key}; "
            "add it to the other table, or set unmatched = 'null'"
        )
        raise InputError(msg)
    return Counter(
        matched=int(found.sum()),
        unmatched=int(lost.sum()),
        **{"without a key": int((~has).sum())},
    )


def _place_of_code(their_codes: Any, n_codes: int) -> Any:
    """Return the row of each code, and -1 at the end: what code -1 finds."""
    place = np.full(n_codes + 1, -1, np.int64)
    there = their_codes >= 0
    place[their_codes[there]] = np.flatnonzero(there)
    return place


def _expand(our_codes: Any, their_codes: Any, per_code: Any, drop: bool) -> tuple[Any, Any, int]:  # noqa: FBT001
    there = np.flatnonzero(their_codes >= 0)
    order = there[np.argsort(their_codes[there], kind="stable")]
    first = np.concatenate([[0], np.cumsum(per_code)])[:-1]
    n_matches = np.append(per_code, 0)[our_codes]
    n_rows = n_matches if drop else np.maximum(n_matches, 1)
    origin = np.repeat(np.arange(len(our_codes)), n_rows)
    within = np.arange(len(origin)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
    is_match = n_matches[origin] > 0
    at = np.append(first, 0)[our_codes[origin]] + within
    place = np.where(is_match, np.append(order, -1)[np.where(is_match, at, -1)], -1)
    return origin, place, int((n_matches > 1).sum())


def _taken(other: View, take: list[str], names: list[str], place: Any) -> dict[str, pa.Array]:
    rows = pa.array(place, mask=place < 0)
    return {
        name: plain(other.column(column)).take(rows)
        for name, column in zip(names, take, strict=True)
    }


def present_in_table(table: View, other: View, *, column: str, key: str, into: str) -> Made:
    """Return 1 in ``into`` where a value is in a column of another table, else 0.

    Parameters
    ----------
    table, other : tables
    column : str
        Ours.
    key : str
        Theirs; its nulls count for nothing.
    into : str

    Returns
    -------
    Made
        Null where our value is, or is an empty text.

    Raises
    ------
    InputError
        A column is missing.
    """
    found = present_in(table.column(column), other.column(key))
    return Made({into: found}, counts=Counter({"present": pc.sum(found).as_py() or 0}))
