"""Which files a source is made of, and which of their columns become ours."""

from __future__ import annotations

import difflib
import functools
import os
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from qfb_gpu.config import Concat, Exclude, Multiply
from qfb_gpu.errors import InputError
from qfb_gpu.lake.obie import NOT_BOOKED
from qfb_gpu.lake.source_paths import data_files, folder_values, looking, refuse_packed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable
    from pathlib import Path

    from qfb_gpu.config import ColumnSpec, Config, SourcePart
    from qfb_gpu.lake.delta_source import DeltaFile
    from qfb_gpu.prepare.recipe import Recipe
    from qfb_gpu.schema import Table

Format = Literal["csv", "parquet", "delta", "obie"]
OPEN_BANKING = "open_banking"
_STATEMENT = {
    "txn_id": "TransactionId", "customer_id": "AccountId", "counterparty_id": "CounterpartyId",
    "date": "BookingDate", "amount": "Amount", "direction": "CreditDebitIndicator",
    "currency": "Currency", "memo": "Information", "category": "TransactionCode",
}  # fmt: skip
"""How transactions are made of OBIE documents; ids as ``sources.open_banking.columns`` says."""
_DECLARATION = {
    "declaration_id": "DeclarationId", "customer_id": "AccountId", "kind": "Kind",
    "counterparty_id": "CounterpartyId", "counterparty_name": "CounterpartyName",
    "reference": "Reference", "status": "Status", "frequency": "Frequency", "date": "Date",
    "first_date": "FirstDate", "next_date": "NextDate", "final_date": "FinalDate",
    "amount": "Amount", "currency": "Currency", "n_payments": "NumberOfPayments",
}  # fmt: skip
_NOT_BOOKED = Exclude(
    column="Status", values=list(NOT_BOOKED),
    reason="not booked (pending, rejected or informational)",
)  # fmt: skip
_FEWEST = 3
"""So many columns that are missing, and none that is there, are one mistake."""
_EXCEL = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source, or one data file of a Delta table.

    Attributes
    ----------
    path : Path
        Where it is.
    name : str
        Its path relative to the config's ``data`` folder, as messages and rejects name it.
    part : int
        Which ``[[sources.NAME]]`` of the config it belongs to.
    format : {"csv", "parquet", "delta", "obie"}
    identity : str
        Changes when the content may have changed: size and time of modification.
    delta : DeltaFile or None
        How the rows of a Delta table's file are read.
    folders : dict of column to text
        What its folders' names say, as ``currency=USD``; a column of the file goes before.
    """

    path: Path
    name: str
    part: int
    format: Format
    identity: str
    delta: DeltaFile | None = None
    folders: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mapped:
    """How one of our columns is made from a file's.

    Attributes
    ----------
    names : tuple of str
        The file's own headers; empty for a constant.
    how : {"one", "concat", "multiply", "constant"}
    text : str
        The separator of ``concat``, the value of ``constant``.
    """

    names: tuple[str, ...]
    how: Literal["one", "concat", "multiply", "constant"] = "one"
    text: str = ""


def parts_of(config: Config, source: str) -> list[SourcePart]:
    """Return the parts of a source; OBIE documents are parts of the transactions, too."""
    documents = config.sources.get(OPEN_BANKING, [])
    if source == "transactions":
        return [*config.sources.get(source, []), *(_statement(part) for part in documents)]
    if source == OPEN_BANKING:
        return [
            part.model_copy(update={"columns": {**_DECLARATION, **part.columns}, "exclude": [],
                                    "prepare": []})
            for part in documents
        ]  # fmt: skip
    return config.sources[source]


def _statement(part: SourcePart) -> SourcePart:
    ids = ("customer_id", "counterparty_id")
    mapped = {name: spec for name, spec in part.columns.items() if name in ids}
    said = {name: text for name, text in part.constants.items() if name in ids}
    columns = {**_STATEMENT, **mapped}
    directions = {"CRDT": "in", "DBIT": "out", **part.direction_values}
    exclude = [_NOT_BOOKED, *part.exclude]
    return part.model_copy(update={"columns": columns, "constants": said, "exclude": exclude,
                                   "direction_values": directions})  # fmt: skip


def find_files(config: Config, source: str) -> list[SourceFile]:
    """Return the files of a source in the order of its parts, then by name.

    Raises
    ------
    InputError
        A path that leads to no file, or to a file of another format.
    """
    parts = parts_of(config, source)
    files = [file for n in range(len(parts)) for file in part_files(config, source, n)]
    _refuse_twice(config, source, parts, files)
    return files


def _refuse_twice(
    config: Config, source: str, parts: list[SourcePart], files: list[SourceFile]
) -> None:
    """Raise where two parts would read the same rows of a file in the same way."""
    if len(parts) == 1:
        return
    ways = [part.model_dump_json(exclude={"path", "format", "since"}) for part in parts]
    seen: dict[tuple[str, str], SourceFile] = {}
    for file in files:
        other = seen.setdefault((os.path.realpath(file.path), ways[file.part]), file)
        if other.part != file.part:
            here, there = (part_key(config, source, n) for n in (file.part, other.part))
            msg = (
                f"{here}: {file.path} is a file of {there}, too, read in the same way; "
                "correct one `path`, its rows would count twice"
            )
            raise InputError(msg)


def part_files(config: Config, source: str, number: int) -> list[SourceFile]:
    """Return the files of one part of a source; raises as :func:`find_files`."""
    with looking(part_key(config, source, number)):
        return _part_files(config, source, number)


def _part_files(config: Config, source: str, number: int) -> list[SourceFile]:
    part = parts_of(config, source)[number]
    root = config.data_dir
    where = part_key(config, source, number)
    path = root / part.path
    is_obie = source == OPEN_BANKING or number >= len(config.sources.get(source, []))
    if is_obie and part.format not in ("auto", "obie"):
        msg = f"{where}: OBIE documents are JSON, not {part.format}; take `format` away"
        raise InputError(msg)
    if not is_obie and (path / "_delta_log").is_dir():
        if part.format not in ("auto", "delta"):
            msg = f"{where}: {path} is a Delta table, not {part.format}; set format = 'delta'"
            raise InputError(msg)
        return _delta_files(path, root, number, version_wanted(config, part))
    if part.format == "delta" and not is_obie:
        msg = f"{where}: expected a Delta table at {path}, found no _delta_log folder there"
        raise InputError(msg)
    if part.snapshot != "newest":
        msg = f"{where}: {path} is no Delta table, it has no versions; take `snapshot` away"
        raise InputError(msg)
    paths = data_files(root, part.path, where)
    return [_source_file(p, root, number, part, where, is_obie=is_obie) for p in paths]


def version_wanted(config: Config, part: SourcePart) -> dt.date | int | None:
    """Return what :func:`qfb_gpu.lake.delta_source.load` takes for a part's ``snapshot``."""
    if part.snapshot == "as_of":
        return config.as_of
    return None if isinstance(part.snapshot, str) else part.snapshot


