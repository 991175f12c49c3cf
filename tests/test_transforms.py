"""A device transforms by few plans: rows are rounded up, and the answer is that of each row."""

from types import SimpleNamespace

import numpy as np
import pytest

from qfb_gpu._backend.transforms import device_rfft, rows_of_plan


def test_rows_are_rounded_up_by_an_eighth_at_most():
    sizes = {rows_of_plan(n) for n in range(1, 4097)}
    assert all(n <= rows_of_plan(n) <= n * 9 / 8 for n in range(1, 4097))
    assert len(sizes) <= 15 + 8 * 9
    assert rows_of_plan(2**20) == 2**20


@pytest.mark.parametrize("n_rows", [0, 1, 16, 17, 100])
def test_each_row_is_transformed_by_itself(n_rows):
    seen = []

    def rfft(batch, axis):
        seen.append(batch.shape)
        return np.fft.rfft(batch, axis=axis)

    batch = np.random.default_rng(1).random((n_rows, 64), dtype=np.float32)
    found = device_rfft(np, SimpleNamespace(rfft=rfft), batch)
    assert seen == [(rows_of_plan(n_rows), 64)][:n_rows]
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, np.fft.rfft(batch, axis=1))
