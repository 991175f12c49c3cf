"""One batch of rows as they came into rows as we keep them, rejects and counts.

A row is left out for exactly one reason: the first exclude rule that holds, else the first
column, in the order of the schema, that cannot be read.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import InputError
from qfb_gpu.lake import amounts, joined, parse, prune, texts
from qfb_gpu.lake.rejects import reject_table, rows_to_json
from qfb_gpu.lake.texts import Coded
from qfb_kernels.days import AMBIGUOUS, IMPOSSIBLE
from qfb_kernels.decimals import ROUNDED, TOO_FINE, TOO_LARGE
from qfb_kernels.text import MISSING, OK, UNREADABLE

if TYPE_CHECKING:
    from qfb_gpu.config import SourcePart
    from qfb_gpu.lake.readers import Batch
    from qfb_gpu.lake.sources import Mapped
    from qfb_gpu.prepare.recipe import Recipe
    from qfb_gpu.schema import Column, Table

BLANK_ROW = "blank row"
LEFT_OUT = "excluded: left out by prepare"
MADE = "made: further rows by prepare"
PREPARED = "prepare: "
"""How the counts of a recipe's steps begin."""
BROKEN_LINE = "line has another number of columns than the header"
_IDS = ("customer_id", "counterparty_id")
_WORDS = {
    MISSING: "is missing",
    UNREADABLE: "is unreadable",
}
_AMOUNT_WORDS = {
    UNREADABLE: "is not a number",
    TOO_FINE: "has more decimals than the currency has (rounding = 'half_even' rounds)",
    TOO_LARGE: "is too large",
    amounts.FOREIGN: "has the sign of another currency (map currency, or set it in constants)",
}
_DATE_WORDS = {
    IMPOSSIBLE: "is no day of the calendar",
    AMBIGUOUS: "may be day or month first (set date_order = 'dmy' or 'mdy')",
    parse.YEAR_LAST: "may have its year last (set date_order = 'ymd', 'dmy' or 'mdy')",
    parse.TURNED: "is a day only with day and month exchanged (the file may mix both orders)",
    parse.SERIAL: "may be a spreadsheet's serial number (export dates, or as YYYYMMDD)",
}
_OTHER_WORDS = {
    "direction": {UNREADABLE: "is an unknown word (map it in direction_values)"},
    "currency": {UNREADABLE: "is not an ISO 4217 code"},
}


@dataclass(frozen=True, slots=True)
class FilePlan:
    """How the rows of one file are cleaned.

    Attributes
    ----------
    number : int
        The file's number in the source.
    name : str
    part : SourcePart
    table : Table
    mapped : dict of our column to Mapped
    excludes : list of str
        The file's header of each exclude rule.
    currency : str
        Where the row gives none.
    recipe : Recipe or None
        What is done to a batch before its columns are mapped.
    """

    number: int
    name: str
    source: str
    part: SourcePart
    table: Table
    mapped: dict[str, Mapped]
    excludes: list[str]
    currency: str
    recipe: Recipe | None = None

    @property
    def wanted(self) -> list[str]:
        """Headers to read, each once."""
        names = [name for m in self.mapped.values() for name in m.names]
        wanted = list(dict.fromkeys([*names, *self.excludes]))
        return self.recipe.to_read(wanted) if self.recipe else wanted

    @property
    def repeating(self) -> list[str]:
        """Those among them whose texts repeat."""
        plain = {plain_column(self.table), "amount"}
        alone = {n for c, m in self.mapped.items() for n in m.names if c not in plain}
        return [name for name in self.wanted if name in alone or name in self.excludes]


@dataclass(slots=True)
class Cleaned:
    """The rows of a batch that are kept, still in their order, and what became of the others.

    Attributes
    ----------
    columns : dict of str to Coded or Arrow array, each of all rows of the batch
    keep : int64 array, the rows that are kept
    rejects : Arrow table of gold ``rejects``, or None
    counts : Counter of measures of ``data_quality``
    by_file : dict of int to Counter
        The same of each file, by its number.
    """

    columns: dict[str, Any]
    keep: Any
    rejects: pa.Table | None
    counts: Counter[str] = field(default_factory=Counter)
    by_file: dict[int, Counter[str]] = field(default_factory=dict)