def _source_file(
    path: Path, root: Path, number: int, part: SourcePart, where: str, *, is_obie: bool
) -> SourceFile:
    try:
        stat = path.stat()
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        msg = f"{where}: {path} cannot be opened ({error.strerror}); run again once it can"
        raise InputError(msg) from error
    if magic in _EXCEL:
        msg = f"{where}: {path} is an Excel or zip file; save it as CSV or Parquet"
        raise InputError(msg)
    if not magic:
        msg = f"{where}: {path} is empty; expected a header and rows, or take it away"
        raise InputError(msg)
    if not is_obie and not magic.startswith(b"PAR1"):
        refuse_packed(path, magic, where)
    found: Format = "obie" if is_obie else "parquet" if magic == b"PAR1" else "csv"
    if part.format not in ("auto", found):
        msg = f"{where}: {path} is not {part.format} but looks like {found}; correct `format`"
        raise InputError(msg)
    name = _relative(path, root)
    identity = f"{stat.st_size}:{stat.st_mtime_ns}"
    return SourceFile(path, name, number, found, identity, folders=folder_values(name))


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _delta_files(path: Path, root: Path, number: int, at: dt.date | int | None) -> list[SourceFile]:
    from qfb_gpu.lake.delta_source import snapshot

    return [
        SourceFile(file, _relative(file, root.resolve()), number, "delta", identity, delta)
        for file, identity, delta in snapshot(path, at).files
    ]


@functools.lru_cache(4096)
def fold(header: str) -> str:
    """Return a header as it is compared: NFKC, no BOM, trimmed, white space and case folded."""
    text = unicodedata.normalize("NFKC", header.replace("\ufeff", ""))
    return re.sub(r"\s+", " ", text.strip()).casefold()


def part_key(config: Config, source: str, number: int) -> str:
    """Return the key of one part of a source in the config, as messages name it."""
    n_own = len(config.sources.get(source, []))
    if number >= n_own:
        return part_key(config, OPEN_BANKING, number - n_own)
    return f"sources.{source}" + (f"[{number}]" if len(config.sources[source]) > 1 else "")


