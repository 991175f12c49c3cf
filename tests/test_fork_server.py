"""Workers are copies of a process that has imported the engine; who stops it, and when it waits."""

import importlib
import os
import signal
import subprocess
import sys
import time
from multiprocessing import forkserver
from pathlib import Path

import pytest
from bucket_tasks import square

from qfb_gpu._cluster import dask_workers, fork_server
from qfb_gpu.cluster import open_pool, prepare_workers, workers_forgotten

PRELOADED = "qfb_gpu._pipeline.preloaded"
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are spawned")


def server():
    return forkserver._forkserver._forkserver_pid


def loaded(_shared, _bucket):
    """Return who a worker comes from, what it had imported before it was asked, its threads."""
    there = {
        name for name in ("qfb_gpu.tasks", "sklearn.ensemble", "igraph") if name in sys.modules
    }
    from numba import config

    from qfb_gpu._backend import ahead

    left = [name for name in ahead.NIGHT if not getattr(ahead._loop(name), "overloads", None)]
    return os.getppid(), there, config.NUMBA_NUM_THREADS, left, ahead._mark() is None


@pytest.fixture(autouse=True)
def no_server():
    fork_server.stop()  # one of another module's pool, which is closed
    yield
    fork_server.stop()


@linux
def test_workers_are_copies_of_what_has_imported_the_engine(monkeypatch):
    monkeypatch.setenv("QFB_THREADS", "2")
    with workers_forgotten():
        prepare_workers("cpu", 2, 4, (PRELOADED,))
        pid = server()
        with open_pool("cpu", 2, 4) as pool:
            assert server() == pid
            answers = dict(pool.run(loaded, None, [0, 1])).values()
            for parent, modules, threads, left, all_compiled in answers:
                assert parent == pid
                assert modules == {"qfb_gpu.tasks", "sklearn.ensemble", "igraph"}
                assert threads == 1
                if all_compiled:
                    assert left == []
            threads = {
                (task / "comm").read_text().strip() for task in Path(f"/proc/{pid}/task").iterdir()
            }
            names = {Path(f"/proc/{pid}/comm").read_text().strip(), "jemalloc_bg_thd"}
            assert threads <= names  # that allocator stops its own before a fork
    assert server() is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_workers_of_a_host_ask_no_driver_how_full_a_device_is(monkeypatch):
    """As Dask's do every second where RMM is installed."""
    from distributed.worker import DEFAULT_METRICS

    for metric in ("gpu", "rmm"):
        monkeypatch.setitem(DEFAULT_METRICS, metric, None)
    importlib.reload(importlib.import_module(PRELOADED))
    assert not {"gpu", "rmm"} & set(DEFAULT_METRICS)


def hears_ctrl_c(_shared, _bucket):
    return signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


@linux
def test_ctrl_c_is_heard_by_this_process_alone():
    """A terminal sends it to all: each worker printed a traceback of thirty lines."""
    before = signal.getsignal(signal.SIGINT)
    with workers_forgotten(), open_pool("cpu", 2, 2) as pool:
        assert signal.getsignal(signal.SIGINT) is before
        assert not any(dict(pool.run(hears_ctrl_c, None, [0, 1])).values())


@linux
def test_nothing_is_imported_ahead_for_one_bucket_or_one_process():
    for backend_name in ("cpu", "gpu"):
        prepare_workers(backend_name, "auto", 1, (PRELOADED,))
        prepare_workers(backend_name, 1, 9, (PRELOADED,))
    assert server() is None


@linux
def test_what_the_host_of_a_device_needs_is_imported_ahead(monkeypatch):
    monkeypatch.setenv("QFB_THREADS", "2")
    with workers_forgotten():
        prepare_workers("gpu", 1, 9, (PRELOADED,))
        assert server() is None
        prepare_workers("gpu", "auto", 9, (PRELOADED,))
        assert server() is not None
    assert server() is None


@linux
def test_another_number_of_threads_gets_another_server():
    one, two = ({"OMP_NUM_THREADS": number} for number in "12")
    assert fork_server.start(one, ()) == "forkserver"
    first = server()
    assert fork_server.start(one, ("json",)) == "forkserver"
    assert server() == first
    assert fork_server.start(two, ()) == "forkserver"
    assert server() != first
    until, values = time.monotonic() + 20, b""
    while b"OMP_NUM_THREADS=2" not in values and time.monotonic() < until:
        values = Path(f"/proc/{server()}/environ").read_bytes()  # empty until it is a new Python
    assert b"OMP_NUM_THREADS=2" in values.split(b"\0")
    assert "OMP_NUM_THREADS" not in os.environ or os.environ["OMP_NUM_THREADS"] != "2"


@linux
def test_a_worker_has_large_pages_unless_the_environment_says_otherwise(monkeypatch):
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    early, _ = dask_workers._environment(2)
    assert early["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1"
    ask = "from qfb_gpu._backend.allocator import keep_freed_memory as ask; print(ask())"
    for own, keeps in (
        ("glibc.malloc.hugetlb=1", "True"),
        ("glibc.malloc.tcache_count=3", "False"),
    ):
        monkeypatch.setenv("GLIBC_TUNABLES", own)
        assert (own in dask_workers._environment(2)[0].values()) == (keeps == "True")
        said = subprocess.run(
            [sys.executable, "-c", ask], check=True, capture_output=True, text=True
        )
        assert said.stdout.strip() == keeps


@linux
def test_somebody_elses_server_is_left_alone():
    forkserver.ensure_running()
    theirs = server()
    try:
        assert fork_server.start({}, ()) == "spawn"
        fork_server.stop()
        assert server() == theirs
    finally:
        forkserver._forkserver._stop()


@linux
def test_what_cannot_be_imported_ahead_is_left_to_the_workers(monkeypatch, tmp_path):
    monkeypatch.setenv("QFB_THREADS", "2")
    with workers_forgotten():
        prepare_workers("cpu", 2, 4, ("qfb_gpu.no_such_module",))
        with open_pool("cpu", 2, 4) as pool:
            results = dict(pool.run(square, tmp_path, [2, 3]))
    assert {bucket: one["square"] for bucket, one in results.items()} == {2: 4, 3: 9}


def test_without_a_fork_server_workers_are_spawned(monkeypatch, tmp_path):
    monkeypatch.setattr(fork_server, "_server", lambda: None)
    monkeypatch.setenv("QFB_THREADS", "2")
    assert dask_workers.start_fork_server(2, ()) == "spawn"
    with open_pool("cpu", 2, 4) as pool:
        results = dict(pool.run(square, tmp_path, [2, 3]))
    assert {bucket: one["square"] for bucket, one in results.items()} == {2: 4, 3: 9}
