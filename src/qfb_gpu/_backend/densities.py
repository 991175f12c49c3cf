"""Clusters by centres (K-means) and of any shape by density (HDBSCAN): scikit-learn or cuML.

cuML starts otherwise and works in float32 where it measures densities, so it finds other clusters.
It takes what is large; of few rows a host is done sooner, and both backends give the same.
"""

from __future__ import annotations

from functools import cache
from typing import Any

DEVICE_ROWS = 1 << 13
"""Rows from which a device is asked: below it, launching its many small kernels takes longer."""


@cache
def _libraries() -> Any:
    """Return what limits threads, made once: it looks through every library of the process."""
    from sklearn import cluster  # noqa: F401  so that its own are there
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def host_kmeans(features: Any, n_clusters: int, seed: int) -> Any:
    """Return the K-means centres of ``features``: float64, shape (n_clusters, n_features)."""
    from sklearn import cluster

    with _libraries().limit(limits=1):  # partial sums in one order: the same centres every night
        model = cluster.KMeans(n_clusters=n_clusters, random_state=seed, n_init=10)
        return model.fit(features).cluster_centers_


def device_kmeans(xp: Any, features: Any, n_clusters: int, seed: int) -> Any:
    """Return what :func:`host_kmeans` does, by cuML."""
    from cuml.cluster import KMeans

    model = KMeans(n_clusters=n_clusters, random_state=seed, n_init=10, output_type="cupy")
    return xp.asarray(model.fit(features).cluster_centers_, dtype="float64")


def host_hdbscan(features: Any, min_cluster_size: int, min_samples: int) -> Any:
    """Return the cluster of each row, -1 where it is in none: int32, shape (n_rows,)."""
    from sklearn import cluster

    model = cluster.HDBSCAN(min_cluster_size=min_cluster_size, min_samples=min_samples, copy=True)
    with _libraries().limit(limits=1):
        return model.fit(features).labels_.astype("int32")


def device_hdbscan(xp: Any, features: Any, min_cluster_size: int, min_samples: int) -> Any:
    """Return what :func:`host_hdbscan` does, by cuML, which does not count a row as its own sample.

    (``cuml.cluster.HDBSCAN``, ``min_samples``: scikit-learn's k is k - 1 there, from k = 2.)
    """
    from cuml.cluster import HDBSCAN

    others = max(min_samples - 1, 1)
    model = HDBSCAN(min_cluster_size=min_cluster_size, min_samples=others, output_type="cupy")
    model.fit(features)
    return xp.asarray(model.labels_, dtype="int32")