def plain_column(table: Table) -> str | None:
    """Return the column whose texts do not repeat: the first of the key but for the customer."""
    names = [name for name in table.key if name != "customer_id"]
    return names[0] if names and table.column(names[0]).kind == "string" else None


def clean(batch: Batch, plan: FilePlan) -> Cleaned:
    """Clean one batch; a rejected row is kept as it came, before its recipe."""
    if plan.part.time_zone:
        batch.rows = parse.in_zone(batch.rows, plan.part.time_zone)
    batch.rows = texts.readable(batch.rows, plan.name)
    rows, came, counts = _prepared(batch, plan)
    reader = _RowReader(rows, plan)
    columns: dict[str, Any] = {}
    for column in plan.table.columns:
        columns.update(reader.read(column))
    row_number = batch.row_numbers()
    if came is not None:
        row_number = row_number[came]
    files = batch.files or [(plan.number, plan.name, rows.num_rows)]
    numbers, names, sizes = zip(*files, strict=True)
    columns["source_file"] = pa.array(np.repeat(np.array(numbers, np.int32), sizes))
    columns["source_row"] = pa.array(row_number)
    excluded, reasons = _exclude(rows, plan, reader, columns)
    reason = np.where(excluded > 0, 0, reader.reason)
    keep = np.flatnonzero((excluded == 0) & (reason == 0))
    for measure, which in reader.noted.items():
        counts[measure] += int(which[keep].sum())
    for number, why in enumerate(reasons, 1):
        counts[f"excluded: {why}"] += int((excluded == number).sum())
    rejects = _rejects(batch, came, plan, reason, reader.words, row_number, counts)
    by_file = {plan.number: +counts}
    if batch.files:
        judged = [("excluded", excluded, reasons), ("rejected", reason, reader.words)]
        by_file = joined.counts_by_file(batch, judged, reader.noted)
        rejects = joined.named(rejects, names, sizes, reason)
    return Cleaned(columns, keep, rejects, +counts, by_file)


def _prepared(batch: Batch, plan: FilePlan) -> tuple[pa.RecordBatch, Any, Counter[str]]:
    """Run the recipe; return the rows, the row of the batch each comes from, and the counts.

    Where a recipe makes other rows, ``rows`` and ``made`` are what the others add up to.
    """
    counts = Counter(batch.counts)
    counts["rows"] += batch.rows.num_rows + len(batch.broken)
    if not plan.recipe:
        return batch.rows, None, counts
    rows, changed, came = plan.recipe.apply(batch.rows)
    counts.update(changed)
    if came is not None:
        n_used = int(np.unique(came).size)
        counts[LEFT_OUT] += batch.rows.num_rows - n_used
        counts[MADE] += rows.num_rows - n_used
    return rows, came, counts


def _is_before(dates: pa.Array, since: dt.date) -> Any:
    days = texts.plain(dates.view(pa.int32()), np.iinfo(np.int32).max, np.int32)
    return days < (since - dt.date(1970, 1, 1)).days


def _exclude(
    rows: pa.RecordBatch, plan: FilePlan, reader: _RowReader, columns: dict[str, Any]
) -> tuple[Any, list[str]]:
    """Return the number of the reason a row is left out for, 0 to keep it, and the reasons."""
    excluded = np.zeros(rows.num_rows, np.int16)
    reasons = [BLANK_ROW, *(rule.reason for rule in plan.part.exclude)]
    rules = list(zip(plan.excludes, plan.part.exclude, strict=True))
    for number, (header, rule) in reversed(list(enumerate(rules, 2))):
        coded = texts.clean_text(rows.column(header))
        values = pa.array([value.strip() for value in rule.values], pa.string())
        hit = np.append(np.asarray(pc.is_in(coded.values, values)), False)
        excluded[hit[coded.codes]] = number
    suspects = np.flatnonzero(reader.n_missing == sum(c.required for c in plan.table.columns))
    if suspects.size:
        some = rows.take(pa.array(suspects))
        blank = np.ones(suspects.size, bool)
        for column in some.columns:
            blank &= texts.clean_text(column).codes < 0
        excluded[suspects[blank]] = 1
    if plan.part.since is not None and plan.source in prune.DATED:
        reasons.append(prune.before(plan.part.since))
        is_early = _is_before(columns[prune.DATED[plan.source]], plan.part.since)
        excluded[is_early & (excluded == 0)] = len(reasons)
    return excluded, reasons


