"""What the backend promises, on each backend there is."""

import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import graphs as naive
from numba import njit, prange
from sklearn.metrics import adjusted_rand_score
from stand_in import DeviceArray, stand_in_backend

from qfb_gpu._backend import compiling, densities, devices, graphs
from qfb_gpu._backend.graphs import host_communities, import_igraph, simple_edges
from qfb_gpu.backend import Backend, get_backend
from qfb_gpu.errors import BackendUnavailableError
from qfb_kernels.intervals import gaps_cpu, gaps_gpu

N_NODES = 7
edges = st.lists(
    st.tuples(st.integers(0, N_NODES - 1), st.integers(0, N_NODES - 1), st.integers(1, 9)),
    max_size=20,
)


def columns(edge_list, backend):
    table = np.array(edge_list, dtype=np.int64).reshape(-1, 3)
    source, target = backend.asarray(table[:, 0]), backend.asarray(table[:, 1])
    return source, target, backend.asarray(table[:, 2], dtype="float64")


def as_sets(labels):
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


def two_cliques():
    """Two groups of eight that know each other well, and one weak link."""
    rng = np.random.default_rng(4)
    within = [(a + g, b + g, 5) for g in (0, 8) for a in range(8) for b in range(8) if a < b]
    return [within[i] for i in rng.permutation(len(within))] + [(0, 8, 1)]


@given(edges)
@settings(max_examples=60)
def test_components_match_naive(edge_list):
    cpu = get_backend("cpu")
    source, target, _ = columns(edge_list, cpu)
    got = cpu.components(N_NODES, source, target)
    assert got.dtype == np.int32
    assert as_sets(got) == naive.components(N_NODES, [edge[:2] for edge in edge_list])


@given(edges)
@settings(max_examples=60)
def test_pagerank_matches_naive(edge_list):
    cpu = get_backend("cpu")
    got = cpu.pagerank(N_NODES, *columns(edge_list, cpu))
    np.testing.assert_allclose(got, naive.pagerank(N_NODES, edge_list), atol=1e-9)


def test_pagerank_agrees_with_igraph():
    import igraph

    rng = np.random.default_rng(1)
    source, target = rng.integers(0, 500, (2, 3000))
    weight = rng.random(3000)
    got = get_backend("cpu").pagerank(500, source, target, weight)
    graph = igraph.Graph(n=500, edges=np.column_stack([source, target]), directed=True)
    np.testing.assert_allclose(got, graph.pagerank(weights=weight.tolist()), atol=1e-8)
    assert got.sum() == pytest.approx(1, abs=1e-9)


@given(edges, st.booleans())
@settings(max_examples=60)
def test_simple_edges_add_up_parallel_ones(edge_list, directed):
    source, target, weight = columns(edge_list, get_backend("cpu"))
    got = simple_edges(np, N_NODES, source, target, weight, directed=directed)
    totals = {}
    for a, b, w in edge_list:
        pair = (a, b) if directed else (min(a, b), max(a, b))
        totals[pair] = totals.get(pair, 0) + w
    pairs = zip(got["source"].tolist(), got["target"].tolist(), strict=True)
    assert dict(zip(pairs, got["weight"].tolist(), strict=True)) == totals


def test_graph_operations_hold_on_each_backend(backend):
    edge_list = two_cliques()
    arrays = columns(edge_list, backend)
    found = backend.to_host(backend.communities(17, *arrays))
    assert found.dtype == np.int32
    assert adjusted_rand_score(found, [0] * 8 + [1] * 8 + [2]) == 1
    parts = as_sets(backend.to_host(backend.components(17, *arrays[:2])))
    assert parts == {frozenset(range(16)), frozenset([16])}
    ranks = backend.to_host(backend.pagerank(17, *arrays))
    np.testing.assert_allclose(ranks, naive.pagerank(17, edge_list), atol=1e-9)


@pytest.mark.parametrize("n_nodes", [0, 3])
def test_a_graph_without_edges(backend, n_nodes):
    none = columns([], backend)
    assert backend.to_host(backend.components(n_nodes, *none[:2])).tolist() == [*range(n_nodes)]
    assert backend.to_host(backend.communities(n_nodes, *none)).tolist() == [*range(n_nodes)]
    assert backend.to_host(backend.pagerank(n_nodes, *none)).tolist() == [1 / 3] * n_nodes


