"""An update: customers whose rows changed, beside what the whole night before has fitted.

Everything that is fitted over all customers (which streams are regular at what p-value, segments,
tiers, the payment network, models) stays as that night found it and is applied to the customers
that the ingests since have touched; their rows are put in place of the old ones. All other rows
stay. So an update gives what a night over all customers would give that fits nothing anew.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qfb_gpu import network, parts, payments
from qfb_gpu._pipeline import kept as store
from qfb_gpu._pipeline.between import all_to_host, feature_block, save_regularity
from qfb_gpu.backend import get_backend
from qfb_gpu.lake import delta, gold, silver, touched
from qfb_gpu.lake.splice import splice
from qfb_gpu.parts import groups
from qfb_gpu.parts.part import WHOLE
from qfb_gpu.tasks import BY_BUCKET, Night, on_device, publish_bucket, score_bucket

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qfb_gpu._pipeline.kept import Kept
    from qfb_gpu.backend import Backend
    from qfb_gpu.cluster import Pool
    from qfb_gpu.config import Config

_BUCKETS_A_WORKER = 8
"""Fewer are done sooner than another worker is started."""


@dataclass(frozen=True, slots=True)
class Update:
    """What the task of a bucket needs to know.

    Attributes
    ----------
    night : Night
    kept : Kept
    files : dict of table to list of Path
        Part files of the tables by bucket, in the order of ``kept.buckets``.
    """

    night: Night
    kept: Kept
    files: dict[str, list[Path]]

    def old(self, table: str, bucket: int) -> Path | None:
        """Return a bucket's part as it is published; None for a bucket that is new."""
        if bucket not in self.kept.buckets:
            return None
        return self.files[table][self.kept.buckets.index(bucket)]


def why_whole(config: Config, device: str, kept: Kept | None) -> str:
    """Return why there has to be a whole night; an empty text where an update will do."""
    if kept is None:
        return "no night has left what an update needs"
    if kept.run_id != gold.last_run(config.output_dir):
        return "the newest tables are of another night"
    if kept.stamp != store.stamp_of(config, device):
        return "as_of, settings, device or engine are not those of the last whole night"
    found = touched.touched(config.output_dir / "lake", kept.ingest_ids)
    unknown = [f"sources.{name}" for name, one in found.items() if not one.known]
    return f"which customers changed is not known of {', '.join(unknown)}" if unknown else ""


def touched_customers(config: Config, kept: Kept) -> dict[int, np.ndarray]:
    """Return by bucket the keys of the customers whose rows in any source changed, ascending."""
    lake = config.output_dir / "lake"
    found: dict[int, list[np.ndarray]] = {}
    for one in touched.touched(lake, kept.ingest_ids).values():
        for bucket, keys in one.customers.items():
            found.setdefault(bucket, []).append(keys)
    there = {*silver.buckets(lake), *kept.buckets}
    return {b: np.unique(np.concatenate(keys)) for b, keys in sorted(found.items()) if b in there}


def prepare(config: Config, night: Night, kept: Kept, customers: dict[int, np.ndarray]) -> Update:
    """Write down whom the tasks are about, and show them what was fitted."""
    host = get_backend("cpu")
    for bucket, keys in customers.items():
        night.workspace.save("touched", bucket, "customers", {"customer_key": keys}, host)
    store.lend(config.output_dir, night.workspace)
    files = {
        name: delta.table_files(config.output_dir / name)
        for name in (*BY_BUCKET, *parts.tables_updated(night.sources))
    }
    return Update(night, kept, files)


def update_bucket(update: Update, bucket: int) -> dict[str, Any]:
    """Score and publish a bucket's touched customers, and put their rows into its parts."""
    night = update.night
    done = night.workspace.finished("update", bucket)
    if done is not None:
        return done
    start = time.perf_counter()
    backend = get_backend(night.backend)
    keys = night.workspace.load("touched", bucket, "customers")["customer_key"]
    there = bucket in silver.buckets(night.lake)
    scored = score_bucket(night, bucket) if there else _NOTHING
    is_any = there
    if is_any:
        _decide(night, bucket, backend)
        _profiles(night, bucket, update.kept, backend)
        publish_bucket(night, bucket)
    counts = {}
    for name in update.files:
        new = night.workspace.folder("publish", bucket) / f"{name}.parquet" if is_any else None
        target = night.workspace.folder("spliced", bucket) / f"{name}.parquet"
        counts[name] = splice(update.old(name, bucket), new, keys, target)
    streams = night.workspace.folder("spliced", bucket) / "payment_streams.parquet"
    summary = {
        **{name: scored[name] for name in ("n_payments", "n_customers")},
        "n_streams": counts["payment_streams"],
        "n_regular": _n_regular(streams),
        "n_touched": int(keys.size),
        "seconds": {**scored["seconds"], "bucket": time.perf_counter() - start},
    }
    night.workspace.finish("update", bucket, summary)
    return summary


