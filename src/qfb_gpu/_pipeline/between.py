"""Between scoring and publishing: decide which streams are regular, fit what is global."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu import network, payments, profile
from qfb_gpu.backend import get_backend
from qfb_gpu.ledger import Labelled
from qfb_gpu.parts import groups, payment_graph
from qfb_gpu.parts.names import save_names
from qfb_gpu.tasks import customer_keys, on_device

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config
    from qfb_gpu.tasks import Night


def decide(night: Night, buckets: list[int], backend: Backend) -> int:
    """Control false discoveries over the whole run and mark the regular streams."""
    work, xp = night.workspace, backend.xp
    scored = [work.load("score", bucket, "streams") for bucket in buckets]
    q_values = payments.q_values(
        backend.asarray(np.concatenate([columns["p_value"] for columns in scored])), xp
    )
    start = 0
    for bucket, host_columns in zip(buckets, scored, strict=True):
        stop = start + host_columns["p_value"].shape[0]
        decide_bucket(night, bucket, host_columns, q_values[start:stop], backend)
        start = stop
    return start


def decide_bucket(
    night: Night, bucket: int, scored: dict[str, Any], q_value: Any, backend: Backend
) -> None:
    """Mark a bucket's regular streams by their q-values, and save what they say of customers."""
    columns = {name: on_device(values, backend) for name, values in scored.items()}
    rate = night.settings.payments.false_discovery_rate
    decided = payments.decide(columns, q_value, rate, backend.xp)
    night.workspace.save("decide", bucket, "streams", decided, backend)
    _save_regularity(night, bucket, decided, backend)


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
        ``groups`` (:class:`qfb_gpu.parts.groups.Groups`), ``nodes``, ``edges``, ``n_regular``
        by bucket, and ``seconds`` by step.
    """
    laps = [time.perf_counter()]
    blocks = [feature_block(night, bucket, backend) for bucket in buckets]
    features = {
        name: backend.xp.concatenate([block[name] for block in blocks]) for name in blocks[0]
    }
    grouped = groups.fit_groups(features, customer_keys(night, buckets), config, backend)
    laps.append(time.perf_counter())
    nodes, edges = _fit_network(night, buckets, config, backend)
    laps.append(time.perf_counter())
    columns = {**features, **grouped.columns}
    n_customers = _save_profiles(night, buckets, columns, nodes, backend)
    n_regular = [int(block["regularity_n_streams"].sum()) for block in blocks]
    fitted = {
        "groups": grouped,
        "nodes": nodes,
        "edges": edges,
        "n_regular": n_regular,
        "seconds": {"segments": laps[1] - laps[0], "payment_graph": laps[2] - laps[1]},
    }
    return n_customers, fitted


def feature_block(night: Night, bucket: int, backend: Backend) -> dict[str, Any]:
    """Return the features of a bucket's customers, those of regular streams included."""
    load = night.workspace.load
    block = {**load("score", bucket, "features"), **load("decide", bucket, "regularity")}
    return {name: backend.asarray(values) for name, values in block.items()}


def _fit_network(
    night: Night, buckets: list[int], config: Config, backend: Backend
) -> tuple[dict[str, Any], dict[str, Any]]:
    edges, graph = payment_graph.make(night.workspace, buckets, backend)
    nodes = network.analyse(edges, config.network, backend, graph=graph)
    save_names(night.workspace, buckets)
    return all_to_host(nodes, backend), all_to_host(edges, backend)


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


def _to_host(values: Any, backend: Backend) -> Any:
    if isinstance(values, Labelled):
        return Labelled(backend.to_host(values.codes), values.labels)
    return backend.to_host(values)


def all_to_host(columns: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Return columns as arrays, or Labelled, of the host."""
    return {name: _to_host(values, backend) for name, values in columns.items()}


def _slice(values: Any, start: int, stop: int) -> Any:
    if isinstance(values, Labelled):
        return Labelled(values.codes[start:stop], values.labels)
    return values[start:stop]
