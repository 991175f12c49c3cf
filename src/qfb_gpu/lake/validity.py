"""Rows of a customer that hold for a time: which one held on a day.

A row holds from ``valid_from`` (null: always) to ``valid_to``, both ends included (null: until the
next row of the customer). Of several that hold the one that began last counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALIDITY = ("valid_from", "valid_to")
_ALWAYS = np.iinfo(np.int32).min
_NEVER = np.iinfo(np.int32).max


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
    rows = np.flatnonzero((start <= day) & (end >= day))
    order = rows[np.lexsort((start[rows], key[rows]))]
    is_last = np.ones(order.size, bool)
    is_last[:-1] = key[order[1:]] != key[order[:-1]]
    held = np.zeros(table.num_rows, bool)
    held[order[is_last]] = True
    return held


def _days(column: pa.ChunkedArray, null: int) -> Any:
    return column.cast(pa.int32()).fill_null(null).to_numpy()
