"""What numba-cuda makes of the kernels, run on the host, answers as the CPU's kernels do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("lowered.py")


def test_every_launch_of_a_bucket_answers_as_on_the_cpu_to_the_bit(tmp_path):
    pytest.importorskip("numba.cuda.codegen")
    environment = {**os.environ, "NUMBA_NUM_THREADS": "1", "NUMBA_ENABLE_CUDASIM": "0"}
    command = [sys.executable, str(SCRIPT), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: row["differ"] for name, row in found.items() if row["differ"]} == {}
    assert {name: row["undefined"] for name, row in found.items() if row["undefined"]} == {}
    by_bits = {name: row["differ_by_last_bits"] for name, row in found.items()}
    assert {name: places for name, places in by_bits.items() if places} == {}
    assert found["search.search_gpu"]["last_bits"] > 0  # they were others
    assert {"search.search_gpu", "forecast.forecast_gpu", "series.peaks_gpu"} <= set(found)
    assert len(found) >= 35
    assert all(row["rows"] > 0 for row in found.values())
