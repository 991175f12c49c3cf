"""The nightly run: ingest what is new, score every bucket, decide, fit, publish.

Composes the stages and holds no arithmetic of its own. Per-bucket work is in
:mod:`qfb_gpu.tasks`; what is global (false-discovery control, segments, the payment network)
runs here, on arrays that are small beside the payments.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu import network, parts, payments, profile
from qfb_gpu._pipeline.records import log_night as _log
from qfb_gpu._pipeline.records import run_id, run_row
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar, to_date
from qfb_gpu.cluster import compiled_ahead, open_pool
from qfb_gpu.errors import InputError, QfbError, RunInterruptedError
from qfb_gpu.lake import gold, ingest, silver
from qfb_gpu.lake.lock import writing
from qfb_gpu.ledger import Labelled
from qfb_gpu.models import store
from qfb_gpu.parts import groups, payment_graph
from qfb_gpu.parts.names import save_names
from qfb_gpu.report import build as report_data
from qfb_gpu.report import write_report
from qfb_gpu.tasks import (
    Night,
    on_device,
    publish_bucket,
    score_bucket,
    write_whole_tables,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from qfb_gpu.backend import Backend
    from qfb_gpu.cluster import Pool
    from qfb_gpu.config import Config

    Progress = Callable[[str, int, int], None]

_BY_BUCKET = ("payment_streams", "stream_payments", "expected_payments", "customer_profiles")


@dataclass(slots=True)
class RunResult:
    """What a run did.

    Attributes
    ----------
    run_id : str
    output : Path
    unchanged : bool
        The same night had been published already; nothing was done.
    counts : dict
        Payments, customers, streams, regular streams, rejected rows.
    stages : dict of stage to dict
        ``seconds``, ``rows`` and, for bucket stages, the steps' seconds summed over buckets.
    unused : dict of source that no part of the run uses yet to what it is for
    """

    run_id: str
    output: Path
    device: str
    unchanged: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Time a stage; the body may add to the dictionary it gets."""
        entry: dict[str, Any] = {}
        start = time.perf_counter()
        yield entry
        entry["seconds"] = time.perf_counter() - start
        self.stages[name] = entry


def run(config: Config, progress: Progress | None = None) -> RunResult:
    """Run the night of ``config.as_of`` and publish its gold tables, report and MLflow run.

    Raises
    ------
    ConfigError, InputError, BackendUnavailableError
        Something the user has to mend; nothing was published.
    RunInterruptedError
        Stopped midway: what is done is kept, the next call goes on; or another process writes.
    """
    backend = get_backend(config.device)
    load_calendar(config.calendar)
    with writing(config.output_dir), compiled_ahead(backend.name):
        return _run(config, backend, progress or (lambda _stage, _done, _total: None))


def _run(config: Config, backend: Backend, report_progress: Progress) -> RunResult:
    result = RunResult("", config.output_dir, f"{backend.name}: {backend.device}")
    with _midway(config.output_dir), result.stage("ingest") as entry:
        ingested = ingest.ingest(config, report_progress)
        entry["rows"] = ingested.n_rows
    result.unused = ingested.unused
    result.run_id = run_id(config, ingested.inputs)
    if gold.last_run(config.output_dir) == result.run_id:
        result.unchanged = True
        return result
    night = Night.of(config, backend.name, result.run_id)
    with _midway(night.workspace.root):
        _night(config, night, backend, result, report_progress, ingested)
    return result


@contextmanager
def _midway(kept: Path) -> Iterator[None]:
    """Turn what nobody expected into the error that says how to go on."""
    try:
        yield
    except QfbError:
        raise
    except Exception as error:
        msg = (
            f"the run stopped midway ({type(error).__name__}: {error}); what is done is kept in "
            f"{kept}; run the same command again to go on"
        )
        raise RunInterruptedError(msg) from error


