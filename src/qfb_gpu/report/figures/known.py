"""Figures that a night has made and the next update need not make again.

They are known of a part by its files: their size, their end, and when they were written. An update
has the rows that it takes out of a part and those that it puts in, and that is enough
(:meth:`exchange`).
The network is known as long as nobody publishes its tables anew, which an update does not.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.report import data
from qfb_gpu.report.figures import cash, largest, part, portfolio, streams

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from qfb_gpu.report.figures.part import Asked, Figures

_TAIL = 2**16
"""Bytes of a file that are looked at."""


class Known:
    """What is known; nothing at first."""

    def __init__(self) -> None:
        self.asked: Asked | None = None
        self.network: data.Network | None = None
        self._parts: dict[str, Figures] = {}

    def look(self, asked: Asked) -> None:
        """Forget figures that were made of other days."""
        if asked != self.asked:
            self.asked, self._parts = asked, {}

    def figures(self, found: Path, expected: Path) -> Figures | None:
        """Return what a part comes to; None where it is not known."""
        return self._parts.get(_stamp(found, expected))

    def keep(self, figures: Mapping[tuple[Path, Path], Figures]) -> None:
        """Know these and no others."""
        self._parts = {_stamp(*files): one for files, one in figures.items()}

    def exchange(
        self,
        old: Sequence[Path | None],
        new: Sequence[Path],
        gone: Sequence[pa.Table],
        come: Sequence[pa.Table],
        customers: np.ndarray[Any, Any],
    ) -> None:
        """Know a part in which some customers have other rows, if it was known before.

        Where most have, it is left to be read.

        Parameters
        ----------
        old, new : (Path, Path)
            Files of the streams, and of what is expected; None where there was none.
        gone, come : (Table, Table)
            The customers' rows as they were and as they are.
        customers : int64 array, ascending
            Their keys.
        """
        files = [file for file in old if file is not None]
        known = self._parts.get(_stamp(*files)) if len(files) == len(old) else None
        if known is None or self.asked is None:
            return
        if gone[0].num_rows + come[0].num_rows > known.streams.n_streams:
            return  # to read the part is less work
        less, more = (
            part.summed(found.select(part.COLUMNS), expected.select(cash.COLUMNS), self.asked)
            for found, expected in (gone, come)
        )
        figures = part.exchanged(known, less, more, customers)
        if figures is not None:
            self._parts[_stamp(*new)] = figures

    def save(self, path: Path) -> None:
        """Write it down."""
        content = [self.asked, self.network, _keyed(self._parts)]
        path.write_text(json.dumps(content, default=_packed), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Known:
        """Return what was written down; nothing is known where that is lost or broken."""
        known = cls()
        try:
            content = json.loads(path.read_text(encoding="utf-8"), object_hook=_unpacked)
            known.asked, known.network, known._parts = content
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return cls()
        kinds = (part.Asked | None, data.Network | None, dict)
        return known if all(map(isinstance, content, kinds)) else cls()


def _stamp(*files: Path) -> str:
    """Return what a file keeps where it is linked or copied, and no other has.

    Buckets that are written at a time may be of one size; where columns end and what is in them
    stands at the end of a Parquet file.
    """
    return " ".join(map(_of_one, files))


def _of_one(file: Path) -> str:
    stat = file.stat()
    with file.open("rb") as stream:
        stream.seek(max(0, stat.st_size - _TAIL))
        end = hashlib.blake2b(stream.read(), digest_size=8).hexdigest()
    return f"{stat.st_size}-{stat.st_mtime_ns}-{end}"


def _packed(value: Any) -> Any:
    """Return what JSON has none of as a dictionary of one key."""
    if is_dataclass(value):
        return {_name(type(value)): [_keyed(getattr(value, one.name)) for one in fields(value)]}
    if isinstance(value, np.ndarray):
        return {"array": value.tolist()}
    day: dt.date = value
    return {"day": day.isoformat()}


def _keyed(value: Any) -> Any:
    """Return a field's value with keys that JSON would make texts of, and tuples, marked."""
    if isinstance(value, dict):
        values = [_keyed(one) for one in value.values()]
        return {"counter" if isinstance(value, Counter) else "dict": [list(value), values]}
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return {"tuples": value}
    return value


def _unpacked(value: dict[str, Any]) -> Any:
    """Return what a dictionary stands for: a listed row, of many keys, for itself."""
    if len(value) > 1:
        return value
    [(name, content)] = value.items()
    return _KINDS[name](*content) if name in _KINDS else _OTHERS[name](content)


def _name(kind: type) -> str:
    return f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"


def _mapping(content: list[list[Any]]) -> dict[Any, Any]:
    keys = (tuple(key) if isinstance(key, list) else key for key in content[0])
    return dict(zip(keys, content[1], strict=True))


_KINDS = {
    _name(kind): kind
    for kind in (
        part.Asked, part.Figures, cash.Ahead, cash.Sums, cash.WeekSums, largest.Largest,
        portfolio.Activity, streams.Sums, data.Network, data.Node, data.Link,
    )
}  # fmt: skip
_OTHERS: dict[str, Callable[[Any], Any]] = {
    "array": lambda content: np.array(content, np.int64),
    "day": dt.date.fromisoformat,
    "dict": _mapping,
    "counter": lambda content: Counter(_mapping(content)),
    "tuples": lambda content: [tuple(one) for one in content],
}
