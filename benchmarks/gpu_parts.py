"""Every part of the night step by step, from score to whole, on the CPU and on a device.

What a step reads is what the CPU left: its ledger, streams and sources, moved to the device, and
the workspace of its night. So a wrong step does not make the next ones look wrong.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

from parity import to_backend

from qfb_gpu import payments, pipeline, tasks
from qfb_gpu._pipeline import fitting, gather, update
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.cluster import Pool
from qfb_gpu.lake import ingest, silver
from qfb_gpu.lake.source_rows import read_rows
from qfb_gpu.parts import categories, part, run, text_job
from qfb_gpu.parts.catalog import PARTS
from qfb_gpu.parts.part import Given, Saved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config
    from qfb_gpu.parts.part import Part

    Step = Callable[[Backend], dict[str, Any]]

_ASKS = (pipeline, fitting, tasks, update, gather, run, part, categories, text_job)
"""Modules of the engine that look a backend up by its name."""
_STEPS = ("score", "measure", "fit", "publish", "whole")


@contextmanager
def chosen(backend: Backend) -> Iterator[None]:
    """Let the engine find ``backend`` where it asks for a device; the host's stays the host's."""

    def choose(name: str) -> Backend:
        return get_backend("cpu") if name == "cpu" else backend

    patches = [mock.patch.object(module, "get_backend", choose) for module in _ASKS]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


@dataclass(frozen=True, slots=True)
class Before:
    """A night as the CPU left it, before its tables were put together."""

    night: tasks.Night
    buckets: list[int]
    moved: dict[tuple[int, str], Any]

    @property
    def bucket(self) -> int:
        """The bucket that steps by bucket are run on: the first."""
        return self.buckets[0]


def cpu_night(config: Config) -> Before:
    """Ingest, score, decide, fit and publish by bucket on the CPU; keep what that leaves."""
    ingested = ingest.ingest(config)
    cpu = get_backend("cpu")
    night = tasks.Night.of(config, "cpu", pipeline.run_id(config, ingested.inputs))
    buckets = silver.buckets(night.lake)
    for bucket in buckets:
        tasks.score_bucket(night, bucket)
    pipeline.decide(night, buckets, cpu)
    pipeline.fit(Pool(), night, buckets)
    for bucket in buckets:
        tasks.publish_bucket(night, bucket)
    return Before(night, buckets, {})


def steps(before: Before) -> dict[str, Step]:
    """Return every step that a part has, by name: ``contracts.score``."""
    found: dict[str, Step] = {"sources.read": partial(_read, before)}
    nothing = {name: getattr(part.Part("", ""), name) for name in _STEPS}
    for one in run.active(before.night.sources):
        for name, work in (
            ("score", _score),
            ("measure", _measure),
            ("fit", _fit),
            ("publish", _publish),
            ("whole", _whole),
        ):
            if getattr(one, name) is not nothing[name]:
                found[f"{one.name}.{name}"] = partial(work, before, one)
    return found


def _read(before: Before, backend: Backend) -> dict[str, Any]:
    """Read the rows of every source of the bucket."""
    ledger = _moved(before, "ledger", backend)
    found = {}
    for source in _sources():
        rows = read_rows(
            before.night.lake, before.bucket, source, before.night.as_of_day, ledger.customer_key,
            backend,
        )  # fmt: skip
        found[source] = {**rows.columns, **rows.keys, "customer": rows.customer}
    return _flat(found)


def _score(before: Before, one: Part, backend: Backend) -> dict[str, Any]:
    night = before.night
    given = Given(
        bucket=before.bucket,
        as_of_day=night.as_of_day,
        config=night.settings,
        calendar=load_calendar(night.calendar),
        ledger=_moved(before, "ledger", backend),
        streams=_moved(before, "streams", backend),
        sources={
            source: _moved(before, source, backend)
            for source in (*one.needs, *one.may_use)
            if source != "transactions"
        },
        payment_texts=partial(silver.read_texts, night.lake, before.bucket),
        backend=backend,
    )
    return _flat(one.score(given))


def _measure(before: Before, one: Part, backend: Backend) -> dict[str, Any]:
    if one.measure is None:
        return {}
    return _flat(one.measure(_saved(before, one, before.buckets, backend), before.bucket))


def _fit(before: Before, one: Part, backend: Backend) -> dict[str, Any]:
    return _flat(one.fit(_saved(before, one, before.buckets, backend)))


def _publish(before: Before, one: Part, backend: Backend) -> dict[str, Any]:
    saved = _saved(before, one, [before.bucket], backend)
    return _flat(one.publish(saved, before.bucket))


def _whole(before: Before, one: Part, backend: Backend) -> dict[str, Any]:
    return _flat(one.whole(_saved(before, one, before.buckets, backend)))


def _saved(before: Before, one: Part, buckets: list[int], backend: Backend) -> Saved:
    return Saved(
        part=one.name,
        workspace=before.night.workspace,
        buckets=tuple(buckets),
        as_of_day=before.night.as_of_day,
        config=before.night.settings,
        device=backend.name,
        lake=before.night.lake,
    )


def _sources() -> list[str]:
    every = {source for one in PARTS for source in (*one.needs, *one.may_use)}
    return sorted(every - {"transactions"})


def _moved(before: Before, name: str, backend: Backend) -> Any:
    """Return what the CPU made of the bucket, on the device; made once a device."""
    key = (id(backend), name)
    if key not in before.moved:
        cpu = get_backend("cpu")
        if backend is cpu:
            before.moved[key] = _made(before, name, cpu)
        else:
            before.moved[key] = to_backend(_moved(before, name, cpu), backend)
    return before.moved[key]


def _made(before: Before, name: str, cpu: Backend) -> Any:
    night = before.night
    if name == "ledger":
        return silver.read_ledger(night.lake, before.bucket, night.as_of_day, cpu)
    ledger = _moved(before, "ledger", cpu)
    if name == "streams":
        return payments.score_streams(
            ledger, load_calendar(night.calendar), night.as_of_day, cpu, night.horizon_days
        )
    return read_rows(night.lake, before.bucket, name, night.as_of_day, ledger.customer_key, cpu)


def _flat(sets: Any) -> dict[str, Any]:
    """Return the columns of sets: of a dict of them, or of pairs that a fit gives one by one."""
    return {
        f"{name}.{column}": v
        for name, columns in dict(sets).items()
        for column, v in columns.items()
    }