def _night(
    config: Config,
    night: Night,
    backend: Backend,
    result: RunResult,
    progress: Progress,
    ingested: ingest.IngestResult,
) -> None:
    buckets = silver.buckets(night.lake)
    with ExitStack() as workers:  # the same for both stages: starting them costs seconds
        with result.stage("score") as entry:
            opened = open_pool(night.backend, config.workers, len(buckets))
            pool = workers.enter_context(opened)
            scores = _map_buckets(pool, score_bucket, night, buckets, progress, "score")
            entry["rows"] = sum(score["n_payments"] for score in scores)
            entry["steps"] = _sum_steps(scores)
            if not entry["rows"]:
                raise InputError(_nothing_yet(config, night))
        with result.stage("decide") as entry:
            entry["rows"] = decide(night, buckets, config, backend)
        with result.stage("fit") as entry:
            entry["rows"], fitted = fit(night, buckets, config, backend)
            if pool.has_workers:  # this process waits for them until everything is published
                store.imported_beside()
            entry["steps"] = {**fitted["seconds"], **_fit_parts(pool, night)}
        with result.stage("publish") as entry:
            counts = _map_buckets(pool, publish_bucket, night, buckets, progress, "publish")
            entry["rows"] = sum(sum(count.values()) for count in counts)
            workers.close()
            publication = gold.next_publication(config.output_dir, result.run_id)
            _publish(night, buckets, config, fitted, publication)
    result.counts = {
        **{name: sum(s[name] for s in scores) for name in ("n_payments", "n_customers")},
        "n_streams": sum(score["n_streams"] for score in scores),
        "n_regular": fitted["n_regular"],
        "n_rejected": ingested.n_rejected,
        "n_later": ingested.n_rows - sum(score["n_payments"] for score in scores),
    }
    with result.stage("report"):
        extras = {"monthly": _monthly(night, buckets), "run": asdict(result)}
        data = report_data.collect(config.output_dir, gold.reader(config.output_dir), extras)
        write_report(data, config.output_dir / "report.html")
    with result.stage("mlflow"):
        _log(config, result, fitted["groups"].model, ingested.inputs)
    gold.append_run(config.output_dir, run_row(config, result, ingested.inputs), publication)
    night.workspace.remove()


def _nothing_yet(config: Config, night: Night) -> str:
    day = silver.first_day(night.lake)
    first = "there is none at all" if day is None else f"the first is on {to_date(day)}"
    return f"as_of {config.as_of}: no payment is as early as that, {first}; set a later as_of"


def _map_buckets(
    pool: Pool,
    task: Callable[[Night, int], dict[str, Any]],
    night: Night,
    buckets: list[int],
    progress: Progress,
    stage: str,
) -> list[dict[str, Any]]:
    results: dict[int, dict[str, Any]] = {}
    progress(stage, 0, len(buckets))
    for bucket, summary in pool.run(task, night, buckets):
        results[bucket] = summary
        progress(stage, len(results), len(buckets))
    return [results[bucket] for bucket in buckets]


def _fit_parts(pool: Pool, night: Night) -> dict[str, float]:
    """Fit every active part, on the workers; return seconds by part."""
    names = [part.name for part in parts.active(night.sources)]
    seconds = dict(pool.run(parts.fit_part, night, names))
    return {name: seconds[name] for name in names}


def _sum_steps(scores: list[dict[str, Any]]) -> dict[str, float]:
    steps: dict[str, float] = {}
    for score in scores:
        for step, seconds in score["seconds"].items():
            steps[step] = steps.get(step, 0.0) + seconds
    return steps


def decide(night: Night, buckets: list[int], config: Config, backend: Backend) -> int:
    """Control false discoveries over the whole run and mark the regular streams."""
    work, xp = night.workspace, backend.xp
    scored = [work.load("score", bucket, "streams") for bucket in buckets]
    q_values = payments.q_values(
        backend.asarray(np.concatenate([columns["p_value"] for columns in scored])), xp
    )
    start = 0
    for bucket, host_columns in zip(buckets, scored, strict=True):
        columns = {name: on_device(values, backend) for name, values in host_columns.items()}
        stop = start + columns["p_value"].shape[0]
        decided = payments.decide(
            columns, q_values[start:stop], config.payments.false_discovery_rate, xp
        )
        work.save("decide", bucket, "streams", decided, backend)
        _save_regularity(night, bucket, decided, backend)
        start = stop
    return start


def _save_regularity(night: Night, bucket: int, decided: dict[str, Any], backend: Backend) -> None:
    relations = night.workspace.load("score", bucket, "relations")
    relation = decided["relation"]
    customer = backend.asarray(relations["customer"])[relation]
    kinds = {name: backend.asarray(relations[name])[relation] for name in ("direction", "currency")}
    features = night.workspace.load("score", bucket, "features")
    regularity = profile.regularity_features(
        {**decided, **kinds},
        customer,
        backend.asarray(features["main_currency"]),
        night.as_of_day,
        backend,
    )
    night.workspace.save("decide", bucket, "regularity", regularity, backend)


