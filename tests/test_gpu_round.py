"""The GPU round's own code: on a stand-in for a GPU that refuses what CuPy would refuse."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from qfb_gpu.ledger import Labelled
from qfb_gpu.parts.catalog import PARTS

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_a_rehearsal_goes_through_everything(tmp_path, capsys):
    """Every stage, every step of every part, and a whole night of all sources: equal to the bit."""
    import gpu_round
    from gpu_stages import STAGES
    from gpu_table import gpu_tables, newest_round

    folders = ["--out", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    arguments = ["--rehearse", "--customers", "16", "--seconds", "1e6", *folders]
    assert gpu_round.main(arguments) == 0, capsys.readouterr()
    [path] = (tmp_path / "results").glob("gpu_round-*.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    parts = found["parts"]
    assert found["dry_run"]
    assert found["commit"]
    assert found["gpu_versions"]["numba"]
    assert parts["bandwidth"].keys() == {"copy", "triad"}
    assert parts["stages"].keys() == STAGES.keys()
    for name, row in {**parts["stages"], **parts["parts"]}.items():
        assert row["differences"] == [], name
        assert row["seconds"] > 0, name
    every = {part.name for part in PARTS}
    assert {name.partition(".")[0] for name in parts["parts"]} == every | {"sources"}
    kernels = parts["stages"]["features"]["kernels"]
    assert all(kernel["bytes"] > 0 and kernel["share_of_copy"] > 0 for kernel in kernels.values())
    assert parts["prepare"]["n_cases"] > 100
    assert parts["prepare"]["differences"] == []
    assert parts["night"]["differences"] == {}
    assert parts["night"]["update"]["differences"] == {}
    written = {table for part in PARTS for table in (*part.tables, *part.whole_tables)}
    assert written <= set(parts["night"]["equal"])
    assert {"payment_streams", "customer_profiles", "segments"} <= set(parts["night"]["equal"])
    assert parts["scale"][0]["rescore_seconds"] > 0
    assert parts["scale"][0]["whole_night"]["gold_bytes"]["payment_streams"] > 0
    _tables_of(found, tmp_path)
    assert newest_round(tmp_path / "results") is None  # a rehearsal is no result
    assert "Not yet verified on a GPU" in gpu_tables(None)


def _tables_of(found, folder):
    from gpu_table import gpu_tables, newest_round

    real = folder / "real"
    real.mkdir()
    (real / "gpu_round-1.json").write_text(json.dumps({**found, "dry_run": False}))
    text = gpu_tables(newest_round(real))
    n_steps = len(found["parts"]["stages"]) + len(found["parts"]["parts"])
    assert f"{n_steps} of {n_steps} steps give the CPU's answer." in text
    assert f"{len(found['parts']['night']['equal'])} gold tables equal" in text
    assert "| search.search_gpu |" in text
    assert f"| {found['parts']['scale'][0]['n_payments']:,} |" in text


def test_without_a_gpu_it_says_so_in_one_line(tmp_path):
    from qfb_gpu.backend import get_backend

    if get_backend("auto").name == "gpu":
        pytest.skip("there is a GPU here")
    command = [sys.executable, BENCHMARKS / "gpu_round.py", "--out", tmp_path, "--data", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "device 'gpu'" in done.stderr


def test_a_failing_part_is_told_and_ends_nothing(tmp_path, monkeypatch, capsys):
    import gpu_round

    def broken(_round):
        msg = "no such kernel"
        raise RuntimeError(msg)

    monkeypatch.setattr(gpu_round, "PARTS", {"broken": broken, "stages": gpu_round._stages})
    folders = ["--out", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    assert gpu_round.main(["--dry-run", *folders]) == 1
    said = capsys.readouterr().out
    assert "broken: FAILED: RuntimeError('no such kernel')" in said
    assert "stages: FAILED" in said
    assert not list((tmp_path / "data").glob("round-*"))


def test_a_step_without_memory_is_told_and_what_the_host_did_instead(tmp_path, monkeypatch, capsys):
    """What it held is given back before the next; the JSON has all that was done."""
    import warnings

    import gpu_round

    held, given = [], []

    def full(_backend):
        held.append("a batch")
        msg = "Out of memory allocating 512 bytes"
        raise MemoryError(msg)

    def fits(backend):
        assert len(given) >= len(held)
        return {"n": backend.xp.arange(3)}

    def by_host(_round):
        warnings.warn("a device had too little memory for bucket 1", RuntimeWarning, stacklevel=1)
        return {"n_payments": 5}

    def last(_round):
        raise MemoryError

    every = {"full": full, "fits": fits}
    parts = {
        "stages": lambda this: this.steps("stages", every),
        "scale": by_host,
        "last": last,
    }
    monkeypatch.setattr(gpu_round, "PARTS", parts)
    monkeypatch.setattr(gpu_round, "give_memory_back", lambda: given.append("all"))
    monkeypatch.setattr("warnings.filters", [])
    folders = ["--out", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    assert gpu_round.main(["--dry-run", *folders]) == 1
    [path] = (tmp_path / "results").glob("gpu_round-*.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["done"] == ["stages", "scale", "last"]
    assert "Out of memory" in found["parts"]["stages"]["full"]["error"]
    assert found["parts"]["stages"]["fits"]["differences"] == []
    assert found["warnings"] == {"scale": ["a device had too little memory for bucket 1"]}
    assert found["errors"].keys() == {"last"}
    assert found["parts"]["scale"] == {"n_payments": 5}
    assert "scale: a device had too little memory for bucket 1" in capsys.readouterr().out


def test_a_round_goes_on_after_the_step_that_lost_the_device(tmp_path, monkeypatch, capsys):
    import gpu_round
    import gpu_watch

    calls = []

    def ends(_round):
        calls.append("ends")
        raise SystemExit(gpu_watch.LOST)  # as where the process is gone

    def step(name, of):
        def run(backend):
            calls.append(f"{name} on {backend.name}")
            if of and calls.count(f"{name} on {backend.name}") == 2:  # as the device
                raise SystemExit(gpu_watch.LOST)
            return {"n": backend.xp.arange(3)}

        return run

    every = {
        "one": step("one", of=False),
        "two": step("two", of=True),
        "three": step("three", of=False),
    }
    kept = []

    def keep(name, _answer):
        kept.append(name)

    parts = {
        "first": lambda _round: calls.append("first"),
        "ends": ends,
        "stages": lambda this: this.steps("stages", every, keep),
        "last": lambda _round: {"done": True},
    }
    monkeypatch.setattr(gpu_round, "PARTS", parts)
    folders = ["--out", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    arguments = ["--dry-run", "--watched", *folders]
    for again in ([], ["--resume"]):
        with pytest.raises(SystemExit) as raised:
            gpu_round.main([*arguments, *again])
        assert raised.value.code == gpu_watch.LOST
    assert gpu_round.main([*arguments, "--resume"]) == 1, capsys.readouterr()
    [path] = (tmp_path / "results").glob("gpu_round-*.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    assert calls.count("first") == calls.count("ends") == 1
    assert "process ended here" in found["errors"]["ends"]["error"]
    assert "process ended here" in found["parts"]["stages"]["two"]["error"]
    assert found["parts"]["stages"]["one"]["differences"] == []
    assert found["parts"]["stages"]["three"]["differences"] == []
    assert kept == ["one", "two", "one", "two", "three"]  # every process knows what came before
    assert found["parts"]["last"] == {"done": True}
    assert found["ok"] is False


def test_a_process_that_ends_early_is_followed_by_another(tmp_path):
    import gpu_watch

    script = tmp_path / "script.py"
    script.write_text(
        "import pathlib, sys\n"
        "log = pathlib.Path(sys.argv[1])\n"
        "n = len(log.read_text().splitlines()) if log.exists() else 0\n"
        "log.open('a').write(' '.join(sys.argv[2:]) + '\\n')\n"
        "sys.exit([75, -9, 1][n])\n"
    )
    log, left = tmp_path / "log", tmp_path / "round-abc"
    left.mkdir()
    assert gpu_watch.supervised(str(script), [str(log)], 100.0, tmp_path) == 1
    first, second, third = log.read_text().splitlines()
    assert first.startswith("--watched --seconds")
    assert second.startswith("--watched --resume --seconds")
    assert third.startswith("--watched --resume --seconds")
    assert not left.exists()


def test_a_process_that_does_not_end_is_killed_and_none_follows(tmp_path, monkeypatch):
    import gpu_watch

    script = tmp_path / "script.py"
    script.write_text(
        "import pathlib, sys, time\n"
        "pathlib.Path(sys.argv[1]).open('a').write('x')\n"
        "time.sleep(60)\n"
    )
    log = tmp_path / "log"
    monkeypatch.setattr(gpu_watch, "_LITTLE_SECONDS", 1.0)
    monkeypatch.setattr(gpu_watch, "_GRACE_SECONDS", 0.5)
    start = time.monotonic()
    assert gpu_watch.supervised(str(script), [str(log)], 0.2, tmp_path) == 1
    assert log.read_text() == "x"
    assert time.monotonic() - start < 30


def test_a_round_that_has_all_makes_nothing_again(tmp_path, monkeypatch):
    """The CPU's night, which a process that goes on needs, is of no use at the end."""
    import gpu_round
    import gpu_watch

    calls = []

    def last(_round):
        raise SystemExit(gpu_watch.LOST)

    monkeypatch.setattr(gpu_round, "PARTS", {"before": calls.append, "last": last})
    folders = ["--out", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    with pytest.raises(SystemExit):
        gpu_round.main(["--dry-run", "--watched", *folders])
    assert gpu_round.main(["--dry-run", "--watched", *folders, "--resume"]) == 1
    assert len(calls) == 1


def test_kernels_that_do_not_compile_are_named(monkeypatch, tmp_path):
    import gpu_kernels

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("QFB_THREADS", "1")
    found = gpu_kernels.compile_all("9.0", "no.such_gpu")
    assert set(found["errors"]) == set(found["seconds"]) == {"no.such_gpu"}
    assert "No module named" in found["errors"]["no.such_gpu"]


def test_kernels_without_a_device_need_its_capability(monkeypatch, capsys):
    import gpu_kernels

    monkeypatch.setattr(gpu_kernels, "capability", lambda: None)
    assert gpu_kernels.main([]) == 2
    assert "such as 9.0" in capsys.readouterr().err


def test_what_takes_too_long_ends_its_process():
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); import gpu_watch\n"
        "with gpu_watch.at_most(0.2, watched=True): time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(BENCHMARKS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 75
    assert "not done after" in done.stdout
    assert "time.sleep" in done.stderr or "line 2" in done.stderr


