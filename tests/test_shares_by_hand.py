"""Ranges of shares hold the share, also where nothing or everything came true."""

import numpy as np
import pytest

from qfb_gpu.models.evaluation import reliability, share_range


@pytest.mark.parametrize("n_rows", [1, 8, 500])
def test_the_range_of_a_share_begins_at_0_where_nothing_is_true_and_ends_at_1_where_all_is(n_rows):
    low, high = share_range([0, n_rows], [n_rows, n_rows])
    assert (low[0], high[1]) == (0.0, 1.0)
    assert 0 < high[0] < 1
    assert high[0] == pytest.approx(1 - low[1])


def test_what_came_is_within_its_range():
    found = reliability(np.arange(40) >= 20, np.linspace(0, 1, 40))
    assert (found["share_low"] <= found["share"]).all()  # of 0 of 8 the range began at 0.0002
    assert (found["share"] <= found["share_high"]).all()