@pytest.mark.gpu
def test_cugraph_answers_as_the_host_does(gpu, cpu):
    if not devices.has("cugraph"):
        pytest.skip("cuGraph is not installed")
    low, high, _ = (np.array(ends) for ends in zip(*two_cliques(), strict=True))
    ours, theirs = columns(two_cliques(), cpu), columns(two_cliques(), gpu)
    xdf, xp, host = gpu.xdf, gpu.xp, gpu.to_host
    found = host(graphs.device_communities(xdf, xp, 17, theirs, 1.0, 0))
    assert adjusted_rand_score(found, [0] * 8 + [1] * 8 + [2]) == 1
    parts = host(graphs.device_components(xdf, xp, 17, *theirs[:2]))
    assert as_sets(parts) == {frozenset(range(16)), frozenset([16])}
    ranks = host(graphs.device_pagerank(xdf, xp, 17, theirs))
    np.testing.assert_allclose(ranks, graphs.host_pagerank(17, *ours), atol=1e-9)
    there = graphs.device_cohesion(xdf, xp, 17, gpu.asarray(low), gpu.asarray(high))
    here = graphs.host_cohesion(17, low, high)
    for got, want in zip(there, here, strict=True):
        np.testing.assert_array_equal(host(got), want)
        assert got.dtype == want.dtype


def test_communities_leave_the_random_state_alone(cpu):
    random.seed(5)
    expected = [random.random(), random.random()]
    random.seed(5)
    first = random.random()
    arrays = columns(two_cliques(), cpu)
    again = [cpu.communities(17, *arrays).tolist() for _ in range(2)]
    assert again[0] == again[1]
    assert [first, random.random()] == expected


def test_communities_do_not_depend_on_who_else_draws(monkeypatch):
    """As another thread of the night would, between the seed and the search."""
    rng = np.random.default_rng(0)
    source, target = rng.integers(0, 400, (2, 2400)).astype(np.int32)
    graph = (400, source, target, rng.random(2400))
    alone = host_communities(*graph, 1.0, 7)
    graphs = import_igraph().Graph
    plain = graphs.community_leiden

    def beside(*arguments, **named):
        random.random()
        return plain(*arguments, **named)

    monkeypatch.setattr(graphs, "community_leiden", beside)
    assert np.array_equal(host_communities(*graph, 1.0, 7), alone)
    assert not np.array_equal(host_communities(*graph, 1.0, 8), alone)


small = st.integers(-3, 3)


@given(st.lists(st.tuples(small, small, st.integers(-(2**63), 2**63 - 1)), max_size=30))
@settings(max_examples=60)
def test_lexsort_is_stable_and_takes_the_first_key_first(rows):
    cpu = get_backend("cpu")
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    expected = sorted(range(len(rows)), key=lambda i: rows[i])
    assert cpu.lexsort(tuple(table.T)).tolist() == expected


def test_lexsort_on_each_backend(backend):
    rng = np.random.default_rng(2)
    keys = [rng.integers(-5, 5, 1000), rng.random(1000).round(1), rng.integers(0, 3, 1000)]
    got = backend.to_host(backend.lexsort(tuple(backend.asarray(key) for key in keys)))
    np.testing.assert_array_equal(got, np.lexsort(keys[::-1]))


def test_repeat_on_each_backend(backend):
    counts = backend.asarray([2, 0, 3, 1], dtype="int64")
    values = backend.asarray([7, 8, 9, 4], dtype="int32")
    got = backend.repeat(values, counts)
    assert got.dtype == np.int32
    assert backend.to_host(got).tolist() == [7, 7, 9, 9, 9, 4]
    assert backend.repeat(values[:0], counts[:0]).shape == (0,)


def test_rfft_parseval_and_a_known_line(backend):
    days = np.arange(256)
    batch = np.stack([np.cos(2 * np.pi * days * 8 / 256), np.ones(256)]).astype(np.float32)
    waves = backend.to_host(backend.rfft(backend.asarray(batch)))
    assert waves.shape == (2, 129)
    assert waves.dtype == np.complex64
    assert np.abs(waves).argmax(axis=1).tolist() == [8, 0]
    power = np.abs(waves) ** 2
    both_sides = power[:, 0] + 2 * power[:, 1:-1].sum(axis=1) + power[:, -1]
    np.testing.assert_allclose(both_sides / 256, (batch**2).sum(axis=1), rtol=1e-5)


