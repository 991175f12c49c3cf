"""Figures that a night has made and the next update need not make again.

They are known of the tables by their files: their sizes, their ends, and when they were written. An
update has the rows that it takes out of each bucket and those that it puts in, and that is enough
(:meth:`Known.show`).
The network is known as long as nobody publishes its tables anew, which an update does not.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from dataclasses import fields, is_dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.report import data
from qfb_gpu.report.figures import cash, largest, part, portfolio, streams
from qfb_gpu.report.figures.columns import column
from qfb_gpu.report.figures.largest import by_bucket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from qfb_gpu.report.figures.part import Asked, Figures

_TAIL = 2**12
"""Bytes of a file that are looked at."""
_ROWS = 1 << 16
"""Rows of streams that are shown before they are summed up, many buckets at a time."""
_TURN = Lock()
_Shown = tuple[np.ndarray[Any, Any], pa.Table, pa.Table, pa.Table, pa.Table]
"""Customers, their streams and what is expected of them as they were, and both as they are."""


class Known:
    """What is known; nothing at first."""

    def __init__(self) -> None:
        self.asked: Asked | None = None
        self.network: data.Network | None = None
        self._stamp = ""
        self._figures: Figures | None = None
        self._n_buckets = 0
        self._shown: dict[int, _Shown] = {}

    def look(self, asked: Asked) -> None:
        """Forget figures that were made of other days."""
        if asked != self.asked:
            self.asked, self._figures = asked, None

    def figures(self, files: Sequence[Path]) -> Figures | None:
        """Return what the tables of some files come to; None where it is not known."""
        return self._figures if files and self._stamp == _stamp(files) else None

    def keep(self, files: Sequence[Path], figures: Figures) -> None:
        """Know what the tables of some files come to."""
        self._stamp, self._figures = _stamp(files), figures

    def begin(self, files: Sequence[Path], n_buckets: int) -> None:
        """Be shown other rows of some customers of the tables of some files, bucket by bucket."""
        self._figures, self._n_buckets = self.figures(files), n_buckets

    def show(
        self,
        bucket: int,
        customers: np.ndarray[Any, Any],
        gone: Sequence[pa.Table],
        come: Sequence[pa.Table],
    ) -> None:
        """See a bucket's rows of some customers; threads may call it.

        Parameters
        ----------
        bucket : int
        customers : int64 array, ascending
            Their keys.
        gone, come : (Table, Table)
            Their streams and what is expected of these, as they were and as they are.
        """
        tables = [
            pa.table({name: column(table, name) for name in names})
            for side in (gone, come)
            for table, names in zip(side, (part.COLUMNS, cash.COLUMNS), strict=True)
        ]
        with _TURN:
            self._shown[bucket] = (customers, *tables)
            if sum(one[1].num_rows + one[3].num_rows for one in self._shown.values()) > _ROWS:
                self._exchange()

    def end(self, files: Sequence[Path]) -> None:
        """Know the tables, which are of these files now, with all rows that were shown."""
        self._exchange()
        self._stamp = _stamp(files)

    def _exchange(self) -> None:
        """Put the rows that were shown in place of the old ones; nothing is known if they are many.

        Where most have others, to read the tables is less work.
        """
        shown = [self._shown[bucket] for bucket in sorted(self._shown)]
        self._shown = {}
        if self._figures is None or self.asked is None or not shown:
            return
        keys = np.sort(np.concatenate([customers for customers, *_ in shown]))
        gone, gone_due, come, come_due = (
            pa.concat_tables(tables) for tables in list(zip(*shown, strict=True))[1:]
        )
        if gone.num_rows + come.num_rows > self._figures.streams.n_streams:
            self._figures = None
            return
        less = part.summed(gone, gone_due, self.asked)
        more = part.summed(come, come_due, self.asked)
        place = by_bucket(self._n_buckets)
        self._figures = part.exchanged(self._figures, less, more, keys, place)

    def save(self, path: Path) -> None:
        """Write it down."""
        content = [self.asked, self.network, self._stamp, self._figures]
        path.write_text(json.dumps(content, default=_packed), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Known:
        """Return what was written down; nothing is known where that is lost or broken."""
        known = cls()
        try:
            content = json.loads(path.read_text(encoding="utf-8"), object_hook=_unpacked)
            known.asked, known.network, known._stamp, known._figures = content
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return cls()
        kinds = (part.Asked | None, data.Network | None, str, part.Figures | None)
        return known if all(map(isinstance, content, kinds)) else cls()


def _stamp(files: Sequence[Path]) -> str:
    """Return what files keep where they are linked or copied, and no others have.

    Buckets that are written at a time may be of one size; where columns end and what is in them
    stands at the end of a Parquet file.
    """
    found = hashlib.blake2b(digest_size=16)
    for file in files:
        stat = file.stat()
        found.update(f"{stat.st_size} {stat.st_mtime_ns} ".encode())
        with file.open("rb") as stream:
            stream.seek(max(0, stat.st_size - _TAIL))
            found.update(stream.read())
    return found.hexdigest()


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
