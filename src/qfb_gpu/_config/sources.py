"""``[sources]``: the files of each source, and how their columns become ours."""

from __future__ import annotations

import codecs
import datetime as dt
import difflib
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from qfb_gpu._config.strict import Strict
from qfb_gpu.schema import SOURCE_NAMES, SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Concat(Strict):
    """A column made of several: their texts joined by ``separator``."""

    concat: list[str] = Field(min_length=1)
    separator: str = "|"


class Multiply(Strict):
    """An amount made of two columns, e.g. quantity and unit price; exact in decimals."""

    multiply: list[str] = Field(min_length=2, max_length=2)


ColumnSpec = str | list[str] | Concat | Multiply
"""A source column; or spellings of it, the first that is there; or made of several.

Headers match after trimming, NFKC, folding of case and of runs of white space.
"""


class Exclude(Strict):
    """Rows that are not payments at all: left out and counted, not rejected.

    A row is left out when its trimmed ``column`` is one of ``values``.
    """

    column: str
    values: list[str] = Field(min_length=1)
    reason: str


class SourcePart(Strict):
    """Files of one layout: where they are and how their columns map to ours.

    ``snapshot`` is which version of a Delta table is read: the newest, the last of the day
    ``as_of``, or one by its number. ``decimal`` is the mark before the decimals of numbers that
    are texts; the other one groups thousands. ``amount_unit`` is ``minor`` where amounts are whole
    cents, not units. ``date_order`` says what dates whose year is not first begin with; ``auto``
    refuses those that may be read in several ways. Rows before ``since`` are left out and counted;
    files that hold none later are not read. ``time_zone`` is where an instant (a timestamp with a
    zone, as Spark and Delta write in UTC) has its day; its own zone where it is not set.
    """

    path: str
    format: Literal["auto", "csv", "parquet", "delta"] = "auto"
    columns: dict[str, ColumnSpec] = {}
    constants: dict[str, str] = {}
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."
    amount_unit: Literal["major", "minor"] = "major"
    encoding: str = "utf-8"
    date_order: Literal["auto", "ymd", "dmy", "mdy"] = "auto"
    direction_values: dict[str, Literal["in", "out"]] = {}
    rounding: Literal["reject", "half_even"] = "reject"
    lines: Literal["reject", "sum"] = "reject"
    exclude: list[Exclude] = []
    prepare: list[dict[str, Any]] = []
    snapshot: Literal["newest", "as_of"] | Annotated[int, Field(ge=0)] = "newest"
    since: dt.date | None = None
    time_zone: str | None = None

    @field_validator("path", mode="before")
    @classmethod
    def _one_path(cls, value: Any) -> Any:
        if isinstance(value, list):
            msg = (
                "expected one file, folder or glob such as 'daily/*.csv'; files of other places "
                "or layouts are a [[sources.NAME]] each"
            )
            raise ValueError(msg)  # noqa: TRY004 - pydantic collects those
        return value

    @field_validator("columns", mode="before")
    @classmethod
    def _ways_to_make_a_column(cls, value: Any) -> Any:
        for name, spec in value.items() if isinstance(value, dict) else ():
            if isinstance(spec, dict) and not _is_made(spec):
                msg = f"{name} = {spec!r:.80}: {_HOW}"
                raise ValueError(msg)
        return value

    @field_validator("direction_values", mode="before")
    @classmethod
    def _words_of_the_file(cls, value: Any) -> Any:
        for word, side in value.items() if isinstance(value, dict) else ():
            if side not in ("in", "out"):
                msg = (
                    f"{word} = {side!r:.40}: expected the file's word = 'in' or 'out', e.g. "
                    "{ D = 'out', C = 'in' }"
                )
                raise ValueError(msg)
        return value

    @field_validator("separator")
    @classmethod
    def _one_plain_character(cls, value: str) -> str:
        if not value.isascii() or value in '"\r\n\0':
            msg = "expected one ASCII character that is no quote and no line end, e.g. ';' or '\\t'"
            raise ValueError(msg)
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            return value if value is None else ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            msg = f"no time zone is called {value!r}; e.g. Asia/Shanghai, Europe/London, UTC"
            raise ValueError(msg) from error

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError as error:
            msg = f"no encoding is called {value!r}; e.g. utf-8, gb18030, cp1252, utf-16"
            raise ValueError(msg) from error
        return value


_HOW = (
    "expected the file's column; a list of spellings of it; { concat = ['a', 'b'] }, with a "
    "`separator` or without; or, of an amount, { multiply = ['quantity', 'price'] } of two columns"
)


def _is_made(spec: dict[str, Any]) -> bool:
    """Say whether a table of the config says how a column is made."""
    names = spec.get("multiply", spec.get("concat"))
    rest = set(spec) - ({"multiply"} if "multiply" in spec else {"concat", "separator"})
    return not rest and isinstance(names, list) and all(isinstance(name, str) for name in names)


def check_sources(sources: Mapping[str, Sequence[SourcePart]]) -> None:
    """Raise where a source, or one of its columns, is none of ours.

    Raises
    ------
    ValueError
        With what there is.
    """
    for name, parts in sources.items():
        if name not in SOURCE_NAMES:
            hint = _near(name, SOURCE_NAMES)
            msg = f"no source is called {name!r}; {hint}there are {', '.join(SOURCE_NAMES)}"
            raise ValueError(msg)
        for part in parts:
            _check_columns(name, part)
    if not {"transactions", "open_banking"} & set(sources):
        msg = "sources.transactions is required: the payments of the night"
        raise ValueError(msg)


def _check_columns(source: str, part: SourcePart) -> None:
    if source not in SOURCES:
        return
    known = SOURCES[source].names
    for name in [*part.columns, *part.constants]:
        if name not in known:
            is_mapped = name in part.columns
            way = "`columns` is" if is_mapped else "`constants` is"
            what = "the file's column" if is_mapped else "one value of all rows"
            msg = (
                f"{source} has no column {name!r}; {_near(name, known)}it has {', '.join(known)}; "
                f"{way} our column = {what}"
            )
            raise ValueError(msg)
        if name in part.columns and name in part.constants:
            msg = f"{source}.{name} is in `columns` and in `constants`; take one of them away"
            raise ValueError(msg)
        if name != "amount" and isinstance(part.columns.get(name), Multiply):
            msg = f"{source}.{name} cannot be `multiply`: only an amount is made so"
            raise ValueError(msg)


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    return f"did you mean {near[0]!r}? " if near else ""
