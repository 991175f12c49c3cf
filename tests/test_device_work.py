"""Scoring a bucket asks no more of a device than is kept in device_work.json."""

import json
from dataclasses import replace
from pathlib import Path

import device_work
import numpy as np
import pytest
from device_counts import counted
from stand_in import stand_in_backend

from qfb_gpu import tasks
from qfb_gpu.backend import get_backend
from qfb_gpu.lake import ingest


@pytest.fixture(autouse=True)
def _benchmarks_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))


@pytest.fixture
def device():
    return stand_in_backend()


def test_no_step_of_scoring_asks_more_of_a_device_than_before():
    before, now = device_work.kept(), device_work.measure()
    worse = [
        f"{lake}, {step}: {name} {old} -> {new}"
        for lake, step, name, old, new in device_work.changed(before, now)
        if name in device_work.HELD and new > (old or 0)
    ]
    assert not worse, f"more than is kept (python tests/device_work.py keeps it): {worse}"
    new = set(now[device_work.SIGNATURES]) - set(before[device_work.SIGNATURES])
    assert not new, f"not compared with CuPy (python tests/device_work.py keeps them): {new}"


def test_what_is_kept_is_of_every_step():
    kept = json.loads(device_work.REPORT.read_text(encoding="utf-8"))
    steps = kept[device_work.PAYMENTS]["steps"]
    own = {"read", "streams", "features", "edges", "parts", "save", "decide"}
    assert own | {"whole"} == steps.keys()
    parts = sum(row["operations"] for name, row in steps.items() if name != "whole")
    assert parts == steps["whole"]["operations"] > 0


def test_a_bucket_without_payments_is_scored_as_on_a_host(tmp_path):
    """All of them are later than the day; CuPy takes no empty arrays in some places."""
    from gpu_nights import all_sources
    from gpu_parts import chosen

    config = all_sources(8, tmp_path, is_tiny=True)
    first_day = ingest.ingest(config).first_day
    found = {}
    for name in ("cpu", "gpu"):
        night = tasks.Night.of(config, name, name)
        night = replace(night, as_of_day=first_day - 1)
        with chosen(device_work.card() if name == "gpu" else get_backend("cpu")):
            assert tasks.score_bucket(night, 0)["n_payments"] == 0
        files = night.workspace.folder("score", 0).glob("*.arrow")
        found[name] = {file.name: file.read_bytes() for file in files}
    assert len(found["cpu"]) > 20
    assert found["cpu"] == found["gpu"]


def test_operations_waits_and_copies_are_counted(device):
    xp = device.xp
    with counted() as counts:
        there = device.asarray(np.arange(1000))  # 8,000 bytes over PCIe
        twice = there + there
        view = twice[:500].reshape(-1)  # no work
        picked = twice[twice > 10]  # compared, then counted on the host
        device.to_host(picked)
        int(view[0])
    row = counts.row()
    assert counts.operations == {
        "copy to device": 1, "add": 1, "gt": 1, "take by mask": 1,
    }  # fmt: skip
    assert row["launches"] == 1 + 1 + 6
    assert row["waits"] == 3
    assert row["to_device"] == 8000
    assert row["to_host"] == picked.nbytes
    assert row["moved"] == 3 * 8000 - 8000 + (8000 + 1000) + (8000 + 1000 + picked.nbytes)
    del there, twice, view, picked
    with counted() as counts:
        for _ in range(3):
            xp.zeros(1000)  # gone before the next
    assert counts.row()["peak"] <= 2 * 8000


def test_a_count_waits_as_cupy_does(device):
    xp = device.xp
    kind = device.asarray(np.array([0, 2, 1, 1]))
    with counted() as counts:
        xp.unique(kind)
        xp.nonzero(kind)
        kind[kind > 1] = 0
    assert counts.row()["waits"] == 3