def _rejects(
    batch: Batch,
    came: Any,
    plan: FilePlan,
    reason: Any,
    words: list[str],
    row_number: Any,
    counts: Counter[str],
) -> pa.Table | None:
    bad = np.flatnonzero(reason)
    tables = []
    if bad.size:
        for number, n_rows in enumerate(np.bincount(reason)[1:], 1):
            counts[f"rejected: {words[number - 1]}"] += int(n_rows)
        why = pa.DictionaryArray.from_arrays(
            pa.array(reason[bad].astype(np.int32) - 1), pa.array(words)
        ).cast(pa.string())
        at = pa.array(bad if came is None else came[bad])
        known = batch.as_json
        as_came = rows_to_json(batch.rows.take(at)) if known is None else known.take(at)
        tables.append(reject_table(plan.source, plan.name, row_number[bad], why, as_came))
    if batch.broken:
        counts[f"rejected: {BROKEN_LINE}"] += len(batch.broken)
        numbers, texts = zip(*batch.broken, strict=True)
        as_came = rows_to_json(pa.RecordBatch.from_pydict({"line": list(texts)}))
        why = pa.repeat(BROKEN_LINE, len(texts))
        tables.append(reject_table(plan.source, plan.name, np.array(numbers), why, as_came))
    return pa.concat_tables(tables) if tables else None


def _far(file: str, names: tuple[str, ...], hour: str) -> str:
    return (
        f"{file}: column {names[0]!r} has instants in UTC, all of them at {hour} or 00:00: days of "
        "another time zone, which would be read as the days before or after; set time_zone = "
        "'Asia/Shanghai', or where they are days; 'UTC' if they are right"
    )


