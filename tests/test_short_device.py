"""A bucket for which its device has no memory is done again alone, or by the host: the same."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from bucket_tasks import square
from stand_in import stand_in_backend
from stand_in_memory import WORDS, Asked, left_by, night_of, no_more, score

import qfb_gpu.backend
from qfb_gpu import pipeline, tasks
from qfb_gpu._cluster import dask_workers, short_device
from qfb_gpu.cluster import open_pool, run_buckets
from qfb_gpu.lake import ingest, silver


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
        from gpu_nights import all_sources

        config = all_sources(8, tmp_path_factory.mktemp("short"), is_tiny=True)
    ingest.ingest(config)
    return tasks.Night.of(config, "gpu", "plain")


@pytest.fixture(scope="module")
def plain(night):
    """What a device leaves that has memory, what the host leaves, and arrays of each bucket."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(qfb_gpu.backend, "_gpu", None)  # the task puts the stand-in there
        buckets = silver.buckets(night.lake)
        found, n_arrays = {}, {}
        for name in ("gpu", "cpu"):
            own = replace(night_of(night, f"plain.{name}"), backend=name)
            for bucket in buckets:
                n_arrays[name, bucket] = score(Asked(name, own), bucket)[1]
            found[name] = {bucket: left_by(own, bucket) for bucket in buckets}
        yield found, {bucket: n_arrays["gpu", bucket] for bucket in buckets}


@pytest.fixture
def one_device(monkeypatch):
    monkeypatch.setattr(qfb_gpu.backend, "_gpu", None)
    monkeypatch.setattr("qfb_gpu.cluster._n_devices", lambda: 1)
    monkeypatch.setenv("QFB_DEVICE_THREADS", "2")


@pytest.mark.usefixtures("one_device")
@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
def test_a_bucket_that_finds_no_memory_once_is_the_same(night, plain, share):
    left, n_arrays = plain
    own = night_of(night, f"once.{share}")
    at = 1 + int(share * (n_arrays[0] - 1))
    found = dict(run_buckets(score, Asked("once", own, at), [0], backend_name="gpu", workers=1))
    assert found[0][0] == "gpu"
    assert found[0][1] >= n_arrays[0] * (1 - share)  # it was tried a second time
    assert left_by(own, 0) == left["gpu"][0]


@pytest.mark.usefixtures("one_device")
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_a_bucket_that_has_no_memory_left_is_done_by_the_host(night, plain, share):
    left, n_arrays = plain
    own = night_of(night, f"ends.{share}")
    at = 1 + int(share * (min(n_arrays.values()) - 1))
    asked = Asked("ends", own, at, lasts=True)
    with (
        open_pool("gpu", "auto", 2) as pool,
        pytest.warns(RuntimeWarning, match="too little memory for bucket [01], bucket [01], even"),
    ):
        found = dict(pool.run(score, asked, [0, 1]))
    assert {who for who, _ in found.values()} == {"cpu"}
    for bucket in (0, 1):
        assert is_the_hosts(left_by(own, bucket), left, bucket)


@pytest.mark.usefixtures("plain")
def test_a_device_without_memory_has_the_host_decide(night):
    left = []
    for at in (0, 1):
        own = night_of(night, f"decided.{at}")
        score(Asked(f"decided.{at}", own), 0)
        device, asked = stand_in_backend(), Asked(f"decide.{at}", own, at, lasts=True)
        words = "too little memory for bucket 0, even"
        with no_more(asked), pytest.warns(RuntimeWarning, match=words) if at else nullcontext():
            pipeline.decide(own, [0], device)
        files = own.workspace.folder("decide", 0).glob("*.arrow")
        left.append({file.name: file.read_bytes() for file in files})
    assert left[0] == left[1] != {}


def test_several_devices_do_the_same(night, plain, monkeypatch):
    """Workers of two devices, two buckets under way on each."""
    left, n_arrays = plain
    monkeypatch.setattr("qfb_gpu.cluster._n_devices", lambda: 2)
    monkeypatch.setenv("QFB_DEVICE_THREADS", "2")
    monkeypatch.setattr(dask_workers, "_gpu_cluster", workers_on_a_stand_in)
    middle = n_arrays[1] // 2
    with open_pool("gpu", "auto", 2) as pool:
        own = night_of(night, "several.once")
        found = dict(pool.run(score, Asked("once", own, middle), [0, 1]))
        assert {who for who, _ in found.values()} == {"gpu"}
        for bucket in (0, 1):
            assert left_by(own, bucket) == left["gpu"][bucket]
        own = night_of(night, "several.ends")
        asked = Asked("ends", own, n_arrays[0] // 2, lasts=True)
        with pytest.warns(RuntimeWarning, match="too little memory for bucket 0, even") as said:
            found = dict(pool.run(score_one_of_two, asked, [0, 1]))
        assert [one.filename for one in said] == [__file__]
        assert {bucket: who for bucket, (who, _) in found.items()} == {0: "cpu", 1: "gpu"}
        assert is_the_hosts(left_by(own, 0), left, 0)
        assert left_by(own, 1) == left["gpu"][1]
        with pytest.raises(RuntimeError, match=f"bucket 1: MemoryError: {WORDS}"):
            dict(pool.run(refuse, None, [1]))  # nothing of it can run on a host


@pytest.mark.usefixtures("one_device")
def test_tasks_of_others_are_told_in_the_same_line():
    with (
        open_pool("gpu", "auto", 9) as pool,
        pytest.warns(RuntimeWarning, match="bucket 0, .* bucket 4 and 2 more, even"),
    ):
        assert dict(pool.run(named, (Named("gpu"), "all"), range(7))) == dict.fromkeys(
            range(7), "cpu"
        )


def test_a_host_that_lacks_memory_is_no_device(tmp_path):
    def task(_shared, bucket):
        tried.append(bucket)
        raise MemoryError

    tried = []
    with pytest.raises(RuntimeError, match="bucket 1: MemoryError"):
        dict(run_buckets(task, Named("cpu"), [1], backend_name="cpu", workers=1))
    assert tried == [1]
    assert dict(run_buckets(square, tmp_path, [2], backend_name="gpu", workers=1))[2]["square"] == 4


def test_what_wants_a_device_alone_waits_and_lets_nothing_begin():
    sharing, order = short_device._Sharing(), []
    with sharing.beside():
        order.append("first")
    with sharing.alone():
        order.append("alone")
    with sharing.beside(), sharing.beside():
        order.append("two")
    assert order == ["first", "alone", "two"]
    assert (sharing._n_beside, sharing._n_alone) == (0, 0)


def is_the_hosts(got, left, bucket):
    """Streams that the device found before are taken as they are: spectra are rounded otherwise."""
    streams = got.pop("streams.arrow")
    assert streams in [left[by][bucket]["streams.arrow"] for by in ("cpu", "gpu")]
    return got == {k: v for k, v in left["cpu"][bucket].items() if k != "streams.arrow"}


class Named:
    """What tasks share: where they run."""

    def __init__(self, backend):
        self.backend = backend

    def on_host(self):
        return Named("cpu")


def named(shared, _bucket):
    of, _ = shared
    if of.backend == "gpu":
        raise MemoryError
    return of.backend


def refuse(_shared, _bucket):
    raise MemoryError(WORDS)


def score_one_of_two(asked, bucket):
    """Score bucket 0 on a device without memory, the other on one that has some."""
    return score(asked if bucket == 0 else replace(asked, at=0), bucket)


def workers_on_a_stand_in(n_workers, n_at_once):
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=n_workers, threads_per_worker=n_at_once, dashboard_address=":0",
        silence_logs=50,
    )  # fmt: skip
