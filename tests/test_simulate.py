"""The report of the simulator's child process, read while it works and after it died."""

import fcntl
import json
import re
from pathlib import Path

import pytest
from simulate import SimulatorReport

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def running(tmp_path):
    """Hold the lock that a living child holds."""
    with (tmp_path / "running").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def add(folder, text):
    with (folder / "report.jsonl").open("a", encoding="utf-8") as report:
        report.write(text)


def test_an_outcome_is_known_as_soon_as_its_line_is_written(tmp_path, running):
    report = SimulatorReport(tmp_path)
    add(tmp_path, json.dumps({"outcomes": {"a::one": ["passed", ""]}}) + "\n")
    assert report.outcome("a::one") == ("passed", "")
    add(tmp_path, json.dumps({"outcomes": {"a::two": ["failed", "1 != 2"]}}) + "\n")
    add(tmp_path, json.dumps({"launched": ["pools.pools_gpu"]})[:10])  # a line half written
    assert report.outcome("a::two") == ("failed", "1 != 2")
    add(tmp_path, json.dumps({"launched": ["pools.pools_gpu"]})[10:] + "\n")
    running.close()  # the child ends
    assert report.launched() == {"pools.pools_gpu"}
    assert SimulatorReport(tmp_path).outcome("a::two") == ("failed", "1 != 2")  # another worker


def test_a_test_that_a_dead_child_never_reached_fails_with_what_the_child_said(tmp_path):
    (tmp_path / "running").touch()
    (tmp_path / "output.txt").write_text("Segmentation fault", encoding="utf-8")
    outcome, text = SimulatorReport(tmp_path).outcome("a::one")
    assert outcome == "failed"
    assert "did not reach it" in text
    assert "Segmentation fault" in text
    assert SimulatorReport(tmp_path).launched() == frozenset()


def test_the_files_that_pytest_xdist_hands_out_first_are_there():
    conftest = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    longest = re.search(r"_LONGEST = \((.*?)\)", conftest, re.DOTALL)[1]
    names = re.findall(r'"(\w+)"', longest)
    assert names
    assert [name for name in names if not Path(__file__).with_name(f"{name}.py").exists()] == []
