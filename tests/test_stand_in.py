"""The night on a stand-in for the GPU: every seam that CuPy would refuse is found here.

The arithmetic is the CPU's, so the gold tables must be equal to the bit.
"""

import datetime as dt
import importlib
import importlib.util

import numpy as np
import pyarrow.parquet as pq
import pytest
from stand_in import METHODS, DeviceArray, stand_in_backend

from qfb_gpu import parts, pipeline, tasks
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.portfolio import generate_portfolio

AS_OF = dt.date(2024, 12, 31)
PER_RUN = {"runs"}


@pytest.fixture(scope="module")
def payments(tmp_path_factory):
    table = generate_portfolio(25, 3, AS_OF, calendar=load_calendar("CN"))["transactions"]
    path = tmp_path_factory.mktemp("sources") / "payments.parquet"
    pq.write_table(table, path)
    return path, table.column_names


def night(folder, payments):
    path, columns = payments
    source = {"path": str(path), "columns": {name: name for name in columns}}
    raw = {
        "as_of": AS_OF, "workers": 1, "n_buckets": 2, "sources": {"transactions": source},
    }  # fmt: skip
    config = build_config(raw, base=folder, where="test")
    with pytest.MonkeyPatch.context() as skip:  # files, not arrays: other tests cover them
        skip.setattr(pipeline, "_log", lambda *_: None)
        skip.setattr(pipeline, "write_report", lambda *_: None)
        pipeline.run(config)
    return config.output_dir


def test_the_night_passes_every_seam_of_a_gpu(payments, tmp_path, monkeypatch):
    (tmp_path / "host").mkdir()
    (tmp_path / "device").mkdir()
    host = night(tmp_path / "host", payments)
    stand_in = stand_in_backend()

    def choose(name):
        return get_backend("cpu") if name == "cpu" else stand_in

    for module in (pipeline, tasks, parts.run, parts.part):
        monkeypatch.setattr(module, "get_backend", choose)
    device = night(tmp_path / "device", payments)
    assert set(gold.tables(host)) == set(gold.tables(device))
    for name in set(gold.tables(host)) - PER_RUN:
        left, right = gold.read(host, name), gold.read(device, name)
        order = [(column, "ascending") for column in left.column_names]
        assert left.sort_by(order).equals(right.sort_by(order)), name


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
    with pytest.raises(AttributeError, match="cupy.ndarray has no 'searchsorted'"):
        there.searchsorted(1)


@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="needs CuPy")
def test_the_stand_in_has_no_method_that_cupy_lacks():
    assert set(dir(importlib.import_module("cupy").ndarray)) >= METHODS
