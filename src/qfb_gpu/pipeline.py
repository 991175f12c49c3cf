"""The nightly run: ingest what is new, score every bucket, decide, fit, publish.

Composes the stages and holds no arithmetic of its own. Per-bucket work is in
:mod:`qfb_gpu.tasks`; what is global (false-discovery control, segments, the payment network)
runs here, on arrays that are small beside the payments.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from qfb_gpu import parts, profile
from qfb_gpu._backend.allocator import give_freed_memory_back
from qfb_gpu._pipeline import gather as gathering
from qfb_gpu._pipeline import kept as keeping
from qfb_gpu._pipeline import update as updating
from qfb_gpu._pipeline.between import decide
from qfb_gpu._pipeline.fitting import fit
from qfb_gpu._pipeline.kept import Kept
from qfb_gpu._pipeline.midway import ANEW, midway
from qfb_gpu._pipeline.records import log_night as _log
from qfb_gpu._pipeline.records import made_by_other_code, run_id, run_row
from qfb_gpu._schema.output import REPORT, WORK
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.cluster import (
    compiled_ahead,
    open_host_pool,
    open_pool,
    prepare_workers,
    threads_of_this_process,
    workers_forgotten,
)
from qfb_gpu.errors import InputError, warn_caller
from qfb_gpu.lake import gold, ingest, silver
from qfb_gpu.lake.earlier import half_published
from qfb_gpu.lake.lock import writing
from qfb_gpu.lake.work import Workspace, is_short
from qfb_gpu.models.store import refuse_damaged
from qfb_gpu.report import build as report_data
from qfb_gpu.report import write_report
from qfb_gpu.report.figures.known import Known
from qfb_gpu.tasks import (
    BY_BUCKET,
    Night,
    publish_bucket,
    score_bucket,
    write_tables_of_published,
    write_whole_tables,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from qfb_gpu._pipeline.update import Update
    from qfb_gpu.backend import Backend
    from qfb_gpu.cluster import Pool
    from qfb_gpu.config import Config
    from qfb_gpu.models.segments import SegmentModel

    Progress = Callable[[str, int, int], None]

_PRELOADED = "qfb_gpu._pipeline.preloaded"


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
    updated : str
        The whole night that an update was of; empty for a whole night.
    why_whole : str
        Why a whole night was run where an update was asked for.
    why_anew : str
        What of the same night, published before, was not there any more, or was another's that
        died before it was done.
    of_other_code : str
        The last run, where other code made it: sources were read and tables made anew.
    """

    run_id: str
    output: Path
    device: str
    unchanged: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)
    updated: str = ""
    why_whole: str = ""
    why_anew: str = ""
    of_other_code: str = ""

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Time a stage; the body may add to the dictionary it gets."""
        entry: dict[str, Any] = {}
        start = time.perf_counter()
        yield entry
        entry["seconds"] = time.perf_counter() - start
        self.stages[name] = entry


def run(config: Config, progress: Progress | None = None, *, update: bool = False) -> RunResult:
    """Run the night of ``config.as_of`` and publish its gold tables, report and MLflow run.

    Parameters
    ----------
    config : Config
    progress : callable(stage, done, total), optional
    update : bool
        Where it can be, score only the customers whose rows changed since the last night of this
        ``as_of``, beside what that night has fitted: :mod:`qfb_gpu._pipeline.update`.

    Raises
    ------
    ConfigError, InputError, BackendUnavailableError
        Something the user has to mend; nothing was published.
    RunInterruptedError
        Stopped midway: what is done is kept, the next call goes on; or another process writes.
    """
    backend = get_backend(config.device)
    load_calendar(config.calendar)
    refuse_damaged(config.output_dir)
    tell = progress or (lambda _stage, _done, _total: None)
    with writing(config.output_dir), compiled_ahead(backend.name), workers_forgotten():
        return _run(config, backend, tell, update=update)


def _run(config: Config, backend: Backend, report_progress: Progress, *, update: bool) -> RunResult:
    result = RunResult("", config.output_dir, f"{backend.name}: {backend.device}")

    def foresee(n_buckets: int) -> None:
        """Have imported beside the ingest what the workers of a whole night will need."""
        if not update:
            prepare_workers(backend.name, config.workers, n_buckets, (_PRELOADED,))

    with midway(config.output_dir), result.stage("ingest") as entry:
        ingested = ingest.read_sources(config, report_progress, foresee)
        entry["rows"] = ingested.n_rows
    result.unused = ingested.unused
    kept = keeping.load(config.output_dir) if update else None
    if update:
        result.why_whole = updating.why_whole(config, result.device, kept)
    if kept is not None and not result.why_whole:
        result.updated = kept.base
        result.unchanged = kept.inputs == ingested.inputs
    result.run_id = run_id(config, ingested.inputs, result.updated)
    last = gold.last_run(config.output_dir)
    if last is not None and (result.unchanged or last == result.run_id):
        result.why_anew = _lost(config.output_dir, last)
        result.unchanged = not result.why_anew
        if result.unchanged:
            result.run_id = last
            with midway(config.output_dir):
                ingest.publish(config, ingested)  # another night, which died, may have
            Workspace(config.output_dir / WORK / last).forget()
            return result
        result.run_id, result.updated = run_id(config, ingested.inputs), ""
    result.of_other_code = made_by_other_code(config.output_dir, last)
    update = bool(result.updated)
    night = Night.of(config, backend.name, result.run_id, is_update=update)
    with midway(night.workspace.root, ANEW):
        night.workspace.begin(keeping.made_of(config.output_dir))
        if not update and is_short(night.workspace.root, ingested.n_rows):
            night = replace(night, workspace=replace(night.workspace, packed=True))
        if kept is not None and result.updated:
            _update(config, night, kept, result, report_progress, ingested)
        else:
            _night(config, night, backend, result, report_progress, ingested)
    return result


def _lost(output: Path, last: str) -> str:
    """Return what of a published night is not there any more; empty where all is."""
    kept = keeping.load(output)
    names = gold.lost(output, kept.tables if kept is not None else gold.tables(output))
    names += [name for name in half_published(output, last) if name not in names]
    return ", ".join([*names, *([REPORT] if not (output / REPORT).is_file() else [])])


def _night(
    config: Config,
    night: Night,
    backend: Backend,
    result: RunResult,
    progress: Progress,
    ingested: ingest.IngestResult,
) -> None:
    buckets = silver.buckets(night.lake)
    with ThreadPoolExecutor(1) as beside, ExitStack() as workers:  # starting them costs seconds
        with result.stage("score") as entry:
            pool = workers.enter_context(open_pool(night.backend, config.workers, len(buckets)))
            if pool.has_workers:  # and this process needs little from here on
                give_freed_memory_back()
            scores = _map_buckets(pool, score_bucket, night, buckets, progress, "score")
            entry["rows"] = sum(score["n_payments"] for score in scores)
            entry["steps"] = _sum_steps(scores)
            if not entry["rows"]:
                raise InputError(ingest.too_early(config, ingested.first_day))
        with result.stage("decide") as entry:
            entry["rows"] = decide(night, buckets, backend, pool)
        with result.stage("fit") as entry:
            opened = open_host_pool(pool, night.backend, config.workers, len(buckets))
            host, alone = workers.enter_context(opened), replace(night, backend="cpu")
            entry["rows"], fitted = fit(pool, night, buckets, host)
            entry["steps"] = fitted["seconds"]
        with result.stage("publish") as entry:
            running = host.start(publish_bucket, alone, buckets)
            whole = write_whole_tables(night, buckets, fitted)  # while the workers are at it
            counts = _collected(running, buckets, progress, "publish")
            entry["rows"] = sum(sum(count.values()) for count in counts)
            closing = beside.submit(workers.pop_all().close)  # they have nothing in hand
            whole |= write_tables_of_published(night, buckets)
            keeping.forget(config.output_dir)
            ingest.publish(config, ingested)
            publication = gold.next_publication(config.output_dir, result.run_id)
            names = _publish(night, buckets, config, whole, publication)
        give_freed_memory_back()  # the report needs little
        each = zip(scores, fitted["n_regular"], strict=True)
        counts = [{**score, "n_regular": n_regular} for score, n_regular in each]
        monthly, model = _monthly(night.workspace, buckets), fitted["groups"].model
        known = Known()
        _conclude(config, result, counts, monthly, model, ingested, publication, known)
        night.workspace.end()
        keeping.keep(config, night, buckets, fitted)
        known.save(keeping.figures(config.output_dir))
        kept = Kept(
            run_id=result.run_id,
            base=result.run_id,
            stamp=keeping.stamp_of(config, result.device),
            inputs=ingested.inputs,
            ingest_ids=keeping.ingest_ids(config.output_dir),
            buckets=buckets,
            counts=[{name: one[name] for name in updating.COUNTS} for one in counts],
            tables=names,
            segments=model.to_dict(),
        )
        keeping.save(config.output_dir, kept)
        night.workspace.remove()
        _tell_of_workers(closing)


def _tell_of_workers(closing: Future[None]) -> None:
    """Wait until the workers are gone; what fails there is told, as the night itself is done."""
    if (error := closing.exception()) is not None:
        msg = f"the night is published, but its workers did not end as they should ({error})"
        warn_caller(msg, RuntimeWarning)


def _update(
    config: Config,
    night: Night,
    kept: Kept,
    result: RunResult,
    progress: Progress,
    ingested: ingest.IngestResult,
) -> None:
    """Score and publish the customers whose rows changed; everything else stays."""
    customers = updating.touched_customers(config, kept)
    buckets, threads = list(customers), threads_of_this_process()
    with result.stage("update") as entry:
        update = updating.prepare(night, kept, customers, config.output_dir)
        taken = _map_buckets(threads, gathering.take_out, update, buckets, progress, "gather")
        gathered = gathering.make_lake(update, buckets)
        with open_pool(night.backend, config.workers, len(gathered)) as pool:
            task = updating.score_gathered
            scores = _map_buckets(pool, task, update, gathered, progress, "score")
        entry["rows"] = sum(keys.size for keys in customers.values())
        entry["of"] = kept.base
        entry["steps"] = _sum_steps([*taken, *scores])
    with result.stage("publish") as entry:
        update = updating.with_figures(update, config.output_dir)
        task = updating.splice_bucket
        counts = _map_buckets(threads, task, update, buckets, progress, "publish")
        ingest.publish(config, ingested)
        publication = gold.next_publication(config.output_dir, result.run_id)
        changed = dict(zip(buckets, counts, strict=True))
        now = updating.publish(config.output_dir, update, changed, publication)
        entry["steps"] = _sum_steps(counts)
    monthly = _monthly(Workspace(keeping.folder(config.output_dir)), now.buckets)
    model, known = kept.model, update.figures
    _conclude(config, result, now.counts, monthly, model, ingested, publication, known)
    known.save(keeping.figures(config.output_dir))
    keeping.save(config.output_dir, replace(now, inputs=ingested.inputs))
    night.workspace.remove()


def _conclude(  # noqa: PLR0913
    config: Config,
    result: RunResult,
    counts: list[dict[str, int]],
    monthly: list[dict[str, Any]],
    model: SegmentModel,
    ingested: ingest.IngestResult,
    publication: gold.Publication,
    known: Known,
) -> None:
    """Count, report and log a night whose tables are published."""
    result.counts = {name: sum(one[name] for one in counts) for name in updating.COUNTS}
    result.counts["n_rejected"] = ingested.n_rejected
    result.counts["n_later"] = ingested.n_rows - result.counts["n_payments"]
    with result.stage("report"):
        run = {**asdict(result), **run_row(config, result, ingested.inputs)}
        extras = {"monthly": monthly, "run": run}
        data = report_data.collect(config.output_dir, gold.reader(config.output_dir), extras, known)
        write_report(data, config.output_dir / REPORT)
    with result.stage("mlflow"):
        _log(config, result, model, ingested.inputs)
    gold.append_run(config.output_dir, run_row(config, result, ingested.inputs), publication)


def _map_buckets(
    pool: Pool,
    task: Callable[[Any, int], dict[str, Any]],
    night: Night | Update,
    buckets: list[int],
    progress: Progress,
    stage: str,
) -> list[dict[str, Any]]:
    return _collected(pool.run(task, night, buckets), buckets, progress, stage)


def _collected(
    answers: Iterable[tuple[int, dict[str, Any]]],
    buckets: list[int],
    progress: Progress,
    stage: str,
) -> list[dict[str, Any]]:
    results: dict[int, dict[str, Any]] = {}
    progress(stage, 0, len(buckets))
    for bucket, summary in answers:
        results[bucket] = summary
        progress(stage, len(results), len(buckets))
    return [results[bucket] for bucket in buckets]


def _sum_steps(scores: list[dict[str, Any]]) -> dict[str, float]:
    steps: dict[str, float] = {}
    for score in scores:
        for step, seconds in score["seconds"].items():
            steps[step] = steps.get(step, 0.0) + seconds
    return steps


def _publish(
    night: Night,
    buckets: list[int],
    config: Config,
    whole: dict[str, Path],
    publication: gold.Publication,
) -> list[str]:
    """Publish the tables of a whole night, those not by bucket given; return their names."""
    tables = {name: [part] for name, part in whole.items()}
    for name in (*BY_BUCKET, *parts.tables(night.sources)):
        tables[name] = [night.workspace.folder("publish", b) / f"{name}.parquet" for b in buckets]
    gold.publish_all(config.output_dir, tables, publication)
    for name in parts.tables_left_out(night.sources):
        gold.publish_nothing(config.output_dir, name, publication)
    return [*tables]


def _monthly(work: Workspace, buckets: list[int]) -> list[dict[str, Any]]:
    totals = [work.load("score", bucket, "monthly") for bucket in buckets]
    return profile.merge_monthly(totals)
