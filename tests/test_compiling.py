"""What a night compiles ahead of itself is what it then calls."""

import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from full_disk import files_end_at
from numba import config, njit, types

from qfb_gpu._backend import ahead, compiling
from qfb_gpu.cli import main
from qfb_kernels.intervals import gaps_cpu
from qfb_kernels.registry import KERNELS
from qfb_kernels.rows_of import rows_of
from qfb_kernels.serials import read_serial_cpu
from qfb_kernels.sorting import sort


def test_a_night_calls_its_kernels_with_the_types_that_are_compiled_ahead(tmp_path, monkeypatch):
    monkeypatch.setattr("qfb_gpu.pipeline._log", lambda *_: None)  # MLflow takes seconds
    command = ["qfb", "demo", "--customers", "30", "--device", "cpu", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    for name in ahead.NIGHT:
        assert ahead.signature(name) in ahead._loop(name).overloads, name


def test_nothing_is_started_where_the_kernels_are_compiled(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: started.append(_Ended()) or _Ended())
    mark = tmp_path / "mark"
    monkeypatch.setattr(ahead, "_mark", lambda: None if mark.exists() else mark)
    with ahead.beside():
        assert started
    first = len(started)
    mark.touch()
    with ahead.beside():
        assert len(started) == first


class _Ended:
    def terminate(self):
        pass

    def wait(self):
        pass


def test_helpers_leave_out_what_another_process_compiles(tmp_path, monkeypatch):
    compiled = []

    class Loop:
        py_func = gaps_cpu.loop.py_func
        stats = gaps_cpu.loop.stats._replace(cache_path=str(tmp_path))

        def compile(self, types):
            compiled.append(types)

    monkeypatch.setattr(ahead, "NIGHT", ("intervals.gaps",))
    monkeypatch.setattr(ahead, "_loop", lambda _name: Loop())
    monkeypatch.setattr(ahead, "_mark", lambda: tmp_path / "mark")
    with ahead.compiling.locked(Loop()):
        ahead.main()
    assert compiled == []
    ahead.main()
    assert compiled == [ahead.signature("intervals.gaps")]
    assert (tmp_path / "mark").exists()


def test_the_mark_changes_with_the_kernels(monkeypatch):
    import qfb_kernels

    monkeypatch.setattr(qfb_kernels, "_stamps", lambda _loader: {"search.py": (("x", 1.0, 2),)})
    one = ahead._mark()
    monkeypatch.setattr(qfb_kernels, "_stamps", lambda _loader: {"search.py": (("x", 1.5, 2),)})
    other = ahead._mark()
    assert one is not None
    assert other is not None
    assert one.parent == other.parent
    assert one != other


def test_every_kernel_of_a_night_is_registered():
    of_host = set(ahead._HOST_ONLY)
    assert {f"{name}_gpu" for name in set(ahead.NIGHT) - of_host} <= set(KERNELS)
    assert of_host <= set(ahead.NIGHT)
    assert len(set(ahead.NIGHT)) == len(ahead.NIGHT)
    rows = ahead.signature("intervals.gaps")[:2]
    assert rows == (types.int64, types.int64)


def test_a_launcher_says_what_it_expects():
    def days_cpu(first, day):
        day[first] = 0

    with pytest.raises(TypeError, match="days_cpu: expected \\(row_from, row_to"):
        rows_of("day")(days_cpu)


def test_a_body_for_kernels_cannot_be_called_from_python_by_mistake():
    with pytest.raises(TypeError):
        sort.cpu(1)


def test_a_kernel_that_cannot_be_kept_is_compiled_all_the_same(tmp_path, monkeypatch):
    """A night stopped where the disk of Numba's cache was full, each time, and named its output."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    text, ends = np.frombuffer(b"t12", np.uint8).copy(), np.array([0, 3], np.int32)
    with files_end_at(0), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        for _ in range(2):  # a process is told once
            kernel, out = njit(cache=True)(read_serial_cpu.py_func), np.zeros(1, np.int64)
            assert kernel(text, ends, np.zeros(1, np.int64), text[:1], 2, out)
            assert out.tolist() == [12]
    assert [str(one.message).startswith(str(tmp_path)) for one in said] == [True]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_without_room_for_its_lock_a_kernel_is_compiled(tmp_path):
    (tmp_path / "compiling").write_text("", encoding="utf-8")  # a file where the folder would be
    launcher = SimpleNamespace(
        stats=SimpleNamespace(cache_path=str(tmp_path)), py_func=read_serial_cpu.py_func
    )
    with compiling.locked(launcher) as is_free:
        assert is_free
