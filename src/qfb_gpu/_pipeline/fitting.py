"""Fit what is global: segments, the payment network and the parts, on the workers side by side.

Most parts read neither segments nor network, so all begin at once; who waits for what is said by
:class:`qfb_gpu.parts.part.Part`; a part that measures its customers by bucket does that before. On
a machine with GPUs, parts that make no use of a device are fitted beside it by processes of the
host. The main process imports what it needs later, and puts the customers' profiles together, a
bucket at a time.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qfb_gpu import network, parts
from qfb_gpu.backend import get_backend
from qfb_gpu.lake import silver
from qfb_gpu.ledger import Labelled
from qfb_gpu.models import store
from qfb_gpu.parts import decided, groups, payment_graph
from qfb_gpu.parts.names import save_names
from qfb_gpu.parts.part import PAYMENT_GRAPH, PROFILES, WHOLE
from qfb_gpu.tasks import customer_keys

if TYPE_CHECKING:
    from qfb_gpu.cluster import Pool
    from qfb_gpu.tasks import Night

_SEGMENTS = "segments"


def fit(
    pool: Pool, night: Night, buckets: list[int], host: Pool | None = None
) -> tuple[int, dict[str, Any]]:
    """Fit segments, network and parts, and save each bucket's profile columns.

    Parameters
    ----------
    pool : Pool
    night : Night
    buckets : list of int
    host : Pool, optional
        Workers without a device, for the parts that are not ``on_device``; else ``pool``.

    Returns
    -------
    n_customers : int
    fitted : dict
        ``groups`` (:class:`qfb_gpu.parts.groups.Groups`), ``nodes``, ``edges``, ``n_regular``
        by bucket, and ``seconds`` by step; those of workers pass at the same time.
    """
    seconds: dict[str, float] = {}
    first = parts.fitted_after(night.sources, "")
    host, apart = (pool, []) if host in (None, pool) else (host, parts.on_host(first))
    alone = night if host is pool else replace(night, backend="cpu")
    beside = host.start(parts.fit_part, alone, apart)
    graph = pool.start(fit_network, night, [PAYMENT_GRAPH])
    measured = _Measured(pool, night, buckets)
    groups_of = pool.start(fit_groups, night, [_SEGMENTS])
    others = pool.start(parts.fit_part, night, [name for name in first if name not in apart])
    of_graph = parts.fitted_after(night.sources, PAYMENT_GRAPH)
    after_graph = pool.start(parts.fit_part, night, of_graph, after=graph)
    if pool.has_workers:  # this process waits for them until everything is published
        store.opened_beside(night.settings.output_dir)
    [(_, (seconds[_SEGMENTS], small))] = groups_of
    if not pool.has_workers:
        seconds |= measured.seconds()
        seconds |= others  # before the network is there: who reads it and did not say so fails
    seconds |= graph
    load = night.workspace.load
    nodes, edges = load("fit", WHOLE, "nodes"), load("fit", WHOLE, "edges")
    grouped = groups.taken(small, night.workspace)
    n_regular = _save_profiles(night, buckets, grouped.columns, nodes)
    of_profiles = parts.fitted_after(night.sources, PROFILES)
    last = host.start(parts.fit_part, alone, of_profiles)
    for running in (others, after_graph, last, beside):
        seconds |= running
    seconds |= measured.seconds()
    fitted = {
        "groups": grouped,
        "nodes": nodes,
        "edges": edges,
        "n_regular": n_regular,
        "seconds": seconds,
    }
    return grouped.population["customer_key"].shape[0], fitted


class _Measured:
    """Parts that measure customers bucket by bucket, and are fitted when all buckets are done."""

    def __init__(self, pool: Pool, night: Night, buckets: list[int]) -> None:
        names = parts.fitted_after(night.sources, "", measured=True)
        self._by_bucket = pool.start(parts.measure_parts, night, buckets if names else [])
        self._fits = pool.start(parts.fit_part, night, names, after=self._by_bucket)
        self._seconds: dict[str, float] = {}

    def seconds(self) -> dict[str, float]:
        """Wait for them; return the seconds of each part, those of all its buckets included."""
        for _, of_bucket in self._by_bucket:
            for name, seconds in of_bucket.items():
                self._seconds[name] = self._seconds.get(name, 0.0) + seconds
        for name, seconds in self._fits:
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds
        return self._seconds


def fit_groups(night: Night, _name: str) -> tuple[float, groups.Groups]:
    """Group all customers and save what has rows; return seconds, and what has none."""
    start = time.perf_counter()
    backend, buckets = get_backend(night.backend), silver.buckets(night.lake)
    blocks = [decided.features(night.workspace, bucket) for bucket in buckets]
    grouped = groups.fit_groups(blocks, customer_keys(night, buckets), night.settings, backend)
    small = groups.put(grouped, night.workspace, backend)
    return time.perf_counter() - start, small


def fit_network(night: Night, _name: str) -> float:
    """Make and analyse the payment network and save it, with the parties' names; return seconds."""
    start = time.perf_counter()
    backend, buckets = get_backend(night.backend), silver.buckets(night.lake)
    edges, graph = payment_graph.make(night.workspace, buckets, backend)
    nodes = network.analyse(edges, night.settings.network, backend, graph=graph)
    night.workspace.save("fit", WHOLE, "nodes", nodes, backend)
    save_names(night.workspace, buckets)
    return time.perf_counter() - start


def _save_profiles(
    night: Night, buckets: list[int], columns: dict[str, Any], nodes: dict[str, Any]
) -> list[int]:
    """Save where each bucket's customers stand; return its numbers of regular streams."""
    host = get_backend("cpu")
    start, n_regular = 0, []
    for bucket in buckets:
        n_streams = decided.features(night.workspace, bucket)["regularity_n_streams"]
        keys = night.workspace.load("score", bucket, "customers")["customer_key"]
        stop = start + keys.shape[0]
        rows = {name: _slice(values, start, stop) for name, values in columns.items()}
        position = network.node_features(nodes, keys)
        decided.save_places(night.workspace, bucket, {**rows, **position}, host)
        n_regular.append(int(n_streams.sum()))
        start = stop
    return n_regular


def _slice(values: Any, start: int, stop: int) -> Any:
    if isinstance(values, Labelled):
        return Labelled(values.codes[start:stop], values.labels)
    return values[start:stop]
