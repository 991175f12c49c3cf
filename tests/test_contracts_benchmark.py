"""The benchmark of contracts and payment terms runs, small."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import contracts


def test_it_measures_speed_and_accuracy(monkeypatch):
    monkeypatch.setattr(contracts, "REPEATS", 1)
    speed = contracts.speed(40, 3)
    assert speed["contracts_a_second"] > 0
    assert speed["clauses_a_second"] > 0
    right = contracts.accuracy(40, 3, 1.0)
    assert right["ratios_right"] == 1.0
    assert right["match_precision"] in (None, 1.0)
