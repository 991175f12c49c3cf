"""What one night leaves for the next: how a bucket's relations were split, and their streams.

``<output>/lake/carried/<bucket>.npz`` is a cache: with another stamp (other code, another
calendar), or unreadable, it is as if it were not there.
"""

from __future__ import annotations

import hashlib
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from qfb_gpu.ledger import Calendar

_STAMP = "stamp"


def stamp_of(calendar: Calendar, *packages: ModuleType) -> str:
    """Return what streams depend on beside payments: working days and the packages' code."""
    days = hashlib.sha256(np.ascontiguousarray(calendar.is_working).tobytes())
    days.update(str(calendar.first_day).encode())
    return f"{_code(packages)}-{days.hexdigest()[:16]}"


@cache
def _code(packages: tuple[ModuleType, ...]) -> str:
    digest = hashlib.sha256()
    for package in packages:
        for file in sorted(Path(str(package.__file__)).parent.glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def load(lake: Path, bucket: int, stamp: str) -> dict[str, Any] | None:
    """Return the arrays that :func:`save` wrote under the same stamp; None where there are none."""
    path = _path(lake, bucket)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if str(arrays[_STAMP]) != stamp:
                return None
            return {name: arrays[name] for name in arrays.files if name != _STAMP}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def save(lake: Path, bucket: int, stamp: str, columns: Mapping[str, Any]) -> None:
    """Write host arrays; atomic."""
    path = _path(lake, bucket)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    with draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **{_STAMP: np.array(stamp)}, **columns)
    draft.replace(path)


def _path(lake: Path, bucket: int) -> Path:
    return lake / "carried" / f"{bucket}.npz"
