"""Fit what is global: segments, the payment network and the parts, on the workers side by side.

Most parts read neither segments nor network, so all begin at once; who waits for what is said by
:class:`qfb_gpu.parts.part.Part`; a part that measures its customers by bucket does that before. A
worker that is free takes what is given first, so the longest part is given with the network. The
network is analysed beside the parts that read it, as only profiles ask for what its nodes are. On
a machine with GPUs, parts that make no use of a device are fitted beside it by processes of the
host, which measure the customers, too, and save their profiles: that is little arithmetic between
reading and writing many columns. With one GPU this process drives it, and fits on it in turn. The
main process imports what it needs later; without a GPU it puts the profiles together, a bucket at a
time.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from qfb_gpu import network, parts
from qfb_gpu.backend import get_backend
from qfb_gpu.cluster import Pool
from qfb_gpu.lake import silver
from qfb_gpu.ledger import Labelled
from qfb_gpu.models import store
from qfb_gpu.parts import decided, groups, payment_graph
from qfb_gpu.parts.names import save_names
from qfb_gpu.parts.part import PAYMENT_GRAPH, PROFILES, WHOLE
from qfb_gpu.tasks import customer_keys

if TYPE_CHECKING:
    from qfb_gpu.cluster import Running
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
    graph = pool.start(make_network, night, [PAYMENT_GRAPH])
    names = [name for name in first if name not in apart]
    longest = pool.start(parts.fit_part, night, names[:1])  # it is begun with the graph
    measured = _Measured(*((host, alone) if host.has_workers else (pool, night)), buckets)
    groups_of = pool.start(fit_groups, night, [_SEGMENTS])
    others = chain(longest, pool.start(parts.fit_part, night, names[1:]))
    analysed = pool.start(analyse_network, night, [PAYMENT_GRAPH], after=graph)
    of_graph = parts.fitted_after(night.sources, PAYMENT_GRAPH)
    after_graph = pool.start(parts.fit_part, night, of_graph, after=graph)
    if pool.has_workers:  # this process waits for them until everything is published
        store.opened_beside(night.settings.output_dir)
    [(_, (seconds[_SEGMENTS], small))] = groups_of
    if not host.has_workers:
        seconds |= measured.seconds()
        seconds |= others  # before the network is there: who reads it and did not say so fails
    for name, took in chain(graph, analysed):  # with one device first, as the host waits for it
        seconds[name] = seconds.get(name, 0.0) + took
    profiles = _start_profiles(Pool() if host is pool else host, alone, buckets)
    if host.has_workers and not pool.has_workers:  # this process drives the device meanwhile
        seconds |= others
        seconds |= after_graph
    n_regular = dict(profiles)
    last = host.start(parts.fit_part, alone, parts.fitted_after(night.sources, PROFILES))
    for running in (others, after_graph, last, beside):
        seconds |= running
    seconds |= measured.seconds()
    load, grouped = night.workspace.load, groups.taken(small, night.workspace)
    fitted = {
        "groups": grouped,
        "nodes": load("fit", WHOLE, "nodes"),
        "edges": load("fit", WHOLE, "edges"),
        "n_regular": [n_regular[bucket] for bucket in buckets],
        "seconds": seconds,
    }
    return grouped.population["customer_key"].shape[0], fitted


class _Measured:
    """Parts that measure customers bucket by bucket, and are fitted when all buckets are done.

    Beside a device by its host, the fits too: those of the risks look at every bucket for each of
    many dates, and ask a device for some 5,800 small operations a bucket, which take it longer
    than a core of the host takes for the customers of a million payments.
    """

    def __init__(self, pool: Pool, night: Night, buckets: list[int]) -> None:
        names = parts.fitted_after(night.sources, "", measured=True)
        some = buckets if names else []
        self._by_bucket = pool.start(parts.measure_parts, night, some, together=True)
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
    keys, run_id = customer_keys(night, buckets), night.workspace.root.name
    grouped = groups.fit_groups(blocks, keys, night.settings, backend, run_id)
    small = groups.put(grouped, night.workspace, backend)
    return time.perf_counter() - start, small


def make_network(night: Night, name: str) -> float:
    """Make the payment network and save it, with the parties' names; return seconds.

    What reads the network begins with that, beside its analysis: it does not ask for communities.
    """

    def make() -> None:
        buckets = silver.buckets(night.lake)
        payment_graph.make(night.workspace, buckets, get_backend(night.backend))
        save_names(night.workspace, buckets)

    return night.workspace.once("fitted", name, make)


def analyse_network(night: Night, name: str) -> float:
    """Analyse the payment network that was made and save what its nodes are; return seconds."""

    def analyse() -> None:
        backend = get_backend(night.backend)
        edges, graph = payment_graph.read_analysed(night.workspace, backend)
        nodes = network.analyse(edges, night.settings.network, backend, graph=graph)
        night.workspace.save("fit", WHOLE, "nodes", nodes, backend)

    return night.workspace.once("fitted", f"{name}.nodes", analyse)


def _start_profiles(pool: Pool, night: Night, buckets: list[int]) -> Running:
    """Have it saved where each bucket's customers stand; see :func:`save_profiles`."""
    load, n_before, first = night.workspace.load, 0, {}
    for bucket in buckets:
        first[bucket] = n_before
        n_before += load("score", bucket, "customers")["customer_key"].shape[0]
    return pool.start(save_profiles, (night, first), buckets)


def save_profiles(asked: tuple[Night, dict[int, int]], bucket: int) -> int:
    """Save where a bucket's customers stand among all; return its number of regular streams.

    Parameters
    ----------
    asked : tuple of Night, dict of int to int
        How many customers the buckets before each have.
    bucket : int
    """
    night, first = asked
    host, work = get_backend("cpu"), night.workspace
    keys = work.load("score", bucket, "customers")["customer_key"]
    start, stop = first[bucket], first[bucket] + keys.shape[0]
    rows = {name: _slice(values, start, stop) for name, values in groups.placed(work).items()}
    position = network.node_features(work.load("fit", WHOLE, "nodes"), keys)
    decided.save_places(work, bucket, {**rows, **position}, host)
    return int(decided.features(work, bucket)["regularity_n_streams"].sum())


def _slice(values: Any, start: int, stop: int) -> Any:
    if isinstance(values, Labelled):
        return Labelled(values.codes[start:stop], values.labels)
    return values[start:stop]
