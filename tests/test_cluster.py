"""Bucket tasks give the same in this process and on workers, also when a worker dies."""

import os
import signal
import subprocess
import sys
import time
import weakref
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from bucket_tasks import (
    always_die_on_3,
    die_once_on_3,
    environment,
    fail_on_3,
    noted,
    panic,
    seconds_asleep,
    square,
    unsendable_error,
)

from qfb_gpu.cluster import Pool, count_workers, open_host_pool, open_pool, run_buckets
from qfb_gpu.errors import InputError

BUCKETS = [5, 0, 3, 1]


def answers(results):
    return {bucket: result["square"] for bucket, result in results}


@pytest.fixture(scope="module")
def pool():
    with open_pool("cpu", 2, 4) as workers:
        yield workers


def test_one_worker_runs_in_this_process(tmp_path):
    results = dict(run_buckets(square, tmp_path, BUCKETS, backend_name="cpu", workers=1))
    assert list(results) == BUCKETS
    assert {result["pid"] for result in results.values()} == {os.getpid()}


def test_workers_give_the_same_in_other_processes(pool, tmp_path):
    results = dict(pool.run(square, tmp_path, BUCKETS))
    here = run_buckets(square, tmp_path, BUCKETS, backend_name="cpu", workers=1)
    assert answers(results.items()) == answers(here)
    assert os.getpid() not in {result["pid"] for result in results.values()}


