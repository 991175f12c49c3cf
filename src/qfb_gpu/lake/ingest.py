"""Sources to silver: clean batches go to disk by bucket, buckets become sorted files.

Two passes, both on all threads: batches of rows are cleaned and split by bucket into a spill
file; then each bucket is merged, freed of duplicates, sorted and written. At most a few batches
or buckets are in memory. One commit a source makes the result visible; unchanged sources
cost a look at their files' sizes and times.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu._backend.devices import n_threads
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake import quality, silver
from qfb_gpu.lake.clean import Cleaned, FilePlan, clean
from qfb_gpu.lake.delta import PartFile, commit, partition_files, sweep, table_schema
from qfb_gpu.lake.merge import merge
from qfb_gpu.lake.readers import Batch, estimate_rows, headers, read_batches
from qfb_gpu.lake.rejects import SCHEMA as REJECTS
from qfb_gpu.lake.rows import Rows
from qfb_gpu.lake.sources import SourceFile, excluded_headers, find_files, match_columns, recipe_of
from qfb_gpu.lake.spill import Spill, to_runs
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qfb_gpu.config import Config
    from qfb_gpu.lake.manifest import Manifest

Progress = Callable[[str, int, int], None]
_ROWS_PER_BUCKET = 1 << 20
_MANY = 100


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
    """

    n_rows: int = 0
    n_rejected: int = 0
    changed: bool = False
    inputs: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)


def ingest(config: Config, progress: Progress | None = None) -> IngestResult:
    """Bring silver up to date with the sources of a config.

    Parameters
    ----------
    config : Config
    progress : callable(stage, done, total), optional

    Raises
    ------
    InputError
        A file or column is missing, a file cannot be read, or no row of a source can be kept.
    """
    result = IngestResult()
    check_writable(config.output_dir)
    tell = progress or (lambda _stage, _done, _total: None)
    lake = config.output_dir / "lake"
    names = [name for name in SOURCES if name in config.sources]
    n_buckets: int | None = config.n_buckets if isinstance(config.n_buckets, int) else None
    manifests = {}
    for name in names:
        job = _Job(config, name, lake / name, tell)
        manifest, changed = job.run(n_buckets)
        n_buckets = manifest.n_buckets
        manifests[name] = manifest
        result.changed |= changed
        result.counts[name] = manifest.counts
        result.inputs[name] = {"files": manifest.files, "mapping": manifest.fingerprint}
    result.n_rows = manifests["transactions"].n_rows
    result.unused = quality.unused(set(config.sources))
    result.n_rejected = quality.publish(config.output_dir, lake, manifests, set(config.sources))
    return result


def check_writable(output_dir: Path) -> None:
    """Raise where the folder of the results cannot be made or written."""
    probe = output_dir / ".write-test"
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        msg = f"output: cannot write in {output_dir} ({error.strerror}); set `output` to a folder "
        raise ConfigError(msg + "that can be written") from error


