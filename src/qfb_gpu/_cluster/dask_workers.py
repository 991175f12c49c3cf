"""A Dask cluster on this machine: its settings, its start, its end."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from qfb_gpu._backend.allocator import large_pages
from qfb_gpu._backend.devices import n_threads
from qfb_gpu._cluster import fork_server
from qfb_gpu._cluster.main_module import check_main_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qfb_gpu._cluster.fork_server import Method
    from qfb_gpu.backend import BackendName

MAX_DEATHS = 3
"""How often a bucket may lose its worker before the run gives up on it."""
_CLOSE_SECONDS = 10
_ANY = 1 << 30
"""As many tasks as others like: what depends on them waits for any worker still."""
_POOL_KEPT = 0.5
"""Share of a device that a worker's memory pool may keep while it holds no data."""


@contextmanager
def client_of(backend_name: BackendName, n_workers: int, n_at_once: int) -> Iterator[Any]:
    """Give the client of a cluster of workers, which ends with the block.

    Parameters
    ----------
    backend_name : {"cpu", "gpu"}
    n_workers : int
    n_at_once : int
        Tasks that a worker on a device has under way.
    """
    check_main_module()
    from dask import config
    from distributed import Client

    # a worker on a device has to be spawned: CUDA does not bear a fork
    method: Method = "spawn" if backend_name == "gpu" else start_fork_server(n_workers, ())
    early, late = _environment(n_workers)
    settings = {
        "distributed.worker.multiprocessing-method": method,
        "distributed.nanny.pre-spawn-environ": early,
        "distributed.nanny.environ": late,
        "distributed.scheduler.allowed-failures": MAX_DEATHS,
        "distributed.scheduler.worker-saturation": 1.0,  # what is urgent waits behind nothing
        # all wait for the next worker that is free: what waits for a task is not sent after it
        "distributed.scheduler.rootish-taskgroup": _ANY,
        "distributed.scheduler.rootish-taskgroup-dependencies": _ANY,
        # a library that holds Python's lock for minutes is at work, and says nothing meanwhile; a
        # process that died is told by its connection
        "distributed.scheduler.worker-ttl": None,
        # results are counts: a large worker works on a large bucket, it does not hoard
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        # nobody looks at these, and they would wake every worker a hundred times a second
        "distributed.worker.profile.enabled": False,
        "distributed.diagnostics.nvml": backend_name == "gpu",  # which Dask-CUDA asks
        "distributed.admin.tick.interval": "1s",
        "distributed.admin.system-monitor.interval": "10s",
    }
    with config.set(settings):
        gpu = backend_name == "gpu"
        cluster = _gpu_cluster(n_workers, n_at_once) if gpu else _cpu_cluster(n_workers)
        client = None
        try:
            client = Client(cluster, set_as_default=False)  # type: ignore[no-untyped-call]
            yield client
        finally:
            _close(client, cluster)


def start_fork_server(n_workers: int, modules: Sequence[str]) -> Method:
    """Start what so many workers are forked from; return how they are to be started.

    Raises
    ------
    ConfigError
        See :func:`qfb_gpu._cluster.main_module.check_main_module`.
    """
    check_main_module()
    early, late = _environment(n_workers)
    return fork_server.start({**early, **late}, modules)


def _environment(n_workers: int) -> tuple[dict[str, str], dict[str, str]]:
    """Return how many threads a worker takes, and which pages, as variables read early, and late.

    What is set before a worker is spawned stands in this process too for that moment, so only
    what a worker reads while it starts is set there; Numba and the engine ask later.
    """
    threads = str(max(1, n_threads() // n_workers))
    early = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    late = ("QFB_THREADS", "NUMBA_NUM_THREADS")
    return dict.fromkeys(early, threads) | large_pages(), dict.fromkeys(late, threads)


def _cpu_cluster(n_workers: int) -> Any:
    from distributed import LocalCluster

    return LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",  # any free port
        silence_logs=logging.CRITICAL,
    )


def _gpu_cluster(n_workers: int, n_at_once: int) -> Any:
    from dask_cuda import LocalCUDACluster

    return LocalCUDACluster(
        n_workers=n_workers,
        threads_per_worker=n_at_once,
        rmm_async=True,
        rmm_release_threshold=_POOL_KEPT,
        rmm_allocator_external_lib_list=["cupy"],
        enable_cudf_spill=True,
        dashboard_address=":0",  # any free port
        silence_logs=logging.CRITICAL,
    )


def _close(client: Any, cluster: Any) -> None:
    with suppress(TimeoutError, OSError):
        if client is not None:
            client.close(timeout=_CLOSE_SECONDS)
    with suppress(TimeoutError, OSError):
        cluster.close(timeout=_CLOSE_SECONDS)
