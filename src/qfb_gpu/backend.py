"""The one place that knows which libraries run the numbers.

A stage asks the backend for ``xp`` (NumPy or CuPy) and for the few operations below whose
libraries differ; it never asks which backend it has. Graph operations take node numbers
``0 .. n_nodes - 1`` and give one value a node, in node order.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from qfb_gpu.errors import BackendUnavailableError

if TYPE_CHECKING:
    from types import ModuleType

BackendName = Literal["cpu", "gpu"]
PAGERANK_DAMPING = 0.85


@dataclass(frozen=True, slots=True)
class Backend:
    """An array module, the data-frame and FFT modules that go with it, and their name."""

    name: BackendName
    device: str
    xdf: ModuleType
    xp: ModuleType
    fft: ModuleType

    def asarray(self, array: Any, dtype: Any = None) -> Any:
        """Return ``array`` (host or device) as an array of this backend."""
        return self.xp.asarray(array, dtype=dtype)

    def to_host(self, array: Any) -> Any:
        """Return ``array`` as a NumPy array."""
        return array.get() if self.name == "gpu" else array

    def synchronize(self) -> None:
        """Wait until the device has done all it was given, so that a clock may be read."""
        if self.name == "gpu":
            self.xp.cuda.get_current_stream().synchronize()

    def launch(self, cpu: Any, gpu: Any, n_rows: int, *arrays: Any) -> None:
        """Run a kernel over ``n_rows`` rows through the launcher of this backend."""
        if n_rows == 0:
            return
        if self.name == "gpu":
            gpu.forall(n_rows)(*arrays)
        else:
            cpu(*arrays)

    def rfft(self, batch: Any) -> Any:
        """Return the one-sided Fourier transform of each row of a float32 batch.

        Parameters
        ----------
        batch : array of float32, shape (n_rows, n_samples)

        Returns
        -------
        array of complex64, shape (n_rows, n_samples // 2 + 1)
        """
        if self.name == "gpu":
            return self.fft.rfft(batch, axis=1)
        return self.fft.rfft(batch, axis=1, workers=n_threads())

    def lexsort(self, keys: tuple[Any, ...]) -> Any:
        """Return the stable order that sorts by ``keys[0]``, then ``keys[1]``, ...

        Unlike ``numpy.lexsort`` the first key is the primary one.
        """
        if self.name == "gpu":
            return self.xp.lexsort(self.xp.stack([k.astype("int64") for k in keys[::-1]]))
        return self.xp.lexsort(keys[::-1])

    def memory_budget_bytes(self) -> int:
        """Return how many bytes one batch of intermediates may take."""
        if self.name == "gpu":
            free, _ = self.xp.cuda.runtime.memGetInfo()
            return int(free) // 4
        return 128 * 2**20

    def kmeans(self, features: Any, n_clusters: int, seed: int) -> Any:
        """Return the K-means centres of ``features``.

        Parameters
        ----------
        features : array of float64, shape (n_rows, n_features)
            Finite. In an order that depends on nothing but the values, as the start does.

        Returns
        -------
        array of float64, shape (n_clusters, n_features)
        """
        if self.name == "gpu":
            from cuml.cluster import KMeans

            model = KMeans(n_clusters=n_clusters, random_state=seed, n_init=10, output_type="cupy")
            return model.fit(features).cluster_centers_.astype("float64")
        from sklearn.cluster import KMeans as HostKMeans
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):  # partial sums in one order: the same centres every night
            model = HostKMeans(n_clusters=n_clusters, random_state=seed, n_init=10)
            return model.fit(features).cluster_centers_

    def components(self, n_nodes: int, source: Any, target: Any) -> Any:
        """Return each node's weakly connected component: int32, shape (n_nodes,)."""
        if self.name == "gpu":
            import cugraph

            graph = self._cugraph(n_nodes, source, target, None, directed=False)
            return self._by_node(cugraph.weakly_connected_components(graph), "labels", n_nodes)
        graph = _igraph(n_nodes, source, target, directed=True)
        members = graph.connected_components(mode="weak").membership
        return self.xp.asarray(members, dtype="int32")

    def communities(  # noqa: PLR0913
        self,
        n_nodes: int,
        source: Any,
        target: Any,
        weight: Any,
        *,
        resolution: float = 1.0,
        seed: int = 0,
    ) -> Any:
        """Return each node's Leiden community by modularity: int32, shape (n_nodes,).

        The graph is taken as undirected; ``weight`` (float64, positive) of parallel edges adds.
        """
        if self.name == "gpu":
            import cugraph

            graph = self._cugraph(n_nodes, source, target, weight, directed=False)
            parts, _ = cugraph.leiden(graph, resolution=resolution, random_state=seed)
            return self._by_node(parts, "partition", n_nodes)
        import random

        import igraph

        random.seed(seed)
        igraph.set_random_number_generator(random)
        graph = _igraph(n_nodes, source, target, directed=False)
        parts = graph.community_leiden(
            objective_function="modularity",
            weights=weight.tolist(),
            resolution=resolution,
            n_iterations=4,
        )
        return self.xp.asarray(parts.membership, dtype="int32")

    def pagerank(self, n_nodes: int, source: Any, target: Any, weight: Any) -> Any:
        """Return each node's PageRank (damping 0.85): float64, shape (n_nodes,), sum 1."""
        if self.name == "gpu":
            import cugraph

            graph = self._cugraph(n_nodes, source, target, weight, directed=True)
            ranks = cugraph.pagerank(graph, alpha=PAGERANK_DAMPING, tol=1e-9, max_iter=500)
            return self._by_node(ranks, "pagerank", n_nodes)
        graph = _igraph(n_nodes, source, target, directed=True)
        ranks = graph.pagerank(damping=PAGERANK_DAMPING, weights=weight.tolist())
        return self.xp.asarray(ranks, dtype="float64")

    def _cugraph(
        self, n_nodes: int, source: Any, target: Any, weight: Any, *, directed: bool
    ) -> Any:
        import cugraph

        edges = self.xdf.DataFrame({"source": source, "target": target})
        if weight is not None:
            edges["weight"] = weight.astype("float64")
        graph = cugraph.Graph(directed=directed)
        graph.from_cudf_edgelist(
            edges,
            source="source",
            destination="target",
            weight="weight" if weight is not None else None,
            renumber=False,
            vertices=self.xdf.Series(self.xp.arange(n_nodes, dtype=source.dtype)),
        )
        return graph

    def _by_node(self, frame: Any, column: str, n_nodes: int) -> Any:
        out = self.xp.empty(n_nodes, dtype=frame[column].dtype)
        out[frame["vertex"].values] = frame[column].values
        return out


def _igraph(n_nodes: int, source: Any, target: Any, *, directed: bool) -> Any:
    import igraph
    import numpy as np

    return igraph.Graph(n=n_nodes, edges=np.column_stack([source, target]), directed=directed)


def n_threads() -> int:
    """Return how many threads one process may use: ``QFB_THREADS``, else its cores."""
    return int(os.environ.get("QFB_THREADS", "0")) or len(os.sched_getaffinity(0))


def get_backend(name: BackendName | Literal["auto"]) -> Backend:
    """Return a backend, importing its libraries now.

    Parameters
    ----------
    name : {"auto", "cpu", "gpu"}
        ``auto`` takes the GPU where there is a working one.

    Raises
    ------
    BackendUnavailableError
        ``gpu`` was asked for and cannot run here.
    """
    if name == "cpu":
        return _cpu()
    try:
        return _gpu()
    except BackendUnavailableError:
        if name == "gpu":
            raise
        return _cpu()


def _cpu() -> Backend:
    import platform

    import numpy as np
    import pandas as pd
    import scipy.fft

    return Backend("cpu", platform.machine(), pd, np, scipy.fft)


def _gpu() -> Backend:
    try:
        import cudf
        import cupy as cp
        import cupyx.scipy.fft
    except ImportError as error:
        msg = (
            "device 'gpu' needs RAPIDS: install env/gpu-py311.txt (or -py312), "
            f"or use device 'cpu' ({error})"
        )
        raise BackendUnavailableError(msg) from error
    try:
        device = cp.cuda.runtime.getDeviceProperties(0)["name"].decode()
    except cp.cuda.runtime.CUDARuntimeError as error:
        msg = f"device 'gpu' found no working CUDA device ({error}); use device 'cpu'"
        raise BackendUnavailableError(msg) from error
    return Backend("gpu", device, cudf, cp, cupyx.scipy.fft)
