"""What one night leaves for the next: how a bucket's relations were split, and their streams.

``<output>/lake/carried/<bucket>.arrow`` is a cache: with another stamp (other code, another
calendar), or unreadable, it is as if it were not there. Arrays of several lengths are a column of
one value each, the bytes of the array, compressed: a quarter of their size.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu import calendars, engine
from qfb_gpu._schema.output import CARRIED
from qfb_gpu.lake.draft import draft_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qfb_gpu.ledger import Calendar

_STAMP, _ARRAY = b"stamp", b"array"


def stamp_of(calendar: Calendar) -> str:
    """Return what streams depend on beside payments: working days and the engine's code."""
    return f"{engine.code()}-{calendars.stamp_of(calendar)}"


def folder(lake: Path) -> Path:
    """Return where a lake's carried arrays lie."""
    return lake / CARRIED


def load(lake: Path, bucket: int, stamp: str) -> dict[str, Any] | None:
    """Return the arrays that :func:`save` wrote under the same stamp; None where there are none."""
    try:
        with pa.memory_map(str(_path(lake, bucket))) as source:
            file = pa.ipc.open_file(source)
            if (file.schema.metadata or {}).get(_STAMP) != stamp.encode():
                return None
            table = file.read_all()
    except (OSError, pa.ArrowInvalid):
        return None
    return {field.name: _array(table.column(i), field) for i, field in enumerate(table.schema)}


def _array(column: pa.ChunkedArray, field: pa.Field) -> np.ndarray[Any, Any]:
    about = json.loads(field.metadata[_ARRAY])
    values = np.frombuffer(column[0].as_buffer(), dtype=about["dtype"]).reshape(about["shape"])
    return values.copy()  # kernels are compiled for arrays that may be written to


def save(lake: Path, bucket: int, stamp: str, columns: Mapping[str, Any]) -> None:
    """Write host arrays; atomic."""
    fields, values = [], []
    for name, array in columns.items():
        about = json.dumps({"dtype": array.dtype.str, "shape": array.shape})
        fields.append(pa.field(name, pa.large_binary(), metadata={_ARRAY: about}))
        values.append(_as_one_value(array))
    schema = pa.schema(fields, metadata={_STAMP: stamp})
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    path = _path(lake, bucket)
    with draft_of(path) as draft, pa.ipc.new_file(str(draft), schema, options=options) as writer:
        writer.write_table(pa.Table.from_arrays(values, schema=schema))


def _as_one_value(array: np.ndarray[Any, Any]) -> pa.Array:
    """Return an array's bytes as one binary value, without a copy."""
    ends = pa.py_buffer(np.array([0, array.nbytes]))
    held = pa.py_buffer(np.ascontiguousarray(array))
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, ends, held])


def _path(lake: Path, bucket: int) -> Path:
    return folder(lake) / f"{bucket}.arrow"
