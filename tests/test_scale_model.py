"""The night on many GPUs, on paper: what a faster GPU does not make faster."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from scale_model import BUCKET_PAYMENTS, Cost, Machine, simulate
from scale_table import scale_table

COST = Cost(
    read_bytes=40.0, write_bytes=30.0, seconds=1e-6, publish_seconds=5e-7, serial_seconds=1e-6
)


def night(speed, **machine):
    return simulate(
        COST, Machine(**machine), hosts=1, gpus=1, speed=speed, n_payments=16 * BUCKET_PAYMENTS,
        local=False,
    )  # fmt: skip


def test_publishing_takes_what_the_cores_of_the_host_need():
    n = 16 * BUCKET_PAYMENTS
    least = n * COST.publish_seconds * 2 / 16
    fast = night(1e9)
    assert fast["seconds"] == pytest.approx(
        least + n * (70 / Machine().network + 56 / Machine().pcie), rel=1e-6
    )
    assert max(fast["busy"], key=fast["busy"].get) == "cores"
    assert night(1e9, cores=32)["seconds"] < fast["seconds"]


def test_fits_on_the_host_are_no_faster_than_they_were():
    for speed in (10.0, 1e3):
        found = night(speed)
        serial = found["seconds_fit_on_host"] - found["seconds"]
        assert serial == pytest.approx(16 * BUCKET_PAYMENTS * 1e-6 * (1 - 1 / speed))


def test_the_table_has_the_columns_that_the_results_have():
    new = {"runs": [night(10.0)]}
    run = dict(new["runs"][0])
    run["busy"] = {name: share for name, share in run["busy"].items() if name != "cores"}
    for results, n_columns in ((new, 11), ({"runs": [run]}, 9)):
        lines = scale_table(results).splitlines()
        assert {line.count("|") for line in lines} == {n_columns + 1}
