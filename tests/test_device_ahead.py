"""Kernels are compiled for a device that the compiling process does not touch."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from qfb_gpu import cluster
from qfb_gpu._backend import ahead, compiling, device_ahead, devices
from qfb_kernels.registry import KERNELS

CHILD = """
import sys
from qfb_gpu._backend import compiling, device_ahead
from qfb_kernels.registry import KERNELS
from numba.core.sigutils import normalize_signature

has_linker, name = sys.argv[1] == "nvjitlink", sys.argv[2]
if not has_linker:  # machine code is made up; everything up to it, and what is kept, is real
    from numba.cuda import codegen, decorators
    from numba.cuda.cudadrv import driver

    driver._have_nvjitlink = decorators._have_nvjitlink = lambda: True

    def cubin(self, cc=None):
        self.get_asm_str(cc)
        return self._cubin_cache.setdefault((9, 0, "a"), b"made up")

    codegen.CUDACodeLibrary.get_cubin = cubin
device_ahead.without_context("9.0")
found = list(device_ahead.compile_rest([name]))
assert [(n, error) for n, _, error in found] == [(name, "")], found
kernel = compiling.kept(device_ahead._launcher(name))
(compiled,) = kernel.overloads.values()
assert not compiled._codelibrary._lto, "its products and sums are fused while it is linked"
print(sum(kernel.stats.cache_hits.values()), sum(kernel.stats.cache_misses.values()))
"""


def test_a_process_without_a_device_compiles_what_the_next_reads(tmp_path, monkeypatch):
    """The whole way through Numba and its cache; linked where there is a linker that needs none."""
    driver = pytest.importorskip("numba.cuda.cudadrv.driver")
    pytest.importorskip("cuda.bindings.nvvm")
    linker = "nvjitlink" if driver._have_nvjitlink() else "none"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("QFB_CUDA_CACHE", raising=False)
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    command = [sys.executable, "-c", CHILD, linker, "groups.relations_gpu"]
    said = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.split())
    assert said == [["0", "1"], ["1", "0"]]  # compiled by the first, read by the second


@pytest.mark.parametrize("cached", ["0", "1"])
def test_no_kernel_is_optimised_while_it_is_linked(cached, tmp_path, monkeypatch):
    """A linker that optimises makes one operation of a product and a sum, whatever NVVM was told.

    Of ``unsteady`` 21, of ``amount_lengths`` 12 more than a logarithm has (nvJitLink 13.5).
    """
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("QFB_CUDA_CACHE", cached)
    kernel = device_ahead._launcher("unsteady.unsteady_gpu")
    monkeypatch.setitem(kernel.targetoptions, "lto", True)  # Numba's choice where it has nvJitLink
    assert compiling.kept(kernel).targetoptions["lto"] is False


@pytest.fixture
def kernels(monkeypatch, tmp_path):
    """Return what is compiled of two kernels that are not."""
    done = []

    class Kernel:
        stats = SimpleNamespace(cache_path=str(tmp_path))

        def __init__(self, name):
            self.py_func = SimpleNamespace(__module__="kernels", __name__=name)

        def compile(self, types):
            if self.py_func.__name__ == "broken_gpu":
                msg = "no such type"
                raise TypeError(msg)
            done.append((self.py_func.__name__, len(types)))

    kernels = dict.fromkeys(("broken_gpu", "plain_gpu"), "void(int64)")
    monkeypatch.setattr(device_ahead, "_registered", lambda: kernels)
    monkeypatch.setattr(device_ahead, "SLOWEST", ("plain_gpu",))
    monkeypatch.setattr(device_ahead, "_launcher", Kernel)
    monkeypatch.setattr(compiling, "kept", lambda kernel: kernel)
    monkeypatch.setattr(device_ahead, "without_context", lambda _capability: None)
    monkeypatch.setattr(device_ahead.signal, "alarm", lambda _seconds: None)
    monkeypatch.setattr(device_ahead, "_mark", lambda _capability: tmp_path / "made" / "mark")
    return SimpleNamespace(done=done, of=Kernel, mark=tmp_path / "made" / "mark")


def test_a_kernel_that_fails_is_told_and_the_others_are_compiled(kernels, capsys):
    assert device_ahead.main(["9.0"]) == 1
    assert kernels.done == [("plain_gpu", 1)]
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(name, error) for name, _, error in rows] == [
        ("plain_gpu", ""),
        ("broken_gpu", "TypeError('no such type')"),
    ]
    assert not kernels.mark.exists()  # something is left


def test_what_another_process_has_in_hand_is_waited_for_last(kernels, monkeypatch, capsys):
    """It may be ended with it: nothing is marked before all is there."""
    names = ("plain_gpu", "other_gpu")
    monkeypatch.setattr(device_ahead, "_registered", lambda: dict.fromkeys(names, "void(int64)"))
    held = compiling.locked(kernels.of("plain_gpu"))
    held.__enter__()
    locked, asked = compiling.locked, []

    def ends_with_it(kernel, *, wait):
        asked.append((kernel.py_func.__name__, wait))
        if wait:
            assert not kernels.mark.exists()
            held.__exit__(None, None, None)
        return locked(kernel, wait=wait)

    monkeypatch.setattr(compiling, "locked", ends_with_it)
    assert device_ahead.main(["9.0"]) == 0
    assert asked == [("plain_gpu", False), ("other_gpu", False), ("plain_gpu", True)]
    assert [name for name, _ in kernels.done] == ["other_gpu", "plain_gpu"]
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert kernels.mark.exists()


def test_helpers_are_started_for_a_device_with_something_left(tmp_path, monkeypatch):
    started, mark = [], tmp_path / "mark"

    class Helper:
        def terminate(self):
            started.append("ended")

        def wait(self):
            pass

    def start(module, *arguments):
        started.append((module, *arguments))
        return [Helper()]

    monkeypatch.setattr(ahead, "start", start)
    monkeypatch.setattr(device_ahead, "_mark", lambda _: None if mark.exists() else mark)
    monkeypatch.setattr(cluster, "capability", lambda: "9.0")
    with cluster.compiled_ahead("gpu"):
        assert started == [("qfb_gpu._backend.device_ahead", "9.0")]
    assert started[1:] == ["ended"]
    mark.touch()
    with cluster.compiled_ahead("gpu"):
        assert len(started) == 2
    mark.unlink()
    monkeypatch.setattr(cluster, "capability", lambda: None)
    with cluster.compiled_ahead("gpu"):
        assert len(started) == 2


@pytest.mark.parametrize(("digits", "said"), [("90", "9.0"), ("86", "8.6"), ("103", "10.3")])
def test_the_capability_of_a_device_in_words(digits, said, monkeypatch):
    device = SimpleNamespace(compute_capability=digits)
    cupy = SimpleNamespace(cuda=SimpleNamespace(Device=lambda: device))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    assert devices.capability() == said


def test_without_cupy_or_a_device_there_is_no_capability(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert devices.capability() is None

    def none():
        msg = "cudaErrorNoDevice"
        raise RuntimeError(msg)

    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(Device=none)))
    assert devices.capability() is None


def test_the_mark_is_of_the_capability():
    marks = [device_ahead._mark(of) for of in ("9.0", "10.0")]
    assert None not in marks
    assert marks[0] != marks[1]


def test_every_kernel_is_compiled_once_the_slowest_first():
    names = device_ahead.in_order()
    assert sorted(names) == sorted(KERNELS)
    assert tuple(names[: len(device_ahead.SLOWEST)]) == device_ahead.SLOWEST


def test_numpy_has_what_numba_cuda_asks_for(monkeypatch):
    """As with NumPy 2.5, where ``row_stack`` is gone: no kernel compiled."""
    import numpy as np

    monkeypatch.delattr(np, "row_stack", raising=False)
    devices.complete_numpy()
    assert vars(np)["row_stack"] is np.vstack
