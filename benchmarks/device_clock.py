"""Clocks of the backend: seconds of the device, kernel by kernel, and its peak memory.

On a GPU a kernel is timed by CUDA events while the device is held busy by a spinning kernel, so
what the host needs to launch it does not count. On a CPU the wall clock does the same job, so the
code path is one.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from qfb_gpu._backend import devices
from qfb_gpu.backend import Backend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HOLD_CYCLES = 3_000_000  # 1.5 ms at 2 GHz: longer than the host takes to launch a kernel
_HOLD = """
extern "C" __global__ void hold(long long cycles) {
    long long start = clock64();
    while (clock64() - start < cycles) { }
}
"""


@dataclass(slots=True)
class Lap:
    """One timed piece of work; ``seconds`` is valid once the device has been waited for."""

    name: str
    n_rows: int
    n_bytes: int
    read: Callable[[], float]

    @property
    def seconds(self) -> float:
        """How long the device worked on it."""
        return self.read()


class Clock:
    """Starts and stops laps on the device of a backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._cuda = getattr(backend.xp, "cuda", None)
        self._hold = backend.xp.RawKernel(_HOLD, "hold") if self._cuda else None
        self.laps: list[Lap] = []

    @contextmanager
    def lap(self, name: str, n_rows: int, n_bytes: int) -> Iterator[None]:
        """Time what the block gives to the device."""
        if self._cuda is None:
            start = time.perf_counter()
            yield
            elapsed = time.perf_counter() - start
            self.laps.append(Lap(name, n_rows, n_bytes, lambda: elapsed))
            return
        first, last = self._cuda.Event(), self._cuda.Event()
        self._hold((1,), (1,), (_HOLD_CYCLES,))
        first.record()
        yield
        last.record()
        elapsed_ms = self._cuda.get_elapsed_time
        self.laps.append(Lap(name, n_rows, n_bytes, lambda: elapsed_ms(first, last) / 1e3))

    def by_name(self) -> dict[str, dict[str, Any]]:
        """Wait for the device; return calls, rows, bytes and seconds of each name."""
        self._backend.synchronize()
        table: dict[str, dict[str, Any]] = {}
        for lap in self.laps:
            row = table.setdefault(lap.name, {"calls": 0, "rows": 0, "bytes": 0, "seconds": 0.0})
            row["calls"] += 1
            row["rows"] += lap.n_rows
            row["bytes"] += lap.n_bytes
            row["seconds"] += lap.seconds
        return table


class _Timing:
    """What a timed backend does beside its work; mixed into its class by :func:`timed`."""

    clock: Clock

    def launch(self, cpu: Any, gpu: Any, n_rows: int, *arrays: Any) -> None:
        """Run and time a kernel."""
        if n_rows == 0:
            return
        name = f"{gpu.__module__.rpartition('.')[2]}.{gpu.__name__}"
        with self.clock.lap(name, n_rows, bytes_of(*arrays)):
            super().launch(cpu, gpu, n_rows, *arrays)  # type: ignore[misc]

    def rfft(self, batch: Any) -> Any:
        """Run and time the transform."""
        n_out = batch.shape[0] * (batch.shape[1] // 2 + 1) * 8
        with self.clock.lap("rfft", batch.shape[0], bytes_of(batch) + n_out):
            return super().rfft(batch)  # type: ignore[misc]

    def daily_spectra(
        self, units: Any, rows: Any, n_samples: int, answers: Any, *, with_shape: bool
    ) -> None:
        """Run and time spectra; a device's are kernels and transforms that are timed themselves."""
        arguments = (units, rows, n_samples, answers)
        if self.name == "gpu":  # type: ignore[attr-defined]
            super().daily_spectra(*arguments, with_shape=with_shape)  # type: ignore[misc]
            return
        n_bytes = rows.shape[0] * n_samples * 4
        with self.clock.lap("spectra", rows.shape[0], n_bytes):
            super().daily_spectra(*arguments, with_shape=with_shape)  # type: ignore[misc]

    def lexsort(self, keys: tuple[Any, ...]) -> Any:
        """Run and time a sort."""
        with self.clock.lap("lexsort", keys[0].shape[0], bytes_of(*keys)):
            return super().lexsort(keys)  # type: ignore[misc]


def timed(backend: Backend) -> Any:
    """Return a backend that does the same and keeps a ``clock``."""
    kind = type("Timed", (_Timing, type(backend)), {})
    copy = kind(**{part.name: getattr(backend, part.name) for part in fields(Backend)})
    object.__setattr__(copy, "clock", Clock(backend))
    return copy


def bytes_of(*arrays: Any) -> int:
    """Return the bytes of all arrays, each once: the least that a kernel has to move."""
    return sum(array.nbytes for array in arrays if hasattr(array, "nbytes") and array.shape)


@contextmanager
def wall(backend: Backend) -> Iterator[list[float]]:
    """Time a block until the device has done it; the list holds the seconds afterwards."""
    seconds: list[float] = []
    backend.synchronize()
    start = time.perf_counter()
    yield seconds
    backend.synchronize()
    seconds.append(time.perf_counter() - start)


@contextmanager
def peak_memory(backend: Backend, *, threads: bool = False) -> Iterator[list[int]]:
    """Watch the device's memory; the list holds the peak in bytes afterwards (empty on a CPU).

    By RMM's statistics where it serves CuPy, else by CuPy's own pool. That tells what it gave out
    only to the thread that asks for it; ``threads`` gives what it took from the device instead,
    which is more: free pieces count.
    """
    peak: list[int] = []
    cuda = getattr(backend.xp, "cuda", None)
    if cuda is None:
        yield peak
    elif devices.has("rmm"):
        yield from _rmm_peak(backend, peak)
    elif threads:
        pool = backend.xp.get_default_memory_pool()
        pool.free_all_blocks()
        yield peak
        peak.append(int(pool.total_bytes()))
    else:
        with _PoolWatch(backend.xp) as watch:
            yield peak
            backend.synchronize()
        peak.append(watch.most)


def _rmm_peak(backend: Backend, peak: list[int]) -> Iterator[list[int]]:
    import rmm.statistics

    rmm.statistics.enable_statistics()
    rmm.statistics.push_statistics()
    try:
        yield peak
    finally:
        backend.synchronize()
        counted = rmm.statistics.pop_statistics()
        if counted is not None:
            peak.append(int(counted.peak_bytes))


class _PoolWatch:
    """The most bytes that CuPy's pool had given out when this thread asked for more."""

    def __init__(self, xp: Any) -> None:
        self.most = 0
        watch, pool = self, xp.get_default_memory_pool()

        class Hook(xp.cuda.MemoryHook):  # type: ignore[misc]
            name = "peak"

            def malloc_postprocess(self, **_: Any) -> None:
                watch.most = max(watch.most, int(pool.used_bytes()))

        self._hook = Hook()

    def __enter__(self) -> Self:
        self._hook.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._hook.__exit__(*error)
