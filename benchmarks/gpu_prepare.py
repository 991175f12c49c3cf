"""The preparation operations on columns and tables of the device, by the golden cases of the tests.

Texts are worked on by the host, once for each distinct one; only codes stay on the device. So this
part asks whether cuDF gives and takes what the operations need.
"""

from __future__ import annotations

import datetime as dt
import importlib
import sys
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from results_file import ROOT

from qfb_gpu import prepare
from qfb_gpu._backend import devices

if TYPE_CHECKING:
    from collections.abc import Iterator


def prepare_parity(*, stand_in: bool) -> dict[str, Any]:
    """Run every case on the device's columns and compare with what is written in the case.

    Parameters
    ----------
    stand_in : bool
        Take the tests' stand-ins for cuDF.

    Returns
    -------
    dict
        ``n_cases``, ``seconds``, ``differences`` (operation, what came, what was expected, or
        the error); ``skipped`` where cuDF is not installed.
    """
    if not stand_in and not devices.has("cudf"):
        return {"skipped": "cuDF is not installed"}
    sys.path.append(str(ROOT / "tests"))
    series, frame = _kinds(stand_in=stand_in)
    start = time.perf_counter()
    found = list(_cases(series, frame))
    return {
        "n_cases": len(found),
        "seconds": time.perf_counter() - start,
        "differences": [one for one in found if one],
    }


def _kinds(*, stand_in: bool) -> tuple[Any, Any]:
    if stand_in:
        from stand_in_frames import DeviceFrame, DeviceSeries

        return DeviceSeries, DeviceFrame
    cudf = importlib.import_module("cudf")
    return cudf.Series, cudf.DataFrame


def _cases(series: Any, frame: Any) -> Iterator[dict[str, Any]]:
    from prepare_cases import COLUMNS, TABLES, TEXTS

    def column(values: Any) -> Any:
        return series.from_arrow(_arrow(values))

    for operation, text, settings, expected in TEXTS:
        yield _one(operation, [column([text, "b", text])], settings, [expected] * 2, every=2)
    for operation, columns, settings, expected in COLUMNS:
        given = [
            [column(one) for one in values]
            if isinstance(values, list) and isinstance(values[0], list)
            else column(values)
            for values in columns
        ]
        made = {
            key: column(value) if key == "calendar" and isinstance(value, list) else value
            for key, value in settings.items()
        }
        yield _one(operation, given, made, expected)
    for operation, tables, settings, expected, _ in TABLES:
        arrow = [pa.table({n: _arrow(v) for n, v in columns.items()}) for columns in tables]
        given = [frame.from_arrow(table) for table in arrow]
        arguments = [given] if operation == "union_tables" else given
        yield _one(operation, arguments, settings, expected)


def _one(
    operation: str, given: list[Any], settings: dict[str, Any], expected: Any, every: int = 1
) -> dict[str, Any]:
    try:
        found = getattr(prepare, operation)(*given, **settings)
        found = getattr(found, "result", found)
        if isinstance(expected, dict):
            came: Any = {name: _plain(found[name]) for name in found.columns}
        elif operation == "split_columns":
            came = [_plain(column) for column in found]
        else:
            came = _plain(found)[::every]
    except Exception as error:  # noqa: BLE001  the other cases are worth having
        return {"operation": operation, "error": repr(error)}
    return {} if came == expected else {"operation": operation, "came": str(came)}


def _arrow(values: Any) -> pa.Array:
    array = pa.array(values)
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array


def _plain(column: Any) -> list[Any]:
    values = column.to_arrow().to_pylist()
    return [value.date() if isinstance(value, dt.datetime) else value for value in values]
