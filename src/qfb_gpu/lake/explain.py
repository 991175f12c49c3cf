"""What the recipes of a config do to the first rows of their sources; nothing is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from qfb_gpu.errors import ConfigError
from qfb_gpu.lake.readers import headers, read_batches
from qfb_gpu.lake.recipe_tables import gathered
from qfb_gpu.lake.sources import part_files, part_key, parts_of, recipe_of
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    from qfb_gpu.config import Config
    from qfb_gpu.lake.sources import SourceFile


@dataclass(slots=True)
class StepDone:
    """What one step did.

    Attributes
    ----------
    label : str
    reads, makes : tuple of str
        Columns in and out.
    table : str
        The file it looks things up in; empty where there is none.
    rows_before, rows_after : int
    counts : Counter
        ``changed`` and whatever the operation counts.
    """

    label: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    table: str
    rows_before: int = 0
    rows_after: int = 0
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Explanation:
    """One part of a source.

    Attributes
    ----------
    where : str
        Its key in the config.
    columns : list of str
        Of the first file.
    n_files, n_rows : int
        Files, and how many of their rows were tried.
    steps : list of StepDone
    example : pyarrow.Table or None
        The first rows after the last step.
    """

    where: str
    columns: list[str]
    n_files: int
    n_rows: int = 0
    steps: list[StepDone] = field(default_factory=list)
    example: pa.Table | None = None


def explain(config: Config, source: str | None, max_rows: int) -> list[Explanation]:
    """Run every recipe of a config, or of one source, on the first rows of each part.

    Parameters
    ----------
    config : Config
    source : str or None
    max_rows : int
        Of a part. A step that needs whole files sees them whole.

    Raises
    ------
    ConfigError
        The config has no such source, or no recipe at all; a step is wrong.
    InputError
        A file cannot be read.
    """
    if source is not None and source not in config.sources:
        msg = f"--source {source}: the config has {', '.join(config.sources)}"
        raise ConfigError(msg)
    names = [source] if source else [name for name in config.sources if name in SOURCES]
    found = [
        _part(config, name, number, max_rows)
        for name in names
        for number in range(len(config.sources[name]))
        if config.sources[name][number].prepare
    ]
    if not found:
        where = f"sources.{source}" if source else "no source"
        msg = f"{where} has {'no ' if source else 'a '}`prepare` in the config: nothing to explain"
        raise ConfigError(msg)
    return found


def _part(config: Config, source: str, number: int, max_rows: int) -> Explanation:
    files = part_files(config, source, number)
    part = parts_of(config, source)[number]
    found = Explanation(part_key(config, source, number), headers(files[0], part), len(files))
    for file in files:
        if found.n_rows < max_rows:
            _file(config, source, file, found, max_rows)
    return found


def _file(config: Config, source: str, file: SourceFile, found: Explanation, max_rows: int) -> None:
    part = parts_of(config, source)[file.part]
    there = headers(file, part)
    recipe = recipe_of(config, source, file.part, there)
    if not found.steps:
        found.steps = [
            StepDone(s.label, tuple(dict.fromkeys(s.inputs)), s.into, s.table) for s in recipe.steps
        ]
    batches = read_batches(file, part, there, [], max(1000, min(max_rows, config.batch_rows)))
    if recipe.is_whole:
        batches = gathered(batches)  # type: ignore[assignment]
    for batch in batches:
        rows = batch.rows if recipe.is_whole else batch.rows.slice(0, max_rows - found.n_rows)
        found.n_rows += rows.num_rows
        trace = list(recipe.trace(rows))
        for done, step in zip(found.steps, trace, strict=True):
            done.rows_before += step.rows_before
            done.rows_after += step.rows_after
            done.counts.update(step.counts)
        if found.example is None and trace:
            found.example = pa.table(trace[-1].columns).slice(0, 100)
        if found.n_rows >= max_rows:
            batches.close()
            return
