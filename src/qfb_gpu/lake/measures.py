"""What the rows of a source are like: nulls, currencies, first and last dates.

Taken of each bucket when it is written, so that a night asks no row again; put together for a
source they become measures of ``data_quality``.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import InputError

if TYPE_CHECKING:
    from qfb_gpu.schema import Table

EARLIEST_DAY = 0
"""1970-01-01: a date before it is out of range."""
LATEST_DAYS = 36525
"""A promised date more than a hundred years after the as-of date is out of range."""

_MOST_MONEY = 2.0**63
_NOT_PLAIN = r"[^\x00-\x{2FF}\x{4000}-\x{9FFF}]"
_MARKS, _HAN, _LAST_HAN = 0xCC, 0xE4, 0xE9
"""First bytes of U+0300, the first combining mark, of U+4000, and of U+9000 to U+9FFF."""


def profile(table: pa.Table, schema: Table) -> dict[str, Any]:
    """Return what the rows of one bucket of silver are like.

    Parameters
    ----------
    table : pyarrow.Table
        In the columns of silver.
    schema : Table

    Returns
    -------
    dict
        ``rows``; ``nulls`` by column; ``currencies`` by code; ``dates`` by column: first and
        last day (null where there is none) and rows before :data:`EARLIEST_DAY`;
        ``decomposed``: rows by column of ids whose id is not in Unicode's form NFC.

    Raises
    ------
    InputError
        See :func:`check_sum`.
    """
    check_sum(table)
    stored = {name: "amount_minor" if name == "amount" else name for name in schema.names}
    nulls = {name: table.column(at).null_count for name, at in stored.items()}
    dates = {c.name: _dates(table.column(c.name)) for c in schema.columns if c.kind == "date"}
    return {
        "rows": table.num_rows,
        "nulls": {name: n for name, n in nulls.items() if n},
        "currencies": _mix(table.column("currency")) if "currency" in schema.names else {},
        "dates": dates,
        "decomposed": {
            name: n
            for name in schema.names
            if name.endswith("_id") and (n := _n_decomposed(table.column(name)))
        },
    }


def _n_decomposed(ids: pa.ChunkedArray) -> int:
    """Return how many rows' id would be another text in NFC.

    An id that one system writes composed and another decomposed (macOS) is two ids. Of ASCII,
    Latin letters up to U+02FF and Chinese characters of U+4000 to U+9FFF nothing is ever composed.
    """
    n_rows = 0
    for chunk in ids.chunks:
        is_coded = pa.types.is_dictionary(chunk.type)
        texts = chunk.dictionary if is_coded else chunk
        data = texts.buffers()[2]
        if data is None or not _may_be_decomposed(np.frombuffer(data, np.uint8)):
            continue
        differs = np.zeros(len(texts), bool)
        looked = pc.match_substring_regex(texts, _NOT_PLAIN).fill_null(fill_value=False)
        rest = texts.filter(looked).to_pylist()
        differs[np.asarray(looked)] = [not unicodedata.is_normalized("NFC", one) for one in rest]
        rows = pc.take(pa.array(differs), chunk.indices) if is_coded else pa.array(differs)
        n_rows += pc.sum(rows).as_py() or 0
    return n_rows


def _may_be_decomposed(utf8: Any) -> bool:
    """Return whether any character begins with another byte than those that compose nothing."""
    if utf8.max(initial=0) < _MARKS:
        return False
    is_mark = (utf8 - np.uint8(_MARKS) < _HAN - _MARKS) | (utf8 > _LAST_HAN)
    return bool(is_mark.any())


def check_sum(table: pa.Table) -> None:
    """Refuse amounts whose sums would not fit in 64 bits: they would wrap around unseen.

    Raises
    ------
    InputError
        The absolute minor units of the rows sum to 2**63 or more; names the largest.
    """
    if "amount_minor" not in table.column_names or not table.num_rows:
        return
    money = pc.abs(table.column("amount_minor"))
    if (pc.sum(money.cast(pa.float64(), safe=False)).as_py() or 0.0) < _MOST_MONEY:
        return
    largest = pc.index(money, pc.max(money)).as_py()
    row = table.slice(largest, 1).to_pylist()[0]
    msg = (
        "the amounts sum to more than 64 bits hold (9.2e18 minor units); the largest is "
        f"{row['amount_minor']:,} minor units, of customer {row['customer_id']!r}: is `amount` "
        "mapped to a column of numbers that are no money? Else leave such rows out with `exclude`"
    )
    raise InputError(msg)


def _dates(column: pa.ChunkedArray) -> list[int | None]:
    days = column.cast(pa.int32())
    ends = pc.min_max(days)
    early = pc.sum(pc.less(days, EARLIEST_DAY)).as_py() or 0
    return [ends["min"].as_py(), ends["max"].as_py(), early]


def _mix(column: pa.ChunkedArray) -> dict[str, int]:
    found = pc.value_counts(column)
    return {
        str(one["values"].as_py()): one["counts"].as_py()
        for one in found
        if one["values"].as_py() is not None
    }


def together(profiles: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the profile of all buckets of a source."""
    whole: dict[str, Any] = {
        "rows": 0, "nulls": {}, "currencies": {}, "dates": {}, "decomposed": {},
    }  # fmt: skip
    for one in profiles:
        whole["rows"] += one["rows"]
        for kind in ("nulls", "currencies", "decomposed"):
            for name, n_rows in one.get(kind, {}).items():  # a lake of before has no ``decomposed``
                whole[kind][name] = whole[kind].get(name, 0) + n_rows
        for name, (first, last, early) in one["dates"].items():
            known = whole["dates"].get(name, (None, None, 0))
            ends = [day for day in (known[0], first) if day is not None]
            lasts = [day for day in (known[1], last) if day is not None]
            whole["dates"][name] = (
                min(ends, default=None), max(lasts, default=None), known[2] + early,
            )  # fmt: skip
    return whole
