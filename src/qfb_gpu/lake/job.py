"""The ingest of one source: batches to disk by bucket, buckets to sorted files, one commit.

Files that are new are read; where files went or changed, their rows leave silver by the number of
their file, duplicates that they stood in front of come back, and only the buckets concerned are
written. A night that finds nothing to keep reads everything again, and compares what it writes
with what stands there: a replaced extract touches the customers whose rows differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu._backend.devices import n_threads
from qfb_gpu._backend.room import HOST_PAYMENTS
from qfb_gpu.backend import get_backend
from qfb_gpu.errors import InputError
from qfb_gpu.lake import compare, measures, silver, touched, vanished
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake.bucket_files import BucketWriter, Written
from qfb_gpu.lake.bucket_read import n_rows_of
from qfb_gpu.lake.clean import Cleaned, FilePlan, clean
from qfb_gpu.lake.delta import commit, sweep
from qfb_gpu.lake.feed import CAME, WENT, Feed, fetch
from qfb_gpu.lake.joined import joined
from qfb_gpu.lake.leaving import FeedMismatchError, Leaving, find_leaving
from qfb_gpu.lake.manifest import Change
from qfb_gpu.lake.nothing_left import refusal
from qfb_gpu.lake.plans import Planner
from qfb_gpu.lake.prune import pruned
from qfb_gpu.lake.readers import Batch, estimate_rows, read_batches
from qfb_gpu.lake.recipe_tables import gathered
from qfb_gpu.lake.rejects import RejectFile
from qfb_gpu.lake.sources import SourceFile, find_files, parts_of
from qfb_gpu.lake.spill import Spill, split
from qfb_gpu.lake.threads import in_order
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from qfb_gpu.config import Config
    from qfb_gpu.lake.manifest import Manifest
    from qfb_gpu.lake.runs import Split

Progress = Callable[[str, int, int], None]
_MOST_BUCKETS = 4096
_MOST, _LEAST = 1.5, 0.125
"""Of the rows that a bucket should have: with more or less a lake gets another number of them."""


class Job:
    """The ingest of one source."""

    def __init__(
        self,
        config: Config,
        source: str,
        table_dir: Path,
        tell: Progress,
        foresee: Callable[[int], None] | None = None,
    ) -> None:
        self._config = config
        self._source = source
        self._dir = table_dir
        self._tell = tell
        self._foresee = foresee or (lambda _n_buckets: None)
        self._schema = SOURCES[source]
        self._parts = parts_of(config, source)
        self.planner = Planner(config, source)
        self._file_counts: dict[int, Counter[str]] = {}
        self._merged: Counter[str] = Counter()
        self._example: pa.Table | None = None

    def run(self, n_buckets: int | None) -> tuple[Manifest, bool]:
        """Read what is new, commit it; return the manifest and whether anything was done."""
        files = find_files(self._config, self._source)
        before = state.load(self._dir)
        change, feeds = self._change(before, files, n_buckets)
        if change.kind == "none":
            self._foresee(before.n_buckets)
            return before, False
        sweep(self._dir)
        try:
            return self._apply(before, files, change, feeds, n_buckets), True
        except FeedMismatchError:
            self._file_counts.clear()
            self._merged.clear()
            whole = Change("rebuild", files)
            return self._apply(before, files, whole, [], n_buckets), True
        finally:
            for feed in feeds:
                feed.path.unlink(missing_ok=True)

    def _change(
        self, before: Manifest, files: list[SourceFile], n_buckets: int | None
    ) -> tuple[Change, list[Feed]]:
        """Say what has to be done, with the change feeds that are there."""
        mapping = state.fingerprint(self._config, self._source)
        sums = any(part.lines == "sum" for part in self._parts)
        may = frozenset(n for n, part in enumerate(self._parts) if not part.prepare)
        change = state.compare(before, files, mapping, n_buckets, sums=sums, may_feed=may)
        roots = {f.part: f.delta.root for f in files if f.delta is not None}
        feeds = []
        for part, (first, last) in change.feeds.items():
            path = state.folder(self._dir) / f"feed-{part}.arrows"
            feed = fetch(roots[part], first, last, part, path)
            if feed is None:
                if before.tables[str(part)]["fed"]:
                    return Change("rebuild", files), []
                return state.compare(before, files, mapping, n_buckets, sums=sums), []
            feeds.append(feed)
        return change, feeds

    def _apply(
        self,
        before: Manifest,
        files: list[SourceFile],
        change: Change,
        feeds: list[Feed],
        n_buckets: int | None,
    ) -> Manifest:
        kept = list(before.files) if change.kind != "rebuild" else []
        plans = self.planner.files(change.todo, len(kept))
        n_rows = sum(estimate_rows(f, p.part) for f, p in zip(change.todo, plans, strict=True))
        n_rows += sum(feed.n_rows for feed in feeds)
        fed = {str(feed.part) for feed in feeds}
        fed |= {part for part, table in before.tables.items() if table["fed"] and kept}
        after = state.Manifest(
            version=before.version + 1,
            fingerprint=state.fingerprint(self._config, self._source),
            settings=state.settings(self._config, self._source),
            n_buckets=before.n_buckets if kept else n_buckets or self._n_buckets(n_rows, before),
            files=[*_marked(kept, change), *state.listed(change.todo), *map(_slot, feeds)],
            rejects=list(before.rejects) if kept else [],
            merged=dict(before.merged) if kept else {},
            retried=before.retried,
            tables={str(part): {"version": version, "fed": str(part) in fed}
                    for part, version in state.versions(files).items()},
            profile=dict(before.profile) if kept else {},
            columns=vanished.told(self._config, self._source, before, change.todo, plans),
        )  # fmt: skip
        self._foresee(after.n_buckets)
        first = len(kept) + len(change.todo)
        fed_plans = [self.planner.feed(feed, first + n) for n, feed in enumerate(feeds)]
        read = joined(self._batches(change.todo, plans), self._batch_rows)
        came = chain(read, self._fed(feeds, fed_plans, CAME))
        went = self._fed(feeds, fed_plans, WENT)
        self.make(after, before, came, n_rows, went, change.gone, len(kept), keeps=bool(kept))
        return after

    def _fed(
        self, feeds: list[Feed], plans: list[FilePlan], kinds: tuple[str, ...]
    ) -> Iterator[tuple[Batch, FilePlan]]:
        for feed, plan in zip(feeds, plans, strict=True):
            batches = feed.batches(kinds, plan.wanted, self._batch_rows)
            yield from ((batch, plan) for batch in batches)

    def make(  # noqa: PLR0913
        self,
        after: Manifest,
        before: Manifest,
        came: Iterable[tuple[Batch, FilePlan]],
        n_expected: int,
        went: Iterable[tuple[Batch, FilePlan]] = (),
        gone: frozenset[int] = frozenset(),
        n_kept: int = 0,
        left: pa.Table | None = None,
        *,
        keeps: bool = True,
    ) -> None:
        """Clean batches, merge them with what silver keeps, and commit the manifest.

        Parameters
        ----------
        after : Manifest
            Of the version to make; its counts are filled in.
        before : Manifest
            Of the version that stands; an empty one where there is none.
        came, went : iterable of (Batch, FilePlan)
            Rows to add, and rows to take away by their content.
        n_expected : int
            About how many rows that are, for the progress.
        gone : set of int
            Numbers of the files whose rows leave.
        n_kept : int
            How many of the manifest's files were there before.
        left : pyarrow.Table, optional
            The rejected rows that stay so, where they are not those of the manifest.
        keeps : bool
            Whether silver keeps the rows of ``before``.
        """
        folder = state.folder(self._dir)
        rejects = RejectFile(folder / f"rejects-{after.version:06d}.parquet")
        added, removed = Spill(folder / "spill.rows"), Spill(folder / "removed.rows")
        rejects.write(left)
        try:
            self._read(came, after.n_buckets, added, rejects, n_expected)
            refused = self._read_removed(went, after.n_buckets, removed)
            self._check_any(added, keeps=keeps)
            leaving = Leaving()
            if gone or refused or removed.buckets():
                leaving = find_leaving(self._dir, after, self._schema, self._config.currency,
                                       gone, n_kept, set(removed.buckets()), refused)  # fmt: skip
                after.rejects = []
                rejects.write(leaving.rejects)
            why = "" if keeps else compare.why_not(before, after)
            there = None if why else silver.files_by_bucket(self._dir)
            writer = BucketWriter(
                self._dir, self._schema, after.version, [str(f["name"]) for f in after.files],
                self._sums(after), added, removed, leaving, keeps, there,
            )  # fmt: skip
            done = self._write(after, writer, rejects)
        finally:
            added.remove()
            removed.remove()
            rejects.close()
        self._commit(before, after, done, rejects, why, keeps=keeps)

    def _read_removed(
        self, went: Iterable[tuple[Batch, FilePlan]], n_buckets: int, removed: Spill
    ) -> list[pa.Table]:
        """Clean the rows that leave, count them negative; return those that had been rejected."""
        refused = []
        for batch, plan in went:
            cleaned = clean(batch, plan)
            removed.write(split(cleaned, n_buckets))
            self._file_counts.setdefault(plan.number, Counter()).subtract(cleaned.counts)
            if cleaned.rejects is not None:
                refused.append(cleaned.rejects)
        removed.seal()
        return refused

    def uncount(self, number: int, counts: Counter[str]) -> None:
        """Take what a file's rows were counted as away: they are counted again."""
        self._file_counts.setdefault(number, Counter()).subtract(counts)

    def _check_any(self, spill: Spill, *, keeps: bool) -> None:
        counts: Counter[str] = Counter()
        for one in self._file_counts.values():
            counts.update(one)
        if spill.buckets():
            return
        said = refusal(self._source, counts, self._example, keeps=keeps)
        if said:
            raise InputError(said)

    @property
    def _batch_rows(self) -> int:
        return max(1000, self._config.batch_rows // (n_threads() + 2))

    def _batches(
        self, files: list[SourceFile], plans: list[FilePlan]
    ) -> Iterator[tuple[Batch, FilePlan]]:
        for file, plan in zip(files, plans, strict=True):
            self._file_counts[plan.number] = Counter()
            skipped = pruned(file, plan)
            if skipped:
                self._file_counts[plan.number].update(skipped)
                continue
            what = (file, plan.part, plan.wanted, plan.repeating, self._batch_rows)
            read: Iterator[Batch] = read_batches(*what)
            if plan.recipe is not None and plan.recipe.is_whole:
                read = gathered(read)
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

        def work(item: tuple[Batch, FilePlan]) -> tuple[Cleaned, Split]:
            """Clean a batch; of its rows only the runs are kept."""
            cleaned = clean(*item)
            runs, cleaned.columns = split(cleaned, n_buckets), {}
            return cleaned, runs

        stage = f"read {self._source}"
        done = 0
        self._tell(stage, 0, n_expected)
        for cleaned, runs in in_order(work, iter(batches), n_threads()):
            spill.write(runs)
            rejects.write(cleaned.rejects)
            for number, counts in cleaned.by_file.items():
                self._file_counts.setdefault(number, Counter()).update(counts)
            self._example = self._example or cleaned.rejects
            done += cleaned.counts["rows"]
            self._tell(stage, min(done, n_expected), n_expected)
        spill.seal()

    def _sums(self, after: Manifest) -> Any:
        return np.array([self._parts[file["part"]].lines == "sum" for file in after.files])

    def _write(self, after: Manifest, writer: BucketWriter, rejects: RejectFile) -> list[Written]:
        """Second pass: merge and write every bucket that has new rows or loses some."""
        stage = f"write {self._source}"
        buckets = writer.buckets()
        done = []
        for number, one in enumerate(in_order(writer.write, iter(buckets), n_threads()), 1):
            done.append(one)
            known = after.profile.pop(str(one.bucket), None)
            if one.profile is not None:
                both = [known, one.profile] if known and one.is_more else [one.profile]
                after.profile[str(one.bucket)] = measures.together(both)
            rejects.write(one.rejects)
            one.rejects = None
            self._merged.update(one.counts)
            self._tell(stage, number, len(buckets))
        return done

    def _commit(
        self,
        before: Manifest,
        after: Manifest,
        done: list[Written],
        rejects: RejectFile,
        why: str,
        *,
        keeps: bool,
    ) -> None:
        """Make what was written the newest version; ``why`` nobody knows who is touched."""
        parts = [one.part for one in done if one.part is not None]
        schema = next((one.schema for one in done if one.schema is not None), None)
        gone, drop = [path for one in done for path in one.drops], None
        if keeps or any(one.stays for one in done):
            drop = [path.relative_to(self._dir).as_posix() for path in gone]
        if keeps:
            came = sum(part.n_rows for part in parts)
            after.n_rows = before.n_rows + came - sum(map(n_rows_of, gone))
        else:
            after.n_rows = sum(one.profile["rows"] for one in done if one.profile)
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
        if before.version:
            now, then = (touched.id_of(self._dir, one.version) for one in (after, before))
            touched.save(self._dir, now, then, {one.bucket: one.customers for one in done}, why)
        commit(
            self._dir,
            parts,
            silver.schema_of(self._dir, schema),
            partition_by=["bucket"],
            application=state.APPLICATION,
            version=after.version,
            drop=drop,
            note={"files": len(after.files), "rows": after.n_rows},
        )
        state.clear(self._dir, after)
        sweep(self._dir)

    def _n_buckets(self, n_rows: int, before: Manifest) -> int:
        """Return a power of two: as many rows a bucket as suit the run's device, about a million.

        Fewer where a batch has less than a million.

        What stands keeps its number while that is not far off: rows in other buckets cannot be
        compared with those that stand there, nor is anything carried for them.
        """
        suits = get_backend(self._config.device).payments_a_bucket()
        per_bucket = suits * min(HOST_PAYMENTS, self._config.batch_rows) // HOST_PAYMENTS
        full = per_bucket * before.n_buckets
        if full and _LEAST * full <= n_rows <= _MOST * full:
            return before.n_buckets
        wanted = max(1, -(-n_rows // per_bucket))
        return min(1 << (wanted - 1).bit_length(), _MOST_BUCKETS)


def _slot(feed: Feed) -> dict[str, Any]:
    return {"name": feed.name, "identity": str(feed.version), "part": feed.part}


def _marked(files: list[dict[str, Any]], change: Change) -> list[dict[str, Any]]:
    """Return files with those that leave marked; they keep their numbers."""
    return [
        {"name": f["name"], "identity": "", "part": f["part"], "gone": True}
        if number in change.gone
        else f
        for number, f in enumerate(files)
    ]
