"""Columns together, and columns from one: joining, splitting, values in several columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.prepare.aligned import refuse_shifted
from qfb_gpu.prepare.columns import as_text, in_pieces, like, list_like

_NULL_RULES = ("null", "skip", "replace")
_DUPLICATE_RULES = ("first_in_others", "all_equal", "two_equal")


def join_columns(
    columns: list[Any], *, separator: str = "", nulls: str = "null", replacement: str = ""
) -> Any:
    """Return the texts of several columns joined row by row.

    Parameters
    ----------
    columns : list of columns
    separator : str
    nulls : {"null", "skip", "replace"}
        A null makes the row null; is left out with its separator; or becomes ``replacement``.
    replacement : str

    Returns
    -------
    column of str
        With ``"skip"`` null where every column is.

    Raises
    ------
    ConfigError
        Unknown ``nulls``.
    InputError
        No column, or columns of different lengths.
    """
    if nulls not in _NULL_RULES:
        msg = f"join_columns: nulls is one of {', '.join(_NULL_RULES)}, not {nulls!r}"
        raise ConfigError(msg)
    texts = _texts(columns, "join_columns")
    if nulls == "skip":
        return like(_join_skipping(texts, separator), columns[0])
    if nulls == "replace":
        texts = [text.fill_null(replacement) for text in texts]
    joined = pc.binary_join_element_wise(*texts, separator, null_handling="emit_null")
    return like(joined, columns[0])


def _join_skipping(texts: list[pa.Array], separator: str) -> pa.Array:
    """Join two by two: Arrow's own skipping loses all rows where none holds a character."""
    joined = texts[0]
    for other in texts[1:]:
        both = pc.binary_join_element_wise(joined, other, separator, null_handling="emit_null")
        joined = pc.coalesce(both, joined, other)
    return joined


def split_columns(values: Any, *, separator: str, n: int) -> list[Any]:
    """Return the parts of each text between separators, a column each.

    Parameters
    ----------
    values : column of texts
    separator : str
    n : int
        How many columns; the last holds the rest of the text, separators and all.

    Returns
    -------
    list of columns of str
        Null where the text is null or has fewer parts.

    Raises
    ------
    ConfigError
        ``separator`` is empty or ``n`` is less than 1.
    """
    if not separator or n < 1:
        msg = f"split_columns: separator is a text and n is 1 or more, not {separator!r} and {n}"
        raise ConfigError(msg)
    column = as_text(values)
    parts = in_pieces(lambda piece: pc.split_pattern(piece, separator, max_splits=n - 1), column)
    starts = np.asarray(parts.offsets, np.int64)
    ends, texts = starts[1:], parts.values
    made = []
    for place in range(n):
        at = starts[:-1] + place
        rows = pa.array(at, mask=(at >= ends) | np.asarray(column.is_null()))
        made.append(like(texts.take(rows), values))
    return made


def duplicates(columns: list[Any], *, rule: str) -> Any:
    """Return 1 where columns share a value, else 0.

    Parameters
    ----------
    columns : list of columns
        Two or more; compared as texts.
    rule : {"first_in_others", "all_equal", "two_equal"}
        The row's value of the first column is somewhere in another, in any row; all columns of
        the row hold one value; or at least two of them do.

    Returns
    -------
    column of int8
        Null where the first column is; with ``"all_equal"`` where any is; with ``"two_equal"``
        where fewer than two hold a value.

    Raises
    ------
    ConfigError
        Unknown rule.
    InputError
        Fewer than two columns, or columns of different lengths.
    """
    if rule not in _DUPLICATE_RULES:
        msg = f"duplicates: rule is one of {', '.join(_DUPLICATE_RULES)}, not {rule!r}"
        raise ConfigError(msg)
    texts = _texts(columns, "duplicates", at_least=2)
    hit = {"all_equal": _all_equal, "two_equal": _two_equal, "first_in_others": _in_others}[rule]
    return like(hit(texts).cast(pa.int8()), columns[0])


def shared_values(columns: list[Any], *, at_least: int = 2) -> Any:
    """Return the values that are in at least so many of several columns, each once, ascending.

    Parameters
    ----------
    columns : list of columns
        Of any lengths; compared as texts.
    at_least : int

    Returns
    -------
    column of str
        Without null.

    Raises
    ------
    ConfigError
        ``at_least`` is not from 1 to the number of columns.
    """
    if not 1 <= at_least <= len(columns):
        msg = f"shared_values: at_least is from 1 to {len(columns)} columns, not {at_least}"
        raise ConfigError(msg)
    texts = [as_text(column).unique().drop_null() for column in columns]
    counts = pa.chunked_array(texts, pa.string()).value_counts()
    enough = pc.greater_equal(counts.field("counts"), at_least)
    found = counts.field("values").filter(enough)
    found = found.take(pc.sort_indices(found))
    return list_like(found, columns[0])


def _all_equal(texts: list[pa.Array]) -> pa.Array:
    hit = pc.equal(texts[0], texts[1])
    for other in texts[2:]:
        hit = pc.and_(hit, pc.equal(texts[0], other))
    return hit


def _two_equal(texts: list[pa.Array]) -> pa.Array:
    hit = np.zeros(len(texts[0]), bool)
    for number, one in enumerate(texts):
        for other in texts[number + 1 :]:
            hit |= np.asarray(pc.equal(one, other).fill_null(False))  # noqa: FBT003
    n_values = np.sum([np.asarray(text.is_valid()) for text in texts], axis=0)
    return pa.array(hit, mask=n_values < 2)  # noqa: PLR2004


def _in_others(texts: list[pa.Array]) -> pa.Array:
    first = texts[0]
    others = pa.chunked_array(texts[1:]).unique().drop_null()
    hit = in_pieces(lambda piece: pc.is_in(piece, others), first)
    return pc.if_else(first.is_null(), pa.scalar(None, pa.bool_()), hit)


def _texts(columns: list[Any], op: str, at_least: int = 1) -> list[pa.Array]:
    refuse_shifted(op, *columns)
    texts = [as_text(column) for column in columns]
    if len(texts) < at_least or len({len(text) for text in texts}) != 1:
        lengths = [len(text) for text in texts]
        msg = f"{op}: expected {at_least} or more columns of one length, got lengths {lengths}"
        raise InputError(msg)
    return texts
