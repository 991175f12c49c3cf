"""Columns of a data frame on a device: their distinct values come to the host, codes stay.

A cuDF Series is known by its methods, so that this works, and is tested, without the library.
"""

from __future__ import annotations

from typing import Any


def is_device_column(values: Any) -> bool:
    """Return whether a column is a cuDF Series: it goes to Arrow and knows its codes."""
    return hasattr(values, "to_arrow") and hasattr(values, "factorize")


def distinct(series: Any) -> tuple[Any, Any]:
    """Return the code of each row (-1: null; on the device) and the distinct values as Arrow."""
    codes, values = series.factorize(use_na_sentinel=True)
    return codes, values.to_arrow()


def by_code(values: Any, codes: Any, given: Any) -> Any:
    """Return the value of each code as a Series with the index and name of ``given``.

    Parameters
    ----------
    values : pyarrow.Array
        One for each code, on the host.
    codes : integer array on the device
        -1 is null.
    given : cuDF Series
    """
    import pyarrow as pa

    with_null = pa.concat_arrays([values, pa.nulls(1, values.type)])  # what code -1 finds
    codes = codes.astype("int32")
    codes = codes + (codes < 0).astype("int32") * len(with_null)
    made = type(given).from_arrow(with_null).take(codes)
    made.index, made.name = given.index, given.name
    return made
