"""Columns whose rows belong together: pairs by place, which is not how pandas pairs them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from qfb_gpu.errors import InputError


def refuse_shifted(op: str, *columns: Any) -> None:
    """Raise where columns of pandas or cuDF have the rows of other labels opposite each other.

    Parameters
    ----------
    op : str
        Names the operation in the message.
    *columns : columns of any library
        Only Series have labels; those of different lengths are left to be refused as such.

    Raises
    ------
    InputError
        pandas would pair the rows by label, an operation here pairs them by place.
    """
    labels = [column.index for column in columns if hasattr(column, "iloc")]
    for one, other in pairwise(labels):
        if len(one) == len(other) and not one.equals(other):
            msg = (
                f"{op}: columns have different indexes, and rows are paired by place, not by "
                "label; give columns of one table, or reset_index(drop=True) each"
            )
            raise InputError(msg)