def test_kmeans_finds_what_is_there(backend):
    rng = np.random.default_rng(3)
    truth = np.sort(rng.integers(0, 3, 300))
    features = rng.normal(0, 0.05, (300, 2)) + truth[:, None] * 5.0
    centres = backend.to_host(backend.kmeans(backend.asarray(features), 3, seed=0))
    assert centres.dtype == np.float64
    nearest = ((features[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert adjusted_rand_score(nearest, truth) == 1


@njit(parallel=True)
def plus_one_cpu(values, out):
    for row in prange(values.shape[0]):
        out[row] = values[row] + 1


def test_launch_takes_the_launcher_of_its_backend(cpu):
    out = np.zeros(5)
    cpu.launch(plus_one_cpu, None, 5, np.arange(5.0), out)
    assert out.tolist() == [1, 2, 3, 4, 5]
    cpu.launch(None, None, 0)  # no rows: nothing is called


def test_lanes_are_no_more_than_rows_and_memory_allow(cpu):
    gpu = Backend("gpu", "a fake", None, np, np.fft)
    assert cpu.lanes(7, 6_000) == gpu.lanes(7, 6_000) == 7
    assert 1 < cpu.lanes(10**6, 6_000) < gpu.lanes(10**6, 6_000)
    assert gpu.lanes(10**6, 80_000) * 80_000 <= 2**30
    assert gpu.lanes(1, 2**40) == 1


def test_scratch_of_a_host_body_is_one_entry_on_a_gpu(cpu):
    gpu = Backend("gpu", "a fake", None, np, np.fft)
    assert cpu.host_scratch(7, 30).shape == (7, 30)
    assert gpu.host_scratch(7, 30).shape == (1, 1)
    assert cpu.host_scratch(1, 1).dtype == gpu.host_scratch(1, 1).dtype == np.int32


def test_launch_on_a_gpu_covers_every_row():
    asked = []

    class Kernel:
        def __getitem__(self, shape):
            return lambda *arrays: asked.append((shape, arrays))

    gpu = Backend("gpu", "a fake", None, np, np.fft)
    for n_rows, n_blocks in ((1, 1), (128, 1), (129, 2), (1000, 8)):
        gpu.launch(None, Kernel(), n_rows, "array")
        assert asked.pop() == ((n_blocks, 128), ("array",))
    gpu.launch(None, Kernel(), 0, "array")
    assert asked == []


def test_the_machine_code_of_a_gpu_kernel_is_kept_on_disk(monkeypatch):
    from numba.cuda.core import caching

    monkeypatch.setattr(gaps_gpu, "_cache", caching.NullCache())
    monkeypatch.setenv("QFB_CUDA_CACHE", "0")
    assert compiling.kept(gaps_gpu)._cache.cache_path is None
    monkeypatch.delenv("QFB_CUDA_CACHE")
    kernel = compiling.kept(gaps_gpu)
    assert kernel is gaps_gpu
    first = kernel._cache
    assert first.cache_path is not None
    assert compiling.kept(kernel)._cache is first
    _, files = first._impl.locator.get_source_stamp()  # what intervals.py imports counts, too
    assert {"intervals.py", "twin.py"} <= {name for name, *_ in files}
    monkeypatch.setattr(gaps_gpu, "_cache", caching.NullCache())
    monkeypatch.setattr(type(kernel), "enable_caching", _no_folder)
    assert compiling.kept(gaps_gpu)._cache.cache_path is None


def test_a_toolkit_is_named_where_its_compiler_is_the_only_one(monkeypatch, tmp_path):
    wheels = {"nvidia-nvvm": "missing"}
    monkeypatch.setattr(devices, "_version", wheels.get)
    monkeypatch.setattr(devices, "_TOOLKIT", tmp_path)
    monkeypatch.setattr(os, "environ", {"CUDA_HOME": ""})
    devices.name_toolkit()
    assert os.environ == {"CUDA_HOME": ""}  # there is none
    (tmp_path / "nvvm").mkdir()
    devices.name_toolkit()
    assert os.environ["CUDA_HOME"] == str(tmp_path)
    for said in ({"CUDA_PATH": "elsewhere"}, {"CUDA_HOME": "elsewhere"}):
        monkeypatch.setattr(os, "environ", dict(said))
        devices.name_toolkit()
        assert os.environ == said
    wheels["nvidia-nvvm"] = "13.0.88"
    monkeypatch.setattr(os, "environ", {})
    devices.name_toolkit()
    assert os.environ == {}


def test_threads_that_come_to_their_first_kernel_watch_imports_once(monkeypatch):
    """Watched twice, what is kept on disk would fit no other process."""
    watched = []

    @cache
    def watch():
        time.sleep(0.01)
        watched.append(1)

    class Kernel:
        _cache = SimpleNamespace()

        def __init__(self):
            self.targetoptions = {}

        def enable_caching(self):
            pass

    monkeypatch.delenv("QFB_CUDA_CACHE", raising=False)
    monkeypatch.setattr(compiling, "_watch_imports", watch)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: compiling.kept(Kernel()), range(8)))
    assert watched == [1]


def _no_folder(_kernel):
    msg = "cannot cache function: no locator available"
    raise RuntimeError(msg)


def test_one_process_at_a_time_makes_its_first_call(cpu, tmp_path):
    """Numba's cache is written by one process, the others wait for it."""
    fcntl = pytest.importorskip("fcntl")
    held = []

    class Launcher:
        overloads: ClassVar = {}
        stats = SimpleNamespace(cache_path=str(tmp_path / "cache"))
        py_func = gaps_cpu.loop.py_func

        def __call__(self, _rows):
            name = "qfb_kernels.intervals.gaps_cpu"
            with (tmp_path / "cache" / "compiling" / name).open() as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    held.append(True)
                else:
                    held.append(False)

    launcher = Launcher()
    cpu.launch(launcher, None, 1, 1)
    launcher.overloads = {"compiled": 1}
    cpu.launch(launcher, None, 1, 1)
    assert held == [True, False]

    class Kernel(Launcher):  # of a device, which is compiled when it is launched
        overloads: ClassVar = {}

        def __getitem__(self, _shape):
            return self

    kernel = Kernel()
    compiling.launch(kernel, 1, 1, (1,))
    kernel.overloads = {"compiled": 1}
    compiling.launch(kernel, 1, 1, (1,))
    assert held == [True, False, True, False]


@pytest.mark.parametrize("n_rows", [0, 1, 2, 7, 1000])
def test_every_row_is_done_once_by_some_thread(cpu, monkeypatch, n_rows):
    monkeypatch.setattr("numba.config.NUMBA_NUM_THREADS", 3)
    compiling._threads.cache_clear()
    times = np.zeros(n_rows + 1, np.int64)

    class Launcher:
        def n_rows(self, times):
            return times.shape[0] - 1

        def loop(self, row_from, row_to, times):
            times[row_from:row_to] += 1

    cpu.launch(Launcher(), None, n_rows, times)
    assert times.tolist() == [1] * n_rows + [0]
    compiling._threads.cache_clear()


def test_an_error_in_a_part_of_the_rows_is_raised(cpu, monkeypatch):
    monkeypatch.setattr("numba.config.NUMBA_NUM_THREADS", 2)

    class Launcher:
        def n_rows(self):
            return 100

        def loop(self, row_from, row_to):
            if row_from <= 70 < row_to:
                raise IndexError("row 70")

    with pytest.raises(IndexError, match="row 70"):
        cpu.launch(Launcher(), None, 100)


def test_arrays_come_and_go(backend):
    there = backend.asarray([3, 1, 2], dtype="int32")
    assert backend.to_host(there).tolist() == [3, 1, 2]
    assert backend.memory_budget_bytes() > 2**20
    backend.synchronize()


def test_it_says_what_it_is(backend):
    assert backend.name in ("cpu", "gpu")
    assert backend.device
    assert "missing" not in backend.versions().values()


def test_auto_takes_a_working_gpu_or_the_cpu():
    assert get_backend("auto").name in ("cpu", "gpu")


def test_no_gpu_is_said_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(BackendUnavailableError, match=r"needs RAPIDS .*or use device 'cpu'$"):
        devices.open_gpu()


def test_a_gpu_without_a_driver_is_said_in_one_line(monkeypatch):
    class CUDARuntimeError(RuntimeError):
        pass

    def get_device():
        msg = "no device"
        raise CUDARuntimeError(msg)

    runtime = SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError, getDevice=get_device, getDeviceProperties=dict,
        driverGetVersion=lambda: 0, runtimeGetVersion=lambda: 13_020,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(runtime=runtime)))
    words = r"no working CUDA device \(no device\); use device 'cpu'$"
    with pytest.raises(BackendUnavailableError, match=words):
        devices.open_gpu()
    runtime.driverGetVersion = lambda: 12_080
    words = r"\(no device; the driver is for CUDA 12.8, CuPy 13.2\); use device 'cpu'$"
    with pytest.raises(BackendUnavailableError, match=words):
        devices.open_gpu()


