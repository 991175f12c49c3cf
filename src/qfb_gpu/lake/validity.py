"""Rows of a customer that hold for a time: which one held on a day.

A row holds from ``valid_from`` (null: always) to ``valid_to``, both ends included. Without an end
(null or 9999-12-31) it holds until the next row of the customer begins, and not again when that one
has ended: the next row took its place. Of several that hold the one that began last counts.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.calendars import to_day

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALIDITY = ("valid_from", "valid_to")
_ALWAYS = np.iinfo(np.int32).min
_NEVER = np.iinfo(np.int32).max
_OPEN = to_day(dt.date(9999, 12, 31))
"""What histories write for no end; no later day is a date of Python or SQL."""


def in_force(table: pa.Table, day: int) -> NDArray[np.bool_]:
    """Return a bool a row: it is the one of its customer that held on a day.

    Parameters
    ----------
    table : pyarrow.Table
        ``customer_key``, ``valid_from`` and ``valid_to``, sorted by customer key.
    day : int
        Days since 1970-01-01.
    """
    key = table.column("customer_key").to_numpy()
    start, end = (_days(table.column(n), null) for n, null in zip(VALIDITY, (_ALWAYS, _NEVER),
                                                                  strict=True))  # fmt: skip
    begun = np.flatnonzero(start <= day)
    order = begun[np.lexsort((start[begun], key[begun]))]
    has_end = end[order] < _OPEN
    holds = order[(end[order] >= day) & (has_end | _is_last(key[order]))]
    held = np.zeros(table.num_rows, bool)
    held[holds[_is_last(key[holds])]] = True
    return held


def _is_last(key: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each row is the last of its key; equal keys stand together."""
    last = np.ones(key.size, bool)
    last[:-1] = key[1:] != key[:-1]
    return last


def _days(column: pa.ChunkedArray, null: int) -> Any:
    return column.cast(pa.int32()).fill_null(null).to_numpy()
