"""The heap sort of a slice against ``sorted``."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfb_kernels import amounts, sorting

keys = st.lists(st.integers(-3, 3) | st.integers(-(2**62), 2**62), min_size=1, max_size=60)


def frozen(values):
    array = np.array(values, np.int64)
    array.flags.writeable = False
    return array


@st.composite
def slices(draw):
    """Draw keys, an order of rows (some of them), and the slice of it to sort."""
    key = draw(keys)
    order = draw(st.permutations(range(len(key))))
    start = draw(st.integers(0, len(key)))
    return key, order, start, draw(st.integers(start, len(key)))


@given(slices())
@settings(max_examples=200)
def test_sorts_a_slice_by_key_then_row(drawn):
    key, rows, start, stop = drawn
    order = np.array(rows, np.int32)
    sorting.sort(order, start, stop, frozen(key), True)
    want = rows[:start] + sorted(rows[start:stop], key=lambda i: (key[i], i)) + rows[stop:]
    assert order.tolist() == want


@given(slices())
@settings(max_examples=200)
def test_sorts_a_slice_by_value(drawn):
    key, rows, start, stop = drawn
    order = np.array([row // 2 for row in rows], np.int32)  # with repeats
    want = order.tolist()
    want[start:stop] = sorted(want[start:stop])
    sorting.sort(order, start, stop, frozen(key), False)
    assert order.tolist() == want


@pytest.mark.parametrize("size", [0, 1, 2, 3, 1_000])
def test_sizes_from_none_to_many(size):
    key = frozen(np.random.default_rng(size).integers(0, 50, max(size, 1)))
    order = np.arange(size, dtype=np.int32)[::-1].copy()
    sorting.sort(order, 0, size, key, True)
    assert order.tolist() == np.argsort(key[:size], kind="stable").tolist()


@pytest.mark.cudasim
def test_sorts_in_the_simulator_as_on_the_host():
    """The levels' kernel sorts by amount, then each group back into the order of its days."""
    from simulate import launch

    amount = frozen([700, 5, 5, 300, 5, 310, 9_000, 4, 4, 4])
    pool = np.arange(10, dtype=np.int32)
    offsets = frozen([0, 7, 10])
    ratios = np.array([1e18, 1.6, 1.25, 1.08, 1.02, 1.0005])
    order, size = (np.zeros((amounts.N_LEVELS, 10), np.int32) for _ in range(2))
    key, slots = np.zeros(10, np.int64), np.zeros((amounts.N_SLOTS, 10), np.int32)
    n_units = np.zeros(2, np.int64)
    launch(
        amounts.levels_gpu, 2, frozen(range(10)), amount, pool, offsets, ratios, key, slots,
        order, size, n_units,
    )  # fmt: skip
    assert order[0].tolist() == list(range(10))
    assert slots[0].tolist()[:7] == [1, 2, 4, 3, 5, 0, 6]
    assert order[1].tolist()[:3] == [1, 2, 4]
    assert size[1].tolist()[:1] == [3]
    assert n_units.tolist() == np.add.reduceat((size > 0).sum(axis=0), offsets[:-1]).tolist()
