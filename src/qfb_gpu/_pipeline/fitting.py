"""Fit what is global: segments here, the payment network and the parts on the workers beside it.

The network takes about as long as the segments, and most parts read neither, so all begin at once;
who waits for what is said by :class:`qfb_gpu.parts.part.Part`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qfb_gpu import network, parts
from qfb_gpu._pipeline.between import all_to_host, feature_block
from qfb_gpu.backend import get_backend
from qfb_gpu.lake import silver
from qfb_gpu.ledger import Labelled
from qfb_gpu.models import store
from qfb_gpu.parts import groups, payment_graph
from qfb_gpu.parts.names import save_names
from qfb_gpu.parts.part import PAYMENT_GRAPH, PROFILES, WHOLE
from qfb_gpu.tasks import customer_keys

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.cluster import Pool
    from qfb_gpu.tasks import Night


def fit(
    pool: Pool, night: Night, buckets: list[int], backend: Backend
) -> tuple[int, dict[str, Any]]:
    """Fit segments, network and parts, and save each bucket's profile columns.

    Returns
    -------
    n_customers : int
    fitted : dict
        ``groups`` (:class:`qfb_gpu.parts.groups.Groups`), ``nodes``, ``edges``, ``n_regular``
        by bucket, and ``seconds`` by step; those of workers pass at the same time.
    """
    seconds: dict[str, float] = {}
    graph = pool.start(fit_network, night, [PAYMENT_GRAPH])
    others = pool.start(parts.fit_part, night, parts.fitted_after(night.sources, ""))
    of_graph = parts.fitted_after(night.sources, PAYMENT_GRAPH)
    after_graph = pool.start(parts.fit_part, night, of_graph, after=graph)
    start = time.perf_counter()
    blocks = [feature_block(night, bucket, backend) for bucket in buckets]
    features = {
        name: backend.xp.concatenate([block[name] for block in blocks]) for name in blocks[0]
    }
    n_regular = [int(block["regularity_n_streams"].sum()) for block in blocks]
    del blocks
    keys = customer_keys(night, buckets)
    grouped = groups.fit_groups(features, keys, night.settings, backend)
    seconds["segments"] = time.perf_counter() - start
    if pool.has_workers:  # this process waits for them until everything is published
        store.opened_beside(night.settings.output_dir)
    else:
        seconds |= others  # before the network is there: who reads it and did not say so fails
    seconds |= graph
    load = night.workspace.load
    nodes, edges = load("fit", WHOLE, "nodes"), load("fit", WHOLE, "edges")
    columns = {**features, **grouped.columns}
    n_customers = _save_profiles(night, buckets, columns, nodes, backend)
    of_profiles = parts.fitted_after(night.sources, PROFILES)
    last = pool.start(parts.fit_part, night, of_profiles)
    for running in (others, after_graph, last):
        seconds |= running
    fitted = {
        "groups": grouped,
        "nodes": nodes,
        "edges": edges,
        "n_regular": n_regular,
        "seconds": seconds,
    }
    return n_customers, fitted


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
    night: Night,
    buckets: list[int],
    columns: dict[str, Any],
    nodes: dict[str, Any],
    backend: Backend,
) -> int:
    host, on_host = all_to_host(columns, backend), get_backend("cpu")
    start = 0
    for bucket in buckets:
        keys = night.workspace.load("score", bucket, "customers")["customer_key"]
        stop = start + keys.shape[0]
        rows = {name: _slice(values, start, stop) for name, values in host.items()}
        position = network.node_features(nodes, keys)
        night.workspace.save("fit", bucket, "profiles", {**rows, **position}, on_host)
        start = stop
    return start


def _slice(values: Any, start: int, stop: int) -> Any:
    if isinstance(values, Labelled):
        return Labelled(values.codes[start:stop], values.labels)
    return values[start:stop]