def recipe_of(config: Config, source: str, number: int, headers: list[str]) -> Recipe:
    """Return the checked ``prepare`` of one part for a file with these headers.

    Raises
    ------
    ConfigError
        A step is wrong, or the file has no such column.
    """
    from qfb_gpu.lake.recipe_tables import loader
    from qfb_gpu.prepare.compile import compile_recipe

    steps = parts_of(config, source)[number].prepare
    where = part_key(config, source, number)
    return compile_recipe(steps, headers, where, fold, loader(config, where))


def match_columns(
    part: SourcePart, table: Table, headers: Iterable[str], where: str
) -> tuple[dict[str, Mapped], list[str]]:
    """Find the columns of one file.

    Parameters
    ----------
    part : SourcePart
    table : Table
        What the source should have; a column that is not mapped is taken by its own name.
    headers : iterable of str
        The file's headers.
    where : str
        Names the file in problems.

    Returns
    -------
    mapped : dict of our column to Mapped
    problems : list of str
        One line each, with what is there and what to do; empty where all is well.
    """
    headers = list(headers)
    by_fold: dict[str, list[str]] = {}
    for header in headers:
        by_fold.setdefault(fold(header), []).append(header)
    mapped: dict[str, Mapped] = {}
    problems: list[str] = []
    for column in table.columns:
        spec = part.columns.get(column.name)
        if column.name in part.constants:
            mapped[column.name] = Mapped((), "constant", part.constants[column.name])
        elif spec is not None:
            found = _match(spec, by_fold)
            if isinstance(found, Mapped):
                mapped[column.name] = found
            else:
                problems.append(_missing(where, column.name, found, headers))
        elif fold(column.name) in by_fold:
            mapped[column.name] = Mapped((by_fold[fold(column.name)][0],))
        elif column.required:
            problem = _missing(where, column.name, column.name, headers)
            problems.append(f"{problem}; map it: columns = {{ {column.name} = 'its name there' }}")
    if len(problems) >= _FEWEST and not any(m.names for m in mapped.values()):
        return mapped, [_another_file(where, problems, headers)]
    problems += [
        _missing(where, "exclude", rule.column, headers)
        for rule in part.exclude
        if fold(rule.column) not in by_fold
    ]
    wanted = [name for m in mapped.values() for name in m.names]
    wanted += [rule.column for rule in part.exclude if fold(rule.column) in by_fold]
    problems += [
        f"{where}: two columns are called {name!r}; rename one of them"
        for name in dict.fromkeys(wanted)
        if len(by_fold[fold(name)]) > 1
    ]
    return mapped, problems


def _another_file(where: str, problems: list[str], headers: list[str]) -> str:
    """Say in one line that a file has none of the columns that are looked for."""
    wanted = ", ".join(problem.split("no column ")[1].split(" (for ")[0] for problem in problems)
    there = ", ".join(repr(header) for header in headers[:30]) or "none"
    return (
        f"{where}: no column {wanted}; it has {there}: none of them. If its first line is a "
        "heading, delete the lines above the header; if its characters are wrong, set `encoding`; "
        "else correct `columns` or `path`"
    )


def excluded_headers(part: SourcePart, headers: Iterable[str]) -> list[str]:
    """Return the file's own header of each exclude rule."""
    by_fold = {fold(header): header for header in headers}
    return [by_fold[fold(rule.column)] for rule in part.exclude]


def _match(spec: ColumnSpec, by_fold: dict[str, list[str]]) -> Mapped | str:
    if isinstance(spec, Concat):
        names, how, text = spec.concat, "concat", spec.separator
    elif isinstance(spec, Multiply):
        names, how, text = spec.multiply, "multiply", ""
    else:
        spellings = [spec] if isinstance(spec, str) else spec
        for spelling in spellings:
            if fold(spelling) in by_fold:
                return Mapped((by_fold[fold(spelling)][0],))
        return spellings[0]
    for name in names:
        if fold(name) not in by_fold:
            return name
    found = tuple(by_fold[fold(name)][0] for name in names)
    return Mapped(found, how, text)  # type: ignore[arg-type]


def _missing(where: str, column: str, wanted: str, headers: list[str]) -> str:
    folded = {fold(header): header for header in headers}
    near = difflib.get_close_matches(fold(wanted), folded, n=1)
    hint = f"; did you mean {folded[near[0]]!r}?" if near else ""
    there = ", ".join(repr(header) for header in headers[:30]) or "none"
    return f"{where}: no column {wanted!r} (for {column}); it has {there}{hint}"
