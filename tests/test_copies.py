"""Many arrays come from a device with one wait, whatever they are: ``_backend/copies.py``."""

from types import SimpleNamespace

import numpy as np
import pytest
from stand_in import stand_in_backend

from qfb_gpu._backend.copies import all_to_host
from qfb_gpu.backend import get_backend

ARRAYS = [
    np.arange(5, dtype=np.int8),
    np.zeros((0, 3)),
    np.arange(6.0).reshape(2, 3)[:, ::2],
    np.array([True, False]),
    np.arange(7, dtype=np.int32),
    np.array(3.5),
]


class Card:
    """What ``all_to_host`` asks of CuPy: copies end when the stream is waited for."""

    class ndarray:  # noqa: N801
        def __init__(self, card, host):
            self.card, self.host = card, host
            self.nbytes, self.dtype, self.size, self.shape = (
                getattr(host, name) for name in ("nbytes", "dtype", "size", "shape")
            )

        def get(self, *, out, blocking):
            assert not blocking
            assert out.flags.c_contiguous
            assert out.ctypes.data % out.itemsize == 0
            self.card.waiting.append((out, self.host))
            return out

    def __init__(self):
        self.waiting, self.n_waits, self.pinned = [], 0, 0
        stream = SimpleNamespace(synchronize=self._wait)
        self.cuda = SimpleNamespace(
            alloc_pinned_memory=self._pin, get_current_stream=lambda: stream
        )

    def _pin(self, n_bytes):
        self.pinned += n_bytes
        return bytearray(b"\xff" * n_bytes)

    def _wait(self):
        self.n_waits += 1
        for out, host in self.waiting:
            out[...] = host

    def asnumpy(self, array):
        return array.host if isinstance(array, Card.ndarray) else np.asarray(array)


def test_arrays_of_any_shape_come_with_one_wait():
    card = Card()
    given = [Card.ndarray(card, array) for array in ARRAYS]
    found = all_to_host(card, [*given, ARRAYS[0]])
    assert card.n_waits == 1
    assert card.pinned <= sum(array.nbytes for array in ARRAYS) + 64 * len(ARRAYS)
    for got, want in zip(found, [*ARRAYS, ARRAYS[0]], strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


def test_copies_under_way_are_waited_for_where_a_later_one_fails():
    """Or the piece they are written to would be somebody else's by then."""

    class NoRoom(Card.ndarray):
        def get(self, **_):
            raise MemoryError

    card = Card()
    with pytest.raises(MemoryError):
        all_to_host(card, [Card.ndarray(card, ARRAYS[0]), NoRoom(card, ARRAYS[2])])
    assert len(card.waiting) == card.n_waits == 1


def test_nothing_is_copied_where_nothing_is_there():
    card = Card()
    assert [a.tolist() for a in all_to_host(card, [ARRAYS[0]])] == [ARRAYS[0].tolist()]
    assert all_to_host(card, []) == []
    assert card.n_waits == card.pinned == 0


def test_each_backend_gives_the_same():
    stand_in = stand_in_backend()
    there = [stand_in.asarray(array) for array in ARRAYS]
    for backend, arrays in ((stand_in, there), (get_backend("cpu"), ARRAYS)):
        for got, want in zip(backend.all_to_host(arrays), ARRAYS, strict=True):
            np.testing.assert_array_equal(got, want)
