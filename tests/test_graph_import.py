"""Communities do not cost an import of matplotlib, and whoever wants it gets it afterwards."""

import subprocess
import sys

import pytest

FIND = """
import sys
import numpy as np
from qfb_gpu.backend import get_backend
ends = np.array([0, 1, 3]), np.array([1, 2, 4])
found = get_backend("cpu").communities(5, *ends, np.ones(3), resolution=1.0, seed=0)
assert len(set(found.tolist())) == 2, found
assert not [name for name in sys.modules if name.split(".")[0] == "matplotlib"]
import matplotlib.figure
"""


def test_communities_import_no_matplotlib():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: nothing to leave out")
    subprocess.run([sys.executable, "-c", FIND], check=True)