class _RowReader:
    """Reads the columns of one batch and remembers why a row cannot be kept."""

    def __init__(self, rows: pa.RecordBatch, plan: FilePlan) -> None:
        self._rows = rows
        self._plan = plan
        self._currency = parse.parse_currencies(
            self._values("currency"), plan.currency, rows.num_rows
        )
        self.reason = np.zeros(rows.num_rows, np.int16)
        self.n_missing = np.zeros(rows.num_rows, np.int16)
        self.words: list[str] = []
        self.noted: dict[str, Any] = {}
        self._negative: Any = None

    def read(self, column: Column) -> dict[str, Any]:
        """Return the spill columns that one column of the schema becomes."""
        n_rows = self._rows.num_rows
        if column.name == "currency":
            self._judge(column, self._currency[2])
            return {"currency_code": pa.array(self._currency[0])}
        if column.name == "direction":
            return {"direction_code": pa.array(self._direction(column))}
        if column.name == "amount":
            return {"amount_minor": self._amount(column)}
        values = self._values(column.name)
        if values is None:
            return {column.name: _nulls(column, n_rows, plain_column(self._plan.table))}
        if column.kind == "string":
            return {column.name: self._text(column, values)}
        return {column.name: self._number(column, values)}

    def _values(self, name: str) -> pa.Array | None:
        mapped = self._plan.mapped.get(name)
        if mapped is None:
            return None
        if mapped.how == "constant":
            codes = pa.array(np.zeros(self._rows.num_rows, np.int32))
            return pa.DictionaryArray.from_arrays(codes, pa.array([mapped.text]))
        columns = [self._rows.column(header) for header in mapped.names]
        return texts.concat(columns, mapped.text) if mapped.how == "concat" else columns[0]

    def _text(self, column: Column, values: pa.Array) -> Any:
        if column.name == plain_column(self._plan.table):
            text: Any = texts.trim_plain(values)
        elif column.name in _IDS:
            text = texts.clean_text(values)
        else:
            text = texts.clean_any(values)
        if column.name.endswith("_id"):
            self._judge(column, texts.cut_short(values, text))
        if column.required:
            gone = text.codes < 0 if isinstance(text, Coded) else np.asarray(text.is_null())
            self._judge(column, np.where(gone, MISSING, OK))
        return text

    def _number(self, column: Column, values: pa.Array) -> pa.Array:
        if column.kind == "date":
            if self._plan.part.time_zone is None and (hour := parse.far_midnight(values)):
                raise InputError(_far(self._plan.name, self._plan.mapped[column.name].names, hour))
            number, status = parse.parse_dates(values, self._plan.part.date_order)
        elif column.kind == "bool":
            number, status = parse.parse_bools(values)
        else:
            number, status = parse.parse_numbers(values, self._plan.part.decimal)
        self._judge(column, status)
        array = pa.array(number, mask=status != OK) if status.any() else pa.array(number)
        return array.view(pa.date32()) if column.kind == "date" else array

    def _amount(self, column: Column) -> pa.Array:
        mapped = self._plan.mapped.get("amount")
        if mapped is None:
            return pa.nulls(self._rows.num_rows, pa.int64())
        half_even = self._plan.part.rounding == "half_even"
        if mapped.how == "multiply":
            left, right = (self._rows.column(name) for name in mapped.names)
            read = amounts.multiply(*(self._decimals(one) for one in (left, right)))
        else:
            read = self._decimals(self._values("amount"))
        exponent = self._currency[1]
        if self._plan.part.amount_unit == "minor":
            exponent = np.zeros_like(exponent)
        minor, status = amounts.to_minor(read, exponent, half_even=half_even)
        rounded = status == ROUNDED
        if rounded.any():
            self.noted[joined.ROUNDED] = rounded
            status[rounded] = OK
        assumed = (self._currency[2] == MISSING) & (status == OK)
        if assumed.any():
            self.noted[f"{joined.ASSUMED}{self._plan.currency}"] = assumed
        self._judge(column, status)
        self._negative = minor < 0
        if "direction" in self._plan.table.names and "direction" not in self._plan.mapped:
            minor = np.abs(minor)
        return pa.array(minor, mask=status != OK) if status.any() else pa.array(minor)

    def _decimals(self, values: pa.Array) -> amounts.Decimals:
        """Read money, or a factor of it; none in which the sign of another currency stands."""
        read = amounts.parse_decimals(values, self._plan.part.decimal)
        foreign = amounts.has_foreign_sign(values, self._currency[0])
        read.status[foreign[read.status[foreign] == OK]] = amounts.FOREIGN
        return read

    def _direction(self, column: Column) -> Any:
        values = self._values("direction")
        if values is None:
            return np.where(self._negative, parse.OUT, parse.IN).astype(np.int8)
        code, status = parse.parse_directions(values, self._plan.part.direction_values)
        self._judge(column, np.where(status == MISSING, UNREADABLE, status))
        return code

    def _judge(self, column: Column, status: Any) -> None:
        """Remember the rows that this column spoils; a missing optional value spoils none."""
        missing = status == MISSING
        if column.required:
            self.n_missing += missing
        if not status.any():
            return
        for code in np.unique(status[status != OK]).tolist():
            if code == MISSING and not column.required:
                continue
            self.words.append(_why(column, code))
            self.reason[(status == code) & (self.reason == 0)] = len(self.words)


def _why(column: Column, code: int) -> str:
    words = dict(_WORDS)
    if column.kind == "date":
        words.update(_DATE_WORDS)
    elif column.kind in ("int64", "float64"):
        words.update(_AMOUNT_WORDS)
    if column.name.endswith("_id"):
        words[UNREADABLE] = "has lost its last digits (export it as text)"
    words.update(_OTHER_WORDS.get(column.name, {}))
    return f"{column.name} {words[code]}"


def _nulls(column: Column, n_rows: int, plain: str | None) -> Any:
    if column.name == plain:
        return pa.nulls(n_rows, pa.string())
    if column.kind == "string":
        return Coded(np.full(n_rows, -1, np.int32), pa.array([], pa.string()))
    kind = {"date": pa.date32(), "bool": pa.bool_(), "float64": pa.float64()}[column.kind]
    return pa.nulls(n_rows, kind)
