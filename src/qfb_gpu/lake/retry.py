"""Rejected rows tried again after the config was mended, without reading their source.

A reject keeps its row as it came, so it can be cleaned under the new mapping and merged with what
silver holds. Rows that are kept now join silver; the others stay rejected, for the reason they
have now. A change of the mapping that may concern rows which had been kept is refused: those are
in silver as the old mapping read them, and only reading the source again is right.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu._schema.output import LAKE
from qfb_gpu.errors import ConfigError
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake import parse, quality
from qfb_gpu.lake.clean import BROKEN_LINE, PREPARED, clean
from qfb_gpu.lake.draft import said_of
from qfb_gpu.lake.job import Job
from qfb_gpu.lake.lock import writing
from qfb_gpu.lake.readers import Batch
from qfb_gpu.lake.rejects import read_rejects
from qfb_gpu.lake.revive import file_numbers, from_json, is_duplicate
from qfb_gpu.lake.texts import word
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.config import Config
    from qfb_gpu.lake.clean import FilePlan
    from qfb_gpu.lake.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of the rejected rows of one source.

    Attributes
    ----------
    source : str
    n_tried, n_kept : int
        Rows that were cleaned again, and those among them that silver holds now.
    n_left : int
        Rows that are rejected now, tried or not.
    """

    source: str
    n_tried: int
    n_kept: int
    n_left: int


def retry(config: Config, *, only_rejected: bool = False) -> list[Retried]:
    """Try the rejected rows of every source again.

    Parameters
    ----------
    config : Config
        The mended one.
    only_rejected : bool
        The caller says that what was changed in the mapping concerns rejected rows alone.

    Raises
    ------
    ConfigError
        There is no lake, the mapping changed in a way that may concern other rows, it needs
        columns that rejected rows do not keep, or rows that go through a step of ``prepare`` that
        needs other rows. Nothing is tried then, of no source.
    """
    lake = config.output_dir / LAKE
    with writing(config.output_dir), said_of(lake):
        sources = [n for n in SOURCES if n in config.sources or n == "transactions"]
        manifests = {name: state.load(lake / name) for name in sources}
        if not all(manifest.files for manifest in manifests.values()):
            missing = next(name for name, manifest in manifests.items() if not manifest.files)
            msg = f"{config.output_dir}: holds no {missing} yet; `qfb run` reads them first"
            raise ConfigError(msg)
        for name, manifest in manifests.items():
            _check_change(config, name, manifest, only_rejected=only_rejected)
        asked = [_asked(config, name, lake / name, manifests[name]) for name in sources]
        done = []
        for one in asked:  # none of them is refused any more
            manifests[one.source], result = _try(config, one)
            done.append(result)
        rows = quality.measured(config, manifests)
        quality.publish(config.output_dir, rows, manifests)
    return done


def _check_change(config: Config, source: str, manifest: Manifest, *, only_rejected: bool) -> None:
    if only_rejected or manifest.fingerprint == state.fingerprint(config, source):
        return
    touched = wider_changes(manifest.settings, state.settings(config, source))
    if touched:
        msg = (
            f"sources.{source}: {', '.join(touched)} changed, which may concern rows that were "
            "kept; `qfb run` reads the source again, or --only-rejected says that it does not"
        )
        raise ConfigError(msg)


