"""A round of a GPU keeps what it has, and its time, whatever happens to its processes."""

import json
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def ends_with(folder, *codes):
    """Return a script whose runs end with these codes, and the file of its arguments."""
    script, log = folder / "script.py", folder / "log"
    script.write_text(
        "import pathlib, sys\n"
        "log = pathlib.Path(sys.argv[1])\n"
        "n = len(log.read_text().splitlines()) if log.exists() else 0\n"
        "log.open('a').write(' '.join(sys.argv[2:]) + '\\n')\n"
        f"sys.exit({list(codes)}[n])\n"
    )
    return script, log


@pytest.mark.parametrize(
    ("codes", "last"), [((2,), 2), ((75, 2, 0), 0), ((75, 2, 2, 1), 1), ((0,), 0)]
)
def test_a_device_that_is_gone_for_a_moment_does_not_end_a_round(
    codes, last, tmp_path, monkeypatch
):
    """What no process has seen is not there; what one had may not be given back yet."""
    import gpu_watch

    monkeypatch.setattr(gpu_watch, "_PAUSE_SECONDS", 0.0)
    script, log = ends_with(tmp_path, *codes)
    assert gpu_watch.supervised(str(script), [str(log)], 100.0, tmp_path) == last
    assert len(log.read_text().splitlines()) == len(codes)


def test_no_process_outlives_the_time_of_all_of_them(tmp_path, monkeypatch):
    """The last one, too, which begins when the time is up."""
    import gpu_watch

    given = []

    def run(_command, seconds):
        given.append(seconds)
        time.sleep(0.3)
        return gpu_watch.LOST

    monkeypatch.setattr(gpu_watch, "_run", run)
    monkeypatch.setattr(gpu_watch, "_LITTLE_SECONDS", 0.2)
    monkeypatch.setattr(gpu_watch, "_GRACE_SECONDS", 0.4)
    assert gpu_watch.supervised("script", [], 0.1, tmp_path) == 1
    assert len(given) == 2
    assert given[0] <= 0.7
    assert given[1] <= 0.4


def test_a_lost_device_ends_its_process_at_once(monkeypatch):
    """Python would wait for threads first, and these for the device."""
    import gpu_round
    import gpu_watch

    def lost():
        raise SystemExit(gpu_watch.LOST)

    monkeypatch.setattr(gpu_round, "main", lost)
    assert gpu_round._exit_code() == gpu_watch.LOST
    monkeypatch.setattr(gpu_round, "main", lambda: 1)
    assert gpu_round._exit_code() == 1


