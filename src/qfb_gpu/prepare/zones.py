"""Times of several zones in one column of Python's own times, which Arrow tells on one clock."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa

from qfb_gpu.errors import InputError


def refuse_zones(values: Any, kind: pa.DataType, where: str) -> None:
    """Refuse times of several zones: Arrow tells all on the clock of one, some a day off.

    Parameters
    ----------
    values : a list, or a pandas Series
    kind : pyarrow.DataType
        What Arrow makes of them.
    where : str
        Names the column in the message.

    Raises
    ------
    InputError
        They are times of several zones, or times with a zone beside times without.
    """
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    held = getattr(values, "dtype", "object")
    held = held.categories.dtype if hasattr(held, "categories") else held
    if held != "object" or not pa.types.is_timestamp(kind) or kind.tz is None:
        return
    zones = {one.tzinfo for one in values if isinstance(one, dt.datetime) and one == one}  # noqa: PLR0124  NaT
    if len(zones) > 1:
        some = " and ".join(sorted(str(zone or "no zone") for zone in zones)[:2])
        msg = (
            f"{where} has times of several zones, such as {some}; expected one: say the days, "
            "e.g. [one.date() for one in times], or make all times of one zone"
        )
        raise InputError(msg)
