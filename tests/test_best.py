"""The largest values of each run of entries, against sorting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulate import simulated_backend

from qfb_gpu.backend import get_backend
from qfb_gpu.network.rows import largest

values = st.sampled_from([0.0, -1.0, 0.25, 0.5, 0.5 + 1e-15, 1.0, float("nan")]) | st.floats(0, 2)
runs = st.lists(
    st.lists(st.tuples(st.integers(0, 9), values), max_size=9, unique_by=lambda e: e[0]), max_size=5
)


def check(several, n_best, backend):
    flat = [(r, c, v) for r, run in enumerate(several) for c, v in run]
    row, column = (np.array([e[i] for e in flat], np.int64) for i in (0, 1))
    value = np.array([e[2] for e in flat], np.float64)
    for array in (row, column, value):
        array.flags.writeable = False
    got = largest(row, column, value, n_best, backend)
    want = []
    for r, run in enumerate(several):
        best = sorted((-np.floor(v * 1e12 + 0.5), c, v) for c, v in run if v > 0)[:n_best]
        want += [(r, c, v, rank) for rank, (_, c, v) in enumerate(best, 1)]
    columns = [got[name].tolist() for name in ("row", "column", "value", "rank")]
    assert list(zip(*columns, strict=True)) == want


@given(runs, st.integers(0, 4))
def test_the_largest_of_each_run_match_sorting(several, n_best):
    check(several, n_best, get_backend("cpu"))


@pytest.mark.cudasim
def test_the_largest_of_each_run_in_the_simulator():
    several = [[(3, 0.5), (1, 0.5), (2, 2.0), (7, 0.1)], [], [(0, -1.0)], [(5, 1.0)]]
    check(several, 2, simulated_backend())
