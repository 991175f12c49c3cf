"""Clusters of any shape by density (HDBSCAN): scikit-learn on the host, cuML on a device."""

from __future__ import annotations

from typing import Any


def host_hdbscan(features: Any, min_cluster_size: int, min_samples: int) -> Any:
    """Return the cluster of each row, -1 where it is in none: int32, shape (n_rows,)."""
    from sklearn import cluster
    from threadpoolctl import threadpool_limits

    model = cluster.HDBSCAN(min_cluster_size=min_cluster_size, min_samples=min_samples, copy=True)
    with threadpool_limits(1):
        return model.fit(features).labels_.astype("int32")


def device_hdbscan(xp: Any, features: Any, min_cluster_size: int, min_samples: int) -> Any:
    """Return what :func:`host_hdbscan` does, by cuML."""
    from cuml.cluster import HDBSCAN

    model = HDBSCAN(min_cluster_size=min_cluster_size, min_samples=min_samples, output_type="cupy")
    model.fit(features)
    return xp.asarray(model.labels_, dtype="int32")
