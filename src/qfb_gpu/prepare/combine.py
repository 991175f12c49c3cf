"""Columns together, and columns from one: joining, splitting, values in several columns."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.prepare.columns import as_text, coded_text, like

_NULL_RULES = ("null", "skip", "replace")
_DUPLICATE_RULES = ("first_in_others", "all_equal")


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
    coded = coded_text(values)
    parts = [text.split(separator, n - 1) for text in coded.dictionary.to_pylist()]
    made = [[part[place] if place < len(part) else None for part in parts] for place in range(n)]
    return [like(pa.array(column, pa.string()).take(coded.indices), values) for column in made]


def duplicates(columns: list[Any], *, rule: str) -> Any:
    """Return 1 where columns share a value, else 0.

    Parameters
    ----------
    columns : list of columns
        Two or more; compared as texts.
    rule : {"first_in_others", "all_equal"}
        The row's value of the first column is somewhere in another, in any row; or all columns
        of the row hold one value. No recipe step: a recipe sees a batch, not the column.

    Returns
    -------
    column of int8
        Null where the first column is; with ``"all_equal"`` where any is.

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
    first = texts[0]
    if rule == "all_equal":
        same = [pc.equal(first, other) for other in texts[1:]]
        hit = same[0]
        for other in same[1:]:
            hit = pc.and_(hit, other)
        return like(hit.cast(pa.int8()), columns[0])
    found = [pc.is_in(first, pc.drop_null(other.unique())) for other in texts[1:]]
    hit = pc.if_else(first.is_null(), pa.scalar(None, pa.bool_()), found[0])
    for other in found[1:]:
        hit = pc.or_(hit, other)
    return like(hit.cast(pa.int8()), columns[0])


def _texts(columns: list[Any], op: str, at_least: int = 1) -> list[pa.Array]:
    texts = [as_text(column) for column in columns]
    if len(texts) < at_least or len({len(text) for text in texts}) != 1:
        lengths = [len(text) for text in texts]
        msg = f"{op}: expected {at_least} or more columns of one length, got lengths {lengths}"
        raise InputError(msg)
    return texts
