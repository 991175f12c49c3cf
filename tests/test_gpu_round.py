"""The GPU round's own code, tiny, with the CPU on both sides."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qfb_gpu.ledger import Labelled

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_a_dry_run_goes_through_every_part(tmp_path, capsys):
    import gpu_round
    from gpu_stages import STAGES

    folders = ["--out", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    assert gpu_round.main(["--dry-run", "--payments", "1500", *folders]) == 0, capsys.readouterr()
    [path] = (tmp_path / "results").glob("gpu_round-*.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    parts = found["parts"]
    assert found["dry_run"]
    assert found["commit"]
    assert found["gpu_versions"]["numba"]
    assert parts["bandwidth"].keys() == {"copy", "triad"}
    assert list(parts["stages"]["stages"]) == sorted(STAGES)
    for name, row in parts["stages"]["stages"].items():
        assert row["differences"] == [], name
    kernels = parts["stages"]["stages"]["features"]["kernels"]
    assert all(kernel["bytes"] > 0 and kernel["share_of_copy"] > 0 for kernel in kernels.values())
    assert parts["night"]["differences"] == {}
    assert parts["scale"][0]["stages"]["score"]["seconds"] > 0


def test_without_a_gpu_it_says_so_in_one_line(tmp_path):
    from qfb_gpu.backend import get_backend

    if get_backend("auto").name == "gpu":
        pytest.skip("there is a GPU here")
    command = [sys.executable, BENCHMARKS / "gpu_round.py", "--out", tmp_path, "--data", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "device 'gpu'" in done.stderr


def test_a_failing_stage_is_told_and_ends_nothing(tmp_path, monkeypatch, capsys):
    import gpu_round

    def broken(_inputs, _backend):
        msg = "no such kernel"
        raise RuntimeError(msg)

    monkeypatch.setattr(gpu_round, "STAGES", {"broken": broken})
    for part in ("_night", "_scale"):
        monkeypatch.setattr(gpu_round, part, lambda _this: {})
    folders = ["--out", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    assert gpu_round.main(["--dry-run", "--payments", "1500", *folders]) == 1
    assert "no such kernel" in capsys.readouterr().out


def test_differences_are_found():
    from parity import compare

    want = {
        "n": np.array([1, 2, 3]),
        "share": np.array([0.5, np.nan, 2.0]),
        "kind": Labelled(np.array([0, 1, -1], dtype=np.int8), ("a", "b")),
        "community_id": np.array([0, 0, 1]),
    }
    assert compare(want, want) == []
    near = {**want, "share": want["share"] * (1 + 1e-9), "community_id": np.array([5, 5, 2])}
    assert compare(near, want) == []
    wrong = {
        "n": np.array([1, 2, 4]),
        "share": np.array([0.5, 1.0, 2.2]),
        "kind": Labelled(np.array([1, 1, -1], dtype=np.int8), ("a", "b")),
        "community_id": np.array([0, 1, 1]),
    }
    found = {row["column"]: row for row in compare(wrong, want)}
    assert found["n"]["n_different"] == 1
    assert found["share"]["n_different"] == 2
    assert found["share"]["largest"] == pytest.approx(0.1)
    assert found["kind"]["n_different"] == 1
    assert "Rand index" in found["community_id"]["problem"]
    assert compare({"n": want["n"].astype(np.int32)}, {"n": want["n"]})[0]["problem"]
    assert compare({}, {"n": want["n"]})[0]["problem"] == "is on one side only"
