import gc
import os
import re
import tempfile
from pathlib import Path

import pytest
import simulate
from hypothesis import settings

from qfb_gpu.backend import get_backend
from qfb_gpu.errors import BackendUnavailableError

# A plain run draws the same examples every time; with QFB_EXPLORE=1 every run draws new ones.
_SAME = os.environ.get("QFB_EXPLORE", "0") == "0"
settings.register_profile("qfb", deadline=None, print_blob=True, derandomize=_SAME)
settings.load_profile("qfb")

# Files that take longest, in the order in which pytest-xdist hands them out (Makefile: it would
# begin with those of most tests): one that is begun last keeps one core alone.
_LONGEST = (
    "test_lowered", "test_update", "test_stopped_at_random", "test_kernels_gpu", "test_lost_pieces",
    "test_short_device", "test_cli", "test_gpu_round", "test_benchmarks", "test_fork_server",
    "test_device_work", "test_churn",
)  # fmt: skip
_RANKS = {name: at for at, name in enumerate(_LONGEST)}
_ROOT = Path(__file__).parents[1]
_CHILD = pytest.StashKey[simulate.SimulatorRun]()
_SIMULATED = pytest.StashKey[simulate.SimulatorReport]()
_FOLDER = pytest.StashKey[tempfile.TemporaryDirectory]()
_OUTCOMES: dict[str, list[str]] = {}


def pytest_addoption(parser):
    parser.addoption(
        "--require-gpu", action="store_true", help="fail, not skip, where there is no GPU"
    )


def pytest_configure(config):
    """On a machine that has to have a GPU, show warnings: its libraries are the machine's own.

    CuPy warns when it first compiles a reduction, for one, in the name of who called it.
    """
    if config.getoption("--require-gpu"):
        config.addinivalue_line("filterwarnings", "default")


_ASKS_FOR_A_GPU = re.compile(r"mark\.gpu\b|def test_\w+\([^)]*\b(?:backend|gpu)\b")


def pytest_ignore_collect(collection_path, config):
    """With ``-m gpu`` import only files that have such tests.

    A machine with a GPU may lack what the others import, and its time is dear.
    """
    if config.option.markexpr != "gpu" or collection_path.suffix != ".py":
        return None
    return None if _ASKS_FOR_A_GPU.search(collection_path.read_text(encoding="utf-8")) else True


@pytest.fixture(params=["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def backend(request):
    """Return each backend in turn; the GPU's is skipped where there is none."""
    return _backend_or_skip(request, request.param)


@pytest.fixture
def cpu():
    return get_backend("cpu")


@pytest.fixture
def gpu(request):
    """Return the GPU backend, for parity tests; mark them ``gpu``."""
    return _backend_or_skip(request, "gpu")


def _backend_or_skip(request, name):
    try:
        return get_backend(name)
    except BackendUnavailableError as error:
        if request.config.getoption("--require-gpu"):
            pytest.fail(f"--require-gpu: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def real_data():
    """Return the folder of the real data sets: QFB_DATA, or shared/data beside the checkout."""
    folder = Path(os.environ.get("QFB_DATA", _ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there (set QFB_DATA to its folder)")
    return folder


# Tests marked cudasim run in a child process that has Numba's CUDA simulator: see simulate.py.


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect without Python's garbage collector, which leaves modules and tests alone after it.

    They are millions of objects that live to the end; it went through all of them again and again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _RANKS.get(item.path.stem, len(_RANKS)))
    if simulate.ENABLED:
        others = [item for item in items if not item.get_closest_marker("cudasim")]
        items[:] = [item for item in items if item.get_closest_marker("cudasim")]
        config.hook.pytest_deselected(items=others)


def pytest_collection_finish(session):
    """Without pytest-xdist: start the child process for what this process collected."""
    if simulate.ENABLED or session.config.option.collectonly:
        return
    if shared := getattr(session.config, "workerinput", {}).get("simulator"):
        session.config.stash[_SIMULATED] = simulate.SimulatorReport(Path(shared))
        return
    marked = [item.nodeid for item in session.items if item.get_closest_marker("cudasim")]
    if marked:
        _start_simulator(session.config, marked)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Tell each worker of pytest-xdist where the one child process of all reports."""
    node.workerinput["simulator"] = str(_simulator_folder(node.config))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node, ids):
    """Start the child process when the first worker says what there is.

    It says no marks: the child gets all tests of the files that have any, and leaves out the rest.
    """
    if _CHILD in node.config.stash:
        return
    texts = {
        name: (_ROOT / name).read_text("utf-8") for name in {i.partition("::")[0] for i in ids}
    }
    of_files = [one for one in ids if "cudasim" in texts[one.partition("::")[0]]]
    if of_files:
        _start_simulator(node.config, of_files)


def _simulator_folder(config):
    if _FOLDER not in config.stash:
        config.stash[_FOLDER] = tempfile.TemporaryDirectory(prefix="qfb-simulator-")
    return Path(config.stash[_FOLDER].name)


def _start_simulator(config, node_ids):
    folder = _simulator_folder(config)
    config.stash[_CHILD] = simulate.SimulatorRun(_ROOT, node_ids, folder)
    config.stash[_SIMULATED] = simulate.SimulatorReport(folder)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    report = pyfuncitem.config.stash.get(_SIMULATED, None)
    if report is None or not pyfuncitem.get_closest_marker("cudasim"):
        return None
    outcome, text = report.outcome(pyfuncitem.nodeid)
    if outcome == "failed":
        pytest.fail(f"in the CUDA simulator:\n{text}", pytrace=False)
    if outcome == "skipped":
        pytest.skip(f"in the CUDA simulator: {text}")
    return True


@pytest.fixture(scope="session")
def simulated_kernels(request):
    """Return the names of the kernels that this run launched in the simulator."""
    report = request.config.stash.get(_SIMULATED, None)
    return report.launched() if report else frozenset()


def pytest_runtest_logreport(report):
    """In the child process: tell a test's worst outcome of setup, call and teardown."""
    if simulate.ENABLED and (report.when == "call" or report.outcome != "passed"):
        _OUTCOMES[report.nodeid] = [report.outcome, report.longreprtext]
    if simulate.ENABLED and report.when == "teardown" and report.nodeid in _OUTCOMES:
        simulate.add_to_report(outcomes={report.nodeid: _OUTCOMES.pop(report.nodeid)})


def pytest_sessionfinish(session):
    if simulate.ENABLED:
        simulate.add_to_report(launched=sorted(simulate.LAUNCHED))
    if child := session.config.stash.get(_CHILD, None):
        child.close()
    if folder := session.config.stash.get(_FOLDER, None):
        folder.cleanup()


@pytest.fixture(scope="module")
def no_mlflow():
    """Log nights nowhere: MLflow takes seconds, and tests put folders in each other's place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qfb_gpu.pipeline._log", lambda *_arguments: None)
        yield
