"""An update: customers whose rows changed, beside what the whole night before has fitted.

Everything that is fitted over all customers (which streams are regular at what p-value, segments,
tiers, the payment network, models) stays as that night found it and is applied to the customers
that the ingests since have touched; their rows are put in place of the old ones. All other rows
stay. So an update gives what a night over all customers would give that fits nothing anew.

The touched customers' rows of silver are gathered in a lake of their own, of as few buckets as
they fill, which is scored and published as any other; then each bucket's gold is spliced.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu import network, parts, payments
from qfb_gpu._pipeline import kept as store
from qfb_gpu._pipeline.between import all_to_host, decide_bucket
from qfb_gpu._schema.output import LAKE
from qfb_gpu.backend import get_backend
from qfb_gpu.lake import delta, gold, manifest, silver, touched
from qfb_gpu.lake.splice import read_new, splice
from qfb_gpu.parts import decided, groups
from qfb_gpu.parts.part import WHOLE
from qfb_gpu.report.figures import part
from qfb_gpu.report.figures.known import Known
from qfb_gpu.tasks import BY_BUCKET, Night, publish_bucket, score_bucket

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from qfb_gpu._pipeline.kept import Kept
    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config

COUNTS = ("n_payments", "n_customers", "n_streams", "n_regular")


@dataclass(frozen=True, slots=True)
class Update:
    """What the tasks of an update need to know.

    Attributes
    ----------
    lake : Path
        Of all customers.
    night : Night
        Of the touched ones: ``night.lake`` holds them alone.
    kept : Kept
    files : dict of table to list of Path
        Part files of the tables by bucket, in the order of ``kept.buckets``.
    figures : Known
        What the report need not make again.
    """

    lake: Path
    night: Night
    kept: Kept
    files: dict[str, list[Path]]
    figures: Known = field(default_factory=Known)

    def on_host(self) -> Update:
        """Return the same update for a task that the host does: see :meth:`Night.on_host`."""
        return replace(self, night=self.night.on_host())

    def customers(self, bucket: int) -> np.ndarray:
        """Return the keys of a bucket's touched customers, ascending."""
        found = self.night.workspace.load("touched", bucket, "customers")
        keys: np.ndarray = found["customer_key"]
        return keys

    def old(self, table: str, bucket: int) -> Path | None:
        """Return a bucket's part as it is published; None for a bucket that is new."""
        if bucket not in self.kept.buckets:
            return None
        return self.files[table][self.kept.buckets.index(bucket)]

    def spliced(self, table: str, bucket: int) -> Path:
        """Return where a bucket's new part goes."""
        return self.night.workspace.folder("spliced", bucket) / f"{table}.parquet"


def why_whole(config: Config, device: str, kept: Kept | None) -> str:
    """Return why there has to be a whole night; an empty text where an update will do."""
    if kept is None:
        return "no night has left what an update needs"
    if kept.run_id != gold.last_run(config.output_dir):
        return "the newest tables are of another night"
    if kept.stamp != store.stamp_of(config, device):
        return "as_of, settings, calendar, device or engine are not those of the last whole night"
    for name, files in _files(config.output_dir, tuple(config.sources)).items():
        if len(files) != len(kept.buckets):
            return f"the files of {name} are not one a bucket any more (qfb maintain joins them)"
    found = touched.touched(config.output_dir / LAKE, kept.ingest_ids)
    unknown = [f"sources.{name} ({one.why})" for name, one in found.items() if not one.known]
    return f"which customers changed is not known of {', '.join(unknown)}" if unknown else ""


def touched_customers(config: Config, kept: Kept) -> dict[int, np.ndarray]:
    """Return by bucket the keys of the customers whose rows in any source changed, ascending."""
    lake = config.output_dir / LAKE
    found: dict[int, list[np.ndarray]] = {}
    for one in touched.touched(lake, kept.ingest_ids).values():
        for bucket, keys in one.customers.items():
            found.setdefault(bucket, []).append(keys)
    there = {*silver.buckets(lake), *kept.buckets}
    return {b: np.unique(np.concatenate(keys)) for b, keys in sorted(found.items()) if b in there}


def prepare(night: Night, kept: Kept, customers: dict[int, np.ndarray], output: Path) -> Update:
    """Write down whom the tasks are about, and show them what was fitted."""
    host = get_backend("cpu")
    for bucket, keys in customers.items():
        night.workspace.save("touched", bucket, "customers", {"customer_key": keys}, host)
    store.lend(output, night.workspace)
    files = _files(output, night.sources)
    own = replace(night, lake=night.workspace.root / LAKE)
    return Update(night.lake, own, kept, files)


def _files(output: Path, sources: tuple[str, ...]) -> dict[str, list[Path]]:
    """Return the part files of the tables that an update changes."""
    names = (*BY_BUCKET, *parts.tables_updated(sources))
    return {name: delta.table_files(output / name) for name in names}


def with_figures(update: Update, output: Path) -> Update:
    """Return an update that tells what the report need not make again, as long as it is known."""
    known = Known.load(store.figures(output))
    n_buckets = manifest.load(update.lake / "transactions").n_buckets
    known.begin([file for name in part.TABLES for file in update.files[name]], n_buckets)
    return replace(update, figures=known)