def test_workers_share_the_threads(pool):
    (result,) = {tuple(r.items()) for _, r in pool.run(environment, None, BUCKETS)}
    threads = max(1, len(os.sched_getaffinity(0)) // 2)
    assert result == (("numba", threads), ("qfb", str(threads)))


def test_a_worker_that_waits_takes_no_time(pool):
    list(pool.run(seconds_asleep, 0.0, [0, 1]))
    for _, seconds in pool.run(seconds_asleep, 1.0, [0, 1]):
        assert seconds < 0.02  # with its profiler and ticks 0.04


def test_a_worker_that_says_nothing_for_long_is_not_taken_for_dead(pool):
    """A graph of a billion payments keeps Python's lock for more than Dask's five minutes."""
    assert not pool._client.cluster.scheduler.worker_ttl


def test_a_lost_worker_costs_one_bucket(pool, tmp_path):
    results = pool.run(die_once_on_3, tmp_path, BUCKETS)
    assert answers(results) == {bucket: bucket**2 for bucket in BUCKETS}
    assert (tmp_path / "died").exists()


@pytest.mark.parametrize("kind", [ValueError, InputError])
def test_a_failing_task_names_its_bucket(pool, kind):
    expected = kind if kind is InputError else RuntimeError
    with pytest.raises(expected, match=r"^bucket 3: .*no such column"):
        list(pool.run(fail_on_3, kind, BUCKETS))
    with pytest.raises(expected, match=r"^bucket 3: .*no such column"):
        list(run_buckets(fail_on_3, kind, BUCKETS, backend_name="cpu", workers=1))
    assert dict(pool.run(fail_on_3, kind, [1, 2])) == {1: 1, 2: 2}  # the pool goes on


def test_an_error_that_cannot_travel_still_ends_the_run(pool):
    with pytest.raises(RuntimeError, match="bucket 3: UnsendableError: a lock of"):
        list(pool.run(unsendable_error, None, [3]))


def test_a_panic_of_a_library_ends_the_run(pool):
    with pytest.raises(RuntimeError, match="bucket 3: PanicException: called `Option"):
        list(pool.run(panic, None, [3]))
    assert dict(pool.run(fail_on_3, None, [1, 2])) == {1: 1, 2: 2}


def test_a_bucket_that_kills_every_worker_ends_the_run(pool, tmp_path):
    with pytest.raises(RuntimeError, match="bucket 3: its worker died 4 times"):
        list(pool.run(always_die_on_3, tmp_path, [3]))


def test_what_others_wait_for_goes_first_and_they_go_next(pool, tmp_path):
    first = pool.start(noted, tmp_path, ["graph"])
    beside = pool.start(noted, tmp_path, [f"beside {number}" for number in range(7)])
    then = pool.start(noted, tmp_path, ["after"], after=first)
    (_, (_, end)), (_, (start, _)) = *first, *then
    times = dict(beside)
    assert start >= end
    assert sum(begin > start for begin, _ in times.values()) >= 4  # though given to the pool before


def test_what_waits_for_one_task_goes_to_both_workers(pool, tmp_path):
    """Others that wait for tasks of theirs do not send it after the task it waits for."""
    first = pool.start(noted, tmp_path, ["graph"])
    many = pool.start(noted, tmp_path, [f"many {number}" for number in range(9)])
    last = pool.start(noted, tmp_path, ["many are done"], after=many)
    then = pool.start(noted, tmp_path, [f"then {number}" for number in range(4)], after=first)
    ((_, (_, end)),) = first
    latest = max(begin for _, (begin, _) in then)
    between = [begin for _, (begin, _) in many if end < begin < latest]
    assert len(between) <= 1  # on a worker that is free before it is known that the graph is done
    assert len(dict(last)) == 1


def test_what_waits_for_a_failure_never_runs(pool, tmp_path):
    first = pool.start(fail_on_3, InputError, [3])
    then = pool.start(noted, tmp_path, ["after"], after=first)
    with pytest.raises(InputError, match=r"^bucket 3: no such column"):
        dict(first)
    with pytest.raises(InputError, match="no such column"):
        dict(then)
    assert not (tmp_path / "after.noted").exists()


def test_without_workers_tasks_run_when_they_are_asked_for(tmp_path):
    first = Pool().start(noted, tmp_path, ["graph"])
    then = Pool().start(noted, tmp_path, ["after"], after=first)
    assert not (tmp_path / "graph.noted").exists()
    (_, (_, end)), (_, (start, _)) = *first, *then
    assert start >= end


def test_never_more_workers_than_buckets(monkeypatch):
    monkeypatch.setenv("QFB_THREADS", "8")
    assert count_workers("cpu", "auto", 100) == 8
    assert count_workers("cpu", "auto", 3) == 3
    assert count_workers("cpu", 4, 100) == 4
    assert count_workers("cpu", "auto", 0) == 1
    monkeypatch.setattr("qfb_gpu.cluster._n_devices", lambda: 2)
    assert count_workers("gpu", "auto", 100) == 2
    assert count_workers("gpu", 7, 100) == 2


SLEEPER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a job in the background
sys.path.insert(0, {tests!r})
from bucket_tasks import slow
from qfb_gpu.cluster import run_buckets
if __name__ == "__main__":
    for bucket, pid in run_buckets(slow, None, [0, 1, 2, 3], backend_name="cpu", workers=2):
        print(pid, flush=True)
"""


def test_ctrl_c_leaves_no_process_behind(tmp_path):
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER.format(tests=str(Path(__file__).parent)))
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    process.stdout.readline()  # bucket 0 is done: the workers are at work
    os.killpg(process.pid, signal.SIGINT)
    try:
        _, error = process.communicate(timeout=60)  # seven seconds where nothing else runs
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    assert process.returncode != 0
    assert "KeyboardInterrupt" in error
    for _ in range(50):  # init reaps the last of them in its own time
        time.sleep(0.2)
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
    pytest.fail("a process of the run is still there")


AT_THE_TOP = """
import sys
sys.path.insert(0, {tests!r})
from bucket_tasks import square
from qfb_gpu.cluster import run_buckets
print("imported")
def run():
    return dict(run_buckets(square, {folder!r}, [0, 1], backend_name="cpu", workers=workers))
workers = 1
run()
workers = 2
run()
"""


def test_a_script_that_workers_would_run_again_gets_one_error(tmp_path):
    script = tmp_path / "night.py"
    tests = str(Path(__file__).parent)
    script.write_text(AT_THE_TOP.format(tests=tests, folder=str(tmp_path)))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stdout == "imported\n"  # nor has a worker come to it
    assert (tmp_path / "0.ran").exists()
    error = done.stderr.splitlines()[-1]
    assert error.startswith(f"qfb_gpu.errors.ConfigError: {script}, line 12: workers import")
    assert 'under `if __name__ == "__main__":`, or set workers = 1' in error
    assert done.stderr.count("Traceback") == 1


def test_a_device_has_several_buckets_under_way(monkeypatch):
    monkeypatch.setattr("qfb_gpu.cluster._n_devices", lambda: 1)
    for n_at_once in (1, 2):
        monkeypatch.setenv("QFB_DEVICE_THREADS", str(n_at_once))
        started = Started()
        with open_pool("gpu", "auto", 4) as pool:
            results = dict(pool.run(started, None, BUCKETS))
            assert results == {bucket: bucket**2 for bucket in BUCKETS}
            assert started.most == n_at_once
            list(pool.start(started := Started(), None, BUCKETS))
            assert started.most == 1
            together = dict(pool.start(started := Started(), None, BUCKETS, together=True))
        assert together == results
        assert started.most == n_at_once


class Started:
    """A task that knows how many of it have been under way at the same time."""

    def __init__(self):
        self.now = self.most = 0

    def __call__(self, _shared, bucket):
        self.now += 1
        self.most = max(self.most, self.now)
        time.sleep(0.05)
        self.now -= 1
        return bucket**2


def test_a_bucket_that_fails_on_a_device_leaves_out_the_rest(monkeypatch):
    monkeypatch.setattr("qfb_gpu.cluster._n_devices", lambda: 1)
    ran = []

    def task(_shared, bucket):
        ran.append(bucket)
        return fail_on_3(InputError, bucket)

    with (
        open_pool("gpu", "auto", 40) as pool,
        pytest.raises(InputError, match=r"^bucket 3: .*no such column"),
    ):
        list(pool.run(task, None, [3, *range(10, 50)]))
    assert len(ran) < 41


def test_a_bucket_without_memory_beside_others_is_done_alone(monkeypatch):
    """And what it held when it failed is gone by then."""
    monkeypatch.setenv("QFB_DEVICE_THREADS", "3")
    monkeypatch.setattr("qfb_gpu.cluster._n_devices", lambda: 1)
    held, started = {}, Started()

    class Large:
        pass

    def task(_shared, bucket):
        large = Large()
        if bucket in (1, 4) and bucket not in held:
            held[bucket] = weakref.ref(large)
            msg = "no room for another"
            raise MemoryError(msg)
        if bucket in held:
            assert not held[bucket]()
            assert not started.now
        return started(None, bucket)

    found = dict(run_buckets(task, None, range(6), backend_name="gpu", workers=1))
    assert found == {bucket: bucket**2 for bucket in range(6)}
    assert len(held) == 2


@pytest.mark.parametrize(
    ("words", "is_memory"),
    [
        ("CUDA_ERROR_OUT_OF_MEMORY: out of memory", True),
        ("cudaErrorMemoryAllocation: out of memory", True),
        ("CUFFT_ALLOC_FAILED", True),
        ("CUBLAS_STATUS_ALLOC_FAILED", True),
        ("radix_sort: failed on 1st step: std::bad_alloc", True),
        ("an illegal memory access was encountered", False),
        ("expected 3 columns, got 4", False),
    ],
)
def test_what_other_libraries_say_where_there_is_no_memory(words, is_memory):
    from qfb_gpu._backend.shortage import give_memory_back, lacked_memory

    outer = KeyError("stage")
    outer.__cause__ = RuntimeError(words)
    assert lacked_memory(outer.__cause__) == lacked_memory(outer) == is_memory
    assert lacked_memory(MemoryError())
    assert not lacked_memory(None)
    give_memory_back()  # nothing, where there is no CuPy


def test_a_device_that_is_lost_has_no_memory_to_give_back(monkeypatch):
    from qfb_gpu._backend.shortage import give_memory_back

    def lost():
        asked.append("pool")
        msg = "cudaErrorIllegalAddress"
        raise RuntimeError(msg)

    asked = []
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(get_default_memory_pool=lost))
    give_memory_back()
    assert asked == ["pool"]


def test_a_bucket_without_memory_even_alone_ends_the_run(monkeypatch):
    monkeypatch.setenv("QFB_DEVICE_THREADS", "2")
    monkeypatch.setattr("qfb_gpu.cluster._n_devices", lambda: 1)

    def task(_shared, bucket):
        if bucket == 1:
            raise MemoryError
        return bucket

    with pytest.raises(RuntimeError, match="bucket 1: MemoryError"):
        dict(run_buckets(task, None, range(4), backend_name="gpu", workers=1))


def test_on_a_gpu_what_the_host_does_goes_to_its_processes(monkeypatch, tmp_path):
    monkeypatch.setattr("qfb_gpu.cluster._n_devices", lambda: 1)
    monkeypatch.setenv("QFB_THREADS", "2")
    with open_pool("gpu", "auto", 4) as device:
        with open_host_pool(device, "gpu", "auto", 4) as host:
            results = dict(host.run(square, tmp_path, BUCKETS))
        assert answers(results.items()) == {bucket: bucket**2 for bucket in BUCKETS}
        assert os.getpid() not in {result["pid"] for result in results.values()}
        with open_host_pool(device, "gpu", 1, 4) as host:
            assert host is device
    with open_pool("cpu", 1, 4) as own, open_host_pool(own, "cpu", "auto", 4) as host:
        assert host is own


def test_a_device_of_few_buckets_has_processes_enough_for_its_parts(monkeypatch):
    """Its buckets are large, and parts are fitted side by side; no more than there are cores."""
    asked = []

    def opened(backend_name, n_workers, _n_at_once):
        asked.append((backend_name, n_workers))
        return nullcontext()

    monkeypatch.setattr("qfb_gpu.cluster.dask_workers.client_of", opened)
    device = Pool(n_at_once=4)
    for cores, n_buckets in ((16, 2), (16, 64), (4, 2)):
        monkeypatch.setenv("QFB_THREADS", str(cores))
        with open_host_pool(device, "gpu", "auto", n_buckets):
            pass
    assert asked == [("cpu", 8), ("cpu", 16), ("cpu", 4)]
    with open_host_pool(device, "gpu", "auto", 1) as host:  # a small bank: none is worth it
        assert not host.has_workers
