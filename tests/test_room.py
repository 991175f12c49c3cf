"""Buckets of a device: as many as it has room for, as large as half of it allows."""

from types import SimpleNamespace

import numpy as np
import pytest

from qfb_gpu._backend import room
from qfb_gpu._cluster import dask_workers
from qfb_gpu.backend import Backend, get_backend
from qfb_gpu.cluster import buckets_at_once

GIB = 2**30


def card(n_bytes):
    runtime = SimpleNamespace(memGetInfo=lambda: (0, n_bytes))
    xp = SimpleNamespace(cuda=SimpleNamespace(runtime=runtime))
    return Backend("gpu", "a fake", None, xp, np.fft)


@pytest.mark.parametrize(("cores", "under_way"), [(1, 2), (2, 2), (8, 4), (64, 8)])
def test_more_cores_have_more_buckets_under_way(monkeypatch, cores, under_way):
    monkeypatch.setenv("QFB_THREADS", str(cores))
    monkeypatch.delenv("QFB_DEVICE_THREADS", raising=False)
    assert buckets_at_once("gpu") == under_way
    assert buckets_at_once("cpu") == 1
    monkeypatch.setenv("QFB_DEVICE_THREADS", "3")
    assert buckets_at_once("gpu") == 3


@pytest.mark.parametrize(("cores", "devices"), [(16, 8), (64, 8), (16, 1), (3, 4), (256, 8)])
def test_a_worker_has_as_many_under_way_as_it_counts_on(monkeypatch, cores, devices):
    """Batches in a worker are shares of its device, by the cores that it is told are its own."""
    monkeypatch.setenv("QFB_THREADS", str(cores))
    monkeypatch.delenv("QFB_DEVICE_THREADS", raising=False)
    at_once = buckets_at_once("gpu", devices)
    _, late = dask_workers._environment(devices)
    monkeypatch.setenv("QFB_THREADS", late["QFB_THREADS"])
    assert at_once == room.buckets_under_way()
    assert at_once * card(80 * GIB).memory_budget_bytes() <= 80 * GIB / 4


@pytest.mark.parametrize("gib", [4, 16, 24, 80, 139, 1000])
def test_buckets_under_way_fit_into_half_of_a_card(monkeypatch, gib):
    monkeypatch.setenv("QFB_DEVICE_THREADS", "4")
    device = card(gib * GIB)
    payments = device.payments_a_bucket()
    assert payments & (payments - 1) == 0
    assert 2**18 <= payments <= 2**22
    taken = 4 * payments * room._BYTES_A_PAYMENT
    assert taken <= gib * GIB / 2
    assert payments == 2**22 or 2 * taken > gib * GIB / 2  # no smaller than it has to be
    assert 4 * device.memory_budget_bytes() <= gib * GIB / 4


def test_a_host_keeps_its_size():
    assert get_backend("cpu").payments_a_bucket() == 2**20


def test_a_device_is_asked_for_its_memory_once():
    asked = []

    def ask():
        asked.append(1)
        return 0, 80 * GIB

    runtime = SimpleNamespace(memGetInfo=ask)
    device = Backend(
        "gpu", "a fake", None, SimpleNamespace(cuda=SimpleNamespace(runtime=runtime)), np.fft
    )
    assert device.memory_budget_bytes() == device.memory_budget_bytes() > 0
    assert device.payments_a_bucket() > 0
    assert len(asked) == 1
