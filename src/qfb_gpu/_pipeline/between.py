"""Between scoring and publishing: decide which streams are regular."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu import payments, profile
from qfb_gpu._backend.allocator import give_freed_memory_back
from qfb_gpu.backend import get_backend
from qfb_gpu.cluster import Pool
from qfb_gpu.ledger import Labelled
from qfb_gpu.parts import decided
from qfb_gpu.parts.part import WHOLE
from qfb_gpu.tasks import on_device

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.tasks import Night

_WORTH = 1 << 20
"""Streams from which buckets are decided by the workers: below, this process is done sooner."""
_TASKS = 16
"""Tasks at most that buckets are decided in: one bucket takes less than a worker's wait for it."""


def decide(night: Night, buckets: list[int], backend: Backend, pool: Pool | None = None) -> int:
    """Control false discoveries over the whole run and mark the regular streams.

    What a p-value is worth is known when all are; the buckets are then decided one by one, of
    many streams by the workers where there are some.

    Returns
    -------
    int
        Number of streams.
    """
    load = night.workspace.load
    p_values = [load("score", b, "streams", ["p_value"])["p_value"] for b in buckets]
    p_value, q_value = payments.q_values_known(p_values)
    known = {"p_value": p_value, "q_value": q_value}
    night.workspace.save("decide", WHOLE, "q_values", known, get_backend("cpu"))
    n_streams = sum(p.size for p in p_values)
    if pool is None or not pool.has_workers or n_streams < _WORTH:

        def decide_one(of: Night, bucket: int) -> None:
            _decide_known(of, bucket, known, backend if of is night else get_backend(of.backend))

        for _ in Pool(on_device=backend.name == "gpu").run(decide_one, night, buckets):
            pass
        return n_streams
    del p_values, p_value, q_value
    give_freed_memory_back()  # this process needs little until it reports
    share = -(-len(buckets) // _TASKS)
    some = [buckets[at : at + share] for at in range(0, len(buckets), share)]
    named = {f"buckets {one[0]} to {one[-1]}": one for one in some}
    for _ in pool.run(_decide_some, (night, named), [*named]):
        pass
    return n_streams


def _decide_some(asked: tuple[Night, dict[str, list[int]]], name: str) -> None:
    """Decide the streams of some buckets, on a worker."""
    night, named = asked
    known = night.workspace.load("decide", WHOLE, "q_values")
    for bucket in named[name]:
        _decide_known(night, bucket, known, get_backend(night.backend))


def _decide_known(night: Night, bucket: int, known: dict[str, Any], backend: Backend) -> None:
    scored = night.workspace.load("score", bucket, "streams")
    q = payments.q_values_of(scored["p_value"], known["p_value"], known["q_value"])
    decide_bucket(night, bucket, scored, backend.asarray(q), backend)


def decide_bucket(
    night: Night, bucket: int, scored: dict[str, Any], q_value: Any, backend: Backend
) -> None:
    """Save a bucket's q-values, and what the streams that are regular by them say of customers."""
    columns = {name: on_device(values, backend) for name, values in scored.items()}
    rate = night.settings.payments.false_discovery_rate
    found = payments.decide(columns, q_value, rate, backend.xp)
    night.workspace.save("decide", bucket, decided.DECIDED, {"q_value": q_value}, backend)
    _save_regularity(night, bucket, found, backend)


def _save_regularity(night: Night, bucket: int, found: dict[str, Any], backend: Backend) -> None:
    relations = night.workspace.load("score", bucket, "relations")
    relation = found["relation"]
    customer = backend.asarray(relations["customer"])[relation]
    kinds = {name: backend.asarray(relations[name])[relation] for name in ("direction", "currency")}
    features = night.workspace.load("score", bucket, "features")
    regularity = profile.regularity_features(
        {**found, **kinds},
        customer,
        backend.asarray(features["main_currency"]),
        night.as_of_day,
        backend,
    )
    night.workspace.save("decide", bucket, decided.REGULARITY, regularity, backend)


def _to_host(values: Any, backend: Backend) -> Any:
    if isinstance(values, Labelled):
        return Labelled(backend.to_host(values.codes), values.labels)
    return backend.to_host(values)


def all_to_host(columns: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Return columns as arrays, or Labelled, of the host."""
    return {name: _to_host(values, backend) for name, values in columns.items()}
