"""The distinct texts of a group, joined in a stated order."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.counted import counted
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.prepare.aligned import refuse_shifted
from qfb_gpu.prepare.columns import (
    as_text,
    is_plain,
    like,
    plain,
    table_like,
    to_arrow,
    without_empty,
)
from qfb_gpu.prepare.tables import Counted, View

Order = Literal["text", "first", "last", "count"]
_ORDERS = ("text", "first", "last", "count")


class _How(NamedTuple):
    """How texts are joined: the settings of :func:`group_texts`."""

    order: str
    separator: str
    max_length: int | None
    more: str


class _Joined(NamedTuple):
    """Per group: the text, how many distinct texts there are, and how many of them it holds."""

    text: pa.Array
    n_texts: Any
    n_kept: Any


def group_texts(
    values: Any,
    by: list[Any],
    order_by: Any = None,
    *,
    order: Order = "text",
    separator: str = "、",
    max_length: int | None = None,
    more: str = "…",
) -> Any:
    """Return, for each row, the distinct texts of its group, joined.

    Parameters
    ----------
    values : column of texts
        Empty ones count as none.
    by : list of columns
        Rows with equal values of all are a group; a null is a value of its own.
    order_by : column, optional
        What ``"first"`` and ``"last"`` go by, such as a date; a null comes last.
    order : {"text", "first", "last", "count"}
        By the text itself (its bytes); by the least, or greatest, ``order_by`` a text has; or
        the most frequent first. Ties go by the text, so the order of rows never matters.
    separator : str
    max_length : int, optional
        Most characters of the joined text, without ``more``: whole texts are left out from
        the first that does not fit, and ``more`` says so.
    more : str

    Returns
    -------
    column of str
        Null for a group without a text.

    Raises
    ------
    ConfigError
        Unknown ``order``, an ``order_by`` too many or too few, ``max_length`` less than 1.
    InputError
        Columns of different lengths, or none in ``by``.
    """
    refuse_shifted("group_texts", values, *by, order_by)
    group, n_groups, _ = _groups([to_arrow(column) for column in by], len(to_arrow(values)))
    rank = None if order_by is None else to_arrow(order_by)
    how = _How(order, separator, max_length, more)
    joined = _join(as_text(values), group, n_groups, rank, how)
    return like(joined.text.take(pa.array(group)), values)


def join_texts(  # noqa: PLR0913  four of them are words
    table: Any,
    *,
    by: list[str],
    column: str,
    order: Order = "text",
    order_by: str | None = None,
    separator: str = "、",
    max_length: int | None = None,
    more: str = "…",
) -> Counted:
    """Return a row per group with its distinct texts joined; settings as :func:`group_texts`.

    Parameters
    ----------
    table : table
    by : list of str
        Columns of the group.
    column : str
        Of texts.
    order, order_by, separator, max_length, more
        See :func:`group_texts`; ``order_by`` names a column.

    Returns
    -------
    Counted
        A table with the columns of ``by``, ``column`` and ``n_texts`` (int32), sorted by ``by``;
        counts ``groups``, ``shortened`` and ``texts left out``.

    Raises
    ------
    ConfigError, InputError
        As :func:`group_texts`; a column is missing, or two of the answer have one name.
    """
    view = View(table, "join_texts")
    if len({*by, column, "n_texts"}) != len(by) + 2:
        msg = (
            f"join_texts: by, column and n_texts are columns of one table, got {by} and "
            f"{column!r}; name each once, and rename what is called n_texts"
        )
        raise ConfigError(msg)
    keys = [_comparable(view.column(name)) for name in by]  # Arrow sorts no codes
    group, n_groups, first = _groups(keys, view.n_rows)
    rank = None if order_by is None else view.column(order_by)
    how = _How(order, separator, max_length, more)
    joined = _join(as_text(view.column(column)), group, n_groups, rank, how)
    made = {name: key.take(pa.array(first)) for name, key in zip(by, keys, strict=True)}
    made |= {column: joined.text, "n_texts": pa.array(joined.n_texts.astype(np.int32))}
    left = joined.n_texts - joined.n_kept
    counts = {
        "groups": n_groups,
        "shortened": int((left > 0).sum()),
        "texts left out": int(left.sum()),
    }
    rows = pa.table(made)
    rows = rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in by]))
    return Counted(table_like(rows, table), counts)


def _groups(by: list[pa.Array], n_rows: int) -> tuple[Any, int, Any]:
    """Return each row's group, how many there are, and the first row of each."""
    if not by or any(len(column) != n_rows for column in by):
        lengths = [len(column) for column in by]
        msg = f"group_texts: by is columns as long as the texts ({n_rows}), got lengths {lengths}"
        raise InputError(msg)
    group = np.zeros(n_rows, np.int64)
    for column in by:
        coded = _comparable(column).dictionary_encode()
        n_codes = len(coded.dictionary)  # a null is a value of its own
        code = np.asarray(coded.indices.cast(pa.int64()).fill_null(n_codes))
        group = np.unique(group * (n_codes + 1) + code, return_inverse=True)[1]
    _, first = np.unique(group, return_index=True)
    return group, len(first), first


