"""What a night would read: files, columns and the first rows of every source, and what is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qfb_gpu._schema.output import LAKE
from qfb_gpu.counted import counted
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake.as_read import AsRead, as_read
from qfb_gpu.lake.clean import MADE, PREPARED, FilePlan, clean
from qfb_gpu.lake.joined import ASSUMED
from qfb_gpu.lake.nothing_left import may_be_empty, nothing_left, refusal
from qfb_gpu.lake.owned import refuse_foreign
from qfb_gpu.lake.readers import estimate_rows, headers, read_batches
from qfb_gpu.lake.sources import (
    excluded_headers,
    find_files,
    match_columns,
    part_files,
    part_key,
    parts_of,
    recipe_of,
)
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    import pyarrow as pa

    from qfb_gpu.config import Config
    from qfb_gpu.lake.sources import Mapped, SourceFile

_FIRST_ROWS = 1000
_KEPT = ("rounded", ASSUMED, PREPARED)
"""Counts of rows that are not left out."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """The first rows of a file: its name and part, what became of them, those rejected."""

    key: tuple[str, int]
    counts: Counter[str]
    rejects: pa.Table | None


@dataclass(slots=True)
class Preview:
    """One part of a source.

    Attributes
    ----------
    where : str
        Its key in the config.
    n_files, n_rows : int
        Files found, and about how many rows they have.
    columns : list of str
        How our columns are made: ``date = 'booked_on'``.
    problems : list of str
        One line each: what, where, what to do; a run stops at the first.
    warnings : list of str
        One line each: files of which no row can be kept, which a run takes and rejects; and
        what can be read but is most likely not what was meant.
    n_read, n_made, n_kept : int
        Rows read for a try, those that a step of ``prepare`` made of them beside, and how many of
        both can be kept.
    left_out : dict of str to int
        Why the others are not.
    read : AsRead
        What the rows that can be kept say: one of them, their days, their money.
    """

    where: str
    n_files: int = 0
    n_rows: int = 0
    columns: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    n_read: int = 0
    n_made: int = 0
    n_kept: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    read: AsRead = field(default_factory=AsRead)
    tried: list[_Tried] = field(default_factory=list, repr=False)


def preview(config: Config) -> list[Preview]:
    """Try the first rows of every file of every source; nothing is written.

    Returns
    -------
    list of Preview
        A part each, in the order of the config; all problems, not just the first.
    """
    found: list[Preview] = []
    for source in dict.fromkeys(["transactions", *config.sources]):
        parts = [_part(config, source, n) for n in range(len(parts_of(config, source)))]
        _check_files(config, source, parts)
        _check_any(config, source, parts)
        found += parts
    try:
        refuse_foreign(config.output_dir)
    except (ConfigError, InputError) as error:
        found[0].problems.append(str(error))
    return found


def _check_any(config: Config, source: str, parts: list[Preview]) -> None:
    """Say so where a run would read rows of a source and keep none, and refuses that."""
    if any(part.problems for part in parts):
        return
    try:
        new, keeps = _to_read(config, source)
    except InputError as error:  # a lake that cannot be read
        parts[0].problems.append(str(error))
        return
    if new is not None and not new:
        return
    tried = [one for part in parts for one in part.tried if new is None or one.key in new]
    counts: Counter[str] = Counter({"rows": 0})
    for one in tried:
        counts += one.counts
    if counts["kept"]:
        return
    rejects = next((one.rejects for one in tried if one.rejects is not None), None)
    said = refusal(source, counts, rejects, keeps=keeps)
    if said:
        parts[0].problems.append(said)
        for part in parts:
            part.warnings.clear()


def _to_read(config: Config, source: str) -> tuple[set[tuple[str, int]] | None, bool]:
    """Return name and part of the files that a run reads, None for all; whether rows are kept."""
    before = state.load(config.output_dir / LAKE / source)
    mapping = state.fingerprint(config, source)
    n_buckets = config.n_buckets if isinstance(config.n_buckets, int) else None
    sums = any(part.lines == "sum" for part in parts_of(config, source))
    files = find_files(config, source)
    change = state.compare(before, files, mapping, n_buckets, sums=sums)
    if change.kind == "rebuild":
        return None, False
    return {(file.name, file.part) for file in change.todo}, True


def _check_files(config: Config, source: str, parts: list[Preview]) -> None:
    """Say so where parts that are each in order have a file in common."""
    if len(parts) == 1 or any(part.problems for part in parts):
        return
    try:
        find_files(config, source)
    except InputError as error:
        parts[-1].problems.append(str(error))


def _part(config: Config, source: str, number: int) -> Preview:
    is_statement = source == "transactions" and number >= len(config.sources.get(source, []))
    suffix = " (its transactions)" if is_statement else ""
    found = Preview(part_key(config, source, number) + suffix)
    try:
        files = part_files(config, source, number)
    except InputError as error:
        found.problems.append(str(error))
        return found
    found.n_files = len(files)
    counts: Counter[str] = Counter()
    for file in files:
        try:
            _try(config, source, file, found)
        except (ConfigError, InputError) as error:
            found.problems.append(str(error))
    for one in found.tried:
        counts += one.counts
    found.n_read, found.n_kept = counts.pop("rows", 0), counts.pop("kept", 0)
    found.n_made = counts.pop(MADE, 0)
    found.left_out = {reason: n for reason, n in counts.items() if not reason.startswith(_KEPT)}
    n_assumed = counts[f"{ASSUMED}{config.currency}"]
    if n_assumed:
        found.warnings.append(
            f"{counted(n_assumed, 'row')} of those tried have an amount and no currency, and count "
            f"as {config.currency}, the config's; correct the file if they are of another"
        )
    has_direction = any(column.startswith("direction ") for column in found.columns)
    found.warnings += found.read.warnings(source, config.as_of, has_direction=has_direction)
    return found


def _try(config: Config, source: str, file: SourceFile, found: Preview) -> None:
    """Clean the first rows of a file and note what becomes of them."""
    part, table = parts_of(config, source)[file.part], SOURCES[source]
    recipe = recipe_of(config, source, file.part, headers(file, part))
    names = recipe.names
    mapped, problems = match_columns(part, table, names, file.name)
    found.problems += problems
    if problems:
        return
    found.n_rows += estimate_rows(file, part)
    found.columns = found.columns or [_describe(name, m) for name, m in mapped.items()]
    excludes = excluded_headers(part, names)
    plan = FilePlan(0, file.name, source, part, table, mapped, excludes, config.currency, recipe)
    batches = read_batches(file, part, plan.wanted, plan.repeating, _FIRST_ROWS)
    first = next(batches, None)
    if first is None:
        return
    batches.close()
    first.rows = first.rows.slice(0, _FIRST_ROWS)
    came = first.rows
    cleaned = clean(first, plan)
    found.read.add(as_read(came, cleaned, plan))
    counts = cleaned.counts + Counter({"kept": int(cleaned.keep.size)})
    found.tried.append(_Tried((file.name, file.part), counts, cleaned.rejects))
    if not counts["kept"] and not may_be_empty("", counts):
        found.warnings.append(nothing_left(file.name, counts, cleaned.rejects))


def _describe(name: str, mapped: Mapped) -> str:
    if mapped.how == "constant":
        return f"{name} is always {mapped.text!r}"
    joint = {"one": "", "concat": " joined to ", "multiply": " times "}[mapped.how]
    return f"{name} = {joint.join(repr(header) for header in mapped.names)}"
