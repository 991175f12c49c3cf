"""Run CUDA kernels without a GPU, in Numba's simulator.

Recipe for a kernel ``foo_gpu`` of ``kernels/qfb_kernels/bar.py``:

1. Register it in ``kernels/qfb_kernels/registry.py``::

       "bar.foo_gpu": "void(int32[::1], int64[::1], float64[::1])",

   From then on ``tests/test_kernels_gpu.py`` compiles it to PTX and SASS for compute
   capability 9.0. After a change on purpose, keep its registers and spills with
   ``python tests/kernel_resources.py`` (it rewrites ``tests/kernel_resources.json``).

2. Mark a test of the module ``cudasim`` and launch the kernel through :func:`launch`::

       from simulate import launch

       @pytest.mark.cudasim
       def test_foo_in_the_simulator_matches_naive():
           day, offsets = ...            # tiny: some tens of rows
           mean = np.full(n_rows, -1.0)
           launch(kernels.foo_gpu, n_rows, day, offsets, mean)
           np.testing.assert_allclose(mean, naive.foo(...))

   Or send a whole stage through its CUDA kernels with :func:`simulated_backend`::

       @pytest.mark.cudasim
       def test_stage_in_the_simulator_equals_cpu():
           got = stage(ledger, simulated_backend())
           want = stage(ledger, get_backend("cpu"))

The simulator can only be switched on before Numba is imported. So the test run hands the
tests marked ``cudasim`` that it collected to one child process with NUMBA_ENABLE_CUDASIM=1,
which works beside it, and reports each one's outcome under its own name. To debug one:
``NUMBA_ENABLE_CUDASIM=1 pytest tests/test_bar.py -m cudasim``.

The simulator runs a Python thread for each CUDA thread: keep arrays tiny. It has no warp
shuffles or votes, and ``grid().sync()`` over several blocks gives wrong values silently.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

THREADS_PER_BLOCK = 3  # small and odd: tails and guards are hit
ENABLED = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")
LAUNCHED: set[str] = set()
_REPORT_VARIABLE = "QFB_SIMULATOR_REPORT"


def launch(kernel, n_rows, *arrays):
    """Run ``kernel`` in the simulator over ``n_rows`` rows and one block too many."""
    if not ENABLED:
        msg = "launch() works in the simulator only; mark the test with @pytest.mark.cudasim"
        raise RuntimeError(msg)
    LAUNCHED.add(f"{kernel.fn.__module__.rpartition('.')[2]}.{kernel.fn.__name__}")
    n_blocks = -(-n_rows // THREADS_PER_BLOCK) + 1
    kernel[n_blocks, THREADS_PER_BLOCK](*map(_writable, arrays))


def _writable(array):
    """Return a read-only input as a copy: the simulator copies every array back."""
    flags = getattr(array, "flags", None)
    return array if flags is None or flags.writeable else array.copy()


def simulated_backend():
    """Return a CPU backend that runs the CUDA launcher of every kernel, in the simulator."""
    from qfb_gpu._backend.spectra import by_transform
    from qfb_gpu.backend import Backend, get_backend

    class Simulated(Backend):
        def launch(self, cpu, gpu, n_rows, *arrays):  # noqa: ARG002
            if n_rows:
                launch(gpu, n_rows, *arrays)

        def daily_spectra(self, *arguments, **options):
            by_transform(self, *arguments, **options)

    cpu = get_backend("cpu")
    return Simulated(**{name: getattr(cpu, name) for name in Backend.__dataclass_fields__})


class SimulatorRun:
    """The tests marked ``cudasim`` of one test run, in a child process."""

    def __init__(self, root, node_ids):
        self._folder = tempfile.TemporaryDirectory(prefix="qfb-simulator-")
        folder = Path(self._folder.name)
        self._report, self._output = folder / "report.json", folder / "output.txt"
        (folder / "tests.txt").write_text("\n".join(node_ids), encoding="utf-8")
        environment = os.environ | {
            "NUMBA_ENABLE_CUDASIM": "1",
            _REPORT_VARIABLE: str(self._report),
        }
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", f"@{folder / 'tests.txt'}"]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=root, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        self._results = None

    def results(self):
        """Return {"outcomes": {node id: [outcome, text]}, "launched": [kernel]}, when done."""
        if self._results is None:
            self._process.wait()
            if self._report.exists():
                self._results = json.loads(self._report.read_text(encoding="utf-8"))
            else:
                text = self._output.read_text(encoding="utf-8", errors="replace")
                self._results = {"outcomes": {}, "launched": [], "output": text}
        return self._results

    def outcome(self, node_id):
        """Return ("passed" | "failed" | "skipped", text) of one test."""
        results = self.results()
        missing = ["failed", f"the simulator run did not reach it:\n{results.get('output', '')}"]
        return tuple(results["outcomes"].get(node_id, missing))

    def close(self):
        """Stop the child process if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        self._folder.cleanup()


def write_report(outcomes):
    """Leave the child's outcomes where the parent looks for them."""
    if path := os.environ.get(_REPORT_VARIABLE):
        report = {"outcomes": outcomes, "launched": sorted(LAUNCHED)}
        Path(path).write_text(json.dumps(report), encoding="utf-8")
