"""The night on many GPUs, on paper: what a faster GPU does not make faster."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from scale_model import BUCKET_PAYMENTS, Cost, Fits, Machine, fits_of, simulate
from scale_table import scale_table

COST = Cost(
    read_bytes=40.0, write_bytes=30.0, seconds=1e-6, publish_seconds=5e-7, serial_seconds=1e-6,
    decide_seconds=2e-7, fits=Fits({"segments": (1.6e-6, 0.0)}, {}),
)  # fmt: skip


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


def test_the_host_fits_beside_the_device_and_no_faster_than_it_did():
    device = {"segments": (2e-6, 0.0), "behaviour": (0.0, 8.0)}
    fits = Fits(device, {"churn": (0.0, 6.0), "orders": (4e-6, 0.0), "terms": (1e-6, 0.0)}, 3e-6)
    assert fits.seconds(1e6, 16, 10.0) == (pytest.approx(10.0 / 20), 6.0)  # a sample's trees
    assert fits.seconds(1e7, 16, 10.0) == (pytest.approx(28.0 / 20), pytest.approx(40.0))
    assert fits.seconds(1e7, 1, 10.0)[1] == pytest.approx(6.0 + 50.0 + 30.0)  # one does it all
    cost = replace(COST, fits=fits)
    n = 16 * BUCKET_PAYMENTS
    for speed, longest in ((1e-3, "device"), (1e3, "host")):
        found = simulate(cost, Machine(), hosts=1, gpus=1, speed=speed, n_payments=n, local=True)
        both = found["fit_seconds"]
        assert max(both, key=both.get) == longest
        assert found["serial_seconds"] == pytest.approx(both[longest] + 2e-7 * n / speed)


def test_fits_are_told_apart_by_what_they_use():
    steps = {"segments": 2.0, "payment_graph": 4.0, "network": 3.0, "behaviour": 5.0,
             "risks": 6.0, "churn": 7.0, "lifetime": 1.0}  # fmt: skip
    fits = fits_of(steps, 10)
    assert fits.device == {
        "segments": (0.2, 0.0), "payment_graph": (0.4, 0.0), "network": (0.3, 0.0),
        "behaviour": (0.0, 5.0),
    }  # fmt: skip
    assert fits.host == {"churn": (0.0, 7.0), "lifetime": (0.1, 0.0)}
    assert fits.by_bucket == pytest.approx(0.6)


def test_fits_on_the_host_are_no_faster_than_they_were():
    for speed in (10.0, 1e3):
        found = night(speed)
        serial = found["seconds_fit_on_host"] - found["seconds"]
        assert serial == pytest.approx(16 * BUCKET_PAYMENTS * 1e-6 * (1 - 1 / speed))


def test_the_table_has_the_columns_that_the_results_have():
    new = {"runs": [night(10.0)]}
    run = dict(new["runs"][0])
    run["busy"] = {name: share for name, share in run["busy"].items() if name != "cores"}
    del run["fit_seconds"]
    for results, n_columns in ((new, 13), ({"runs": [run]}, 9)):
        lines = scale_table(results).splitlines()
        assert {line.count("|") for line in lines} == {n_columns + 1}
