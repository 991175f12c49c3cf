"""A device transforms by few plans: rows are rounded up, and the answer is that of each row."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from qfb_gpu._backend import room
from qfb_gpu._backend.transforms import device_rfft, rows_of_plan


def test_rows_are_rounded_up_by_an_eighth_at_most():
    sizes = {rows_of_plan(n) for n in range(1, 4097)}
    assert all(n <= rows_of_plan(n) <= n * 9 / 8 for n in range(1, 4097))
    assert len(sizes) <= 15 + 8 * 9
    assert rows_of_plan(2**20) == 2**20


class Plans:
    """A thread's plans, as CuPy keeps them."""

    def __init__(self, n_bytes=0):
        self.n_bytes = n_bytes

    def get_curr_memsize(self):
        return self.n_bytes

    def clear(self):
        self.n_bytes = 0


@pytest.fixture
def device(monkeypatch):
    """Return NumPy as a device of 64 GiB has it, and what has its plans."""
    card = SimpleNamespace(runtime=SimpleNamespace(memGetInfo=lambda: (0, 2**36)))
    config = SimpleNamespace(get_plan_cache=Plans)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "cupy.fft", SimpleNamespace(config=config))
    return SimpleNamespace(zeros=np.zeros, cuda=card), config


def test_plans_that_hold_much_memory_are_let_go(monkeypatch, device):
    xp, config = device
    monkeypatch.setenv("QFB_DEVICE_THREADS", "8")
    limit = room.batch_bytes(xp) // 2
    assert limit == 2**30
    transform = SimpleNamespace(rfft=np.fft.rfft)
    for n_bytes, kept in ((0, 0), (limit, limit), (limit + 1, 0)):
        plans = Plans(n_bytes)
        config.get_plan_cache = lambda found=plans: found
        device_rfft(xp, transform, np.zeros((3, 64), np.float32))
        assert plans.n_bytes == kept


@pytest.mark.parametrize("n_rows", [0, 1, 16, 17, 100])
def test_each_row_is_transformed_by_itself(n_rows, device):
    seen = []

    def rfft(batch, axis):
        seen.append(batch.shape)
        return np.fft.rfft(batch, axis=axis)

    batch = np.random.default_rng(1).random((n_rows, 64), dtype=np.float32)
    found = device_rfft(device[0], SimpleNamespace(rfft=rfft), batch)
    assert seen == [(rows_of_plan(n_rows), 64)][:n_rows]
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, np.fft.rfft(batch, axis=1))
