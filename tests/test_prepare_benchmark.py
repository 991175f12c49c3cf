"""Every case of benchmarks/prepare.py once, small: the peers' answers are ours."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
pytest.importorskip("polars", reason="the peers' environment has polars")

import prepare as bench  # noqa: E402
from peers.preparation import CASES  # noqa: E402


@pytest.fixture(scope="module")
def columns():
    return bench.in_libraries(bench.make_columns(300))


@pytest.mark.parametrize("name", CASES)
def test_peers_answer_alike(name, columns):
    answer = CASES[name]["qfb"](columns["qfb"])
    for library, run in CASES[name].items():
        bench.check_equal(f"{name}, {library}", answer, run(columns[library]))


def test_a_difference_is_named():
    with pytest.raises(AssertionError, match="left, polars: 1 rows differ, row 0"):
        bench.check_equal("left, polars", bench.pa.array(["a"]), bench.pa.array(["b"]))


def test_the_run_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "_LOOP_ROWS", 5)
    path = bench.main(
        ["--rows", "50", "--repeats", "1", "--only", "working", "--out", str(tmp_path)]
    )
    said = path.read_text(encoding="utf-8")
    assert "qfb, CN with make-up days" in said
    assert "chinesecalendar, a loop" in said
