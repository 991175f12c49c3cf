"""The first rows of every source, read as a night would read them: what ``qfb check`` tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from qfb_gpu.errors import InputError
from qfb_gpu.lake.clean import FilePlan, clean
from qfb_gpu.lake.readers import estimate_rows, headers, read_batches
from qfb_gpu.lake.sources import excluded_headers, find_files, match_columns
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    from qfb_gpu.config import Config
    from qfb_gpu.lake.sources import SourceFile

_ROWS = 1000


@dataclass(slots=True)
class PartPreview:
    """What one part of a source looks like.

    Attributes
    ----------
    where : str
        ``sources.NAME[part]``.
    n_files, n_rows : int
        Rows are an estimate for CSV.
    columns : list of str
        Those of ours that the first file has.
    n_read, n_kept : int
        Of the first rows.
    left_out : dict of reason to int
    problems : list of str
        What has to be mended, a line each.
    """

    where: str
    n_files: int = 0
    n_rows: int = 0
    columns: list[str] = field(default_factory=list)
    n_read: int = 0
    n_kept: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def preview(config: Config) -> list[PartPreview]:
    """Read the headers of every file and the first rows of every part; collect all problems."""
    found = []
    for source in [name for name in SOURCES if name in config.sources]:
        try:
            files = find_files(config, source)
        except InputError as error:
            found.append(PartPreview(f"sources.{source}", problems=[str(error)]))
            continue
        for number in range(len(config.sources[source])):
            part = PartPreview(f"sources.{source}[{number}]")
            _look(config, source, [f for f in files if f.part == number], part)
            found.append(part)
    return found


def _look(config: Config, source: str, files: list[SourceFile], found: PartPreview) -> None:
    found.n_files = len(files)
    for file in files:
        part = config.sources[source][file.part]
        try:
            there = headers(file, part)
            found.n_rows += estimate_rows(file, part)
        except InputError as error:
            found.problems.append(str(error))
            continue
        _, problems = match_columns(part, SOURCES[source], there, file.name)
        found.problems += problems
    if files and not found.problems:
        _first_rows(config, source, files[0], found)


def _first_rows(config: Config, source: str, file: SourceFile, found: PartPreview) -> None:
    part, table = config.sources[source][file.part], SOURCES[source]
    there = headers(file, part)
    mapped, _ = match_columns(part, table, there, file.name)
    plan = FilePlan(
        0, file.name, source, part, table, mapped, excluded_headers(part, there), config.currency
    )
    found.columns = list(mapped)
    try:
        for batch in islice(read_batches(file, part, plan.wanted, plan.repeating, _ROWS), 1):
            cleaned = clean(batch, plan)
            found.n_read = cleaned.counts["rows"]
            found.n_kept = len(cleaned.keep)
            found.left_out = {k: n for k, n in cleaned.counts.items() if k != "rows"}
    except InputError as error:
        found.problems.append(str(error))
    if found.n_kept == 0 and not found.problems:
        found.problems.append(f"{file.name}: none of its first {found.n_read} rows can be kept")