def test_a_failing_step_is_told_and_ends_nothing():
    from gpu_steps import failed, line, measured

    from qfb_gpu.backend import get_backend

    cpu = get_backend("cpu")

    def step(backend):
        return {"n": backend.xp.arange(3)}

    def broken(_backend):
        msg = "no such kernel"
        raise RuntimeError(msg)

    row = measured(step, cpu, cpu, repeats=2, copy_rate=1e9)
    assert not failed(row)
    assert row["n_rows"] == 3
    assert "equal" in line("arange", row)
    row = measured(broken, cpu, cpu, repeats=1, copy_rate=None)
    assert failed(row)
    assert "FAILED: RuntimeError('no such kernel')" in line("broken", row)


def test_differences_are_found():
    from parity import compare

    want = {
        "n": np.array([1, 2, 3]),
        "share": np.array([0.5, np.nan, 2.0]),
        "kind": Labelled(np.array([0, 1, -1]), ("a", "b")),
        "community_id": np.array([0, 0, 1]),
        "name": pa.array(["x", None, "z"]),
    }
    same = {
        "n": want["n"].copy(),
        "share": want["share"] * (1 + 1e-9),
        "kind": Labelled(np.array([0, 1, -1]), ("a", "b")),
        "community_id": np.array([7, 7, 3]),  # labels are arbitrary
        "name": pa.array(["x", None, "z"]).dictionary_encode(),
    }
    assert compare(same, want) == []
    other = {
        "n": np.array([1, 2, 4]),
        "share": np.array([0.5, 1.0, 2.1]),
        "kind": Labelled(np.array([0, 0, -1]), ("a", "b")),
        "community_id": np.array([0, 1, 1]),
        "name": pa.array(["x", "y", None]),
    }
    found = {row["column"]: row for row in compare(other, want)}
    assert found["n"]["n_different"] == 1
    assert found["share"]["n_different"] == 2
    assert found["share"]["largest"] == pytest.approx(0.05)
    assert found["kind"]["n_different"] == 1
    assert found["name"]["n_different"] == 2
    assert "Rand index" in found["community_id"]["problem"]
    assert compare({"n": want["n"].astype(np.int32)}, {"n": want["n"]})[0]["problem"]
    assert compare({}, {"n": want["n"]})[0]["problem"] == "is on one side only"