_NOTHING: dict[str, Any] = {"n_payments": 0, "n_customers": 0, "n_streams": 0, "seconds": {}}


def _n_regular(path: Path) -> int:
    column = pq.read_table(path, columns=["is_regular"], partitioning=None).column(0)
    return int(pc.sum(column).as_py() or 0)


def _decide(night: Night, bucket: int, backend: Backend) -> None:
    """Decide which streams are regular by the q-values that the whole night gave p-values.

    A p-value that it did not have gets the q-value of the next larger one.
    """
    known = night.workspace.load("fit", WHOLE, "q_values")
    host = night.workspace.load("score", bucket, "streams")
    p = host["p_value"]
    at = np.searchsorted(known["p_value"], p)
    q = np.append(known["q_value"], 1.0)[at]
    q[np.isnan(p)] = np.nan
    columns = {name: on_device(values, backend) for name, values in host.items()}
    rate = night.settings.payments.false_discovery_rate
    decided = payments.decide(columns, backend.asarray(q), rate, backend.xp)
    night.workspace.save("decide", bucket, "streams", decided, backend)
    save_regularity(night, bucket, decided, backend)


def _profiles(night: Night, bucket: int, kept: Kept, backend: Backend) -> None:
    """Save the profile columns of a bucket's touched customers."""
    load = night.workspace.load
    features = feature_block(night, bucket, backend)
    keys = load("score", bucket, "customers")["customer_key"]
    placed = groups.place_groups(
        features, keys, kept.model, load("fit", WHOLE, "population"), night.settings, backend
    )
    position = network.node_features(load("fit", WHOLE, "nodes"), keys)
    columns = {**all_to_host({**features, **placed}, backend), **position}
    night.workspace.save("fit", bucket, "profiles", columns, get_backend("cpu"))


def n_workers_for(buckets: list[int]) -> int:
    """Return how many workers are worth starting for the buckets of an update."""
    return -(-len(buckets) // _BUCKETS_A_WORKER)


def score(
    pool: Pool, update: Update, buckets: list[int], progress: Callable[[str, int, int], None]
) -> dict[int, dict[str, Any]]:
    """Run :func:`update_bucket` over the touched buckets."""
    found: dict[int, dict[str, Any]] = {}
    progress("update", 0, len(buckets))
    for bucket, summary in pool.run(update_bucket, update, buckets):
        found[bucket] = summary
        progress("update", len(found), len(buckets))
    return found


def publish(
    config: Config,
    update: Update,
    found: dict[int, dict[str, Any]],
    publication: gold.Publication,
) -> Kept:
    """Publish all tables of the night anew, the parts of touched buckets with their new rows.

    Returns
    -------
    Kept
        What the next update starts from; not saved yet.
    """
    kept, work = update.kept, update.night.workspace
    buckets = sorted({*kept.buckets, *found})
    for name in kept.tables:
        if name in update.files:
            files = [
                work.folder("spliced", b) / f"{name}.parquet" if b in found else update.old(name, b)
                for b in buckets
            ]
        else:
            files = [*delta.table_files(config.output_dir / name)]
        gold.publish(config.output_dir, name, [f for f in files if f is not None], publication)
    for bucket in found:
        if update.night.workspace.has("score", bucket, "monthly"):
            store.keep_monthly(config.output_dir, update.night, bucket)
    before = dict(zip(kept.buckets, kept.counts, strict=True))
    counts = before | {b: {n: one[n] for n in COUNTS} for b, one in found.items()}
    return replace(
        kept,
        run_id=publication.run_id,
        ingest_ids=store.ingest_ids(config.output_dir),
        buckets=buckets,
        counts=[counts[bucket] for bucket in buckets],
    )


COUNTS = ("n_payments", "n_customers", "n_streams", "n_regular")
