"""The wheel holds what it should, and importing the package stays light."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("cudf", "cupy", "numba", "mlflow", "dask", "distributed", "pandas", "sklearn", "scipy")
PROBE = f"""
import sys, time
start = time.perf_counter()
import qfb_gpu
print(time.perf_counter() - start)
print(*[name for name in {HEAVY!r} if name in sys.modules])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_wheel_holds_every_module(wheel):
    source = [*(ROOT / "src").rglob("*.py"), *(ROOT / "kernels").rglob("*.py")]
    expected = {"/".join(path.relative_to(ROOT).parts[1:]) for path in source}
    expected |= {"qfb_gpu/py.typed", "qfb_kernels/py.typed"}
    assert expected <= set(wheel.namelist())


def test_wheel_holds_no_tests_and_starts_qfb(wheel):
    names = wheel.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"qfb_gpu", "qfb_kernels"}
    (entry_points,) = [name for name in names if name.endswith("entry_points.txt")]
    assert b"qfb = qfb_gpu.cli:main" in wheel.read(entry_points)


def test_import_is_light():
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    seconds, heavy = done.stdout.splitlines()
    assert heavy == ""
    assert float(seconds) < 0.5


def test_locks_name_no_host_and_agree_on_versions():
    for python in ("311", "312"):
        pins = {}
        for kind in ("gpu", "cpu", "dev", "peers"):
            lines = (ROOT / "env" / f"{kind}-py{python}.txt").read_text().splitlines()
            for line in lines:
                name, equals, version = line.partition("==")
                assert equals, f"{kind}: {line!r} is not a pin"
                assert not {"/", "@"} & set(line), f"{kind}: {line!r} names a host or a file"
                assert pins.setdefault(name, version) == version, f"{kind}: {name}"
