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
which works beside it (one for all processes of pytest-xdist), and reports each one's
outcome under its own name as soon as it is known. To debug one:
``NUMBA_ENABLE_CUDASIM=1 pytest tests/test_bar.py -m cudasim``.

The simulator runs a Python thread for each CUDA thread: keep arrays tiny. It has no warp
shuffles or votes, and ``grid().sync()`` over several blocks gives wrong values silently.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

THREADS_PER_BLOCK = 3  # small and odd: tails and guards are hit
ENABLED = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")
LAUNCHED: set[str] = set()
_REPORT_VARIABLE = "QFB_SIMULATOR_REPORT"
_REPORT, _RUNNING = "report.jsonl", "running"


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
    """The tests marked ``cudasim`` of one test run, in one child process.

    ``folder`` holds ``report.jsonl``, a line for each test as soon as it ends and at last one of
    the kernels launched; ``output.txt``; and ``running``, locked for as long as the child lives.
    """

    def __init__(self, root, node_ids, folder):
        (folder / "tests.txt").write_text("\n".join(node_ids), encoding="utf-8")
        environment = os.environ | {
            "NUMBA_ENABLE_CUDASIM": "1",
            _REPORT_VARIABLE: str(folder / _REPORT),
        }
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", f"@{folder / 'tests.txt'}"]
        with (folder / "output.txt").open("wb") as output, (folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._process = subprocess.Popen(
                command, cwd=root, env=environment, stdout=output, stderr=subprocess.STDOUT,
                pass_fds=[lock.fileno()],
            )  # fmt: skip
        (folder / "lock").rename(folder / _RUNNING)

    def close(self):
        """Stop the child process if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()


class SimulatorReport:
    """What the child process of a :class:`SimulatorRun` says, read while it works.

    Any process of the test run may read it: under pytest-xdist the controller starts one child,
    and each worker reads of its own tests.
    """

    def __init__(self, folder):
        self._folder, self._read = folder, 0
        self._outcomes, self._launched = {}, ()

    def outcome(self, node_id):
        """Return ("passed" | "failed" | "skipped", text) of one test, once it has run."""
        while node_id not in self._outcomes and self._works():
            time.sleep(0.05)
        if node_id in self._outcomes:
            return tuple(self._outcomes[node_id])
        output = (self._folder / "output.txt").read_text(encoding="utf-8", errors="replace")
        return "failed", f"the simulator run did not reach it:\n{output}"

    def launched(self):
        """Return the names of the kernels launched, once all tests have run."""
        while self._works():
            time.sleep(0.05)
        return frozenset(self._launched)

    def _works(self):
        """Read on; return whether more may come."""
        running = self._folder / _RUNNING
        if not running.exists():  # not started yet
            return True
        with running.open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                ended = False
            else:
                ended = True
        report = self._folder / _REPORT
        lines = report.read_bytes()[self._read :] if report.exists() else b""
        whole = lines[: lines.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            row = json.loads(line)
            self._outcomes.update(row.get("outcomes", {}))
            self._launched = row.get("launched", self._launched)
        return not ended


def add_to_report(**row):
    """In the child process: leave a line where the parents look for it."""
    if path := os.environ.get(_REPORT_VARIABLE):
        with Path(path).open("a", encoding="utf-8") as report:
            report.write(json.dumps(row) + "\n")