def fit(
    night: Night, buckets: list[int], config: Config, backend: Backend
) -> tuple[int, dict[str, Any]]:
    """Fit what is global and save each bucket's profile columns.

    Returns
    -------
    n_customers : int
    fitted : dict
        ``groups`` (:class:`qfb_gpu.parts.groups.Groups`), ``nodes``, ``edges``, ``n_regular``,
        and ``seconds`` by step.
    """
    laps = [time.perf_counter()]
    blocks = [_feature_block(night, bucket, backend) for bucket in buckets]
    features = {
        name: backend.xp.concatenate([block[name] for block in blocks]) for name in blocks[0]
    }
    grouped = groups.fit_groups(features, _customer_keys(night, buckets), config, backend)
    laps.append(time.perf_counter())
    nodes, edges = _fit_network(night, buckets, config, backend)
    laps.append(time.perf_counter())
    columns = {**features, **grouped.columns}
    n_customers = _save_profiles(night, buckets, columns, nodes, backend)
    n_regular = int(backend.to_host(features["regularity_n_streams"]).sum())
    fitted = {
        "groups": grouped,
        "nodes": nodes,
        "edges": edges,
        "n_regular": n_regular,
        "seconds": {"segments": laps[1] - laps[0], "payment_graph": laps[2] - laps[1]},
    }
    return n_customers, fitted


def _customer_keys(night: Night, buckets: list[int]) -> np.ndarray:
    load = night.workspace.load
    return np.concatenate([load("score", b, "customers")["customer_key"] for b in buckets])


def _feature_block(night: Night, bucket: int, backend: Backend) -> dict[str, Any]:
    load = night.workspace.load
    block = {**load("score", bucket, "features"), **load("decide", bucket, "regularity")}
    return {name: backend.asarray(values) for name, values in block.items()}


def _fit_network(
    night: Night, buckets: list[int], config: Config, backend: Backend
) -> tuple[dict[str, Any], dict[str, Any]]:
    edges, graph = payment_graph.make(night.workspace, buckets, backend)
    nodes = network.analyse(edges, config.network, backend, graph=graph)
    save_names(night.workspace, buckets)
    return _all_to_host(nodes, backend), _all_to_host(edges, backend)


def _save_profiles(
    night: Night,
    buckets: list[int],
    columns: dict[str, Any],
    nodes: dict[str, Any],
    backend: Backend,
) -> int:
    host, on_host = _all_to_host(columns, backend), get_backend("cpu")
    start = 0
    for bucket in buckets:
        keys = night.workspace.load("score", bucket, "customers")["customer_key"]
        stop = start + keys.shape[0]
        rows = {name: _slice(values, start, stop) for name, values in host.items()}
        position = network.node_features(nodes, keys)
        night.workspace.save("fit", bucket, "profiles", {**rows, **position}, on_host)
        start = stop
    return start


def _to_host(values: Any, backend: Backend) -> Any:
    if isinstance(values, Labelled):
        return Labelled(backend.to_host(values.codes), values.labels)
    return backend.to_host(values)


def _all_to_host(columns: dict[str, Any], backend: Backend) -> dict[str, Any]:
    return {name: _to_host(values, backend) for name, values in columns.items()}


def _slice(values: Any, start: int, stop: int) -> Any:
    if isinstance(values, Labelled):
        return Labelled(values.codes[start:stop], values.labels)
    return values[start:stop]


def _publish(
    night: Night,
    buckets: list[int],
    config: Config,
    fitted: dict[str, Any],
    publication: gold.Publication,
) -> None:
    for name, part in write_whole_tables(night, buckets, fitted).items():
        gold.publish(config.output_dir, name, [part], publication)
    for name in (*_BY_BUCKET, *parts.tables(night.sources)):
        files = [night.workspace.folder("publish", b) / f"{name}.parquet" for b in buckets]
        gold.publish(config.output_dir, name, files, publication)
    for name in parts.tables_left_out(night.sources):
        gold.publish_nothing(config.output_dir, name, publication)


def _monthly(night: Night, buckets: list[int]) -> list[dict[str, Any]]:
    totals = [night.workspace.load("score", bucket, "monthly") for bucket in buckets]
    return profile.merge_monthly(totals)