def test_a_gpu_without_rapids_says_what_the_host_does(monkeypatch):
    from numba.cuda.core import config

    properties = {"name": b"Card", "totalGlobalMem": 80 * 2**30}
    runtime = SimpleNamespace(
        CUDARuntimeError=RuntimeError, getDevice=lambda: 0, getDeviceProperties=lambda _: properties
    )
    cupy = SimpleNamespace(cuda=SimpleNamespace(runtime=runtime))
    fft = SimpleNamespace()
    for name, module in {
        "cupy": cupy,
        "cupyx": SimpleNamespace(scipy=SimpleNamespace(fft=fft)),
        "cupyx.scipy": SimpleNamespace(fft=fft),
        "cupyx.scipy.fft": fft,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    for setting in ("CUDA_LOW_OCCUPANCY_WARNINGS", "CUDA_ARRAY_INTERFACE_SYNC"):
        monkeypatch.setattr(config, setting, 1)
    monkeypatch.setattr(devices, "has", lambda _library: False)
    monkeypatch.setattr(devices, "_try_out", lambda _cupy: None)
    device, xdf, xp, transform = devices.open_gpu()
    assert device == "Card, 80 GiB (no cuml, no cugraph: clusters and graphs on the host)"
    assert (xdf, xp, transform) == (None, cupy, fft)
    assert config.CUDA_ARRAY_INTERFACE_SYNC == 0
    monkeypatch.setattr(devices, "has", lambda library: library == "cuml")
    assert devices.open_gpu()[0] == "Card, 80 GiB (no cugraph: graphs on the host)"


def test_many_bins_are_counted_in_place():
    """Where CUB gives None, CuPy adds each to its bin; CUB's counters a block would fill a card."""
    seen = []

    def by_block(values, counts, bins):
        seen.append((values.size, bins))
        return counts

    cupy = SimpleNamespace(cuda=SimpleNamespace(cub=SimpleNamespace(cub_histogram=by_block)))
    for _ in range(2):  # a second backend wraps nothing twice
        devices.count_in_place(cupy)
    count = cupy.cuda.cub.cub_histogram
    few, many = np.zeros(devices._FEW_BINS, int), np.zeros(devices._FEW_BINS + 1, int)
    assert count(np.arange(3), few, few.size + 1) is few
    assert count(np.arange(3), many, many.size + 1) is None
    assert seen == [(3, few.size + 1)]
    devices.count_in_place(SimpleNamespace(cuda=SimpleNamespace()))  # a CuPy without it


@pytest.mark.parametrize("chosen_before", [False, True])
def test_rmm_leaves_some_of_the_card_to_others(monkeypatch, chosen_before):
    class CudaMemoryResource:
        pass

    class CudaAsyncMemoryResource:
        def __init__(self, release_threshold):
            self.kept = release_threshold

    first = object() if chosen_before else CudaMemoryResource()
    current, allocators = [first], []
    mr = SimpleNamespace(
        CudaMemoryResource=CudaMemoryResource,
        CudaAsyncMemoryResource=CudaAsyncMemoryResource,
        get_current_device_resource=lambda: current[-1],
        set_current_device_resource=current.append,
    )
    monkeypatch.setitem(sys.modules, "rmm", SimpleNamespace(mr=mr))
    monkeypatch.setitem(sys.modules, "rmm.allocators", SimpleNamespace())
    of_rmm = SimpleNamespace(rmm_cupy_allocator="RMM's")
    monkeypatch.setitem(sys.modules, "rmm.allocators.cupy", of_rmm)
    runtime = SimpleNamespace(memGetInfo=lambda: (1, 80 * 2**30))
    cupy = SimpleNamespace(cuda=SimpleNamespace(runtime=runtime, set_allocator=allocators.append))
    devices.share_memory_pool(cupy)
    assert allocators == ["RMM's"]
    if chosen_before:
        assert current == [first]
    else:
        assert current[-1].kept == 60 * 2**30


def test_a_device_without_compilers_is_said_in_one_line(monkeypatch):
    class NoSuchLibraryError(Exception):
        pass

    def no_library(*_):
        msg = "no libx.so:\nlooked in\na hundred folders"
        raise NoSuchLibraryError(msg)

    def compiler(version):
        monkeypatch.setitem(sys.modules, "cuda", SimpleNamespace())
        nvvm = SimpleNamespace(nvvm=SimpleNamespace(version=version))
        monkeypatch.setitem(sys.modules, "cuda.bindings", nvvm)

    works, broken = SimpleNamespace(arange=np.arange), SimpleNamespace(arange=no_library)
    compiler(lambda: (2, 0))
    devices._try_out(works)
    with pytest.raises(BackendUnavailableError, match=r"NVRTC there.*no libx.so:; install env"):
        devices._try_out(broken)
    with pytest.raises(BackendUnavailableError, match="added 1, 2 and 3 to 0, not 6"):
        devices._try_out(SimpleNamespace(arange=lambda n: np.full(n, -1)))
    compiler(no_library)
    with pytest.raises(BackendUnavailableError, match=r"no libNVVM: NoSuch.*device 'cpu'$"):
        devices._try_out(works)


def test_without_a_library_of_rapids_the_host_does_its_part(cpu):
    there = stand_in_backend()
    edge_list = two_cliques()
    ours, theirs = columns(edge_list, cpu), columns(edge_list, there)
    features = np.random.default_rng(1).normal(size=(60, 3)).round(1)
    low, high = np.array([0, 0, 1]), np.array([1, 2, 2])

    def answers(backend, arrays):
        placed = backend.asarray(features)
        yield from (backend.kmeans(placed, 3, 0), backend.hdbscan(placed, 5, 3))
        yield from (backend.communities(17, *arrays), backend.components(17, *arrays[:2]))
        yield backend.pagerank(17, *arrays)
        yield from backend.cohesion(3, backend.asarray(low), backend.asarray(high))

    for left, right in zip(answers(cpu, ours), answers(there, theirs), strict=True):
        assert type(right) is DeviceArray
        np.testing.assert_array_equal(there.to_host(right), left)
        assert right.dtype == left.dtype


def dense_groups(n_rows, seed=5):
    rng = np.random.default_rng(seed)
    truth = np.sort(rng.integers(0, 3, n_rows))
    return rng.normal(0, 0.05, (n_rows, 2)) + truth[:, None] * 5.0, truth


def test_few_rows_are_grouped_on_the_host_by_both_backends(cpu, monkeypatch):
    features, _ = dense_groups(60)
    there = stand_in_backend()
    monkeypatch.setattr(type(there), "_on_device", Backend._on_device)
    monkeypatch.setattr(devices, "has", lambda _library: True)
    for name, asked in (("kmeans", (3, 0)), ("hdbscan", (5, 3))):
        found = getattr(there, name)(there.asarray(features), *asked)
        ours = getattr(cpu, name)(features, *asked)
        np.testing.assert_array_equal(there.to_host(found), ours)


def test_cuml_is_asked_for_the_neighbours_that_scikit_learn_counts(monkeypatch):
    """cuML leaves the row itself out: its k - 1 is scikit-learn's k."""
    asked = []

    class Model:
        labels_ = np.zeros(4)

        def __init__(self, **settings):
            asked.append((settings["min_cluster_size"], settings["min_samples"]))

        def fit(self, _features):
            return self

    monkeypatch.setitem(sys.modules, "cuml.cluster", SimpleNamespace(HDBSCAN=Model))
    assert densities.device_hdbscan(np, None, 7, 5).dtype == np.int32
    densities.device_hdbscan(np, None, 7, 1)
    assert asked == [(7, 4), (7, 1)]


@pytest.mark.gpu
def test_cuml_groups_as_scikit_learn_does(gpu):
    if not devices.has("cuml"):
        pytest.skip("cuML is not installed")
    features, truth = dense_groups(3_000)
    placed = gpu.asarray(features)
    centres = gpu.to_host(densities.device_kmeans(gpu.xp, placed, 3, 0))
    assert centres.dtype == np.float64
    nearest = ((features[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert adjusted_rand_score(nearest, truth) == 1
    labels = gpu.to_host(densities.device_hdbscan(gpu.xp, placed, 50, 5))
    assert labels.dtype == np.int32
    assert adjusted_rand_score(labels, densities.host_hdbscan(features, 50, 5)) > 0.95


def test_versions_name_what_a_gpu_may_lack_only_where_it_is():
    found = devices.versions(("numpy", "no-such-library"), ("pandas", "nor-this"))
    assert found.keys() == {"numpy", "no-such-library", "pandas"}
    assert found["no-such-library"] == "missing"
