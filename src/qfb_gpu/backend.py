"""The one place that knows which libraries run the numbers.

A stage asks the backend for ``xp`` (NumPy or CuPy) and for the few operations below whose
libraries differ; it never asks which backend it has. Graph operations take node numbers
``0 .. n_nodes - 1`` and give one value a node, in node order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from qfb_gpu._backend import (
    boosting,
    compiling,
    copies,
    densities,
    devices,
    graphs,
    neighbours,
    ordering,
    room,
    sparse,
    transforms,
)
from qfb_gpu._backend.boosting import Boosted, BoostingOptions
from qfb_gpu._backend.devices import n_threads
from qfb_gpu._backend.spectra import by_transform, eight_abreast
from qfb_gpu.errors import BackendUnavailableError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Backend", "BackendName", "Boosted", "BoostingOptions", "get_backend"]

BackendName = Literal["cpu", "gpu"]
THREADS_PER_BLOCK = 128
"""Small blocks spread a short bucket over all multiprocessors; no kernel shares memory."""
GPU_LANES, CPU_LANES = 2**17, 256
SCRATCH_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class Backend:
    """An array module, the data-frame and FFT modules that go with it, and their name.

    Attributes
    ----------
    name : {"cpu", "gpu"}
    device : str
        In words: the processor and its threads, or the card and its memory.
    xdf, xp, fft : module
        pandas, NumPy, scipy.fft; or cuDF (None where it is not installed), CuPy,
        cupyx.scipy.fft.
    """

    name: BackendName
    device: str
    xdf: ModuleType | None
    xp: ModuleType
    fft: ModuleType

    def versions(self) -> dict[str, str]:
        """Return the version of each library that does the numbers, by its name."""
        if self.name == "gpu":
            found = devices.versions(devices.GPU_LIBRARIES, devices.RAPIDS)
            return {**found, **devices.cuda_versions(self.xp)}
        return devices.versions(devices.CPU_LIBRARIES)

    def asarray(self, array: Any, dtype: Any = None) -> Any:
        """Return ``array`` (host or device) as an array of this backend."""
        return self.xp.asarray(array, dtype=dtype)

    def to_host(self, array: Any) -> Any:
        """Return ``array`` as a NumPy array; it waits for the device where it is not one."""
        return self.xp.asnumpy(array) if self.name == "gpu" else array

    def all_to_host(self, arrays: list[Any]) -> list[Any]:
        """Return arrays of either side as NumPy arrays, with one wait: ``_backend/copies.py``."""
        return copies.all_to_host(self.xp, arrays) if self.name == "gpu" else list(arrays)

    def synchronize(self) -> None:
        """Wait until the device has done all it was given, so that a clock may be read."""
        if self.name == "gpu":
            self.xp.cuda.get_current_stream().synchronize()

    def launch(self, cpu: Any, gpu: Any, n_rows: int, *arrays: Any) -> None:
        """Run a kernel over ``n_rows`` rows through the launcher of this backend.

        On a GPU it runs on the legacy default stream, in order with CuPy; the call does not wait.
        """
        if n_rows == 0:
            return
        if self.name == "gpu":
            n_blocks = -(-n_rows // THREADS_PER_BLOCK)  # forall() would compile in every process
            compiling.launch(gpu, n_blocks, THREADS_PER_BLOCK, arrays)
        else:
            compiling.call(cpu, arrays)

    def lanes(self, n_rows: int, bytes_each: int) -> int:
        """Return how many lanes, each with scratch memory of its own, share ``n_rows`` rows.

        On a GPU as many as it can run at the same time, within 1 GiB; on a CPU enough for its
        threads to be busy to the end, and few enough for the scratch to stay near them.
        """
        most = GPU_LANES if self.name == "gpu" else CPU_LANES
        return max(1, min(n_rows, most, SCRATCH_BYTES // bytes_each))

    def host_scratch(self, n_rows: int, width: int) -> Any:
        """Return int32 scratch of a body that only the host has; a GPU gets one entry for it."""
        shape = (1, 1) if self.name == "gpu" else (n_rows, width)
        return self.xp.empty(shape, dtype="int32")

    def rfft(self, batch: Any) -> Any:
        """Return the one-sided Fourier transform of each row of a float32 batch.

        From shape (n_rows, n_samples) to complex64 of shape (n_rows, n_samples // 2 + 1).
        """
        if self.name == "gpu":
            return transforms.device_rfft(self.xp, self.fft, batch)
        return transforms.host_rfft(batch)

    def daily_spectra(self, *arguments: Any, with_shape: bool) -> None:
        """Write peaks and shape of some units' daily series: see ``_backend/spectra.py``."""
        work = by_transform if self.name == "gpu" else eight_abreast
        work(self, *arguments, with_shape=with_shape)

    def lexsort(self, keys: tuple[Any, ...]) -> Any:
        """Return the stable order that sorts by ``keys[0]``, then ``keys[1]``, ...

        Unlike ``numpy.lexsort`` the first key is the primary one.

        Parameters
        ----------
        keys : tuple of arrays of one shape (n_rows,), without NaN
        """
        if self.name == "cpu":
            return self.xp.lexsort(keys[::-1])
        return ordering.device_lexsort(self.xp, keys)

    def repeat(self, values: Any, counts: Any) -> Any:
        """Return ``values`` with value ``i`` ``counts[i]`` times; both of shape (n_rows,).

        ``cupy.repeat`` launches a kernel for every row where the counts differ.
        """
        if self.name == "cpu":
            return self.xp.repeat(values, counts)
        return ordering.device_repeat(self.xp, values, counts)

    def memory_budget_bytes(self) -> int:
        """Return what a batch of intermediates may take: of a card a share, of a CPU its caches."""
        return room.batch_bytes(self.xp) if self.name == "gpu" else 8 * 2**20

    def payments_a_bucket(self) -> int:
        """Return how many payments a bucket should have: see ``_backend/room.py``."""
        return room.device_payments(self.xp) if self.name == "gpu" else room.HOST_PAYMENTS

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
        if self._on_device("cuml", features.shape[0]):
            return densities.device_kmeans(self.xp, features, n_clusters, seed)
        return self.asarray(densities.host_kmeans(self.to_host(features), n_clusters, seed))

    def hdbscan(self, features: Any, min_cluster_size: int, min_samples: int) -> Any:
        """Return the HDBSCAN cluster of each row, -1 where it is in none: int32, shape (n_rows,).

        Parameters
        ----------
        features : array of float64, shape (n_rows, n_features)
            Finite; at least ``min_cluster_size`` rows.
        min_cluster_size, min_samples : int

        References
        ----------
        R. Campello, D. Moulavi, J. Sander, "Density-Based Clustering Based on Hierarchical
        Density Estimates", doi:10.1007/978-3-642-37456-2_14.
        """
        if self._on_device("cuml", features.shape[0]):
            return densities.device_hdbscan(self.xp, features, min_cluster_size, min_samples)
        host = self.to_host(features)
        return self.asarray(densities.host_hdbscan(host, min_cluster_size, min_samples))

    def fit_boosting(
        self,
        features: Any,
        label: Any,
        *,
        held_out: Any,
        sample_weight: Any = None,
        seed: int = 0,
        options: BoostingOptions | None = None,
    ) -> Boosted:
        """Fit gradient-boosted trees and calibrate their probability; on the host on both backends.

        Parameters
        ----------
        features : array of float64, shape (n_rows, n_features)
            NaN is a value of its own.
        label : array of bool or integer, shape (n_rows,)
        held_out : bool array, shape (n_rows,)
            Rows that only calibrate: isotonic from 1,000 cases of the rarer class
            (``options.rows_per_case``), a logistic line below, nothing where there is one class.
            Take the latest rows.
        sample_weight : array of float64, shape (n_rows,), optional
        seed : int
        options : BoostingOptions, optional

        Raises
        ------
        ValueError
            The rows that are not held out are of one class.

        References
        ----------
        J. Friedman, "Greedy function approximation", doi:10.1214/aos/1013203451;
        A. Niculescu-Mizil, R. Caruana, "Predicting good probabilities with supervised learning",
        doi:10.1145/1102351.1102430.
        """
        weight = None if sample_weight is None else self.to_host(sample_weight)
        rows = (self.to_host(features), self.to_host(label), self.to_host(held_out))
        return boosting.fit(*rows, weight, seed, options or BoostingOptions())

    def predict_proba(self, model: Boosted, features: Any) -> Any:
        """Return the calibrated probability of each row: float64, shape (n_rows,)."""
        return self.asarray(boosting.probability(model, self.to_host(features)))

    def contributions(self, model: Boosted, features: Any) -> tuple[float, Any]:
        """Return the base and what each feature added to each row's log-odds (n_rows, n_features).

        Base and contributions add up to the log-odds before calibration.

        References
        ----------
        A. Palczewska et al., "Interpreting random forest classification models using a feature
        contribution method", doi:10.1007/978-3-319-04717-1_9.
        """
        base, parts = boosting.contributions(model, self.to_host(features))
        return base, self.asarray(parts)

    def isolation(self, sample: Any, features: Any, seed: int) -> Any:
        """Return how easily each row is told apart from ``sample``: float64 in 0..1, (n_rows,).

        On the host on both backends; all values finite.

        References
        ----------
        F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation Forest", doi:10.1109/ICDM.2008.17.
        """
        scores = boosting.isolation(self.to_host(sample), self.to_host(features), seed)
        return self.asarray(scores)

    def neighbours(self, known: Any, own: Any, n: int) -> Any:
        """Return the ``n`` rows of ``known`` nearest to each row of ``own``: int64, (n_own, n).

        Euclidean; in any order, and of rows as near as the n-th, but for rounding, any: the
        caller compares. :func:`qfb_gpu._backend.neighbours.rounding` says how near that is.

        Parameters
        ----------
        known, own : arrays of float64, shapes (n_known, n_features) and (n_own, n_features), finite
        n : int, 1 to n_known
        """
        if self.name == "gpu":
            return neighbours.device_neighbours(self.xp, known, own, n)
        return neighbours.host_neighbours(known, own, n)

    def components(self, n_nodes: int, source: Any, target: Any) -> Any:
        """Return each node's weakly connected component: int32, shape (n_nodes,).

        Parameters
        ----------
        n_nodes : int
        source, target : integer arrays, shape (n_edges,), of 0 .. n_nodes - 1
        """
        if source.shape[0] == 0:
            return self.xp.arange(n_nodes, dtype="int32")
        if self._on_device("cugraph", source.shape[0]):
            return graphs.device_components(self.xdf, self.xp, n_nodes, source, target)
        return self.asarray(graphs.host_components(n_nodes, *self.all_to_host([source, target])))

    def communities(
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
        The communities depend on the numbering of the nodes and on the order of the edges.
        """
        if source.shape[0] == 0:
            return self.xp.arange(n_nodes, dtype="int32")
        edges = (source, target, weight)
        if self._on_device("cugraph", source.shape[0]):
            return graphs.device_communities(self.xdf, self.xp, n_nodes, edges, resolution, seed)
        source, target, weight = self.all_to_host(list(edges))
        found = graphs.host_communities(n_nodes, source, target, weight, resolution, seed)
        return self.asarray(found)

    def pagerank(self, n_nodes: int, source: Any, target: Any, weight: Any) -> Any:
        """Return each node's PageRank (damping 0.85): float64, shape (n_nodes,), sum 1.

        ``weight`` (float64, positive) of parallel edges adds; a node without outgoing edges
        gives to all alike. Both backends iterate from equal ranks until they change by less
        than 1e-10 in sum, or for 150 steps.
        """
        if source.shape[0] == 0:
            return self.xp.full(n_nodes, 1 / max(n_nodes, 1))
        edges = (source, target, weight)
        if self._on_device("cugraph", source.shape[0]):
            return graphs.device_pagerank(self.xdf, self.xp, n_nodes, edges)
        return self.asarray(graphs.host_pagerank(n_nodes, *self.all_to_host(list(edges))))

    def cohesion(self, n_nodes: int, low: Any, high: Any) -> tuple[Any, Any]:
        """Return each node's core number (int32) and number of triangles (int64).

        ``low < high`` (int64) are the pairs of an undirected graph, each once.
        """
        if low.shape[0] == 0:
            return self.xp.zeros(n_nodes, dtype="int32"), self.xp.zeros(n_nodes, dtype="int64")
        if self._on_device("cugraph", low.shape[0]):
            return graphs.device_cohesion(self.xdf, self.xp, n_nodes, low, high)
        cores, triangles = graphs.host_cohesion(n_nodes, *self.all_to_host([low, high]))
        return self.asarray(cores), self.asarray(triangles)

    def _on_device(self, library: str, size: int) -> bool:
        """Return whether a library of RAPIDS does something of this size here; else the host."""
        least = densities.DEVICE_ROWS if library == "cuml" else graphs.DEVICE_EDGES
        return self.name == "gpu" and size >= least and devices.has(library)

    def sparse(self, shape: tuple[int, int], row: Any, column: Any, values: Any) -> Any:
        """Return a CSR matrix (``@`` with vectors, matrices and sparse matrices; ``.T``).

        Integers ``row`` and ``column``, float64 ``values``; those of one place add up.
        """
        if self.name == "gpu":
            return sparse.device_sparse(self.xp, shape, row, column, values)
        return sparse.host_sparse(shape, row, column, values)

    def either(self, on_host: Any, on_device: Any) -> Any:
        """Return that of two functions of equal answers which is for this backend's arrays."""
        return on_device if self.name == "gpu" else on_host


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


@lru_cache(maxsize=1)
def _cpu() -> Backend:
    import numpy as np
    import pandas as pd
    import scipy.fft

    device = f"{devices.processor()}, {n_threads()} threads"
    return Backend("cpu", device, pd, np, scipy.fft)


@lru_cache(maxsize=1)
def _gpu() -> Backend:
    return Backend("gpu", *devices.open_gpu())