def test_one_part_that_hangs_leaves_time_for_the_others(tmp_path, monkeypatch):
    import gpu_round

    limits = {}
    names = ("night", "scale", "bandwidth")
    parts = {name: lambda _round: {} for name in names}
    order = iter(["round", *names])

    def at_most(seconds, *, watched):
        assert not watched
        limits[next(order)] = seconds
        return nullcontext()

    monkeypatch.setattr(gpu_round, "PARTS", parts)
    monkeypatch.setattr(gpu_round.gpu_watch, "at_most", at_most)
    folders = ["--out", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    assert gpu_round.main(["--dry-run", "--seconds", "420", *folders]) == 0
    assert limits["scale"] == pytest.approx(420 + 90, abs=20)  # looks at the clock itself
    assert limits["night"] == limits["bandwidth"] < 420 - 150
    assert limits["round"] < 420 - 150


def test_a_round_goes_on_where_the_machine_has_got_more_memory(tmp_path, monkeypatch):
    """A virtual machine may be given memory as it asks for it: it is the same machine."""
    import gpu_round
    import results_file

    monkeypatch.setattr(gpu_round, "PARTS", {"one": lambda _round: {"n": 1}})
    folders = ["--out", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    assert gpu_round.main(["--dry-run", *folders]) == 0
    more = {**results_file.hardware(), "memory_gib": 1e4}
    monkeypatch.setattr(results_file, "hardware", lambda: more)
    monkeypatch.setattr(gpu_round, "PARTS", {"one": None, "two": lambda _round: {"n": 2}})
    assert gpu_round.main(["--dry-run", "--resume", *folders]) == 0
    [path] = (tmp_path / "results").glob("*.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["done"] == ["one", "two"]
    assert found["parts"]["one"] == {"n": 1}


def test_a_round_of_other_settings_leaves_the_file_of_the_one_before(tmp_path, monkeypatch):
    import gpu_round

    monkeypatch.setattr(gpu_round, "PARTS", {"one": lambda this: this.options.customers})
    folders = ["--out", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    for customers in ("20", "30", "40", "20"):
        assert gpu_round.main(["--dry-run", "--customers", customers, *folders]) == 0
    files = sorted((tmp_path / "results").glob("gpu_round-*.json"))
    found = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    assert sorted(one["parts"]["one"] for one in found) == [20, 30, 40]
    assert [len(one.get("earlier", [])) for one in found if one["customers"] == 20] == [1]


def test_a_kernel_that_does_not_get_compiled_costs_no_more_than_its_time(tmp_path, monkeypatch):
    """What was compiled before is known, and so is why the rest was not."""
    import gpu_kernels

    (tmp_path / "compiles_one.py").write_text(
        "import json, sys, time\n"
        "print(json.dumps(['good', 1.5, '']), flush=True)\n"
        "print('ptxas is at it', file=sys.stderr, flush=True)\n"
        "sys.stdout.write('[\"half'); sys.stdout.flush()\n"
        "time.sleep(60)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(gpu_kernels, "_MODULE", "compiles_one")
    start = time.monotonic()
    found = gpu_kernels.compile_all("9.0", "good", "bad", seconds=5.0)
    assert time.monotonic() - start < 30
    assert found["seconds"] == {"good": 1.5}
    assert found["errors"].keys() == {"bad"}
    assert "-9" in found["errors"]["bad"]
    assert "ptxas is at it" in found["errors"]["bad"]


def test_tables_say_what_else_went_wrong():
    from gpu_table import gpu_tables

    from qfb_gpu._cluster.short_device import in_a_line

    head = {"device": "a card", "date": "2026-11-28T00:00:00", "commit": "unknown"}
    assert "0 of 0 steps" in gpu_tables({**head, "parts": {"seconds": {}}})
    side = {"seconds": 1.0}
    parts = {
        "before": {"kernels": {"errors": {"search.search_gpu": "no room"}}},
        "stages": {"streams": {"error": "lost"}, "edges": {"skipped": "no time left"}},
        "prepare": {"differences": [{"operation": "trim"}, {"operation": "trim"}]},
        "night": {
            "cpu": side,
            "gpu": side,
            "equal": ["segments"],
            "differences": {},
            "of_groups": {},
            "update": {"differences": {"payment_streams": [{}]}},
        },
        "scale": [
            {
                "n_payments": 3_000_000,
                "n_buckets": 1,
                "whole_night": {"error": "RuntimeError()"},
                **dict.fromkeys(("generate_seconds", "rescore_seconds", "read_seconds"), 1.0),
                **dict.fromkeys(("write_seconds", "payments_per_second", "lake_bytes"), 1.0),
                **dict.fromkeys(("peak_device_bytes", "peak_rss_bytes"), 1.0),
            }
        ],
    }
    found = {
        **head,
        "parts": parts,
        "errors": {"bandwidth": {"error": "lost"}},
        "warnings": {"scale": [in_a_line(["bucket 1"])], "night": ["of something else"]},
    }
    said = gpu_tables(found)
    assert "0 of 2 steps give the CPU's answer; not streams; no time for edges." in said
    assert "Parts that failed: bandwidth." in said
    assert "Kernels that did not compile: search.search_gpu." in said
    assert "Preparation that gives another answer: trim." in said
    assert "Tables that an update gives otherwise than its night: payment_streams." in said
    assert "Payments of a lake whose whole night failed: 3,000,000." in said
    assert "For want of the device's memory the host did some of: scale." in said
