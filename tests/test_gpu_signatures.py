"""Every call of a RAPIDS library in the source, against the installed library's signature.

The libraries import without a GPU, so this runs wherever the ``gpu`` extra is installed:
``make test`` in an environment made from ``env/gpu-py*.txt`` plus pytest and hypothesis.
"""

import ast
import importlib
import importlib.util
import inspect
from pathlib import Path

import device_work
import numpy as np
import pytest
from gpu_calls import LIBRARIES, find_calls

from qfb_gpu._backend import devices

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src" / "qfb_gpu").rglob("*.py"))
OF_THE_ROUND = sorted((ROOT / "benchmarks").glob("*.py"))
CALLS = [call for path in (*SOURCES, *OF_THE_ROUND) for call in find_calls(path, ROOT)]
UFUNC_KEYWORDS = {"out", "dtype", "casting"}
needs_rapids = pytest.mark.skipif(
    importlib.util.find_spec("cupy") is None, reason="needs RAPIDS: install env/gpu-py*.txt"
)


def resolve(name):
    """Return the object behind a dotted name, importing what has to be imported."""
    module, *rest = name.split(".")
    thing = importlib.import_module(module)
    for part in rest:
        if not hasattr(thing, part) and inspect.ismodule(thing):
            importlib.import_module(f"{thing.__name__}.{part}")
        thing = getattr(thing, part)
    return thing


def check(call):
    thing = resolve(call.name)
    if call.n_positional is None:
        return
    if type(thing).__name__ == "ufunc":
        assert set(call.keywords) <= UFUNC_KEYWORDS, f"{call.name} takes {UFUNC_KEYWORDS}"
        assert call.n_positional <= thing.nin + thing.nout
        return
    owner = resolve(call.name.rpartition(".")[0])
    try:
        signature = inspect.signature(thing)
    except ValueError:  # compiled without one
        return
    is_method = inspect.isclass(owner) and not inspect.ismethod(thing)
    positional = [None] * (call.n_positional + is_method)
    bind = signature.bind_partial if call.is_open else signature.bind
    bind(*positional, **dict.fromkeys(call.keywords))


def test_calls_are_found():
    names = {call.name for call in CALLS}
    assert {"cupy.where", "cupy.argsort", "cugraph.Graph.from_cudf_edgelist"} <= names
    assert {"dask_cuda.LocalCUDACluster", "cuml.cluster.KMeans.fit", "cugraph.leiden"} <= names
    assert {"cudf.DataFrame", "cupyx.scipy.fft.rfft", "rmm.mr.CudaAsyncMemoryResource"} <= names
    assert {"rmm.statistics.push_statistics", "cupy.get_default_memory_pool"} <= names


@needs_rapids
@pytest.mark.parametrize("name", sorted({call.name for call in CALLS}))
def test_calls_fit_the_installed_library(name):
    for call in CALLS:
        if call.name == name:
            try:
                check(call)
            except (AttributeError, TypeError, AssertionError, ImportError) as error:
                pytest.fail(f"{call.place}: {call.name}: {error}")


@needs_rapids
def test_array_methods_of_the_stages_exist_in_cupy():
    cupy = importlib.import_module("cupy")
    only_numpy = set(dir(np.ndarray)) - set(dir(cupy.ndarray))
    missing = [
        f"{path.relative_to(ROOT)}:{node.lineno}: .{node.attr}"
        for path in SOURCES
        if path.parent.name in ("payments", "profile", "network", "models", "prepare", "finance")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in only_numpy
    ]
    assert not missing, missing


@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="needs CuPy")
def test_element_wise_operations_give_the_types_that_numpy_gives():
    """By CuPy's own choice of a loop, Python numbers included; recorded by device_work.py."""
    cupy = importlib.import_module("cupy")
    recorded = device_work.kept()[device_work.SIGNATURES]
    assert len(recorded) > 100
    other = []
    for signature in recorded:
        name, *given, _, wanted = signature.split()
        weak = tuple({"int": int, "float": float, "bool": False}.get(one, False) for one in given)
        types = tuple(np.dtype(one) for one in given)
        loop = getattr(cupy, name)._ops._guess_routine_from_in_types(
            types, _as_weighed(types, weak)
        )
        if loop is None or str(loop.out_types[0]) != wanted:
            other.append((signature, loop and str(loop.out_types[0])))
    assert not other


def _as_weighed(types, weak):
    """Return which numbers have no size: none where one is of a higher kind than the arrays."""
    ranks = {bool: 0, int: 1, float: 2}
    arrays = [
        {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}[t.kind]
        for t, w in zip(types, weak, strict=True)
        if not w
    ]
    highest = max((ranks[w] for w in weak if w), default=9)
    return weak if arrays and max(arrays) >= highest else (False,) * len(weak)


@needs_rapids
def test_bincount_asks_cub_where_the_engine_stands_between():
    cupy = importlib.import_module("cupy")
    histogram = importlib.import_module("cupy._statistics.histogram")
    plain = cupy.cuda.cub.cub_histogram
    try:
        devices.count_in_place(cupy)
        assert histogram.cub.cub_histogram.few
    finally:
        cupy.cuda.cub.cub_histogram = plain
    text = inspect.getsource(histogram.bincount)
    assert "cub.cub_histogram(x, b, size+1)" in text
    assert "if out is None" in text


@needs_rapids
@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_import_without_a_gpu(library):
    importlib.import_module(library)
