"""The stand-in for the GPU refuses what CuPy would refuse.

``test_gpu_round.py`` sends every stage, every part and a whole night through it.
"""

import datetime as dt
import importlib
import importlib.util

import numpy as np
import pytest
from stand_in import METHODS, DeviceArray, stand_in_backend
from stand_in_threads import backwards


@pytest.fixture
def device():
    return stand_in_backend()


def test_host_and_device_do_not_mix(device):
    there = device.asarray([1, 2, 3])
    with pytest.raises(TypeError, match="host array and a device array meet"):
        there + np.arange(3)
    with pytest.raises(TypeError, match="host array and a device array meet"):
        np.arange(3) + there
    with pytest.raises(TypeError, match="Implicit conversion"):
        np.asarray(there)
    with pytest.raises(TypeError, match="host array and a device array meet"):
        device.xp.where(np.ones(3, bool), there, 0)
    with pytest.raises(TypeError, match="waits for the device"):
        list(there)
    assert device.to_host(there + np.int64(1)).tolist() == [2, 3, 4]
    assert isinstance(there.sum(), DeviceArray)
    assert int(there.sum()) == 6


def test_what_cupy_cannot_do_well_is_refused(device):
    there = device.xp.zeros(3, dtype="int64")
    index = device.asarray([0, 0, 1])
    with pytest.raises(TypeError, match="use backend.repeat"):
        device.xp.repeat(there, device.asarray([1, 2, 3]))
    with pytest.raises(TypeError, match=r"add\.at takes"):
        device.xp.add.at(there, index, 1)
    with pytest.raises(ValueError, match="several values go to one place"):
        there[index] = device.asarray([1, 2, 3])
    there[index] = device.asarray([5, 5, 7])
    assert device.to_host(there).tolist() == [5, 7, 0]
    table = device.xp.zeros((2, 3), dtype="float64")
    rows, columns = device.asarray([1, 1, 0]), device.asarray([2, 2, 0])
    with pytest.raises(ValueError, match="several values go to one place"):
        table[rows, columns] = device.asarray([1.0, 2.0, 3.0])
    table[rows, columns] = device.asarray([np.nan, np.nan, 3.0])
    assert device.to_host(table[:, 0]).tolist() == [3.0, 0.0]
    for values in (["a"], [None], [dt.date(2024, 1, 1)]):
        with pytest.raises(TypeError, match="CuPy has no"):
            device.asarray(np.array(values))
    with pytest.raises(AttributeError, match="cupy.ndarray has no 'searchsorted'"):
        there.searchsorted(1)


def test_what_cupy_takes_otherwise_than_numpy_is_refused(device):
    xp, there = device.xp, device.asarray([1, 2, 3], dtype="int32")
    with pytest.raises(TypeError, match=r"cupy\.sum takes an array"):
        xp.sum([1, 2])
    with pytest.raises(TypeError, match="no scalar of NumPy"):
        xp.searchsorted(there, np.int64(2))
    with pytest.raises(TypeError, match="compared as unsigned"):
        xp.searchsorted(there, there.astype("uint64"))
    with pytest.raises(TypeError, match=r"cupy\.stack takes arrays"):
        xp.stack([there, 1])
    with pytest.raises(TypeError, match=r"cupy\.zeros takes numbers"):
        xp.zeros((there.sum(), 2))
    with pytest.raises(TypeError, match=r"cupy\.arange takes numbers"):
        xp.arange(there.sum())
    with pytest.raises(OverflowError):
        there == 2**40  # noqa: B015
    with pytest.raises(ValueError, match="where there are no rows"):
        xp.cumsum(xp.zeros((0, 3)), axis=1)
    for value in (np.nan, np.inf, -1e30, 3e9):
        with pytest.raises(ValueError, match="a GPU gives another"):
            device.asarray([1.0, value]).astype("int32")
    assert device.to_host(device.asarray([2.0, -1.5]).astype("int32")).tolist() == [2, -1]
    holed = device.asarray([1.0, np.nan, 0.5])
    for sort in (xp.sort, xp.argsort, xp.unique, xp.median, lambda a: a.sort()):
        with pytest.raises(ValueError, match="some of them first, some last"):
            sort(holed)
    assert device.to_host(xp.sort(holed[holed == holed])).tolist() == [0.5, 1.0]
    assert int(xp.searchsorted(there, 2)) == 1


@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="needs CuPy")
def test_the_stand_in_has_no_method_that_cupy_lacks():
    assert set(dir(importlib.import_module("cupy").ndarray)) >= METHODS


def test_rows_of_a_launch_go_from_the_last_to_the_first_and_each_once():
    """What hangs on the order of rows, as a race does, gives another answer than on the host."""
    seen = []

    class Launcher:
        def n_rows(self, rows):
            return rows

        def loop(self, row_from, row_to, _rows):
            seen.extend(range(row_from, row_to))

    for n_rows in (1, 3, 512, 513, 2_000):
        seen.clear()
        backwards(Launcher(), (n_rows,))
        assert sorted(seen) == [*range(n_rows)]
        assert seen[-1] == (n_rows - 1) // 512  # the end of the first part


def test_memory_that_nobody_wrote_is_not_zero(device):
    for dtype in ("int8", "int32", "int64", "float32", "float64"):
        there = device.to_host(device.xp.empty((2, 3), dtype=dtype))
        assert there.shape == (2, 3)
        assert (there < 0).all()
    assert device.xp.empty(0, dtype="bool").shape == (0,)
    assert device.xp.empty_like(device.xp.zeros(2, dtype="int16")).dtype == np.int16
    with pytest.raises(TypeError, match=r"cupy\.empty takes numbers"):
        device.xp.empty(device.xp.zeros(1, dtype="int64").sum())