class _Job:
    """The ingest of one source."""

    def __init__(self, config: Config, source: str, table_dir: Path, tell: Progress) -> None:
        self._config = config
        self._source = source
        self._dir = table_dir
        self._tell = tell
        self._schema = SOURCES[source]
        self._counts: Counter[str] = Counter()
        self._example: pa.Table | None = None

    def run(self, n_buckets: int | None) -> tuple[Manifest, bool]:
        """Read what is new, commit it; return the manifest and whether anything was done."""
        files = find_files(self._config, self._source)
        before = state.load(self._dir)
        mapping = state.fingerprint(self._config, self._source)
        change, todo = state.compare(before, files, mapping, n_buckets)
        if change == "none":
            return before, False
        kept = before.files if change == "append" else []
        plans = self._plans(todo, len(kept))
        n_rows = sum(estimate_rows(f, p.part) for f, p in zip(todo, plans, strict=True))
        after = state.Manifest(
            version=before.version + 1,
            fingerprint=mapping,
            n_buckets=before.n_buckets if kept else n_buckets or _n_buckets(n_rows),
            files=[*kept, *state.listed(todo)],
            rejects=list(before.rejects) if kept else [],
        )
        if kept:
            self._counts.update(before.counts)
        sweep(self._dir)
        rejects = _RejectFile(state.folder(self._dir) / f"rejects-{after.version:06d}.parquet")
        spill = Spill(state.folder(self._dir) / "spill.arrows")
        try:
            self._read(todo, plans, after.n_buckets, spill, rejects, n_rows)
            if not spill.buckets() and (not kept or self._counts["rows"] >= _MANY):
                where = f"sources.{self._source}"
                raise InputError(silver.nothing_left(where, self._counts, self._example))
            parts, schema = self._write(after, spill, rejects, append=bool(kept))
        finally:
            spill.remove()
            rejects.close()
        self._commit(before, after, parts, schema, rejects, append=bool(kept))
        return after, True

    def _plans(self, files: list[SourceFile], first: int) -> list[FilePlan]:
        plans, problems = [], []
        for number, file in enumerate(files, first):
            part = self._config.sources[self._source][file.part]
            recipe = recipe_of(self._config, self._source, file.part, headers(file, part))
            names = recipe.names
            mapped, wrong = match_columns(part, self._schema, names, file.name)
            problems += wrong
            if not wrong:
                excludes = excluded_headers(part, names)
                plans.append(
                    FilePlan(
                        number, file.name, self._source, part, self._schema, mapped, excludes,
                        self._config.currency, recipe,
                    )
                )  # fmt: skip
        if problems:
            more = f" (and {len(problems) - 1} more; see qfb check)" if len(problems) > 1 else ""
            raise InputError(problems[0] + more)
        return plans

    def _read(
        self,
        files: list[SourceFile],
        plans: list[FilePlan],
        n_buckets: int,
        spill: Spill,
        rejects: _RejectFile,
        n_expected: int,
    ) -> None:
        """First pass: clean every batch and split it by bucket."""
        n_workers = n_threads()
        batch_rows = max(1000, self._config.batch_rows // (n_workers + 2))
        batches = chain.from_iterable(
            ((batch, plan) for batch in
             read_batches(file, plan.part, plan.wanted, plan.repeating, batch_rows))
            for file, plan in zip(files, plans, strict=True)
        )  # fmt: skip

        def work(item: tuple[Batch, FilePlan]) -> tuple[Cleaned, list[tuple[int, pa.RecordBatch]]]:
            cleaned = clean(*item)
            runs = to_runs(cleaned, n_buckets)
            cleaned.columns = {}
            return cleaned, runs

        stage = f"read {self._source}"
        done = 0
        self._tell(stage, 0, n_expected)
        for cleaned, runs in _in_order(work, batches, n_workers):
            spill.write(runs)
            rejects.write(cleaned.rejects)
            self._counts.update(cleaned.counts)
            self._example = self._example or cleaned.rejects
            done += cleaned.counts["rows"]
            self._tell(stage, min(done, n_expected), n_expected)
        spill.seal()

    def _write(
        self, after: Manifest, spill: Spill, rejects: _RejectFile, *, append: bool
    ) -> tuple[list[PartFile], pa.Schema]:
        """Second pass: merge and write every bucket that has new rows."""
        names = [str(file["name"]) for file in after.files]
        parts_of = self._config.sources[self._source]
        sums = np.array([parts_of[file["part"]].lines == "sum" for file in after.files])

        def work(bucket: int) -> tuple[PartFile, pa.Schema, pa.Table | None, Counter[str]]:
            tables = [pa.Table.from_batches([batch]) for batch in spill.read(bucket)]
            old = silver.read_spilled(self._dir, bucket) if append else None
            if old is not None:
                tables.append(old.select(tables[0].column_names))
            rows = Rows(tables)
            merged = merge(rows, self._schema, sums, names)
            table = silver.silver_table(rows, merged.order, self._schema)
            part = silver.write_bucket(self._dir, bucket, after.version, table)
            return part, table.schema, merged.rejects, merged.counts

        stage = f"write {self._source}"
        buckets = spill.buckets()
        parts: list[PartFile] = []
        schema = pa.schema([])
        done = _in_order(work, iter(buckets), n_threads())
        for part, schema, rejected, counts in done:  # noqa: B007
            parts.append(part)
            rejects.write(rejected)
            self._counts.update(counts)
            self._tell(stage, len(parts), len(buckets))
        return parts, schema

    def _commit(
        self,
        before: Manifest,
        after: Manifest,
        parts: list[PartFile],
        schema: pa.Schema,
        rejects: _RejectFile,
        *,
        append: bool,
    ) -> None:
        after.n_rows = sum(part.n_rows for part in parts)
        drop: list[str] | None = None
        if append:
            touched = [part.partition["bucket"] for part in parts]
            old = [p for b in touched for p in partition_files(self._dir, "bucket", b)]
            drop = [path.relative_to(self._dir).as_posix() for path in old]
            gone = sum(pq.read_metadata(path).num_rows for path in old)
            after.n_rows += before.n_rows - gone
        self._counts["kept"] = after.n_rows
        after.counts = dict(self._counts)
        if rejects.n_rows:
            after.rejects.append(rejects.path.name)
        state.save(self._dir, after)
        commit(
            self._dir,
            parts,
            silver.plain_schema(schema) if parts else table_schema(self._dir),
            partition_by=["bucket"],
            application=state.APPLICATION,
            version=after.version,
            drop=drop,
            note={"files": len(after.files), "rows": after.n_rows},
        )
        state.clear(self._dir, after)
        sweep(self._dir)


class _RejectFile:
    """The rejected rows of one ingest, written as they come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_rows = 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table | None) -> None:
        """Append rows."""
        if table is None:
            return
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self.path, REJECTS, compression="zstd")
        self._writer.write_table(table)
        self.n_rows += table.num_rows

    def close(self) -> None:
        """End writing."""
        if self._writer is not None:
            self._writer.close()


def _n_buckets(n_rows: int) -> int:
    """Return a power of two: about a million rows a bucket."""
    wanted = max(1, -(-n_rows // _ROWS_PER_BUCKET))
    return 1 << (wanted - 1).bit_length()


def _in_order(work: Callable[[Any], Any], items: Iterator[Any], n_workers: int) -> Iterator[Any]:
    """Map on threads with as many items under way, results in the order of the items."""
    from collections import deque

    with ThreadPoolExecutor(n_workers) as pool:
        waiting: deque[Any] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > n_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def forget(output_dir: Path) -> None:
    """Delete the lake, so that the next ingest reads every source anew."""
    shutil.rmtree(output_dir / "lake", ignore_errors=True)
