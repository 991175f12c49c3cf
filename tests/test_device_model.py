"""The model of a bucket on a device does what it says, and its table is of its rows."""

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
COUNTS = (
    "operations", "launches", "kernels", "arguments", "waits", "to_device", "to_host", "moved",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _benchmarks_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def counted(**named):
    nothing = dict.fromkeys(COUNTS, 0.0)
    fixed = {**nothing, **named.pop("fixed", {})}
    each = {**nothing, **named.pop("each", {})}
    host = {"python": 0.0, "files": [0.0, 0.0], "kernels": 0.0, **named.pop("host", {})}
    return {"fixed": fixed, "each": each, "host": host, "units": 0.1, "peak": 10.0, **named}


def test_each_resource_takes_what_it_is_asked_for():
    from device_model import Assumed, seconds

    work = counted(
        fixed={"operations": 100, "launches": 150, "kernels": 10, "arguments": 90, "waits": 5},
        each={"moved": 36.0, "to_device": 5.0, "to_host": 5.0},
        host={"python": 0.5, "files": [0.1, 1e-6]},
    )
    found = seconds(1e6, work, Assumed(memory=1e12, pcie=1e10))
    python = 0.5 + 100 * 12e-6 + 40 * 4e-6 + 10 * 40e-6 + 90 * 10e-6
    assert found["python"] == pytest.approx(python)
    assert found["waits"] == pytest.approx(5 * 20e-6)
    assert found["launches"] == pytest.approx(150 * 2.5e-6)
    assert found["memory"] == pytest.approx(36e6 / 1e12)
    assert found["copies"] == pytest.approx(10e6 / 1e10)
    assert found["files"] == pytest.approx(0.1 + 1.0)
    assert found["kernels"] == 0


def test_a_small_bucket_leaves_schedulers_idle():
    from device_model import Assumed, seconds

    work = counted(host={"kernels": 3e-6})
    small, twice, huge, larger = (
        seconds(n, work, Assumed())["kernels"] for n in (1e5, 2e5, 1e8, 2e8)
    )
    assert small == pytest.approx(twice)  # twice the rows, twice as many warps to choose from
    assert larger == pytest.approx(2 * huge)
    one = Assumed()
    instructions = 3e-6 * 1e8 * one.core * one.more
    least = instructions / (32 * one.lanes) / (one.schedulers * one.clock * one.busiest)
    assert huge == pytest.approx(least)


def test_what_limits_is_the_busiest_and_larger_buckets_share_what_is_fixed():
    from device_bound_table import bound_table
    from device_model import Assumed, row

    steps = {"read": {**dict.fromkeys(COUNTS, 7)}}
    work = counted(fixed={"operations": 1e4}, host={"files": [0.0, 1e-7]}, steps=steps)
    work["n_counted"] = 1000
    runs = [row(n, work, 6, Assumed()) for n in (10**6, 10**7)]
    assert [run["limit"] for run in runs] == ["python", "one bucket"]
    assert runs[0]["bucket"] == pytest.approx(0.12)
    assert runs[0]["billion"] == pytest.approx(120)
    assert runs[1]["billion"] < runs[0]["billion"]
    text = bound_table({"counted": work, "runs": runs})
    assert text.count("\n") == 2 + 1 + 4
    assert "| 1.0 million |" in text
    assert "| 120 s |" in text


def test_a_card_with_less_memory_that_is_slower_bounds_the_same_bucket():
    from device_model import CARDS, row

    work = counted(fixed={"operations": 1e4}, each={"moved": 9000.0}, peak=1500.0)
    large, small = (row(2**22, work, 8, CARDS[name]) for name in ("H200", "H100"))
    same = {name for name in large["seconds"] if large["seconds"][name] == small["seconds"][name]}
    assert set(large["seconds"]) - same == {"memory"}
    ratio = small["seconds"]["memory"] / large["seconds"]["memory"]
    assert ratio == pytest.approx(4.8 / 3.35)
    assert large["limit"] == small["limit"] == "python"
    assert large["fits"]
    assert row(2**23, work, 8, CARDS["H200"])["fits"]
    assert not row(2**23, work, 8, CARDS["H100"])["fits"]
    assert not row(2**24, work, 8, CARDS["H200"])["fits"]
