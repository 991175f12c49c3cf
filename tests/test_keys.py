"""Keys: found, made distinct, mixed and hashed as loops over Python numbers do it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from stand_in import stand_in_backend

from qfb_gpu import keys
from qfb_gpu.backend import get_backend

WORD = 2**64
INT64 = st.integers(-(2**63), 2**63 - 1)
KEYS = st.lists(INT64 | st.integers(-3, 3), max_size=30)


def array(values):
    return np.array(values, dtype=np.int64)


@given(KEYS, KEYS)
def test_keys_are_found_where_a_loop_finds_them(known, wanted):
    known = sorted(known)
    row, is_there = keys.find(array(known), array(wanted), np)
    for place, there, key in zip(row.tolist(), is_there.tolist(), wanted, strict=True):
        assert there == (key in known)
        if there:
            assert place == known.index(key)
        elif known:
            assert 0 <= place < len(known)


@given(KEYS)
def test_distinct_keys_are_a_sorted_set(values):
    assert keys.distinct(array(values), np).tolist() == sorted(set(values))


@given(st.lists(st.integers(0, 400), max_size=30))
def test_distinct_numbers_are_the_same_marked_and_sorted(values):
    for end in (401, 10**12):
        found = keys.distinct_below(array(values), end, np)
        assert found.dtype == np.int64
        assert found.tolist() == sorted(set(values))


@given(st.lists(st.tuples(INT64 | st.integers(-3, 3), st.integers(-9, 9), st.integers(0, 1))))
def test_rows_are_put_in_order_as_tuples_are(rows):
    table = np.array(rows, np.int64).reshape(-1, 3)
    columns = (table[:, 0].copy(), table[:, 1].astype(np.int32), table[:, 2].astype(np.int8))
    for backend in (get_backend("cpu"), stand_in_backend()):
        given = tuple(backend.asarray(column) for column in columns)
        found = [backend.to_host(c) for c in keys.ascending_rows(given, backend)]
        assert [c.dtype for c in found] == [c.dtype for c in columns]
        assert list(zip(*(c.tolist() for c in found), strict=True)) == sorted(rows)


def naive_mixed(value, seed):
    state = (value + 0x9E3779B97F4A7C15 * (2 * seed + 1)) % WORD
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % WORD
    return state ^ (state >> 31)


@given(KEYS, st.integers(0, 1000))
def test_mixing_is_splitmix64(values, seed):
    found = keys.mixed(array(values).view(np.uint64), seed, np)
    assert found.tolist() == [naive_mixed(value % WORD, seed) for value in values]


def test_the_first_numbers_of_splitmix64_are_the_published_ones():
    """Of seed 1234567: https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64."""
    state = np.array([1234567, (1234567 + 0x9E3779B97F4A7C15) % WORD], dtype=np.uint64)
    assert keys.mixed(state, 0, np).tolist() == [6457827717110365317, 3203168211198807973]


@given(st.lists(st.tuples(INT64, INT64), max_size=20))
def test_rows_are_hashed_column_by_column(rows):
    columns = array(rows).reshape(-1, 2).view(np.uint64)
    for row, found in zip(rows, keys.of_rows([*columns.T], np).tolist(), strict=True):
        state = 0
        for value in row:
            state = (state ^ (value % WORD)) * 0x9E3779B97F4A7C15 % WORD
            state ^= state >> 29
        assert found == state


def test_a_gpu_would_do_the_same():
    there = stand_in_backend()
    known, wanted = array([1, 4, 4, 9]), array([4, 5, 10, 1, 1])
    for one, other in zip(
        keys.find(known, wanted, np),
        keys.find(there.asarray(known), there.asarray(wanted), there.xp), strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(one, there.to_host(other))
    again = there.to_host(keys.distinct(there.asarray(wanted), there.xp))
    np.testing.assert_array_equal(again, keys.distinct(wanted, np))
