"""Between scoring and publishing: decide which streams are regular."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu import payments, profile
from qfb_gpu.ledger import Labelled
from qfb_gpu.tasks import on_device

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
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


def feature_block(night: Night, bucket: int, backend: Backend) -> dict[str, Any]:
    """Return the features of a bucket's customers, those of regular streams included."""
    load = night.workspace.load
    block = {**load("score", bucket, "features"), **load("decide", bucket, "regularity")}
    return {name: backend.asarray(values) for name, values in block.items()}


def _to_host(values: Any, backend: Backend) -> Any:
    if isinstance(values, Labelled):
        return Labelled(backend.to_host(values.codes), values.labels)
    return backend.to_host(values)


def all_to_host(columns: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Return columns as arrays, or Labelled, of the host."""
    return {name: _to_host(values, backend) for name, values in columns.items()}