def wider_changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return the settings whose change may concern rows that had been kept.

    Rounding what had been refused, and words of a direction that nobody knew, cannot.
    """
    old, new = before.get("parts", []), now["parts"]
    if len(old) != len(new):
        return ["the number of its parts"]
    found = [key for key in now if key != "parts" and before.get(key) != now[key]]
    for one, other in zip(old, new, strict=True):
        found += [
            key
            for key in dict.fromkeys([*one, *other])
            if one.get(key) != other.get(key) and not _is_narrow(key, one, other)
        ]
    return list(dict.fromkeys(found))


def _is_narrow(key: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    if key == "rounding":
        return bool(new[key] == "half_even")
    if key != "direction_values":
        return False
    known = {word(text) for text in old[key]} | set(parse.DIRECTION_WORDS)
    kept = all(new[key].get(text) == side for text, side in old[key].items())
    return kept and not any(word(text) in known for text in set(new[key]) - set(old[key]))


@dataclass(frozen=True, slots=True)
class _Asked:
    """The rejected rows of a source: those to try, file by file with the reasons they had."""

    source: str
    table_dir: Path
    before: Manifest
    job: Job
    tries: list[tuple[Batch, FilePlan, Counter[str]]]
    left: pa.Table


def _asked(config: Config, source: str, table_dir: Path, before: Manifest) -> _Asked:
    rejects = read_rejects(state.folder(table_dir), before.rejects)
    job = Job(config, source, table_dir, lambda _stage, _done, _total: None)
    changed = _changed_parts(before.settings, state.settings(config, source))
    return _Asked(source, table_dir, before, job, *_tries(job, before, rejects, changed))


def _try(config: Config, asked: _Asked) -> tuple[Manifest, Retried]:
    source, before, job, tries = asked.source, asked.before, asked.job, asked.tries
    cleaned = [clean(batch, plan) for batch, plan, _ in tries]
    kept = [int(one.keep.size) for one in cleaned]
    n_tried = sum(batch.rows.num_rows for batch, _, _ in tries)
    n_rejected = n_tried + asked.left.num_rows
    changed = before.fingerprint != state.fingerprint(config, source)
    if not sum(kept) and not changed:
        return before, Retried(source, n_tried, 0, n_rejected)
    after = replace(
        before,
        version=before.version + 1,
        fingerprint=state.fingerprint(config, source),
        settings=state.settings(config, source),
        files=list(before.files),
        merged=dict(before.merged),
        profile=dict(before.profile),
        retried=before.retried + 1,
        rejects=[],
    )
    for (batch, plan, reasons), again in zip(tries, cleaned, strict=True):
        undone = Counter({f"rejected: {reason}": n for reason, n in reasons.items()})
        undone["rows"] += batch.rows.num_rows
        undone += Counter({m: n for m, n in again.counts.items() if m.startswith(PREPARED)})
        job.uncount(plan.number, undone)
    job.make(after, before, ((batch, plan) for batch, plan, _ in tries), n_tried, left=asked.left)
    n_left = sum(read_rejects(state.folder(asked.table_dir), [n]).num_rows for n in after.rejects)
    return after, Retried(source, n_tried, after.n_rows - before.n_rows, n_left)


def _tries(
    job: Job, before: Manifest, rejects: pa.Table, changed: set[int]
) -> tuple[list[tuple[Batch, FilePlan, Counter[str]]], pa.Table]:
    """Return the rows to try, file by file with the reasons they had, and the rows that stay."""
    names = [None if file.get("gone") else str(file["name"]) for file in before.files]
    numbers = file_numbers(rejects, names)
    is_broken = np.asarray(pc.equal(rejects.column("reason"), BROKEN_LINE), bool)
    may = (numbers >= 0) & ~is_duplicate(rejects) & ~is_broken
    tries = []
    for number in np.unique(numbers[may]).tolist():
        picked = np.flatnonzero(may & (numbers == number))
        some = rejects.take(pa.array(picked))
        rows = from_json(some.column("row_json"))
        file = before.files[number]
        plan, _ = job.planner.plan(number, file["name"], file["part"], rows.schema.names)
        if plan is None or not set(plan.wanted) <= set(rows.schema.names):
            msg = (
                f"{file['name']}: the mended mapping needs columns that its rejected rows do not "
                f"keep; they have {', '.join(rows.schema.names)}; `qfb run` reads the source again"
            )
            raise ConfigError(msg)
        why = _why_not(plan)
        if why and file["part"] in changed:
            msg = f"{file['name']}: {why}; `qfb run` reads the source again"
            raise ConfigError(msg)
        if why:
            may[picked] = False
            continue
        batch = Batch(
            rows.select(plan.wanted),
            0,
            numbers=some.column("row").to_numpy(),
            as_json=some.column("row_json").combine_chunks(),
        )
        tries.append((batch, plan, Counter(some.column("reason").to_pylist())))
    return tries, rejects.filter(pa.array(~may))


def _why_not(plan: FilePlan) -> str:
    """Return why rejected rows alone do not go through the steps of a file; empty if they do."""
    if plan.recipe is None:
        return ""
    if plan.recipe.is_whole:
        return "a step of its prepare has to see all rows of the file"
    if plan.recipe.multiplies:
        return "a step of its prepare makes several rows of one, of which some may have been kept"
    return ""


def _changed_parts(before: dict[str, Any], now: dict[str, Any]) -> set[int]:
    """Return the parts of a source whose rows another setting may concern."""
    old, new = before.get("parts", []), now["parts"]
    if len(old) != len(new) or any(before.get(key) != now[key] for key in now if key != "parts"):
        return set(range(len(new)))
    return {number for number, part in enumerate(new) if part != old[number]}