def score_gathered(update: Update, bucket: int) -> dict[str, Any]:
    """Score and publish a bucket of gathered customers."""
    night = update.night
    done = night.workspace.finished("gathered", bucket)
    if done is not None:
        return done
    backend = get_backend(night.backend)
    scored = score_bucket(night, bucket)
    start = time.perf_counter()
    _decide(night, bucket, backend)
    _profiles(night, bucket, update.kept, backend)
    parts.measure_parts(night, bucket)
    publish_bucket(night, bucket)
    scored["seconds"]["publish"] = time.perf_counter() - start
    night.workspace.finish("gathered", bucket, scored)
    return scored


def splice_bucket(update: Update, bucket: int) -> dict[str, Any]:
    """Put the rows of a bucket's touched customers into its gold; return its counts."""
    work = update.night.workspace
    start = time.perf_counter()
    keys = update.customers(bucket)
    into = work.load("taken", bucket, "into") if work.has("taken", bucket, "into") else {}
    new = [work.folder("publish", one) for one in into.get("gathered", np.zeros(0)).tolist()]
    n_rows: dict[str, int] = {}
    shown: dict[str, tuple[pa.Table, pa.Table]] = {}
    for name in update.files:
        rows = [_new_rows(folder / f"{name}.parquet") for folder in new]
        old, target = update.old(name, bucket), update.spliced(name, bucket)
        show = partial(_keep, shown, name) if name in part.TABLES else None
        n_rows[name] = splice(old, rows, keys, target, show)
    update.figures.show(bucket, keys, *zip(*(shown[name] for name in part.TABLES), strict=True))
    n_regular = gold.count_true(update.spliced("payment_streams", bucket), "is_regular")
    return {
        "n_streams": n_rows["payment_streams"],
        "n_customers": n_rows["customer_profiles"],
        "n_payments": n_rows["stream_payments"],
        "n_regular": n_regular,
        "seconds": {"splice": time.perf_counter() - start},
    }


def _keep(shown: dict[str, tuple[pa.Table, pa.Table]], name: str, *rows: pa.Table) -> None:
    """Keep a table's rows of which the report has figures, as they were and as they are."""
    shown[name] = (rows[0], rows[1])


@lru_cache(maxsize=32)
def _new_rows(path: Path) -> Any:
    """Return the rows of a part of gathered customers: every bucket looks for its own there."""
    return read_new(path)


def _decide(night: Night, bucket: int, backend: Backend) -> None:
    """Decide which streams are regular by the q-values that the whole night gave p-values.

    A p-value that it did not have gets the q-value of the next larger one.
    """
    known = night.workspace.load("fit", WHOLE, "q_values")
    scored = night.workspace.load("score", bucket, "streams")
    q = payments.q_values_of(scored["p_value"], known["p_value"], known["q_value"])
    decide_bucket(night, bucket, scored, backend.asarray(q), backend)


def _profiles(night: Night, bucket: int, kept: Kept, backend: Backend) -> None:
    """Save the profile columns of a bucket's gathered customers."""
    load = night.workspace.load
    found = decided.features(night.workspace, bucket)
    features = {name: backend.asarray(values) for name, values in found.items()}
    keys = load("score", bucket, "customers")["customer_key"]
    placed = groups.place_groups(
        features, keys, kept.model, load("fit", WHOLE, "population"), night.settings, backend
    )
    position = network.node_features(load("fit", WHOLE, "nodes"), keys)
    columns = {**all_to_host(placed, backend), **position}
    decided.save_places(night.workspace, bucket, columns, get_backend("cpu"))


def _monthly(update: Update, bucket: int) -> dict[str, Any]:
    """Return a bucket's monthly totals: nothing where it has no payments any more."""
    work = update.night.workspace
    if work.has("taken", bucket, "monthly"):
        return work.load("taken", bucket, "monthly")
    _, before = store.monthly(update.lake.parent, bucket)
    return store.of_files({name: values[:0] for name, values in before.items()}, [])


def publish(
    output: Path,
    update: Update,
    counts: dict[int, dict[str, Any]],
    publication: gold.Publication,
) -> Kept:
    """Publish all tables of the night anew, the parts of touched buckets with their new rows.

    Returns
    -------
    Kept
        What the next update starts from; not saved yet.
    """
    _new_rows.cache_clear()
    kept = update.kept
    buckets = sorted({*kept.buckets, *counts})
    tables = {name: delta.table_files(output / name) for name in kept.tables}
    for name in update.files:
        files = [update.spliced(name, b) if b in counts else update.old(name, b) for b in buckets]
        tables[name] = [file for file in files if file is not None]
    update.figures.end([file for name in part.TABLES for file in tables[name]])
    gold.publish_all(output, tables, publication)
    for bucket in counts:
        store.keep_monthly(output, _monthly(update, bucket), bucket)
    before = dict(zip(kept.buckets, kept.counts, strict=True))
    now = before | {b: {name: one[name] for name in COUNTS} for b, one in counts.items()}
    return replace(
        kept,
        run_id=publication.run_id,
        ingest_ids=store.ingest_ids(output),
        buckets=buckets,
        counts=[now[bucket] for bucket in buckets],
    )
