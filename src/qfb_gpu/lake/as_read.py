"""What rows look like once they are read: an example, their days, their money.

Who maps columns sees here what no rule can find: cents taken for yuan, received for paid, the
wrong one of two dates.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.calendars import to_date
from qfb_gpu.counted import counted
from qfb_gpu.currencies import EXPONENT, currency_name, in_major
from qfb_gpu.lake.parse import IN
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    import datetime as dt

    from qfb_gpu.lake.clean import Cleaned, FilePlan

_WORDS = {IN: "received", 1 - IN: "paid"}
_LONGEST = 40
"""Characters of a text that are shown."""
_UTC = ("UTC", "Etc/UTC")


@dataclass(slots=True)
class AsRead:
    """What the kept rows of a try say.

    Attributes
    ----------
    example : str
        The first of them, column by column; empty where none is kept.
    days : dict of column to (int, int)
        The first and last day of each column of dates, since 1970-01-01.
    sums, n_rows : Counter of (direction or -1, currency)
        Their money in minor units, and how many rows it is of.
    instants : set of str
        Columns of instants in UTC whose days nobody has said.
    """

    example: str = ""
    days: dict[str, tuple[int, int]] = field(default_factory=dict)
    sums: Counter[tuple[int, int]] = field(default_factory=Counter)
    n_rows: Counter[tuple[int, int]] = field(default_factory=Counter)
    instants: set[str] = field(default_factory=set)

    def add(self, other: AsRead) -> None:
        """Take in what another file of the same part says."""
        self.example = self.example or other.example
        for name, (first, last) in other.days.items():
            so_far = self.days.get(name, (first, last))
            self.days[name] = min(first, so_far[0]), max(last, so_far[1])
        self.sums.update(other.sums)
        self.n_rows.update(other.n_rows)
        self.instants |= other.instants

    def lines(self) -> list[str]:
        """Return what is to be printed, a line each."""
        if not self.example:
            return []
        days = [f"{name} {to_date(a)} to {to_date(b)}" for name, (a, b) in self.days.items()]
        money = [
            f"{_WORDS.get(way, 'amount')} {_money(self.sums[way, code], code)} in "
            f"{counted(n, 'row')}"
            for (way, code), n in sorted(self.n_rows.items())
        ]
        found = [f"as read: {self.example}"]
        return found + ["; ".join(part) for part in (days, money) if part]

    def warnings(self, source: str, as_of: dt.date, *, has_direction: bool) -> list[str]:
        """Return what is most likely a mistake, a line each."""
        found = [
            f"{name} has instants in UTC, and each is put on its day in UTC; set time_zone (e.g. "
            "'Asia/Shanghai') if your days are of another zone, 'UTC' if they are not"
            for name in sorted(self.instants)
        ]
        if source != "transactions" or not self.example:
            return found
        first = to_date(self.days["date"][0])
        if first > as_of:
            found.append(
                f"all rows tried are later than as_of {as_of} (the first is of {first}), and no "
                "later row is used; correct as_of, or the column that date is mapped to"
            )
        if not has_direction and {way for way, _ in self.n_rows} == {IN}:
            found.append(
                "no direction is mapped and no amount is below 0, so every payment counts as "
                "received; map direction, or set constants = { direction = 'out' } if all are paid"
            )
        return found


def as_read(rows: pa.RecordBatch, cleaned: Cleaned, plan: FilePlan) -> AsRead:
    """Return what the kept rows of a batch say; ``rows`` are as they came."""
    keep, columns = cleaned.keep, cleaned.columns
    found = AsRead()
    if not keep.size:
        return found
    dates = [column.name for column in plan.table.columns if column.kind == "date"]
    for name in dates:
        days = columns[name].view(pa.int32()).take(pa.array(keep)).drop_null()
        if len(days):
            ends = pc.min_max(days).as_py()
            found.days[name] = ends["min"], ends["max"]
            if plan.part.time_zone is None and _is_utc(rows, plan.mapped[name].names):
                found.instants.add(name)
    code = columns.get("currency_code")
    if code is not None:
        _add_money(found, columns, keep, np.asarray(code)[keep])
    found.example = ", ".join(_told(columns, plan, int(keep[0])))
    return found


def _is_utc(rows: pa.RecordBatch, names: tuple[str, ...]) -> bool:
    """Say whether a column of instants in UTC has other hours than midnight."""
    if len(names) != 1 or names[0] not in rows.schema.names:
        return False
    values = rows.column(names[0])
    if not pa.types.is_timestamp(values.type) or values.type.tz not in _UTC:
        return False
    return bool(pc.any(pc.not_equal(pc.hour(values), 0)).as_py())


def _add_money(found: AsRead, columns: dict[str, Any], keep: Any, currency: Any) -> None:
    amount = columns["amount_minor"].take(pa.array(keep))
    known = np.asarray(amount.is_valid())
    minor = amount.fill_null(0).to_numpy(zero_copy_only=False)
    way = columns.get("direction_code")
    ways = np.full(keep.size, -1) if way is None else np.asarray(way)[keep]
    for one in np.unique(ways).tolist():
        for code in np.unique(currency).tolist():
            mine = known & (ways == one) & (currency == code)
            if mine.any():
                found.sums[one, code] += sum(minor[mine].tolist())
                found.n_rows[one, code] += int(mine.sum())


def _told(columns: dict[str, Any], plan: FilePlan, row: int) -> list[str]:
    """Return a row's columns, those of which it has a value, as ``name value``."""
    told = []
    text: str | None
    for name in plan.table.names:
        if name == "currency":
            continue
        if name == "direction":
            text = DIRECTIONS[int(columns["direction_code"][row].as_py())]
        elif name == "amount":
            minor = columns["amount_minor"][row].as_py()
            code = int(columns["currency_code"][row].as_py())
            text = None if minor is None else _money(minor, code)
        else:
            text = _value(columns[name], row)
        if text is not None:
            told.append(f"{name} {text}")
    return told


def _value(column: Any, row: int) -> str | None:
    if hasattr(column, "codes"):
        code = int(column.codes[row])
        value = column.values[code].as_py() if code >= 0 else None
    else:
        value = column[row].as_py()
    if not isinstance(value, str):
        return None if value is None else str(value)
    return repr(value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…")


def _money(minor: int, code: int) -> str:
    """Return minor units as an amount of their currency, ``1,234.50 CNY``."""
    name = currency_name(code)
    return f"{in_major(minor, EXPONENT[name])} {name}"
