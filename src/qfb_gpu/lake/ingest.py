"""Sources to silver: clean batches go to disk by bucket, buckets become sorted files.

Two passes, both on all threads: batches of rows are cleaned and split by bucket into a spill
file; then each bucket is merged, freed of duplicates, sorted and written. At most a few batches
or buckets are in memory. One commit a source makes the result visible; unchanged sources
cost a look at their files' sizes and times.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qfb_gpu._backend.allocator import keep_freed_memory
from qfb_gpu._schema.output import LAKE
from qfb_gpu.calendars import to_date, to_day
from qfb_gpu.errors import InputError
from qfb_gpu.lake import quality
from qfb_gpu.lake.job import Job, Progress
from qfb_gpu.lake.lock import writing
from qfb_gpu.lake.manifest import RETRIED
from qfb_gpu.lake.owned import refuse_foreign
from qfb_gpu.lake.strangers import tell_strangers
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qfb_gpu.config import Config
    from qfb_gpu.lake.manifest import Manifest


@dataclass(slots=True)
class IngestResult:
    """What the lake holds now.

    Attributes
    ----------
    n_rows : int
        Payments in silver.
    n_rejected : int
        Rows of all sources that were rejected.
    changed : bool
        Whether anything was read.
    inputs : dict of source to dict
        ``files`` (name, identity), ``version`` of silver: what a run's id is made of.
    counts : dict of source to dict of measure to int
    unused : dict of source to str
        Sources of the config that no part of a run reads yet, and what they are for.
    first_day : int or None
        Of the first payment; None where there is none.
    manifests : dict of source to Manifest
    quality : list of dict
        The rows of ``data_quality``.
    """

    n_rows: int = 0
    n_rejected: int = 0
    changed: bool = False
    inputs: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)
    first_day: int | None = None
    manifests: dict[str, Manifest] = field(default_factory=dict)
    quality: list[dict[str, Any]] = field(default_factory=list)


def ingest(config: Config, progress: Progress | None = None) -> IngestResult:
    """Bring silver up to date with the sources of a config, and publish what is told of it.

    See :func:`read_sources`.
    """
    with writing(config.output_dir):
        result = read_sources(config, progress)
        publish(config, result)
        return result


def publish(config: Config, result: IngestResult) -> None:
    """Publish ``rejects`` and ``data_quality``, of the day of the config.

    A night does that beside its other tables: one that stops before them leaves these two as they
    were, too.
    """
    quality.publish(config.output_dir, result.quality, result.manifests)


def read_sources(
    config: Config,
    progress: Progress | None = None,
    foresee: Callable[[int], None] | None = None,
) -> IngestResult:
    """Bring silver up to date with the sources of a config.

    Parameters
    ----------
    config : Config
    progress : callable(stage, done, total), optional
    foresee : callable(n_buckets), optional
        Told how many buckets there will be, as soon as that is known: before most of the reading.

    Raises
    ------
    InputError
        A file or column is missing, a file cannot be read, no row of a source can be kept, or no
        payment is as early as ``as_of``; silver is up to date then.
    ConfigError
        The output folder cannot be written, or holds such a table of others.
    RunInterruptedError
        Another process writes in the output folder.
    """
    keep_freed_memory()
    with writing(config.output_dir):
        refuse_foreign(config.output_dir)
        return _ingest(config, progress, foresee or (lambda _n_buckets: None))


def _ingest(
    config: Config, progress: Progress | None, foresee: Callable[[int], None]
) -> IngestResult:
    result = IngestResult()
    tell = progress or (lambda _stage, _done, _total: None)
    lake = config.output_dir / LAKE
    names = [n for n in SOURCES if n in config.sources or n == "transactions"]
    n_buckets: int | None = config.n_buckets if isinstance(config.n_buckets, int) else None
    manifests = result.manifests
    for name in names:
        job = Job(config, name, lake / name, tell, foresee if name == "transactions" else None)
        manifest, changed = job.run(n_buckets)
        n_buckets = manifest.n_buckets
        manifests[name] = manifest
        result.changed |= changed
        result.counts[name] = manifest.counts
        result.inputs[name] = _inputs(manifest)
    result.n_rows = manifests["transactions"].n_rows
    result.unused = quality.unused(set(config.sources))
    result.first_day = quality.first_day(manifests["transactions"])
    if result.first_day is not None and result.first_day > to_day(config.as_of):
        raise InputError(too_early(config, result.first_day))
    if result.changed:
        tell_strangers(lake, manifests)
    result.quality = quality.measured(config, manifests)
    result.n_rejected = quality.n_rejected(result.quality)
    return result


def too_early(config: Config, first_day: int | None) -> str:
    """Return what to say where no payment is as early as the config's ``as_of``."""
    first = "there is none at all" if first_day is None else f"the first is on {to_date(first_day)}"
    return f"as_of {config.as_of}: no payment is as early as that, {first}; set a later as_of"


def _inputs(manifest: Manifest) -> dict[str, Any]:
    """Return what the answers of a run depend on: files, mapping, rows that were tried again.

    Files are by part and name: in which order they came makes no other rows, nor another run.
    """
    live = [file for file in manifest.files if not file.get("gone")]
    files = [
        {"name": f["name"], "identity": f["identity"], "part": f["part"]}
        for f in sorted(live, key=lambda file: (file["part"], file["name"]))
    ]
    again = {RETRIED: manifest.retried} if manifest.retried else {}
    return {"files": files, "mapping": manifest.fingerprint, **again}


def forget(output_dir: Path) -> None:
    """Delete the lake, so that the next ingest reads every source anew."""
    shutil.rmtree(output_dir / LAKE, ignore_errors=True)
