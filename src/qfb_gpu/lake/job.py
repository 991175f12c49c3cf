"""The ingest of one source: batches to disk by bucket, buckets to sorted files, one commit.

Files that are new are read; where files went or changed, their rows leave silver by the number of
their file, duplicates that they stood in front of come back, and only the buckets concerned are
written. A night that finds nothing to keep reads everything again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu._backend.devices import n_threads
from qfb_gpu.errors import InputError
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake import measures, silver
from qfb_gpu.lake.clean import Cleaned, FilePlan, clean, row_numbers
from qfb_gpu.lake.delta import PartFile, commit, partition_files, sweep, table_schema
from qfb_gpu.lake.merge import merge
from qfb_gpu.lake.prune import pruned
from qfb_gpu.lake.readers import Batch, estimate_rows, headers, read_batches
from qfb_gpu.lake.recipe_tables import gathered
from qfb_gpu.lake.rejects import RejectFile, read_rejects
from qfb_gpu.lake.revive import Duplicates, file_numbers, is_duplicate
from qfb_gpu.lake.rows import Rows
from qfb_gpu.lake.sources import (
    SourceFile,
    excluded_headers,
    find_files,
    match_columns,
    parts_of,
    recipe_of,
)
from qfb_gpu.lake.spill import Spill, to_runs
from qfb_gpu.lake.threads import in_order
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from qfb_gpu.config import Config
    from qfb_gpu.lake.manifest import Change, Manifest

Progress = Callable[[str, int, int], None]
_ROWS_PER_BUCKET = 1 << 20
_MANY = 100


@dataclass(slots=True)
class Leaving:
    """Rows that leave silver, and duplicates that may come back for them.

    Attributes
    ----------
    files : set of int
        Numbers of the files whose rows leave.
    buckets : set of int
        Where they are.
    back : dict of bucket to RecordBatch
        Duplicates of files that stay, to be merged again.
    rejects : Arrow table or None
        The rejected rows that stay rejected; None where the files of them stay as they are.
    """

    files: frozenset[int] = frozenset()
    buckets: set[int] = field(default_factory=set)
    back: dict[int, pa.RecordBatch] = field(default_factory=dict)
    rejects: pa.Table | None = None


class Job:
    """The ingest of one source."""

    def __init__(self, config: Config, source: str, table_dir: Path, tell: Progress) -> None:
        self._config = config
        self._source = source
        self._dir = table_dir
        self._tell = tell
        self._schema = SOURCES[source]
        self._parts = parts_of(config, source)
        self._file_counts: dict[int, Counter[str]] = {}
        self._merged: Counter[str] = Counter()
        self._example: pa.Table | None = None

    def run(self, n_buckets: int | None) -> tuple[Manifest, bool]:
        """Read what is new, commit it; return the manifest and whether anything was done."""
        files = find_files(self._config, self._source)
        before = state.load(self._dir)
        mapping = state.fingerprint(self._config, self._source)
        sums = any(part.lines == "sum" for part in self._parts)
        change = state.compare(before, files, mapping, n_buckets, sums=sums)
        if change.kind == "none":
            return before, False
        kept = list(before.files) if change.kind != "rebuild" else []
        plans = self.plans(change.todo, len(kept))
        n_rows = sum(estimate_rows(f, p.part) for f, p in zip(change.todo, plans, strict=True))
        after = state.Manifest(
            version=before.version + 1,
            fingerprint=mapping,
            n_buckets=before.n_buckets if kept else n_buckets or self._n_buckets(n_rows),
            files=[*_marked(kept, change), *state.listed(change.todo)],
            rejects=list(before.rejects) if kept else [],
            merged=dict(before.merged) if kept else {},
            retried=before.retried,
            profile=dict(before.profile) if kept else {},
        )
        sweep(self._dir)
        leaving = self._leaving(after, change) if change.gone else Leaving()
        batches = self._batches(change.todo, plans)
        self.make(after, before if kept else None, batches, leaving, n_rows)
        return after, True

    def make(
        self,
        after: Manifest,
        before: Manifest | None,
        batches: Iterable[tuple[Batch, FilePlan]],
        leaving: Leaving,
        n_expected: int,
    ) -> None:
        """Clean batches, merge them with what silver keeps, and commit the manifest.

        Parameters
        ----------
        after : Manifest
            Of the version to make; its counts are filled in.
        before : Manifest or None
            What silver keeps the rows of; None for none.
        batches : iterable of (Batch, FilePlan)
        leaving : Leaving
        n_expected : int
            About how many rows the batches have, for the progress.
        """
        folder = state.folder(self._dir)
        rejects = RejectFile(folder / f"rejects-{after.version:06d}.parquet")
        spill = Spill(folder / "spill.arrows")
        if leaving.rejects is not None:
            after.rejects = []
            rejects.write(leaving.rejects)
        try:
            self._read(batches, after.n_buckets, spill, rejects, n_expected)
            self._check_any(spill, before)
            parts, schema, buckets = self._write(after, spill, rejects, leaving, before)
        finally:
            spill.remove()
            rejects.close()
        self._commit(before, after, parts, schema, rejects, buckets)

    def _check_any(self, spill: Spill, before: Manifest | None) -> None:
        counts: Counter[str] = Counter()
        for one in self._file_counts.values():
            counts.update(one)
        if not spill.buckets() and (before is None or counts["rows"] >= _MANY):
            where = f"sources.{self._source}"
            raise InputError(silver.nothing_left(where, counts, self._example))

    def plans(self, files: list[SourceFile], first: int) -> list[FilePlan]:
        """Return how the rows of files are cleaned; their numbers begin with ``first``."""
        plans, problems = [], []
        for number, file in enumerate(files, first):
            plan, wrong = self.plan(number, file.name, file.part, headers(file, self._part(file)))
            problems += wrong
            if plan is not None:
                plans.append(plan)
        if problems:
            more = f" (and {len(problems) - 1} more; see qfb check)" if len(problems) > 1 else ""
            raise InputError(problems[0] + more)
        return plans

    def plan(
        self, number: int, name: str, part_number: int, there: list[str]
    ) -> tuple[FilePlan | None, list[str]]:
        """Return how a file with some headers is cleaned, or what is wrong with it."""
        part = self._parts[part_number]
        recipe = recipe_of(self._config, self._source, part_number, there)
        mapped, wrong = match_columns(part, self._schema, recipe.names, name)
        if wrong:
            return None, wrong
        excludes = excluded_headers(part, recipe.names)
        plan = FilePlan(number, name, self._source, part, self._schema, mapped, excludes,
                        self._config.currency, recipe)  # fmt: skip
        return plan, []

    def _part(self, file: SourceFile) -> Any:
        return self._parts[file.part]

    def _batches(
        self, files: list[SourceFile], plans: list[FilePlan]
    ) -> Iterator[tuple[Batch, FilePlan]]:
        batch_rows = max(1000, self._config.batch_rows // (n_threads() + 2))
        for file, plan in zip(files, plans, strict=True):
            self._file_counts[plan.number] = Counter()
            skipped = pruned(file, plan)
            if skipped:
                self._file_counts[plan.number].update(skipped)
                continue
            read: Iterator[Batch] = read_batches(file, plan.part, plan.wanted, plan.repeating, batch_rows)
            if plan.recipe is not None and plan.recipe.is_whole:
                read = gathered(read, row_numbers)
            yield from ((batch, plan) for batch in read)

    def _read(
        self,
        batches: Iterable[tuple[Batch, FilePlan]],
        n_buckets: int,
        spill: Spill,
        rejects: RejectFile,
        n_expected: int,
    ) -> None:
        """First pass: clean every batch and split it by bucket."""

        def work(
            item: tuple[Batch, FilePlan],
        ) -> tuple[int, Cleaned, list[tuple[int, pa.RecordBatch]]]:
            cleaned = clean(*item)
            runs = to_runs(cleaned, n_buckets)
            cleaned.columns = {}
            return item[1].number, cleaned, runs

        stage = f"read {self._source}"
        done = 0
        self._tell(stage, 0, n_expected)
        for number, cleaned, runs in in_order(work, iter(batches), n_threads()):
            spill.write(runs)
            rejects.write(cleaned.rejects)
            self._file_counts.setdefault(number, Counter()).update(cleaned.counts)
            self._example = self._example or cleaned.rejects
            done += cleaned.counts["rows"]
            self._tell(stage, min(done, n_expected), n_expected)
        spill.seal()

    def _leaving(self, after: Manifest, change: Change) -> Leaving:
        """Find where rows leave, and the duplicates in those buckets that may come back."""
        buckets = silver.buckets_of_files(self._dir, change.gone)
        rejects = read_rejects(state.folder(self._dir), after.rejects)
        n_kept = len(after.files) - len(change.todo)
        kept = enumerate(after.files)
        names = [None if f.get("gone") or n >= n_kept else f["name"] for n, f in kept]
        numbers = file_numbers(rejects, names)
        may_return = is_duplicate(rejects) & (numbers >= 0)
        stays = ~may_return & (numbers >= 0)
        back: dict[int, pa.RecordBatch] = {}
        picked = np.flatnonzero(may_return)
        if picked.size:
            some = rejects.take(pa.array(picked))
            found = Duplicates(some, numbers[picked], self._schema, after.n_buckets,
                               self._config.currency)  # fmt: skip
            back = found.runs(buckets)
            stays[picked[~np.isin(found.bucket, sorted(buckets))]] = True
        left = rejects.filter(pa.array(stays))
        self._recount(after, left)
        return Leaving(change.gone, buckets, back, left)

    def _recount(self, after: Manifest, left: pa.Table) -> None:
        """Count the duplicates that stay rejected; the others are counted when they are merged."""
        duplicates = left.filter(pa.array(is_duplicate(left)))
        reasons = Counter(duplicates.column("reason").to_pylist())
        after.merged = {f"rejected: {reason}": n for reason, n in reasons.items()}

    def _write(
        self,
        after: Manifest,
        spill: Spill,
        rejects: RejectFile,
        leaving: Leaving,
        before: Manifest | None,
    ) -> tuple[list[PartFile], pa.Schema, list[int]]:
        """Second pass: merge and write every bucket that has new rows or loses some."""
        names = [str(file["name"]) for file in after.files]
        sums = np.array([self._parts[file["part"]].lines == "sum" for file in after.files])
        gone = pa.array(sorted(leaving.files), pa.int32())

        def work(bucket: int) -> tuple[int, PartFile | None, Any, Any, Counter[str], Any]:
            tables = [pa.Table.from_batches([batch]) for batch in spill.read(bucket)]
            if bucket in leaving.back:
                tables.append(pa.Table.from_batches([leaving.back[bucket]]))
            old = silver.read_spilled(self._dir, bucket) if before is not None else None
            if old is not None:
                tables.append(silver.without_files(old, gone))
            tables = [table for table in tables if table.num_rows]
            if not tables:
                return bucket, None, None, None, Counter(), None
            rows = Rows([table.select(tables[0].column_names) for table in tables])
            merged = merge(rows, self._schema, sums, names)
            table = silver.silver_table(rows, merged.order, self._schema)
            part = silver.write_bucket(self._dir, bucket, after.version, table)
            about = measures.profile(table, self._schema)
            return bucket, part, table.schema, merged.rejects, merged.counts, about

        stage = f"write {self._source}"
        buckets = sorted({*spill.buckets(), *leaving.buckets})
        parts: list[PartFile] = []
        schema = pa.schema([])
        for number, done in enumerate(in_order(work, iter(buckets), n_threads()), 1):
            bucket, part, found, rejected, counts, about = done
            after.profile.pop(str(bucket), None)
            if part is not None:
                parts.append(part)
                schema = found
                after.profile[str(bucket)] = about
            rejects.write(rejected)
            self._merged.update(counts)
            self._tell(stage, number, len(buckets))
        return parts, schema, buckets

    def _commit(
        self,
        before: Manifest | None,
        after: Manifest,
        parts: list[PartFile],
        schema: pa.Schema,
        rejects: RejectFile,
        buckets: list[int],
    ) -> None:
        after.n_rows = sum(part.n_rows for part in parts)
        drop: list[str] | None = None
        if before is not None:
            old = [p for b in buckets for p in partition_files(self._dir, "bucket", str(b))]
            drop = [path.relative_to(self._dir).as_posix() for path in old]
            after.n_rows += before.n_rows - sum(pq.read_metadata(path).num_rows for path in old)
        merged = Counter(after.merged)
        merged.update(self._merged)
        after.merged = dict(merged)
        for number, counts in self._file_counts.items():
            known = Counter(after.files[number].get("counts", {}))
            known.update(counts)
            after.files[number] = {**after.files[number], "counts": dict(known)}
        after.counts = after.total()
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

    def _n_buckets(self, n_rows: int) -> int:
        """Return a power of two: about a million rows a bucket, or a batch where that is less."""
        per_bucket = min(_ROWS_PER_BUCKET, self._config.batch_rows)
        wanted = max(1, -(-n_rows // per_bucket))
        return min(1 << (wanted - 1).bit_length(), _MOST_BUCKETS)


_MOST_BUCKETS = 4096


def _marked(files: list[dict[str, Any]], change: Change) -> list[dict[str, Any]]:
    """Return files with those that leave marked; they keep their numbers."""
    return [
        {"name": f["name"], "identity": "", "part": f["part"], "gone": True}
        if number in change.gone
        else f
        for number, f in enumerate(files)
    ]