def _comparable(values: pa.Array) -> pa.Array:
    """Return a column whose equal values are equal bits: no codes, no 0 below 0."""
    values = plain(values)
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.equal(values, 0), pa.scalar(0, values.type), values)
    return values if is_plain(values.type) else as_text(values)


def _join(
    texts: pa.Array,
    group: Any,
    n_groups: int,
    rank: pa.Array | None,
    how: _How,
) -> _Joined:
    _check(how.order, rank, how.max_length, len(group))
    coded = without_empty(texts).dictionary_encode()
    by_text = np.asarray(pc.rank(coded.dictionary, tiebreaker="dense"), np.int64)  # unique texts
    codes = np.asarray(coded.indices.fill_null(-1), np.int64)
    rows = np.flatnonzero(codes >= 0)
    n_codes = max(len(coded.dictionary), 1)
    pair, of_pair, n_rows = np.unique(
        group[rows] * n_codes + codes[rows], return_inverse=True, return_counts=True
    )
    place = _place(how.order, rank, rows, of_pair, n_rows)
    owner, code = pair // n_codes, pair % n_codes
    sequence = np.lexsort((by_text[code], place, owner)) if len(pair) else np.zeros(0, np.int64)
    owner, code = owner[sequence], code[sequence]
    n_texts = np.bincount(owner, minlength=n_groups)
    kept = np.ones(len(code), bool)
    if how.max_length is not None:
        length = np.asarray(pc.utf8_length(coded.dictionary), np.int64)[code] + len(how.separator)
        total = np.cumsum(length)
        before = (total - length)[np.searchsorted(owner, owner)]
        kept = total - before - len(how.separator) <= how.max_length
    n_kept = np.bincount(owner[kept], minlength=n_groups)
    ends = np.concatenate([[0], np.cumsum(n_kept)]).astype(np.int32)
    words = coded.dictionary.take(pa.array(code[kept]))
    text = pc.binary_join(pa.ListArray.from_arrays(pa.array(ends), words), how.separator)
    cut = pa.array(n_kept < n_texts)
    text = pc.if_else(cut, pc.binary_join_element_wise(text, how.more, ""), text)
    text = pc.if_else(pa.array(n_texts > 0), text, pa.scalar(None, pa.string()))
    return _Joined(text, n_texts, n_kept)


def _check(order: str, rank: pa.Array | None, max_length: int | None, n_rows: int) -> None:
    if order not in _ORDERS:
        msg = f"group_texts: order is one of {', '.join(_ORDERS)}, not {order!r}"
        raise ConfigError(msg)
    if (rank is not None) != (order in ("first", "last")):
        msg = "group_texts: order 'first' and 'last' need order_by, others none"
        raise ConfigError(msg)
    if max_length is not None and max_length < 1:
        msg = f"group_texts: max_length is a number of characters, 1 or more, not {max_length}"
        raise ConfigError(msg)
    if rank is not None and len(rank) != n_rows:
        msg = f"group_texts: order_by has {counted(len(rank), 'row')}, the texts have {n_rows:,}"
        raise InputError(msg)


def _place(order: str, rank: pa.Array | None, rows: Any, of_pair: Any, n_rows: Any) -> Any:
    """Return what each pair of group and text is sorted by, before the text."""
    if order == "count":
        return -n_rows
    if rank is None:
        return np.zeros(len(n_rows), np.int64)
    sort = "ascending" if order == "first" else "descending"
    ranks = pc.rank(_orderly(rank), sort_keys=sort, tiebreaker="dense")  # nulls are last
    value = np.asarray(ranks, np.int64)[rows]
    best = np.full(len(n_rows), np.iinfo(np.int64).max)
    np.minimum.at(best, of_pair, value)
    return best


def _orderly(values: pa.Array) -> pa.Array:
    """Return a column as one that Arrow can order: no codes, a kind even where all are null."""
    values = plain(values)
    kind = values.type
    if pa.types.is_null(kind):
        return values.cast(pa.int64())
    if not is_plain(kind):
        msg = f"group_texts: order_by is a column of numbers, dates or texts, not of {kind}"
        raise InputError(msg)
    return values
