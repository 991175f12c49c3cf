"""What cut-off days see of relations, and the least of a customer's, against plain loops."""

from itertools import pairwise

import numpy as np
import pytest
from simulate import launch

from qfb_gpu.backend import get_backend
from qfb_kernels import cutoffs

CPU = get_backend("cpu")


def on_host(name, n_rows, *arrays):
    CPU.launch(getattr(cutoffs, f"{name}_cpu"), None, n_rows, *arrays)


def simulated(name, n_rows, *arrays):
    launch(getattr(cutoffs, f"{name}_gpu"), n_rows, *arrays)


def check_seen(run, seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 9, 7)
    offsets = np.append(0, np.cumsum(sizes))
    days = [np.sort(rng.integers(-40, 40, size)).astype(np.int32) for size in sizes]
    cuts = np.sort(rng.integers(-45, 45, 5)).astype(np.int32)
    seen = np.full((5, 7), -1, np.int64)
    run("seen", 7, np.concatenate(days), offsets, cuts, seen)
    assert seen.tolist() == [[int((day <= cut).sum()) for day in days] for cut in cuts]


def check_least(run, seed):
    rng = np.random.default_rng(seed)
    offsets = np.append(0, np.cumsum(rng.integers(1, 5, 7)))
    values = rng.integers(-(2**31), 2**31, (3, int(offsets[-1]))).astype(np.int32)
    least = np.zeros((3, 7), np.int64)
    run("least", 7, values, offsets, least)
    of_each = [values[:, start:stop] for start, stop in pairwise(offsets)]
    assert least.T.tolist() == [own.min(axis=1).tolist() for own in of_each]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("check", [check_seen, check_least])
def test_on_the_host(check, seed):
    check(on_host, seed)


@pytest.mark.cudasim
@pytest.mark.parametrize("check", [check_seen, check_least])
def test_in_the_simulator(check):
    check(simulated, 1)
